// Accounting for grants: their records, and what CloudTrail has.
"use strict";

const { call } = require("./errors.js");
const { list } = require("./grants.js");
const native = require("./native.js");
const { Waits, instant, nativeOf, path, settings } = require("./waits.js");

/** A query as JSON. */
function values({ from, until, regions, files, auditLogs, ...others }) {
  return settings({
    ...others,
    from: instant(from),
    until: instant(until),
    regions: regions && list(regions),
    files: path(files),
    auditLogs: auditLogs && list(auditLogs).map(path),
  });
}

/** Who had access to what, when and why, and what they did with it. */
class Audit {
  #native;
  #waits = new Waits((id) => this.#native.abort(id));

  constructor(profile, options = {}) {
    this.#native = nativeOf(native.Grants, this.#waits, profile, options);
  }

  /** Returns the text of an outcome. */
  async #text(begin, options) {
    return (await this.#waits.outcome((id) => call(() => begin(id)), options)).text;
  }

  async verify(options = {}) {
    return JSON.parse(await this.#text((id) => this.#native.auditVerify(id), options));
  }

  async query({ signal, timeout, ...query }) {
    return JSON.parse(await this.#text((id) => this.#native.auditQuery(id, values(query)), { signal, timeout }));
  }

  async queryText({ signal, timeout, ...query }) {
    return this.#text((id) => this.#native.auditQueryText(id, values(query)), { signal, timeout });
  }

  async export(format, { ids, from, until, ...options } = {}) {
    const [named, begin, end] = [list(ids), instant(from), instant(until)];
    return JSON.parse(await this.#text((id) => this.#native.auditExport(id, format, named, begin, end), options)).text;
  }

  async events(options = {}) {
    return JSON.parse(await this.export("json", options));
  }

  async report({ from, until, files, regions, ...options } = {}) {
    const [begin, end, place, named] = [instant(from), instant(until), path(files), list(regions)];
    const page = await this.#text((id) => this.#native.auditReport(id, begin, end, place, named), options);
    const { text, grants, untrusted } = JSON.parse(page);
    return { html: text, grants, untrusted };
  }
}

module.exports = { Audit };
