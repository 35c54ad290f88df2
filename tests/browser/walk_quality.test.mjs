import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { accessible, finish, fits, shot, signIn, start, stop } from "./console.mjs";

before(start);
after(stop);

test("a trend, split and compared; from a point and from a row one comes to the verbatims", async () => {
  const page = await signIn("quality");
  await page.waitForSelector(".chart canvas");
  await page.waitForSelector(".figures tbody tr");
  // The incident of the sample stands out by itself: its product and its topic.
  await page.waitForSelector(".movers li");
  const movers = await page.textContent(".movers");
  assert.match(movers, /온수매트 DM-200/);
  assert.match(movers, /분류 배송 구성비/);
  await page.click(".legend button:has-text('배송')");
  await page.hover(".chart .u-over", { position: { x: 500, y: 120 } });
  await page.waitForSelector(".chart-note strong");
  await fits(page);
  await accessible(page);
  await shot(page, "trends");
  const row = page.locator(".figures tbody tr", { hasText: "배송" }).first();
  const n = Number((await row.locator("td").nth(2).textContent()).replace(/\D/g, ""));
  await row.locator("a").click();
  await page.waitForSelector("main[data-page=feedback] .row");
  while (await page.locator("button.wide").count()) {
    await page.click("button.wide");
    await page.waitForSelector(".busy", { state: "detached" });
  }
  // Rows without words have no sentiment and so are not among the n of a negative rate.
  const shown = await page.locator(".row").count();
  assert.ok(shown >= n, `${shown} rows behind a number of ${n}`);
  await page.goBack();
  await page.waitForSelector(".chart .u-over");
  await page.click(".chart .u-over", { position: { x: 500, y: 120 } });
  await page.waitForSelector("main[data-page=feedback]");
  await finish(page);
});

test("every measure and every split draws", async () => {
  const page = await signIn("quality");
  await page.waitForSelector(".figures tbody tr");
  const choose = async (i, value) => {
    await page.locator(".filter select").nth(i).selectOption(value);
    await page.waitForFunction((v) => location.hash.includes(v || "measure"), value);
    await page.waitForLoadState("networkidle");
  };
  for (const measure of await page.locator(".filter select").nth(0).locator("option").evaluateAll((all) => all.map((o) => o.value))) {
    await choose(0, measure);
    await page.waitForSelector(".figures tbody tr");
  }
  for (const by of await page.locator(".filter select").nth(1).locator("option").evaluateAll((all) => all.map((o) => o.value))) {
    await choose(1, by);
    await page.waitForSelector(".figures tbody");
  }
  await finish(page);
});

test("a filter is put together from menus, mended by hand, and a slip is explained", async () => {
  const page = await signIn("quality", "#/feedback");
  await page.waitForSelector(".row");
  await page.selectOption("[aria-label='조건 더하기']", "sentiment");
  await page.selectOption("[aria-label='값']", "negative");
  await page.waitForSelector(".row.negative");
  await page.waitForFunction(() => document.querySelectorAll(".row:not(.negative)").length === 0);
  await page.fill(".filter .wide input", "sentiment = negative and catgory = delivery");
  await page.click(".filter button.primary");
  await page.waitForSelector("[role=alert]");
  assert.match(await page.textContent("[role=alert]"), /column 26/);
  page.complaints = page.complaints.filter((c) => !/400/.test(c));
  await page.fill(".filter .wide input", "sentiment = negative and category = delivery");
  await page.click(".filter button.primary");
  await page.waitForSelector(".row.negative");
  await page.locator(".row-open").first().click();
  await page.waitForSelector("dialog[open] mark");
  await accessible(page);
  await shot(page, "feedback");
  await finish(page);
});

test("CSV of what is on the screen, as Excel reads it", async () => {
  const page = await signIn("quality", "#/feedback?where=category%20%3D%20delivery");
  await page.waitForSelector(".row");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a[download]")]);
  const bytes = readFileSync(await download.path());
  assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  const lines = bytes.toString("utf8").split("\r\n");
  assert.ok(lines.length > 10);
  assert.match(lines[0], /created_at/);
  await finish(page);
});

test("experiments: one that wins and one whose ratio is off", async () => {
  const page = await signIn("quality", "#/experiments");
  await page.waitForSelector("[data-experiment='apology-v2'] .verdict.win");
  await page.waitForSelector("[data-experiment='greeting-short'] .verdict.invalid");
  assert.match(await page.textContent("[data-experiment='greeting-short']"), /배정 비율이 어긋났습니다/);
  await fits(page);
  await accessible(page);
  await shot(page, "experiments");
  await finish(page);
});
