"""Reads configurations as gimme-aws-creds does: a list of texts as JSON on standard input, a list of what they come to as
JSON on standard output. A text that cannot be read is null; so is a section of one that can."""

import configparser
import json
import os
import sys
import tempfile
import types

from gimme_aws_creds.config import Config


def sections(file):
    """The settings of each section, with everything that it inherits."""
    names = configparser.ConfigParser()
    names.read(file)
    return {name: settings(file, name) for name in [names.default_section, *names.sections()]}


def settings(file, section):
    """The settings of one section."""
    quiet = types.SimpleNamespace(HOME="/", environ={"OKTA_CONFIG": file}, message=lambda text: None, args=[])
    config = Config(quiet, create_config=False)
    config.conf_profile = section
    try:
        return config.get_config_dict()
    except Exception:
        return None


def main():
    results = []
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "config")
        for text in json.load(sys.stdin):
            with open(file, "w", newline="", encoding="utf-8") as output:
                output.write(text)
            try:
                results.append(sections(file))
            except configparser.Error:
                results.append(None)
    json.dump(results, sys.stdout)


main()
