"""Makes the vectors of tests/vectors/verify: signed responses, and what attackers make of them.

Run with the Python of `cargo xtask parts`:  target/parts/venv/bin/python tests/parts/forge.py
Signs with lxml (libxml2) and cryptography (OpenSSL), which share no code with what is tested. Every run makes new keys and
throws the private ones away, so afterwards run `UPDATE_VECTORS=1 cargo test -p tempaccess-tests --test command_line
table::`.
"""

import base64
import copy
import pathlib
import re
import subprocess
import zlib

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from xml_signer import DS, EXCLUSIVE, ISSUER, MORE, SAML, SAMLP, Key, by_id, response, sign

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "verify"
CLOCK = "2026-11-24T10:01:00Z"


def vector(file, verdict, xml, note, key="rsa.pem", policy="", clock=CLOCK, roles="ReadOnly", in_response_to="", xmlsec=""):
    header = [f"verdict: {verdict}", f"clock: {clock}", f"key: {key}"]
    if policy:
        header.append(f"policy: {policy}")
    if in_response_to:
        header.append(f"in-response-to: {in_response_to}")
    if verdict == "verified":
        header.append(f"roles: {roles}")
    if xmlsec:
        header.append(f"xmlsec: {xmlsec}")
    header.append(f"note: {note}")
    (FOLDER / f"{file}.vector").write_text("\n".join(header) + "\n\n" + xml, newline="")


RSA, SHORT, ATTACKER, EXPIRED = (
    Key(rsa.generate_private_key(65537, 2048), "idp"),
    Key(rsa.generate_private_key(65537, 1024), "short"),
    Key(rsa.generate_private_key(65537, 2048), "attacker"),
    Key(rsa.generate_private_key(65537, 2048), "expired", days=(-800, -400)),
)
# Shorter than cryptography makes them.
TINY = Key(
    serialization.load_pem_private_key(subprocess.run(["openssl", "genrsa", "512"], capture_output=True, check=True).stdout, None),
    "tiny",
)
AUTHORITY, P521 = Key(rsa.generate_private_key(65537, 2048), "authority"), Key(ec.generate_private_key(ec.SECP521R1()), "p521")
P256, P384 = Key(ec.generate_private_key(ec.SECP256R1()), "p256"), Key(ec.generate_private_key(ec.SECP384R1()), "p384")


def both(xml=None, key=RSA, **more):
    xml = xml if xml is not None else response()
    return sign(sign(xml, "_assertion", key, **more), "_response", key, **more)


def assertion_only(xml=None, key=RSA, **more):
    return sign(xml if xml is not None else response(), "_assertion", key, **more)


def response_only(xml=None, key=RSA, **more):
    return sign(xml if xml is not None else response(), "_response", key, **more)


def html_to_text(xml):
    """The characters that lxml writes as references."""
    return re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), xml)


FORBIDDEN = "forbidden_construct"

XSL = "http://www.w3.org/1999/XSL/Transform"
XSLT = (
    f'<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><x:stylesheet xmlns:x="{XSL}" version="1.0">'
    '<x:template match="/"><x:call-template name="t"><x:with-param name="n" select="50"/></x:call-template></x:template>'
    '<x:template name="t"><x:param name="n"/><x:if test="$n &gt; 0">'
    + '<x:call-template name="t"><x:with-param name="n" select="$n - 1"/></x:call-template>' * 2
    + "</x:if></x:template></x:stylesheet></ds:Transform>"
)


