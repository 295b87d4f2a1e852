// Audits from Node: who had access, what was recorded, and what CloudTrail has.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { test } = require("node:test");

const { Audit } = require("..");
const { withOffice } = require("./support/office");

const here = withOffice();
const audit = () => new Audit("admin", { config: here.file("alan.toml") });

test("records are verified and exported", async () => {
  const grants = here.grants();
  const issued = await grants.issue(here.session());
  await grants.revoke(issued.id, { reason: "done early" });
  const sound = await audit().verify();
  assert.deepEqual([sound.grants, sound.events, sound.defects], [1, 2, []]);
  assert.deepEqual((await audit().events({ ids: issued.id })).map(({ event }) => event), ["issued", "revoked"]);
  assert.match(await audit().export("csv"), /^[a-z_,]+\r?\n/);
  const lines = (await audit().export("ocsf", { from: new Date(0) })).trimEnd().split("\n");
  assert.deepEqual(new Set(lines.map((line) => JSON.parse(line).metadata.correlation_uid)), new Set([issued.id]));
  const record = join(here.file("records"), issued.id, "0002.json");
  writeFileSync(record, readFileSync(record, "utf8").replace("done early", "done later"));
  assert.deepEqual((await audit().verify()).defects.map(({ id }) => id), [issued.id]);
  await assert.rejects(audit().export("json", { ids: ["aaaaaaaaaaaa"] }), { code: "grant_not_found" });
});

test("CloudTrail says what was done", async () => {
  const { id } = await here.grants().issue(here.session());
  const answer = await audit().query({ id, timeout: 60_000 });
  assert.deepEqual(Object.keys(answer).sort(), ["calls", "events", "findings", "sign_ins", "unreadable"]);
  assert.match(await audit().queryText({ to: "grace@example.com", logs: "trail", from: "2026-11-24" }), /like '\/grace@example.com'/);
  await assert.rejects(audit().query({ form: "2026-11-24" }), ({ message }) => message.includes("form"));
  await assert.rejects(audit().query({ to: "x", files: "trail", athena: "trail" }), { code: "invalid_argument" });
  await assert.rejects(audit().query({ to: "x", files: pathToFileURL(here.file("nothing")) }), { code: "io" });
  await assert.rejects(audit().query({ assertion: "id-1", auditLogs: [pathToFileURL(here.file("nothing"))] }), { code: "io" });
  const { sign_ins: signIns, unreadable } = await audit().query({ assertion: "id-1", auditLogs: here.file("alan.toml") });
  assert.deepEqual(signIns, []);
  assert.ok(unreadable > 0);
});

test("a report is a page", async () => {
  await here.grants().issue(here.session());
  const report = await audit().report({ from: "2020-01-01" });
  assert.ok(report.html.startsWith("<!doctype html>"));
  assert.deepEqual([report.grants, report.untrusted, report.signIns], [1, 0, 0]);
  // A log that is none.
  const other = await audit().report({ auditLogs: here.file("alan.toml") });
  assert.deepEqual([other.signIns, other.unreadableLines > 0], [0, true]);
});
