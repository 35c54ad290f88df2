"""kill -9 at random points of a poll of 400 mails, again and again: each mail is a record once at the end,
with its own text, in its own conversation; the same when the server fails in one of twenty answers. In
the middle of it the mailbox is numbered anew."""
import contextlib
import os
import random
import time
import unittest

from imap import Mailbox
from vocd import Daemon, eventually, seed

ROUNDS = int(os.environ.get("ROUNDS") or (50 if os.environ.get("SOAK") else 10))
MAILS = 400


def mail(n):
    first = n - n % 5
    thread = f"In-Reply-To: <{n - 1}@example.com>\r\n" if n != first else ""
    return (f"From: kim{n}@example.com\r\nMessage-ID: <{n}@example.com>\r\nSubject: s\r\n{thread}"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n배송이 늦어요 {n}\r\n").encode()


class MailKill(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(seed())
        self.box = Mailbox(password="secret")
        self.addCleanup(self.box.close)
        for n in range(MAILS):
            self.box.add(mail(n))
        self.failing = False
        self.box.twist = self.twist

    def twist(self, command):
        time.sleep(0.002)
        if self.failing and command.startswith(("EXAMINE", "UID")) and self.rng.random() < 0.05:
            return self.rng.choice(["drop", "half", "NO [UNAVAILABLE] later", "BAD what"])
        return None

    def run_kills(self):
        d = Daemon(sources="#")
        with contextlib.ExitStack() as stack:
            stack.push(d.__exit__)
            (d.dir / "password").write_text("secret\n")
            (d.dir / "password").chmod(0o600)
            d.sources = ("- source: mail\n  connector: imap\n  every: 100ms\n  retry: 10ms\n"
                         "  secrets: {password_file: password}\n"
                         f"  cfg: {{host: '127.0.0.1:{self.box.port}', user: voc@example.com, scheme: imap}}\n")
            d.write_config()
            for i in range(ROUNDS):
                d.start()
                time.sleep(self.rng.random() * 0.8)
                d.kill()
                if i == ROUNDS // 2:
                    self.box.renumber(99)
            d.start()
            eventually(lambda: d.count() >= MAILS, seconds=240, what=f"{MAILS} records")
            kept = {}
            for r in d.rows():
                self.assertNotIn(r["external_id"], kept, "twice")
                kept[r["external_id"]] = (r["text"], r["conversation"])
            self.assertEqual(kept, {f"{n}@example.com": (f"배송이 늦어요 {n}", f"{n - n % 5}@example.com")
                                    for n in range(MAILS)})
            self.assertEqual(d.count(), MAILS)
            self.assertEqual(d.get("/v1/dead-letters").json["items"], [])
            print(f"{ROUNDS} kills, {len(self.box.said('UID FETCH'))} mails fetched for {MAILS}")

    def test_kills(self):
        self.run_kills()

    def test_kills_and_a_failing_server(self):
        self.failing = True
        self.run_kills()


if __name__ == "__main__":
    unittest.main()
