// Every example of the documentation runs unchanged, in a project of its own, with nothing but a configuration.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { existsSync, mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { test } = require("node:test");

const { examplesOf, parts, programs, withSandbox } = require("./support/sandbox");

const here = withSandbox();

const config = `
[accounts]
111122223333 = "ledger"

[profiles.default]
username = "alan@example.com"
password_command = "echo bombe"
region = "us-east-1"

[profiles.work]
base = "default"
role = "ReadOnly"
`;

// Those of grants need an administrator.
const examples = (file) => examplesOf(file).filter((example) => !example.includes("rant"));

/** The project that `cargo xtask test` installs the package into. */
function project(context) {
  const folder = parts(context, "@aws-sdk/client-sts")?.folder;
  if (!folder) return undefined;
  const fresh = join(folder, "fresh");
  if (existsSync(join(fresh, "node_modules/tempaccess"))) return fresh;
  assert.ok(!process.env.CI, "the package is not installed; run: cargo xtask test");
  context.skip("the package is not installed; run: cargo xtask test");
  return undefined;
}

test("every example gives what it says", async (context) => {
  const fresh = project(context);
  if (!fresh) return;
  const folder = mkdtempSync(join(fresh, "empty-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const app = here.variables.TEMPACCESS_SOURCE;
  const metadata = new URL(`/app/${app.split("/").at(-2)}/sso/saml/metadata`, app);
  writeFileSync(join(folder, "metadata.xml"), await (await fetch(metadata)).text());
  writeFileSync(join(here.home, "config.toml"), config);
  const env = { ...process.env, TEMPACCESS_CONFIG: join(here.home, "config.toml") };
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) delete env[name];
  for (const [file, least] of [["README.md", 1], ["crates/node/README.md", 5], ["docs/cookbook/node.md", 4]]) {
    const found = examples(file);
    assert.ok(found.length >= least, file);
    for (const example of found) {
      writeFileSync(join(folder, "response.html"), await here.page());
      // An example says by itself of which module system it is.
      const name = join(folder, example.includes("require(") ? "example.cjs" : "example.mjs");
      writeFileSync(name, example);
      assert.match(execFileSync(process.execPath, [name], { cwd: folder, env, encoding: "utf8" }), /ReadOnly/, example);
    }
  }
});

test("the fixture of node:test runs a test", async (context) => {
  const fresh = project(context);
  if (!fresh) return;
  const folder = mkdtempSync(join(fresh, "fixture-"));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const example of examplesOf("docs/testing.md")) writeFileSync(join(folder, example.split("\n")[0].replace("// ", "")), example);
  const env = { ...process.env, ...here.variables, SANDBOX: join(programs, "tempaccess-sandbox"), NODE_TEST_CONTEXT: undefined };
  const said = execFileSync(process.execPath, ["--test", join(folder, "report.test.mjs")], { env, encoding: "utf8" });
  assert.match(said, /pass 1/);
});
