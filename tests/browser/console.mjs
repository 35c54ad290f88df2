// What the console's tests share: a real Chromium against the daemon that test_console.py started.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const url = process.env.VOC_URL;
export const tokens = JSON.parse(readFileSync(process.env.VOC_TOKENS, "utf8"));
const shots = process.env.VOC_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 30000;

let browser;
export async function start() {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}
export const stop = () => browser.close();

/** A page of its own, not signed in, that notes whatever a browser complains of or asks elsewhere. */
export async function open({ lang = "ko", dark = false, width = 1280, height = 800 } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    locale: lang === "ko" ? "ko-KR" : "en-US",
    colorScheme: dark ? "dark" : "light",
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.complaints = [];
  page.on("pageerror", (e) => page.complaints.push(`script: ${e.message}`));
  page.on("request", (r) => {
    if (new URL(r.url()).origin !== url && !r.url().startsWith("data:")) page.complaints.push(`elsewhere: ${r.url()}`);
  });
  page.on("console", (m) => {
    // "Who is signed in?" is answered 401 before anybody is.
    const asked = m.location().url.endsWith("/console/session") || /401|403|429/.test(m.text());
    if (m.type() === "error" && !asked) page.complaints.push(`console: ${m.text()}`);
    if (/Content.Security.Policy/.test(m.text())) page.complaints.push(m.text());
  });
  return page;
}

export async function signIn(role, hash = "", options = {}) {
  const page = await open(options);
  await page.goto(`${url}/console/${hash}`);
  await page.fill("#token", tokens[role]);
  await page.keyboard.press("Enter");
  await page.waitForSelector("main[data-page]");
  return page;
}

export async function finish(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** axe-core over the page as it stands; every rule of WCAG 2.1 A and AA and of best practice. */
export async function accessible(page) {
  await page.evaluate(axe); // through the debugger: the page itself takes no foreign script
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const lines = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html} ${n.any?.[0]?.message ?? ""}`).join(" | ")}`);
  assert.deepEqual(lines, []);
}

export async function shot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.mouse.move(2, 2);
  await page.waitForTimeout(300); // the arrival animation
  await page.screenshot({ path: join(shots, `${name}.png`), animations: "disabled" });
}

export async function send(records, role = "ingest", path = "/v1/feedback") {
  const answer = await fetch(url + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${tokens[role]}`, "Content-Type": "application/json" },
    body: JSON.stringify(records),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

export async function get(path, role = "admin") {
  const answer = await fetch(url + path, { headers: { Authorization: `Bearer ${tokens[role]}` } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

/** The page is no wider than the window: nothing a customer wrote may push it about. */
export async function fits(page) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `the page is ${wide} px too wide`);
}
