// `index.d.ts` declares what the package exports, and TypeScript accepts it.
"use strict";

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { test } = require("node:test");

const tempaccess = require("..");
const { examplesOf, parts } = require("./support/sandbox");

/** A project as a user has it, with the packages beside the source, and the programs of these packages in it. */
function project(context, ...packages) {
  const found = packages.map((name) => parts(context, name));
  if (found.includes(undefined)) return undefined;
  const [{ folder: all }] = found;
  const folder = mkdtempSync(join(all, "types-"));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(__dirname, ".."), join(folder, "node_modules/tempaccess"));
  const run = (program, ...words) => {
    const file = join(all, "node_modules/.bin", program);
    const ran = spawnSync(file, words, { cwd: folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
    assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
  };
  return { folder, run, tsc: (...words) => run("tsc", "--target", "es2022", "--strict", "--noEmit", ...words) };
}

/** How projects resolve modules. */
const RESOLUTIONS = [
  ["--module", "node16"],
  ["--module", "nodenext", "--exactOptionalPropertyTypes"],
  ["--module", "esnext", "--moduleResolution", "bundler"],
];

/** The names of the exported classes and functions, with the members of the classes. */
function declared() {
  const text = ["index.d.ts", "audit.d.ts", "grants.d.ts"].map((file) => readFileSync(join(__dirname, "..", file), "utf8")).join("\n");
  const names = [...text.matchAll(/^export function (\w+)/gm)].map(([, name]) => name);
  for (const [, name, body] of text.matchAll(/^export class (\w+)[^{]*\{\n(.*?)^\}/gms)) {
    const members = [...body.matchAll(/^  (?!private|readonly)(?:get )?(\w+)\(/gm)].map(([, member]) => member);
    names.push(name, ...members.filter((member) => member !== "constructor").map((member) => `${name}.${member}`));
  }
  return names.sort();
}

test("the types are those of the code", () => {
  const members = (value) => Object.getOwnPropertyNames(value.prototype ?? {}).filter((member) => member !== "constructor");
  const exported = Object.entries(tempaccess).flatMap(([name, value]) => [name, ...members(value).map((member) => `${name}.${member}`)]);
  assert.deepEqual(declared(), exported.sort());
});

test("every kind of error is typed", () => {
  const table = readFileSync(join(__dirname, "../../../docs/errors.md"), "utf8");
  const kinds = [...table.matchAll(/^\| \d+ \| `(\w+)` \|/gm)].map(([, kind]) => kind);
  const [, union] = /export type ErrorCode =([^;]*);/.exec(readFileSync(join(__dirname, "../index.d.ts"), "utf8"));
  assert.ok(kinds.length > 30);
  assert.deepEqual([...union.matchAll(/"(\w+)"/g)].map(([, kind]) => kind).sort(), kinds.sort());
});

test("strict projects of every module system compile with them", (context) => {
  const at = project(context, "typescript");
  if (!at) return;
  for (const name of ["usage.mts", "usage.cts"]) copyFileSync(join(__dirname, "../types/usage.ts"), join(at.folder, name));
  for (const resolution of RESOLUTIONS) {
    const names = resolution.includes("bundler") ? ["usage.mts"] : ["usage.mts", "usage.cts"];
    at.tsc("--skipLibCheck", ...resolution, ...names);
  }
});

test("the examples of the documentation are typed", (context) => {
  const at = project(context, "typescript", "@aws-sdk/client-sts");
  if (!at) return;
  const files = ["README.md", "crates/node/README.md", "docs/cookbook/node.md", "docs/testing.md"];
  const examples = files.flatMap(examplesOf).filter((example) => example.includes("tempaccess"));
  assert.ok(examples.length >= 10, `${examples.length}`);
  const names = examples.map((example, index) => {
    const [, named] = /^\/\/ (\S+\.mjs)\n/.exec(example) ?? [];
    const name = named ?? `example-${index}.${example.includes("require(") ? "cjs" : "mjs"}`;
    writeFileSync(join(at.folder, name), example);
    return name;
  });
  for (const resolution of RESOLUTIONS) {
    const resolved = resolution.includes("bundler") ? names.filter((name) => name.endsWith(".mjs")) : names;
    at.tsc("--allowJs", "--checkJs", "--skipLibCheck", "--exactOptionalPropertyTypes", ...resolution, ...resolved);
  }
});

test("linters of packages find nothing in it", (context) => {
  const at = project(context, "@arethetypeswrong/cli", "publint");
  if (!at) return;
  const packed = spawnSync("npm", ["pack", "--ignore-scripts", "--silent", join(__dirname, "..")], { cwd: at.folder, encoding: "utf8" });
  assert.equal(packed.status, 0, packed.stderr);
  at.run("attw", packed.stdout.trim());
  at.run("publint", packed.stdout.trim(), "--strict");
});
