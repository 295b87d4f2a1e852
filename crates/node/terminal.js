// A prompter for programs that somebody runs on a terminal.
"use strict";

const { spawn } = require("node:child_process");
const { createInterface } = require("node:readline/promises");
const { Writable } = require("node:stream");
const { StringDecoder } = require("node:string_decoder");

/** Opens a page in the person's browser, if there is one. */
function open(url) {
  const [program, ...words] = { darwin: ["open"], win32: ["rundll32", "url.dll,FileProtocolHandler"] }[process.platform] ?? ["xdg-open"];
  // The address is shown as well.
  spawn(program, [...words, url], { stdio: "ignore", detached: true }).on("error", () => {}).unref();
}

/** The error of a question that nobody can answer any more. */
const ended = () => Object.assign(new Error("the input has ended"), { name: "AbortError", code: "ABORT_ERR" });

/** Asks on the standard streams: questions go to standard error, so that standard output stays the program's. */
class Terminal {
  #input;
  #output;
  #decoder = new StringDecoder("utf8");
  /** What was read of a pipe and not asked for yet. */
  #rest = "";

  constructor(input, output) {
    this.#input = input;
    this.#output = output;
  }

  async #ask(question, signal, isHidden) {
    if (!this.#input.isTTY) {
      this.#output.write(question);
      return this.#line(signal);
    }
    // What is typed is not shown, and the question is.
    const silent = new Writable({ write: (chunk, encoding, done) => done() });
    const line = createInterface({ input: this.#input, output: isHidden ? silent : this.#output, terminal: Boolean(this.#input.isTTY) });
    if (isHidden) this.#output.write(question);
    const stop = new AbortController();
    const cancel = () => stop.abort(signal.reason);
    const close = () => stop.abort(ended());
    signal?.addEventListener("abort", cancel, { once: true });
    line.once("close", close);
    // While a line is read, Ctrl-C is a key: it ends the program as it would at another time.
    line.once("SIGINT", () => {
      line.close();
      process.kill(process.pid, "SIGINT");
    });
    try {
      if (signal?.aborted) cancel();
      return await line.question(isHidden ? "" : question, { signal: stop.signal });
    } finally {
      signal?.removeEventListener("abort", cancel);
      line.off("close", close);
      line.close();
      if (isHidden) this.#output.write("\n");
    }
  }

  /** Reads a line of a pipe, which may have the answers to several questions. */
  async #line(signal) {
    const input = this.#input;
    try {
      for (;;) {
        const [line, ...rest] = this.#rest.split("\n");
        if (rest.length > 0) {
          this.#rest = rest.join("\n");
          return line.replace(/\r$/, "");
        }
        const chunk = input.read();
        if (chunk !== null) {
          this.#rest += typeof chunk === "string" ? chunk : this.#decoder.write(chunk);
        } else if (input.readableEnded || input.destroyed) {
          // A last line may have no end.
          if (line === "") throw ended();
          this.#rest = "";
          return line;
        } else {
          await new Promise((resolve, reject) => {
            const events = ["readable", "end", "close", "error"];
            const done = () => {
              events.forEach((event) => input.off(event, done));
              signal?.removeEventListener("abort", done);
              if (signal?.aborted) reject(signal.reason);
              else resolve();
            };
            events.forEach((event) => input.on(event, done));
            signal?.addEventListener("abort", done, { once: true });
            if (signal?.aborted) done();
          });
        }
      }
    } finally {
      // A pipe that is read keeps the process running.
      input.pause();
    }
  }

  text(question, { signal } = {}) {
    return this.#ask(`${question}: `, signal, false);
  }

  secret(question, { signal } = {}) {
    return this.#ask(`${question}: `, signal, true);
  }

  async choose(question, choices, { signal } = {}) {
    choices.forEach((choice, index) => this.notify(`${String(index + 1).padStart(3)}  ${choice}`));
    for (;;) {
      const answer = await this.#ask(`${question} (1-${choices.length}): `, signal, false);
      const number = /^\d+$/.test(answer.trim()) ? Number(answer) : 0;
      if (number >= 1 && number <= choices.length) return number - 1;
    }
  }

  visit({ url, code }) {
    this.notify(`Sign in at ${url}${code ? `; the code there is ${code}` : ""}`);
    if (this.#input.isTTY) open(url);
  }

  notify(message) {
    this.#output.write(`${message}\n`);
  }
}

/** Returns a prompter that asks on the terminal. */
function terminal({ input = process.stdin, output = process.stderr } = {}) {
  return new Terminal(input, output);
}

module.exports = { terminal };
