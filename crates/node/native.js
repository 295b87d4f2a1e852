// Finds the native module: next to this file, where `build.js` puts it in a clone, or else in the package for this platform.
"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");
const { debuglog } = require("node:util");

/** The packages that may serve this platform. npm installs the one for this libc; where it does not, loading decides. */
function packages() {
  const abis = { linux: ["-gnu", "-musl"], win32: ["-msvc"] }[process.platform] ?? [""];
  return abis.map((abi) => `@tempaccess/${process.platform}-${process.arch}${abi}`);
}

function load() {
  const local = join(__dirname, "tempaccess.node");
  if (existsSync(local)) return require(local);
  const failures = [];
  for (const name of packages()) {
    try {
      return require(name);
    } catch (error) {
      failures.push(error);
    }
  }
  const why = `tempaccess has no native module for ${process.platform}-${process.arch}: none of ${packages().join(", ")} can be loaded`;
  throw new AggregateError(failures, `${why}; install with optional dependencies, or from a clone, with Rust`);
}

const native = load();
// The steps of sign-ins, as `-vv` of the command line shows them.
if (debuglog("tempaccess").enabled) native.traceToStderr();

module.exports = native;
