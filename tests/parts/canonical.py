"""What libxml2 makes of a document: one JSON object a line in, one line out.

With an `id` (or null, for the root), the SHA-256 of its exclusive canonical form. Without, whether the document is
well-formed: `ok`, or `no` and why.
"""

import hashlib
import json
import sys

from lxml import etree

# libxml2 reports them as errors: a namespace may be any string, and a name may start with `xml`.
ALLOWED = ("is not a valid URI", "is not absolute", "invalid name prefix")


def canonical(case):
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(case["xml"].encode(), parser)
    apex = root if case["id"] is None else next(node for node in root.iter() if isinstance(node.tag, str) and node.get("ID") == case["id"])
    form = etree.tostring(apex, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=case["prefixes"])
    return hashlib.sha256(form).hexdigest()


def well_formed(xml):
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        etree.fromstring(xml.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        messages = [entry.message for entry in parser.error_log] or [str(error)]
    else:
        messages = [entry.message for entry in parser.error_log]
    messages = [message for message in messages if not any(allowed in message for allowed in ALLOWED)]
    return "no " + messages[0].replace("\n", " ") if messages else "ok"


for line in sys.stdin:
    case = json.loads(line)
    print(canonical(case) if "id" in case else well_formed(case["xml"]))
