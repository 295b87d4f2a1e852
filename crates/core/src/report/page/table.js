// The table: the same grants as the timeline, in pages, for reading, printing and screen readers.

const PAGE_SIZE = 50, PRINTED = 1000;
const table = { grants: [], page: 0, column: "access", descending: true };

const COLUMNS = [
  { key: "person", name: "Person", value: (grant) => grant.to },
  { key: "role", name: "Role", value: (grant) => grant.roleShown.label },
  { key: "access", name: "Access", value: (grant) => grant.begin },
  { key: "end", name: "How it ended", value: (grant) => grant.ending.text },
  { key: "reason", name: "Reason", value: (grant) => grant.reason },
  { key: "by", name: "Given by", value: (grant) => grant.by },
  { key: "state", name: "State", value: (grant) => (grant.untrusted ? "0" : "1") + grant.state },
];

function sortedGrants() {
  const column = COLUMNS.find((candidate) => candidate.key === table.column), sign = table.descending ? -1 : 1;
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en"));
  return [...table.grants].sort((a, b) => sign * compare(column.value(a), column.value(b)) || a.begin - b.begin);
}

function badges(grant) {
  return [
    el("span", { class: "pill is-" + grant.state }, STATES[grant.state] || grant.state),
    grant.signedIn && el("span", { class: "pill" }, "Sign-in"),
    grant.untrusted && el("span", { class: "pill bad" }, "Not trusted"),
    grant.break_glass && el("span", { class: "pill glass" }, "Break glass"),
    grant.denied > 0 && el("span", { class: "pill call" }, count(grant.denied, "denied call")),
  ];
}

function accessText(grant) {
  return grant.spans.length ? timeRange(grant.begin, grant.end) : "none";
}

function cells(grant) {
  const length = grant.spans.reduce((sum, [from, until]) => sum + until - from, 0);
  return [
    el("button", { type: "button", class: "link", click: () => openDetails(grant), "aria-label": (grant.signedIn ? "Details of the sign-in of " : "Details of the grant to ") + visible(grant.to) }, grant.to),
    grant.roleShown.label,
    [accessText(grant), length > 0 && el("small", {}, duration(length))],
    grant.ending.text.replace(/^./, (letter) => letter.toUpperCase()),
    grant.reason,
    [grant.by, grant.agreed.length > 0 && el("small", {}, "agreed: " + grant.agreed.join(", "))],
    badges(grant),
  ];
}

function drawTable(printed) {
  const grants = sortedGrants(), size = printed ? PRINTED : PAGE_SIZE, pages = Math.max(1, Math.ceil(grants.length / size));
  table.page = Math.min(table.page, pages - 1);
  const start = printed ? 0 : table.page * size, shown = grants.slice(start, start + size);
  const head = el("tr", {}, COLUMNS.map((column) => {
    const sorted = table.column === column.key;
    const sort = () => {
      table.descending = sorted ? !table.descending : column.key === "access";
      Object.assign(table, { column: column.key, page: 0 });
      drawTable();
      byId("table").querySelector('[data-column="' + column.key + '"]').focus();
    };
    return el("th", { scope: "col", "aria-sort": sorted ? (table.descending ? "descending" : "ascending") : "none" },
      el("button", { type: "button", class: "sort", "data-column": column.key, click: sort }, column.name, el("span", { "aria-hidden": "true" }, sorted ? (table.descending ? " ↓" : " ↑") : "")));
  }));
  const rows = shown.map((grant) => el("tr", { class: grant.untrusted ? "untrusted" : grant.break_glass ? "glass" : "" },
    cells(grant).map((cell, index) => el(index ? "td" : "th", { scope: index ? null : "row", "data-label": COLUMNS[index].name }, cell))));
  const turn = (by, name) => el("button", { type: "button", class: "quiet", disabled: by < 0 ? table.page === 0 : table.page >= pages - 1, click: () => { table.page += by; drawTable(); byId("results").focus(); byId("table").scrollIntoView({ block: "start" }); } }, name);
  const names = table.grants.some((grant) => grant.signedIn) ? "Grants and sign-ins" : "Grants";
  const caption = shown.length ? names + " " + (start + 1).toLocaleString("en") + " to " + (start + shown.length).toLocaleString("en") + " of " + grants.length.toLocaleString("en") : "No grants";
  const whole = grants.length > shown.length && printed ? ". `tempaccess audit export` has all." : "";
  byId("table").replaceChildren(
    el("table", {}, el("caption", {}, caption + whole), el("thead", {}, head), el("tbody", {}, rows)),
    el("nav", { class: "pages", "aria-label": "Pages of the table" }, turn(-1, "Previous"), el("span", {}, "Page " + (table.page + 1) + " of " + pages), turn(1, "Next")));
}
