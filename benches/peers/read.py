"""Ways to read the roles of a response in Python. `benches/bindings.rs` asks for one at a time, and takes turns."""

import base64
import gc
import importlib.metadata
import json
import pathlib
import sys
import time
import xml.etree.ElementTree

import lxml.etree
import tempaccess
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

ROLE = "https://aws.amazon.com/SAML/Attributes/Role"
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
VALUES = f".//{SAML}Attribute[@Name='{ROLE}']/{SAML}AttributeValue"
SERVICE = {
    "sp": {"entityId": "urn:amazon:webservices", "assertionConsumerService": {"url": "https://signin.aws.amazon.com/saml"}}
}


def pair(value):
    first, second = value.split(",")
    return (first, second) if ":role/" in first else (second, first)


def ours(text):
    return [(role.role_arn, role.provider_arn) for role in tempaccess.read(text).roles]


def with_lxml(text):
    root = lxml.etree.fromstring(base64.b64decode(text))
    return [pair(value.text) for value in root.iterfind(VALUES)]


def with_etree(text):
    root = xml.etree.ElementTree.fromstring(base64.b64decode(text))
    return [pair(value.text) for value in root.iterfind(VALUES)]


def with_python3_saml(text, settings=OneLogin_Saml2_Settings(SERVICE, sp_validation_only=True)):
    return [pair(value) for value in OneLogin_Saml2_Response(settings, text).get_attributes()[ROLE]]


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


WAYS = {
    version("tempaccess"): ours,
    version("lxml"): with_lxml,
    "xml.etree": with_etree,
    version("python3-saml"): with_python3_saml,
}


def main():
    folder = pathlib.Path(sys.argv[1])
    print(json.dumps([f"Python {sys.version.split()[0]}", *WAYS]), flush=True)
    # What is left over from one way is not to be cleared away on another's time.
    gc.disable()
    for line in sys.stdin:
        name, size, times = json.loads(line)
        text, way = (folder / str(size)).read_text(), WAYS[name]
        pairs = way(text)
        gc.collect()
        start = time.perf_counter_ns()
        for _ in range(times):
            way(text)
        print(json.dumps([time.perf_counter_ns() - start, pairs]), flush=True)


main()