def genuine():
    vector("both", "verified", both(), "response and assertion signed, as Okta does")
    vector("assertion", "verified", assertion_only(), "the assertion alone signed")
    vector("response", "verified", response_only(), "the response alone signed")
    bare = etree.fromstring(assertion_only().encode())
    vector("bare-assertion", "verified", etree.tostring(by_id(bare, "_assertion"), with_tail=False).decode(), "an assertion by itself")
    vector("metadata", "verified", both(), "the key from metadata, with the issuer that it names", key="metadata.xml")
    vector("public-key", "verified", both(), "a bare public key", key="rsa.public.pem")
    vector("several-keys", "verified", both(), "the second of two pinned keys", key="two.pem")
    for name in ("sha384", "sha512"):
        vector(f"rsa-{name}", "verified", both(name=name), f"RSA with {name}")
    vector("ecdsa-p256", "verified", both(key=P256), "ECDSA over P-256", key="p256.pem")
    vector("ecdsa-p384", "verified", both(key=P384, name="sha384"), "ECDSA over P-384", key="p384.pem")
    vector("ecdsa-p256-sha384", "verified", both(key=P256, name="sha384"), "ECDSA over P-256 with SHA-384", key="p256.pem")
    vector("ecdsa-p384-sha256", "verified", both(key=P384), "ECDSA over P-384 with SHA-256", key="p384.pem")
    vector("no-prefix-list", "verified", both(prefixes=()), "no InclusiveNamespaces")
    vector("long-prefix-list", "verified", both(prefixes=("xs", "saml2", "nowhere")), "prefixes that are in use and that are nowhere")
    vector("comment-in-role", "verified", both(response(role="arn:aws:iam::123456789012:role/Read<!-- x -->Only,arn:aws:iam::123456789012:saml-provider/Okta")),
           "a comment inside the role was there when it was signed: the text is read whole")
    vector("cdata-in-role", "verified", both().replace("role/ReadOnly", "role/<![CDATA[Read]]>Only"),
           "CDATA is no difference to the signature nor to the reading")
    vector("charref-in-role", "verified", both().replace("role/ReadOnly", "role/&#82;eadOnly"),
           "a character reference is no difference either")
    vector("wrapped-base64", "verified", re.sub(r"(<ds:SignatureValue>.{60})", r"\1&#13;\n", both(), count=1), "white space in base64")
    vector("crlf", "verified", both().replace("\n", "\r\n"), "line ends changed on the way are no difference")
    vector("answers-request", "verified", both(response(in_response_to=' InResponseTo="_request"')), "the request that was made", in_response_to="_request")
    vector("sha1-allowed", "verified", both(name="sha1", digest_name="sha1"), "SHA-1 under a policy that allows it", policy="allow-sha1")
    vector("short-rsa-allowed", "verified", both(key=SHORT), "1,024 bits under a policy that allows them", key="short.pem", policy="allow-short-rsa")
    vector("expired-certificate-allowed", "verified", both(key=EXPIRED), "an expired certificate under a policy that allows it", key="expired.pem", policy="allow-expired-certificate")
    vector("renewed-certificate", "verified", both(key=EXPIRED), "an expired certificate, and a renewed one over the same key", key="renewed.pem")
    value = "<saml2:AttributeValue{}>arn:aws:iam::123456789012:role/{},arn:aws:iam::123456789012:saml-provider/Okta</saml2:AttributeValue>"
    alike = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string"'
    several = response().replace(
        "</saml2:AttributeValue></saml2:Attribute>",
        "</saml2:AttributeValue>" + value.format(alike, "Second") + value.format(alike, "Third") + value.format("", "Fourth")
        + value.format(alike, "Fifth") + "</saml2:Attribute>"
        + f'<saml2:Attribute Name="urn:more"><saml2:AttributeValue{alike}>a</saml2:AttributeValue><saml2:AttributeValue{alike}><xs:b xsi:type="c"/></saml2:AttributeValue></saml2:Attribute>',
        1,
    )
    vector("values-that-begin-alike", "verified", both(several), "many values with the same start tag, some with elements in them",
           roles="ReadOnly Second Third Fourth Fifth")
    latin = both(response(subject="zo\u00eb@example.com"))
    latin = "<?xml version='1.0' encoding='ISO-8859-1'?>" + html_to_text(latin)
    vector("latin-1", "verified", base64.b64encode(latin.encode("latin-1")).decode(), "a document in ISO-8859-1, in base64")
    envelope = (
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:envelope">'
        '<S:Header><b xmlns:xs="urn:header" xmlns="urn:header"><xs:c xmlns:saml2="urn:header"/></b></S:Header><S:Body>{}</S:Body></S:Envelope>'
    )
    inside = both(response().replace(' xmlns:xs="http://www.w3.org/2001/XMLSchema"', "", 1), around=envelope)
    vector("soap-header", "verified", inside, "the header of a SOAP envelope binds a listed prefix to something else, and ends")
    for name, until in {"net": "9999-12-31T23:59:59.9999999Z", "java": "+292278994-08-17T07:12:55.807Z"}.items():
        vector(f"last-instant-{name}", "verified", both(response(until=until, session=f' SessionNotOnOrAfter="{until}"')), f"valid until the last instant of {name}")
    vector("metadata-unknown-key", "verified", both(), "metadata with a second key of a kind that is not supported", key="metadata-unknown-key.xml")
    vector("metadata-chain", "verified", both(), "metadata with a certificate and the authority that issued it", key="metadata-chain.xml")
    vector("metadata-valid", "verified", both(), "metadata that is valid for a second more", key="metadata-until.xml")
    vector("one-time-use", "verified", both(response(conditions='<saml2:AudienceRestriction><saml2:Audience>x</saml2:Audience><saml2:Audience>urn:amazon:webservices</saml2:Audience></saml2:AudienceRestriction><saml2:OneTimeUse/>')), "conditions that are understood")


    vector("short-rsa-sha1-allowed", "verified", both(key=SHORT, name="sha1", digest_name="sha1"), "1,024 bits and SHA-1, both allowed", key="short.pem", policy="allow-short-rsa allow-sha1")
    vector("short-rsa-sha512-allowed", "verified", both(key=SHORT, name="sha512"), "1,024 bits and SHA-512", key="short.pem", policy="allow-short-rsa")
    vector("no-key-info", "verified", both(key_info=""), "no KeyInfo")
    vector("white-space-in-signature", "verified", assertion_only().replace("<ds:SignatureValue>", "\n  <ds:SignatureValue>"), "white space between the parts of a signature")
    vector("32-prefixes", "verified", both(prefixes=("xs",) + tuple(f"p{n}" for n in range(31))), "as many prefixes as are taken")
    vector("other-id", "verified", both(response(extra='<saml2:Advice><x xmlns:y="urn:y" y:id="_assertion"/></saml2:Advice>')), "an attribute `id` in a vocabulary of its own")


