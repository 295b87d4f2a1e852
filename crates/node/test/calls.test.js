// Functions of JavaScript's in the places where core asks, and what becomes of what they throw.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { join } = require("node:path");
const { test } = require("node:test");

const { Session, TempAccessError } = require("..");
const { withSandbox } = require("./support/sandbox");

const here = withSandbox();
const asked = { username: "alan@example.com", role: "ReadOnly" };

/** Answers as told, and remembers what was said. */
function person({ text, secret, choose }) {
  const heard = [];
  return { heard, text: async () => text, secret: async () => secret, choose: async (_, choices) => choose(choices), notify: (message) => heard.push(message) };
}

test("a person is asked", async () => {
  const prompter = person({ text: "ada@example.com", secret: "correct horse", choose: () => 2 });
  const issued = await new Session({ prompter }).credentials();
  assert.equal(issued.accountId, "444455556666");
  assert.ok(prompter.heard.some((message) => message.includes("42")), prompter.heard.join());
});

test("what is thrown is the cause", async () => {
  const why = new RangeError("gone for lunch");
  const thrown = async (prompter, check) =>
    assert.rejects(new Session({ ...asked, prompter: { notify() {}, ...prompter } }).credentials(), (error) => {
      assert.ok(error instanceof TempAccessError);
      assert.deepEqual([error.code, error.fault], ["callback_failed", "caller"]);
      check(error);
      return true;
    });
  const fail = () => {
    throw why;
  };
  // At once, and later.
  for (const secret of [fail, async () => fail()]) {
    await thrown({ secret }, ({ cause, message }) => {
      assert.equal(cause, why);
      assert.equal(message, "`secret` threw RangeError: gone for lunch");
    });
  }
  await thrown({ secret: () => Promise.reject(Object.create(null)) }, ({ message }) => assert.equal(message, "`secret` threw object"));
  await thrown({ secret: () => 7 }, ({ cause }) => assert.match(cause.message, /secret returned number/));
  await thrown({}, ({ cause }) => assert.ok(cause instanceof TypeError));
});

test("a choice that does not exist is an error of the prompter", async () => {
  const ada = { username: "ada@example.com", password: "correct horse" };
  for (const index of [5, -1, 0.5, "0"]) {
    const prompter = { choose: () => index, notify() {} };
    await assert.rejects(new Session({ ...ada, prompter }).credentials(), { code: "callback_failed" });
  }
});

test("cancelling is not a fault", async () => {
  const aborted = new AbortController();
  aborted.abort();
  const asked = { username: "alan@example.com", role: "ReadOnly" };
  const prompter = { secret: () => Promise.reject(aborted.signal.reason), notify() {} };
  await assert.rejects(new Session({ ...asked, prompter }).credentials(), { code: "cancelled" });
});

test("a notification that fails ends the sign-in", async () => {
  const why = new Error("nobody reads this");
  const ada = { username: "ada@example.com", password: "correct horse", role: "111122223333/ReadOnly" };
  const fail = () => {
    throw why;
  };
  for (const notify of [fail, async () => fail()]) {
    const session = new Session({ ...ada, prompter: { notify } });
    await assert.rejects(session.credentials(), { code: "callback_failed", cause: why, message: "`notify` threw Error: nobody reads this" });
    await assert.rejects(Promise.all([session.roles(), session.roles()]), { cause: why });
  }
});

test("whoever gives up withdraws what is asked", async () => {
  let signal;
  const controller = new AbortController();
  const secret = (_, context) => {
    signal = context.signal;
    controller.abort();
    return new Promise(() => {});
  };
  await assert.rejects(new Session({ ...asked, prompter: { secret, notify() {} } }).credentials({ signal: controller.signal }), {
    name: "AbortError",
  });
  assert.ok(signal.aborted);
  // The turn is free again.
  const issued = await new Session({ ...asked, prompter: person({ secret: "bombe" }) }).credentials();
  assert.equal(issued.accountId, "111122223333");
});

test("as long as somebody waits, the question stands", async () => {
  const controller = new AbortController();
  let answer;
  const prompter = { secret: () => new Promise((resolve) => ((answer = resolve), controller.abort())), notify() {} };
  const session = new Session({ ...asked, prompter });
  const patient = session.credentials();
  await assert.rejects(session.credentials({ signal: controller.signal }), { name: "AbortError" });
  answer("bombe");
  assert.equal((await patient).accountId, "111122223333");
  assert.equal(here.issued(), 1);
});

test("a function is a source", async () => {
  const requests = [];
  const source = async (request) => {
    requests.push(request);
    return here.page();
  };
  const given = (source) => new Session({ store: "none", source });
  assert.equal((await given(source).credentials()).accountId, "111122223333");
  const bytes = async (request) => new TextEncoder().encode(await source(request));
  assert.equal((await given(bytes).renew({ force: true })).accountId, "111122223333");
  assert.deepEqual(
    requests.map(({ audience, forceAuthn }) => [audience, forceAuthn]),
    [["urn:amazon:webservices", false], ["urn:amazon:webservices", true]],
  );
  await assert.rejects(given(() => "<html><form></form></html>").credentials(), { code: "no_saml_response" });
  const why = new Error("no browser");
  await assert.rejects(given(() => Promise.reject(why)).credentials(), { code: "callback_failed", cause: why });
  await assert.rejects(given(() => 1).credentials(), ({ cause }) => cause instanceof TypeError);
});

test("a session with functions keeps no program from ending", () => {
  const script = `
    const { Session } = require(${JSON.stringify(join(__dirname, ".."))});
    globalThis.session = new Session({ prompter: { notify() {} }, source: () => "" });
    console.log("through");`;
  const printed = execFileSync(process.execPath, ["-e", script], { encoding: "utf8", timeout: 60_000 });
  assert.equal(printed, "through\n");
});
