"use strict";

const { isUint8Array } = require("node:util/types");

const native = require("./native.js");
const { Calls, race } = require("./calls.js");

/** What went wrong: its message, and what to do about it. What a function of yours threw is its `cause`. */
class TempAccessError extends Error {
  /** @private */
  constructor({ kind, stage, fault, message, hint, roles, retry_after_seconds }, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TempAccessError";
    /**
     * The stable name of the kind, such as `role_not_offered`.
     * @type {string}
     * @readonly
     */
    this.code = kind;
    /**
     * Where it went wrong, such as `role`.
     * @type {string}
     * @readonly
     */
    this.stage = stage;
    /**
     * Whose fault it is: `caller`, `identity_provider`, `aws`, `input` or `environment`.
     * @type {string}
     * @readonly
     */
    this.fault = fault;
    /**
     * What to do next.
     * @type {string | undefined}
     * @readonly
     */
    this.hint = hint ?? undefined;
    /**
     * The ARNs of the roles that the person can choose from.
     * @type {string[]}
     * @readonly
     */
    this.roles = roles ?? [];
    /**
     * How many seconds to wait before trying again, if the other side has said so.
     * @type {number | undefined}
     * @readonly
     */
    this.retryAfterSeconds = retry_after_seconds;
  }
}

/**
 * One role that an assertion offers, and the SAML provider through which it does.
 * @typedef {object} Role
 * @property {string} roleArn
 * @property {string} providerArn
 * @property {string} partition
 * @property {string} accountId
 * @property {string} name
 */

/**
 * Which role is wanted. Each part narrows.
 * @typedef {object} RoleQuery
 * @property {string} [role] Its ARN, name, `ACCOUNT/NAME`, a glob over these, or its number in the list.
 * @property {string} [account] Its account's id or name, or a glob over these.
 * @property {string} [provider] Its SAML provider's ARN or name, or a glob over these.
 * @property {Record<string, string>} [accountNames] Names of accounts, by their ids.
 */

/**
 * The instant to judge at.
 * @typedef {object} JudgeOptions
 * @property {string} [at] RFC 3339; now unless said otherwise.
 */

/**
 * Whom an assertion must be meant for, and which rules are loosened.
 * @typedef {object} VerifierOptions
 * @property {string} [audience] The entity ID of a service of your own; given together with `recipient`.
 * @property {string} [recipient] The address that the response was posted to.
 * @property {string} [inResponseTo] The id of the request that must be answered.
 * @property {boolean} [allowSha1]
 * @property {boolean} [allowShortRsa]
 * @property {boolean} [allowExpiredCertificate]
 */

/**
 * A role to go on to from the session of the one before.
 * @typedef {object} NextRole
 * @property {string} role_arn
 * @property {string} [session_name]
 * @property {string} [source_identity]
 * @property {string} [external_id]
 * @property {Record<string, string>} [tags]
 * @property {string[]} [transitive_tag_keys]
 */

/**
 * @template T
 * @typedef {T | PromiseLike<T>} Awaitable
 */

/**
 * Asks the person. What a method throws ends the sign-in, and is the `cause` of the error. The `signal` says that nobody
 * waits for the answer any more.
 * @typedef {object} Prompter
 * @property {(question: string, context: { signal: AbortSignal }) => Awaitable<string>} text A text that may be seen, such as a user name.
 * @property {(question: string, context: { signal: AbortSignal }) => Awaitable<string>} secret A text that nobody else may see, such as a password or a code.
 * @property {(question: string, choices: string[], context: { signal: AbortSignal }) => Awaitable<number>} choose The answer is an index.
 * @property {(page: { url: string, code?: string }, context: { signal: AbortSignal }) => unknown} [visit] Sends the person to the page of a sign-in that they finish in their own browser; without it they are told the address.
 * @property {(message: string) => unknown} notify Something that needs no answer, such as the number to tap on a telephone.
 */

/**
 * What a source of your own is asked for.
 * @typedef {object} AssertionRequest
 * @property {string} audience Whom the assertion is for: `urn:amazon:webservices`.
 * @property {boolean} forceAuthn Whether the person must sign in even if there is a session.
 * @property {AbortSignal} signal Says that nobody waits for the answer any more.
 */

/**
 * Gives a SAML response in any form.
 * @callback AssertionSource
 * @param {AssertionRequest} request
 * @returns {Awaitable<string | Uint8Array>}
 */

