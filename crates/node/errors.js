// The error class, and how the native side throws it.
"use strict";

/** An error of the native side. What a function of the caller threw is its `cause`. */
class TempAccessError extends Error {
  constructor({ kind, stage, fault, message, hint, roles, retry_after_seconds, limit }, cause) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "TempAccessError";
    this.code = kind;
    this.stage = stage;
    this.fault = fault;
    this.hint = hint ?? undefined;
    this.roles = roles ?? [];
    this.retryAfterSeconds = retry_after_seconds;
    this.limit = limit;
  }

  /** For loggers that write JSON: properties of the base class, such as the message, are not enumerable. */
  toJSON() {
    const { name, message, code, stage, fault, hint, roles, retryAfterSeconds, limit } = this;
    return { name, message, code, stage, fault, hint, roles, retryAfterSeconds, limit };
  }
}

/** Calls the native side, whose errors carry a report as JSON. */
function call(run) {
  try {
    return run();
  } catch (error) {
    if (error.code === "TEMPACCESS") throw new TempAccessError(JSON.parse(error.message));
    // As Node's own functions throw it.
    if (/^ERR_INVALID_ARG/.test(error.code)) throw Object.assign(new TypeError(error.message), { code: error.code });
    // The message has the value that could not be converted, which may be a password.
    if (/into rust type/.test(error.message)) {
      const expected = /into rust type `(\w+)`/.exec(error.message)?.[1] ?? "another type";
      throw Object.assign(new TypeError(`an argument has the wrong type: ${expected} is expected`), { code: "ERR_INVALID_ARG_TYPE" });
    }
    throw error;
  }
}

/** Returns the outcome of work that needs no object, or throws its error. */
function settled({ errorJson, ...outcome }) {
  if (errorJson !== undefined) throw new TempAccessError(JSON.parse(errorJson));
  return outcome;
}

module.exports = { TempAccessError, call, settled };
