// The whole way from Node, against the sandbox; and one store for Node and the command line.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync, spawnSync } = require("node:child_process");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { inspect } = require("node:util");
const { test } = require("node:test");

const { Session, TempAccessError, Verifier, fromTempAccess, read, status, statusAsync, terminal } = require("..");
const { alan, parts, programs, withSandbox } = require("./support/sandbox");

const here = withSandbox();
/** How many sessions were issued since the test began. */
const issuedSoFar = () => (existsSync(join(here.home, ".local/state/tempaccess/audit.jsonl")) ? here.issued() : 0);
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

test("what a person should know is a warning without a prompter", async () => {
  const warnings = [];
  const listen = (warning) => warnings.push(`${warning.name} ${warning.message}`);
  process.on("warning", listen);
  await new Session({ username: ada.username, password: ada.password, role: "ReadOnly", account: "111122223333", store: "none" }).credentials();
  process.off("warning", listen);
  assert.ok(warnings.some((warning) => warning.startsWith("TempAccess") && warning.includes("42")), warnings.join());
  await assert.rejects(new Session({ username: ada.username, role: "ReadOnly", store: "none" }).credentials(), { code: "interaction_required" });
});

test("no window opens if there is nobody to see it", async () => {
  // Without a person, the browser would be started, and fail.
  const session = new Session({ source: "browser:http://127.0.0.1:9/aws", browser: "/bin/false", store: "none" });
  await assert.rejects(session.credentials(), { code: "interaction_required", message: /nobody can be asked: sign in with the browser/ });
});

