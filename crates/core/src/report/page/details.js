// Everything about one grant.

const MORE = {
  assertion_id: "SAML assertion", chained_from: "From the session of", policy_sha256: "Session policy (SHA-256)",
  by_arn: "Session of the administrator", session: "Session name", access_key_id: "Access key", sts_request_id: "Request at STS",
  iam_policy_name: "Inline policy", recipients: "Sealed to", issue: "Issue",
};

function moreText(value) {
  if (Array.isArray(value)) return value.map(moreText).join(", ");
  if (value === true) return "yes";
  return value && typeof value === "object" ? JSON.stringify(value) : String(value);
}

// Pages from a file cannot always write to the clipboard: the text is selected then, for the keyboard.
function copyButton(text, what) {
  const shown = el("code", {}, text), button = el("button", { type: "button", class: "quiet copy", "aria-label": "Copy the " + what }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch (_) {
      getSelection().selectAllChildren(shown);
      button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
  return [shown, button];
}

function fact(name, ...value) {
  const content = value.flat().filter((part) => part !== null && part !== undefined && part !== false && part !== "");
  return content.length ? [el("dt", {}, name), el("dd", {}, content)] : [];
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch (_) { return text; }
}

function scope(grant) {
  const narrowed = grant.signedIn && grant.events[0].more && grant.events[0].more.policy_sha256;
  if (narrowed) return ["what the role and a session policy allow", ...(grant.policy_arns || []).map((arn) => el("code", { class: "block" }, arn))];
  const plain = grant.policyShown ? grant.policyShown.summary : (grant.policy_arns || []).length ? "what the managed policies and the role allow" : "all that the role allows";
  return [plain, ...(grant.policy_arns || []).map((arn) => el("code", { class: "block" }, arn)),
    grant.policyShown && el("details", {}, el("summary", {}, "Policy"), el("pre", { tabindex: "0" }, ...pretty(grant.policyShown.text).split("\n").flatMap((line) => [line, document.createTextNode("\n")])))];
}

function eventItem(event, grant, previous) {
  const shape = MARKS[event.event];
  const picture = svg("svg", { width: 20, height: 20, "aria-hidden": "true", class: "event-mark" }, mark(shape || { path: "M-3.5 -3.5h7v7h-7z", kind: event.event === "issued" || event.event === "permitted" ? "solid" : "stroke" }, 10, 10));
  const defects = event.defects || [];
  const moved = previous && event.until !== previous.until ? "until " + time(event.until) + " UTC" : null;
  const more = Object.entries(event.more || {}).filter(([, value]) => value !== null && value !== false && moreText(value) !== "");
  return el("li", { class: defects.length ? "bad" : "" }, picture, el("div", {},
    el("p", { class: "event-head" }, el("strong", {}, grant.signedIn ? "Signed in" : EVENTS[event.event] || event.event), el("time", { datetime: exact(event.at) }, time(event.at) + " UTC")),
    el("p", {}, (grant.signedIn ? "at " : "by ") + event.by + (moved ? ", " + moved : "")),
    previous && event.reason !== previous.reason && el("p", { class: "quote" }, event.reason),
    defects.length ? defects.map((defect) => el("p", { class: "defect" }, defect)) : el("p", { class: "signed" }, grant.signedIn ? "from an audit log, which nobody has signed" : "✓ signature of " + event.by + " is valid"),
    more.length > 0 && el("details", {}, el("summary", {}, event.seq ? "More of event " + event.seq : "More"), el("dl", { class: "facts small" }, more.flatMap(([name, value]) => fact(MORE[name] || name, el("code", {}, moreText(value))))))));
}

function calls(grant) {
  if (!grant.calls.length) return null;
  const LIMIT = 200, sorted = [...grant.calls].sort((a, b) => a.at - b.at);
  const rows = sorted.slice(0, LIMIT).map((call) => el("tr", { class: call.denied ? "bad" : "" },
    el("td", {}, el("time", { datetime: exact(call.at) }, shortDay(call.at) + ", " + seconds(call.at))), el("th", { scope: "row" }, call.name), el("td", {}, call.resource || ""), el("td", {}, call.error || "succeeded"), el("td", {}, call.source || "")));
  return el("section", {}, el("h3", {}, "Calls"), el("p", { class: "muted" }, count(grant.calls.length, "call") + ", " + grant.denied + " denied" + (grant.calls.length > LIMIT ? ". The first " + LIMIT + " are shown." : "")),
    el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Calls" }, el("table", { class: "calls" }, el("thead", {}, el("tr", {}, ["Time (UTC)", "Call", "On", "Result", "From"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows))));
}

function openDetails(grant) {
  const dialog = byId("details"), opener = document.activeElement;
  const length = grant.spans.reduce((sum, [from, until]) => sum + until - from, 0);
  const planned = grant.spans.length && grant.end !== grant.until ? "planned until " + time(grant.until) + " UTC" : null;
  byId("details-body").replaceChildren(...[
    el("header", {},
      el("div", {}, el("div", { class: "pills" }, badges(grant)), el("h2", { id: "details-title", tabindex: "-1" }, grant.to), el("p", { class: "muted" }, grant.roleShown.label)),
      el("button", { type: "button", class: "quiet square", "aria-label": "Close", click: () => dialog.close() }, "✕")),
    grant.untrusted && el("section", { class: "alert" }, el("h3", {}, "These records cannot be trusted"), el("ul", {}, grant.defects.map((defect) => el("li", {}, defect))), el("p", {}, "Compare them with CloudTrail, and with older versions of the records.")),
    grant.break_glass && el("section", { class: "alert glass" }, el("h3", {}, "Break glass"), el("p", {}, "Given without approval. " + (grant.reviewed ? "Reviewed afterwards." : "Nobody has reviewed it yet."))),
    el("dl", { class: "facts" },
      fact("Why", grant.reason),
      fact("Access", grant.spans.length ? grant.spans.map(([from, until]) => el("span", { class: "block" }, timeRange(from, until))) : "none", length > 0 && el("small", {}, duration(length) + (planned ? ", " + planned : ""))),
      fact("How it ended", grant.ending.text + (grant.ending.at ? ", " + time(grant.ending.at) + " UTC" : ""), grant.ending.reason && grant.ending.reason !== grant.reason && el("small", {}, grant.ending.reason)),
      fact(grant.signedIn ? "Signed in at" : "Given by", grant.spans.length ? grant.by : null),
      fact("Agreed by", grant.agreed.join(", ")),
      fact("Allowed", scope(grant)),
      fact("From networks", (grant.from_ip || []).join(", ")),
      fact("Preset", grant.preset || null),
      fact("Kind", grant.signedIn ? "everyday sign-in, from an audit log" : grant.kind === "session" ? "session grant: sealed credentials" : "policy grant: a dated policy on the role"),
      fact("Role", el("code", {}, grant.role)),
      grant.signedIn ? fact("Access key", copyButton(grant.id, "access key")) : fact("Id", copyButton(grant.id, "id"))),
    el("section", {}, el("h3", {}, "Events"), el("ol", { class: "events" }, grant.events.map((event, index) => eventItem(event, grant, grant.events[index - 1])))),
    calls(grant),
  ].filter(Boolean));
  dialog.onclose = () => {
    // The timeline may have been drawn again meanwhile.
    if (filter.view === "timeline" && !(opener && opener.isConnected && opener.matches("button"))) focusBar();
    else if (opener && opener.isConnected) opener.focus();
  };
  dialog.showModal();
  byId("details-title").focus();
  byId("details-body").scrollTop = 0;
}
