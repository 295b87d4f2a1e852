"""boto3 through expiries: the program and the sandbox live in a time that the program moves on."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from sandbox import WithSandbox

PROGRAM = """
import os, pathlib, tempaccess

asked, given = [], tempaccess.Session.credentials
tempaccess.Session.credentials = lambda session: (asked.append(session), given(session))[1]
session = tempaccess.boto3_session(
    prompter=None, username="alan@example.com", password="bombe", role="ReadOnly", region_name="us-east-1"
)
client = session.client("sts")
for hour in range(1, 4):
    for _ in range(5):
        print(client.get_caller_identity()["Arn"], len(asked))
    pathlib.Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).write_text(f"+{61 * hour}m")
"""


class Expiry(WithSandbox):
    @classmethod
    def setUpClass(cls):
        faketime = shutil.which("faketime")
        if faketime is None:
            assert "CI" not in os.environ, "faketime is missing; install it with: apt-get install faketime"
            raise unittest.SkipTest("faketime is missing; install it with: apt-get install faketime")
        library = subprocess.run([faketime, "-f", "+0", "printenv", "LD_PRELOAD"], check=True, capture_output=True, text=True)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        now = pathlib.Path(folder.name, "now")
        now.write_text("+0")
        cls.environment = {
            "LD_PRELOAD": library.stdout.strip(),
            "FAKETIME_TIMESTAMP_FILE": str(now),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        super().setUpClass()

    def test_a_sign_in_an_hour_and_no_more(self):
        environment = {**os.environ, **self.environment}
        run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        arn = "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com"
        self.assertEqual(run.stdout.splitlines(), [f"{arn} {hour}" for hour in (1, 2, 3) for _ in range(5)])
        self.assertEqual(self.issued(), 3)


if __name__ == "__main__":
    unittest.main()
