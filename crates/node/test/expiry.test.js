// The AWS SDK for JavaScript through expiries: the program and the sandbox live in a time that the program moves on.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { join } = require("node:path");
const { test } = require("node:test");

const { fakedTime, parts, withSandbox } = require("./support/sandbox");

const { faked, missing } = fakedTime();
const here = withSandbox(faked);

const program = (sdk) => `
  const { writeFileSync } = require("node:fs");
  const { createRequire } = require("node:module");
  const { GetCallerIdentityCommand, STSClient } = createRequire(${JSON.stringify(join(sdk, "package.json"))})("@aws-sdk/client-sts");
  const { fromTempAccess } = require(${JSON.stringify(join(__dirname, ".."))});

  const give = fromTempAccess({ username: "alan@example.com", password: "bombe", role: "ReadOnly" });
  let asked = 0;
  const credentials = () => ((asked += 1), give());
  const client = new STSClient({ region: "us-east-1", credentials });
  (async () => {
    for (let hour = 1; hour <= 3; hour++) {
      for (let round = 0; round < 5; round++) {
        const { Arn } = await client.send(new GetCallerIdentityCommand({}));
        console.log(Arn, asked);
      }
      writeFileSync(process.env.FAKETIME_TIMESTAMP_FILE, \`+\${61 * hour}m\`);
    }
  })();`;

test("a sign-in an hour and no more", (context) => {
  if (missing) return context.skip(missing);
  const sdk = parts(context, "@aws-sdk/client-sts");
  if (!sdk) return;
  const ran = execFileSync(process.execPath, ["-e", program(sdk.folder)], { env: { ...process.env, ...faked }, encoding: "utf8" });
  const arn = "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com";
  assert.deepEqual(ran.trim().split("\n"), [1, 2, 3].flatMap((hour) => Array(5).fill(`${arn} ${hour}`)));
  assert.equal(here.issued(), 3);
});
