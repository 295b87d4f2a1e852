// Ways to read the roles of a response in Node. `benches/bindings.rs` asks for one at a time, and takes turns.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [folder, modules] = process.argv.slice(2);
const require = createRequire(join(modules, "package.json"));
const { read } = require("tempaccess");
const { XMLParser } = require("fast-xml-parser");
const { DOMParser } = require("@xmldom/xmldom");
const { SAML } = require("@node-saml/node-saml");
const { parseDomFromString } = require("@node-saml/node-saml/lib/xml");

const ROLE = "https://aws.amazon.com/SAML/Attributes/Role";
const NAMESPACE = "urn:oasis:names:tc:SAML:2.0:assertion";

const decoded = (text) => Buffer.from(text, "base64").toString();

function pair(value) {
  const [first, second] = value.split(",");
  return first.includes(":role/") ? [first, second] : [second, first];
}

const ours = (text) => read(text).roles.map((role) => [role.roleArn, role.providerArn]);

const parser = new XMLParser({
  ignoreAttributes: false,
  removeNSPrefix: true,
  isArray: (name) => name === "Attribute" || name === "AttributeValue",
});

function withFastXmlParser(text) {
  const attributes = parser.parse(decoded(text)).Response.Assertion.AttributeStatement.Attribute;
  const values = attributes.find((attribute) => attribute["@_Name"] === ROLE).AttributeValue;
  return values.map((value) => pair(value["#text"]));
}

function withXmldom(text) {
  const document = new DOMParser().parseFromString(decoded(text), "text/xml");
  const attributes = Array.from(document.getElementsByTagNameNS(NAMESPACE, "Attribute"));
  const attribute = attributes.find((attribute) => attribute.getAttribute("Name") === ROLE);
  return Array.from(attribute.getElementsByTagNameNS(NAMESPACE, "AttributeValue"), (value) => pair(value.textContent));
}

const saml = new SAML({ callbackUrl: "https://signin.aws.amazon.com/saml", issuer: "us", idpCert: "none", audience: false });

/** What `validatePostResponseAsync` does but for the signatures: the document, then the profile of the assertion. */
async function withNodeSaml(text) {
  const xml = decoded(text);
  await parseDomFromString(xml);
  const end = "</saml2:Assertion>";
  const assertion = xml.slice(xml.indexOf("<saml2:Assertion"), xml.indexOf(end) + end.length);
  const { profile } = await saml.processValidlySignedAssertionAsync(assertion, xml, undefined);
  return profile[ROLE].map(pair);
}

const version = (name) => `${name} ${JSON.parse(readFileSync(join(modules, "node_modules", name, "package.json"))).version}`;

const ways = {
  [version("tempaccess")]: ours,
  [version("fast-xml-parser")]: withFastXmlParser,
  [version("@xmldom/xmldom")]: withXmldom,
  [version("@node-saml/node-saml")]: withNodeSaml,
};

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

say([`Node ${process.versions.node}`, ...Object.keys(ways)]);
for await (const line of createInterface({ input: process.stdin })) {
  const [name, size, times] = JSON.parse(line);
  const text = readFileSync(join(folder, String(size)), "utf8");
  const way = ways[name];
  const pairs = await way(text);
  // Only what answers later is waited for: waiting costs, too.
  const waits = way === withNodeSaml;
  const start = process.hrtime.bigint();
  for (let time = 0; time < times; time++) {
    const found = way(text);
    if (waits) await found;
  }
  say([Number(process.hrtime.bigint() - start), pairs]);
}
