// What an administrator gives to others.
"use strict";

const { inspect } = require("node:util");

const { call } = require("./errors.js");
const native = require("./native.js");
const { checked, duration: durationText, flag, given, text, textOf } = require("./options.js");
const { Waits, instant, nativeOf, path, settings, shown } = require("./waits.js");

/** A list of what may be one value. */
const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

/** A list of texts. */
const texts = (name, value) => list(value).map((item) => text(name, item));

/** A list of keys or files. */
const paths = (value, name = "identity") => list(value).map((item) => path(item, name));

/** The values of a grant as JSON. */
function values({ policyArns, fromIp, sealTo, duration, from, until, policy, ...others }) {
  return settings({
    ...others,
    policy,
    duration: durationText(duration),
    from: instant(from, "from"),
    until: instant(until, "until"),
    policyArns: policyArns && list(policyArns),
    fromIp: fromIp && list(fromIp),
    sealTo: sealTo && paths(sealTo, "sealTo"),
  });
}

/** The limits of an approval as JSON, and how long to wait for it. */
function limited(options) {
  const { duration, fromIp, policy, ...waiting } = given(options);
  return { limits: values({ duration, fromIp, policy }), waiting };
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
  #shown;
  #waits = new Waits((id) => this.#native.abort(id));

  constructor(profile, options) {
    this.#shown = { profile: profile ?? undefined };
    this.#native = nativeOf(native.Grants, this.#waits, profile, given(options));
  }

  [inspect.custom](depth, options) {
    return shown("Grants", this.#shown, options);
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
    return this.#issue(given(grant), (begin, options) => this.#plan(begin, options));
  }

  async issue(grant) {
    return this.#issue(given(grant), (begin, options) => this.#give(begin, options));
  }

  #permit({ signal, timeout, ...grant }, run) {
    return run((id, onlyPlan) => this.#native.permit(id, values(grant), onlyPlan), { signal, timeout });
  }

  async planPermit(grant) {
    return this.#permit(given(grant), (begin, options) => this.#plan(begin, options));
  }

  async permit(grant) {
    return this.#permit(given(grant), (begin, options) => this.#give(begin, options));
  }

  #extend(grant, duration, options, run) {
    const { reason = "", ...waiting } = given(options);
    const [named, length, why] = [text("id", grant), durationText(duration) ?? "", text("reason", reason)];
    return run((id, onlyPlan) => this.#native.extend(id, named, length, why, onlyPlan), waiting);
  }

  async planExtend(id, duration, options = {}) {
    return this.#extend(id, duration, options, (begin, options) => this.#plan(begin, options));
  }

  async extend(id, duration, options = {}) {
    return this.#extend(id, duration, options, (begin, options) => this.#give(begin, options));
  }

  #approve(request, options, run) {
    const { limits, waiting } = limited(options);
    return run((id, onlyPlan) => this.#native.approve(id, textOf("text", request), limits, onlyPlan), waiting);
  }

  async planApprove(text, options = {}) {
    return this.#approve(text, options, (begin, options) => this.#plan(begin, options));
  }

  async approve(text, options = {}) {
    return this.#approve(text, options, (begin, options) => this.#give(begin, options));
  }

  async signApproval(request, options) {
    const { limits, waiting } = limited(options);
    return this.#text((id) => this.#native.signApproval(id, textOf("text", request), limits), waiting);
  }

  async deny(request, options) {
    const { reason = "", ...waiting } = given(options);
    return JSON.parse(await this.#text((id) => this.#native.deny(id, textOf("text", request), text("reason", reason)), waiting));
  }

  async review(grant, options) {
    const { reason = "", ...waiting } = given(options);
    return JSON.parse(await this.#text((id) => this.#native.review(id, text("id", grant), text("reason", reason)), waiting));
  }

  async revoke(whose, options) {
    const { reason = "", dryRun = false, ...waiting } = given(options);
    const isIds = typeof whose === "string" || Array.isArray(whose);
    const named = isIds ? { ids: texts("ids", whose) } : { ids: [], ...checked(whose, ["to", "by", "olderRole"]) };
    for (const name of ["to", "by", "olderRole"]) text(name, named[name]);
    return JSON.parse(await this.#text((id) => this.#native.revoke(id, named, text("reason", reason), flag("dryRun", dryRun)), waiting));
  }

  async restore(ids, options) {
    const { reason = "", dryRun = false, ...waiting } = given(options);
    return JSON.parse(await this.#text((id) => this.#native.restore(id, texts("ids", ids), text("reason", reason), flag("dryRun", dryRun)), waiting));
  }

  async list(options) {
    const { roles, to, by, ended = false, offline = false, ...waiting } = given(options);
    const filter = { roles: texts("roles", roles), to: text("to", to), by: text("by", by), ended: flag("ended", ended), offline: flag("offline", offline) };
    return JSON.parse(await this.#text((id) => this.#native.list(id, filter), waiting));
  }

  async show(grant, options = {}) {
    return JSON.parse(await this.#text((id) => this.#native.show(id, text("id", grant)), options));
  }

  async check(options) {
    const { roles, ...waiting } = given(options);
    return JSON.parse(await this.#text((id) => this.#native.check(id, texts("roles", roles)), waiting));
  }

  async clean(options) {
    const { roles, dryRun = false, ...waiting } = given(options);
    return JSON.parse(await this.#text((id) => this.#native.clean(id, texts("roles", roles), flag("dryRun", dryRun)), waiting));
  }
}

module.exports = { GrantPlan, Grants, list, paths, texts, values };