/**
 * Settings of a profile, over the environment, over the profile.
 * @typedef {object} SessionOptions
 * @property {string} [profile] The profile of the configuration.
 * @property {string} [config] Another configuration file.
 * @property {Prompter} [prompter] Who can be asked; nobody unless said otherwise.
 * @property {string} [password] The password at the identity provider.
 * @property {string | AssertionSource} [source] Where the SAML response comes from: the link of Okta's AWS app, `browser:https://…`, `saml:METADATA`, `file:PATH`, `command:PROGRAM ARGUMENTS`, or a function.
 * @property {string} [auth] How to sign in at Okta: `auto`, `classic`, `device`, `browser` or `idx`.
 * @property {string} [clientId] The client id of the native app in Okta, for device authorization.
 * @property {string} [username] The user name at the identity provider.
 * @property {string} [passwordCommand] A program that prints the password, quoted like a shell.
 * @property {string} [factor] The second factor: `push`, `code`, `sms`, `call`, `email`, `question`.
 * @property {boolean} [rememberDevice] Whether Okta shall not ask for the second factor on this machine again for a while.
 * @property {string} [browser] The browser to drive, with its arguments, quoted like a shell.
 * @property {boolean} [headless] Whether the browser shows no window.
 * @property {string} [acsUrl] Where the response of a `saml:` source comes, as the identity provider has it.
 * @property {string} [role] Its ARN, name, `ACCOUNT/NAME`, or a glob over these.
 * @property {string} [account] Its id, its name, or a glob over these.
 * @property {string} [provider] The SAML provider, where a role is offered through several.
 * @property {NextRole[]} [then] Roles to go on to, each from the session of the one before.
 * @property {string | number} [duration] `45m`, `1h30m`, or seconds.
 * @property {string} [policy] An inline session policy: JSON, or the path of a file that holds it.
 * @property {string[]} [policyArns] Managed session policies, by ARN.
 * @property {string} [region] The region whose STS is asked.
 * @property {string} [stsEndpointUrl] Another address for STS.
 * @property {string} [federationEndpointUrl] Another address for the federation endpoint of AWS sign-in.
 * @property {string} [store] `auto`, `file`, `keyring`, `kernel` or `none`.
 * @property {string} [reason] Why access is wanted, for the audit record.
 * @property {string} [auditLog] The file that audit records are appended to.
 */

/**
 * How long to wait.
 * @typedef {object} WaitOptions
 * @property {AbortSignal} [signal] Aborted, the promise rejects at once, and what is asked by then is withdrawn.
 */

/**
 * What became of one role of many: `issued`, or the `error` that says why there is none.
 * @typedef {object} Exchanged
 * @property {Role} role
 * @property {IssuedSession} [issued]
 * @property {TempAccessError} [error]
 */

/**
 * What the AWS SDK for JavaScript takes.
 * @typedef {object} AwsCredentials
 * @property {string} accessKeyId
 * @property {string} secretAccessKey
 * @property {string} sessionToken
 * @property {Date} expiration
 * @property {string} accountId
 */

/**
 * @template T
 * @param {() => T} run
 * @returns {T}
 */
function call(run) {
  try {
    return run();
  } catch (error) {
    throw error.code === "TEMPACCESS" ? new TempAccessError(JSON.parse(error.message)) : error;
  }
}

/** Where texts go over, wiped after each: a buffer for every one of them would cost more than to read it. */
let through = new Uint8Array(32 << 10);
const utf8 = new TextEncoder();

/**
 * Calls with the bytes, or with those of the text.
 * @template T
 * @param {Uint8Array | string} input
 * @param {(bytes: Uint8Array) => T} use
 * @returns {T}
 */
