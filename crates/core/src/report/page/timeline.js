// The timeline: draws only the groups and lanes in sight, and joins grants that would be too close to tell apart.

const timeline = { grants: [], layout: null, from: 0, until: 1, extent: [0, 1], width: 0, focused: null, dragged: false };
const NARROWEST = 5 * MINUTE;
// Below this width, in pixels, neighbours become one mark.
const TINY = 5;

function x(at) { return ((at - timeline.from) / (timeline.until - timeline.from)) * timeline.width; }

function setGrants(grants) {
  timeline.grants = grants;
  const narrow = byId("rows").clientWidth < 640;
  timeline.layout = layOut(grants, filter.group, narrow ? 34 : 0);
  byId("rows").classList.toggle("narrow", narrow);
  if (!timeline.layout.order.includes(timeline.focused)) timeline.focused = timeline.layout.order[0] || null;
  const when = period();
  let first = Infinity, last = -Infinity;
  for (const grant of grants) { first = Math.min(first, grant.first); last = Math.max(last, grant.last); }
  if (!grants.length) { first = DATA.generated - DAY; last = DATA.generated; }
  const pad = Math.max((last - first) * 0.02, 10 * MINUTE);
  timeline.extent = [when.from === null ? first - pad : when.from, when.until === null ? last + pad : when.until];
  if (timeline.extent[1] <= timeline.extent[0]) timeline.extent[1] = timeline.extent[0] + HOUR;
  [timeline.from, timeline.until] = timeline.extent;
}

function showTime(from, until) {
  const [first, last] = timeline.extent, whole = last - first;
  const length = Math.min(whole, Math.max(NARROWEST, until - from));
  const begin = Math.min(last - length, Math.max(first, (from + until) / 2 - length / 2));
  Object.assign(timeline, { from: begin, until: begin + length });
  draw();
}

function zoomBy(factor, around) {
  const at = around === undefined ? (timeline.from + timeline.until) / 2 : around;
  showTime(at - (at - timeline.from) * factor, at + (timeline.until - at) * factor);
}

let drawing = 0;
function draw() { if (!drawing) drawing = requestAnimationFrame(() => { drawing = 0; drawNow(); }); }

function drawNow() {
  const rows = byId("rows"), layout = timeline.layout;
  if (!layout || filter.view !== "timeline") return;
  const labels = rows.classList.contains("narrow") ? 0 : 232;
  timeline.width = Math.max(50, rows.clientWidth - labels - 1);
  rows.style.height = layout.height + "px";
  const above = rows.getBoundingClientRect().top;
  const first = -above - 200, last = window.innerHeight - above + 200;
  const had = document.activeElement && rows.contains(document.activeElement);
  const marks = ticks(timeline.from, timeline.until, timeline.width);
  const shown = layout.groups.filter((group) => group.top + group.height >= first && group.top <= last);
  rows.replaceChildren(...shown.map((group) => drawGroup(group, first, last, marks)));
  drawAxis(marks, labels);
  drawWindow();
  if (had) focusBar();
}

function drawAxis(marks, labels) {
  const now = x(DATA.generated);
  const texts = marks.map((mark) => svg("text", { x: x(mark.at) + 4, y: 16, class: mark.major ? "major" : "" }, mark.label));
  const made = now >= 0 && now <= timeline.width && svg("text", { x: now - 4, y: 16, class: "now-label" }, "report made");
  const drawn = svg("svg", { width: timeline.width, height: 24 }, made ? texts.filter((text) => Math.abs(Number(text.getAttribute("x")) + 26 - (now - 36)) > 66) : texts, made);
  drawn.style.marginLeft = labels + "px";
  const axis = byId("axis");
  axis.replaceChildren(el("span", { class: "range" }, roughRange(timeline.from, timeline.until)), drawn);
}

