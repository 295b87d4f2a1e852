"""boto3 through expiries: the program and the sandbox live in a time that the program moves on."""

import os
import subprocess
import sys
import unittest

from sandbox import WithSandbox, faked_time

PROGRAM = """
import os, pathlib, tempaccess

asked, given = [], tempaccess.Session._refreshable_credentials
tempaccess.Session._refreshable_credentials = lambda session: (asked.append(session), given(session))[1]
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
        cls.environment = faked_time(cls)
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
