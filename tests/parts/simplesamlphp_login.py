"""Signs in at a SimpleSAMLphp as a browser would and prints the page that posts the SAML response to AWS."""

import html
import re
import sys
import urllib.parse

import requests

base, user, password = sys.argv[1:]
session = requests.Session()
form = session.get(f"{base}/saml2/idp/SSOService.php?spentityid=urn:amazon:webservices", timeout=30)
state = html.unescape(re.search(r'name="AuthState" value="([^"]+)"', form.text).group(1))
page = session.post(form.url, data={"username": user, "password": password, "AuthState": state}, timeout=30)
print(page.text)
