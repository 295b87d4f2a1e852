"""The types are those of the package, and what is exported is all that there is."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import unittest

import tempaccess
from tempaccess import _tempaccess

PACKAGE = pathlib.Path(__file__).parents[1]


class Types(unittest.TestCase):
    def test_every_error_is_exported(self):
        kinds = {name for name, kind in vars(_tempaccess).items() if isinstance(kind, type) and issubclass(kind, tempaccess.Error)}
        self.assertGreater(len(kinds), 30)
        self.assertEqual(kinds - set(tempaccess.__all__), set())

    def test_the_stubs_are_those_of_the_native_half(self):
        if importlib.util.find_spec("mypy") is None:
            self.assertNotIn("CI", os.environ, "mypy is missing; install it with: cargo xtask parts")
            self.skipTest("mypy is missing; install it with: cargo xtask parts")
        ini, allowed = PACKAGE / "mypy.ini", PACKAGE / "stubtest.txt"
        for words in (
            ["mypy", "-p", "tempaccess", "--config-file", ini],
            ["mypy.stubtest", "tempaccess", "--mypy-config-file", ini, "--allowlist", allowed],
        ):
            run = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
