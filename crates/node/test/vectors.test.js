// Checked with the vectors of Rust and Python.
"use strict";

const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const test = require("node:test");

const { Session, TempAccessError, Verifier, inspectGrant, inspectRequest, read } = require("..");

const vectors = join(__dirname, "../../../tests/vectors");
const load = (...path) => JSON.parse(readFileSync(join(vectors, ...path)));

for (const name of Object.keys(process.env)) if (/^(AWS|TEMPACCESS)_/.test(name)) delete process.env[name];

function report(error) {
  if (!(error instanceof TempAccessError)) throw error;
  const { code: kind, stage, fault, message, hint = null, roles, retryAfterSeconds, limit } = error;
  const found = { kind, stage, fault, message, hint };
  // Left out where there is nothing to say.
  if (roles.length > 0) found.roles = roles;
  if (retryAfterSeconds !== undefined) found.retry_after_seconds = retryAfterSeconds;
  if (limit !== undefined) found.limit = limit;
  return { error: found };
}

/** The expected text, with settings in its hint as JavaScript writes them: the vectors have options of the command line. */
function inNode(expected) {
  const known = readFileSync(join(__dirname, "../index.d.ts"), "utf8");
  const written = (span, options) => {
    const settings = options.slice(2).split(" --").map((words) => {
      const [, option, value] = /^(\S+)(?: (.*))?$/.exec(words);
      const name = { "policy-arn": "policyArns" }[option] ?? option.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
      return known.includes(`\n  ${name}?: `) && (value ? `${name}: "${value}"` : `${name}:`);
    });
    return settings.every(Boolean) ? `\`${settings.join(", ")}\`` : span;
  };
  if (typeof expected?.error?.hint === "string") expected.error.hint = expected.error.hint.replace(/`(--[^`]*)`/g, written);
  return expected;
}

function role({ roleArn, providerArn, partition, accountId, name }) {
  return { role_arn: roleArn, provider_arn: providerArn, partition, account_id: accountId, name };
}

/** The bytes of a file; of a vector of verifying, those of its document. */
function data(name) {
  const found = readFileSync(join(vectors, name));
  return name.endsWith(".vector") ? found.subarray(found.indexOf("\n\n") + 2) : found;
}

/** Names as JavaScript has them. */
function camel(options) {
  const spelt = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [spelt(name), value]));
}

const verifier = ({ keys, options }) => new Verifier(data(keys), camel(options));

const runs = {
  choose: ({ input, query, names }) => JSON.stringify(role(read(data(input)).choose({ ...query, accountNames: names }))),
  examine: (vector) => verifier(vector).examineJson(data(vector.input), { at: vector.at }),
  verify: (vector) => verifier(vector).verify(data(vector.input), { at: vector.at }).inspectJson({ at: vector.at }),
  session: async ({ response, config = "", profile, settings, call }) => {
    const home = mkdtempSync(join(tmpdir(), "tempaccess-vector-"));
    try {
      if (response) writeFileSync(join(home, "response"), data(response));
      writeFileSync(join(home, "config.toml"), config);
      const given = JSON.parse(JSON.stringify(settings).replaceAll("$HOME", home));
      const options = { ...camel(given), ...(given.chain && { chain: given.chain.map(camel) }) };
      const session = new Session({ profile, config: join(home, "config.toml"), ...options });
      if (call === "roles") return JSON.stringify((await session.roles()).map(role));
      return (await session.credentials()).credentialsJson();
    } catch (error) {
      return JSON.stringify(report(error)).replaceAll(home, "$HOME");
    } finally {
      rmSync(home, { recursive: true });
    }
  },
};

test("reading", () => {
  const files = readdirSync(join(vectors, "read")).filter((file) => file.endsWith(".json"));
  assert.ok(files.length > 40);
  for (const file of files) {
    const vector = load("read", file);
    let found;
    let digest = null;
    try {
      const assertion = read(readFileSync(join(vectors, "read", vector.input)));
      found = assertion.inspect({ at: vector.at });
      digest = createHash("sha256").update(assertion.inspectJson({ at: vector.at })).digest("hex");
    } catch (error) {
      found = report(error);
    }
    assert.deepEqual(found, inNode(vector.expect), file);
    assert.equal(digest, vector.sha256, file);
  }
});

test("sealed grants", () => {
  const files = readdirSync(join(vectors, "grants")).filter((file) => file.endsWith(".json"));
  assert.ok(files.length > 12);
  for (const file of files) {
    const { input, signers, at, expect } = load("grants", file);
    const [sealed, trusted] = [input, signers].map((name) => readFileSync(join(vectors, "grants", name), "utf8"));
    let found;
    try {
      found = inspectGrant(sealed, { signers: trusted, at });
    } catch (error) {
      found = report(error);
    }
    assert.deepEqual(found, inNode(expect), file);
  }
});

test("requests and approvals", () => {
  const files = readdirSync(join(vectors, "requests")).filter((file) => file.endsWith(".json"));
  assert.ok(files.length > 12);
  for (const file of files) {
    const { input, signers, at, expect } = load("requests", file);
    const [text, trusted] = [input, signers].map((name) => readFileSync(join(vectors, "requests", name), "utf8"));
    let found;
    try {
      found = inspectRequest(text, { signers: trusted, at });
    } catch (error) {
      found = report(error);
    }
    assert.deepEqual(found, inNode(expect), file);
  }
});

test("the table", async () => {
  const { cases } = load("table.json");
  assert.ok(cases.length > 60);
  for (const vector of cases) {
    let found;
    try {
      found = await runs[vector.run](vector);
    } catch (error) {
      found = JSON.stringify(report(error));
    }
    assert.equal(found, JSON.stringify(inNode(JSON.parse(vector.expect))), JSON.stringify(vector));
  }
});

test("text and bytes read alike, and both module systems export the same", async () => {
  const data = readFileSync(join(vectors, "read/base64.txt"));
  assert.deepEqual(read(data).roles, read(data.toString()).roles);
  const module = await import("../index.mjs");
  assert.equal(module.read, read);
  assert.throws(() => read(data).inspect({ at: "soon" }), { code: "ERR_INVALID_ARG_VALUE" });
});

test("a text goes over whole, however long it is and whatever is in it", () => {
  const xml = readFileSync(join(vectors, "read/both-orders.xml"), "utf8");
  for (const length of [1, 40_000, 1_200_000]) {
    const text = `${xml}<!--${"é".repeat(length)}-->`;
    const at = "2026-11-24T10:01:00Z";
    assert.deepEqual(read(text).inspect({ at }), read(Buffer.from(text)).inspect({ at }));
    assert.throws(() => read(`${text}é`), { code: "malformed_response" });
  }
  for (const other of [undefined, null, 1, new Uint16Array(4)]) {
    assert.throws(() => read(other), { name: "TypeError", code: "ERR_INVALID_ARG_TYPE" });
  }
});
