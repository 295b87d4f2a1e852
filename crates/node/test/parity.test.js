// The table of capabilities has what is exported, and nothing else.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { test } = require("node:test");

const tempaccess = require("..");

/** The methods of a class. */
function methods(of) {
  const parts = Object.entries(Object.getOwnPropertyDescriptors(of.prototype ?? {}));
  return parts.filter(([name, { value }]) => name !== "constructor" && typeof value === "function").map(([name]) => name);
}

test("the table holds every name, and every name exists", async () => {
  const { capabilities } = JSON.parse(readFileSync(join(__dirname, "../../../tests/parity/capabilities.json")));
  const table = new Set(capabilities.flatMap(({ node = [] }) => node));
  const found = Object.entries(tempaccess).flatMap(([name, value]) => [name, ...methods(value).map((part) => `${name}.${part}`)]);
  assert.ok(found.length > 20);
  assert.deepEqual(found.filter((name) => !table.has(name)), [], "not in tests/parity/capabilities.json");
  assert.deepEqual([...table].filter((name) => !found.includes(name)), []);
  const module = await import("../index.mjs");
  assert.deepEqual(Object.keys(module).sort(), Object.keys(tempaccess).sort());
});