def policies():
    vector("sha1", "signature_invalid", both(name="sha1", digest_name="sha1"), "RSA with SHA-1")
    vector("sha1-digest", "signature_invalid", both(digest_name="sha1"), "SHA-256 over a digest of SHA-1")
    vector("short-rsa", "signature_invalid", both(key=SHORT), "an RSA key of 1,024 bits", key="short.pem")
    vector("expired-certificate", "signature_invalid", both(key=EXPIRED), "a certificate that has expired", key="expired.pem")
    vector("tiny-rsa-allowed", "signature_invalid", both(key=TINY), "an RSA key of 512 bits, which no policy accepts", key="tiny.pem", policy="allow-short-rsa", xmlsec="signature_invalid")
    vector("short-rsa-sha384-allowed", "signature_invalid", both(key=SHORT, name="sha384"), "1,024 bits and SHA-384, which is not supported", key="short.pem", policy="allow-short-rsa", xmlsec="verified")
    vector("metadata-authority", "signature_invalid", both(key=AUTHORITY), "signed by the authority that issued the certificate", key="metadata-chain.xml", xmlsec="signature_invalid")
    vector("metadata-unknown-key-signs", "signature_invalid", both(key=P521), "signed by the key of a kind that is not supported", key="metadata-unknown-key.xml")
    vector("metadata-expired", "invalid_configuration", both(), "metadata whose validUntil has passed", key="metadata-until.xml", clock="2026-11-24T10:01:01Z", xmlsec="invalid_configuration")


