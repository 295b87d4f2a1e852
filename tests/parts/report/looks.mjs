// Looks at a report as a person does, and prints what is seen as JSON: `node looks.mjs CHROMIUM FILE WORD ID`.
// WORD finds the grant ID by the search. Every other grant has another reason.

import { pathToFileURL } from "node:url";
import { openPage } from "./chromium.mjs";

const [program, file, word, id] = process.argv.slice(2);
const page = await openPage(program, pathToFileURL(file).href);
try {
  const seen = { grants: await page.evaluate("GRANTS.length"), bars: await page.evaluate("document.querySelectorAll('#rows .bar').length") };
  seen.tiles = await page.evaluate("Object.fromEntries([...document.querySelectorAll('.tile')].map((tile) => [tile.querySelector('.name').textContent, tile.querySelector('.number').textContent]))");
  seen.problems = await page.evaluate("document.querySelector('#problems').hidden ? '' : document.querySelector('#problems-title').textContent");
  // The slash goes to the search.
  await page.key("/");
  seen.searches = await page.evaluate("document.activeElement.id");
  await page.type(word);
  await page.until("document.querySelectorAll('#rows .bar').length === 1");
  seen.answer = await page.evaluate("document.querySelector('#answer').textContent");
  seen.address = await page.evaluate("location.hash");
  // Tab reaches the bar of the timeline, Enter opens it.
  for (let tries = 0; tries < 30 && !(await page.evaluate("document.activeElement.matches('.bar')")); tries += 1) await page.key("Tab");
  seen.label = await page.evaluate("document.activeElement.getAttribute('aria-label')");
  await page.key("Enter");
  await page.until("document.querySelector('#details').open");
  seen.focus = await page.evaluate("document.activeElement.id");
  seen.details = await page.evaluate("document.querySelector('#details').innerText");
  await page.key("Escape");
  await page.until("!document.querySelector('#details').open");
  seen.returned = await page.evaluate("document.activeElement.dataset.id");
  // The table has the same grant.
  await page.evaluate("document.querySelector('[data-view=table]').click()");
  seen.table = await page.evaluate("document.querySelector('#table tbody').innerText");
  await page.evaluate("document.querySelector('#reset').click(); document.querySelector('[data-view=timeline]').click()");
  seen.all = await page.evaluate("filtered().length");
  // Who could use a bucket: patterns count, and calls do not.
  const access = async (on) => { await page.evaluate(`change({ on: ${JSON.stringify(on)} })`); return page.evaluate("filtered().map((grant) => grant.id).sort()"); };
  seen.access = {};
  for (const on of ["ledger", "arn:aws:s3:::ledger", "arn:aws:s3:::ledger/README.txt", "vault", "arn:aws:s3:::other"]) seen.access[on] = await access(on);
  seen.onOther = await page.evaluate("document.querySelector('#answer').textContent");
  await page.evaluate("document.querySelector('#reset').click()");
  // Whatever a name or a reason tries.
  seen.images = await page.evaluate("document.querySelectorAll('img, iframe, a[href^=javascript]').length");
  seen.scripts = await page.evaluate("document.scripts.length");
  seen.acted = await page.evaluate("Boolean(window.acted)");
  seen.inline = await page.evaluate("(() => { const script = document.createElement('script'); try { script.textContent = 'window.acted = true'; document.body.append(script); } catch (error) { return error.name; } return String(Boolean(window.acted)); })()");
  seen.requests = page.seen.requests.filter((url) => !url.startsWith("file:") && !url.startsWith("data:"));
  seen.dialogs = page.seen.dialogs;
  // A telephone: nothing is wider than the screen.
  await page.send("Emulation.setDeviceMetricsOverride", { width: 360, height: 740, deviceScaleFactor: 2, mobile: true });
  await page.pause(200);
  seen.overflow = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
  seen.found = seen.returned === id;
  process.stdout.write(JSON.stringify(seen));
} finally {
  await page.close();
}
