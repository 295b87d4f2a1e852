// Waiting for the native side of an object that has functions of the caller, and its options.
"use strict";

const { fileURLToPath } = require("node:url");

const { Calls } = require("./calls.js");
const { TempAccessError, call } = require("./errors.js");
const { invalid, waitOptions } = require("./options.js");
const { Works, withTimeout } = require("./works.js");

/** The work of one native object, and the functions that it calls. */
class Waits {
  #works;
  #calls;

  /** @param {(id: number) => void} abort Aborts the work of this id. */
  constructor(abort) {
    this.#works = new Works(abort);
    // The native side keeps what it calls, which must not keep this object.
    const works = new WeakRef(this.#works);
    this.#calls = new Calls((error) => works.deref()?.fail(error));
  }

  /** What the native side calls with an outcome. */
  get settle() {
    return this.#works.settle;
  }

  /** The functions of the caller, as the native side calls them. */
  get calls() {
    return this.#calls;
  }

  /** Returns the outcome of the work that `begin(id)` begins. */
  async outcome(begin, options, key) {
    return withTimeout(waitOptions(options), (signal) =>
      this.#calls.during(signal, async () => {
        const { error, errorJson, ...outcome } = await this.#works.wait(begin, { signal, key });
        if (error) throw error;
        if (errorJson === undefined) return outcome;
        const report = JSON.parse(errorJson);
        throw new TempAccessError(report, this.#calls.thrown(report.thrown));
      }),
    );
  }
}

/** The options with their names in the configuration: `policyArns` is `policy_arns` there. */
function configured(options) {
  const named = {};
  for (const [name, value] of Object.entries(options)) {
    if (name.includes("_")) {
      const known = name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
      throw invalid("ERR_INVALID_ARG_VALUE", `unknown option \`${name}\`; did you mean \`${known}\`?`);
    }
    if (typeof value === "number" && !Number.isFinite(value)) throw invalid("ERR_INVALID_ARG_VALUE", `option \`${name}\` must be a finite number`);
    if (value !== undefined) named[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  }
  return named;
}

/** The options as JSON. */
function settings({ policy, then, ...given }) {
  const roles = Array.isArray(then) ? then.map((role) => (role !== null && typeof role === "object" ? configured(role) : role)) : then;
  return JSON.stringify(configured({ ...given, then: roles, policy: typeof policy === "object" ? JSON.stringify(policy) : policy }));
}

/** The native object of a session or of grants, with the functions of the caller. `waits` waits for its work. */
function nativeOf(Native, waits, profile, { config, password, prompter, source, ...given }) {
  for (const [name, value] of Object.entries({ profile, password })) {
    if (value != null && typeof value !== "string") {
      // Without the value, which may be a secret.
      throw invalid("ERR_INVALID_ARG_TYPE", `\`${name}\` must be a string, not ${typeof value}`);
    }
  }
  const own = typeof source === "function";
  const spelt = settings(own ? given : { source, ...given });
  const { calls, settle } = waits;
  const ask = calls.person(prompter);
  const give = own ? calls.source(source) : undefined;
  return call(() => new Native(profile, path(config), password, spelt, settle, ask, prompter != null, give));
}

/** An instant as text. */
const instant = (at) => (at instanceof Date ? at.toISOString() : at);

/** The path of a file, which may be a URL as that of a module. */
const path = (file) => (file instanceof URL ? fileURLToPath(file) : file);

module.exports = { Waits, instant, nativeOf, path, settings };
