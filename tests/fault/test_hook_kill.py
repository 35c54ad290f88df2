"""kill -9 while webhooks come in beside a large batch: what was answered 2xx is on disk, once, with its
dead letter when it could not be mapped, and what is sent again after no answer is no second record."""
import contextlib
import http.client
import json
import os
import random
import threading
import time
import unittest

from vocd import Daemon, iso, seed, standard_signature

ROUNDS = int(os.environ.get("ROUNDS") or (100 if os.environ.get("SOAK") else 12))
SENDERS = 6
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
HOOK = """
- source: desk
  scheme: standard
  secret_file: {key}
  dedupe: webhook-id
"""


class Sender(threading.Thread):
    """As a vendor's queue: one delivery after the other, each until it is answered 2xx."""

    def __init__(self, d, number, done):
        super().__init__(daemon=True)
        self.d, self.number, self.done = d, number, done
        self.acknowledged, self.tries, self.stop, self.problem = [], 0, False, None

    def body(self, n):
        ident = f"{self.number}-{n}"
        if n % 10 == 9:  # nothing to read in it
            return ident, json.dumps({"external_id": ident}).encode()
        return ident, json.dumps({"external_id": ident, "text": f"배송이 늦어요 {ident}"}).encode()

    def deliver(self, connection, ident, body):
        stamp = str(int(time.time()))
        connection.request("POST", "/v1/hooks/demo/desk", body, {
            "Content-Type": "application/json", "webhook-id": ident, "webhook-timestamp": stamp,
            "webhook-signature": standard_signature(SECRET, ident, stamp, body)})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def run(self):
        connection, n = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=30), 0
        while not self.stop:
            ident, body = self.body(n)
            self.tries += 1
            try:
                status = self.deliver(connection, ident, body)
            except (OSError, http.client.HTTPException):
                connection.close()
                self.done.wait(0.02)
                continue
            if 200 <= status < 300:
                self.acknowledged.append(ident)
                n += 1
            elif status != 503:
                self.problem = f"{ident}: {status}"
                break
        connection.close()


class HookKill(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(seed())
        self.d = Daemon(hooks="#")
        self.addCleanup(self.d.__exit__, None, None, None)
        key = self.d.dir / "key"
        key.write_text(SECRET + "\n")
        key.chmod(0o600)
        self.d.hooks = HOOK.format(key=key)
        self.d.write_config()
        self.d.start()

    def bulk(self, batch):
        """Ten thousand lines, whose answer nobody waits for."""
        lines = "".join(json.dumps({"source": "bulk", "external_id": f"{batch}-{n}", "created_at": iso(60),
                                    "text": "환불이 안 돼요"}) + "\n" for n in range(10000))
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.d.request("POST", "/v1/feedback", lines.encode(), token="ingest",
                           headers={"Content-Type": "application/x-ndjson"})

    def test_what_was_answered_is_kept(self):
        done = threading.Event()
        senders = [Sender(self.d, n, done) for n in range(SENDERS)]
        for s in senders:
            s.start()
        for n in range(ROUNDS):
            bulk = threading.Thread(target=self.bulk, args=(n,), daemon=True)
            bulk.start()
            time.sleep(0.05 + self.rng.random() ** 2)
            self.d.kill()
            bulk.join()
            self.d.start()
        for s in senders:
            s.stop = True
        done.set()
        for s in senders:
            s.join()
            self.assertIsNone(s.problem)
        kept = [r["external_id"] for r in self.d.rows(where="source = desk")]
        letters = [json.loads(self.d.get("/v1/dead-letters/" + item["id"]).json["payload"])["external_id"]
                   for item in self.d.rows("/v1/dead-letters")]
        self.assertEqual(len(kept), len(set(kept)), "twice")
        wanted = [i for s in senders for i in s.acknowledged]
        self.assertGreater(len(wanted), 10 * ROUNDS)
        self.assertEqual({i for i in wanted if not i.endswith("9")} - set(kept), set(), "lost")
        self.assertEqual({i for i in wanted if i.endswith("9")} - set(letters), set(), "lost letters")
        print(f"{ROUNDS} kills, {len(wanted)} of {sum(s.tries for s in senders)} deliveries acknowledged")


if __name__ == "__main__":
    unittest.main()
