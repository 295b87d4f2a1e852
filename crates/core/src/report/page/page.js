// Puts the page together and listens.

const NOT_GIVEN = ["pending", "denied", "withdrawn"];

function drawTiles() {
  const people = new Set(GRANTS.map((grant) => grant.to)).size, of = (test) => GRANTS.filter(test).length;
  const untrusted = of((grant) => grant.untrusted) + DATA.unreadable.length, glass = of((grant) => grant.break_glass);
  const denied = GRANTS.reduce((sum, grant) => sum + grant.denied, 0), given = of((grant) => !grant.signedIn && !NOT_GIVEN.includes(grant.state)), signIns = of((grant) => grant.signedIn);
  const tile = (number, name, kind, state) => {
    const content = [el("span", { class: "number" }, number.toLocaleString("en")), el("span", { class: "name" }, name)];
    if (state === undefined) return el("div", { class: "tile " + kind }, content);
    const toggle = () => change({ state: filter.state === state ? "" : state });
    return el("button", { type: "button", class: "tile " + kind, "data-state": state, "aria-pressed": "false", disabled: number === 0, click: toggle }, content);
  };
  const problems = [
    tile(untrusted, "cannot be trusted", untrusted ? "bad" : "good", "problem"),
    tile(glass, "break glass", glass ? "warn" : "", "glass"),
  ];
  if (GRANTS.some((grant) => grant.calls.length)) problems.push(tile(denied, denied === 1 ? "denied call" : "denied calls", denied ? "warn" : "", "calls"));
  byId("tiles").replaceChildren(...problems,
    tile(of((grant) => grant.state === "live"), "still live", "live", "live"),
    tile(of((grant) => grant.state === "revoked"), "revoked early", "", "revoked"),
    tile(given, given === 1 ? "grant" : "grants", ""), ...(signIns ? [tile(signIns, signIns === 1 ? "sign-in" : "sign-ins", "")] : []), tile(people, people === 1 ? "person" : "people", ""));
}

function drawProblems() {
  const untrusted = GRANTS.filter((grant) => grant.untrusted), unreviewed = GRANTS.filter((grant) => grant.break_glass && !grant.reviewed && !grant.untrusted);
  const open = (grant) => el("button", { type: "button", class: "link", click: () => openDetails(grant) }, grant.to + ", " + grant.roleShown.label);
  const items = [
    ...untrusted.map((grant) => () => el("li", {}, open(grant), " ", el("span", {}, grant.defects[0] + (grant.defects.length > 1 ? " (and " + count(grant.defects.length - 1, "more", "more") + ")" : "")))),
    ...DATA.unreadable.map((grant) => () => el("li", {}, el("strong", {}, grant.id), " ", el("span", {}, grant.reason))),
    ...DATA.findings.map((finding) => () => el("li", {}, el("strong", {}, "CloudTrail"), " ", el("span", {}, finding))),
    ...unreviewed.map((grant) => () => el("li", { class: "glass" }, open(grant), " ", el("span", {}, "break glass on " + time(grant.begin) + " UTC, not reviewed"))),
  ];
  byId("problems").hidden = items.length === 0;
  byId("problems").classList.toggle("only-glass", untrusted.length + DATA.unreadable.length + DATA.findings.length === 0);
  const bad = untrusted.length + DATA.unreadable.length, parts = [bad && count(bad, "grant", "grants") + " with records that cannot be trusted", DATA.findings.length && count(DATA.findings.length, "finding") + " in CloudTrail", unreviewed.length && count(unreviewed.length, "break-glass grant") + " without a review"];
  byId("problems-title").textContent = parts.filter(Boolean).join(", ");
  const limit = 4, more = byId("all-problems");
  const show = (shown) => byId("problem-list").replaceChildren(...items.slice(0, shown).map((item) => item()));
  show(limit);
  more.hidden = items.length <= limit;
  more.textContent = "Show all " + items.length.toLocaleString("en");
  more.addEventListener("click", () => { show(500); more.hidden = true; });
}

function drawFilters() {
  const options = (states) => Object.entries(states).map(([state, name]) => el("option", { value: state }, name));
  byId("state").replaceChildren(el("option", { value: "" }, "All"), ...options(STATES), ...options(EXTRA_STATES));
  if (!GRANTS.some((grant) => grant.signedIn)) for (const state of ["grants", "sign_ins"]) byId("state").querySelector('[value="' + state + '"]').remove();
  const [first, last] = GRANTS.length ? [GRANTS[0].first, GRANTS.reduce((most, grant) => Math.max(most, grant.last), 0)] : [DATA.generated, DATA.generated];
  for (const field of ["from", "until"]) {
    byId(field).min = exact(first).slice(0, 10);
    byId(field).max = exact(last).slice(0, 10);
  }
}

function syncFilters() {
  byId("query").value = filter.q;
  byId("on").value = filter.on;
  for (const field of ["from", "until", "state"]) byId(field).value = filter[field];
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === filter.view));
  for (const button of document.querySelectorAll("[data-group]")) button.setAttribute("aria-pressed", String(button.dataset.group === filter.group));
  for (const button of document.querySelectorAll("[data-state]")) button.setAttribute("aria-pressed", String(button.dataset.state === filter.state));
  for (const node of document.querySelectorAll(".only-timeline")) node.hidden = filter.view !== "timeline";
}

