"""Every example of the documentation runs as it stands, in an empty folder, with nothing but a configuration."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

from sandbox import PROGRAMS, ROOT, WithSandbox

CONFIG = """
[accounts]
111122223333 = "ledger"

[profiles.default]
username = "alan@example.com"
password_command = "echo bombe"
region = "us-east-1"

[profiles.work]
base = "default"
role = "ReadOnly"
"""


def examples(file):
    """The examples of a page."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / file).read_text(), re.DOTALL | re.MULTILINE)


class Examples(WithSandbox):
    def examples(self, file):
        # Those of grants need an administrator.
        return [example for example in examples(file) if "rant" not in example]

    def run_example(self, example):
        folder = self.home / "empty"
        folder.mkdir(exist_ok=True)
        (folder / "response.html").write_bytes(self.page())
        app = self.variables["TEMPACCESS_SOURCE"]
        metadata = urllib.parse.urljoin(app, f"/app/{app.split('/')[-2]}/sso/saml/metadata")
        (folder / "metadata.xml").write_bytes(urllib.request.urlopen(metadata).read())
        config = pathlib.Path(self.home, "config.toml")
        config.write_text(CONFIG)
        environment = {**os.environ, "TEMPACCESS_CONFIG": str(config), "PYTHONWARNINGS": "default"}
        run = subprocess.run([sys.executable, "-c", example], cwd=folder, env=environment, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("ReadOnly", run.stdout)

    def test_every_example_gives_what_it_says(self):
        for file, least in (("README.md", 1), ("crates/py/README.md", 6), ("docs/cookbook/python.md", 5)):
            examples = self.examples(file)
            self.assertGreaterEqual(len(examples), least, file)
            for example in examples:
                with self.subTest(file=file, example=example):
                    self.run_example(example)


class Fixtures(unittest.TestCase):
    def test_the_examples_of_pytest_pass(self):
        with tempfile.TemporaryDirectory() as folder:
            for example in examples("docs/testing.md"):
                name = example.splitlines()[0].removeprefix("# ")
                pathlib.Path(folder, name).write_text(example)
            environment = {**os.environ, "SANDBOX": str(PROGRAMS / "tempaccess-sandbox")}
            command = [sys.executable, "-m", "pytest", "-q", folder]
            run = subprocess.run(command, env=environment, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn("3 passed", run.stdout)


if __name__ == "__main__":
    unittest.main()
