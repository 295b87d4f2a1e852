// Where each grant is on the timeline: groups, and within each group as few lanes as do not overlap.

const LANE = 26, GROUP_PADDING = 9, LOWEST = 56;

const KEYS = {
  person: (grant) => grant.to,
  role: (grant) => grant.roleShown.label,
  account: (grant) => grant.roleShown.accountName,
};

function groupsOf(grants, key) {
  const groups = new Map();
  for (const grant of grants) {
    const name = KEYS[key](grant);
    let group = groups.get(name);
    if (!group) groups.set(name, group = { name, grants: [], lanes: [] });
    group.grants.push(grant);
  }
  return [...groups.values()].sort((a, b) => a.name.localeCompare(b.name, "en"));
}

// Grants come in the order of their begin, so that the first free lane is the best one.
function packLanes(group) {
  const ends = [];
  for (const grant of group.grants) {
    let lane = ends.findIndex((end) => end <= grant.first);
    if (lane < 0) { lane = ends.length; group.lanes.push([]); }
    ends[lane] = Math.max(grant.last, grant.first + MINUTE);
    group.lanes[lane].push(grant);
    grant.lane = lane;
  }
}

// Lays out the groups below each other. `heading` is the room for a name above its lanes.
function layOut(grants, key, heading) {
  const groups = groupsOf(grants, key);
  let top = 0;
  for (const group of groups) {
    packLanes(group);
    group.top = top;
    group.height = Math.max(heading ? 0 : LOWEST, group.lanes.length * LANE + 2 * GROUP_PADDING) + heading;
    group.lanesTop = heading + GROUP_PADDING;
    group.grants.forEach((grant) => { grant.group = group; });
    top += group.height;
  }
  return { groups, height: top, order: groups.flatMap((group) => group.grants) };
}

// The steps of the axis: the smallest that leaves room for its labels.
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];

function ticks(from, until, width) {
  const room = (until - from) / Math.max(1, width / 92);
  const step = STEPS.find((candidate) => candidate >= room);
  if (step) {
    // Weeks begin on Monday; the epoch was a Thursday.
    const offset = step >= 7 * DAY ? 4 * DAY : 0;
    const found = [];
    for (let at = Math.ceil((from - offset) / step) * step + offset; at < until; at += step) {
      const major = at % DAY === 0;
      found.push({ at, major, label: step >= DAY || major ? shortDay(at) : clock(at) });
    }
    return found;
  }
  const months = Math.ceil(room / (30 * DAY)), every = months > 6 ? 12 : months > 3 ? 6 : months > 1 ? 3 : 1, found = [];
  const start = new Date(from);
  for (let month = 0; ; month += 1) {
    const at = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + month, 1);
    if (at >= until) return found;
    const index = new Date(at).getUTCMonth();
    if (at >= from && index % every === 0) found.push({ at, major: index === 0, label: MONTHS[index] + " " + new Date(at).getUTCFullYear() });
  }
}
