// A grant that ends while the AWS SDK for JavaScript uses it: the program and the sandbox live in a time that the program moves on.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { join } = require("node:path");
const { test } = require("node:test");

const { withOffice } = require("./support/office");
const { fakedTime, parts } = require("./support/sandbox");

const { faked, missing } = fakedTime();
const here = withOffice(faked);

/** Fails a test whose program hangs. */
const DEADLINE = 60_000;

const program = (sdk) => `
  const { writeFileSync } = require("node:fs");
  const { createRequire } = require("node:module");
  const { GetObjectCommand, S3Client } = createRequire(${JSON.stringify(join(sdk, "package.json"))})("@aws-sdk/client-s3");
  const { Grants, fromGrant, openGrant } = require(${JSON.stringify(join(__dirname, ".."))});

  (async () => {
    const own = { identity: "grace", config: "alan.toml" };
    const grants = new Grants("admin", { config: own.config });
    const { sealed } = await grants.issue({
      to: "grace@example.com", role: "ledger/Granted", duration: "40m", reason: "OPS-123", sealTo: "grace.pub",
    });
    const opened = await openGrant(sealed, own);
    const given = { region: "us-east-1", endpoint: process.env.AWS_ENDPOINT_URL_S3, forcePathStyle: true };
    const s3 = new S3Client({ ...given, credentials: fromGrant(opened) });
    const read = async () => (await s3.send(new GetObjectCommand({ Bucket: "ledger", Key: "README.txt" }))).Body.transformToString();
    for (const minutes of [0, 39]) {
      writeFileSync(process.env.FAKETIME_TIMESTAMP_FILE, \`+\${minutes}m\`);
      console.log((await read()).length);
    }
    writeFileSync(process.env.FAKETIME_TIMESTAMP_FILE, "+41m");
    for (const call of [read, async () => opened.credentials, () => openGrant(sealed, own)]) {
      await call().catch(({ code, hint }) => console.log(code, hint.split("\`")[1]));
    }
  })();`;

test("the error after the end names whom to ask", (context) => {
  if (missing) return context.skip(missing);
  const sdk = parts(context, "@aws-sdk/client-s3");
  if (!sdk) return;
  const options = { env: { ...process.env, ...faked }, cwd: here.home, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], timeout: DEADLINE };
  const ran = execFileSync(process.execPath, ["-e", program(sdk.folder)], options);
  assert.deepEqual(ran.trim().split("\n"), ["18", "18", ...Array(3).fill("grant_ended alan@example.com")]);
});