function drawGroup(group, first, last, marks) {
  const people = new Set(group.grants.map((grant) => grant.to)).size;
  const bad = group.grants.filter((grant) => grant.untrusted).length;
  const given = group.grants.filter((grant) => !NOT_GIVEN.includes(grant.state)), asked = group.grants.length - given.length;
  const detail = [(given.length || !asked) && counts(given), asked && count(asked, "request")].filter(Boolean).join(", ") + (filter.group === "person" ? "" : ", " + count(people, "person", "people"));
  const label = el("div", { class: "label" }, el("div", { class: "label-text" },
    el("strong", { title: visible(group.name) }, group.name), el("span", {}, detail, bad > 0 && el("em", {}, " · " + bad + " not trusted"))));
  const height = group.height - (group.lanesTop - GROUP_PADDING);
  const drawn = svg("svg", { width: timeline.width, height, class: "lanes" });
  for (const mark of marks) {
    const at = Math.round(x(mark.at)) + 0.5;
    drawn.append(svg("line", { class: mark.major ? "grid major" : "grid", x1: at, x2: at, y1: 0, y2: height }));
  }
  const now = x(DATA.generated);
  if (now >= 0 && now <= timeline.width) drawn.append(svg("line", { class: "now", x1: now, x2: now, y1: 0, y2: height }));
  const from = Math.max(0, Math.floor((first - group.top - group.lanesTop) / LANE));
  const until = Math.min(group.lanes.length, Math.ceil((last - group.top - group.lanesTop) / LANE) + 1);
  for (let lane = from; lane < until; lane += 1) drawLane(drawn, group.lanes[lane], GROUP_PADDING + lane * LANE);
  const row = el("div", { class: "row" }, label, drawn);
  row.style.top = group.top + "px";
  row.style.height = group.height + "px";
  return row;
}

// The first grant of a lane that ends after a time. Grants of a lane do not overlap.
function firstAfter(grants, at) {
  let low = 0, high = grants.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (grants[middle].last < at) low = middle + 1; else high = middle;
  }
  return low;
}

function drawLane(drawn, grants, top) {
  let joined = null;
  const flush = () => {
    if (joined && joined.grants.length === 1) drawn.append(drawGrant(joined.grants[0], top));
    else if (joined) drawn.append(drawJoined(joined, top));
    joined = null;
  };
  for (let index = firstAfter(grants, timeline.from); index < grants.length && grants[index].first <= timeline.until; index += 1) {
    const grant = grants[index], left = x(grant.first), right = Math.max(left + TINY, x(grant.last));
    const tiny = right - left <= TINY && grant !== timeline.focused;
    if (joined && tiny && left - joined.right < TINY) { joined.grants.push(grant); joined.right = right; continue; }
    flush();
    if (tiny) joined = { grants: [grant], left, right };
    else drawn.append(drawGrant(grant, top));
  }
  flush();
}

function drawJoined({ grants, left, right }, top) {
  const width = Math.max(TINY, right - left), bad = grants.some((grant) => grant.untrusted), glass = grants.some((grant) => grant.break_glass);
  const kind = bad ? "bad" : glass ? "glass" : "many";
  const label = counts(grants) + ", too close to tell apart at this scale. Click to zoom in.";
  const zoom = () => {
    const first = grants[0].first, last = Math.max(...grants.map((grant) => grant.last)), pad = Math.max((last - first) * 0.1, MINUTE);
    timeline.focused = grants[0];
    showTime(first - pad, last + pad);
  };
  const text = width > 26 && svg("text", { x: left + width / 2, y: top + 15, class: "joined-count" }, String(grants.length));
  return svg("g", { class: "joined " + kind, click: () => { if (!timeline.dragged) zoom(); }, "data-tip": label, "aria-hidden": "true" },
    svg("rect", { x: left, y: top + 1, width, height: LANE - 6, rx: 2 }), text);
}

// The text of a bar: what its group does not say already.
function barText(grant) {
  const who = filter.group === "person" ? grant.roleShown.label : filter.group === "role" ? grant.to : grant.to + " · " + grant.roleShown.name;
  return visible(who + " · " + grant.reason);
}

// Draws the text of a bar where it has the most room between marks.
function drawText(node, grant, begin, end, top) {
  const start = Math.max(0, begin) + (grant.break_glass || grant.untrusted ? 18 : 0), stop = Math.min(end, timeline.width);
  const marked = grant.events.filter((event) => event.event in MARKS).map((event) => x(event.at)).filter((at) => at > start + 8 && at < stop - 8);
  let best = [start, start];
  [start, ...marked].forEach((left, index) => {
    const right = index < marked.length ? marked[index] : stop;
    if (right - left > best[1] - best[0]) best = [left, right];
  });
  const [left, right] = best, text = fit(barText(grant), right - left - 16);
  if (text) node.append(svg("text", { x: left + 7, y: top + 15 }, text));
}

const pen = document.createElement("canvas").getContext("2d");
function fit(text, width) {
  if (!pen) return "";
  pen.font = "12px " + (fit.family || (fit.family = getComputedStyle(document.body).fontFamily));
  const whole = pen.measureText(text).width;
  if (whole <= width) return text;
  let length = Math.floor((text.length * width) / whole);
  while (length > 2 && pen.measureText(text.slice(0, length) + "…").width > width) length -= 1;
  return length > 2 ? text.slice(0, length).trimEnd() + "…" : "";
}