function withBytes(input, use) {
  if (isUint8Array(input)) return use(input);
  if (typeof input !== "string") {
    throw Object.assign(new TypeError("what is read is a string or a Uint8Array"), { code: "ERR_INVALID_ARG_TYPE" });
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

/** The facts read from a SAML response: untrusted and unverified, unless a `Verifier` gave them. */
class Assertion {
  #native;

  /** @private */
  constructor(read) {
    this.#native = read;
  }

  /**
   * The roles that are offered, in document order. Throws where there are none.
   * @returns {Role[]}
   */
  get roles() {
    // A field on each line, and none behind the last.
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

  /**
   * The one role that fits. Throws where none does, or several do.
   * @param {RoleQuery} [query]
   * @returns {Role}
   */
  choose({ role, account, provider, accountNames } = {}) {
    return call(() => this.#native.choose(role, account, provider, accountNames));
  }

  /**
   * The facts and what AWS would refuse, as the JSON text that `tempaccess inspect --output json` prints, on one line.
   * @param {JudgeOptions} [options]
   * @returns {string}
   */
  inspectJson({ at } = {}) {
    return call(() => this.#native.inspectJson(at));
  }

  /**
   * The same as an object.
   * @param {JudgeOptions} [options]
   * @returns {Record<string, unknown>}
   */
  inspect(options) {
    return JSON.parse(this.inspectJson(options));
  }
}

/**
 * Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope.
 * @param {Uint8Array | string} response
 * @returns {Assertion}
 */
function read(response) {
  return call(() => new Assertion(withBytes(response, native.read)));
}

/**
 * Verifies signatures against keys that were pinned beforehand. The assertion must be meant for AWS, or for the service
 * whose `audience` and `recipient` are given.
 */
class Verifier {
  #native;

  /**
   * @param {Uint8Array | string} keys The identity provider's SAML metadata, or its signing certificates or keys in PEM.
   * @param {VerifierOptions} [options]
   */
  constructor(keys, options = {}) {
    // As they are now: a getter would run while the keys are looked at.
    const given = { ...options };
    this.#native = call(() => withBytes(keys, (keys) => new native.Verifier(keys, given)));
  }

  /**
   * The facts, read from beneath what a trusted key has signed. Throws where anything is wrong.
   * @param {Uint8Array | string} response
   * @param {JudgeOptions} [options]
   * @returns {Assertion}
   */
  verify(response, { at } = {}) {
    return call(() => new Assertion(withBytes(response, (response) => this.#native.verify(response, at))));
  }

  /**
   * What is in it, whoever signed it, and what verifying found, as the JSON text that
   * `tempaccess inspect --verify --output json` prints, on one line.
   * @param {Uint8Array | string} response
   * @param {JudgeOptions} [options]
   * @returns {string}
   */
  examineJson(response, { at } = {}) {
    return call(() => withBytes(response, (response) => this.#native.examineJson(response, at)));
  }

  /**
   * The same as an object.
   * @param {Uint8Array | string} response
   * @param {JudgeOptions} [options]
   * @returns {Record<string, unknown>}
   */
  examine(response, options) {
    return JSON.parse(this.examineJson(response, options));
  }
}

/** Settings as the configuration spells them: `policyArns` is `policy_arns` there. */
function settings(given) {
  const spelt = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) spelt[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  return JSON.stringify(spelt);
}

/** What was given. Printed, it shows no secret. */
class IssuedSession {
  #given;

  /** @private */
  constructor(given) {
    this.#given = given;
    /**
     * @type {string}
     * @readonly
     */
    this.accessKeyId = given.accessKeyId;
    /**
     * @type {string}
     * @readonly
     */
    this.accountId = given.accountId;
    /**
     * @type {string}
     * @readonly
     */
    this.roleArn = given.roleArn;
    /**
     * @type {string | undefined}
     * @readonly
     */
    this.region = given.region ?? undefined;
    /**
     * When AWS stops accepting it.
     * @type {Date}
     * @readonly
     */
    this.expiration = new Date(given.expiration);
  }

  /** @returns {string} */
  get secretAccessKey() {
    return this.#given.secretAccessKey;
  }

  /** @returns {string} */
  get sessionToken() {
    return this.#given.sessionToken;
  }

  /**
   * All that is known of it but for the secrets, as `tempaccess login --output json` prints it.
   * @returns {string}
   */
  summaryJson() {
    return this.#given.summaryJson;
  }

  /**
   * The same as an object.
   * @returns {Record<string, unknown>}
   */
  get summary() {
    return JSON.parse(this.#given.summaryJson);
  }

  /**
   * The same with the secrets, as `tempaccess credentials --output json` prints it.
   * @returns {string}
   */
  credentialsJson() {
    return this.#given.credentialsJson;
  }

  /**
   * What the AWS CLI and the SDKs expect of a `credential_process`.
   * @returns {string}
   */
  credentialProcess() {
    return this.#given.credentialProcess;
  }
}

/** Temporary access: who signs in, which role is taken, for how long and how narrow. */
class Session {
  #native;
  #calls = new Calls();

  /** @param {SessionOptions} [options] */
  constructor({ profile, config, password, prompter, source, ...given } = {}) {
    const own = typeof source === "function";
    const spelt = settings(own ? given : { source, ...given });
    const ask = prompter && this.#calls.person(prompter);
    const give = own ? this.#calls.source(source) : undefined;
    this.#native = call(() => new native.Session(profile, config, password, spelt, ask, give));
  }

  /** Waits for the native side, and no longer than the signal allows. What was begun is finished and kept all the same. */
  async #wait(begin, signal) {
    signal?.throwIfAborted();
    return this.#calls.during(signal, async () => {
      const work = begin();
      try {
        return await race(work, signal);
      } catch (error) {
        // Whoever gave up hears no more of it.
        work.catch(() => {});
        const ours = error?.message?.startsWith?.("TEMPACCESS ");
        if (!ours) throw error;
        const report = JSON.parse(error.message.slice("TEMPACCESS ".length));
        throw new TempAccessError(report, this.#calls.thrown(report.thrown));
      }
    });
  }

  /**
   * Credentials: those that are kept as long as they are good for a while yet; else by a sign-in.
   * @param {WaitOptions} [options]
   * @returns {Promise<IssuedSession>}
   */
  async credentials({ signal } = {}) {
    return new IssuedSession(await this.#wait(() => this.#native.credentials(), signal));
  }

  /**
   * Returns new credentials, also if the cached ones are fresh; `force` makes the person sign in again even if there is a session.
   * @param {{ force?: boolean } & WaitOptions} [options]
   * @returns {Promise<IssuedSession>}
   */
  async renew({ force = false, signal } = {}) {
    return new IssuedSession(await this.#wait(() => this.#native.renew(force), signal));
  }

  /**
   * The credentials that are kept and good for a while yet: without a sign-in, a wait or any network.
   * @returns {IssuedSession | undefined}
   */
  cached() {
    const cached = this.#native.cached();
    return cached ? new IssuedSession(cached) : undefined;
  }

  /**
   * Credentials of every role that fits, by one sign-in. One role's failure is no other's.
   * @param {WaitOptions} [options]
   * @returns {Promise<Exchanged[]>}
   */
  async allCredentials({ signal } = {}) {
    const roles = await this.#wait(() => this.#native.allCredentials(), signal);
    return roles.map(({ role, issued, errorJson }) =>
      issued ? { role, issued: new IssuedSession(issued) } : { role, error: new TempAccessError(JSON.parse(errorJson)) },
    );
  }

  /**
   * Signs in and lists the roles that are offered.
   * @param {WaitOptions} [options]
   * @returns {Promise<Role[]>}
   */
  async roles({ signal } = {}) {
    return this.#wait(() => this.#native.roles(), signal);
  }

  /**
   * The address that signs a browser in to the AWS console, as secret as the credentials. `destination` is a page of the
   * console or a service, such as `s3`; `duration` how long the console stays signed in.
   * @param {{ destination?: string, duration?: string } & WaitOptions} [options]
   * @returns {Promise<string>}
   */
  async consoleUrl({ destination, duration, signal } = {}) {
    return this.#wait(() => this.#native.consoleUrl(destination, duration), signal);
  }

  /**
   * Ends the session at the identity provider and forgets what came from it: how many credentials that were.
   * @param {WaitOptions} [options]
   * @returns {Promise<number>}
   */
  async signOut({ signal } = {}) {
    return this.#wait(() => this.#native.signOut(), signal);
  }
}

/**
 * What is kept, for whom, how narrow, until when; nothing secret. As `tempaccess status --output json` prints it.
 * @param {{ config?: string, store?: string }} [options]
 * @returns {Record<string, unknown>}
 */
function status({ config, store } = {}) {
  return JSON.parse(call(() => native.statusJson(config, store)));
}

/**
 * A credential provider for the AWS SDK for JavaScript: `new S3Client({ credentials: fromTempAccess({ … }) })`.
 * @param {SessionOptions} [options]
 * @returns {() => Promise<AwsCredentials>}
 */
function fromTempAccess(options) {
  const session = new Session(options);
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = await session.credentials();
    return { accessKeyId, secretAccessKey, sessionToken, expiration, accountId };
  };
}

module.exports = { Assertion, IssuedSession, Session, TempAccessError, Verifier, fromTempAccess, read, status };
