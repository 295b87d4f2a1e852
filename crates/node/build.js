// Builds the native module with cargo and puts it next to this file. Needs nothing but Node and Rust.
"use strict";

const { execFileSync } = require("node:child_process");
const { copyFileSync, existsSync } = require("node:fs");
const { join } = require("node:path");

const profile = process.env.TEMPACCESS_BUILD_PROFILE || "bindings";
const target = join(__dirname, "tempaccess.node");

if (existsSync(join(__dirname, "Cargo.toml"))) {
  const args = ["build", "--package", "tempaccess-node", "--profile", profile, "--message-format", "json-render-diagnostics"];
  const output = execFileSync("cargo", args, { cwd: __dirname, stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 });
  const built = output
    .toString()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === "compiler-artifact" && message.target.name === "tempaccess_node")
    .flatMap((message) => message.filenames)
    .find((file) => /\.(so|dylib|dll)$/.test(file));
  copyFileSync(built, target);
} else if (!existsSync(target)) {
  throw new Error("tempaccess has no native module for this platform; install it from a clone, with Rust");
}