def tampered():
    vector("unsigned", "unsigned_assertion", response(), "no signature at all")
    vector("changed-role", "signature_invalid", both().replace("ReadOnly", "Admin"), "the role was changed")
    vector("changed-role-inside", "signature_invalid", assertion_only().replace("role/ReadOnly", "role/Admin"), "the same, the assertion alone signed")
    vector("comment-moves-nothing", "verified", both().replace("role/ReadOnly", "role/Read<!-- -->Only"), "a comment put in afterwards: the signature holds and the text is read whole")
    vector("comment-in-subject", "verified", both(response(subject="ada@example.com.evil.example")).replace("ada@example.com.evil", "ada@example.com<!-- -->.evil"),
           "a comment in the name: it is read whole, never cut short")
    vector("instruction-in-role", "forbidden_construct", both().replace("role/ReadOnly", "role/Read<?x y?>Only"), "a processing instruction")
    vector("changed-signed-info", "signature_invalid", both().replace("<ds:SignedInfo>", "<ds:SignedInfo xmlns:evil='urn:evil' evil:a='1'>"), "the signed info was changed")
    vector("changed-value", "signature_invalid", re.sub(r"<ds:SignatureValue>....", "<ds:SignatureValue>AAAA", both()), "another signature value")
    vector("one-of-two-broken", "signature_invalid", re.sub(r"(?s)(.*)<ds:SignatureValue>....", r"\1<ds:SignatureValue>AAAA", both()), "the assertion's signature is broken, the response's holds" )
    inner = sign(response(), "_assertion", ATTACKER)
    vector("inner-by-attacker", "signature_invalid", sign(inner, "_response", RSA), "the inner signature is somebody else's")
    vector("attacker-key-info", "signature_invalid", both(key=ATTACKER), "signed by an attacker who brings his certificate along")
    vector("trusted-key-info", "signature_invalid",
           both(key=ATTACKER, key_info=f'<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{RSA.der64()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>'),
           "signed by an attacker who names the trusted certificate")

    def confused(message):
        mac = hmac.HMAC(RSA.public_pem().encode(), hashes.SHA256())
        mac.update(message)
        return mac.finalize()

    vector("hmac-confusion", "forbidden_construct", both(method=MORE + "hmac-sha256", value=confused), "HMAC with the public key as its secret", xmlsec=FORBIDDEN)
    vector("rsa-pss", "forbidden_construct", both(method="http://www.w3.org/2007/05/xmldsig-more#rsa-pss"), "an algorithm outside the profile", xmlsec=FORBIDDEN)
    vector("no-signature-value", "signature_invalid", re.sub(r"<ds:SignatureValue>[^<]*", "<ds:SignatureValue>AA==", both()), "a signature of one byte")
    vector("empty-signature-value", "forbidden_construct", re.sub(r"<ds:SignatureValue>[^<]*", "<ds:SignatureValue>", both()), "no signature value")


