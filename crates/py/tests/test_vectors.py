"""Reading and choosing, held to the vectors that Rust and Node are held to."""

import json
import pathlib
import unittest

import tempaccess

VECTORS = pathlib.Path(__file__).parents[3] / "tests" / "vectors"


def report(error):
    names = ("kind", "stage", "fault", "message", "hint")
    return {"error": {name: getattr(error, name) for name in names}}


def role(found):
    names = ("role_arn", "provider_arn", "partition", "account_id", "name")
    return {name: getattr(found, name) for name in names}


class Vectors(unittest.TestCase):
    def test_reading(self):
        files = sorted(VECTORS.glob("read/*.json"))
        self.assertGreater(len(files), 40)
        for file in files:
            vector = json.loads(file.read_text())
            with self.subTest(file.name):
                try:
                    found = tempaccess.read((file.parent / vector["input"]).read_bytes()).inspect(at=vector["at"])
                except tempaccess.Error as error:
                    found = report(error)
                self.assertEqual(found, vector["expect"])

    def test_choosing(self):
        table = json.loads((VECTORS / "select.json").read_text())
        assertion = tempaccess.read((VECTORS / table["input"]).read_bytes())
        for case in table["cases"]:
            with self.subTest(case["query"]):
                try:
                    found = role(assertion.choose(**case["query"], account_names=case.get("names")))
                except tempaccess.Error as error:
                    found = {"error": error.kind, "hint": error.hint}
                self.assertEqual(found, case["expect"])


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
