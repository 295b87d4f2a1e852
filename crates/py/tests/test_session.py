"""The whole way from Python, against the sandbox; and one store for Python and the command line."""

import asyncio
import datetime
import json
import subprocess
import threading
import unittest
import urllib.request

import tempaccess
from sandbox import PROGRAMS, Person, WithSandbox


class Sessions(WithSandbox):
    def test_three_lines_give_credentials(self):
        issued = self.session().credentials()
        self.assertTrue(issued.access_key_id.startswith("ASIA"))
        self.assertEqual(issued.account_id, "111122223333")
        left = issued.expiration - datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(abs(left - datetime.timedelta(minutes=20)), datetime.timedelta(minutes=1))
        self.assertEqual(json.loads(issued.summary_json())["duration_asked"], 1200)
        for secret in (issued.secret_access_key, issued.session_token):
            self.assertNotIn(secret, repr(issued))
            self.assertIn(secret, issued.credential_process())

    def test_the_command_line_is_served_by_what_python_got_and_the_other_way_round(self):
        words = ["--username", "alan@example.com", "--role", "ReadOnly", "--duration", "20m", "--no-interactive"]
        command = [PROGRAMS / "tempaccess", "credentials", "--output", "credential-process", *words]
        first = self.session().credentials()
        printed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        self.assertEqual(printed["SecretAccessKey"], first.secret_access_key)
        self.assertEqual(self.session(password=None).credentials().access_key_id, first.access_key_id)
        self.assertEqual(len(self.audit()), 1)

    def test_threads_and_tasks_share_a_sign_in(self):
        session, keys = self.session(), []
        threads = [threading.Thread(target=lambda: keys.append(session.credentials().access_key_id)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        async def gathered():
            return [issued.access_key_id for issued in await asyncio.gather(*(session.credentials_async() for _ in range(4)))]

        self.assertEqual(len({*keys, *asyncio.run(gathered())}), 1)
        self.assertEqual(len(self.audit()), 1)

    def test_a_person_is_asked(self):
        person = Person(text="ada@example.com", secret="correct horse", choose=lambda choices: len(choices) - 1)
        issued = tempaccess.Session(prompter=person).credentials()
        self.assertEqual(issued.account_id, "444455556666")
        self.assertTrue(any("42" in message for message in person.heard), person.heard)
        roles = tempaccess.Session(prompter=None, username="ada@example.com").roles
        with self.assertRaises(tempaccess.InteractionRequired):
            roles()

    def test_errors_are_classes_of_their_own(self):
        with self.assertRaises(tempaccess.AuthenticationFailed) as caught:
            self.session(password="wrong").credentials()
        error = caught.exception
        self.assertIsInstance(error, tempaccess.Error)
        self.assertEqual((error.kind, error.stage, error.fault), ("authentication_failed", "sign_in", "caller"))
        with self.assertRaises(tempaccess.RoleNotOffered):
            self.session(role="Owner").credentials()
        with self.assertRaises(TypeError):
            self.session(rol="ReadOnly")
        with self.assertRaises(tempaccess.InvalidScope):
            self.session(duration="1m").credentials()

    def test_every_role_by_one_sign_in(self):
        ada = {"prompter": Person(), "username": "ada@example.com", "password": "correct horse"}
        session = tempaccess.Session(**ada)
        roles = session.all_credentials()
        self.assertEqual([role.role.name for role in roles], ["ReadOnly", "Migration", "ReadOnly"])
        self.assertEqual([role.issued.account_id for role in roles], ["111122223333", "111122223333", "444455556666"])
        self.assertEqual({role.error for role in roles}, {None})
        # A policy that STS refuses: each role says so by itself.
        narrowed = asyncio.run(tempaccess.Session(policy='{"Statement": 1}', **ada).all_credentials_async())
        self.assertIsNone(narrowed[0].issued)
        self.assertIsInstance(narrowed[0].error, tempaccess.MalformedPolicy)
        self.assertIn("error=", repr(narrowed[0]))

    def test_what_is_held_is_given_without_a_sign_in(self):
        session = self.session()
        self.assertIsNone(session.cached())
        issued = session.credentials()
        self.assertEqual(session.cached().access_key_id, issued.access_key_id)
        self.assertNotEqual(session.renew().access_key_id, issued.access_key_id)
        self.assertNotEqual(asyncio.run(session.renew_async(force=True)).access_key_id, issued.access_key_id)
        kept = tempaccess.status()
        printed = subprocess.run([PROGRAMS / "tempaccess", "status", "--output", "json"], check=True, capture_output=True)
        self.assertEqual(kept, json.loads(printed.stdout))
        self.assertIn("ReadOnly", json.dumps(kept))
        self.assertNotIn(session.cached().secret_access_key, json.dumps(kept))
        self.assertEqual(tempaccess.status(store="none"), {"store": None, "entries": []})

    def test_the_console_opens_by_its_address(self):
        federation = self.variables["AWS_ENDPOINT_URL_STS"] + "/federation"
        session = self.session(federation_endpoint_url=federation)
        for url in (
            session.console_url(destination="s3"),
            asyncio.run(session.console_url_async(destination="s3", duration="2h")),
        ):
            with urllib.request.urlopen(url) as page:
                self.assertIn(b"signed in as arn:aws:sts::111122223333:assumed-role/ReadOnly", page.read())
        with self.assertRaises(tempaccess.InvalidArgument):
            session.console_url(destination="https://evil.example/")

    def test_roles_are_chained(self):
        then = [{"role_arn": "arn:aws:iam::777788889999:role/Deploy", "external_id": "contract-17"}]
        issued = self.session(then=then).credentials()
        self.assertEqual(issued.account_id, "777788889999")
        self.assertIn("ReadOnly", json.loads(issued.summary_json())["chained_from"])

    def test_signing_out_forgets(self):
        session = self.session()
        session.credentials()
        self.assertEqual(session.sign_out(), 1)
        with self.assertRaises(tempaccess.InteractionRequired):
            self.session(password=None).credentials()


class Boto3(WithSandbox):
    def test_a_session_renews_its_credentials_by_itself(self):
        session = tempaccess.boto3_session(
            prompter=None, username="alan@example.com", password="bombe", role="ReadOnly", region_name="us-east-1"
        )
        client = session.client("sts", endpoint_url=self.variables["AWS_ENDPOINT_URL_STS"])
        for _ in range(3):
            identity = client.get_caller_identity()
        self.assertEqual(identity["Arn"], "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com")
        self.assertEqual(len(self.audit()), 1)
        credentials = session.get_credentials()
        credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(client.get_caller_identity()["Account"], "111122223333")


if __name__ == "__main__":
    unittest.main()
