"use strict";
// The data of the report, what follows from it, and how it is written. Text reaches the page through `el` only, as text.

const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SVG = "http://www.w3.org/2000/svg";

const STATES = {
  live: "Live", planned: "Planned", ended: "Ended", revoked: "Revoked", pending: "Requested", denied: "Denied",
  withdrawn: "Never given",
};
const EVENTS = {
  requested: "Requested", approved: "Approved", denied: "Denied", issued: "Issued", permitted: "Permitted",
  extended: "Extended", revoked: "Revoked", restored: "Restored", ended: "Cleaned up", reviewed: "Reviewed",
};

// Characters that are invisible or change the direction of reading are shown as their code.
const HOSTILE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
function visible(text) {
  return String(text).replace(HOSTILE, (found) => "\\u{" + found.charCodeAt(0).toString(16) + "}");
}

function make(node, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : visible(child));
  }
  return node;
}
function el(tag, properties, ...children) { return make(document.createElement(tag), properties, children); }
function svg(tag, properties, ...children) { return make(document.createElementNS(SVG, tag), properties, children); }
function byId(id) { return document.getElementById(id); }

function two(number) { return String(number).padStart(2, "0"); }
function clock(at) { const d = new Date(at); return two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()); }
function seconds(at) { return clock(at) + ":" + two(new Date(at).getUTCSeconds()); }
function day(at) { const d = new Date(at); return d.getUTCDate() + " " + MONTHS[d.getUTCMonth()] + " " + d.getUTCFullYear(); }
function time(at) { return day(at) + ", " + clock(at); }
function exact(at) { return new Date(at).toISOString().replace(".000Z", "Z"); }
function timeRange(from, until) {
  return time(from) + " – " + (day(from) === day(until) ? clock(until) : time(until)) + " UTC";
}
// A period whose times of day do not matter if it is long.
function roughRange(from, until) {
  return until - from > 3 * DAY ? day(from) + " – " + day(until) : day(from) === day(until) ? day(from) + ", " + clock(from) + " – " + clock(until) : shortDay(from) + ", " + clock(from) + " – " + shortDay(until) + ", " + clock(until);
}
function shortDay(at) { const d = new Date(at); return d.getUTCDate() + " " + MONTHS[d.getUTCMonth()]; }
function duration(length) {
  const minutes = Math.max(0, Math.round(length / MINUTE));
  if (minutes < 1) return "under a minute";
  const days = Math.floor(minutes / 1440), hours = Math.floor((minutes % 1440) / 60), rest = minutes % 60;
  const parts = [days && days + "d", hours && hours + "h", rest && days === 0 && rest + "m"].filter(Boolean);
  return parts.join(" ");
}
// How many grants and everyday sign-ins there are among these.
function counts(grants) {
  const signIns = grants.filter((grant) => grant.signedIn).length, given = grants.length - signIns;
  const parts = [(given || !signIns) && count(given, "grant"), signIns && count(signIns, "sign-in")];
  return parts.filter(Boolean).join(" and ");
}
function count(number, word, plural) {
  return number.toLocaleString("en") + " " + (number === 1 ? word : plural || word + "s");
}

const DATA = JSON.parse(byId("data").textContent);

function roleOf(arn) {
  const parts = arn.split(":");
  const account = parts.length > 5 ? parts[4] : "";
  const accountName = DATA.accounts[account] || account || "unknown account";
  const name = arn.slice(arn.lastIndexOf("/") + 1);
  return { account, accountName, name, label: accountName + "/" + name };
}

// How the access ended, for people.
function ending(grant) {
  const revoked = grant.state === "revoked" ? grant.events.findLast((event) => event.event === "revoked") : null;
  if (revoked) return { text: "revoked by " + revoked.by, at: revoked.at, reason: revoked.reason };
  switch (grant.state) {
    case "ended": return { text: "ended at its time", at: grant.end };
    case "live": return { text: "still live when the report was made", at: null };
    case "withdrawn": {
      const event = grant.events.findLast((event) => event.event === "revoked");
      return { text: "recorded and never given", at: null, reason: event && event.reason };
    }
    case "planned": return { text: "had not begun when the report was made", at: null };
    case "denied": {
      const denied = grant.events.findLast((event) => event.event === "denied");
      return { text: "request denied" + (denied ? " by " + denied.by : ""), at: denied ? denied.at : null, reason: denied && denied.reason };
    }
    default: return { text: "nobody had decided when the report was made", at: null };
  }
}

