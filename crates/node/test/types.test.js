// The types are generated from the JSDoc of `index.js`, and are those that TypeScript expects. `UPDATE_TYPES=1` renews them.
"use strict";

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { test } = require("node:test");

const { parts } = require("./support/sandbox");

const committed = join(__dirname, "../index.d.ts");

/** A project as a user has it, with the packages beside the source, and the compiler in it. */
function project(context) {
  const found = parts(context, "typescript");
  if (!found) return undefined;
  const folder = mkdtempSync(join(found.folder, "types-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const tsc = (...words) => {
    const compiler = join(found.folder, "node_modules/typescript/bin/tsc");
    const ran = spawnSync(process.execPath, [compiler, "--module", "nodenext", "--target", "es2022", ...words], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.equal(ran.status, 0, ran.stdout);
  };
  return { folder, tsc };
}

test("the types are those of the code", (context) => {
  const at = project(context);
  if (!at) return;
  at.tsc("--skipLibCheck", "--allowJs", "--declaration", "--emitDeclarationOnly", "--outDir", at.folder, join(__dirname, "../index.js"));
  const generated = `// Generated from index.js: UPDATE_TYPES=1 node --test crates/node/test/types.test.js\n${readFileSync(join(at.folder, "index.d.ts"), "utf8")}`;
  if (process.env.UPDATE_TYPES) writeFileSync(committed, generated);
  assert.equal(readFileSync(committed, "utf8"), generated, "index.d.ts is behind; renew it with UPDATE_TYPES=1");
});

test("strict projects of either module system compile with them", (context) => {
  const at = project(context);
  if (!at) return;
  mkdirSync(join(at.folder, "node_modules"));
  symlinkSync(join(__dirname, ".."), join(at.folder, "node_modules/tempaccess"));
  for (const name of ["usage.mts", "usage.cts"]) {
    copyFileSync(join(__dirname, "../types/usage.ts"), join(at.folder, name));
    at.tsc("--strict", "--noEmit", "--skipLibCheck", name);
  }
});
