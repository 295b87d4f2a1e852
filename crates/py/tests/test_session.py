"""The whole way from Python, against the sandbox; and one store for Python and the command line."""

import asyncio
import datetime
import json
import os
import subprocess
import sys
import threading
import traceback
import unittest
import urllib.request

import tempaccess
from sandbox import PROGRAMS, Person, WithSandbox


class Sessions(WithSandbox):
    def test_what_a_person_should_know_is_logged_without_a_terminal(self):
        session = tempaccess.Session(username="ada@example.com", password="correct horse", role="111122223333/ReadOnly", prompter=None, store="none")
        with self.assertLogs("tempaccess", "WARNING") as logged:
            session.credentials()
        self.assertTrue(any("42" in line for line in logged.output), logged.output)

    def test_no_window_opens_if_there_is_nobody_to_see_it(self):
        # Without a person, the browser would be started, and fail.
        session = tempaccess.Session(source="browser:http://127.0.0.1:9/aws", browser="/bin/false", prompter=None, store="none")
        with self.assertRaisesRegex(tempaccess.InteractionRequiredError, "nobody can be asked: sign in with the browser"):
            session.credentials()

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
        person = Person(text="ada@example.com", secret="correct horse", choose=lambda choices: 2)
        issued = tempaccess.Session(prompter=person).credentials()
        self.assertEqual(issued.account_id, "444455556666")
        self.assertTrue(any("42" in message for message in person.heard), person.heard)
        roles = tempaccess.Session(prompter=None, username="ada@example.com").roles
        with self.assertRaises(tempaccess.InteractionRequiredError):
            roles()

    def test_errors_are_classes_of_their_own(self):
        with self.assertRaises(tempaccess.AuthenticationFailedError) as caught:
            self.session(password="wrong").credentials()
        error = caught.exception
        self.assertIsInstance(error, tempaccess.Error)
        self.assertEqual((error.kind, error.stage, error.fault), ("authentication_failed", "sign_in", "caller"))
        with self.assertRaises(tempaccess.RoleNotOfferedError):
            self.session(role="Owner").credentials()
        with self.assertRaises(TypeError):
            self.session(rol="ReadOnly")
        with self.assertRaises(tempaccess.InvalidScopeError):
            self.session(duration="1m").credentials()
        # As the language calls them.
        for wrong in ({"store": "cupboard"}, {"auth": "magic"}, {"duration": "1m"}):
            with self.subTest(wrong), self.assertRaises(ValueError):
                self.session(**wrong).credentials()

    def test_hints_are_shown_and_name_arguments(self):
        session = tempaccess.Session(prompter=None, username="ada@example.com", password="correct horse", role="ReadOnly")
        with self.assertRaises(tempaccess.RoleAmbiguousError) as caught:
            session.credentials()
        error = caught.exception
        self.assertIn("choose one with `role=`, and with `account=`", error.hint)
        shown = "".join(traceback.format_exception_only(error))
        self.assertIn(error.message, shown)
        self.assertIn(f"hint: {error.hint}", shown)
        if sys.version_info >= (3, 11):
            self.assertEqual(str(error), error.message)
        else:
            self.assertIn(error.hint, str(error))

    def test_every_role_by_one_sign_in(self):
        ada = {"prompter": Person(), "username": "ada@example.com", "password": "correct horse"}
        session = tempaccess.Session(**ada)
        roles = session.all_credentials()
        self.assertEqual([role.role.name for role in roles], ["ReadOnly", "Migration", "ReadOnly", "AccessAdmin", "People"])
        accounts = [role.issued.account_id for role in roles]
        self.assertEqual(accounts, ["111122223333", "111122223333", "444455556666", "111122223333", "111122223333"])
        self.assertEqual({role.error for role in roles}, {None})
        # A policy that STS refuses: each role says so by itself.
        narrowed = asyncio.run(tempaccess.Session(policy='{"Statement": 1}', **ada).all_credentials_async())
        self.assertIsNone(narrowed[0].issued)
        self.assertIsInstance(narrowed[0].error, tempaccess.MalformedPolicyError)
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
        with self.assertRaises(tempaccess.InvalidArgumentError):
            session.console_url(destination="https://evil.example/")

    def test_roles_are_chained(self):
        chain = [{"role_arn": "arn:aws:iam::777788889999:role/Deploy", "external_id": "contract-17"}]
        issued = self.session(chain=chain).credentials()
        self.assertEqual(issued.account_id, "777788889999")
        self.assertIn("ReadOnly", json.loads(issued.summary_json())["chained_from"])

    def test_signing_out_forgets(self):
        session = self.session()
        session.credentials()
        self.assertEqual(session.sign_out(), 1)
        with self.assertRaises(tempaccess.InteractionRequiredError):
            self.session(password=None).credentials()


