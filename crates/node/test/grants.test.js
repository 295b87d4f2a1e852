// Grants from Node: an administrator gives, a contractor opens and uses, and access ends.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { inspect } = require("node:util");
const { test } = require("node:test");

const {
  Audit,
  Grants,
  OpenedGrant,
  TempAccessError,
  fromGrant,
  inspectGrant,
  inspectGrantAsync,
  inspectRequest,
  inspectRequestAsync,
  openGrant,
  requestGrant,
} = require("..");
const { ledger, withOffice } = require("./support/office");
const { examplesOf, parts } = require("./support/sandbox");

const here = withOffice();

test("a misspelt name never widens what is revoked or opened", async () => {
  const grants = new Grants("admin", { config: here.file("alan.toml") });
  await assert.rejects(grants.revoke({ to: "grace@example.com", role: "Granted" }, { reason: "x" }), /unknown option `role`/);
  await assert.rejects(openGrant("text", { account: "444455556666" }), /unknown option `account`; did you mean `accounts`\?/);
  await assert.rejects(openGrant(undefined), { code: "ERR_INVALID_ARG_TYPE" });
});

test("a contractor uses what was issued until it is revoked", async (context) => {
  const sdk = parts(context, "@aws-sdk/client-s3");
  if (!sdk) return;
  const { GetObjectCommand, S3Client } = sdk.require("@aws-sdk/client-s3");
  const grants = here.grants();
  const issued = await grants.issue(here.session());
  assert.deepEqual([issued.event.event, issued.event.by], ["issued", "alan@example.com"]);
  assert.ok(issued.until > new Date());
  const credentials = fromGrant(`Hello,\n\n${issued.sealed}\nAlan\n`, { identity: here.file("grace"), config: here.file("alan.toml") });
  const endpoint = process.env.AWS_ENDPOINT_URL_S3;
  const s3 = new S3Client({ region: "us-east-1", endpoint, forcePathStyle: true, maxAttempts: 1, credentials });
  const get = async (Bucket, Key) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToString();
  const refused = (error) => error.$metadata.httpStatusCode === 403;
  assert.equal(await get("ledger", "README.txt"), "One file a month.\n");
  await assert.rejects(get("vault", "combination.txt"), refused);
  const plan = await grants.revoke(issued.id, { reason: "done early", dryRun: true });
  assert.deepEqual(plan.steps.map(({ id }) => id), [issued.id]);
  assert.equal(await get("ledger", "README.txt"), "One file a month.\n");
  assert.deepEqual(await grants.revoke([issued.id], { reason: "done early" }), plan);
  await assert.rejects(get("ledger", "README.txt"), refused);
  assert.ok((await grants.restore(issued.id, { reason: "was a mistake" })).undo);
  assert.equal(await get("ledger", "README.txt"), "One file a month.\n");
  const { grant, events } = await grants.show(issued.id);
  assert.deepEqual(events.map(({ event }) => event), ["issued", "revoked", "restored"]);
  assert.deepEqual([grant.state, grant.defects], ["live", []]);
});

test("a plan is shown and carried out once", async () => {
  const grants = here.grants();
  const given = here.session({ policy: JSON.stringify(ledger), duration: 1200, fromIp: ["127.0.0.0/8"] });
  const plan = await grants.planIssue({ ...given, sealTo: [pathToFileURL(here.file("grace.pub"))], timeout: 60_000 });
  assert.deepEqual([plan.summary.action, plan.summary.duration, plan.summary.from_ip], ["issue", "20m", ["127.0.0.0/8"]]);
  assert.deepEqual((await grants.list({ ended: true })).grants, []);
  const issued = await plan.carryOut();
  assert.equal(issued.id, plan.summary.id);
  await assert.rejects(plan.carryOut(), { code: "ERR_INVALID_STATE" });
  const extension = await grants.planExtend(issued.id, "10m", { reason: "OPS-123 again" });
  const extended = await extension.carryOut({ signal: AbortSignal.timeout(60_000) });
  assert.ok(extended.until > issued.until);
  assert.equal((await here.open(extended.sealed)).header.issue, 2);
  // An older copy is refused.
  await assert.rejects(here.open(issued.sealed), { code: "grant_ended" });
  assert.equal((await grants.extend(issued.id, 60, { reason: "OPS-123" })).event.issue, 3);
  const listed = (await grants.list({ to: "grace@example.com" })).grants;
  assert.deepEqual(listed.map(({ id, kind, state }) => [id, kind, state]), [[issued.id, "session", "live"]]);
  assert.deepEqual((await grants.check()).findings, []);
  assert.deepEqual(await grants.clean({ dryRun: true }), []);
  const printed = here.run("grant", "show", issued.id, "--profile", "admin", "--config", here.file("alan.toml"), "--output", "json");
  assert.deepEqual((await grants.show(issued.id)).events, JSON.parse(printed).events);
});

