// No work outlives the thread that waits for it, and none keeps a program from ending that nobody waits for.
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { after, test } = require("node:test");

const { withSandbox } = require("./support/sandbox");

const folder = mkdtempSync(join(tmpdir(), "tempaccess-world-"));
after(() => rmSync(folder, { recursive: true }));
const world = join(folder, "world.toml");
const role = "arn:aws:iam::111122223333:role/ReadOnly";
const provider = "arn:aws:iam::111122223333:saml-provider/Okta";
writeFileSync(
  world,
  `users = [{ login = "ada@example.com", password = "correct horse", roles = ["${provider},${role}"], factors = [
     { kind = "push", push = { answer = "never" } }] }]
   providers = [{ arn = "${provider}" }]
   roles = [{ arn = "${role}" }]\n`,
);
const here = withSandbox({}, ["--world", world]);

/** Fails a test whose program hangs. The sign-in itself would wait for five minutes. Under valgrind, programs take far longer. */
const DEADLINE = Number(process.env.TEMPACCESS_TEST_DEADLINE ?? 60_000);

const preamble = `
  const { Worker, isMainThread, parentPort } = require("node:worker_threads");
  const { Session, fromTempAccess, read, status } = require(${JSON.stringify(join(__dirname, ".."))});
  /** A sign-in that waits for a push which nobody answers; \`pushed\` is called as soon as it does. */
  const ada = (pushed, more) => new Session({ username: "ada@example.com", password: "correct horse",
    prompter: { notify: (message) => pushed(message) }, ...more });
`;

/** Runs a program, and returns what it printed. */
async function run(script, flags = []) {
  const file = join(folder, "program.cjs");
  writeFileSync(file, preamble + script);
  const child = spawn(process.execPath, [...flags, file], { timeout: DEADLINE, killSignal: "SIGKILL", stdio: ["ignore", "pipe", "pipe"] });
  let [printed, failed] = ["", ""];
  child.stdout.on("data", (piece) => (printed += piece));
  child.stderr.on("data", (piece) => (failed += piece));
  const [code, signal] = await new Promise((resolve) => child.once("close", (...ended) => resolve(ended)));
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, failed);
  return printed;
}

const workers = (begin, count) => `
  if (isMainThread) {
    status();
    (async () => {
      for (let round = 0; round < ${count}; round++) {
        const worker = new Worker(__filename);
        await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
        globalThis.gc?.();
        await worker.terminate();
      }
      // The main thread still works.
      await ada((message) => message.includes("push") && process.stdout.write("main"))
        .credentials({ signal: AbortSignal.timeout(1_500) })
        .catch((error) => console.log("", error.name));
    })();
  } else {
    const pushed = () => (globalThis.gc?.(), parentPort.postMessage("pushed"));
    ${begin}
  }`;

test("a worker that is terminated during a sign-in takes nothing else with it", async () => {
  const begins = [
    "ada(pushed).credentials();",
    "globalThis.waiting = [ada(pushed).credentials(), ada(() => {}).roles(), ada(() => {}).allCredentials()];",
    "new Session({ store: 'none', source: () => (pushed(), new Promise(() => {})) }).credentials();",
    "new Session({ store: 'none', source: () => { pushed(); for (;;); } }).credentials();",
    "ada(() => { pushed(); process.exit(); }).credentials();",
  ];
  for (const begin of begins) assert.match(await run(workers(begin, 8)), /TimeoutError/, begin);
  assert.match(await run(workers(begins[1], 8), ["--expose-gc"]), /TimeoutError/);
});

test("a main thread that exits during a sign-in exits as it says", async () => {
  const worker = `
    if (isMainThread) new Worker(__filename).once("message", () => process.exit(0));
    else ada(() => parentPort.postMessage("pushed")).credentials();`;
  for (let round = 0; round < 5; round++) assert.equal(await run(worker), "");
  const exits = ["process.exit(0)", "setImmediate(() => process.exit(0))"];
  for (const exit of exits) assert.equal(await run(`ada(() => { console.log("pushed"); ${exit}; }).credentials();`), "pushed\n");
});

test("sessions that nobody refers to any more do no harm", async () => {
  const printed = await run(
    `(async () => {
      const waiting = [];
      for (let round = 0; round < 50; round++) {
        waiting.push(new Session({ store: "none", source: async () => (gc(), "<html></html>") }).credentials().catch((error) => error.code));
        gc();
      }
      console.log(new Set(await Promise.all(waiting)));
    })();`,
    ["--expose-gc"],
  );
  assert.match(printed, /no_saml_response/);
});

test("sessions are freed with what they were given", async () => {
  const printed = await run(
    `(async () => {
      let left = 60;
      const registry = new FinalizationRegistry(() => (left -= 1));
      const use = async () => {
        const prompter = { notify() {} };
        const source = () => Promise.reject(new Error("no"));
        const session = new Session({ store: "none", prompter, source });
        for (const given of [session, prompter, source]) registry.register(given);
        await session.credentials().catch(() => {});
        await fromTempAccess(session)().catch(() => {});
      };
      for (let round = 0; round < 20; round++) await use();
      // The last ones may be referred to from the stack. The deadline of the program limits this.
      while (left > 3) {
        gc();
        await new Promise(setImmediate);
      }
      console.log("freed");
    })();`,
    ["--expose-gc"],
  );
  assert.equal(printed, "freed\n");
});

test("a sign-in that is given up keeps no program from ending", async () => {
  const giveUp = `
    const controller = new AbortController();
    const session = ada(() => controller.abort());
    session.credentials({ signal: controller.signal }).catch((error) => console.log(error.name));`;
  assert.equal(await run(giveUp), "AbortError\n");
  const timeout = `ada(() => {}).credentials({ timeout: 1_000 }).catch((error) => console.log(error.name, error.message));`;
  assert.equal(await run(timeout), "TimeoutError timed out after 1000 ms\n");
  const provider = (options) => `
    const controller = new AbortController();
    const give = fromTempAccess(ada(() => controller.abort()), ${options});
    give().catch((error) => console.log(error.name));`;
  assert.equal(await run(provider("{ signal: controller.signal }")), "AbortError\n");
  assert.equal(await run(provider("{ timeout: 1_000 }")), "TimeoutError\n");
});

test("a sign-in that is given up is over, and the next caller need not wait for it", async () => {
  const printed = await run(`
    (async () => {
      for (let round = 0; round < 3; round++) {
        const controller = new AbortController();
        const given = ada(() => controller.abort(), { prompter: { notify: () => controller.abort() } });
        await given.credentials({ signal: controller.signal }).catch((error) => console.log(error.name));
      }
    })();`);
  assert.equal(printed, "AbortError\n".repeat(3));
  const outcomes = here.audit().map(({ error }) => error.kind);
  assert.deepEqual(outcomes, ["cancelled", "cancelled", "cancelled"]);
});

test("somebody who waits keeps the program alive", async () => {
  const source = `new Promise((resolve) => setTimeout(resolve, 100, "<html></html>").unref())`;
  const script = `new Session({ store: "none", source: () => ${source} }).credentials().catch((error) => console.log(error.code));`;
  assert.equal(await run(script), "no_saml_response\n");
});
