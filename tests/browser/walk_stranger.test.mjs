// What goes wrong in a real day: slow answers, two tabs, a ringing phone, another zone, a flood.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { accessible, finish, fits, open, send, signIn, start, stop, tokens, url } from "./console.mjs";

before(start);
after(stop);

const stamp = Date.now();
const toHash = (page, hash) => page.evaluate((h) => void (location.hash = h), hash);

test("rows of the filter before do not come in under the one after", async () => {
  const page = await signIn("quality", "#/feedback");
  await page.waitForSelector(".rows .row");
  let asked = 0;
  await page.route(/v1\/feedback\?.*cursor=/, async (route) => {
    asked++;
    await new Promise((done) => setTimeout(done, 1500));
    await route.continue().catch(() => {});
  });
  await page.click("button.wide");
  await toHash(page, "#/feedback?where=sentiment%20%3D%20positive");
  await page.waitForFunction(() => document.querySelectorAll(".rows .row").length > 0 && !document.querySelector(".rows .row.negative"));
  await page.waitForTimeout(2500);
  assert.equal(asked, 1);
  assert.equal(await page.locator(".rows .row:not(.positive)").count(), 0);
  await finish(page);
});

test("figures of the question before do not stand under one that failed", async () => {
  const page = await signIn("quality", "#/trends");
  await page.waitForSelector("table.figures tbody tr");
  await toHash(page, "#/trends?where=nonsense%20%3D%201");
  await page.waitForSelector(".notice.bad");
  assert.equal(await page.locator("table.figures").count(), 0);
  page.complaints = page.complaints.filter((c) => !/400/.test(c));
  await finish(page);
});

test("a telephone rings while a customer is on the screen, and rings again", async () => {
  const page = await signIn("agent", "#/customer/c-003");
  await page.waitForSelector(".customer-page");
  const first = await page.getAttribute(".customer-page", "data-customer");
  await toHash(page, "#/customer?phone=010-0000-1280");
  await page.waitForFunction((was) => document.querySelector(".customer-page")?.dataset.customer !== was
    && document.querySelector(".customer-page"), first);
  const second = await page.getAttribute(".customer-page", "data-customer");
  assert.ok(!page.url().includes("1280"), "the number stays in no address");
  await toHash(page, `#/customer/${first}`);
  await page.waitForFunction((was) => document.querySelector(".customer-page")?.dataset.customer === was, first);
  await toHash(page, "#/customer?phone=010-0000-1280");
  await page.waitForFunction((was) => document.querySelector(".customer-page")?.dataset.customer === was, second);
  await finish(page);
});

test("the answer for who was asked for last is shown", async () => {
  const page = await signIn("agent", "#/customer");
  await page.route(/customers\/lookup/, async (route) => {
    if (/1280/.test(route.request().postData())) await new Promise((done) => setTimeout(done, 1200));
    await route.continue().catch(() => {});
  });
  const wanted = (await (await fetch(`${url}/v1/customers/lookup`, {
    method: "POST", body: JSON.stringify({ phone: "010-0000-1353" }),
    headers: { Authorization: `Bearer ${tokens.agent}`, "Content-Type": "application/json" },
  })).json()).items[0].id;
  for (const number of ["010-0000-1280", "010-0000-1353"]) {
    await page.fill("#find", number);
    await page.press("#find", "Enter");
  }
  await page.waitForSelector(".customer-page");
  await page.waitForTimeout(2000);
  assert.equal(await page.getAttribute(".customer-page", "data-customer"), wanted);
  await finish(page);
});

test("a member number that looks like a phone number, and a log-in name like an address, are found", async () => {
  const ids = ["20231234", `kim.${stamp}@login`];
  await send(ids.map((id) => ({ id, name: `고객 ${id}` })), "ingest", "/v1/customers");
  const page = await signIn("supervisor", "#/customer");
  for (const id of ids) {
    await page.fill("#find", id);
    await page.press("#find", "Enter");
    await page.waitForFunction((want) => document.querySelector(".customer-page")?.dataset.customer === want, id);
  }
  page.complaints = page.complaints.filter((c) => !/400/.test(c)); // it is no phone number
  await finish(page);
});

test("nobody is told he is out while he is not", async () => {
  const page = await signIn("supervisor", "#/live");
  await page.route(/console\/session/, (route) => (route.request().method() === "DELETE" ? route.abort() : route.continue()));
  await page.click("header.top button");
  await page.waitForSelector("main .notice.bad");
  assert.equal(await page.locator("#token").count(), 0);
  await page.unroute(/console\/session/);
  await page.click("header.top button");
  await page.waitForSelector("#token");
  assert.equal(await page.evaluate(() => fetch("/v1/me").then((a) => a.status)), 401);
  page.complaints = page.complaints.filter((c) => !/ERR_FAILED/.test(c));
  await finish(page);
});

