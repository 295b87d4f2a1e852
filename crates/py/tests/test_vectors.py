"""Held to the vectors that Rust and Node are held to."""

import hashlib
import json
import os
import pathlib
import re
import tempfile
import unittest

import tempaccess

VECTORS = pathlib.Path(__file__).parents[3] / "tests" / "vectors"
ROLE = ("role_arn", "provider_arn", "partition", "account_id", "name")


def text(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def report(error):
    found = {name: getattr(error, name) for name in ("kind", "stage", "fault", "message", "hint")}
    # Left out where there is nothing to say.
    found |= {name: getattr(error, name) for name in ("roles", "retry_after_seconds", "limit") if getattr(error, name)}
    return {"error": found}


def in_python(expected):
    """The expected report, with settings in its hint as Python writes them: the vectors have options of the command line."""

    def written(span):
        settings = []
        for words in span[1].removeprefix("--").split(" --"):
            option, _, value = words.partition(" ")
            name = {"policy-arn": "policy_arns"}.get(option, option.replace("-", "_"))
            if name not in tempaccess.Settings.__annotations__:
                return span[0]
            settings.append(f'{name}="{value}"' if value else f"{name}=")
        return f"`{', '.join(settings)}`"

    if hint := isinstance(expected, dict) and expected.get("error", {}).get("hint"):
        expected["error"]["hint"] = re.sub("`(--[^`]*)`", written, hint)
    return expected


def role(found):
    return {name: getattr(found, name) for name in ROLE}


def data(name):
    """The bytes of a file; of a vector of verifying, those of its document."""
    found = (VECTORS / name).read_bytes()
    return found.split(b"\n\n", 1)[1] if name.endswith(".vector") else found


def verifier(case):
    return tempaccess.Verifier(data(case["keys"]), **case["options"])


def choose(case):
    return text(role(tempaccess.read(data(case["input"])).choose(**case["query"], account_names=case.get("names"))))


def examine(case):
    return verifier(case).examine_json(data(case["input"]), at=case["at"])


def verify(case):
    return verifier(case).verify(data(case["input"]), at=case["at"]).inspect_json(at=case["at"])


def session(case):
    with tempfile.TemporaryDirectory() as home:
        if "response" in case:
            pathlib.Path(home, "response").write_bytes(data(case["response"]))
        config = pathlib.Path(home, "config.toml")
        config.write_text(case.get("config", ""))
        settings = json.loads(text(case["settings"]).replace("$HOME", home))
        try:
            access = tempaccess.Session(case.get("profile"), config=str(config), prompter=None, **settings)
            if case["call"] == "roles":
                return text([role(found) for found in access.roles()]).replace(home, "$HOME")
            return access.credentials().credentials_json()
        except tempaccess.Error as error:
            return text(report(error)).replace(home, "$HOME")


class Vectors(unittest.TestCase):
    def setUp(self):
        for name in [name for name in os.environ if name.startswith(("AWS_", "TEMPACCESS_"))]:
            self.addCleanup(os.environ.__setitem__, name, os.environ.pop(name))

    def test_reading(self):
        files = sorted(VECTORS.glob("read/*.json"))
        self.assertGreater(len(files), 40)
        for file in files:
            vector = json.loads(file.read_text())
            with self.subTest(file.name):
                digest = None
                try:
                    assertion = tempaccess.read((file.parent / vector["input"]).read_bytes())
                    found = assertion.inspect(at=vector["at"])
                    digest = hashlib.sha256(assertion.inspect_json(at=vector["at"]).encode()).hexdigest()
                except tempaccess.Error as error:
                    found = report(error)
                self.assertEqual(found, in_python(vector["expect"]))
                self.assertEqual(digest, vector["sha256"])

    def test_sealed_grants(self):
        files = sorted(VECTORS.glob("grants/*.json"))
        self.assertGreater(len(files), 12)
        for file in files:
            vector = json.loads(file.read_text())
            with self.subTest(file.name):
                # As they are, with their line ends.
                sealed, signers = ((file.parent / vector[name]).read_bytes().decode() for name in ("input", "signers"))
                try:
                    found = tempaccess.inspect_grant(sealed, signers, at=vector["at"])
                except tempaccess.Error as error:
                    found = report(error)
                self.assertEqual(found, in_python(vector["expect"]))

    def test_requests_and_approvals(self):
        files = sorted(VECTORS.glob("requests/*.json"))
        self.assertGreater(len(files), 12)
        for file in files:
            vector = json.loads(file.read_text())
            with self.subTest(file.name):
                request, signers = ((file.parent / vector[name]).read_bytes().decode() for name in ("input", "signers"))
                try:
                    found = tempaccess.inspect_request(request, signers, at=vector["at"])
                except tempaccess.Error as error:
                    found = report(error)
                self.assertEqual(found, in_python(vector["expect"]))

    def test_the_table(self):
        runs = {"choose": choose, "examine": examine, "verify": verify, "session": session}
        cases = json.loads((VECTORS / "table.json").read_text())["cases"]
        self.assertGreater(len(cases), 60)
        for case in cases:
            with self.subTest(**case):
                try:
                    found = runs[case["run"]](case)
                except tempaccess.Error as error:
                    found = text(report(error))
                self.assertEqual(found, text(in_python(json.loads(case["expect"]))))


class Objects(unittest.TestCase):
    def test_text_and_bytes_read_alike(self):
        data = (VECTORS / "read" / "base64.txt").read_bytes()
        both = tempaccess.read(data), tempaccess.read(data.decode())
        self.assertEqual(both[0].roles, both[1].roles)
        self.assertEqual(len({both[0].roles[0], both[1].roles[0]}), 1)

    def test_representations_say_what_it_is(self):
        assertion = tempaccess.read((VECTORS / "read" / "okta.xml").read_bytes())
        self.assertEqual(repr(assertion), 'Assertion(id="id-assertion", roles=1)')
        self.assertIn("role/ReadOnly", repr(assertion.roles[0]))

    def test_other_types_are_refused(self):
        with self.assertRaises(TypeError):
            tempaccess.read(1)
        with self.assertRaises(ValueError):
            tempaccess.read((VECTORS / "read" / "okta.xml").read_bytes()).inspect(at="soon")


if __name__ == "__main__":
    unittest.main()
