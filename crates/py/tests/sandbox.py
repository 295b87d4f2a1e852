"""A sandbox for the tests of one class, and a home of its own for each of them."""

import http.cookiejar
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

import tempaccess

ROOT = pathlib.Path(__file__).parents[3]
PROGRAMS = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"


def faked_time(cls):
    """The environment of programs in a time that they move on, by the file of `FAKETIME_TIMESTAMP_FILE`."""
    faketime = shutil.which("faketime")
    if faketime is None:
        assert "CI" not in os.environ, "faketime is missing; install it with: apt-get install faketime"
        raise unittest.SkipTest("faketime is missing; install it with: apt-get install faketime")
    library = subprocess.run([faketime, "-f", "+0", "printenv", "LD_PRELOAD"], check=True, capture_output=True, text=True)
    folder = tempfile.TemporaryDirectory()
    cls.addClassCleanup(folder.cleanup)
    now = pathlib.Path(folder.name, "now")
    now.write_text("+0")
    return {
        "LD_PRELOAD": library.stdout.strip(),
        "FAKETIME_TIMESTAMP_FILE": str(now),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


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

    def notify(self, message):
        self.heard.append(message)


class WithSandbox(unittest.TestCase):
    #: For the sandbox itself, in addition to the environment.
    environment = {}
    #: Of the sandbox, in addition to its ports.
    arguments = []

    @classmethod
    def setUpClass(cls):
        command = [PROGRAMS / "tempaccess-sandbox", "--okta-port", "0", "--sts-port", "0", *cls.arguments]
        environment = {**os.environ, **cls.environment}
        cls.sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
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
        # An attempt that was given up may still write its record there.
        home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
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

    def issued(self):
        return sum(json.loads(line)["outcome"] == "issued" for line in self.audit())

    def page(self, username="alan@example.com", password="bombe"):
        """The page with the SAML response, as a browser gets it."""
        app = self.variables["TEMPACCESS_SOURCE"]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        who = json.dumps({"username": username, "password": password}).encode()
        asked = urllib.request.Request(
            urllib.parse.urljoin(app, "/api/v1/authn"), who, {"content-type": "application/json"}
        )
        token = json.load(browser.open(asked))["sessionToken"]
        query = urllib.parse.urlencode({"token": token, "redirectUrl": app})
        return browser.open(urllib.parse.urljoin(app, f"/login/sessionCookieRedirect?{query}")).read()
