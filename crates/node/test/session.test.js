// The whole way from Node, against the sandbox; and one store for Node and the command line.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { join } = require("node:path");
const { inspect } = require("node:util");
const { test } = require("node:test");

const { Session, TempAccessError, fromTempAccess, status } = require("..");
const { alan, parts, programs, withSandbox } = require("./support/sandbox");

const here = withSandbox();
const ada = { username: "ada@example.com", password: "correct horse", prompter: { notify() {} } };

test("credentials, and no secret in what is printed", async () => {
  const issued = await new Session(alan).credentials();
  assert.match(issued.accessKeyId, /^ASIA/);
  assert.equal(issued.accountId, "111122223333");
  assert.ok(issued.expiration instanceof Date && issued.expiration > new Date());
  assert.equal(issued.summary.duration_asked, 1200);
  for (const text of [inspect(issued), JSON.stringify(issued)]) {
    assert.ok(!text.includes(issued.secretAccessKey) && !text.includes(issued.sessionToken));
  }
});

test("one store with the command line, and one sign-in for many at once", async () => {
  const session = new Session(alan);
  const sessions = await Promise.all(Array.from({ length: 8 }, () => session.credentials()));
  assert.equal(new Set(sessions.map((issued) => issued.accessKeyId)).size, 1);
  const words = ["credentials", "--output", "credential-process", "--no-interactive"];
  const asked = ["--username", alan.username, "--role", alan.role, "--duration", alan.duration];
  const printed = JSON.parse(execFileSync(join(programs, "tempaccess"), [...words, ...asked]));
  assert.equal(printed.SecretAccessKey, sessions[0].secretAccessKey);
  assert.equal(here.audit().length, 1);
  assert.equal(await session.signOut(), 1);
  await assert.rejects(new Session({ ...alan, password: undefined }).credentials(), { code: "interaction_required" });
});

test("errors and signals", async () => {
  await assert.rejects(new Session({ ...alan, password: "wrong" }).credentials(), (error) => {
    assert.ok(error instanceof TempAccessError);
    assert.deepEqual([error.code, error.stage, error.fault], ["authentication_failed", "sign_in", "caller"]);
    return true;
  });
  assert.throws(() => new Session({ rol: "ReadOnly" }), /unknown field `rol`/);
  assert.throws(() => new Session({ ...alan, duration: "1m" }), { code: "invalid_scope" });
  await assert.rejects(new Session(alan).credentials({ signal: AbortSignal.abort() }), { name: "AbortError" });
  const controller = new AbortController();
  const session = new Session(alan);
  const waiting = session.renew({ signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  // What was begun is finished, and serves whoever asks next.
  await session.credentials();
  assert.equal(here.issued(), 1);
  const roles = await new Session({ ...alan, role: undefined }).roles();
  assert.deepEqual(roles.map((role) => role.name), ["ReadOnly"]);
});

test("every role by one sign-in, and each failure by itself", async () => {
  const roles = await new Session(ada).allCredentials();
  assert.deepEqual(roles.map(({ role }) => role.name), ["ReadOnly", "Migration", "ReadOnly"]);
  assert.deepEqual(roles.map(({ issued }) => issued.accountId), ["111122223333", "111122223333", "444455556666"]);
  const [narrowed] = await new Session({ ...ada, policy: '{"Statement": 1}' }).allCredentials();
  assert.equal(narrowed.issued, undefined);
  assert.ok(narrowed.error instanceof TempAccessError);
  assert.equal(narrowed.error.code, "malformed_policy");
});

test("what is held is given without a sign-in, and listed without its secrets", async () => {
  const session = new Session(alan);
  assert.equal(session.cached(), undefined);
  const issued = await session.credentials();
  assert.equal(session.cached().accessKeyId, issued.accessKeyId);
  assert.notEqual((await session.renew({ force: true })).accessKeyId, issued.accessKeyId);
  const kept = status();
  assert.deepEqual(kept, JSON.parse(execFileSync(join(programs, "tempaccess"), ["status", "--output", "json"])));
  assert.ok(!JSON.stringify(kept).includes(session.cached().secretAccessKey));
  assert.deepEqual(status({ store: "none" }), { store: null, entries: [] });
});

test("the console opens by its address", async () => {
  const federationEndpointUrl = `${here.variables.AWS_ENDPOINT_URL_STS}/federation`;
  const session = new Session({ ...alan, federationEndpointUrl });
  const page = await (await fetch(await session.consoleUrl({ destination: "s3", duration: "2h" }))).text();
  assert.match(page, /signed in as arn:aws:sts::111122223333:assumed-role\/ReadOnly/);
  await assert.rejects(session.consoleUrl({ destination: "https://evil.example/" }), { code: "invalid_argument" });
});

test("roles are chained", async () => {
  const then = [{ role_arn: "arn:aws:iam::777788889999:role/Deploy", external_id: "contract-17" }];
  const issued = await new Session({ ...alan, then }).credentials();
  assert.equal(issued.accountId, "777788889999");
  assert.match(issued.summary.chained_from, /assumed-role\/ReadOnly/);
  for (const [json, key] of [[issued.credentialsJson(), "secret_access_key"], [issued.credentialProcess(), "SecretAccessKey"]]) {
    assert.equal(JSON.parse(json)[key], issued.secretAccessKey);
  }
});

test("the AWS SDK for JavaScript takes it as its provider", async (context) => {
  const sdk = parts(context, "@aws-sdk/client-sts");
  if (!sdk) return;
  const { GetCallerIdentityCommand, STSClient } = sdk.require("@aws-sdk/client-sts");
  const endpoint = here.variables.AWS_ENDPOINT_URL_STS;
  const client = new STSClient({ region: "us-east-1", endpoint, credentials: fromTempAccess(alan) });
  for (let round = 0; round < 3; round++) {
    const { Arn } = await client.send(new GetCallerIdentityCommand({}));
    assert.equal(Arn, "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com");
  }
  assert.equal(here.audit().length, 1);
});
