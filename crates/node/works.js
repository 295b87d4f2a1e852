// Waiting for the work of a session's native side.
"use strict";

const { call } = require("./errors.js");

/** The longest interval of a timer: it never fires in practice. */
const NEVER = 2 ** 31 - 1;

/** Resolves as the work does, or rejects with the reason of the signal, whichever is first. */
async function race(work, signal) {
  if (!signal) return work;
  let abort;
  const aborted = new Promise((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Runs with a signal that is aborted with the given one, or when the timeout has passed. `AbortSignal.any` needs Node 20.
 */
async function withTimeout({ signal, timeout }, run) {
  if (timeout === undefined) return run(signal);
  if (!(Number.isFinite(timeout) && timeout > 0)) {
    throw Object.assign(new RangeError(`timeout must be a positive number of milliseconds, not ${timeout}`), { code: "ERR_OUT_OF_RANGE" });
  }
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  const timer = setTimeout(
    () => controller.abort(new DOMException(`timed out after ${timeout} ms`, "TimeoutError")),
    Math.min(timeout, NEVER),
  );
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/**
 * The work that somebody waits for. It is aborted when nobody waits for it any more. The program is kept from ending for as
 * long as somebody waits, and no longer.
 */
class Works {
  #next = 0;
  #settlers = new Map();
  #shared = new Map();
  #abort;
  #hold;

  /** @param {(id: number) => void} abort Aborts the work of this id. */
  constructor(abort) {
    this.#abort = abort;
  }

  /** What the native side calls. It refers only to callers that wait, as the native side keeps it as long as the session. */
  get settle() {
    const settlers = this.#settlers;
    return (id, outcome) => settlers.get(id)?.(outcome);
  }

  /**
   * Returns the outcome of the work that `begin(id)` begins. Callers that pass the same `key` at the same time wait for the
   * same work.
   */
  async wait(begin, { signal, key }) {
    signal?.throwIfAborted();
    const work = this.#shared.get(key) ?? this.#begin(begin, key);
    work.waiting += 1;
    try {
      return await race(work.outcome, signal);
    } finally {
      work.waiting -= 1;
      if (work.waiting === 0 && this.#settlers.has(work.id)) {
        this.#end(work);
        this.#abort(work.id);
      }
    }
  }

  /** Ends all work with an error that the native side does not know of. */
  fail(error) {
    for (const [id, settle] of [...this.#settlers]) {
      settle({ error });
      this.#abort(id);
    }
  }

  #begin(begin, key) {
    const work = { id: this.#next, key, waiting: 0 };
    this.#next = (this.#next + 1) >>> 0;
    work.outcome = new Promise((resolve) => {
      this.#settlers.set(work.id, (outcome) => {
        this.#end(work);
        resolve(outcome);
      });
    });
    if (key !== undefined) this.#shared.set(key, work);
    this.#hold ??= setInterval(() => {}, NEVER);
    try {
      call(() => begin(work.id));
    } catch (error) {
      this.#end(work);
      throw error;
    }
    return work;
  }

  #end({ id, key }) {
    this.#settlers.delete(id);
    this.#shared.delete(key);
    if (this.#settlers.size > 0) return;
    clearInterval(this.#hold);
    this.#hold = undefined;
  }
}

module.exports = { Works, race, withTimeout };
