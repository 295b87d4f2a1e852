// Reading and choosing, held to the vectors that Rust and Python are held to.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync, readdirSync } = require("node:fs");
const { join } = require("node:path");
const test = require("node:test");

const { TempAccessError, read } = require("..");

const vectors = join(__dirname, "../../../tests/vectors");
const load = (...path) => JSON.parse(readFileSync(join(vectors, ...path)));

test("reading", () => {
  const files = readdirSync(join(vectors, "read")).filter((file) => file.endsWith(".json"));
  assert.ok(files.length > 40);
  for (const file of files) {
    const vector = load("read", file);
    let found;
    try {
      found = read(readFileSync(join(vectors, "read", vector.input))).inspect({ at: vector.at });
    } catch (error) {
      if (!(error instanceof TempAccessError)) throw error;
      const { code: kind, stage, fault, message, hint = null } = error;
      found = { error: { kind, stage, fault, message, hint } };
    }
    assert.deepEqual(found, vector.expect, file);
  }
});

test("choosing", () => {
  const table = load("select.json");
  const assertion = read(readFileSync(join(vectors, table.input)));
  for (const { query, names, expect } of table.cases) {
    let found;
    try {
      const role = assertion.choose({ ...query, accountNames: names });
      found = {
        role_arn: role.roleArn,
        provider_arn: role.providerArn,
        partition: role.partition,
        account_id: role.accountId,
        name: role.name,
      };
    } catch (error) {
      if (!(error instanceof TempAccessError)) throw error;
      found = { error: error.code, hint: error.hint ?? null };
    }
    assert.deepEqual(found, expect, JSON.stringify(query));
  }
});

test("text and bytes read alike, and both module systems export the same", async () => {
  const data = readFileSync(join(vectors, "read/base64.txt"));
  assert.deepEqual(read(data).roles, read(data.toString()).roles);
  const module = await import("../index.mjs");
  assert.equal(module.read, read);
  assert.throws(() => read(data).inspect({ at: "soon" }), { code: "ERR_INVALID_ARG_VALUE" });
});
