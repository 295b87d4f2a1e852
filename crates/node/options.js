// Options: those of a function that it does not know are refused, with a suggestion. A check that is misspelt is not left out.
"use strict";

const native = require("./native.js");

function invalid(code, message) {
  return Object.assign(new TypeError(message), { code });
}

/** What a value is, for people. The value itself may be a secret. */
function kindOf(value) {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return Array.isArray(value) ? "an array" : (Object.getPrototypeOf(value)?.constructor?.name ?? "an object");
}

/** Returns the options, which are an object. */
function given(options) {
  if (options === undefined) return {};
  if (options instanceof AbortSignal) {
    throw invalid("ERR_INVALID_ARG_TYPE", "options must be an object: pass the signal as `{ signal }`");
  }
  if (options === null || typeof options !== "object" || Array.isArray(options)) {
    throw invalid("ERR_INVALID_ARG_TYPE", `options must be an object, not ${kindOf(options)}`);
  }
  return options;
}

/** Returns the options, of which these are the names. */
function checked(options, names) {
  given(options);
  if (options === undefined) return {};
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const known = native.nearest(name, names);
    throw invalid("ERR_INVALID_ARG_VALUE", `unknown option \`${name}\`${known ? `; did you mean \`${known}\`?` : ""}`);
  }
  return options;
}

/** The names of the options of something that waits. */
const WAIT_OPTIONS = ["signal", "timeout"];

/** Returns the options of something that waits. */
function waitOptions(options) {
  const { signal, timeout } = checked(options, WAIT_OPTIONS);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid("ERR_INVALID_ARG_TYPE", "option `signal` must be an AbortSignal");
  }
  if (timeout !== undefined && typeof timeout !== "number") {
    throw invalid("ERR_INVALID_ARG_TYPE", `option \`timeout\` must be a number of milliseconds, not ${typeof timeout}`);
  }
  return { signal, timeout };
}

/** Returns an option that may be text or a number, as text. */
function duration(value, name = "duration") {
  if (value === undefined) return undefined;
  if (typeof value !== "string" && typeof value !== "number") {
    throw invalid("ERR_INVALID_ARG_TYPE", `option \`${name}\` must be text or a number of seconds, not ${typeof value}`);
  }
  return String(value);
}

/** Returns a value that must be text, if it is given. */
function text(name, value) {
  if (value !== undefined && typeof value !== "string") {
    throw invalid("ERR_INVALID_ARG_TYPE", `\`${name}\` must be a string, not ${kindOf(value)}`);
  }
  return value;
}

/** Returns a value that must be true or false. */
function flag(name, value) {
  if (typeof value !== "boolean") {
    throw invalid("ERR_INVALID_ARG_TYPE", `option \`${name}\` must be true or false, not ${kindOf(value)}`);
  }
  return value;
}

/** Returns a text that a file may have as bytes. */
function textOf(name, value) {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  if (typeof value !== "string") {
    throw invalid("ERR_INVALID_ARG_TYPE", `\`${name}\` must be a string or a Uint8Array, not ${typeof value}`);
  }
  return value;
}

module.exports = { WAIT_OPTIONS, checked, duration, flag, given, invalid, kindOf, text, textOf, waitOptions };
