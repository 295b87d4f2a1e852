"use strict";

const native = require("./tempaccess.node");

/** What went wrong: its message, and what to do about it. */
class TempAccessError extends Error {
  constructor({ kind, stage, fault, message, hint }) {
    super(message);
    this.name = "TempAccessError";
    this.code = kind;
    this.stage = stage;
    this.fault = fault;
    this.hint = hint ?? undefined;
  }
}

function call(run) {
  try {
    return run();
  } catch (error) {
    throw error.code === "TEMPACCESS" ? new TempAccessError(JSON.parse(error.message)) : error;
  }
}

const bytes = (response) => (typeof response === "string" ? Buffer.from(response) : response);

/** The facts read from a SAML response: untrusted and unverified. */
class Assertion {
  #native;

  constructor(read) {
    this.#native = read;
  }

  get roles() {
    return call(() => this.#native.roles());
  }

  choose({ role, account, provider, accountNames } = {}) {
    return call(() => this.#native.choose(role, account, provider, accountNames));
  }

  inspectJson({ at } = {}) {
    return call(() => this.#native.inspectJson(at));
  }

  inspect(options) {
    return JSON.parse(this.inspectJson(options));
  }
}

/** Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope. */
function read(response) {
  return call(() => new Assertion(native.read(bytes(response))));
}

module.exports = { Assertion, TempAccessError, read };
