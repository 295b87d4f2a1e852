"""What is passed in and out: types of Python, copies, pickles, and what is said about wrong arguments."""

import copy
import datetime
import json
import os
import pickle
import pydoc
import time
import unittest

import tempaccess
from sandbox import ROOT, WithSandbox

AT = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)


class Values(WithSandbox):
    def test_settings_take_values_of_python(self):
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
        log = self.home / "log.jsonl"
        config = self.home / "config.toml"
        config.write_text('[profiles.work]\nregion = "eu-north-1"\n')
        more = {"duration": datetime.timedelta(minutes=15), "policy": policy, "audit_log": log, "config": config}
        session = tempaccess.Session(
            "work", prompter=None, username="alan@example.com", password="bombe", role="ReadOnly", **more
        )
        self.assertEqual(session.region, "eu-north-1")
        os.environ["AWS_REGION"] = "us-west-2"
        self.addCleanup(os.environ.pop, "AWS_REGION")
        self.assertEqual((session.region, self.session().region), ("eu-north-1", "us-west-2"))
        summary = session.credentials(timeout=datetime.timedelta(minutes=1)).summary
        self.assertEqual(summary["duration_asked"], 900)
        self.assertIsNotNone(summary["policy_sha256"])
        self.assertTrue(log.exists())
        self.assertEqual(len(tempaccess.status(config=config)["entries"]) > 0, True)
        file = self.home / "policy.json"
        file.write_text(json.dumps(policy))
        self.assertIn("Session", repr(self.session(policy=file)))
        federation = self.variables["AWS_ENDPOINT_URL_STS"] + "/federation"
        for duration in ("2h", 7200, datetime.timedelta(hours=2)):
            self.assertIn("login", self.session(federation_endpoint_url=federation).console_url(duration=duration))

    def test_responses_and_instants_take_values_of_python(self):
        page = self.page()
        roles = tempaccess.read(page).roles
        for data in (bytearray(page), memoryview(page), memoryview(bytearray(page)), page.decode()):
            self.assertEqual(tempaccess.read(data).roles, roles)
        session = tempaccess.Session(prompter=None, store="none", assertion_source=lambda request: bytearray(page))
        self.assertEqual(session.roles(), roles)
        assertion = tempaccess.read(page)
        self.assertEqual(assertion.inspect(at=AT), assertion.inspect(at="2000-01-01T00:00:00Z"))
        east = AT.astimezone(datetime.timezone(datetime.timedelta(hours=9)))
        self.assertEqual(assertion.inspect(at=AT), assertion.inspect(at=east))

    def test_wrong_arguments_are_named(self):
        def message(kind, call):
            with self.assertRaises(kind) as caught:
                call()
            return str(caught.exception)

        unexpected = "Session() got an unexpected keyword argument"
        for name, said in (
            ("rol", f"{unexpected} 'rol'. Did you mean 'role'?"),
            ("asertion_source", f"{unexpected} 'asertion_source'. Did you mean 'assertion_source'?"),
            ("zzz", f"{unexpected} 'zzz'"),
        ):
            self.assertEqual(message(TypeError, lambda: self.session(**{name: 1})), said)
        for name, value, said in (
            ("role", 1, "argument 'role': invalid type: integer `1`, expected a string"),
            ("policy_arns", "x", "argument 'policy_arns': invalid type: string \"x\", expected a sequence"),
            ("role", {1, 2}, "argument 'role': cannot be set"),
            ("role", b"x", "argument 'role': must be str, not bytes"),
            ("chain", ["x"], "argument 'chain': invalid type: string \"x\", expected a role with its `role_arn`"),
            ("chain", [{"role": "x"}], "argument 'chain': unknown field `role`"),
            ("chain", {}, "argument 'chain': must be a list of roles, not dict"),
            ("policy", 5, "argument 'policy': must be a dict, a JSON text or a path, not int"),
            ("duration", float("nan"), "argument 'duration': must be a finite number"),
        ):
            self.assertTrue(message(TypeError, lambda: self.session(**{name: value})).startswith(said))
        for name, value in (("prompter", 5), ("assertion_source", "response.html")):
            self.assertIn(f"argument {name!r}", message(TypeError, lambda: self.session(**{name: value})))
        half = type("Half", (), {"text": print, "secret": print, "choose": print})()
        self.assertIn("has no `notify`", message(TypeError, lambda: tempaccess.Session(prompter=half)))
        by_position = "Session() takes the profile by position, and everything else by keyword"
        self.assertEqual(message(TypeError, lambda: tempaccess.Session("work", "ReadOnly")), by_position)
        self.assertIn("'region_name'", message(TypeError, lambda: tempaccess.boto3_session(region_name=5)))
        self.assertIn("'force'", message(TypeError, lambda: self.session().renew(force="yes")))
        self.assertIn("'timeout'", message(TypeError, lambda: self.session().credentials(timeout=True)))
        self.assertIn("tempaccess.Session", message(TypeError, lambda: tempaccess.botocore_credentials(5)))
        self.assertIn("'from_'", message(TypeError, lambda: tempaccess.Audit().events(from_=5)))
        self.assertIsNone(self.session(duration=900.0).cached())
        self.assertNotIn(" at 0x", pydoc.render_doc(tempaccess.Session, renderer=pydoc.plaintext))
        self.assertIn("'profile'", message(TypeError, lambda: tempaccess.Session(1)))
        self.assertIn("'timeout'", message(TypeError, lambda: self.session().credentials(timeout="1m")))
        self.assertIn("bytes-like object, not int", message(TypeError, lambda: tempaccess.read(1)))
        assertion = tempaccess.read(self.page())
        self.assertIn("'at'", message(TypeError, lambda: assertion.inspect(at=1)))
        self.assertIn("time zone", message(ValueError, lambda: assertion.inspect(at=AT.replace(tzinfo=None))))
        self.assertIn("invalid instant", message(ValueError, lambda: assertion.inspect(at="soon")))

    def test_the_steps_of_a_sign_in_are_logged_without_secrets(self):
        with self.assertLogs("tempaccess", "DEBUG") as logs:
            issued = self.session(store="none").credentials()
            # They are passed on by a thread of their own.
            for _ in range(200):
                if any("exchange" in line and "done" in line for line in logs.output):
                    break
                time.sleep(0.05)
        text = "\n".join(logs.output)
        self.assertIn("sign_in", text)
        self.assertRegex(text, "exchange.* done")
        for secret in (issued.secret_access_key, issued.session_token, "correct horse"):
            self.assertNotIn(secret, text)

    def test_help_shows_what_is_called_and_not_the_shapes_of_dicts(self):
        text = pydoc.render_doc(tempaccess, renderer=pydoc.plaintext)
        self.assertNotIn("class Inspection", text)
        self.assertIn("The id of the access key, which CloudTrail has.", text)
        self.assertIn("Asks for a secret, which is not shown.", text)

    def test_public_facts_are_pickled_and_copied(self):
        session = self.session()
        issued, role = session.credentials(), session.roles()[0]
        for copied in (copy.copy(role), copy.deepcopy(role), pickle.loads(pickle.dumps(role))):
            self.assertEqual(copied, role)
            self.assertEqual(hash(copied), hash(role))
        self.assertEqual(copy.deepcopy({"issued": issued})["issued"].access_key_id, issued.access_key_id)
        self.assertEqual(pickle.loads(pickle.dumps(issued.summary)), issued.summary)
        with self.assertRaisesRegex(TypeError, "secrets"):
            pickle.dumps(issued)
        # A policy that STS refuses.
        [given], [failed] = (self.session(role="1", **more).all_credentials() for more in ({}, {"policy": '{"Statement": 1}'}))
        for one in (given, failed):
            self.assertIs(copy.deepcopy(one), one)
        with self.assertRaisesRegex(TypeError, "`issued.summary`"):
            pickle.dumps(given)
        restored = pickle.loads(pickle.dumps(failed))
        self.assertEqual((restored.role, str(restored.error)), (failed.role, str(failed.error)))
        for copied in (copy.copy, pickle.dumps):
            with self.assertRaisesRegex(TypeError, "create one in each process"):
                copied(session)
        with self.assertRaises(tempaccess.RoleNotOfferedError) as caught:
            self.session(role="Owner").credentials()
        error = pickle.loads(pickle.dumps(caught.exception))
        self.assertIs(type(error), tempaccess.RoleNotOfferedError)
        self.assertEqual(vars(error), vars(caught.exception))
        self.assertEqual(str(error), str(caught.exception))

    def test_dicts_have_the_declared_keys(self):
        def keys(found, declared):
            self.assertEqual(declared.__required_keys__ - set(found), set())
            self.assertEqual(set(found) - set(declared.__annotations__), set())

        assertion = tempaccess.read(self.page())
        keys(assertion.inspect(at=AT), tempaccess.Inspection)
        self.assertEqual(set(assertion.inspect(at=AT)["problems"][0]), {"code", "message", "hint"})
        keys(self.session().credentials().summary, tempaccess.SessionSummary)
        keys(tempaccess.status(), tempaccess.Status)
        key = (ROOT / "tests/vectors/verify/rsa.pem").read_bytes()
        examined = tempaccess.Verifier(key).examine(self.page())
        keys(examined, tempaccess.Examination)
        self.assertEqual(set(examined["verification"]), {"verified", "signatures", "error"})


if __name__ == "__main__":
    unittest.main()
