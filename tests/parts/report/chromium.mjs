// Drives Chromium over DevTools pipes, without packages: opens a page, evaluates, types keys, takes pictures.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const KEYS = { Enter: 13, Escape: 27, Tab: 9, ArrowRight: 39, ArrowLeft: 37, ArrowDown: 40, ArrowUp: 38, Home: 36, End: 35 };

export async function openPage(program, url, { width = 1360, height = 900, scheme = "light", mobile = false } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  // Tests run as root, in a container. No name is resolved, so that a page that asks for anything fails.
  const child = spawn(program, ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-component-update", "--disable-background-networking", `--user-data-dir=${profile}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [output, input] = [child.stdio[3], child.stdio[4]];
  const waiting = new Map(), seen = { requests: [], console: [], dialogs: [] };
  let last = 0, buffer = "", session, loaded;
  const send = (method, params = {}) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject, method });
    output.write(JSON.stringify({ id: last, method, params, ...(session && { sessionId: session }) }) + "\0");
  });
  input.setEncoding("utf8");
  input.on("data", (text) => {
    buffer += text;
    const messages = buffer.split("\0");
    buffer = messages.pop();
    for (const message of messages.map((text) => JSON.parse(text))) {
      if (message.id) {
        const { resolve, reject, method } = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.error) reject(new Error(`${method}: ${message.error.message}`)); else resolve(message.result);
      } else if (message.method === "Page.loadEventFired") loaded && loaded();
      else if (message.method === "Network.requestWillBeSent") seen.requests.push(message.params.request.url);
      else if (message.method === "Page.javascriptDialogOpening") { seen.dialogs.push(message.params.message); send("Page.handleJavaScriptDialog", { accept: true }); }
      else if (message.method === "Log.entryAdded") seen.console.push(message.params.entry.text);
      else if (message.method === "Runtime.exceptionThrown") seen.console.push(message.params.exceptionDetails.exception?.description || message.params.exceptionDetails.text);
    }
  });
  const { targetInfos } = await send("Target.getTargets");
  const target = targetInfos.find((info) => info.type === "page").targetId;
  session = (await send("Target.attachToTarget", { targetId: target, flatten: true })).sessionId;
  for (const domain of ["Page", "Network", "Log", "Runtime"]) await send(domain + ".enable");
  await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: mobile ? 2 : 1, mobile });
  await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  const load = new Promise((resolve) => { loaded = resolve; });
  const started = performance.now();
  await send("Page.navigate", { url });
  await load;
  const page = {
    seen, send,
    loadTime: performance.now() - started,
    async evaluate(expression) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
      return result.value;
    },
    async key(key) {
      const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
      const event = { key, text, windowsVirtualKeyCode: KEYS[key] || key.toUpperCase().charCodeAt(0) };
      await send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", ...event });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    },
    async type(text) { for (const letter of text) await page.key(letter); },
    pause: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    async until(expression) {
      for (let tries = 0; tries < 400; tries += 1) {
        const value = await page.evaluate(expression);
        if (value) return value;
        await page.pause(25);
      }
      throw new Error("this did not become true: " + expression);
    },
    async picture(file) { writeFileSync(file, Buffer.from((await send("Page.captureScreenshot", { format: "png" })).data, "base64")); },
    async close() {
      await send("Browser.close").catch(() => {});
      if (child.exitCode === null) await new Promise((resolve) => { child.once("exit", resolve); setTimeout(() => child.kill("SIGKILL"), 3000).unref(); });
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return page;
}