function prepare(grant) {
  const role = roleOf(grant.role);
  const times = grant.events.map((event) => event.at);
  const spans = grant.spans;
  const policy = grant.policy === undefined ? null : DATA.policies[grant.policy];
  grant.signedIn = grant.kind === "sign_in";
  grant.reason = grant.reason || (grant.signedIn ? "no reason given" : "");
  grant.calls = grant.calls || [];
  grant.defects = grant.defects || [];
  grant.agreed = grant.agreed || [];
  grant.policyShown = policy;
  grant.roleShown = role;
  grant.begin = spans.length ? spans[0][0] : Math.min(...times);
  grant.end = spans.length ? spans[spans.length - 1][1] : Math.max(...times);
  // What the timeline must leave room for: marks before and after the access belong to it.
  grant.first = Math.min(grant.begin, ...times.filter((at, index) => grant.events[index].event !== "ended"));
  grant.last = Math.max(grant.end, ...times.filter((at, index) => grant.events[index].event !== "ended" && grant.events[index].event !== "reviewed"));
  grant.denied = grant.calls.filter((call) => call.denied).length;
  grant.reviewed = grant.events.some((event) => event.event === "reviewed");
  grant.untrusted = grant.defects.length > 0;
  grant.ending = ending(grant);
  const reasons = new Set([grant.reason, ...grant.events.map((event) => event.reason)]);
  grant.text = [
    grant.id, grant.to, grant.by, ...grant.agreed, grant.role, role.label, grant.preset, grant.signedIn ? "sign-in" : grant.kind, policy && policy.text,
    ...(grant.policy_arns || []), ...reasons, grant.break_glass && "break glass",
  ].filter(Boolean).join("\n").toLowerCase();
  // What was tried says nothing about what was allowed.
  grant.callText = grant.calls.flatMap((call) => [call.name, call.resource, call.error, call.source]).filter(Boolean).join("\n").toLowerCase();
  return grant;
}

// Whether a pattern of IAM, with * and ?, matches a text.
function matches(pattern, text) {
  let at = 0, star = -1, from = 0, next = 0;
  while (next < text.length) {
    if (pattern[at] === "*") { star = at++; from = next; }
    else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[next])) { at++; next++; }
    else if (star >= 0) { at = star + 1; next = ++from; }
    else return false;
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

// The ARNs that a person means by a resource: an ARN as it is, and a name as that of a bucket.
function meantBy(resource) {
  const arn = resource.startsWith("arn:") ? resource : "arn:aws:s3:::" + resource;
  return { arn, inside: /^arn:[^:]*:s3:::[^/]*$/.test(arn) ? arn + "/" : null };
}

// What a grant allows on a resource: "yes" by its policy, "role" where the role decides, or "".
const ALLOWED = new Map();
function allows(policy, resource) {
  const key = policy.text + "\n" + resource;
  if (!ALLOWED.has(key)) ALLOWED.set(key, judge(policy.text, resource));
  return ALLOWED.get(key);
}
function judge(text, resource) {
  const { arn, inside } = meantBy(resource), list = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
  // A pattern covers the resource, or something in it. Variables can be anything.
  const covers = (pattern) => {
    const wide = pattern.replace(/\$\{[^}]*\}/g, "*");
    return matches(wide, arn) || (inside !== null && (wide.startsWith(inside) || matches(wide, inside + "x") || matches(wide, inside)));
  };
  try {
    return list(JSON.parse(text).Statement).some((statement) =>
      statement.Effect === "Allow" && (statement.NotResource !== undefined ? !list(statement.NotResource).some((pattern) => matches(pattern, arn)) : list(statement.Resource).some(covers)));
  } catch {
    return true;
  }
}
function accessTo(grant, resource) {
  if (!grant.policyShown) return "role";
  return allows(grant.policyShown, resource) ? "yes" : "";
}

const GRANTS = DATA.grants.map(prepare);
GRANTS.sort((a, b) => a.first - b.first || (a.id < b.id ? -1 : 1));
