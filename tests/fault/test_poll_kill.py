"""kill -9 at random points of a poll of 5,000 records, page by page, again and again: exactly 5,000
records at the end, each as the upstream has it; the same when the upstream fails in one of three
answers."""
import contextlib
import os
import random
import time
import unittest

from upstream import Reply, Upstream
from vocd import Daemon, eventually, iso, seed

ROUNDS = int(os.environ.get("ROUNDS") or (50 if os.environ.get("SOAK") else 10))
RECORDS, PAGE = 5000, 100

CONNECTORS = {
    "next_url": ("  page: {next_url: $.next}\n  stop: $.end\n  cursor: {opaque: $.after}\n",
                 'first: {at: "0"}, resume: {at: "{{cursor.value}}"}'),
    "offset": ("  page: {offset: 0, size: 100}\n  cursor: {int: $.id}\n",
               'query: {at: "{{page.offset}}", after: "{{cursor.int}}"}'),
    "restart": ("  page: {offset: 0, size: 100, restart: true}\n  cursor: {int: $.id, order: asc, lag: 20}\n",
                'query: {at: "{{page.offset}}", after: "{{cursor.int}}"}'),
}
TEXT = """
connector: big
base: %s
timeout: 1s
streams:
- name: all
  request: {path: /all, %s}
  records: $.items[*]
%s  map: {external_id: $.id, created_at: $.at, text: $.text, attributes.n: $.n}
"""


class PollKill(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(seed())
        now = iso(3600)
        self.items = [{"id": n, "at": now, "text": f"배송이 늦어요 {n}", "n": n} for n in range(1, RECORDS + 1)]
        self.failing = False
        self.answers = 0

    def page(self, ask):
        time.sleep(0.004)
        self.answers += 1
        at, after = int(ask.query.get("at") or 0), int(ask.query.get("after") or 0)
        rest = self.items[after:][at:]
        page = {"items": rest[:PAGE], "after": str(at + len(rest[:PAGE])),
                "next": f"/all?at={at + PAGE}", "end": len(rest) <= PAGE}
        if self.failing and self.answers % 3 == 0:
            return self.rng.choice([Reply(act="stall"), Reply(act="reset"), Reply(page, act="close"),
                                    Reply({}, 500), Reply({}, 429), Reply(b'{"items": [}')])
        return page

    def run_kills(self, kind):
        page, request = CONNECTORS[kind]
        d = Daemon(sources="#")
        with Upstream(self.page) as up, contextlib.ExitStack() as stack:
            stack.push(d.__exit__)
            (d.dir / "big.yaml").write_text(TEXT % (up.url, request, page))
            d.sources = "- source: big\n  connector: big.yaml\n  every: 100ms\n  retry: 10ms\n"
            d.write_config()
            for _ in range(ROUNDS):
                d.start()
                time.sleep(self.rng.random() ** 2 * 0.5)
                d.kill()
            d.start()
            eventually(lambda: d.count() >= RECORDS, seconds=240, what=f"{RECORDS} records")
            kept = {}
            for r in d.rows():
                self.assertNotIn(r["external_id"], kept, "twice")
                kept[r["external_id"]] = (r["text"], r["attributes"]["n"])
            self.assertEqual(kept, {str(i["id"]): (i["text"], str(i["n"])) for i in self.items})
            self.assertEqual(d.count(), RECORDS)
            print(f"{kind}: {ROUNDS} kills, {len(up.asked())} requests for {RECORDS // PAGE} pages")
            if not self.failing and kind != "restart":  # a page or two are asked twice per kill
                self.assertLess(len(up.asked()), RECORDS // PAGE + 4 * ROUNDS + 60)

    def test_next_url(self):
        self.run_kills("next_url")

    def test_offset(self):
        self.run_kills("offset")

    def test_restart_at_the_cursor(self):
        self.run_kills("restart")

    def test_failing_upstream(self):
        self.failing = True
        self.run_kills("next_url")

    def test_failing_upstream_at_the_cursor(self):
        self.failing = True
        self.run_kills("restart")


if __name__ == "__main__":
    unittest.main()
