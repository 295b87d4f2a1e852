"""The types are those of the package, and what is exported is all that there is."""

import importlib.util
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import typing
import unittest

import tempaccess
from tempaccess import _tempaccess, _types
from test_readme import examples

PACKAGE = pathlib.Path(__file__).parents[1]


class Types(unittest.TestCase):
    def test_every_error_is_exported(self):
        kinds = {name for name, kind in vars(_tempaccess).items() if isinstance(kind, type) and issubclass(kind, tempaccess.Error)}
        self.assertGreater(len(kinds), 30)
        self.assertEqual(kinds - set(tempaccess.__all__), set())

    def test_the_kinds_of_errors_are_typed(self):
        name = lambda kind: "".join(word.capitalize() for word in kind.removesuffix("_error").split("_")) + "Error"  # noqa: E731
        kinds = {name for name, kind in vars(_tempaccess).items() if isinstance(kind, type) and issubclass(kind, tempaccess.Error)}
        self.assertEqual({name(kind) for kind in typing.get_args(_types.Kind)}, kinds - {"Error"})

    def need_checkers(self):
        for name in ("mypy", "pyright"):
            if importlib.util.find_spec(name) is None:
                self.assertNotIn("CI", os.environ, f"{name} is missing; install it with: cargo xtask parts")
                self.skipTest(f"{name} is missing; install it with: cargo xtask parts")

    def test_the_examples_of_the_documentation_are_typed(self):
        self.need_checkers()
        pages = ["README.md", "crates/py/README.md", "docs/cookbook/python.md", "docs/testing.md"]
        found = [example for page in pages for example in examples(page) if "tempaccess" in example]
        self.assertGreater(len(found), 10)
        with tempfile.TemporaryDirectory() as folder:
            for number, example in enumerate(found):
                # Calls in a cell of a notebook or a REPL are in no function.
                is_cell = re.search(r"^[^\s#].*\bawait\b", example, re.MULTILINE)
                body = textwrap.indent(example, "    ")
                text = f"async def cell() -> None:\n{body}" if is_cell else example
                pathlib.Path(folder, f"example_{number}.py").write_text(text)
            for words in (
                ["mypy", "--strict", "--config-file", PACKAGE / "mypy.ini", folder],
                # Packages that have no types, or only in a package of their own, are not what is checked.
                ["pyright", "--pythonpath", sys.executable, folder],
            ):
                run = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_a_misspelt_setting_is_found_before_the_program_runs(self):
        self.need_checkers()
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "program.py")
            calls = [f"tempaccess.{name}(rol='ReadOnly')" for name in ("Session", "boto3_session", "aiobotocore_session")]
            program.write_text("\n".join(["import tempaccess", *calls]))
            words = ["mypy", "--strict", "--config-file", PACKAGE / "mypy.ini", program]
            run = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
            self.assertEqual(run.stdout.count('Unexpected keyword argument "rol"'), 3, run.stdout + run.stderr)

    def test_the_stubs_are_those_of_the_native_half(self):
        self.need_checkers()
        ini, allowed = PACKAGE / "mypy.ini", PACKAGE / "stubtest.txt"
        for words in (
            ["mypy", "-p", "tempaccess", "--config-file", ini],
            ["mypy.stubtest", "tempaccess", "--mypy-config-file", ini, "--allowlist", allowed],
        ):
            run = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
