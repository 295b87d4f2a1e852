"""Makes SAML responses and signs them, with lxml (libxml2) and cryptography (OpenSSL), which share no code with what is tested."""

import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.x509.oid import NameOID
from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
ENC = "http://www.w3.org/2001/04/xmlenc#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
ISSUER = "http://www.okta.com/exk1"

HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
DIGESTS = {"sha1": DS + "sha1", "sha256": ENC + "sha256", "sha384": MORE + "sha384", "sha512": ENC + "sha512"}


class Key:
    def __init__(self, private, subject, days=(-400, 9000)):
        self.private = private
        now = datetime.datetime(2026, 11, 24, tzinfo=datetime.timezone.utc)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(1)
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .sign(private, hashes.SHA256())
        )

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def der64(self):
        return base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    def sign(self, message, name):
        algorithm = HASHES[name]
        if isinstance(self.private, rsa.RSAPrivateKey):
            return f"rsa-{name}", self.private.sign(message, padding.PKCS1v15(), algorithm)
        r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(algorithm)))
        size = (self.private.key_size + 7) // 8
        return f"ecdsa-{name}", r.to_bytes(size, "big") + s.to_bytes(size, "big")


def method_uri(name):
    return (DS if name == "rsa-sha1" else MORE) + name


def response(**changes):
    values = dict(
        version="2.0",
        response_id="_response",
        assertion_id="_assertion",
        status="urn:oasis:names:tc:SAML:2.0:status:Success",
        issuer=ISSUER,
        destination="https://signin.aws.amazon.com/saml",
        in_response_to="",
        subject="ada@example.com",
        recipient="https://signin.aws.amazon.com/saml",
        until="2026-11-24T10:05:00Z",
        since="2026-11-24T09:55:00Z",
        conditions='<saml2:AudienceRestriction><saml2:Audience>urn:amazon:webservices</saml2:Audience></saml2:AudienceRestriction>',
        method="urn:oasis:names:tc:SAML:2.0:cm:bearer",
        role="arn:aws:iam::123456789012:role/ReadOnly,arn:aws:iam::123456789012:saml-provider/Okta",
        session="",
        extra="",
    )
    values.update(changes)
    return """<saml2p:Response xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="{response_id}" Version="{version}" IssueInstant="2026-11-24T10:00:00Z" Destination="{destination}"{in_response_to}>
  <saml2:Issuer xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</saml2:Issuer>
  <saml2p:Status><saml2p:StatusCode Value="{status}"/></saml2p:Status>
  <saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="{assertion_id}" Version="{version}" IssueInstant="2026-11-24T10:00:00Z">
    <saml2:Issuer>{issuer}</saml2:Issuer>
    <saml2:Subject><saml2:NameID>{subject}</saml2:NameID><saml2:SubjectConfirmation Method="{method}"><saml2:SubjectConfirmationData{in_response_to} NotOnOrAfter="{until}" Recipient="{recipient}"/></saml2:SubjectConfirmation></saml2:Subject>
    <saml2:Conditions NotBefore="{since}" NotOnOrAfter="{until}">{conditions}</saml2:Conditions>
    <saml2:AuthnStatement AuthnInstant="2026-11-24T10:00:00Z"{session}/>
    <saml2:AttributeStatement>
      <saml2:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><saml2:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">{role}</saml2:AttributeValue></saml2:Attribute>
      <saml2:Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><saml2:AttributeValue>ada@example.com</saml2:AttributeValue></saml2:Attribute>
    </saml2:AttributeStatement>{extra}
  </saml2:Assertion>
</saml2p:Response>""".format(**values)


def canonical(element, prefixes=()):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes))


def digest(data, name):
    hasher = hashes.Hash(HASHES[name])
    hasher.update(data)
    return base64.b64encode(hasher.finalize()).decode()


def by_id(root, wanted):
    return next(node for node in root.iter() if isinstance(node.tag, str) and node.get("ID") == wanted)


def signature(signed_info, value, key_info):
    return f'<ds:Signature xmlns:ds="{DS}">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>{key_info}</ds:Signature>'


def sign(xml, of, key, name="sha256", digest_name=None, prefixes=("xs",), transforms=None, uri=None, method=None,
         key_info=None, reference_twice=False, canonicalization=EXCLUSIVE, value=None, at=1, around="{}"):
    """Signs the element with this ID and puts the signature behind its issuer. `around` is an envelope that is put around
    the response before it is signed."""
    parser = etree.XMLParser(resolve_entities=False, remove_blank_text=False)
    root = etree.fromstring((around.format(xml) if "Envelope" not in xml else xml).encode(), parser)
    element = by_id(root, of)
    digest_name = digest_name or ("sha256" if name == "sha1" else name)
    inclusive = f'<ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" PrefixList="{" ".join(prefixes)}"/>' if prefixes else ""
    if transforms is None:
        transforms = f'<ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}">{inclusive}</ds:Transform>'
    reference = (
        f'<ds:Reference URI="{("#" + of) if uri is None else uri}"><ds:Transforms>{transforms}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{DIGESTS[digest_name]}"/><ds:DigestValue>{digest(canonical(element, prefixes), digest_name)}</ds:DigestValue></ds:Reference>'
    )
    kind = "rsa" if isinstance(key.private, rsa.RSAPrivateKey) else "ecdsa"
    signed_info = (
        f'<ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{canonicalization}"/>'
        f'<ds:SignatureMethod Algorithm="{method or method_uri(f"{kind}-{name}")}"/>{reference * (2 if reference_twice else 1)}</ds:SignedInfo>'
    )
    if key_info is None:
        key_info = f'<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{key.der64()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>'
    node = etree.fromstring(signature(signed_info, "", key_info), parser)
    element.insert(at, node)
    made = value(canonical(node[0])) if value else key.sign(canonical(node[0]), name)[1]
    node[1].text = base64.b64encode(made).decode()
    return etree.tostring(root).decode()