test("a tab follows when another one signs in as somebody else", async () => {
  const page = await signIn("supervisor", "#/live");
  await page.waitForSelector(".line.on");
  const status = await page.evaluate((token) => fetch("/console/session", {
    method: "POST", body: JSON.stringify({ token }), headers: { "Content-Type": "application/json" },
  }).then((a) => a.status), tokens.agent);
  assert.equal(status, 200);
  await page.waitForSelector("main[data-page=live] h1:not(.sr-only)"); // an agent's
  assert.equal(await page.locator(".tiles").count(), 0);
  await page.click("header.top button");
  await page.waitForSelector("#token");
  assert.equal(await page.evaluate(() => fetch("/v1/me").then((a) => a.status)), 401);
  await finish(page);
});

test("without a vocabulary the page says so and does not wait for ever", async () => {
  const page = await signIn("supervisor", "#/live");
  await page.route(/v1\/vocabulary/, (route) => route.abort());
  await page.reload();
  await page.waitForSelector(".notice.bad");
  page.complaints = page.complaints.filter((c) => !/ERR_FAILED/.test(c));
  await finish(page);
});

test("a day of a hundred thousand records leaves two hundred rows, and no more memory", async () => {
  const page = await open();
  await page.addInitScript(() => {
    window.EventSource = class extends EventTarget {
      constructor() {
        super();
        window.stream = this;
        setTimeout(() => this.onopen?.(), 0);
      }
      close() {}
    };
  });
  await page.goto(`${url}/console/#/live`);
  await page.fill("#token", tokens.agent);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".rows .row");
  const devtools = await page.context().newCDPSession(page);
  /** The size of the largest Set, Map or array that anything still holds. */
  const largest = async () => {
    let most = 0;
    for (const [kind, size] of [["Set", "size"], ["Map", "size"], ["Array", "length"]]) {
      const { result } = await devtools.send("Runtime.evaluate", { expression: `${kind}.prototype` });
      const { objects } = await devtools.send("Runtime.queryObjects", { prototypeObjectId: result.objectId });
      const { result: found } = await devtools.send("Runtime.callFunctionOn", {
        objectId: objects.objectId, returnByValue: true,
        functionDeclaration: `function () { return this.reduce((most, x) => Math.max(most, x.${size}), 0); }`,
      });
      most = Math.max(most, found.value);
    }
    return most;
  };
  const begun = Date.now(); // after every record of the sample
  const flood = (from, n) => page.evaluate(async ([from, n, begun]) => {
    for (let i = from; i < from + n; i++) {
      const f = {
        id: `01900000-0000-7000-8000-${String(i).padStart(12, "0")}`, source: "flood", external_id: `${i}`, kind: "chat",
        created_at: new Date(begun + i * 800).toISOString(), segments: [], text: `배송이 늦어요 ${i}`.repeat(20),
        analysis: { lang: "ko", sentiment: { label: "negative", polarity: -0.5, confidence: 0.9 }, categories: [], type: "complaint", signals: [] },
      };
      window.stream.dispatchEvent(new MessageEvent("feedback", { data: JSON.stringify(f) }));
      if (i % 500 === 0) await new Promise((done) => setTimeout(done, 0));
    }
  }, [from, n, begun]);
  await flood(0, 100000);
  await page.waitForTimeout(500);
  assert.ok((await largest()) < 20000, `something holds ${await largest()} of what went by`);
  assert.equal(await page.locator(".rows .row").count(), 200);
  assert.match(await page.locator(".row-text").first().textContent(), /99999/);
  await finish(page);
});

test("dates are the workspace's, and the last day of a period is in it", async () => {
  const page = await open();
  const far = await page.context().browser().newContext({ timezoneId: "America/New_York", locale: "ko-KR" });
  const tab = await far.newPage();
  await tab.goto(`${url}/console/#/feedback?from=2026-11-21T20:00:00Z&to=2026-11-22T15:00:00Z`);
  await tab.fill("#token", tokens.quality);
  await tab.keyboard.press("Enter");
  const dates = tab.locator("input[type=date]");
  await dates.nth(1).waitFor();
  assert.deepEqual([await dates.nth(0).inputValue(), await dates.nth(1).inputValue()], ["2026-11-22", "2026-11-22"]);
  const asked = tab.waitForRequest((r) => /v1\/feedback\?/.test(r.url()) && /to=2026-11-21/.test(r.url()));
  await dates.nth(0).fill("2026-11-19");
  await dates.nth(1).fill("2026-11-20");
  assert.match((await asked).url(), /from=2026-11-19&to=2026-11-21/);
  assert.equal(await dates.nth(1).inputValue(), "2026-11-20");
  await far.close();
  await finish(page);
});