class Boto3(WithSandbox):
    def boto3(self, **more):
        alan = {"username": "alan@example.com", "password": "bombe", "role": "ReadOnly", "region_name": "us-east-1"}
        session = tempaccess.boto3_session(prompter=None, **{**alan, **more})
        return session, session.client("sts", endpoint_url=self.variables["AWS_ENDPOINT_URL_STS"])

    def test_a_session_refreshes_its_credentials(self):
        session, client = self.boto3()
        for _ in range(3):
            identity = client.get_caller_identity()
        self.assertEqual(identity["Arn"], "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com")
        self.assertEqual(len(self.audit()), 1)
        credentials = session.get_credentials()
        self.assertEqual(credentials.method, "tempaccess")
        credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc)
        self.assertEqual(client.get_caller_identity()["Account"], "111122223333")

    def test_short_sessions_sign_in_once_with_and_without_a_cache(self):
        def page(request):
            return self.page()

        for more in ({"store": "file"}, {"store": "none"}, {"assertion_source": page, "store": "file"}):
            before = self.issued() if self.home.joinpath(".local").exists() else 0
            with self.subTest(**more):
                _, client = self.boto3(duration="15m", **more)
                for _ in range(10):
                    client.get_caller_identity()
                # Each client of the session, too.
                self.assertEqual(self.issued() - before, 1)

    def test_nothing_is_requested_before_it_is_needed(self):
        self.boto3(password="wrong")
        with self.assertRaises(tempaccess.AuthenticationFailedError):
            self.boto3(password="wrong")[1].get_caller_identity()

    def test_the_environment_does_not_take_precedence(self):
        os.environ.update(AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-west-2")
        session, client = self.boto3(region_name=None, region="eu-central-1")
        self.assertEqual(client.get_caller_identity()["Account"], "111122223333")
        self.assertEqual(session.region_name, "eu-central-1")

    def test_a_profile_has_its_region(self):
        config = self.home / "config.toml"
        config.write_text('[profiles.work]\nregion = "eu-north-1"\n')
        session = tempaccess.boto3_session("work", config=str(config), prompter=None)
        self.assertEqual(session.region_name, "eu-north-1")

    def test_aiobotocore_signs_in_once_for_many_clients_and_requests(self):
        async def identities(duration, store):
            session = tempaccess.aiobotocore_session(
                username="alan@example.com",
                password="bombe",
                role="ReadOnly",
                duration=duration,
                store=store,
                region_name="us-east-1",
                prompter=None,
            )
            found = set()
            for _ in range(2):
                async with session.create_client("sts", endpoint_url=self.variables["AWS_ENDPOINT_URL_STS"]) as client:
                    answers = await asyncio.gather(*(client.get_caller_identity() for _ in range(5)))
                    found.update(answer["Arn"] for answer in answers)
            return session.get_config_variable("region"), found

        arn = "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com"
        for number, (duration, store) in enumerate([("1h", "file"), ("15m", "none")], 1):
            self.assertEqual(asyncio.run(identities(duration, store)), ("us-east-1", {arn}))
            self.assertEqual(self.issued(), number)


if __name__ == "__main__":
    unittest.main()
