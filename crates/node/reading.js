// Reading and verifying SAML responses, without a sign-in.
"use strict";

const { isUint8Array } = require("node:util/types");

const { call } = require("./errors.js");
const native = require("./native.js");
const { checked, flag, text } = require("./options.js");
const { instant } = require("./waits.js");

/** Passes texts to the native side, and is wiped after each. A new buffer for each text would cost more than reading it. */
let through = new Uint8Array(32 << 10);
const utf8 = new TextEncoder();

/** Calls with the bytes, or with those of the text. */
function withBytes(input, use) {
  if (isUint8Array(input)) return use(input);
  if (typeof input !== "string") {
    throw Object.assign(new TypeError(`the input must be a string or a Uint8Array, not ${input === null ? "null" : typeof input}`), { code: "ERR_INVALID_ARG_TYPE" });
  }
  if (input.length > through.length && input.length <= 1 << 20) through = new Uint8Array(input.length);
  const { read, written } = utf8.encodeInto(input, through);
  const bytes = read === input.length ? through.subarray(0, written) : utf8.encode(input);
  try {
    return use(bytes);
  } finally {
    bytes.fill(0);
    through.fill(0, 0, written);
  }
}

/** The facts read from a SAML response: not verified, unless they come from a `Verifier`. */
class Assertion {
  #native;

  constructor(read) {
    this.#native = read;
  }

  get roles() {
    // One field per line, and an empty line at the end.
    const fields = call(() => this.#native.roles()).split("\n");
    const roles = [];
    for (let at = 0; at < fields.length - 1; at += 5) {
      roles.push({
        roleArn: fields[at],
        providerArn: fields[at + 1],
        partition: fields[at + 2],
        accountId: fields[at + 3],
        name: fields[at + 4],
      });
    }
    return roles;
  }

  choose(options) {
    const { role, account, provider, accountNames } = checked(options, ["role", "account", "provider", "accountNames"]);
    return call(() => this.#native.choose(role, account, provider, accountNames));
  }

  inspectJson(options) {
    const { at } = checked(options, ["at"]);
    return call(() => this.#native.inspectJson(instant(at)));
  }

  inspect(options) {
    return JSON.parse(this.inspectJson(options));
  }
}

/** Reads a SAML response in any form. */
function read(response) {
  return call(() => new Assertion(withBytes(response, native.read)));
}

/** What a verifier expects, and which rules it loosens. */
const EXPECTED = ["audience", "recipient", "inResponseTo", "allowSha1", "allowShortRsa", "allowExpiredCertificate"];

/** Verifies signatures with keys that the caller provides. */
class Verifier {
  #native;

  constructor(keys, options) {
    // A copy, because a getter could change the keys while they are parsed.
    const given = { ...checked(options, EXPECTED) };
    for (const name of EXPECTED) {
      if (given[name] === undefined) continue;
      if (name.startsWith("allow")) flag(name, given[name]);
      else text(name, given[name]);
    }
    this.#native = call(() => withBytes(keys, (keys) => new native.Verifier(keys, given)));
  }

  verify(response, options) {
    const { at } = checked(options, ["at"]);
    return call(() => new Assertion(withBytes(response, (response) => this.#native.verify(response, instant(at)))));
  }

  examineJson(response, options) {
    const { at } = checked(options, ["at"]);
    return call(() => withBytes(response, (response) => this.#native.examineJson(response, instant(at))));
  }

  examine(response, options) {
    return JSON.parse(this.examineJson(response, options));
  }
}

module.exports = { Assertion, Verifier, read };
