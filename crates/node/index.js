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

/** Settings as the configuration spells them: `policyArns` is `policy_arns` there. */
function settings(given) {
  const spelt = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) spelt[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  return JSON.stringify(spelt);
}

/** Waits for the native side, and no longer than the signal allows. What was begun is finished and kept all the same. */
async function wait(begin, signal) {
  signal?.throwIfAborted();
  const work = begin();
  let abort;
  const aborted = signal && new Promise((_, reject) => signal.addEventListener("abort", (abort = () => reject(signal.reason))));
  try {
    return await (aborted ? Promise.race([work, aborted]) : work);
  } catch (error) {
    // Whoever gave up hears no more of it.
    work.catch(() => {});
    const ours = error?.message?.startsWith?.("TEMPACCESS ");
    throw ours ? new TempAccessError(JSON.parse(error.message.slice("TEMPACCESS ".length))) : error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** What was given. Printed, it shows no secret. */
class Grant {
  #given;

  constructor(given) {
    this.#given = given;
    this.accessKeyId = given.accessKeyId;
    this.accountId = given.accountId;
    this.roleArn = given.roleArn;
    this.region = given.region ?? undefined;
    this.expiration = new Date(given.expiration);
  }

  get secretAccessKey() {
    return this.#given.secretAccessKey;
  }

  get sessionToken() {
    return this.#given.sessionToken;
  }

  /** All that is known of it but for the secrets, as `tempaccess login --output json` prints it. */
  get summary() {
    return JSON.parse(this.#given.summaryJson);
  }
}

/** Temporary access: who signs in, which role is taken, for how long and how narrow. */
class Session {
  #native;

  constructor({ profile, config, password, ...given } = {}) {
    this.#native = call(() => new native.Session(profile, config, password, settings(given)));
  }

  async credentials({ signal } = {}) {
    return new Grant(await wait(() => this.#native.credentials(), signal));
  }

  async renew({ anew = false, signal } = {}) {
    return new Grant(await wait(() => this.#native.renew(anew), signal));
  }

  async roles({ signal } = {}) {
    return wait(() => this.#native.roles(), signal);
  }

  async signOut({ signal } = {}) {
    return wait(() => this.#native.signOut(), signal);
  }
}

/** A credential provider for the AWS SDK for JavaScript: `new S3Client({ credentials: fromTempAccess({ … }) })`. */
function fromTempAccess(options) {
  const session = new Session(options);
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = await session.credentials();
    return { accessKeyId, secretAccessKey, sessionToken, expiration, accountId };
  };
}

module.exports = { Assertion, Grant, Session, TempAccessError, fromTempAccess, read };
