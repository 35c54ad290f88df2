import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, finish, fits, get, send, shot, signIn, start, stop } from "./console.mjs";

before(start);
after(stop);

test("in the dark, and in English", async () => {
  const page = await signIn("supervisor", "#/live", { dark: true, lang: "en" });
  await page.waitForSelector(".open-alerts .alert");
  await page.waitForSelector(".tile .range");
  await page.waitForFunction(() => document.querySelectorAll(".bars li").length > 4);
  assert.match(await page.textContent(".open-alerts"), /Negative rate|Nobody has/);
  await accessible(page);
  await shot(page, "live-dark-en");
  await finish(page);
});

test("the live view: what came, what is open, and a record that arrives while one looks", async () => {
  const page = await signIn("supervisor");
  await page.waitForSelector(".line.on");
  await page.waitForSelector(".open-alerts .alert.critical");
  await page.waitForSelector(".tile .range");
  await page.waitForFunction(() => document.querySelectorAll(".bars li").length > 4);
  await fits(page);
  await accessible(page);
  await shot(page, "live");
  const text = `화면에 바로 떠야 하는 글 ${Date.now()}`;
  await send({ source: "browser", external_id: text, text });
  await page.waitForSelector(`.rows .fresh >> text=${text}`);
  await finish(page);
});

test("pausing holds back what arrives, and gives it all afterwards", async () => {
  const page = await signIn("supervisor");
  await page.waitForSelector(".line.on");
  await page.click(".feed-head button");
  const text = `멈춘 동안 온 글 ${Date.now()}`;
  await send({ source: "browser", external_id: text, text });
  await page.waitForSelector("text=새 글 1건");
  assert.equal(await page.locator(`.rows >> text=${text}`).count(), 0);
  await page.click(".feed-head button");
  await page.waitForSelector(`.rows >> text=${text}`);
  await finish(page);
});

test("the stream comes back after the line was cut, with what came meanwhile", async () => {
  const page = await signIn("supervisor");
  await page.waitForSelector(".line.on");
  await page.context().setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("offline")));
  const text = `끊긴 동안 온 글 ${Date.now()}`;
  await send({ source: "browser", external_id: text, text });
  await page.context().setOffline(false);
  await page.waitForSelector(`.rows >> text=${text}`, { timeout: 60000 });
  page.complaints = page.complaints.filter((c) => !/ERR_INTERNET_DISCONNECTED|ERR_NETWORK/.test(c));
  await finish(page);
});

test("an alert: reason, words, acknowledged with a note that stays, and the rows behind it", async () => {
  const page = await signIn("supervisor", "#/alerts");
  const card = page.locator(".alert.critical").first();
  await card.waitFor();
  assert.match(await card.textContent(), /최근 1시간 \d+건 가운데 \d+건이 부정/);
  assert.match(await card.textContent(), /아직 아무도 확인하지 않았습니다/);
  await accessible(page);
  await card.locator("footer button").click();
  await card.locator(".ack input").nth(0).fill("김민지");
  await card.locator(".ack input").nth(1).fill("물류팀에 전화했고 17시에 다시 봅니다");
  await shot(page, "alerts");
  await card.locator(".ack button").click();
  await card.locator(".ack-history li").waitFor();
  assert.match(await card.locator(".ack-history").textContent(), /김민지.*물류팀에 전화/);
  const { items } = await get("/v1/alerts?status=firing");
  assert.equal(items.find((a) => a.rule === "delivery-negative").owner, "김민지");
  await page.reload();
  await page.waitForSelector(".ack-history li");
  await card.locator(".quote").first().click();
  await page.waitForSelector("dialog[open] mark");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  await card.locator("footer a").click();
  await page.waitForSelector("main[data-page=feedback] .row");
  assert.match(await page.inputValue(".filter .wide input"), /온수매트/);
  await finish(page);
});

test("sources: what came from where, and a silent one stands out", async () => {
  const page = await signIn("supervisor", "#/sources");
  await page.waitForSelector(".figures tbody tr");
  assert.match(await page.textContent(".figures"), /sample-helpdesk.*받는 중/);
  await fits(page);
  await accessible(page);
  await page.locator(".figures tbody a").first().click();
  await page.waitForSelector("main[data-page=feedback]");
  await finish(page);
});

test("a keyboard is enough: from the address bar to an open record and back", async () => {
  const page = await signIn("supervisor");
  await page.waitForSelector(".row");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.classList.contains("row-open"))) break;
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] .words");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog[open]", { state: "detached" });
  await finish(page);
});
