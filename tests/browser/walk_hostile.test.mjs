import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, finish, fits, open, send, signIn, start, stop, tokens, url } from "./console.mjs";

before(start);
after(stop);

const PWN = "window.__pwned = true";
// Names and tags with control characters are refused at the door.
const plain = (text) => text.replace(/[\u0000-\u001f]/g, "");
const hostile = [
  `<script>${PWN}</script> 배송이 늦어요`,
  `<img src=x onerror="${PWN}"> 환불해 주세요`,
  `"><svg/onload=${PWN}>`,
  `javascript:${PWN}`,
  "\u202Eexe.gnp\u202C 파일을 열어 보세요 \u2066숨김\u2069",
  "ا".repeat(200) + " مرحبا 배송 문의 " + "שלום".repeat(40),
  "Z\u0351\u036B\u0343".repeat(400),
  "ㅋ".repeat(5000),
  "가".repeat(21000), // near 64 KiB without one space
  "한 줄\n\n\n\n두 줄\t탭 \u0007 벨 \u200b없는 너비 \ufeff",
  "👨‍👩‍👧‍👦🏳️‍🌈".repeat(100),
  "{{constructor.constructor('return 1')()}} ${7*7} <%= 7*7 %>",
];

test("hostile verbatims are words and nothing else", async () => {
  const stamp = Date.now();
  const { ids, rejected } = await send(hostile.map((text, i) => ({
    source: "hostile", external_id: `${stamp}-${i}`, text, title: i % 2 ? plain(text).slice(0, 200) : undefined,
    product: plain(text).slice(0, 100), agent: "<b>a</b>", team: "<i>t</i>", url: "javascript:alert(1)",
    customer: { id: `h-${i}` }, tags: [plain(text).slice(0, 60)],
  })));
  assert.deepEqual(rejected, []);
  const page = await signIn("supervisor", "#/feedback?where=source%20%3D%20hostile&period=1d");
  await page.waitForSelector(".row");
  await page.waitForFunction((n) => document.querySelectorAll(".row").length >= n, hostile.length);
  await fits(page);
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  assert.equal(await page.locator("main script, main img, main b, main iframe").count(), 0);
  assert.match(await page.textContent(".rows"), /<script>window\.__pwned = true<\/script>/);
  await accessible(page);
  for (let i = 0; i < ids.length; i++) {
    await page.locator(".row-open").nth(i).click();
    await page.waitForSelector("dialog[open] .words");
    const seen = await page.textContent("dialog .words");
    assert.ok(!/[\u202a-\u202e\u2066-\u2069]/.test(seen), "a bidi control reached the page");
    assert.equal(await page.locator("dialog a[href^='javascript']").count(), 0);
    assert.ok(await page.evaluate(() => document.querySelector("dialog").scrollWidth <= document.querySelector("dialog").clientWidth));
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog[open]", { state: "detached" });
  }
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  await finish(page);
});

test("a hostile customer, and hostile addresses", async () => {
  const id = `<img src=x onerror="${PWN}">/../?x=#'`;
  await send([{ id, name: `<script>${PWN}</script>`, attributes: { "<b>k</b>": `"><script>${PWN}</script>` } }], "ingest", "/v1/customers");
  const page = await signIn("supervisor", `#/customer/${encodeURIComponent(id)}`);
  await page.waitForSelector(".who-card");
  assert.match(await page.textContent(".who-card h2"), /<script>/);
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  await finish(page);
  for (const hash of ["#/nowhere", "#/customer/%E0%A4%A", "#/trends?measure=%3Cscript%3E", "#//////", "#/feedback?from=x&to=%00"]) {
    const other = await signIn("supervisor", hash);
    await other.waitForSelector("main[data-page]");
    await other.waitForTimeout(300);
    assert.equal(await other.evaluate(() => window.__pwned), undefined);
    other.complaints = other.complaints.filter((c) => !/400|404/.test(c));
    await finish(other);
  }
});

test("no page of another origin can frame it, and none can sign somebody's requests", async () => {
  const answer = await fetch(`${url}/console/`);
  assert.match(answer.headers.get("content-security-policy"), /frame-ancestors 'none'/);
  assert.match(answer.headers.get("content-security-policy"), /default-src 'none'/);
  const page = await signIn("supervisor");
  const status = await page.evaluate(async () =>
    (await fetch("/v1/alert-rules/x", { method: "PUT", body: "{}", headers: { "Content-Type": "application/json" } })).status);
  assert.equal(status, 403, "a write without the csrf value");
  await finish(page);
});

test("what the page needs is small, and everything it asks for is ours", async () => {
  const page = await open();
  let bytes = 0;
  page.on("response", async (r) => {
    bytes += Number(r.headers()["content-length"] ?? 0);
  });
  await page.goto(`${url}/console/`);
  await page.waitForSelector("#token");
  assert.ok(bytes > 10000 && bytes < 300 * 1024, `${bytes} bytes`);
  await page.fill("#token", tokens.admin);
  await page.keyboard.press("Enter");
  await page.waitForSelector("main[data-page=live]");
  await finish(page);
});

