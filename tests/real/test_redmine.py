"""A real Redmine 5: issues entered, commented on and changed through its own interface while vocd
polls. None is missed, none comes twice, each is as Redmine has it last, in Korean; not even when the
list moves up by one at every page."""
import concurrent.futures
import contextlib
import os
import random
import threading
import time
import unittest
import urllib.request

import redmine
from upstream import Reply, Upstream
from vocd import Daemon, eventually, seed

ISSUES = int(os.environ.get("ISSUES") or 240)  # two pages and a piece of the third
WRITERS = 1  # Redmine on SQLite answers 500 when two write at once
IN_PROGRESS, CLOSED = 2, 5  # as Redmine's default data number them


@unittest.skipIf(redmine.missing(), redmine.missing())
class Issues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redmine = redmine.Redmine()
        cls.addClassCleanup(cls.redmine.close)

    def setUp(self):
        self.rng = random.Random(seed())
        self.lock = threading.Lock()
        self.project = self.redmine.project("고객센터")
        self.numbers = []

    def daemon(self, url):
        d = Daemon(sources="#")
        self.addCleanup(d.__exit__, None, None, None)
        (d.dir / "key").write_text(self.redmine.key + "\n")
        (d.dir / "key").chmod(0o600)
        d.sources = (f"- source: desk\n  connector: redmine\n  every: 1s\n  secrets: {{key_file: key}}\n"
                     f"  cfg: {{url: '{url}', project: '{self.project}'}}\n")
        d.write_config()
        return d.start()

    def write(self, n):
        """An issue, and perhaps a journal of one that was there before."""
        number = self.redmine.issue(self.project, f"배송 문의 {n}", f"배송이 늦어요 {n}\n\n— “빨리” 부탁드립니다 😠")
        with self.lock:
            self.numbers.append(number)
            other = self.rng.choice(self.numbers)
            what = self.rng.randrange(4)
        if what == 0:
            self.redmine.change(other, notes="고객님과 통화했습니다", status_id=IN_PROGRESS)
        elif what == 1:
            self.redmine.change(other, description=f"추가: 환불해 주세요 {n}", notes="고객이 덧붙임")
        elif what == 2:
            self.redmine.change(other, notes="끝났습니다", status_id=CLOSED)
        return len(self.numbers)

    def theirs(self):
        """All issues as Redmine has them now that nobody writes."""
        found = {}
        while len(found) < len(self.numbers):
            page = self.redmine.rest("GET", f"/issues.json?project_id={self.project}&status_id=*&sort=id"
                                            f"&limit=100&offset={len(found)}")["issues"]
            found.update({str(i["id"]): i for i in page})
        return found

    def expect_all(self, d):
        wanted = {number: (i["subject"], i["description"], i["status"]["name"])
                  for number, i in self.theirs().items()}


        def different():
            rows = list(d.rows(where="source = desk"))
            kept = {r["external_id"]: (r["title"], r["text"], r["status"]) for r in rows}
            self.assertEqual(len(kept), len(rows), "twice")
            return {n: (kept.get(n), wanted.get(n)) for n in kept.keys() | wanted.keys()
                    if kept.get(n) != wanted.get(n)}
        with contextlib.suppress(AssertionError):
            eventually(lambda: time.sleep(0.5) or not different(), seconds=60 + len(wanted))
        self.assertEqual(different(), {}, d.get("/v1/sources").json["items"][0])
        state = d.get("/v1/sources").json["items"][0]
        self.assertIsNone(state["error"])
        self.assertEqual(state["records"]["rejected"], 0)
        return state

    def test_written_while_polled(self):
        d = self.daemon(self.redmine.url)
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            for n in pool.map(self.write, range(ISSUES)):
                if n == ISSUES // 2:
                    d.kill()
                    d.start()
        state = self.expect_all(d)
        journals = self.redmine.rest("GET", f"/issues/{self.numbers[0]}.json?include=journals")["issue"]["journals"]
        print(f"{len(self.numbers)} issues, {state['records']['updated']} updates since the kill, "
              f"{len(journals)} journals of the first")

    def test_a_list_that_moves_up_at_every_page(self):
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            self.numbers = list(pool.map(
                lambda n: self.redmine.issue(self.project, f"환불 {n}", f"환불해 주세요 {n}"), range(ISSUES)))
        oldest_first = iter(sorted(self.numbers))
        touched = []

        def between(ask):
            """To Redmine and back; after each page somebody comments on the oldest issue, which moves
            to the list's end, and all others up."""
            request = urllib.request.Request(self.redmine.url + ask.target,
                                             headers={"X-Redmine-API-Key": ask.headers["x-redmine-api-key"]})
            with urllib.request.urlopen(request, timeout=120) as answer:
                body = answer.read()
            if len(touched) < 5:
                oldest = next(oldest_first)
                self.redmine.change(oldest, notes="확인했습니다", description=f"바뀐 설명 {len(touched)}")
                touched.append(oldest)
            return Reply(body)
        with Upstream(between) as moving:
            d = self.daemon(moving.url)
            eventually(lambda: len(touched) == 5, seconds=120, what="the fifth page")
            self.expect_all(d)
            self.assertGreater(len(moving.asked()), ISSUES // 100)
            d.stop()


if __name__ == "__main__":
    unittest.main()
