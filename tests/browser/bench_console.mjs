// What a person waits for, measured in Chromium on loopback: `make bench` runs it.
//   first paint     from asking for the page to the first thing drawn, cold cache
//   sign-in stands  the form is in the page
//   event to screen from the moment the daemon was sent a record to its row being on the page
import { finish, open, send, signIn, start, stop, url } from "./console.mjs";

const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
const line = (name, all, unit) =>
  console.log(`${name}\t${median(all).toFixed(1)} ${unit}\t(${Math.min(...all).toFixed(1)} … ${Math.max(...all).toFixed(1)}, ${all.length} runs)`);

await start();
const paints = [], ready = [];
let bytes = 0;
for (let i = 0; i < 9; i++) {
  const page = await open();
  bytes = 0;
  page.on("response", (r) => void (bytes += Number(r.headers()["content-length"] ?? 0)));
  await page.addInitScript(() => {
    new MutationObserver((_all, watch) => {
      if (!document.getElementById("token")) return;
      window.stands = performance.now();
      watch.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(`${url}/console/`);
  await page.waitForSelector("#token");
  paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity));
  ready.push(await page.evaluate(() => window.stands));
  await finish(page);
}
line("first paint", paints, "ms");
line("sign-in stands", ready, "ms");

const page = await signIn("supervisor");
await page.waitForSelector(".line.on");
await page.evaluate(() => {
  window.seen = new Map();
  new MutationObserver(() => {
    for (const row of document.querySelectorAll(".rows .row-text")) {
      if (!window.seen.has(row.textContent)) window.seen.set(row.textContent, Date.now());
    }
  }).observe(document.querySelector(".rows"), { childList: true, subtree: true });
});
const delays = [];
for (let i = 0; i < 30; i++) {
  const text = `측정 ${i} ${Math.random()}`;
  const sent = Date.now();
  await send({ source: "bench", external_id: text, text });
  await page.waitForFunction((t) => window.seen.has(t), text);
  delays.push((await page.evaluate((t) => window.seen.get(t), text)) - sent);
}
line("event to screen", delays, "ms");
console.log(`page\t${(bytes / 1024).toFixed(1)} KiB over the wire until the sign-in stands`);
await stop();
