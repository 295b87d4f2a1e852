// The strip above the timeline: how many grants were live at each time, and the part of it that is shown below.

const OVERVIEW_HEIGHT = 54;

const overview = { width: 0, from: 0, until: 1 };

function histogram(grants, from, until, bins) {
  const changes = new Float64Array(bins + 1), scale = bins / (until - from);
  const bin = (at) => Math.min(bins, Math.max(0, Math.floor((at - from) * scale)));
  for (const grant of grants) {
    for (const [begin, end] of grant.spans) {
      const first = bin(begin);
      changes[first] += 1;
      changes[Math.min(bins, Math.max(first + 1, bin(end) + 1))] -= 1;
    }
  }
  let live = 0;
  return Array.from(changes.subarray(0, bins), (change) => (live += change));
}

function drawOverview() {
  const place = byId("overview"), width = place.clientWidth;
  if (!width || !timeline.grants.length) { place.replaceChildren(); return; }
  Object.assign(overview, { width, from: timeline.extent[0], until: timeline.extent[1] });
  const bins = Math.max(20, Math.floor(width / 3));
  const values = histogram(timeline.grants, overview.from, overview.until, bins), highest = Math.max(1, ...values);
  const height = OVERVIEW_HEIGHT - 16;
  let path = "M0 " + height;
  values.forEach((value, index) => {
    const y = height - (value / highest) * (height - 4), x = (index / bins) * width;
    path += "L" + x.toFixed(1) + " " + y.toFixed(1) + "L" + (x + width / bins).toFixed(1) + " " + y.toFixed(1);
  });
  const problems = timeline.grants.filter((grant) => grant.untrusted || grant.break_glass).slice(0, 500);
  const mark = (grant) => {
    const x = overviewX(grant.begin);
    return svg("path", { class: grant.untrusted ? "overview-bad" : "overview-glass", d: "M" + (x - 3.5) + " 0h7l-3.5 6z" });
  };
  const labels = ticks(overview.from, overview.until, width).filter((tick) => overviewX(tick.at) < width - 56).map((tick) =>
    svg("text", { class: "overview-label", x: overviewX(tick.at) + 3, y: OVERVIEW_HEIGHT - 4 }, tick.label));
  place.replaceChildren(svg("svg", { width, height: OVERVIEW_HEIGHT, "aria-hidden": "true" },
    svg("path", { class: "overview-area", d: path + "L" + width + " " + height + "Z" }),
    svg("line", { class: "overview-line", x1: 0, x2: width, y1: height, y2: height }),
    labels, problems.map(mark),
    svg("rect", { class: "overview-shade", id: "shade-left", y: 0, height }),
    svg("rect", { class: "overview-shade", id: "shade-right", y: 0, height }),
    svg("rect", { class: "overview-window", id: "window", y: 0.5, height: height - 1, rx: 3 })));
  drawWindow();
}

function overviewX(at) { return ((at - overview.from) / (overview.until - overview.from)) * overview.width; }

function drawWindow() {
  const frame = byId("window");
  if (!frame) return;
  const clamp = (x) => Math.min(overview.width, Math.max(0, x));
  const left = clamp(overviewX(timeline.from)), right = clamp(overviewX(timeline.until));
  const set = (node, x, width) => { node.setAttribute("x", x); node.setAttribute("width", Math.max(0, width)); };
  set(frame, Math.min(left, overview.width - 6), Math.max(6, right - left));
  set(byId("shade-left"), 0, left);
  set(byId("shade-right"), right, overview.width - right);
}

// A drag inside the window moves it; a drag outside selects.
function startOverviewDrag(event) {
  const place = byId("overview"), left = place.getBoundingClientRect().left;
  const at = (x) => overview.from + ((x - left) / overview.width) * (overview.until - overview.from);
  const start = at(event.clientX), from = timeline.from, until = timeline.until;
  const all = until - from > 0.98 * (overview.until - overview.from);
  const moves = !all && start > from && start < until;
  place.setPointerCapture(event.pointerId);
  const move = (moved) => {
    const now = at(moved.clientX);
    if (moves) showTime(from + now - start, until + now - start);
    else if (Math.abs(moved.clientX - event.clientX) > 4) showTime(Math.min(start, now), Math.max(start, now));
  };
  const stop = () => {
    place.removeEventListener("pointermove", move);
    place.removeEventListener("pointerup", stop);
    place.removeEventListener("pointercancel", stop);
  };
  place.addEventListener("pointermove", move);
  place.addEventListener("pointerup", stop);
  place.addEventListener("pointercancel", stop);
}
