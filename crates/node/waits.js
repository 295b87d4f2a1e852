// Waiting for the native side of an object that has functions of the caller, and its options.
"use strict";

const { fileURLToPath } = require("node:url");
const { inspect } = require("node:util");

const { Calls } = require("./calls.js");
const { TempAccessError, call } = require("./errors.js");
const { invalid, kindOf, text, waitOptions } = require("./options.js");
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

/** What JSON has a value for. It leaves functions out, and with them a policy or a limit. */
function plain(name, value) {
  if (value instanceof URL) return value.protocol === "file:" ? fileURLToPath(value) : value.href;
  if (Array.isArray(value)) return value.map((item) => plain(name, item));
  if (typeof value === "number" && !Number.isFinite(value)) throw invalid("ERR_INVALID_ARG_VALUE", `option \`${name}\` must be a finite number`);
  const isPlain = typeof value === "object" && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (isPlain || ["string", "number", "boolean"].includes(typeof value)) return value;
  throw invalid("ERR_INVALID_ARG_TYPE", `option \`${name}\` must not be ${kindOf(value) === "null" ? "null: leave it out" : `of the type ${kindOf(value)}`}`);
}

/** A policy as text: it may be an object. */
function policyText(policy) {
  if (Array.isArray(policy)) throw invalid("ERR_INVALID_ARG_TYPE", "`policy` must be an object, JSON, or the path of a JSON file, not an array");
  const value = policy === undefined ? undefined : plain("policy", policy);
  return typeof value === "object" ? JSON.stringify(value) : value;
}

/** The options with their names in the configuration: `policyArns` is `policy_arns` there. */
function configured(options) {
  const named = {};
  for (const [name, value] of Object.entries(options)) {
    if (name.includes("_")) {
      const known = name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
      throw invalid("ERR_INVALID_ARG_VALUE", `unknown option \`${name}\`; did you mean \`${known}\`?`);
    }
    if (value !== undefined) named[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = plain(name, value);
  }
  return named;
}

/** The options as JSON. */
function settings({ policy, chain, ...given }) {
  if (chain !== undefined && !Array.isArray(chain)) throw invalid("ERR_INVALID_ARG_TYPE", `\`chain\` must be an array of roles, not ${kindOf(chain)}`);
  const roles = Array.isArray(chain) ? chain.map((role) => (role !== null && typeof role === "object" ? configured(role) : role)) : chain;
  return JSON.stringify(configured({ ...given, chain: roles, policy: policyText(policy) }));
}

/** The native object of a session or of grants, with the functions of the caller. `waits` waits for its work. */
function nativeOf(Native, waits, profile, { config, password, prompter, source, ...given }) {
  // Null is what programs have where nothing is set.
  for (const [name, value] of Object.entries({ profile, password })) text(name, value ?? undefined);
  const own = typeof source === "function";
  const spelt = settings(own ? given : { source, ...given });
  const { calls, settle } = waits;
  const ask = calls.person(prompter);
  const give = own ? calls.source(source) : undefined;
  return call(() => new Native(profile, path(config), password, spelt, settle, ask, prompter != null, give));
}

/** An instant as text. */
function instant(at, name = "at") {
  if (!(at instanceof Date)) return text(name, at);
  if (Number.isNaN(at.getTime())) throw invalid("ERR_INVALID_ARG_VALUE", `\`${name}\` is not a valid date`);
  return at.toISOString();
}

/** The path of a file, which may be a URL as that of a module. */
const path = (file, name = "config") => (file instanceof URL ? fileURLToPath(file) : text(name, file));

/** What `console.log` shows of an object: its name, and what it was made with, without secrets. */
function shown(name, values, options) {
  const set = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  return Object.keys(set).length ? `${name} ${inspect(set, options)}` : `${name} {}`;
}

module.exports = { Waits, instant, nativeOf, path, settings, shown };