test("what is not genuine or for somebody else is refused", async () => {
  const { id, sealed } = await here.grants().issue(here.session());
  await assert.rejects(here.open(sealed, { identity: [here.file("eve")] }), ({ code, hint }) => code === "grant_not_for_you" && hint.includes("`identity:`"));
  await assert.rejects(here.open(sealed.replace("OPS-123", "OPS-124")), { code: "grant_not_genuine", stage: "grant" });
  const config = here.file("other.toml");
  writeFileSync(config, "");
  await assert.rejects(here.open(sealed, { config }), ({ code, message }) => code === "grant_not_genuine" && message.includes("which is not trusted"));
  writeFileSync(config, '[grants]\nsigners = "access.signers"\n');
  await assert.rejects(here.open(sealed, { config }), ({ code, hint }) => code === "grant_elsewhere" && hint.includes('`accounts: "111122223333"`'));
  assert.equal((await here.open(sealed, { config: pathToFileURL(config), accounts: "111122223333" })).id, id);
  const signers = readFileSync(here.file("access.signers"), "utf8");
  const header = inspectGrant(sealed, { signers });
  assert.deepEqual([header.id, header.by], [id, "alan@example.com"]);
  assert.deepEqual(inspectGrant(sealed, { config: here.file("alan.toml"), at: new Date() }), header);
  assert.deepEqual(await inspectGrantAsync(sealed, { signers }), header);
  assert.throws(() => inspectGrant(sealed, { signers: "" }), { code: "grant_not_genuine" });
  await assert.rejects(inspectGrantAsync(sealed, { signers: "" }), { code: "grant_not_genuine" });
  assert.throws(() => inspectGrant("Hello", { signers }), { code: "invalid_argument" });
});

test("no secret in what is printed", async () => {
  const opened = await here.open((await here.grants().issue(here.session())).sealed);
  assert.ok(opened instanceof OpenedGrant && opened.until > new Date());
  const { credentials } = opened;
  assert.equal(credentials.accountId, "111122223333");
  for (const text of [inspect(opened, { depth: 9, showHidden: true }), JSON.stringify(opened), JSON.stringify(credentials)]) {
    assert.ok(!text.includes(credentials.secretAccessKey) && !text.includes(credentials.sessionToken));
  }
});

test("a passphrase is asked for, and an aborted prompt is withdrawn", async () => {
  execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "open sesame", "-f", here.file("grace")]);
  const { sealed } = await here.grants().issue(here.session());
  await assert.rejects(here.open(sealed), { code: "interaction_required" });
  const asked = [];
  const prompter = { secret: async (question) => (asked.push(question), "open sesame"), notify() {} };
  assert.equal((await here.open(sealed, { prompter })).header.to, "grace@example.com");
  assert.equal(asked.length, 1);
  const controller = new AbortController();
  let context;
  const silent = { secret: (_, given) => ((context = given), controller.abort(), new Promise(() => {})), notify() {} };
  await assert.rejects(here.open(sealed, { prompter: silent, signal: controller.signal }), { name: "AbortError" });
  assert.ok(context.signal.aborted);
  const why = new Error("lost");
  const fails = { secret: () => Promise.reject(why), notify() {} };
  await assert.rejects(here.open(sealed, { prompter: fails }), { code: "callback_failed", cause: why });
});

