"""The whole way from Python, against the sandbox; and one store for Python and the command line."""

import asyncio
import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import threading
import unittest

import tempaccess

ROOT = pathlib.Path(__file__).parents[3]
PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"


class Person:
    """Answers as told, and remembers what was said."""

    def __init__(self, **answers):
        self.answers = answers
        self.heard = []

    def text(self, question):
        return self.answers["text"]

    def secret(self, question):
        return self.answers["secret"]

    def choose(self, question, choices):
        return self.answers["choose"](choices)

    def tell(self, message):
        self.heard.append(message)


class WithSandbox(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = [PROGRAMS / "tempaccess-sandbox", "--okta-port", "0", "--sts-port", "0"]
        cls.sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        cls.variables = {}
        for line in cls.sandbox.stdout:
            if line.strip().startswith("export "):
                name, value = line.strip().removeprefix("export ").split("=", 1)
                cls.variables[name] = value
            if line.startswith("People"):
                break

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.kill()
        cls.sandbox.wait()
        cls.sandbox.stdout.close()

    def setUp(self):
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        for name in [name for name in os.environ if name.startswith(("AWS_", "TEMPACCESS_"))]:
            del os.environ[name]
        os.environ.update(self.variables, HOME=home.name, TEMPACCESS_STORE="file", AWS_EC2_METADATA_DISABLED="true")
        os.environ.pop("XDG_STATE_HOME", None)
        self.home = pathlib.Path(home.name)

    def session(self, **more):
        settings = {"username": "alan@example.com", "password": "bombe", "role": "ReadOnly", "duration": "20m"}
        return tempaccess.Session(prompter=None, **{**settings, **more})

    def audit(self):
        return (self.home / ".local/state/tempaccess/audit.jsonl").read_text().splitlines()


class Sessions(WithSandbox):
    def test_three_lines_give_credentials(self):
        grant = self.session().credentials()
        self.assertTrue(grant.access_key_id.startswith("ASIA"))
        self.assertEqual(grant.account_id, "111122223333")
        left = grant.expiration - datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(abs(left - datetime.timedelta(minutes=20)), datetime.timedelta(minutes=1))
        self.assertEqual(json.loads(grant.summary_json())["duration_asked"], 1200)
        for secret in (grant.secret_access_key, grant.session_token):
            self.assertNotIn(secret, repr(grant))
            self.assertIn(secret, grant.credential_process())

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
            return [grant.access_key_id for grant in await asyncio.gather(*(session.credentials_async() for _ in range(4)))]

        self.assertEqual(len({*keys, *asyncio.run(gathered())}), 1)
        self.assertEqual(len(self.audit()), 1)

    def test_a_person_is_asked(self):
        person = Person(text="ada@example.com", secret="correct horse", choose=lambda choices: len(choices) - 1)
        grant = tempaccess.Session(prompter=person).credentials()
        self.assertEqual(grant.account_id, "444455556666")
        self.assertTrue(any("42" in message for message in person.heard), person.heard)
        roles = tempaccess.Session(prompter=None, username="ada@example.com").roles
        with self.assertRaises(tempaccess.InteractionRequired):
            roles()

    def test_what_the_person_raises_ends_it(self):
        person = Person(text="ada@example.com")
        with self.assertRaises(tempaccess.Cancelled) as caught:
            tempaccess.Session(prompter=person).credentials()
        self.assertIn("KeyError", caught.exception.message)

    def test_a_callable_is_a_source(self):
        grant = self.session().credentials()
        self.assertTrue(grant.role_arn.endswith("role/ReadOnly"))
        with self.assertRaises(tempaccess.NoSamlResponse):
            tempaccess.Session(prompter=None, assertion_source=lambda: b"<html><form></form></html>").credentials()

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
