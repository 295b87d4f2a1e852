// The filter, and its copy in the address, so that a link to a finding can be sent.

const DEFAULTS = { q: "", on: "", from: "", until: "", state: "", group: "person", view: "timeline" };
const filter = { ...DEFAULTS };

const EXTRA_STATES = {
  problem: "Cannot be trusted", glass: "Break glass", calls: "With denied calls", grants: "Grants alone", sign_ins: "Sign-ins alone",
};

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of Object.keys(DEFAULTS)) if (given.has(name)) filter[name] = given.get(name);
  if (!["person", "role", "account"].includes(filter.group)) filter.group = "person";
  if (!["timeline", "table"].includes(filter.view)) filter.view = "timeline";
  if (!(filter.state in STATES) && !(filter.state in EXTRA_STATES)) filter.state = "";
}

function writeAddress() {
  const set = Object.entries(filter).filter(([name, value]) => value !== DEFAULTS[name]);
  const hash = new URLSearchParams(set).toString();
  history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
}

// The period of the date fields, in milliseconds: the last day belongs to it.
function period() {
  const at = (text) => { const value = Date.parse(text + "T00:00:00Z"); return Number.isNaN(value) ? null : value; };
  const from = filter.from ? at(filter.from) : null, until = filter.until ? at(filter.until) : null;
  return { from, until: until === null ? null : until + DAY };
}

function inState(grant) {
  switch (filter.state) {
    case "": return true;
    case "problem": return grant.untrusted;
    case "glass": return Boolean(grant.break_glass);
    case "calls": return grant.denied > 0;
    case "grants": return !grant.signedIn;
    case "sign_ins": return grant.signedIn;
    default: return grant.state === filter.state;
  }
}

// Access counts for grants that gave any, and what happened for those that did not.
function inPeriod(grant, { from, until }) {
  const overlaps = (first, last) => (from === null || last > from) && (until === null || first < until);
  if (grant.spans.length) return grant.spans.some(([first, last]) => overlaps(first, last));
  return grant.events.some((event) => (from === null || event.at >= from) && (until === null || event.at < until));
}

function filtered() {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean), when = period();
  const limited = when.from !== null || when.until !== null;
  return GRANTS.filter((grant) =>
    inState(grant) && words.every((word) => grant.text.includes(word) || grant.callText.includes(word)) && (!limited || inPeriod(grant, when)) && (!filter.on || accessTo(grant, filter.on)));
}

// Whether a grant itself has the words, and not only a call that was made with it.
function isAbout(grant) {
  return filter.q.toLowerCase().split(/\s+/).filter(Boolean).every((word) => grant.text.includes(word));
}

// A few names, or how many there are.
function listed(names, word, plural) {
  if (names.length > 3) return count(names.length, word, plural);
  return names.length > 1 ? names.slice(0, -1).join(", ") + " and " + names[names.length - 1] : names.join("");
}

// The answer in words: who had access to what, when, and how it ended.
function answer(grants) {
  const withAccess = grants.filter((grant) => grant.spans.length), given = withAccess.filter(isAbout);
  const onlyCalls = withAccess.length - given.length, byRole = filter.on ? given.filter((grant) => accessTo(grant, filter.on) === "role").length : 0;
  const people = [...new Set(given.map((grant) => grant.to))];
  const roles = [...new Set(given.map((grant) => grant.roleShown.label))];
  const { from, until } = period();
  let when = "";
  if (from !== null && until !== null) when = until - from === DAY ? " on " + day(from) : " from " + day(from) + " to " + day(until - DAY);
  else if (from !== null) when = " since " + day(from);
  else if (until !== null) when = " up to " + day(until - DAY);
  const parts = [];
  if (people.length) {
    parts.push(el("strong", {}, listed(people, "person", "people")), " had access to ", filter.on && [el("strong", {}, filter.on), " through "], el("strong", {}, listed(roles, "role")), when, ", by ", counts(given), ".");
  } else {
    parts.push("Nobody had access", when, filter.q || filter.state ? " by a grant that fits." : ".");
  }
  const add = (number, text) => { if (number) parts.push(" " + text); };
  const of = (test) => grants.filter(test).length;
  const without = grants.length - withAccess.length;
  const live = of((grant) => grant.state === "live"), revoked = of((grant) => grant.state === "revoked");
  const denied = grants.reduce((sum, grant) => sum + grant.denied, 0);
  add(byRole, (byRole === 1 ? "One of them allows" : byRole.toLocaleString("en") + " of them allow") + " all that the role does, which the role's policies decide.");
  add(onlyCalls, count(onlyCalls, "more fits by its", "more fit by their") + " calls alone, which may have been denied.");
  add(live, count(live, "was", "were") + " live when the report was made.");
  add(revoked, count(revoked, "was", "were") + " revoked early.");
  add(without, count(without, "grant or request", "grants and requests") + " gave no access.");
  add(denied, count(denied, "call was", "calls were") + " denied.");
  const untrusted = of((grant) => grant.untrusted);
  if (untrusted) parts.push(" ", el("strong", { class: "bad" }, count(untrusted, "grant has", "grants have") + " records that cannot be trusted."));
  return parts.flat().filter(Boolean);
}
