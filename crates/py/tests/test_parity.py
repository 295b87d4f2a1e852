"""What is exported stands in the table of what every language can, and what stands there is exported."""

import json
import pathlib
import unittest

import tempaccess

TABLE = pathlib.Path(__file__).parents[3] / "tests" / "parity" / "capabilities.json"


def names():
    """Every export, and every public method of the classes among them. An error is a class for each kind."""
    for name in tempaccess.__all__:
        value = getattr(tempaccess, name)
        if isinstance(value, type) and issubclass(value, tempaccess.Error):
            continue
        yield name
        if isinstance(value, type):
            yield from (f"{name}.{part}" for part, of in vars(value).items() if not part.startswith("_") and callable(of))


class Parity(unittest.TestCase):
    def test_the_table_holds_every_name_and_every_name_exists(self):
        rows = json.loads(TABLE.read_text())["capabilities"]
        table = {name for row in rows for name in row.get("python", [])}
        found = set(names()) | {"Error"}
        self.assertGreater(len(found), 40)
        self.assertEqual(found - table, set(), "not in tests/parity/capabilities.json")
        for name in table:
            owner, _, part = name.partition(".")
            self.assertTrue(hasattr(getattr(tempaccess, owner), part or "__doc__"), name)


if __name__ == "__main__":
    unittest.main()
