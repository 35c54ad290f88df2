// send.mjs SENDER URL SECRET [TAMPER]: signs what comes on standard input as that package's own code
// does, posts it, and says the answer's status. TAMPER: body, secret or time, changed after signing
// (the body) or before.
import { randomBytes } from "node:crypto";

const [sender, url, secret, tamper] = process.argv.slice(2);
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const body = Buffer.concat(chunks).toString("utf8");

const id = `msg_${randomBytes(12).toString("hex")}`;
const now = new Date(Date.now() - (tamper === "time" ? 400_000 : 0));
const seconds = Math.floor(now / 1000);
const text = randomBytes(24).toString("base64");
const key = tamper === "secret" ? (secret.startsWith("whsec_") ? `whsec_${text}` : text) : secret;

const headers = {
  async standardwebhooks() {
    const { Webhook } = await import("standardwebhooks");
    return {
      "webhook-id": id,
      "webhook-timestamp": String(seconds),
      "webhook-signature": new Webhook(key).sign(id, now, body),
    };
  },
  async svix() {
    const { Webhook } = await import("svix");
    return {
      "svix-id": id,
      "svix-timestamp": String(seconds),
      "svix-signature": new Webhook(key).sign(id, now, body),
    };
  },
  async stripe() {
    const { default: Stripe } = await import("stripe");
    const signed = { payload: body, secret: key, timestamp: seconds };
    return { "Stripe-Signature": Stripe.webhooks.generateTestHeaderString(signed) };
  },
  async octokit() {
    const { sign } = await import("@octokit/webhooks-methods");
    return {
      "X-GitHub-Event": "issues",
      "X-GitHub-Delivery": id,
      "X-Hub-Signature-256": await sign(key, body),
    };
  },
};

const answer = await fetch(url, {
  method: "POST",
  headers: { "Content-Type": "application/json", ...(await headers[sender]()) },
  body: tamper === "body" ? body.replace("배송", "환불") : body,
});
console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));