function show() {
  const grants = filtered();
  syncFilters();
  byId("answer").replaceChildren(...answer(grants).map((part) => (part instanceof Node ? part : document.createTextNode(visible(part)))));
  byId("nothing").hidden = grants.length > 0;
  byId("timeline").hidden = filter.view !== "timeline" || grants.length === 0;
  byId("table").hidden = filter.view !== "table" || grants.length === 0;
  Object.assign(table, { grants, page: 0 });
  setGrants(grants);
  if (filter.view === "table") drawTable();
  else { drawOverview(); drawNow(); }
}

function change(values) {
  Object.assign(filter, values);
  writeAddress();
  show();
}

const THEMES = ["system", "light", "dark"];
function nextTheme() {
  const root = document.documentElement, now = root.dataset.theme || "system", next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
  byId("theme-name").textContent = "Theme: " + next;
}

function later(wait, work) {
  let timer = 0;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => work(...values), wait); };
}

function showTip(event) {
  const tip = byId("tip"), bar = event.target.closest && event.target.closest(".bar, [data-tip]");
  if (!bar || event.pointerType === "touch") { tip.hidden = true; return; }
  const grant = bar.dataset.id && timeline.layout.order.find((candidate) => candidate.id === bar.dataset.id);
  if (grant) {
    tip.replaceChildren(el("strong", {}, grant.to), el("span", {}, grant.roleShown.label), el("span", {}, grant.reason), el("span", {}, accessText(grant)),
      el("span", {}, grant.ending.text), grant.untrusted && el("span", { class: "bad" }, grant.defects[0]) || "");
  } else tip.replaceChildren(el("span", {}, bar.dataset.tip));
  tip.hidden = false;
  const left = Math.min(window.innerWidth - tip.offsetWidth - 8, Math.max(8, event.clientX + 14));
  const above = event.clientY + tip.offsetHeight + 24 > window.innerHeight;
  tip.style.left = left + "px";
  tip.style.top = (above ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18) + "px";
}

function listen() {
  byId("query").addEventListener("input", later(90, () => change({ q: byId("query").value.trim() })));
  byId("on").addEventListener("input", later(90, () => change({ on: byId("on").value.trim() })));
  for (const field of ["from", "until", "state"]) byId(field).addEventListener("change", () => change({ [field]: byId(field).value }));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => { event.preventDefault(); change({ q: "", on: "", from: "", until: "", state: "" }); });
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => change({ view: button.dataset.view }));
  for (const button of document.querySelectorAll("[data-group]")) button.addEventListener("click", () => change({ group: button.dataset.group }));
  const step = (part) => { const length = (timeline.until - timeline.from) * part; showTime(timeline.from + length, timeline.until + length); };
  byId("zoom-in").addEventListener("click", () => zoomBy(0.5));
  byId("zoom-out").addEventListener("click", () => zoomBy(2));
  byId("earlier").addEventListener("click", () => step(-0.5));
  byId("later").addEventListener("click", () => step(0.5));
  byId("fit").addEventListener("click", () => showTime(...timeline.extent));
  byId("theme").addEventListener("click", nextTheme);
  byId("print").addEventListener("click", () => window.print());
  byId("overview").addEventListener("pointerdown", startOverviewDrag);
  const rows = byId("rows");
  rows.addEventListener("keydown", timelineKey);
  rows.addEventListener("pointerdown", timelineDrag);
  rows.addEventListener("pointermove", showTip);
  rows.addEventListener("pointerleave", () => { byId("tip").hidden = true; });
  byId("timeline").addEventListener("wheel", timelineWheel, { passive: false });
  byId("details").addEventListener("click", (event) => { if (event.target === byId("details")) byId("details").close(); });
  window.addEventListener("scroll", () => { byId("tip").hidden = true; draw(); }, { passive: true });
  window.addEventListener("resize", later(60, () => { const { from, until } = timeline; setGrants(timeline.grants); drawOverview(); showTime(from, until); }));
  window.addEventListener("hashchange", () => { Object.assign(filter, DEFAULTS); readAddress(); show(); });
  window.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|select|textarea)$/i.test(event.target.tagName) && !byId("details").open) { event.preventDefault(); byId("query").focus(); }
  });
  window.addEventListener("beforeprint", () => { byId("table").hidden = false; drawTable(true); });
  window.addEventListener("afterprint", show);
}

function start() {
  const limits = [DATA.from !== null && "from " + time(DATA.from) + " UTC", DATA.until !== null && "until " + time(DATA.until) + " UTC"].filter(Boolean);
  const about = [limits.join(" ") || "All recorded grants", "made " + time(DATA.generated) + " UTC", DATA.records].filter(Boolean);
  byId("subtitle").textContent = visible(about.join(" · ").replace(/^./, (letter) => letter.toUpperCase()));
  byId("foot").textContent = "All times are UTC. The report shows what the signed records say; AWS decides by its policies. Made by tempaccess " + DATA.version + ".";
  readAddress();
  drawTiles();
  drawProblems();
  drawFilters();
  drawLegend();
  listen();
  show();
}

start();
