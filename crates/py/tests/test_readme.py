"""Every example of the documentation runs as it stands, in an empty folder, with nothing but a configuration."""

import os
import pathlib
import re
import subprocess
import sys
import unittest
import urllib.parse
import urllib.request

from sandbox import ROOT, WithSandbox

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


class Examples(WithSandbox):
    def examples(self, file):
        return re.findall(r"^```python\n(.*?)^```", (ROOT / file).read_text(), re.DOTALL | re.MULTILINE)

    def run_example(self, example):
        folder = self.home / "empty"
        folder.mkdir(exist_ok=True)
        (folder / "response.html").write_bytes(self.page())
        app = self.variables["TEMPACCESS_SOURCE"]
        metadata = urllib.parse.urljoin(app, f"/app/{app.split('/')[-2]}/sso/saml/metadata")
        (folder / "metadata.xml").write_bytes(urllib.request.urlopen(metadata).read())
        config = pathlib.Path(self.home, "config.toml")
        config.write_text(CONFIG)
        environment = {**os.environ, "TEMPACCESS_CONFIG": str(config), "AWS_DEFAULT_REGION": "us-east-1"}
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


if __name__ == "__main__":
    unittest.main()
