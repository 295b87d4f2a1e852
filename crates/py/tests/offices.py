"""An administrator and a contractor at the sandbox, each with a key, a list of trusted signers and a configuration."""

import contextlib
import os
import pathlib
import re
import subprocess
import tempfile

import tempaccess
from sandbox import PROGRAMS, ROOT, WithSandbox

ADMIN = "arn:aws:iam::111122223333:saml-provider/Okta,arn:aws:iam::111122223333:role/AccessAdmin"
LEDGER = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetObject"],
            "Resource": ["arn:aws:s3:::ledger", "arn:aws:s3:::ledger/*"],
        }
    ],
}

CONFIG = """
[accounts]
111122223333 = "ledger"

[profiles.admin]
username = "alan@example.com"
password_command = "printf bombe"
role = "ledger/AccessAdmin"
region = "us-east-1"

[grants]
signers = "access.signers"
records = "records"
sign_with = "alan"

[grants.presets.count-objects]
kind = "session"
role = "ledger/Granted"
max_duration = "1h"
to = ["*@example.com"]
approvals = 1

[grants.presets.emergency]
kind = "session"
role = "ledger/Granted"
max_duration = "30m"
approvals = 1
break_glass = true
"""


def world():
    """The world of the demo, in which Alan and Barbara are administrators who have a password only."""
    text = (ROOT / "crates/sandbox/src/world/demo.toml").read_text()
    text = re.sub(r'(login = "alan@example.com"\npassword = "bombe"\nroles = \[)', rf'\1"{ADMIN}", ', text)
    person = f'[[users]]\nlogin = "barbara@example.com"\npassword = "abstraction"\nroles = ["{ADMIN}"]\n\n'
    return text.replace("[[providers]]", person + "[[providers]]", 1)


class WithOffice(WithSandbox):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        file = pathlib.Path(folder.name, "world.toml")
        file.write_text(world())
        cls.arguments = ["--world", file]
        super().setUpClass()

    def setUp(self):
        super().setUp()
        for service in ("CLOUDTRAIL", "IAM", "S3"):
            os.environ[f"AWS_ENDPOINT_URL_{service}"] = self.variables["AWS_ENDPOINT_URL_STS"]
        self.config = self.home / "config.toml"
        self.config.write_text(CONFIG)
        for name in ("alan", "barbara", "grace", "eve"):
            self.run_program("grant", "key", "--new", "--file", self.home / name)
        for name, purpose in (("alan", "granter"), ("barbara", "granter"), ("grace", "requester")):
            self.trust(name, purpose)
        self.grants = tempaccess.Grants("admin", config=self.config, prompter=None)

    def run_program(self, *words):
        environment = {**os.environ, "USER": "person"}
        run = subprocess.run([PROGRAMS / "tempaccess", *words], capture_output=True, text=True, env=environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def trust(self, name, purpose):
        signers = ["--signers", self.home / "access.signers", "--as", purpose, "--yes"]
        self.run_program("grant", "trust", f"{name}@example.com", self.home / f"{name}.pub", *signers)

    def issue(self, **more):
        values = {
            "to": "grace@example.com",
            "role": "ledger/Granted",
            "policy": LEDGER,
            "duration": "40m",
            "reason": "OPS-123",
            "seal_to": self.home / "grace.pub",
        }
        return self.grants.issue(**{**values, **more})

    def open(self, sealed, **more):
        return tempaccess.open_grant(sealed, **{"identity": self.home / "grace", "config": self.config, "prompter": None, **more})

    def s3(self, opened):
        return opened.boto3_session(region_name="us-east-1").client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])

    @contextlib.contextmanager
    def inside(self):
        """Runs in the home."""
        before = os.getcwd()
        os.chdir(self.home)
        try:
            yield
        finally:
            os.chdir(before)