def shapes():
    signed = both()
    vector("dtd", "forbidden_construct", "<!DOCTYPE r [<!ENTITY a 'Admin'>]>" + signed, "a DTD", xmlsec=FORBIDDEN)
    vector("duplicate-id", "forbidden_construct", both(response(extra='<saml2:Advice><x ID="_assertion"/></saml2:Advice>')), "an id that is given twice")
    vector("duplicate-id-case", "forbidden_construct", both(response(extra='<saml2:Advice><x Id="_response"/></saml2:Advice>')), "the same with an attribute of another name for ids")
    vector("duplicate-xml-id", "forbidden_construct", both(response(extra='<saml2:Advice><x xml:id="_response"/></saml2:Advice>')), "the same with xml:id")
    vector("text-in-signature", "forbidden_construct", assertion_only().replace("<ds:SignatureValue>", "text<ds:SignatureValue>"), "a text between the parts of a signature")
    vector("33-prefixes", "forbidden_construct", both(prefixes=("xs",) + tuple(f"p{n}" for n in range(32))), "more prefixes than anybody needs")
    unknown = f'<ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}">%s</ds:Transform>'
    vector("unknown-parameter", "forbidden_construct", both(transforms=unknown % '<x/>', prefixes=()), "an unknown parameter of the canonicalization")
    vector("parameter-with-children", "forbidden_construct", both(transforms=unknown % f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="xs"><x/></ec:InclusiveNamespaces>'), "a parameter that holds elements")
    failed = response(status="urn:oasis:names:tc:SAML:2.0:status:Responder")
    vector("failed-unsigned", "identity_provider_refused", re.sub(r"(?s)<saml2:Assertion.*</saml2:Assertion>", "", failed), "a report of failure, unsigned, without an assertion")
    vector("unsigned-encrypted", "encrypted_assertion", re.sub(r"(?s)<saml2:Assertion.*</saml2:Assertion>", '<saml2:EncryptedAssertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion"/>', response()), "an encrypted assertion, unsigned")
    vector("relative-namespace", "forbidden_construct", signed.replace("<saml2p:Response ", "<saml2p:Response xmlns:evil='relative' ", 1), "void canonicalization: a relative namespace URI")
    info = re.search(r"<ds:SignedInfo>.*?</ds:SignedInfo>", signed).group()
    vector("two-signed-infos", "forbidden_construct", signed.replace(info, info + info, 1), "a second SignedInfo")
    vector("signed-info-in-object", "forbidden_construct", re.sub(r"(<ds:KeyInfo>.*?</ds:KeyInfo>)", rf"\1<ds:Object>{info}</ds:Object>", signed, count=1), "a SignedInfo inside an Object", xmlsec=FORBIDDEN)
    vector("digest-comment", "forbidden_construct", re.sub(r"<ds:DigestValue>", "<ds:DigestValue><!--AAAA-->", signed, count=1), "a comment inside the digest")
    vector("signature-value-comment", "forbidden_construct", re.sub(r"<ds:SignatureValue>", "<ds:SignatureValue><!--AAAA-->", signed, count=1), "a comment inside the signature value")
    vector("digest-cdata", "verified", re.sub(r"<ds:DigestValue>([^<]*)", r"<ds:DigestValue><![CDATA[\1]]>", signed, count=1), "CDATA is text")
    vector("two-references", "forbidden_construct", both(reference_twice=True), "two references", xmlsec=FORBIDDEN)
    vector("empty-reference", "forbidden_construct", response_only(uri=""), "a reference to the whole document")
    vector("xpointer", "forbidden_construct", response_only(uri="#xpointer(/)"), "a reference by XPointer", xmlsec=FORBIDDEN)
    for name, uri in {
        "http": "http://127.0.0.1:9/x", "file": "file:///etc/hostname", "relative": "x.xml", "relative-id": "x.xml#_response",
        "xpointer-id": "#xpointer(id('_response'))", "space": " ", "hash": "#", "xpath": "#xmlns(a=b)xpointer(//*)",
    }.items():
        vector(f"reference-{name}", "forbidden_construct", response_only(uri=uri), f"a reference to `{uri}`", xmlsec=FORBIDDEN)
    vector("reference-without-uri", "forbidden_construct", both().replace(' URI="#_response"', ""), "a reference without an address", xmlsec=FORBIDDEN)
    for name, info in {
        "retrieval-method": '<ds:RetrievalMethod URI="http://127.0.0.1:9/x" Type="http://www.w3.org/2000/09/xmldsig#rawX509Certificate"/>',
        "key-info-reference": '<dsig11:KeyInfoReference xmlns:dsig11="http://www.w3.org/2009/xmldsig11#" URI="http://127.0.0.1:9/x"/>',
        "encrypted-key": '<xenc:EncryptedKey xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"><xenc:CipherData><xenc:CipherReference URI="http://127.0.0.1:9/x"/></xenc:CipherData></xenc:EncryptedKey>',
    }.items():
        # The strict verifier uses nothing of it but the certificate, to explain a refusal.
        vector(name, "verified", both(key_info=f"<ds:KeyInfo>{info}</ds:KeyInfo>"), f"KeyInfo with {name}", xmlsec=FORBIDDEN)
    manifest = f'<ds:Object xmlns:ds="{DS}"><ds:Manifest><ds:Reference URI="http://127.0.0.1:9/x"/></ds:Manifest></ds:Object>'
    vector("manifest", "forbidden_construct", signed.replace("</ds:KeyInfo>", "</ds:KeyInfo>" + manifest, 1), "a manifest in the signature", xmlsec=FORBIDDEN)
    vector("manifest-outside", "verified", both(response(extra=f"<saml2:Advice>{manifest}</saml2:Advice>")), "a manifest outside every signature", xmlsec=FORBIDDEN)
    vector("reference-elsewhere", "forbidden_construct", response_only(uri="#_assertion"), "a reference to another element")
    enveloped = f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'
    exclusive = f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'
    for name, transforms in {
        "no-transforms": "",
        "no-canonicalization": enveloped,
        "transforms-reversed": exclusive + enveloped,
        "xpath": enveloped + '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>not(ancestor::x)</ds:XPath></ds:Transform>',
        "xslt": enveloped + '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>' + exclusive,
        "with-comments": enveloped + f'<ds:Transform Algorithm="{EXCLUSIVE}WithComments"/>',
        "inclusive": enveloped + '<ds:Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>',
        "xpath-in-enveloped": f'<ds:Transform Algorithm="{DS}enveloped-signature"><ds:XPath>1</ds:XPath></ds:Transform>' + exclusive,
        "xslt-exponential": enveloped + XSLT,
        "many": exclusive * 40,
        "enveloped-with-children": f'<ds:Transform Algorithm="{DS}enveloped-signature"><x/></ds:Transform>' + exclusive,
        "base64": f'<ds:Transform Algorithm="{DS}base64"/>',
    }.items():
        harmless = name in ("no-transforms", "no-canonicalization", "transforms-reversed", "with-comments")
        vector(f"transform-{name}", "forbidden_construct", both(transforms=transforms, prefixes=()), f"transforms: {name}", xmlsec="" if harmless else FORBIDDEN)
    vector("inclusive-signed-info", "forbidden_construct", both(canonicalization="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"), "another canonicalization of the signed info")
    vector("unknown-canonicalization", "forbidden_construct", both(canonicalization="urn:unknown"), "an unknown canonicalization of the signed info", xmlsec=FORBIDDEN)
    vector("hmac-output-length", "forbidden_construct", re.sub(r'(<ds:SignatureMethod Algorithm="[^"]*")/>', r"\1><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>", signed), "a parameter of the signature method", xmlsec=FORBIDDEN)
    vector("second-signature", "forbidden_construct", sign(both(), "_response", ATTACKER), "two signatures in one element")
    vector("nested-response", "forbidden_construct", signed.replace("<saml2p:Status>", "<saml2p:Extensions><saml2p:Response/></saml2p:Extensions><saml2p:Status>"), "a response inside the response")
    vector("no-id", "forbidden_construct", both().replace(' ID="_response"', "", 1), "the signed element has no id")
    vector("version-1", "forbidden_construct", both(response(version="1.1")), "SAML 1.1 under the namespace of 2.0", xmlsec=FORBIDDEN)
    vector("version-inside", "forbidden_construct", both(response().replace('ID="_assertion" Version="2.0"', 'ID="_assertion" Version="1.1"')), "an assertion of another version", xmlsec=FORBIDDEN)
    vector("version-missing", "forbidden_construct", both(response().replace(' Version="2.0"', "")), "no version", xmlsec=FORBIDDEN)
    vector("three-signatures", "forbidden_construct", sign(both(), "_response", ATTACKER), "three signatures", xmlsec=FORBIDDEN)
    vector("no-space-between-attributes", "malformed_response", both().replace('" Version=', '"Version=', 1), "no white space between two attributes", xmlsec="malformed_response")
    encrypted = re.sub(r"(?s)<saml2:Assertion.*</saml2:Assertion>", '<saml2:EncryptedAssertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion"/>', response())
    vector("encrypted", "encrypted_assertion", response_only(encrypted), "an encrypted assertion in a signed response")
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = base64.b64encode(bomb.compress(b"<" + b"a" * (8 << 20) + b"/>") + bomb.flush()).decode()
    vector("deflate-bomb", "limit_exceeded", packed, "8 MiB in 8 KiB of DEFLATE")


def wrapped():
    """XML signature wrapping, by the numbers of Somorovsky et al., On Breaking SAML (2012)."""

    def take(xml):
        root = etree.fromstring(xml.encode())
        return root, by_id(root, "_assertion")

    def evil_copy(element, new_id):
        evil = copy.deepcopy(element)
        for node in evil.iter(f"{{{SAML}}}AttributeValue"):
            node.text = (node.text or "").replace("ReadOnly", "Admin")
        evil.set("ID", new_id)
        for node in evil.findall(f"{{{DS}}}Signature"):
            evil.remove(node)
        return evil

    def out(number, verdict, root, note):
        vector(f"xsw-{number}", verdict, etree.tostring(root).decode(), f"XSW {number}: {note}")

    # 1 and 2: the response is signed; an evil response around it.
    for number, note in ((1, "the signed response inside the signature of an evil one"), (2, "the signed response before the signature of an evil one")):
        root = etree.fromstring(response_only().encode())
        original = copy.deepcopy(root)
        node = root.find(f"{{{DS}}}Signature")
        inner = original.find(f"{{{DS}}}Signature")
        original.remove(inner)
        evil_role = root.iter(f"{{{SAML}}}AttributeValue")
        for value in evil_role:
            value.text = (value.text or "").replace("ReadOnly", "Admin")
        root.set("ID", "_evil")
        if number == 1:
            node.append(original)
        else:
            node.addprevious(original)
        out(number, "forbidden_construct", root, note)
    # 3 to 8: the assertion is signed; an evil assertion somewhere near it.
    root, original = take(assertion_only())
    original.addprevious(evil_copy(original, "_evil"))
    out(3, "multiple_assertions", root, "an evil assertion before the signed one")
    root, original = take(assertion_only())
    evil = evil_copy(original, "_evil")
    original.addprevious(evil)
    evil.append(original)
    out(4, "multiple_assertions", root, "the signed assertion inside an evil one")
    root, original = take(assertion_only())
    evil = evil_copy(original, "_evil")
    node = original.find(f"{{{DS}}}Signature")
    evil.insert(1, node)
    original.addprevious(evil)
    root.append(original)
    out(5, "multiple_assertions", root, "the signature moved to an evil assertion, the original behind it")
    root, original = take(assertion_only())
    evil = evil_copy(original, "_evil")
    node = original.find(f"{{{DS}}}Signature")
    evil.insert(1, node)
    original.addprevious(evil)
    node.append(original)
    out(6, "multiple_assertions", root, "the original inside the signature that was moved to an evil assertion")
    root, original = take(assertion_only())
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    original.addprevious(extensions)
    extensions.append(evil_copy(original, "_assertion"))
    out(7, "multiple_assertions", root, "an evil assertion with the same id in the extensions")
    root, original = take(assertion_only())
    evil = evil_copy(original, "_evil")
    node = original.find(f"{{{DS}}}Signature")
    evil.insert(1, node)
    original.addprevious(evil)
    holder = etree.SubElement(node, f"{{{DS}}}Object")
    holder.append(original)
    out(8, "multiple_assertions", root, "the original in an Object of the signature that was moved to an evil assertion")
    # 9: an evil assertion that takes the place of the signed one, which hides in another vocabulary.
    root, original = take(assertion_only())
    evil = evil_copy(original, "_evil")
    holder = etree.Element("{urn:example}holder")
    original.addprevious(evil)
    holder.append(original)
    root.append(holder)
    out(9, "multiple_assertions", root, "the signed assertion inside an element of another vocabulary")
    # The signed assertion by its id, and the evil one without a signature in its place.
    root, original = take(assertion_only())
    evil = evil_copy(original, "_evil")
    node = original.find(f"{{{DS}}}Signature")
    root.insert(1, node)
    original.getparent().replace(original, evil)
    vector("signature-moved-to-response", "forbidden_construct", etree.tostring(root).decode(), "the assertion's signature in the response, and another assertion")


def conditions():
    refused = "assertion_not_accepted"
    vector("expired", refused, both(), "after its end, beyond the skew", clock="2026-11-24T10:06:00Z")
    vector("within-skew", "verified", both(), "after its end, within the skew", clock="2026-11-24T10:05:59Z")
    vector("not-yet", refused, both(), "before its beginning", clock="2026-11-24T09:53:00Z")
    vector("not-yet-within-skew", "verified", both(), "a minute before it was issued", clock="2026-11-24T09:59:00Z")
    vector("not-yet-beyond-skew", refused, both(), "a minute and a second before it was issued", clock="2026-11-24T09:58:59Z")
    vector("session-ended", refused, both(response(session=' SessionNotOnOrAfter="2026-11-24T09:00:00Z"')), "the session has ended")
    vector("unreadable-end", refused, both(response(session=' SessionNotOnOrAfter="soon"')), "an end that is no instant")
    vector("no-end", refused, both(response().replace(' NotOnOrAfter="2026-11-24T10:05:00Z" Recipient', " Recipient")), "a confirmation without an end")
    vector("other-audience", refused, both(response(conditions='<saml2:AudienceRestriction><saml2:Audience>urn:other</saml2:Audience></saml2:AudienceRestriction>')), "another audience")
    vector("no-audience", refused, both(response(conditions="")), "no audience")
    two = '<saml2:AudienceRestriction><saml2:Audience>urn:amazon:webservices</saml2:Audience></saml2:AudienceRestriction>' \
          '<saml2:AudienceRestriction><saml2:Audience>urn:other</saml2:Audience></saml2:AudienceRestriction>'
    vector("two-restrictions", refused, both(response(conditions=two)), "a second restriction of the audience")
    vector("unknown-condition", refused, both(response(conditions='<saml2:AudienceRestriction><saml2:Audience>urn:amazon:webservices</saml2:Audience></saml2:AudienceRestriction><saml2:Condition/>')), "a condition that is not understood")
    vector("other-recipient", refused, both(response(recipient="https://evil.example/saml")), "another recipient")
    for name, recipient in {
        "query": "https://evil.example?.signin.aws.amazon.com/saml", "port": "https://evil.example:80.signin.aws.amazon.com/saml",
        "user": "https://evil.example@signin.aws.amazon.com/saml", "upper-case": "https://EU-WEST-1.signin.aws.amazon.com/saml",
    }.items():
        vector(f"recipient-{name}", refused, both(response(recipient=recipient)), "a recipient that only looks like AWS")
    vector("other-destination", refused, assertion_only(response(destination="https://evil.example/saml")), "another destination")
    vector("holder-of-key", refused, both(response(method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")), "another confirmation method")
    vector("no-subject", refused, both(response(subject="")), "an empty name")
    twice = response()
    found = re.search(r"<saml2:SubjectConfirmation .*?</saml2:SubjectConfirmation>", twice).group()
    vector("two-confirmations", refused, both(twice.replace(found, found * 2)), "two confirmations")
    vector("failed", refused, both(response(status="urn:oasis:names:tc:SAML:2.0:status:Responder")), "a status of failure")
    vector("failed-outside", refused, assertion_only(response(status="urn:oasis:names:tc:SAML:2.0:status:Responder")), "a status of failure outside what is signed")
    vector("other-issuer", refused, both(response(issuer="http://www.okta.com/other")), "another issuer than the metadata names", key="metadata.xml")
    vector("no-issuer", refused, assertion_only(re.sub(r"(?s)(<saml2:Assertion.*?)<saml2:Issuer>.*?</saml2:Issuer>", r"\1", response()), at=0), "no issuer in the assertion")
    vector("no-issuer-inside", refused, both(re.sub(r"(?s)(<saml2:Assertion.*?)<saml2:Issuer>.*?</saml2:Issuer>", r"\1", response()), at=0), "no issuer in the assertion, one in the response")
    vector("no-issuer-outside", "verified", both(re.sub(r"(?s)<saml2:Issuer.*?</saml2:Issuer>", "", response(), count=1)), "no issuer in a signed response")
    vector("empty-destination", refused, both(response(destination="")), "a destination that is empty")
    vector("no-authn-statement", refused, both(re.sub(r"<saml2:AuthnStatement[^>]*/>", "", response())), "no statement of a sign-in")
    vector("other-request", refused, both(response(in_response_to=' InResponseTo="_other"')), "an answer to another request", in_response_to="_request")
    vector("unsolicited", refused, both(), "no answer to any request", in_response_to="_request")
    vector("outside-answers-other", refused, assertion_only(response(in_response_to=' InResponseTo="_request"').replace('InResponseTo="_request"', 'InResponseTo="_other"', 1)), "the response answers another request than the assertion", in_response_to="_request")


def metadata(name, keys, attributes=""):
    """Writes metadata with a KeyDescriptor for each list of certificates."""
    certificate = "<ds:X509Certificate>{}</ds:X509Certificate>"
    descriptors = "".join(
        '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data>'
        + "".join(certificate.format(key.der64()) for key in chain)
        + "</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for chain in keys
    )
    (FOLDER / f"{name}.xml").write_text(
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="{DS}" entityID="{ISSUER}"{attributes}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">{descriptors}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://acme.okta.com/app/sso"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>\n"
    )


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.vector"):
        old.unlink()
    for name, key in {"rsa": RSA, "short": SHORT, "tiny": TINY, "p256": P256, "p384": P384, "expired": EXPIRED}.items():
        (FOLDER / f"{name}.pem").write_text(key.pem())
    (FOLDER / "renewed.pem").write_text(EXPIRED.pem() + Key(EXPIRED.private, "renewed").pem())
    (FOLDER / "two.pem").write_text(P256.pem() + RSA.pem())
    (FOLDER / "rsa.public.pem").write_text(RSA.public_pem())
    metadata("metadata", [[RSA]])
    metadata("metadata-unknown-key", [[P521], [RSA]])
    metadata("metadata-chain", [[RSA, AUTHORITY]])
    metadata("metadata-until", [[RSA]], ' validUntil="2026-11-24T10:01:01Z"')
    genuine()
    policies()
    tampered()
    shapes()
    wrapped()
    conditions()


main()
