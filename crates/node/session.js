// From a sign-in to credentials.
"use strict";

const { inspect } = require("node:util");

const { TempAccessError, call, settled } = require("./errors.js");
const { IssuedSession, forSdk } = require("./issued.js");
const native = require("./native.js");
const { WAIT_OPTIONS, checked, duration, flag, text } = require("./options.js");
const { Waits, nativeOf, path, shown } = require("./waits.js");

/** Calls a private method of a session. */
let provide;

/** Temporary access: who signs in, which role is taken, for how long and how narrow. */
class Session {
  #native;
  #waits = new Waits((id) => this.#native.abort(id));
  #shown;

  constructor(given = {}) {
    if (given === null || (typeof given !== "object" && typeof given !== "string")) {
      throw Object.assign(new TypeError("the options of a session must be an object"), { code: "ERR_INVALID_ARG_TYPE" });
    }
    // As for `Grants`, the profile alone is enough.
    const { profile, ...options } = typeof given === "string" ? { profile: given } : given;
    this.#shown = { profile, role: options.role, account: options.account };
    this.#native = nativeOf(native.Session, this.#waits, profile, options);
  }

  [inspect.custom](depth, options) {
    return shown("Session", this.#shown, options);
  }

  async credentials(options = {}) {
    const { issued } = await this.#waits.outcome((id) => this.#native.credentials(id), options, "credentials");
    return new IssuedSession(issued);
  }

  /** Returns what the AWS SDK for JavaScript requests before it expires, and for each of its clients. */
  async #refreshableCredentials(options) {
    const { issued } = await this.#waits.outcome((id) => this.#native.refreshableCredentials(id), options, "refreshable");
    return forSdk(new IssuedSession(issued));
  }

  static {
    provide = (session, options) => session.#refreshableCredentials(options);
  }

  clientConfig(waitOptions) {
    const { region } = this;
    return { credentials: fromTempAccess(this, waitOptions), ...(region !== undefined && { region }) };
  }

  get region() {
    return this.#native.region() ?? undefined;
  }

  async renew(options) {
    const { force = false, ...waiting } = checked(options, ["force", ...WAIT_OPTIONS]);
    const { issued } = await this.#waits.outcome((id) => this.#native.renew(id, flag("force", force)), waiting);
    return new IssuedSession(issued);
  }

  cached() {
    const cached = this.#native.cached();
    return cached ? new IssuedSession(cached) : undefined;
  }

  async cachedAsync() {
    const { issued } = settled(await this.#native.cachedAsync());
    return issued ? new IssuedSession(issued) : undefined;
  }

  async allCredentials(options = {}) {
    const { exchanged } = await this.#waits.outcome((id) => this.#native.allCredentials(id), options);
    return exchanged.map(({ role, issued, errorJson }) =>
      issued ? { role, issued: new IssuedSession(issued) } : { role, error: new TempAccessError(JSON.parse(errorJson)) },
    );
  }

  async roles(options = {}) {
    return (await this.#waits.outcome((id) => this.#native.roles(id), options)).roles;
  }

  async consoleUrl(options) {
    const { destination, duration: length, ...waiting } = checked(options, ["destination", "duration", ...WAIT_OPTIONS]);
    const [page, spelt] = [text("destination", destination), duration(length)];
    return (await this.#waits.outcome((id) => this.#native.consoleUrl(id, page, spelt), waiting)).url;
  }

  async signOut(options = {}) {
    return (await this.#waits.outcome((id) => this.#native.signOut(id), options)).removed;
  }
}

/** Lists what is cached, without secrets. */
function status(options) {
  const place = placeOf(options);
  return JSON.parse(call(() => native.statusJson(...place)));
}

/** As `status`, without keeping the event loop waiting for files and the keyring. */
async function statusAsync(options) {
  const place = placeOf(options);
  return JSON.parse(settled(await call(() => native.statusJsonAsync(...place))).text);
}

/** The configuration and the store to look into. */
function placeOf(options) {
  const { config, store } = checked(options, ["config", "store"]);
  return [path(config), text("store", store)];
}

/** Returns a credential provider for the AWS SDK for JavaScript. */
function fromTempAccess(options, waitOptions) {
  const session = options instanceof Session ? options : new Session(options);
  checked(waitOptions, WAIT_OPTIONS);
  return () => provide(session, waitOptions ?? {});
}

module.exports = { Session, fromTempAccess, status, statusAsync };