test("an alert leads to the rows it counted, from every page", async () => {
  for (const hash of ["#/live", "#/alerts"]) {
    const page = await signIn("supervisor", hash);
    const link = page.locator("article.alert footer a.button").first();
    await link.waitFor();
    await page.waitForFunction(() => /category/.test(decodeURIComponent(document.querySelector("article.alert footer a.button").href)));
    assert.match(await link.getAttribute("href"), /from=20/);
    await finish(page);
  }
});

test("the points of a line are reached by keyboard", async () => {
  const page = await signIn("quality", "#/trends?measure=count");
  const steps = page.locator(".steps input");
  await steps.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  assert.match(await steps.getAttribute("aria-valuetext"), /\d+월 \d+일/);
  await page.locator(".steps button").click();
  await page.waitForSelector("main[data-page=feedback]");
  await finish(page);
});

test("figures below nought have room, nought has no sign, dates are of their zone", async () => {
  const web = new URL("../../daemon/console/web/", import.meta.url);
  const { build } = createRequire(new URL("package.json", web))("esbuild");
  const { outputFiles } = await build({
    stdin: {
      contents: `export { reach } from "./chart"; export { dateIn, difference, value } from "./format";`,
      resolveDir: new URL("src", web).pathname, loader: "ts",
    },
    bundle: true, format: "esm", write: false, jsx: "automatic", jsxImportSource: "preact",
  });
  const { reach, dateIn, difference, value } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  for (const [low, high] of [[-0.6, -0.2], [0.1, 0.9], [-0.3, 0.4], [0, 0], [null, null], [1000, 2000]]) {
    const [bottom, top] = reach(low, high);
    assert.ok(bottom <= Math.min(0, low ?? 0) && top >= Math.max(0, high ?? 0) && bottom < top, `${low} to ${high}: ${bottom} to ${top}`);
  }
  assert.equal(value("nps", -0.0001), "0.0");
  assert.equal(difference("rating", 0.5, 0.50001).includes("−"), false);
  assert.equal(value("nps", -0.25), "−25.0");
  assert.equal(dateIn("Asia/Seoul", "2026-11-21T15:00:00Z"), "2026-11-22");
  assert.equal(dateIn("Asia/Seoul", "2026-11-21T15:00:00Z", 0, true), "2026-11-21");
  assert.equal(dateIn("America/New_York", "2026-11-01T04:00:00Z"), "2026-11-01"); // the day clocks go back
  assert.equal(dateIn("Asia/Seoul", "2026-03-01", -1), "2026-02-28");
  for (const text of ["", "x", undefined, "2026-13-45"]) assert.equal(dateIn("Asia/Seoul", text), "");
});

test("every page, light and dark, zoomed to 200 %, in the reader's own colours and on paper", async () => {
  const long = "가나다라마바사아자차카타파하".repeat(30);
  await send([{ source: "long", external_id: `${stamp}`, text: long, title: long, product: long.slice(0, 100), agent: long.slice(0, 60) }]);
  const pages = { supervisor: ["live", "alerts", "feedback"], quality: ["trends", "experiments"], agent: ["customer/c-003", "live"] };
  for (const [role, names] of Object.entries(pages)) {
    for (const name of names) {
      for (const dark of [false, true]) {
        const page = await signIn(role, `#/${name}`, { dark, width: 640, height: 480 });
        await page.waitForLoadState("networkidle").catch(() => {});
        await page.waitForTimeout(400);
        await fits(page);
        await accessible(page);
        if (dark) {
          await page.emulateMedia({ media: "print", colorScheme: "dark" });
          const ink = await page.evaluate(() => getComputedStyle(document.documentElement).color);
          assert.match(ink, /rgb\((\d|[1-5]\d), /, `${name}: on white paper the ink is ${ink}`);
          await page.emulateMedia({ media: "screen", colorScheme: "light", forcedColors: "active" });
          const told = await page.evaluate(() => getComputedStyle(document.querySelector("nav a[aria-current]")).outlineStyle);
          assert.equal(told, "solid", "without backgrounds the page one is on is still told");
        }
        await finish(page);
      }
    }
  }
});
