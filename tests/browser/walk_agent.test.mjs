import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, finish, fits, get, open, shot, signIn, start, stop, tokens, url } from "./console.mjs";

before(start);
after(stop);

// A customer of the sample workspace: 박*숙, whose number the telephone shows.
const NUMBER = "010-0000-1426";

test("a number typed in opens the customer on one screen, masked", async () => {
  const page = await signIn("agent");
  await page.waitForSelector("main[data-page=customer]");
  await page.fill("#find", NUMBER);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".customer-page .journey li");
  const text = await page.textContent(".customer-page");
  assert.match(text, /박\*숙/);
  assert.match(text, /010-\*+-1426/);
  assert.ok(!text.includes("010-0000-1426"));
  assert.match(text, /응대 전에/);
  await fits(page);
  await accessible(page);
  await shot(page, "customer");
  await finish(page);
});

test("the telephone system opens the customer by the address, which then forgets the number", async () => {
  const page = await open();
  await page.goto(`${url}/console/#/customer?phone=${encodeURIComponent("+82 10 0000 1426")}`);
  await page.fill("#token", tokens.agent);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".customer-page .who-card");
  const traces = await page.evaluate(() => location.href + JSON.stringify(history.state));
  assert.ok(!/1426/.test(decodeURIComponent(traces)), traces);
  await finish(page);
});

test("an unknown number is said to be unknown", async () => {
  const page = await signIn("agent");
  await page.fill("#find", "010-9999-0000");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]:has-text('찾지 못했습니다')");
  await finish(page);
});

test("a masked value is shown for a reason, and the access log has both", async () => {
  const page = await signIn("agent");
  await page.fill("#find", NUMBER);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".who-card");
  const field = page.locator(".who-card .facts > div", { hasText: "이메일" });
  await field.locator("button.reveal").click();
  await field.locator("input").fill("수신 동의 확인을 위해 읽어 드림");
  await field.locator("form button").click();
  await page.waitForFunction(() => /[a-z0-9.]{4,}@example\.com/.test(document.querySelector(".who-card").textContent));
  const { items } = await get("/v1/access-log?limit=50&order=desc");
  const entry = items.find((e) => e.what.action === "customer.unmask");
  assert.ok(entry, "no entry");
  assert.match(JSON.stringify(entry), /수신 동의 확인/);
  await finish(page);
});

test("an agent sees no page that is not theirs", async () => {
  const page = await signIn("agent", "#/trends");
  await page.waitForSelector("main[data-page=customer]");
  assert.deepEqual(await page.locator("nav a").evaluateAll((all) => all.map((a) => a.getAttribute("href"))), ["#/customer", "#/live", "#/feedback"]);
  await page.click("nav a[href='#/live']");
  await page.waitForSelector(".row");
  await accessible(page);
  await finish(page);
});
