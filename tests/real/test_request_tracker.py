"""A real Request Tracker 5: tickets and replies made through its own interface while vocd polls. None
is missed, none comes twice, bodies are right in Korean; not even when a transaction is committed after
those that were begun after it."""
import concurrent.futures
import os
import threading
import unittest

import request_tracker
from vocd import Daemon, eventually

TICKETS = int(os.environ.get("TICKETS") or 500)  # each with a reply
WRITERS = 3

# What is put into a ticket with this word waits in the middle of its transaction while somebody else
# holds the lock.
LATE = "hold-me"
TRIGGER = f"""
CREATE FUNCTION hold() RETURNS trigger AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$ LANGUAGE plpgsql;
CREATE TRIGGER hold BEFORE INSERT ON attachments FOR EACH ROW
WHEN (NEW.content LIKE '%{LATE}%') EXECUTE FUNCTION hold();
"""


@unittest.skipIf(request_tracker.missing(), request_tracker.missing())
class Tickets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rt = request_tracker.RequestTracker()
        cls.addClassCleanup(cls.rt.close)

    def setUp(self):
        d = Daemon(sources="#")
        self.addCleanup(d.__exit__, None, None, None)
        (d.dir / "token").write_text(self.rt.token + "\n")
        (d.dir / "token").chmod(0o600)
        d.sources = ("- source: rt\n  connector: request-tracker\n  every: 3s\n"
                     f"  cfg: {{url: '{self.rt.url}'}}\n  secrets: {{token_file: token}}\n")
        d.write_config()
        self.d = d.start()
        self.lock = threading.Lock()
        self.wanted = {}  # ticket: subject, text, reply

    def write(self, n):
        """A ticket and its reply, every other one in HTML."""
        text = f"배송이 너무 늦어요. {n}번째 문의입니다 — “빨리” 부탁드립니다"
        ticket = self.rt.ticket(f"배송 문의 {n}", text, f"kim{n}@example.com")
        if n % 2:
            self.rt.reply(ticket, f"환불해 주세요 {n}")
        else:
            self.rt.reply(ticket, f"<p>환불해 <b>주세요</b> {n}</p>", "text/html")
        with self.lock:
            self.wanted[ticket] = (f"배송 문의 {n}", text, f"환불해 주세요 {n}")
            return len(self.wanted)

    def got(self):
        rows = {}
        for r in self.d.rows(where="source = rt"):
            if r["conversation"] in self.wanted:
                rows.setdefault(r["conversation"], []).append(r)
        return rows

    def expect_all(self):
        wanted = 2 * len(self.wanted)
        eventually(lambda: self.d.count(where="source = rt") >= wanted and
                   sum(map(len, self.got().values())) >= wanted,
                   seconds=120 + wanted, what=f"{wanted} records")
        rows = self.got()
        self.assertEqual(rows.keys(), self.wanted.keys())
        for ticket, (title, text, reply) in self.wanted.items():
            mine = sorted(rows[ticket], key=lambda r: int(r["external_id"]))
            self.assertEqual([r["text"] for r in mine], [text, reply])
            self.assertEqual({r["title"] for r in mine}, {title})
        state = self.d.get("/v1/sources").json["items"][0]
        self.assertIsNone(state["error"])
        self.assertEqual(state["records"]["rejected"], 0)

    def test_nothing_missed_nothing_twice(self):
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            for done in pool.map(self.write, range(TICKETS)):
                if done == TICKETS // 2:
                    self.d.kill()
                    self.d.start()
        self.expect_all()
        print(f"{2 * TICKETS} transactions of {TICKETS} tickets")

    def test_a_transaction_that_comes_late(self):
        database = self.rt.database
        database.psql(TRIGGER)
        held = database.session()
        held.stdin.write("SELECT pg_advisory_lock(7); SELECT 'held';\n")
        held.stdin.flush()
        while held.stdout.readline() != "held\n":
            pass
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            late = pool.submit(self.rt.ticket, "늦은 문의", f"먼저 썼습니다 {LATE}", "lee@example.com")
            eventually(lambda: database.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' "
                                             "AND NOT granted") == "1", what="a transaction that waits")
            for n in range(5):
                self.write(n)
            self.expect_all()
            self.assertFalse(late.done())
            held.stdin.close()
            held.wait(30)
            held.stdout.close()
            ticket = late.result(60)

        def arrived():
            return [r for r in self.d.rows(where="source = rt") if r["conversation"] == ticket]
        eventually(arrived, seconds=60, what="the late one")
        self.assertEqual([r["text"] for r in arrived()], [f"먼저 썼습니다 {LATE}"])
        first = min(int(r["external_id"]) for rows in self.got().values() for r in rows)
        self.assertLess(int(arrived()[0]["external_id"]), first)
        self.expect_all()


if __name__ == "__main__":
    unittest.main()
