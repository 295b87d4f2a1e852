// Asks who it is, five times, with the credentials of a profile: `caller.mjs PROFILE ENDPOINT`.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.SDK_FOLDER, "package.json"));
const { GetCallerIdentityCommand, STSClient } = require("@aws-sdk/client-sts");
const { fromIni } = require("@aws-sdk/credential-providers");

const [profile, endpoint] = process.argv.slice(2);
const client = new STSClient({ region: "us-east-1", endpoint, credentials: fromIni({ profile }) });
for (let round = 0; round < 5; round++) {
  const { Arn } = await client.send(new GetCallerIdentityCommand({}));
  console.log(Arn);
}
