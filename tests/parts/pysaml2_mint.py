"""Mints a SAML response for AWS with pysaml2: its own prefixes, SHA-512, the assertion alone signed by xmlsec1.

Prints the base64 text. The key and the certificate are idp.key and idp.crt in the folder given."""

import base64
import sys

from saml2 import xmldsig
from saml2.config import IdPConfig
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server

folder = sys.argv[1]
aws = "https://aws.amazon.com/SAML/Attributes/"
account = "arn:aws:iam::111122223333:"
config = IdPConfig().load(
    {
        "entityid": "https://idp.example.com/pysaml2",
        "key_file": f"{folder}/idp.key",
        "cert_file": f"{folder}/idp.crt",
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "service": {
            "idp": {
                "endpoints": {"single_sign_on_service": []},
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}},
            }
        },
        "metadata": {
            "inline": [
                '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:amazon:webservices">'
                '<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
                '<md:AssertionConsumerService index="1" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
                'Location="https://signin.aws.amazon.com/saml"/></md:SPSSODescriptor></md:EntityDescriptor>'
            ]
        },
    }
)
response = Server(config=config).create_authn_response(
    {
        aws + "Role": [f"{account}role/ReadOnly,{account}saml-provider/pysaml2"],
        aws + "RoleSessionName": ["ada@example.com"],
    },
    in_response_to=None,
    destination="https://signin.aws.amazon.com/saml",
    sp_entity_id="urn:amazon:webservices",
    name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text="ada"),
    authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"},
    sign_assertion=True,
    sign_response=False,
    sign_alg=xmldsig.SIG_RSA_SHA512,
    digest_alg=xmldsig.DIGEST_SHA512,
)
print(base64.b64encode(str(response).encode()).decode())
