// The whole way from Node, against the sandbox; and one store for Node and the command line.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync, spawn, spawnSync } = require("node:child_process");
const { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } = require("node:fs");
const { createRequire } = require("node:module");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { inspect } = require("node:util");
const { after, before, beforeEach, test } = require("node:test");

const { Session, TempAccessError, fromTempAccess } = require("..");

const root = join(__dirname, "../../..");
const programs = join(process.env.CARGO_TARGET_DIR || join(root, "target"), "debug");
const alan = { username: "alan@example.com", password: "bombe", role: "ReadOnly", duration: "20m" };
const variables = {};
let sandbox;
let home;

before(async () => {
  sandbox = spawn(join(programs, "tempaccess-sandbox"), ["--okta-port", "0", "--sts-port", "0"]);
  let said = "";
  // Read on for as long as it runs: it ends when nobody listens.
  await new Promise((resolve, reject) => {
    sandbox.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}`)));
    sandbox.stdout.on("data", (piece) => {
      said += piece;
      if (said.includes("People")) resolve();
    });
  });
  for (const [, name, value] of said.matchAll(/export (\w+)=(\S+)/g)) variables[name] = value;
});

after(() => sandbox.kill());

beforeEach((context) => {
  home = mkdtempSync(join(tmpdir(), "tempaccess-node-"));
  for (const name of Object.keys(process.env)) if (/^(AWS|TEMPACCESS|XDG)_/.test(name)) delete process.env[name];
  Object.assign(process.env, variables, { HOME: home, TEMPACCESS_STORE: "file" });
  context.after?.(() => rmSync(home, { recursive: true }));
});

const audit = () => readFileSync(join(home, ".local/state/tempaccess/audit.jsonl"), "utf8").trim().split("\n");

test("credentials, and no secret in what is printed", async () => {
  const grant = await new Session(alan).credentials();
  assert.match(grant.accessKeyId, /^ASIA/);
  assert.equal(grant.accountId, "111122223333");
  assert.ok(grant.expiration instanceof Date && grant.expiration > new Date());
  assert.equal(grant.summary.duration_asked, 1200);
  for (const text of [inspect(grant), JSON.stringify(grant)]) {
    assert.ok(!text.includes(grant.secretAccessKey) && !text.includes(grant.sessionToken));
  }
});

test("one store with the command line, and one sign-in for many at once", async () => {
  const session = new Session(alan);
  const grants = await Promise.all(Array.from({ length: 8 }, () => session.credentials()));
  assert.equal(new Set(grants.map((grant) => grant.accessKeyId)).size, 1);
  const words = ["credentials", "--output", "credential-process", "--no-interactive"];
  const asked = ["--username", alan.username, "--role", alan.role, "--duration", alan.duration];
  const printed = JSON.parse(execFileSync(join(programs, "tempaccess"), [...words, ...asked]));
  assert.equal(printed.SecretAccessKey, grants[0].secretAccessKey);
  assert.equal(audit().length, 1);
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
  assert.equal(audit().filter((line) => JSON.parse(line).outcome === "issued").length, 1);
  const roles = await new Session({ ...alan, role: undefined }).roles();
  assert.deepEqual(roles.map((role) => role.name), ["ReadOnly"]);
});

test("the AWS SDK for JavaScript takes it as its provider", async (context) => {
  const folder = join(root, "target/parts/node");
  if (!existsSync(join(folder, "node_modules"))) {
    assert.ok(!process.env.CI, "the AWS SDK is missing; install it with: cargo xtask parts");
    return context.skip("the AWS SDK is missing; install it with: cargo xtask parts");
  }
  const { GetCallerIdentityCommand, STSClient } = createRequire(join(folder, "package.json"))("@aws-sdk/client-sts");
  const endpoint = variables.AWS_ENDPOINT_URL_STS;
  const client = new STSClient({ region: "us-east-1", endpoint, credentials: fromTempAccess(alan) });
  for (let round = 0; round < 3; round++) {
    const { Arn } = await client.send(new GetCallerIdentityCommand({}));
    assert.equal(Arn, "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com");
  }
  assert.equal(audit().length, 1);
});

test("the types are those that TypeScript expects", (context) => {
  const folder = join(root, "target/parts/node");
  const tsc = join(folder, "node_modules/typescript/bin/tsc");
  if (!existsSync(tsc)) {
    assert.ok(!process.env.CI, "TypeScript is missing; install it with: cargo xtask parts");
    return context.skip("TypeScript is missing; install it with: cargo xtask parts");
  }
  // As in a project of a user's: the packages beside the source.
  const project = mkdtempSync(join(folder, "types-"));
  context.after(() => rmSync(project, { recursive: true }));
  mkdirSync(join(project, "node_modules"));
  symlinkSync(join(__dirname, ".."), join(project, "node_modules/tempaccess"));
  copyFileSync(join(__dirname, "../types/usage.ts"), join(project, "usage.ts"));
  const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--skipLibCheck"];
  const ran = spawnSync(process.execPath, [tsc, ...options, "usage.ts"], { cwd: project, encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stdout);
});
