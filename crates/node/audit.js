// Accounting for grants: their records, and what CloudTrail has.
"use strict";

const { inspect } = require("node:util");

const { call } = require("./errors.js");
const { list, texts } = require("./grants.js");
const native = require("./native.js");
const { given, invalid, kindOf } = require("./options.js");
const { Waits, instant, nativeOf, path, settings, shown } = require("./waits.js");

/** A query as JSON. */
function values({ from, until, regions, files, auditLogs, ...others }) {
  return settings({
    ...others,
    from: instant(from, "from"),
    until: instant(until, "until"),
    regions: regions && list(regions),
    files: path(files, "files"),
    auditLogs: logs(auditLogs),
  });
}

/** Files of audit logs. */
const logs = (files) => files && list(files).map((log) => path(log, "auditLogs"));

/** Who had access to what, when and why, and what they did with it. */
/** The formats of an export. */
const FORMATS = ["csv", "json", "ocsf"];

class Audit {
  #native;
  #shown;
  #waits = new Waits((id) => this.#native.abort(id));

  constructor(profile, options) {
    this.#shown = { profile: profile ?? undefined };
    this.#native = nativeOf(native.Grants, this.#waits, profile, given(options));
  }

  [inspect.custom](depth, options) {
    return shown("Audit", this.#shown, options);
  }

  /** Returns the text of an outcome. */
  async #text(begin, options) {
    return (await this.#waits.outcome((id) => call(() => begin(id)), options)).text;
  }

  async verify(options = {}) {
    return JSON.parse(await this.#text((id) => this.#native.auditVerify(id), options));
  }

  async query(options) {
    const { signal, timeout, ...query } = given(options);
    return JSON.parse(await this.#text((id) => this.#native.auditQuery(id, values(query)), { signal, timeout }));
  }

  async queryText(options) {
    const { signal, timeout, ...query } = given(options);
    return this.#text((id) => this.#native.auditQueryText(id, values(query)), { signal, timeout });
  }

  async export(format, options) {
    const { ids, from, until, ...waiting } = given(options);
    if (!FORMATS.includes(format)) {
      const found = typeof format === "string" ? `\`${format}\`` : kindOf(format);
      throw invalid("ERR_INVALID_ARG_VALUE", `\`format\` must be one of \`${FORMATS.join("`, `")}\`, not ${found}`);
    }
    const [named, begin, end] = [texts("ids", ids), instant(from, "from"), instant(until, "until")];
    return JSON.parse(await this.#text((id) => this.#native.auditExport(id, format, named, begin, end), waiting)).text;
  }

  async events(options = {}) {
    return JSON.parse(await this.export("json", options));
  }

  async report(options) {
    const { from, until, files, regions, auditLogs, ...waiting } = given(options);
    const [begin, end, place, named] = [instant(from, "from"), instant(until, "until"), path(files, "files"), texts("regions", regions)];
    const page = await this.#text((id) => this.#native.auditReport(id, begin, end, place, named, logs(auditLogs) ?? []), waiting);
    const { text, grants, untrusted, sign_ins: signIns, unreadable_lines: unreadableLines } = JSON.parse(page);
    return { html: text, grants, untrusted, signIns, unreadableLines };
  }
}

module.exports = { Audit };
