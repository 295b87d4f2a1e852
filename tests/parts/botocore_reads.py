"""Reads AWS config files as botocore does: a list of texts in JSON comes in, a list of what is in them goes out."""

import json
import os
import sys
import tempfile

from botocore.configloader import load_config, raw_config_parse
from botocore.exceptions import ConfigParseError


def read(text):
    with tempfile.NamedTemporaryFile("wb", suffix=".ini", delete=False) as file:
        file.write(text.encode())
    try:
        return {"profiles": load_config(file.name)["profiles"], "sections": raw_config_parse(file.name)}
    except ConfigParseError as error:
        return {"error": str(error)}
    finally:
        os.unlink(file.name)


json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
