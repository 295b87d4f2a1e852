// A sandbox for the tests of one file, and a home of its own for each of them.
"use strict";

const { spawn, spawnSync } = require("node:child_process");
const { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const assert = require("node:assert/strict");
const { after, before, beforeEach } = require("node:test");

const root = join(__dirname, "../../../..");
const programs = join(process.env.CARGO_TARGET_DIR || join(root, "target"), "debug");
const alan = { username: "alan@example.com", password: "bombe", role: "ReadOnly", duration: "20m" };

/** Starts it for the tests of the file that calls this; `environment` and `more` arguments are for the sandbox itself. */
function withSandbox(environment = {}, more = []) {
  const here = { variables: {}, home: undefined };
  let sandbox;

  before(async () => {
    const env = { ...process.env, ...environment };
    sandbox = spawn(join(programs, "tempaccess-sandbox"), ["--okta-port", "0", "--sts-port", "0", ...more], { env });
    let said = "";
    // Read on for as long as it runs: it ends when nobody listens.
    await new Promise((resolve, reject) => {
      sandbox.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}`)));
      sandbox.stdout.on("data", (piece) => {
        said += piece;
        if (said.includes("People")) resolve();
      });
    });
    for (const [, name, value] of said.matchAll(/export (\w+)=(\S+)/g)) here.variables[name] = value;
  });

  after(() => sandbox.kill());

  beforeEach((context) => {
    here.home = mkdtempSync(join(tmpdir(), "tempaccess-node-"));
    const { home } = here;
    for (const name of Object.keys(process.env)) if (/^(AWS|TEMPACCESS|XDG)_/.test(name)) delete process.env[name];
    Object.assign(process.env, here.variables, { HOME: home, TEMPACCESS_STORE: "file" });
    context.after?.(() => remove(home));
  });

  here.audit = () => readFileSync(join(here.home, ".local/state/tempaccess/audit.jsonl"), "utf8").trim().split("\n").map(JSON.parse);
  here.issued = () => here.audit().filter(({ outcome }) => outcome === "issued").length;
  here.page = () => page(here.variables.TEMPACCESS_SOURCE);
  return here;
}

/** Removes a home. An attempt that was given up may write its record there meanwhile, which stays then. */
function remove(home) {
  try {
    rmSync(home, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== "ENOTEMPTY") throw error;
  }
}

/** The environment of programs in a time that they move on, by the file of `FAKETIME_TIMESTAMP_FILE`. */
function fakedTime() {
  const install = "faketime is missing; install it with: apt-get install faketime";
  const found = spawnSync("faketime", ["-f", "+0", "printenv", "LD_PRELOAD"], { encoding: "utf8" });
  assert.ok(!(found.error && process.env.CI), install);
  if (found.error) return { faked: {}, missing: install };
  const folder = mkdtempSync(join(tmpdir(), "tempaccess-time-"));
  after(() => rmSync(folder, { recursive: true }));
  const now = join(folder, "now");
  writeFileSync(now, "+0");
  const faked = {
    LD_PRELOAD: found.stdout.trim(),
    FAKETIME_TIMESTAMP_FILE: now,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  return { faked };
}

/** The page with Alan's SAML response, as a browser gets it. */
async function page(app) {
  const { username, password } = alan;
  const headers = { "content-type": "application/json" };
  const who = await fetch(new URL("/api/v1/authn", app), { method: "POST", headers, body: JSON.stringify({ username, password }) });
  const { sessionToken } = await who.json();
  const redeem = new URL("/login/sessionCookieRedirect", app);
  redeem.search = new URLSearchParams({ token: sessionToken, redirectUrl: app });
  const session = await fetch(redeem, { redirect: "manual" });
  const cookie = session.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
  return (await fetch(app, { headers: { cookie } })).text();
}

/** The examples of a page. */
const examplesOf = (file) => [...readFileSync(join(root, file), "utf8").matchAll(/^```js\n(.*?)^```/gms)].map(([, code]) => code);

/** Where the packages of `cargo xtask parts` are; the test is skipped where they are not. */
function parts(context, what) {
  const folder = join(root, "target/parts/node");
  if (existsSync(join(folder, "node_modules", what))) return { folder, require: createRequire(join(folder, "package.json")) };
  const missing = `${what} is missing; install it with: cargo xtask parts`;
  assert.ok(!process.env.CI, missing);
  context.skip(missing);
  return undefined;
}

module.exports = { alan, examplesOf, fakedTime, parts, programs, root, withSandbox };