test("wrong options are named, and keep no program from ending", async () => {
  const grants = here.grants();
  await assert.rejects(grants.issue(here.session({ sealTwo: "x" })), { code: "ERR_INVALID_ARG_VALUE", message: /did you mean `sealTo`\?/ });
  await assert.rejects(grants.issue(here.session({ role: 1 })), { code: "ERR_INVALID_ARG_TYPE", message: /^option `role`/ });
  assert.throws(() => new Grants("admin", { rol: "x" }), { code: "ERR_INVALID_ARG_VALUE" });
  await assert.rejects(openGrant("x", { acounts: [] }), { code: "ERR_INVALID_ARG_VALUE", message: /did you mean `accounts`\?/ });
  await assert.rejects(grants.permit(here.session({ role: "People", sealTo: undefined, duration: undefined })), { hint: /`duration:`/ });
  await assert.rejects(grants.show("x"), { code: "invalid_argument" });
  await assert.rejects(grants.revoke({}, { reason: "x" }), { hint: /`olderRole:`/ });
  await assert.rejects(grants.revoke("k7q3m5xw2p4a"), { code: "invalid_argument", message: "a reason is required" });
  await assert.rejects(grants.issue(here.session({ sealTo: "nobody" })), { code: "invalid_recipient" });
  // JSON would leave these out, and the grant would allow all that the role does.
  for (const policy of [() => "x", Symbol("x"), 1n, new Map(), Promise.resolve("x"), null]) {
    await assert.rejects(grants.planIssue(here.session({ policy })), { code: "ERR_INVALID_ARG_TYPE", message: /^option `policy` must not be/ });
  }
  const file = pathToFileURL(here.file("policy.json"));
  writeFileSync(file, JSON.stringify({ Statement: [{ Effect: "Allow", Action: "s3:ListBucket", Resource: "arn:aws:s3:::ledger" }] }));
  assert.match((await grants.planIssue(here.session({ policy: file }))).summary.allows, /s3:ListBucket/);
  for (const [call, message] of [
    [() => grants.planIssue(), /no person is named|needs/],
    [() => grants.list(5), /options must be an object, not number/],
    [() => grants.list({ ended: "yes" }), /option `ended` must be true or false, not string/],
    [() => grants.show(7), /`id` must be a string, not number/],
    [() => grants.show("x", AbortSignal.timeout(10)), /pass the signal as `\{ signal \}`/],
    [() => new Audit("admin", { config: here.file("alan.toml") }).export("xml"), /`format` must be one of `csv`, `json`, `ocsf`, not `xml`/],
  ]) {
    await assert.rejects(async () => call(), { message });
  }
  assert.match(inspect(grants), /^Grants \{/);
  const all = { Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
  await assert.rejects(grants.issue(here.session({ policy: all })), { code: "grant_unsafe", hint: /`allowEscape: true`/ });
});

test("a policy grant has dates and no credentials", async () => {
  const grants = here.grants();
  const later = (hours) => new Date(Date.now() + hours * 3_600_000);
  const given = here.session({ role: "People", sealTo: undefined, duration: undefined });
  const permitted = await grants.permit({ ...given, from: later(1), until: later(3) });
  assert.deepEqual([permitted.sealed, permitted.event.how], ["", "policy"]);
  const listed = (await grants.list({ roles: "People" })).grants;
  assert.deepEqual(listed.map(({ kind, state }) => [kind, state]), [["policy", "planned"]]);
  assert.deepEqual((await grants.check({ roles: ["People"] })).findings, []);
  await grants.revoke({ by: "alan@example.com" }, { reason: "left" });
  assert.deepEqual((await grants.list()).grants, []);
  assert.equal((await grants.list({ ended: true, offline: true })).grants[0].state, "revoked");
  await assert.rejects(grants.planPermit({ ...given, role: "Granted", duration: "1h" }), { code: "grant_unsafe" });
  await assert.rejects(grants.planPermit({ ...given, role: "Nobody", duration: "1h" }), { code: "grant_not_found" });
});

test("requests are approved, denied and reviewed", async () => {
  const [grants, barbara] = [here.grants(), here.barbara()];
  here.grants("grace");
  const asked = { preset: "count-objects", duration: 2400, reason: "OPS-123", to: "grace@example.com" };
  const request = () => requestGrant({ ...asked, sealTo: here.file("grace.pub"), config: here.file("grace.toml") });
  const text = await request();
  const plan = await grants.planApprove(text, { duration: "20m" });
  assert.deepEqual([plan.summary.duration, plan.summary.approved_by], ["20m", ["alan@example.com"]]);
  const listing = { Statement: [{ Effect: "Allow", Action: "s3:ListBucket", Resource: "arn:aws:s3:::ledger" }] };
  const narrower = await grants.planApprove(text, { policy: listing });
  assert.deepEqual(JSON.parse(narrower.summary.policy), listing);
  const approved = await barbara.signApproval(text);
  const signed = inspectRequest(approved, { config: here.file("alan.toml") });
  assert.deepEqual(await inspectRequestAsync(approved, { config: here.file("alan.toml") }), signed);
  assert.deepEqual([signed.to, signed.approved_by], ["grace@example.com", ["barbara@example.com"]]);
  const issued = await grants.approve(await barbara.signApproval(text), { fromIp: "127.0.0.0/8" });
  assert.equal((await here.open(issued.sealed)).header.to, "grace@example.com");
  await assert.rejects(grants.approve(text), { code: "grant_changed" });
  const other = await request();
  const narrowed = await barbara.signApproval(other, { duration: 900, policy: listing, fromIp: "127.0.0.0/8" });
  const { agreed_seconds, narrowed: [limits] } = inspectRequest(narrowed, { config: here.file("alan.toml") });
  assert.deepEqual([agreed_seconds, limits.by, JSON.parse(limits.policy), limits.from_ip], [900, "barbara@example.com", listing, ["127.0.0.0/8"]]);
  await assert.rejects(grants.planApprove(narrowed, { fromIp: "10.0.0.0/8" }), { code: "grant_refused" });
  assert.equal((await grants.deny(other, { reason: "not needed" })).event, "denied");
  await assert.rejects(grants.approve(other), { code: "grant_changed" });
  await grants.revoke({ to: "grace@example.com" }, { reason: "next" });
  const emergency = await grants.issue({ to: "grace@example.com", preset: "emergency", reason: "OPS-1", sealTo: here.file("grace.pub") });
  await assert.rejects(grants.review(emergency.id, { reason: "fine" }), { code: "grant_refused" });
  assert.equal((await barbara.review(emergency.id, { reason: "looked at CloudTrail" })).by, "barbara@example.com");
});

test("every example of grants runs", async (context) => {
  const sdk = parts(context, "@aws-sdk/client-s3");
  if (!sdk) return;
  const folder = mkdtempSync(join(sdk.folder, "grants-"));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(join(__dirname, ".."), join(folder, "node_modules/tempaccess"));
  mkdirSync(here.file(".ssh"));
  copyFileSync(here.file("grace"), here.file(".ssh/id_ed25519"));
  copyFileSync(here.file("grace.pub"), join(folder, "grace.pub"));
  writeFileSync(join(folder, "one-bucket.json"), JSON.stringify(ledger));
  here.grants("grace");
  const request = { preset: "count-objects", to: "grace@example.com", reason: "OPS-126", duration: "40m" };
  mkdirSync(join(folder, "tickets"));
  writeFileSync(join(folder, "tickets/OPS-126.txt"), await requestGrant({ ...request, config: here.file("grace.toml") }));
  for (const [file, least] of [["docs/cookbook/node.md", 7], ["crates/node/README.md", 1]]) {
    const found = examplesOf(file).filter((example) => example.includes("rant"));
    assert.ok(found.length >= least, file);
    for (const example of found) {
      if (example.includes("tickets")) await here.grants().revoke({ to: "grace@example.com" }, { reason: "she has one grant at a time" });
      writeFileSync(join(folder, "example.mjs"), example);
      const config = here.file(example.includes("requestGrant") ? "grace.toml" : "alan.toml");
      const env = { ...process.env, TEMPACCESS_CONFIG: config, AWS_REGION: "us-east-1" };
      execFileSync(process.execPath, [join(folder, "example.mjs")], { cwd: folder, env, stdio: "pipe" });
    }
    await here.grants().revoke({ to: "grace@example.com" }, { reason: "the next page" });
  }
  // The bot has approved what was in its folder, and the report is a page.
  assert.match(readFileSync(join(folder, "tickets/OPS-126.txt.grant"), "utf8"), /BEGIN AGE/);
  assert.match(readFileSync(join(folder, "grants.html"), "utf8"), /^<!doctype html>/);
});

test("errors are of the one class", async () => {
  await assert.rejects(here.grants().show("k7q3m5xw2p4a"), (error) => error instanceof TempAccessError && error.code === "grant_not_found");
});
