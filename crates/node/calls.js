// Functions that a session was given, as its native side calls them.
"use strict";

const { debuglog } = require("node:util");

const { TempAccessError } = require("./errors.js");
const native = require("./native.js");
const { invalid, kindOf } = require("./options.js");
const { race } = require("./works.js");

/** Whether a thrown value says that the user or the program cancelled. */
function isCancellation(error) {
  return error?.name === "AbortError" || (error instanceof TempAccessError && error.code === "cancelled");
}

/** The text of a thrown value, which may be anything. */
function describe(error) {
  try {
    return String(error);
  } catch {
    return typeof error;
  }
}

/** Checks what a prompter returned. */
function checked(method, given, choices) {
  if (method !== "choose" && typeof given === "string") return given;
  if (method === "choose" && Number.isInteger(given)) {
    if (given >= 0 && given < choices.length) return given;
    throw new RangeError(`choose returned ${given}, but there are ${choices.length} choices`);
  }
  throw new TypeError(`${method} returned ${typeof given}, but must return ${method === "choose" ? "an index" : "a string"}`);
}

/** Checks that a prompter can ask before anybody signs in. */
function requirePrompter(given) {
  if (given === undefined || given === null) return;
  if (typeof given !== "object") {
    throw invalid("ERR_INVALID_ARG_TYPE", `\`prompter\` must be an object with the functions of a prompter, not ${kindOf(given)}`);
  }
  for (const name of ["notify", "text", "secret", "choose", "visit"]) {
    // What is never asked need not be there; messages always come.
    if (given[name] === undefined && name !== "notify") continue;
    if (typeof given[name] !== "function") {
      throw invalid("ERR_INVALID_ARG_TYPE", `\`${name}\` of \`prompter\` must be a function, not ${kindOf(given[name])}`);
    }
  }
}

const debug = debuglog("tempaccess");

/** Without a prompter, what a person should know, such as the number to tap on a phone, is a warning of the process. */
const NOTICES = { notify: (message, level) => (level === "info" ? debug(message) : process.emitWarning(message, "TempAccess")) };

/**
 * The functions that a session was given, wrapped so that they never throw: the native side gets a number, under which the
 * thrown value is stored until the error arrives here.
 */
class Calls {
  #waiting = 0;
  #withdrawn;
  #thrown = new Map();
  #next = 0;
  #fail;

  /** @param {(error: TempAccessError) => void} fail Ends all work with the error of a function whose result it does not wait for. */
  constructor(fail) {
    this.#fail = fail;
  }

  /** Runs while a caller waits. When the last caller stops waiting, open prompts are aborted. */
  async during(signal, run) {
    this.#withdrawn ??= new AbortController();
    this.#waiting += 1;
    try {
      return await run();
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) {
        const withdrawn = this.#withdrawn;
        // Not kept: its reason refers to the functions on the stack, and by them to the session.
        this.#withdrawn = undefined;
        withdrawn.abort(signal?.reason);
        this.#thrown.clear();
      }
    }
  }

  thrown(id) {
    return this.#thrown.get(id);
  }

  /** The functions of a prompter, or of nobody: then only notices arrive. */
  person(given) {
    requirePrompter(given);
    const prompter = given ?? NOTICES;
    return (method, question, choices) =>
      this.#answer(async (signal) => {
        if (method === "notify") {
          await this.#notify(() => prompter.notify(question, ...choices));
          return {};
        }
        if (method === "visit") {
          const [url, code] = choices;
          await (prompter.visit ? prompter.visit({ url, code }, { signal }) : prompter.notify(question));
          return {};
        }
        if (prompter[method] === undefined) throw new TypeError(`the prompter has no function \`${method}\``);
        if (method === "choose") {
          return { index: checked(method, await prompter.choose(question, choices, { signal }), choices) };
        }
        return { text: checked(method, await prompter[method](question, { signal })) };
      });
  }

  source(source) {
    return (audience, forceAuthn) =>
      this.#answer(async (signal) => {
        const given = await source({ audience, forceAuthn, signal });
        const response = typeof given === "string" ? Buffer.from(given) : given;
        if (response instanceof Uint8Array) return { response };
        throw new TypeError(`the source returned ${typeof given}, but must return a string or a Uint8Array`);
      });
  }

  async #notify(notify) {
    try {
      await notify();
    } catch (error) {
      const report = native.callbackErrorJson("notify", describe(error), isCancellation(error));
      this.#fail(new TempAccessError(JSON.parse(report), error));
    }
  }

  async #answer(ask) {
    const signal = this.#withdrawn?.signal ?? AbortSignal.abort();
    try {
      signal.throwIfAborted();
      return await race(ask(signal), signal);
    } catch (error) {
      const id = this.#next;
      this.#next += 1;
      this.#thrown.set(id, error);
      return { thrown: { id, message: describe(error), cancelled: signal.aborted || isCancellation(error) } };
    }
  }
}

module.exports = { Calls };
