// Functions that a session was given, as its native side calls them.
"use strict";

/** What comes of the work, or the reason of the signal, whichever is first. */
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

function checked(method, given) {
  if (method === "choose" ? Number.isInteger(given) && given >= 0 : typeof given === "string") return given;
  throw new TypeError(`${method} gave ${typeof given}, and must give ${method === "choose" ? "an index" : "a string"}`);
}

/** The native side hears no exception: it is told a number, and what was thrown waits here for whoever waits for the rest. */
class Calls {
  #waiting = 0;
  #withdrawn = new AbortController();
  #thrown = new Map();
  #next = 0;

  /** Runs while somebody waits. When the last one has stopped, nothing is asked until somebody waits again. */
  async during(signal, run) {
    if (this.#waiting === 0) this.#withdrawn = new AbortController();
    this.#waiting += 1;
    try {
      return await run();
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) {
        this.#withdrawn.abort(signal?.reason);
        this.#thrown.clear();
      }
    }
  }

  thrown(id) {
    return this.#thrown.get(id);
  }

  person(prompter) {
    return (method, question, choices) =>
      this.#answer(async (signal) => {
        if (method === "notify") {
          await prompter.notify(question);
          return {};
        }
        if (method === "visit") {
          const [url, code] = choices;
          await (prompter.visit ? prompter.visit({ url, code }, { signal }) : prompter.notify(question));
          return {};
        }
        if (method === "choose") {
          return { index: checked(method, await prompter.choose(question, choices, { signal })) };
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
        throw new TypeError(`the source gave ${typeof given}, and must give a string or a Uint8Array`);
      });
  }

  async #answer(ask) {
    const { signal } = this.#withdrawn;
    try {
      signal.throwIfAborted();
      return await race(ask(signal), signal);
    } catch (error) {
      const id = this.#next;
      this.#next += 1;
      this.#thrown.set(id, error);
      return { thrown: { id, message: String(error) } };
    }
  }
}

module.exports = { Calls, race };