test("a terminal prompter numbers from 1 and asks again after a typo", async () => {
  const { PassThrough } = require("node:stream");
  const [input, output] = [new PassThrough(), new PassThrough()];
  const prompter = terminal({ input, output });
  const answer = prompter.choose("Role", ["first", "second"]);
  for (const line of ["x\n", "3\n", "1\n"]) {
    input.write(line);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  assert.equal(await answer, 0);
  assert.match(output.read().toString(), / {2}1 {2}first\n {2}2 {2}second\n/);
  const hidden = prompter.secret("Password");
  input.write("correct horse\n");
  assert.equal(await hidden, "correct horse");
  assert.doesNotMatch(output.read().toString(), /correct/);
  // Several answers at once, the last one without an end, and then nobody answers any more.
  input.end("battery staple\n123456\n2");
  assert.equal(await prompter.secret("Password"), "battery staple");
  assert.equal(await prompter.secret("Code"), "123456");
  assert.equal(await prompter.choose("Role", ["first", "second"]), 1);
  await assert.rejects(prompter.text("User name"), { name: "AbortError", message: "the input has ended" });
  const waiting = terminal({ input: new PassThrough(), output });
  await assert.rejects(waiting.text("User name", { signal: AbortSignal.abort(new Error("enough")) }), { message: "enough" });
});

test("an argument of the wrong type is named and not repeated", () => {
  const { Grants, openGrant } = require("..");
  const wrong = { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" };
  const secrets = /hunter2|104,117/;
  for (const make of [
    () => new Grants({ password: "hunter2" }),
    () => new Session({ password: Buffer.from("hunter2") }),
    () => new Session({ password: { hunter2: true } }),
  ]) {
    assert.throws(make, (error) => {
      assert.deepEqual({ name: error.name, code: error.code }, wrong);
      assert.doesNotMatch(String(error), secrets);
      return true;
    });
  }
  assert.throws(() => new Session({ duration: NaN }), { name: "TypeError", message: /`duration` must be a finite number/ });
  return assert.rejects(openGrant(5), { name: "TypeError", message: /must be a string or a Uint8Array/ });
});

test("errors and signals", async () => {
  await assert.rejects(new Session({ ...alan, password: "wrong" }).credentials(), (error) => {
    assert.ok(error instanceof TempAccessError);
    assert.deepEqual([error.code, error.stage, error.fault], ["authentication_failed", "sign_in", "caller"]);
    return true;
  });
  const invalid = { name: "TypeError", code: "ERR_INVALID_ARG_VALUE" };
  assert.throws(() => new Session({ rol: "ReadOnly" }), { ...invalid, message: "unknown option `rol`; did you mean `role`?" });
  assert.throws(() => new Session({ policyArn: [] }), { ...invalid, message: "unknown option `policyArn`; did you mean `policyArns`?" });
  assert.throws(() => new Session({ promter: {} }), { ...invalid, message: "unknown option `promter`; did you mean `prompter`?" });
  // A check that is misspelt is not left out.
  const unknown = (run, message) => assert.throws(run, { ...invalid, message });
  const keys = readFileSync(join(__dirname, "../../../tests/vectors/verify/rsa.pem"));
  unknown(() => new Verifier(keys, { audiance: "urn:other" }), "unknown option `audiance`; did you mean `audience`?");
  unknown(() => new Verifier(keys, { allowSha: true }), "unknown option `allowSha`; did you mean `allowSha1`?");
  unknown(() => new Verifier(keys).verify("x", { att: new Date() }), "unknown option `att`; did you mean `at`?");
  unknown(() => status({ stor: "file" }), "unknown option `stor`; did you mean `store`?");
  await assert.rejects(new Session().credentials({ timout: 5 }), { ...invalid, message: "unknown option `timout`; did you mean `timeout`?" });
  await assert.rejects(new Session().credentials({ timeout: "5" }), { message: "option `timeout` must be a number of milliseconds, not string" });
  await assert.rejects(new Session().credentials({ signal: 5 }), { message: "option `signal` must be an AbortSignal" });
  await assert.rejects(new Session().consoleUrl({ duration: {} }), { message: "option `duration` must be text or a number of seconds, not object" });
  assert.throws(() => new Session({ region: "us-east-1", passwordCommand: 1 }), {
    name: "TypeError",
    code: "ERR_INVALID_ARG_TYPE",
    message: "option `passwordCommand`: invalid type: integer `1`, expected a string",
  });
  await assert.rejects(new Session({ ...ada, prompter: undefined, role: "ReadOnly" }).credentials(), ({ code, hint }) => {
    assert.equal(code, "role_ambiguous");
    assert.match(hint, /^choose one with `role:`, and with `account:`/);
    return true;
  });
  assert.throws(() => new Session({ ...alan, duration: "1m" }), { code: "invalid_scope" });
  await assert.rejects(new Session(alan).credentials({ signal: AbortSignal.abort() }), { name: "AbortError" });
  const controller = new AbortController();
  const session = new Session(alan);
  const waiting = session.renew({ signal: controller.signal });
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  // It is cancelled, and the next caller signs in.
  await session.renew();
  assert.equal(here.issued(), 1);
  const roles = await new Session({ ...alan, role: undefined }).roles();
  assert.deepEqual(roles.map((role) => role.name), ["ReadOnly"]);
});

test("every role by one sign-in, and each failure by itself", async () => {
  const roles = await new Session(ada).allCredentials();
  assert.deepEqual(roles.map(({ role }) => role.name), ["ReadOnly", "Migration", "ReadOnly", "AccessAdmin", "People"]);
  const accounts = ["111122223333", "111122223333", "444455556666", "111122223333", "111122223333"];
  assert.deepEqual(roles.map(({ issued }) => issued.accountId), accounts);
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

test("an error is written as JSON with its message", async () => {
  const error = await new Session({ ...alan, role: "Owner" }).credentials().then(assert.fail, (error) => error);
  const written = JSON.parse(JSON.stringify({ error })).error;
  assert.equal(written.message, error.message);
  assert.deepEqual([written.name, written.code, written.roles], ["TempAccessError", "role_not_offered", error.roles]);
});

test("names are those of JavaScript, within the roles of a chain, too", () => {
  for (const [options, message] of [
    [{ policy_arns: [] }, "unknown option `policy_arns`; did you mean `policyArns`?"],
    [{ chain: [{ role_arn: "arn:aws:iam::777788889999:role/Deploy" }] }, "unknown option `role_arn`; did you mean `roleArn`?"],
    [{ chain: [{}] }, "option `chain`: missing field `roleArn`"],
  ]) {
    assert.throws(() => new Session(options), (error) => error instanceof TypeError && error.message === message);
  }
});

test("roles are chained", async () => {
  const chain = [{ roleArn: "arn:aws:iam::777788889999:role/Deploy", externalId: "contract-17" }];
  const issued = await new Session({ ...alan, chain }).credentials();
  assert.equal(issued.accountId, "777788889999");
  assert.match(issued.summary.chained_from, /assumed-role\/ReadOnly/);
  for (const [json, key] of [[issued.credentialsJson(), "secret_access_key"], [issued.credentialProcess(), "SecretAccessKey"]]) {
    assert.equal(JSON.parse(json)[key], issued.secretAccessKey);
  }
});

test("objects, dates and URLs are accepted", async () => {
  const file = join(here.home, "config.toml");
  writeFileSync(file, '[profiles.work]\nregion = "eu-north-1"\n');
  const config = pathToFileURL(file);
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:ListBucket", Resource: "*" }] };
  const session = new Session({ ...alan, config, profile: "work", policy, duration: 900 });
  assert.equal(session.region, "eu-north-1");
  // That of the environment, without one in the settings.
  assert.equal(new Session(alan).region, "us-east-1");
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) delete process.env[name];
  assert.equal(new Session(alan).region, undefined);
  const issued = await session.credentials();
  assert.equal(issued.summary.duration_asked, 900);
  assert.match(issued.summary.policy_sha256, /^[0-9a-f]{64}$/);
  assert.equal(status({ config }).entries.length > 0, true);
  const assertion = read(await here.page());
  assert.ok(assertion.inspect({ at: new Date("2000-01-01") }).problems.length > assertion.inspect({ at: new Date() }).problems.length);
});

test("a session gives a client of the SDK its credentials and its region", async () => {
  const session = new Session({ ...alan, region: "eu-north-1" });
  const { credentials, region } = session.clientConfig({ timeout: 60_000 });
  assert.equal(region, "eu-north-1");
  assert.equal((await credentials()).accessKeyId, (await session.credentials()).accessKeyId);
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) delete process.env[name];
  // Left out, so that the client looks for one.
  assert.deepEqual(Object.keys(new Session(alan).clientConfig()), ["credentials"]);
  assert.throws(() => session.clientConfig({ timeot: 1 }), /did you mean `timeout`/);
});

test("what reads files and the keyring has a twin that does not keep the event loop waiting", async () => {
  const session = new Session(alan);
  const issued = await session.credentials();
  assert.equal((await session.cachedAsync()).accessKeyId, issued.accessKeyId);
  assert.deepEqual(await statusAsync(), status());
  await assert.rejects(statusAsync({ stor: "file" }), /did you mean `store`/);
  await assert.rejects(statusAsync({ config: "/nowhere/config.toml" }), { code: "invalid_configuration" });
  assert.equal(await new Session({ ...alan, store: "none" }).cachedAsync(), undefined);
});

test("every wrong value is named", () => {
  for (const [given, message] of [
    [{ policy: ["a"] }, /`policy` must be an object, JSON, or the path of a JSON file, not an array/],
    [{ chain: {} }, /`chain` must be an array of roles, not Object/],
    [{ prompter: {} }, /`notify` of `prompter` must be a function, not undefined/],
    [{ prompter: { notify() {}, secret: "x" } }, /`secret` of `prompter` must be a function, not string/],
  ]) {
    assert.throws(() => new Session(given), (error) => error instanceof TypeError && message.test(error.message));
  }
  assert.throws(() => new Verifier("x", { audience: 5 }), /`audience` must be a string, not number/);
  assert.throws(() => new Verifier("x", { allowSha1: "yes" }), /`allowSha1` must be true or false, not string/);
});

test("options of what waits are checked with a suggestion", async () => {
  const session = new Session(alan);
  await assert.rejects(session.renew({ forc: true }), /unknown option `forc`; did you mean `force`/);
  await assert.rejects(session.consoleUrl({ destinaton: "s3" }), /unknown option `destinaton`; did you mean `destination`/);
});

test("the steps of a sign-in are shown with NODE_DEBUG, without secrets", () => {
  const script = `
    const { Session } = require(${JSON.stringify(join(__dirname, ".."))});
    new Session(${JSON.stringify({ ...alan, store: "none" })}).credentials().then((issued) => {
      process.stdout.write(JSON.stringify([issued.secretAccessKey, issued.sessionToken]));
    });`;
  const ran = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: { ...process.env, NODE_DEBUG: "tempaccess" } });
  assert.match(ran.stderr, /exchange.* done/);
  const secrets = JSON.parse(ran.stdout);
  assert.equal(secrets.length, 2);
  for (const secret of [...secrets, alan.password]) assert.ok(!ran.stderr.includes(secret));
  const quiet = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env: { ...process.env, NODE_DEBUG: "" } });
  assert.equal(quiet.stderr, "");
});

test("a provider signs in once for many requests and clients, also without a cache", async () => {
  for (const more of [{ store: "none" }, { source: () => here.page() }]) {
    const give = fromTempAccess({ ...alan, ...more, duration: "15m" });
    const before = issuedSoFar();
    for (let request = 0; request < 5; request++) await Promise.all([give(), give()]);
    assert.equal(issuedSoFar() - before, 1);
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
