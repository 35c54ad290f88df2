"""kill -9 at random points of a replay of 2,000 dead letters, again and again: every record once,
no letter lost, none left over."""
import os
import random
import threading
import time
import unittest

from vocd import Daemon, eventually, seed

ROUNDS = int(os.environ.get("ROUNDS") or (50 if os.environ.get("SOAK") else 12))
LETTERS, DELIVERY = 2000, 250

BROKEN = ("- source: desk\n  scheme: none\n  records: $.tickets[*]\n  map:\n"
          "    external_id: $.nummer\n    text: $.text\n    attributes.n: $.id\n")


def ask(d):
    """Asks until the daemon dies or is done."""
    try:
        return d.request("POST", "/v1/dead-letters/replay", {}).json["tried"]
    except (OSError, ValueError, KeyError):
        return None


class ReplayKill(unittest.TestCase):
    def test_kills(self):
        rng = random.Random(seed())
        with Daemon(hooks=BROKEN) as d:
            for at in range(0, LETTERS, DELIVERY):
                d.request("POST", "/v1/hooks/demo/desk", token=None, body={
                    "tickets": [{"id": str(n), "text": f"배송이 늦어요 {n}"} for n in range(at, at + DELIVERY)]})
            self.assertEqual(sum(1 for _ in d.rows("/v1/dead-letters")), LETTERS)
            d.hooks = BROKEN.replace("$.nummer", "$.id")
            d.write_config()
            d.stop()
            between, last = 0, 0
            for _ in range(ROUNDS):
                d.start()
                left = sum(1 for _ in d.rows("/v1/dead-letters"))
                self.assertEqual(d.count() + left, LETTERS)  # each is a record or a letter
                between += last < d.count() < LETTERS
                last = d.count()
                asking = threading.Thread(target=ask, args=(d,))
                asking.start()
                time.sleep(rng.random() ** 2 * 0.15)
                d.kill()
                asking.join()
            d.start()
            eventually(lambda: ask(d) == 0, what="the rest")
            kept = {}
            for r in d.rows():
                self.assertNotIn(r["external_id"], kept, "twice")
                kept[r["external_id"]] = (r["text"], r["attributes"]["n"])
            self.assertEqual(kept, {str(n): (f"배송이 늦어요 {n}", str(n)) for n in range(LETTERS)})
            self.assertEqual(list(d.rows("/v1/dead-letters")), [])
            print(f"{ROUNDS} kills, {between} of them in the middle")


if __name__ == "__main__":
    unittest.main()