function spoken(grant) {
  const access = grant.spans.length ? "access " + timeRange(grant.begin, grant.end) : "no access";
  const flags = [grant.untrusted && "records cannot be trusted", grant.break_glass && "break glass", grant.denied && count(grant.denied, "denied call")].filter(Boolean);
  return [grant.to, grant.roleShown.label, STATES[grant.state] || grant.state, access, "reason " + grant.reason, (grant.signedIn ? "signed in at " : "by ") + grant.by, ...flags].map(visible).join(", ");
}

function drawGrant(grant, top) {
  const height = LANE - 6, classes = ["bar", "is-" + grant.state];
  if (grant.untrusted) classes.push("untrusted");
  if (grant.break_glass) classes.push("glass");
  if (grant.signedIn) classes.push("sign-in");
  const node = svg("g", {
    class: classes.join(" "), role: "button", tabindex: grant === timeline.focused ? "0" : "-1", "aria-label": spoken(grant), "data-id": grant.id,
    click: () => { if (!timeline.dragged) { timeline.focused = grant; openDetails(grant); } },
    focus: () => { timeline.focused = grant; },
  });
  const left = x(grant.first), right = Math.max(left + TINY, x(grant.last));
  node.append(svg("rect", { class: "hit", x: left - 2, y: top - 2, width: right - left + 4, height: height + 4, rx: 5 }));
  if (left < x(grant.begin) - 1) node.append(svg("line", { class: "before", x1: left, x2: x(grant.begin), y1: top + height / 2 + 1, y2: top + height / 2 + 1 }));
  grant.spans.forEach(([from, until], index) => {
    const begin = Math.max(-20, x(from)), width = Math.max(TINY, Math.min(timeline.width + 20, x(until)) - begin);
    if (begin + width < 0 || begin > timeline.width) return;
    node.append(svg("rect", { class: "span", x: begin, y: top + 1, width, height, rx: 3 }));
    if (index === 0 && width > 46) drawText(node, grant, begin, begin + width, top);
  });
  drawMarks(node, grant, top, height);
  return node;
}

const MARKS = {
  requested: { name: "Requested", path: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", kind: "hollow" },
  approved: { name: "Approved", path: "M-4 0l3 3l5 -6", kind: "stroke good" },
  denied: { name: "Denied", path: "M-4 -4l8 8M4 -4l-8 8", kind: "stroke bad" },
  extended: { name: "Extended", path: "M-3 -5l5 5l-5 5", kind: "stroke" },
  revoked: { name: "Revoked", path: "M-4 -4l8 8M4 -4l-8 8", kind: "stroke bad" },
  restored: { name: "Restored", path: "M4 -1a4.5 4.5 0 1 0 .5 3M4.5 -5v4h-4", kind: "stroke" },
  reviewed: { name: "Reviewed", path: "M-4 0l3 3l5 -6", kind: "stroke" },
};
const SYMBOLS = {
  bad: { name: "Records cannot be trusted", path: "M0 -7L7.5 6h-15zM0 -2.5v4M0 3.2v1.4", kind: "warning" },
  glass: { name: "Break glass", path: "M1.5 -7L-4.5 1h4L-1.5 7L4.5 -1.5h-4z", kind: "bolt" },
  call: { name: "Call", path: "M0 -3v6", kind: "call" },
  denied: { name: "Denied call", path: "M-3.5 3L0 -3L3.5 3z", kind: "call-denied" },
};

function mark(shape, left, top) {
  return svg("path", { class: "mark " + shape.kind, d: shape.path, transform: "translate(" + left.toFixed(1) + " " + top + ")" });
}

function drawMarks(node, grant, top, height) {
  const middle = top + 1 + height / 2, room = x(grant.last) - x(grant.first);
  for (const event of grant.events) {
    const shape = MARKS[event.event], left = x(event.at);
    // Marks of a narrow bar would hide it. A grant without access has nothing but marks.
    const matters = event.event === "revoked" || (!grant.spans.length && event.event === (grant.state === "denied" ? "denied" : "requested"));
    if (!shape || left < -8 || left > timeline.width + 8 || (room < 48 && !matters)) continue;
    node.append(mark(shape, left, middle));
  }
  if (room > 16) {
    let last = -9;
    for (const call of grant.calls) {
      const left = x(call.at);
      if (left < 0 || left > timeline.width || (!call.denied && left - last < 3)) continue;
      last = left;
      node.append(mark(call.denied ? SYMBOLS.denied : SYMBOLS.call, left, top + height + 1));
    }
  }
  const symbol = grant.untrusted ? SYMBOLS.bad : grant.break_glass ? SYMBOLS.glass : null;
  if (symbol) node.append(mark(symbol, Math.max(8, x(grant.begin) + Math.min(11, Math.max(0, room / 2))), middle));
}

function focusBar() {
  const id = timeline.focused && timeline.focused.id;
  const node = id && byId("rows").querySelector('[data-id="' + CSS.escape(id) + '"]');
  if (node) node.focus({ preventScroll: true });
}

// Brings a grant into sight, in both directions, and focuses its bar.
function reveal(grant) {
  timeline.focused = grant;
  const length = timeline.until - timeline.from;
  if (grant.begin < timeline.from || grant.begin > timeline.until) {
    const begin = Math.min(timeline.extent[1] - length, Math.max(timeline.extent[0], grant.begin - length / 3));
    Object.assign(timeline, { from: begin, until: begin + length });
  }
  const top = byId("rows").getBoundingClientRect().top + grant.group.top + grant.group.lanesTop + grant.lane * LANE;
  if (top < 60 || top > window.innerHeight - 60) window.scrollBy(0, top - window.innerHeight / 2);
  drawNow();
  focusBar();
}

function timelineKey(event) {
  const order = timeline.layout.order, at = order.indexOf(timeline.focused);
  const moves = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: order.length - 1 };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in moves) reveal(order[Math.min(order.length - 1, Math.max(0, moves[event.key]))]);
  else if (event.key === "Enter" || event.key === " ") { if (timeline.focused) openDetails(timeline.focused); }
  else if (event.key === "+" || event.key === "=") zoomBy(0.5, timeline.focused.begin);
  else if (event.key === "-") zoomBy(2, timeline.focused.begin);
  else return;
  event.preventDefault();
}

