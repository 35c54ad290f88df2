"""kill -9 at random moments under load, again and again over one state directory: nothing that was
acknowledged is lost, nothing counts twice, an alert has one firing id and at most one resolved id after
it, and the next start repairs nothing.

The model is kept apart from the daemon: for every identity the versions that were acknowledged and those
that may or may not have arrived. Senders resend what they have no answer for, as clients do."""
import collections
import contextlib
import http.client
import json
import os
import random
import threading
import time
import unittest

from vocd import Daemon, Receiver, eventually, iso, seed

ROUNDS = int(os.environ.get("ROUNDS") or (500 if os.environ.get("SOAK") else 20))
SENDERS = 4
BAD, GOOD = "배송이 너무 늦어서 화가 납니다", "배송이 빨라서 정말 좋아요"


class Model:
    """What the store must hold: external id -> (versions it may be at, was any acknowledged)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.may = collections.defaultdict(set)  # versions sent, answered or not
        self.floor = {}  # the newest acknowledged version

    def sent(self, items):
        with self.lock:
            for ident, version in items:
                self.may[ident].add(version)

    def acknowledged(self, items):
        with self.lock:
            for ident, version in items:
                self.floor[ident] = max(version, self.floor.get(ident, 0))


class Sender(threading.Thread):
    """Owns its identities, so that versions of one are sent in order."""

    def __init__(self, daemon, model, number, rng):
        super().__init__(daemon=True)
        self.d, self.model, self.number, self.rng = daemon, model, number, rng
        self.pending, self.stop, self.problems = None, False, []
        self.versions = {}

    def batch(self):
        """New identities and newer versions of old ones; singles and batches of all shapes."""
        size = self.rng.choice((1, 1, 1, 3, 40, 300))
        items = []
        for _ in range(size):
            if self.versions and self.rng.random() < 0.3:
                ident = self.rng.choice(list(self.versions)[-50:])
            else:
                ident = f"{self.number}-{len(self.versions)}"
            self.versions[ident] = self.versions.get(ident, 0) + 1
            items.append((ident, self.versions[ident]))
        return items

    def record(self, ident, version):
        stamp = 1700000000 + version
        return {"source": "kill", "external_id": ident, "text": f"{BAD if version % 2 else GOOD} {version}",
                "created_at": "2026-01-01T00:00:00Z", "updated_at": iso(at=stamp),
                "customer": {"id": f"c-{ident.split('-')[1][-1]}"}, "attributes": {"version": version}}

    def send(self, items):
        lines = self.rng.random() < 0.5
        records = [self.record(*item) for item in items]
        body = "".join(json.dumps(r) + "\n" for r in records) if lines else json.dumps(records)
        self.model.sent(items)
        connection = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=30)
        try:
            connection.request("POST", "/v1/feedback", body, {
                "Authorization": "Bearer " + self.d.tokens["ingest"],
                "Content-Type": "application/x-ndjson" if lines else "application/json"})
            answer = connection.getresponse()
            data = json.loads(answer.read())
        finally:
            connection.close()
        if answer.status != 200 or data["rejected_count"]:
            self.problems.append((answer.status, data))
        else:
            self.model.acknowledged(items)

    def run(self):
        while not self.stop:
            items = self.pending or self.batch()
            self.pending = items
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self.send(items)
                self.pending = None
                continue
            return  # it is dead: the next round sends the same again


class Kill(unittest.TestCase):
    def setUp(self):
        value = seed()
        self.rng = random.Random(value)
        self.receiver = Receiver().up()
        self.d = Daemon(receivers=f"- name: team\n  type: webhook\n  allow_private: true\n"
                                  f"  url: http://127.0.0.1:{self.receiver.port}/")
        self.d.start()
        self.model = Model()
        self.senders = [Sender(self.d, self.model, n, random.Random(value + n)) for n in range(SENDERS)]
        self.d.request("PUT", "/v1/segments/odd", {"where": "id in (c-1, c-3, c-5)"})
        self.d.request("PUT", "/v1/alert-rules/level", {
            "where": "source = alarm and sentiment = negative", "measure": "count", "threshold": 3,
            "recover": 2, "window": "1h"})

    def tearDown(self):
        with contextlib.suppress(AssertionError):
            self.d.__exit__(None if self.d.process is None else AssertionError, None, None)
        self.receiver.down()

    def load(self):
        """Threads end when their connection does; the next round continues their work."""
        again = []
        for s in self.senders:
            new = Sender(self.d, self.model, s.number, s.rng)
            new.pending, new.versions, new.problems = s.pending, s.versions, s.problems
            new.start()
            again.append(new)
        self.senders = again

    def swing(self):
        """Drives the alert up and down while the daemon may die at any moment."""
        self.up = not getattr(self, "up", False)
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            self.d.send([{"source": "alarm", "external_id": str(i), "text": BAD if self.up else GOOD,
                          "created_at": iso(60)} for i in range(4)])

    def settle(self):
        """What was sent without an answer is sent again."""
        self.load()
        for s in self.senders:
            while s.pending and s.is_alive():
                time.sleep(0.01)
            s.stop = True
        for s in self.senders:
            s.join()
            self.assertEqual(s.problems, [])

    def check(self):
        kept = {}
        for r in self.d.rows(where="source = kill"):
            self.assertNotIn(r["external_id"], kept, "twice")
            kept[r["external_id"]] = int(r["attributes"]["version"])
            self.assertTrue(r["text"].endswith(" " + r["attributes"]["version"]))
        for ident, floor in self.model.floor.items():
            self.assertIn(ident, kept, "acknowledged and lost")
            self.assertGreaterEqual(kept[ident], floor, f"{ident}: an older version")
        for ident, version in kept.items():
            self.assertIn(version, self.model.may[ident], f"{ident}: never sent")
        self.check_numbers(kept)

    def check_numbers(self, kept):
        """Facts, not only rows: totals, by sentiment, by customer and by segment."""
        self.assertEqual(self.d.count(where="source = kill"), len(kept))
        negative = sum(1 for v in kept.values() if v % 2)
        self.assertEqual(self.d.count(where="source = kill and sentiment = negative"), negative)
        by = {s["key"]: s["total"]["value"] for s in self.d.request("GET", "/v1/trends", params={
            "by": "customer", "where": "source = kill", "from": "2000-01-01",
            "to": "2100-01-01"}).json["series"]}
        expected = collections.Counter(f"c-{i.split('-')[1][-1]}" for i in kept)
        self.assertEqual(by, dict(expected))
        odd = sum(expected[c] for c in ("c-1", "c-3", "c-5"))
        self.assertEqual(self.d.count(where="source = kill and segment = odd"), odd)
        for c in ("c-1", "c-2"):
            context = self.d.get(f"/v1/customers/{c}/context")
            if expected[c]:
                self.assertEqual(context.json["customer"]["feedback_count"], expected[c])

    def check_alerts(self):
        alerts = [a for a in self.d.rows("/v1/alerts") if a["rule"] == "level"]
        self.assertLessEqual(sum(a["status"] == "firing" for a in alerts), 1)
        eventually(lambda: self.d.metric("vocd_outbox_rows") == 0, seconds=60, what="an empty outbox")
        heard = collections.defaultdict(list)
        for headers, body in self.receiver.got():
            parsed = json.loads(body)
            heard[parsed["alerts"][0]["fingerprint"], parsed["alerts"][0]["startsAt"]].append(
                (parsed["status"], headers["webhook-id"]))
        for key, notices in heard.items():
            first = {i for status, i in notices if status == "firing"}
            last = {i for status, i in notices if status == "resolved"}
            self.assertEqual(len(first), 1, (key, notices))
            self.assertLessEqual(len(last), 1, (key, notices))
            order = [status for status, _ in notices]
            self.assertEqual(order, sorted(order), (key, notices))  # firing before resolved
        told = {n["id"] for a in alerts for n in a["notices"]}
        self.assertEqual({i for notices in heard.values() for _, i in notices}, told)
        for a in alerts:
            phases = [n["phase"] for n in a["notices"]]
            self.assertEqual(phases, ["firing", "resolved"] if a["status"] == "resolved" else ["firing"])

    def test_rounds(self):
        for number in range(ROUNDS):
            with self.subTest(round=number):
                self.load()
                dying = time.monotonic() + self.rng.random() ** 2 * 0.6
                while time.monotonic() < dying:
                    self.swing()
                self.d.kill()
                for s in self.senders:
                    s.stop = True
                    s.join()
                    self.assertEqual(s.problems, [])
                before = len(self.d.log_text())
                self.d.start()
                started = self.d.log_text()[before:]
                for word in ("repair", "error", "corrupt", "damaged"):
                    self.assertNotIn(word, started)
                if number % 5 == 4 or number == ROUNDS - 1:
                    self.settle()
                    self.check()
        self.swing()
        self.swing()
        eventually(lambda: not self.d.get("/v1/segments").json["restamping"], what="restamping")
        self.check()
        self.check_alerts()
        print(f"{ROUNDS} rounds, {len(self.model.floor)} identities, "
              f"{sum(map(len, self.model.may.values()))} versions, {len(self.receiver.got())} notices")
        self.assertGreater(len(self.model.floor), 10 * ROUNDS)
        self.assertEqual(self.d.ctl("access-log", "verify").returncode, 0)
        self.d.stop()  # in order, with nothing left to complain of

    def test_killed_while_starting_for_the_first_time(self):
        """Tokens, stores and files are there whole or not at all."""
        for _ in range(10 if ROUNDS <= 20 else 100):
            d = Daemon()
            d.start(wait=False)
            time.sleep(self.rng.random() * 0.12)
            d.kill()
            with d:
                self.assertEqual(sorted(d.tokens), ["admin", "agent", "ingest", "quality", "supervisor"])
                for role in d.tokens:
                    self.assertEqual(d.get("/v1/me", token=role).json["role"], role)


if __name__ == "__main__":
    unittest.main()
