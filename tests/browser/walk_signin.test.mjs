import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, finish, fits, open, shot, signIn, start, stop, tokens, url } from "./console.mjs";

before(start);
after(stop);

test("a wrong token is told so, the right one lets in, and nothing of it stays in the browser", async () => {
  const page = await open();
  await page.goto(`${url}/`);
  await page.waitForURL(`${url}/console/`);
  await accessible(page);
  await shot(page, "signin");
  await page.fill("#token", `voc_supervisor_${"A".repeat(43)}`);
  await page.click("button[type=submit]");
  await page.waitForSelector("[role=alert]");
  assert.match(await page.textContent("[role=alert]"), /맞지 않거나/);
  await page.fill("#token", tokens.supervisor);
  await page.click("button[type=submit]");
  await page.waitForSelector("main[data-page=live]");
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]));
  assert.ok(!kept.includes("voc_supervisor"), kept);
  assert.equal(await page.evaluate(() => document.cookie), "", "the cookie is not for scripts");
  await finish(page);
});

test("a machine's token opens no console", async () => {
  const page = await open();
  await page.goto(`${url}/console/`);
  await page.fill("#token", tokens.ingest);
  await page.click("button[type=submit]");
  assert.match(await page.textContent("[role=alert]"), /수집용/);
  await finish(page);
});

test("a reload keeps one signed in; signing out ends it in every tab", async () => {
  const page = await signIn("quality");
  await page.reload();
  await page.waitForSelector("main[data-page=trends]");
  const tab = await page.context().newPage();
  await tab.goto(`${url}/console/#/feedback`);
  await tab.waitForSelector(".row");
  await page.click("header.top button");
  await page.waitForSelector("#token");
  await tab.click(".find button"); // any question now says who one is not
  await tab.fill("#words", "배송");
  await tab.click(".find button");
  await tab.waitForSelector("#token");
  assert.match(await tab.textContent(".notice"), /다시 로그인/);
  await finish(page);
});

test("a page left open asks to sign in again when its token is revoked", async () => {
  const call = (method, path, body) => fetch(url + path, {
    method, headers: { Authorization: `Bearer ${tokens.admin}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const made = await (await call("POST", "/v1/tokens", { role: "supervisor", name: "곧 끝날 토큰" })).json();
  const page = await open();
  await page.goto(`${url}/console/`);
  await page.fill("#token", made.token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".line.on");
  assert.equal((await call("DELETE", `/v1/tokens/${made.id}`)).status, 204);
  await page.waitForSelector("#token"); // nobody touched the page
  assert.match(await page.textContent(".notice"), /다시 로그인/);
  await finish(page);
});

test("language and brightness are chosen, kept, and do not need a reload", async () => {
  const page = await signIn("supervisor", "", { lang: "en" });
  await page.waitForSelector("text=Live");
  await page.selectOption("[aria-label=Language]", "ko");
  await page.waitForSelector("text=실시간 현황");
  assert.equal(await page.getAttribute("html", "lang"), "ko");
  await page.selectOption("[aria-label='화면 밝기']", "dark");
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  await page.reload();
  await page.waitForSelector("main[data-page]");
  assert.equal(await page.getAttribute("html", "data-theme"), "dark");
  assert.equal(await page.getAttribute("html", "lang"), "ko");
  await finish(page);
});

test("a narrow window holds the page", async () => {
  for (const [role, hash] of [["supervisor", "#/live"], ["agent", "#/customer/c-003"], ["quality", "#/trends"]]) {
    const page = await signIn(role, hash, { width: 420, height: 800 });
    await page.waitForTimeout(500);
    await fits(page);
    await finish(page);
  }
});
