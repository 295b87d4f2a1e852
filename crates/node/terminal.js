// A prompter for programs that somebody runs on a terminal.
"use strict";

const { spawn } = require("node:child_process");
const { createInterface } = require("node:readline/promises");
const { Writable } = require("node:stream");

/** Opens a page in the person's browser, if there is one. */
function open(url) {
  const [program, ...words] = { darwin: ["open"], win32: ["rundll32", "url.dll,FileProtocolHandler"] }[process.platform] ?? ["xdg-open"];
  // The address is shown as well.
  spawn(program, [...words, url], { stdio: "ignore", detached: true }).on("error", () => {}).unref();
}

/** Asks on the standard streams: questions go to standard error, so that standard output stays the program's. */
class Terminal {
  #input;
  #output;

  constructor(input, output) {
    this.#input = input;
    this.#output = output;
  }

  async #ask(question, signal, isHidden) {
    // What is typed is not shown, and the question is.
    const silent = new Writable({ write: (chunk, encoding, done) => done() });
    const line = createInterface({ input: this.#input, output: isHidden ? silent : this.#output, terminal: Boolean(this.#input.isTTY) });
    if (isHidden) this.#output.write(question);
    try {
      return await line.question(isHidden ? "" : question, { signal });
    } finally {
      line.close();
      if (isHidden) this.#output.write("\n");
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