function timelineDrag(event) {
  if (event.button !== 0) return;
  const start = event.clientX, from = timeline.from, until = timeline.until, scale = (until - from) / timeline.width;
  timeline.dragged = false;
  const move = (moved) => {
    if (Math.abs(moved.clientX - start) > 5) timeline.dragged = true;
    if (timeline.dragged) showTime(from - (moved.clientX - start) * scale, until - (moved.clientX - start) * scale);
  };
  const stop = () => { for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, stop); window.removeEventListener("pointermove", move); };
  window.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, stop);
}

function timelineWheel(event) {
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
  const length = timeline.until - timeline.from;
  if (event.ctrlKey || event.metaKey) {
    const box = byId("axis").querySelector("svg").getBoundingClientRect();
    zoomBy(Math.exp(event.deltaY * 0.002), timeline.from + ((event.clientX - box.left) / timeline.width) * length);
  } else if (sideways) showTime(timeline.from + sideways * length / timeline.width, timeline.until + sideways * length / timeline.width);
  else return;
  event.preventDefault();
}

function drawLegend() {
  const swatch = (kind) => svg("svg", { width: 22, height: 14, "aria-hidden": "true" }, svg("g", { class: kind }, svg("rect", { class: "span", x: 1, y: 1, width: 20, height: 12, rx: 3 })));
  const sign = (shape) => svg("svg", { width: 18, height: 16, "aria-hidden": "true" }, mark(shape, 9, 8));
  const item = (picture, text) => el("li", {}, picture, text);
  const used = new Set(GRANTS.map((grant) => grant.state)), happened = new Set(GRANTS.flatMap((grant) => grant.events.map((event) => event.event)));
  byId("legend").replaceChildren(
    ...Object.entries(STATES).filter(([state]) => used.has(state) && !NOT_GIVEN.includes(state)).map(([state, name]) => item(swatch("bar is-" + state), name)),
    ...(GRANTS.some((grant) => grant.signedIn) ? [item(swatch("bar sign-in"), "Sign-in")] : []),
    ...Object.entries(MARKS).filter(([event]) => happened.has(event)).map(([, shape]) => item(sign(shape), shape.name)),
    ...(GRANTS.some((grant) => grant.untrusted) ? [item(sign(SYMBOLS.bad), SYMBOLS.bad.name)] : []),
    ...(GRANTS.some((grant) => grant.break_glass) ? [item(sign(SYMBOLS.glass), SYMBOLS.glass.name)] : []),
    ...(GRANTS.some((grant) => grant.calls.length) ? [item(sign(SYMBOLS.call), SYMBOLS.call.name), item(sign(SYMBOLS.denied), SYMBOLS.denied.name)] : []));
}
