// Grants as the person gets them: opening a sealed one, and asking for one.
"use strict";

const { call, settled } = require("./errors.js");
const { list, paths, values } = require("./grants.js");
const { IssuedSession, forSdk } = require("./issued.js");
const native = require("./native.js");
const { checked, textOf } = require("./options.js");
const { Waits, instant, path, settings } = require("./waits.js");

/** A sealed grant that was opened. Its credentials are behind a private field, and nothing renews them. */
class OpenedGrant {
  #issued;
  #headerJson;

  constructor({ headerJson, issued }) {
    this.#issued = issued;
    this.#headerJson = headerJson;
    this.header = JSON.parse(headerJson);
    this.id = this.header.id;
    this.until = new Date(this.header.until);
  }

  get credentials() {
    call(() => native.requireLive(this.#headerJson));
    return new IssuedSession(this.#issued);
  }
}

const OPEN_OPTIONS = ["identity", "accounts", "config", "prompter", "signal", "timeout", "store", "region", "stsEndpointUrl"];

/** Opens a sealed grant. */
async function openGrant(text, options) {
  const { identity, accounts, config, prompter, signal, timeout, ...given } = checked(options, OPEN_OPTIONS);
  let opener;
  const waits = new Waits((id) => opener.abort(id));
  const ask = waits.calls.person(prompter);
  const [keys, known, spelt] = [paths(identity), list(accounts), settings(given)];
  opener = call(() => new native.Opener(keys, known, path(config), spelt, waits.settle, ask, prompter != null));
  const { opened } = await waits.outcome((id) => opener.open(id, textOf("text", text)), { signal, timeout });
  return new OpenedGrant(opened);
}

/** Returns a credential provider for the AWS SDK for JavaScript. */
function fromGrant(grant, options) {
  let opening = grant instanceof OpenedGrant ? Promise.resolve(grant) : undefined;
  return async () => {
    opening ??= openGrant(grant, options).catch((error) => {
      // The next request tries again.
      opening = undefined;
      throw error;
    });
    return forSdk((await opening).credentials);
  };
}

/** Returns a signed request for a preset: the text for a ticket. */
async function requestGrant({ profile, config, prompter, signal, timeout, ...given } = {}) {
  let requester;
  const waits = new Waits((id) => requester.abort(id));
  const ask = waits.calls.person(prompter);
  requester = call(() => new native.Requester(profile, path(config), waits.settle, ask, prompter != null));
  const begin = (id) => call(() => requester.request(id, values(given)));
  return (await waits.outcome(begin, { signal, timeout })).text;
}

/** A text and how its signatures are verified, as the native functions take them. */
function signed(text, options) {
  const { signers, config, at } = checked(options, ["signers", "config", "at"]);
  return [textOf("text", text), signers, path(config), instant(at)];
}

/** Verifies who signed a sealed grant. Returns the facts that are signed. */
function inspectGrant(text, options) {
  return JSON.parse(call(() => native.inspectGrantJson(...signed(text, options))));
}

/** As `inspectGrant`, without keeping the event loop waiting for files. */
async function inspectGrantAsync(text, options) {
  return JSON.parse(settled(await call(() => native.inspectGrantJsonAsync(...signed(text, options)))).text);
}

/** Verifies who signed a request and its approvals. Returns what is asked for, and who has approved it. */
function inspectRequest(text, options) {
  return JSON.parse(call(() => native.inspectRequestJson(...signed(text, options))));
}

/** As `inspectRequest`, without keeping the event loop waiting for files. */
async function inspectRequestAsync(text, options) {
  return JSON.parse(settled(await call(() => native.inspectRequestJsonAsync(...signed(text, options)))).text);
}

module.exports = {
  OpenedGrant,
  fromGrant,
  inspectGrant,
  inspectGrantAsync,
  inspectRequest,
  inspectRequestAsync,
  openGrant,
  requestGrant,
};
