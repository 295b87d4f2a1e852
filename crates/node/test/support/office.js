// An administrator and a contractor at the sandbox, each with a key, a list of trusted signers and a configuration.
"use strict";

const { execFileSync } = require("node:child_process");
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { after, beforeEach } = require("node:test");

const { Grants, openGrant } = require("../..");
const { programs, root, withSandbox } = require("./sandbox");

const admin = "arn:aws:iam::111122223333:saml-provider/Okta,arn:aws:iam::111122223333:role/AccessAdmin";
const ledger = {
  Version: "2012-10-17",
  Statement: [
    { Effect: "Allow", Action: ["s3:ListBucket", "s3:GetObject"], Resource: ["arn:aws:s3:::ledger", "arn:aws:s3:::ledger/*"] },
  ],
};

const config = `
[accounts]
111122223333 = "ledger"

[profiles.admin]
username = "alan@example.com"
password_command = "printf bombe"
role = "ledger/AccessAdmin"
region = "us-east-1"

[grants]
signers = "access.signers"
records = "records"
sign_with = "alan"

[grants.presets.count-objects]
kind = "session"
role = "ledger/Granted"
max_duration = "1h"
to = ["*@example.com"]
approvals = 1

[grants.presets.emergency]
kind = "session"
role = "ledger/Granted"
max_duration = "30m"
approvals = 1
break_glass = true
`;

/** The world of the demo, in which Alan and Barbara are administrators who have a password only. */
function world() {
  const text = readFileSync(join(root, "crates/sandbox/src/world/demo.toml"), "utf8");
  const alan = /(login = "alan@example.com"\npassword = "bombe"\nroles = \[)/;
  const barbara = `[[users]]\nlogin = "barbara@example.com"\npassword = "abstraction"\nroles = ["${admin}"]\n\n[[providers]]`;
  return text.replace(alan, `$1"${admin}", `).replace("[[providers]]", barbara);
}

/** Starts a sandbox with administrators for the tests of the file that calls this. */
function withOffice(environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tempaccess-office-"));
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "world.toml"), world());
  const here = withSandbox(environment, ["--world", join(folder, "world.toml")]);

  here.file = (name) => join(here.home, name);
  here.run = (...words) =>
    execFileSync(join(programs, "tempaccess"), words, { encoding: "utf8", env: { ...process.env, USER: "person" }, stdio: "pipe" });
  here.grants = (name = "alan", more = {}) => {
    const file = here.file(`${name}.toml`);
    writeFileSync(file, config.replace('sign_with = "alan"', `sign_with = "${name}"`));
    return new Grants("admin", { config: file, ...more });
  };
  here.barbara = () => here.grants("barbara", { username: "barbara@example.com", password: "abstraction" });
  here.session = (more = {}) => ({
    to: "grace@example.com",
    role: "ledger/Granted",
    policy: ledger,
    duration: "40m",
    reason: "OPS-123",
    sealTo: here.file("grace.pub"),
    ...more,
  });
  here.open = (sealed, more = {}) => openGrant(sealed, { identity: here.file("grace"), config: here.file("alan.toml"), ...more });

  beforeEach(() => {
    for (const service of ["CLOUDTRAIL", "IAM", "S3"]) process.env[`AWS_ENDPOINT_URL_${service}`] = here.variables.AWS_ENDPOINT_URL_STS;
    for (const name of ["alan", "barbara", "grace", "eve"]) here.run("grant", "key", "--new", "--file", here.file(name));
    for (const [name, purpose] of [["alan", "granter"], ["barbara", "granter"], ["grace", "requester"]]) {
      const signers = ["--signers", here.file("access.signers"), "--as", purpose, "--yes"];
      here.run("grant", "trust", `${name}@example.com`, here.file(`${name}.pub`), ...signers);
    }
    here.grants();
  });
  return here;
}

module.exports = { ledger, withOffice };
