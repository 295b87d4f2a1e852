// A person and an AWS app for the identity provider of the npm package `saml-idp`.
const AWS = "https://aws.amazon.com/SAML/Attributes/";

const attribute = (name) => ({ id: AWS + name, optional: false, displayName: name, description: name, multiValue: false });

module.exports = {
  user: {
    userName: "ada@example.com",
    nameIdFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    [AWS + "Role"]: "arn:aws:iam::111122223333:role/ReadOnly,arn:aws:iam::111122223333:saml-provider/saml-idp",
    [AWS + "RoleSessionName"]: "ada@example.com",
  },
  metadata: [attribute("Role"), attribute("RoleSessionName")],
};
