// What an administrator gives to others.
"use strict";

const { call } = require("./errors.js");
const native = require("./native.js");
const { checked } = require("./options.js");
const { Waits, instant, nativeOf, path, settings } = require("./waits.js");

/** A list of what may be one value. */
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

/** A list of keys or files. */
const paths = (value) => list(value).map(path);

/** The values of a grant as JSON. */
function values({ policyArns, fromIp, sealTo, duration, from, until, policy, ...others }) {
  return settings({
    ...others,
    policy: path(policy),
    duration: duration?.toString(),
    from: instant(from),
    until: instant(until),
    policyArns: policyArns && list(policyArns),
    fromIp: fromIp && list(fromIp),
    sealTo: sealTo && paths(sealTo),
  });
}

/** A grant that was given. */
function issued(json) {
  const { event, sealed } = JSON.parse(json);
  return { id: event.id, until: new Date(event.until), sealed, event };
}

/** A grant that was checked and not given yet. It can be carried out once. */
class GrantPlan {
  #plan;
  #carryOut;

  constructor(plan, carryOut) {
    this.#plan = plan;
    this.#carryOut = carryOut;
    this.summary = JSON.parse(call(() => plan.summaryJson()));
  }

  async carryOut(options = {}) {
    return this.#carryOut(this.#plan, options);
  }
}

/** Access that an administrator gives to others, extends, ends and accounts for. */
class Grants {
  #native;
  #waits = new Waits((id) => this.#native.abort(id));

  constructor(profile, options = {}) {
    this.#native = nativeOf(native.Grants, this.#waits, profile, options);
  }

  /** Returns the text of an outcome. */
  async #text(begin, options) {
    return (await this.#waits.outcome((id) => call(() => begin(id)), options)).text;
  }

  async #give(begin, options) {
    return issued(await this.#text((id) => begin(id, false), options));
  }

  async #plan(begin, options) {
    let work;
    await this.#waits.outcome((id) => call(() => begin((work = id), true)), options);
    return new GrantPlan(this.#native.takePlan(work), (plan, options) =>
      this.#text((id) => this.#native.carryOut(id, plan), options).then(issued),
    );
  }

  #issue({ signal, timeout, ...grant }, run) {
    return run((id, onlyPlan) => this.#native.issue(id, values(grant), onlyPlan), { signal, timeout });
  }

  async planIssue(grant) {
    return this.#issue(grant, (begin, options) => this.#plan(begin, options));
  }

  async issue(grant) {
    return this.#issue(grant, (begin, options) => this.#give(begin, options));
  }

  #permit({ signal, timeout, ...grant }, run) {
    return run((id, onlyPlan) => this.#native.permit(id, values(grant), onlyPlan), { signal, timeout });
  }

  async planPermit(grant) {
    return this.#permit(grant, (begin, options) => this.#plan(begin, options));
  }

  async permit(grant) {
    return this.#permit(grant, (begin, options) => this.#give(begin, options));
  }

  #extend(grant, duration, { reason = "", ...options }, run) {
    return run((id, onlyPlan) => this.#native.extend(id, grant, String(duration), reason, onlyPlan), options);
  }

  async planExtend(id, duration, options = {}) {
    return this.#extend(id, duration, options, (begin, options) => this.#plan(begin, options));
  }

  async extend(id, duration, options = {}) {
    return this.#extend(id, duration, options, (begin, options) => this.#give(begin, options));
  }

  #approve(text, { duration, fromIp, policy, ...options }, run) {
    const limits = values({ duration, fromIp, policy });
    return run((id, onlyPlan) => this.#native.approve(id, text, limits, onlyPlan), options);
  }

  async planApprove(text, options = {}) {
    return this.#approve(text, options, (begin, options) => this.#plan(begin, options));
  }

  async approve(text, options = {}) {
    return this.#approve(text, options, (begin, options) => this.#give(begin, options));
  }

  async signApproval(text, { duration, ...options } = {}) {
    return this.#text((id) => this.#native.signApproval(id, text, duration?.toString()), options);
  }

  async deny(text, { reason = "", ...options } = {}) {
    return JSON.parse(await this.#text((id) => this.#native.deny(id, text, reason), options));
  }

  async review(grant, { reason = "", ...options } = {}) {
    return JSON.parse(await this.#text((id) => this.#native.review(id, grant, reason), options));
  }

  async revoke(whose, { reason = "", dryRun = false, ...options } = {}) {
    const isIds = typeof whose === "string" || Array.isArray(whose);
    const named = isIds ? { ids: list(whose) } : { ids: [], ...checked(whose, ["to", "by", "olderRole"]) };
    return JSON.parse(await this.#text((id) => this.#native.revoke(id, named, reason, dryRun), options));
  }

  async restore(ids, { reason = "", dryRun = false, ...options } = {}) {
    return JSON.parse(await this.#text((id) => this.#native.restore(id, list(ids), reason, dryRun), options));
  }

  async list({ roles, to, by, ended = false, offline = false, ...options } = {}) {
    const filter = { roles: list(roles), to, by, ended, offline };
    return JSON.parse(await this.#text((id) => this.#native.list(id, filter), options));
  }

  async show(grant, options = {}) {
    return JSON.parse(await this.#text((id) => this.#native.show(id, grant), options));
  }

  async check({ roles, ...options } = {}) {
    return JSON.parse(await this.#text((id) => this.#native.check(id, list(roles)), options));
  }

  async clean({ roles, dryRun = false, ...options } = {}) {
    return JSON.parse(await this.#text((id) => this.#native.clean(id, list(roles), dryRun), options));
  }
}

module.exports = { GrantPlan, Grants, list, paths, values };
