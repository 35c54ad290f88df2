"""Dead letters: kept with their reason, shown to few, tried again through the mended mapping, each
record exactly once, let go when they are old or too many."""
import json
import unittest

from test_poll import ticket
from upstream import Upstream
from vocd import Daemon, eventually

BROKEN = ("- source: desk\n  scheme: none\n  records: $.tickets[*]\n  map:\n"
          "    external_id: $.nummer\n    text: $.text\n")
MENDED = BROKEN.replace("$.nummer", "$.id")


def delivery(*ids, **more):
    return {"tickets": [{"id": i, "text": f"환불해 주세요 {i}", **more} for i in ids]}


class Letters(unittest.TestCase):
    def daemon(self, hooks=BROKEN, **kw):
        d = Daemon(hooks=hooks, **kw).start()
        self.addCleanup(d.__exit__, None, None, None)
        return d

    def hook(self, d, payload, source="desk"):
        answer = d.request("POST", f"/v1/hooks/demo/{source}", payload, token=None)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def list(self, d, **params):
        return d.get("/v1/dead-letters", **params).json["items"]

    def mend(self, d, hooks=MENDED):
        d.hooks = hooks
        d.write_config()
        d.reload()

    def replay(self, d, **choice):
        answer = d.request("POST", "/v1/dead-letters/replay", choice)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def ids(self, d):
        return sorted(r["external_id"] for r in d.rows())


class Hooks(Letters):
    def test_replay_after_the_mapping_is_mended(self):
        d = self.daemon()
        self.hook(d, delivery("1", "2"))
        self.hook(d, delivery("3"))
        self.assertEqual(d.count(), 0)
        self.assertEqual({x["code"] for x in self.list(d)}, {"missing_external_id"})
        first = self.replay(d)
        self.assertEqual((first["tried"], first["kept"], first["mapped"]), (3, 3, 0))
        self.assertEqual([x["tries"] for x in self.list(d)], [1, 1, 1])
        self.mend(d)
        done = self.replay(d)
        self.assertEqual(done, {"tried": 3, "mapped": 3, "kept": 0, "skipped": 0, "accepted": 3,
                                "updated": 0, "duplicates": 0})
        self.assertEqual((self.ids(d), self.list(d)), (["1", "2", "3"], []))
        self.assertEqual(self.replay(d)["tried"], 0)
        self.assertEqual(d.metric('vocd_dead_letters_retried_total{result="mapped"}'), 3)
        self.assertEqual(d.metric('vocd_dead_letters_retried_total{result="kept"}'), 3)

    def test_a_new_filter_does_not_make_them_vanish(self):
        d = self.daemon()
        self.hook(d, delivery("1", kind="case"))
        self.hook(d, {"tickets": {"kind": "case"}})
        self.mend(d, MENDED + "  filter: $.kind = 'other'\n")
        done = self.replay(d)
        self.assertEqual((done["mapped"], done["kept"], done["accepted"]), (0, 2, 0))
        self.assertEqual({x["code"] for x in self.list(d)}, {"no_record"})
        self.mend(d, MENDED + "  filter: $.kind = 'case'\n")
        self.assertEqual(self.replay(d, code="no_record")["accepted"], 1)
        self.assertEqual(self.ids(d), ["1"])

    def test_what_came_in_another_way_is_a_duplicate_and_leaves(self):
        d = self.daemon()
        self.hook(d, delivery("1"))
        self.mend(d)
        self.hook(d, delivery("1"))
        done = self.replay(d)
        self.assertEqual((done["mapped"], done["accepted"], done["duplicates"]), (1, 0, 1))
        self.assertEqual((self.ids(d), self.list(d)), (["1"], []))

    def test_a_delivery_falls_into_its_records(self):
        d = self.daemon(BROKEN.replace("$.tickets[*]", "$.items"))
        self.hook(d, {"tickets": [{"id": "1", "text": "a"}, {"text": "no id"}, {"id": "3", "text": "c"}]})
        letter = self.list(d)[0]
        self.assertEqual((letter["code"], letter["whole"]), ("no_record", True))
        self.mend(d)
        done = self.replay(d)
        self.assertEqual((done["mapped"], done["accepted"]), (1, 2))
        self.assertEqual(self.ids(d), ["1", "3"])
        rest = self.list(d)
        self.assertEqual([(x["code"], x["whole"]) for x in rest], [("missing_external_id", False)])
        self.assertNotEqual(rest[0]["id"], letter["id"])
        self.assertEqual(json.loads(d.get("/v1/dead-letters/" + rest[0]["id"]).json["payload"]),
                         {"text": "no id"})
        self.assertEqual(self.replay(d)["kept"], 1)  # alone now: it keeps its place
        self.assertEqual(self.list(d)[0]["id"], rest[0]["id"])

    def test_a_choice_of_them(self):
        d = self.daemon(BROKEN + BROKEN.replace("desk", "shop"))
        self.hook(d, delivery("1"))
        self.hook(d, delivery("2"), "shop")
        self.hook(d, b"{", "shop")
        self.hook(d, delivery("3"), "shop")
        self.mend(d, MENDED + MENDED.replace("desk", "shop"))
        self.assertEqual(len(self.list(d, source="shop")), 3)
        self.assertEqual(len(self.list(d, code="malformed_json")), 1)
        self.assertEqual(self.replay(d, source="shop", code="malformed_json")["kept"], 1)
        third = next(x["id"] for x in self.list(d, source="shop")     # of one millisecond, any may be listed first
                     if '"3"' in d.get("/v1/dead-letters/" + x["id"]).json["payload"])
        self.assertEqual(self.replay(d, ids=[third, "00000000-0000-7000-8000-000000000000"])["mapped"], 1)
        self.assertEqual(self.ids(d), ["3"])
        self.assertEqual(self.replay(d, source="desk")["mapped"], 1)
        self.assertEqual(self.replay(d, source="nobody")["tried"], 0)
        self.assertEqual(self.ids(d), ["1", "3"])
        for body in ({"ids": []}, {"ids": [1]}, {"source": 1}, {"where": "x"}):
            self.assertEqual(d.request("POST", "/v1/dead-letters/replay", body).status, 400, body)

    def test_of_a_source_that_is_gone_they_stay(self):
        d = self.daemon()
        self.hook(d, delivery("1"))
        before = self.list(d)
        self.mend(d, MENDED.replace("desk", "shop"))
        done = self.replay(d)
        self.assertEqual((done["tried"], done["skipped"]), (1, 1))
        self.assertEqual(self.list(d), before)

    def test_pages(self):
        d = self.daemon()
        for i in range(7):
            self.hook(d, delivery(str(i)))
        whole = [x["id"] for x in self.list(d)]
        self.assertEqual(whole, sorted(whole, reverse=True))
        self.assertEqual([x["id"] for x in d.rows("/v1/dead-letters", limit=3)], whole)

    def test_many_in_several_transactions(self):
        d = self.daemon()
        for at in range(0, 1000, 100):
            self.hook(d, delivery(*map(str, range(at, at + 100))))
        commits = d.metric("vocd_commits_total")
        self.mend(d)
        self.assertEqual(self.replay(d)["accepted"], 1000)
        self.assertGreaterEqual(d.metric("vocd_commits_total") - commits, 10)
        self.assertEqual((d.count(), self.list(d)), (1000, []))

    def test_removing(self):
        d = self.daemon(BROKEN + BROKEN.replace("desk", "shop"))
        self.hook(d, delivery(*map(str, range(700))))
        self.hook(d, delivery("1"), "shop")
        gone = self.list(d, source="shop")[0]["id"]
        self.assertEqual(d.request("DELETE", "/v1/dead-letters/" + gone).status, 204)
        self.assertEqual(d.request("DELETE", "/v1/dead-letters/" + gone).status, 404)
        self.hook(d, delivery("2"), "shop")
        self.assertEqual(d.request("DELETE", "/v1/dead-letters").status, 400)
        self.assertEqual(d.request("DELETE", "/v1/dead-letters?source=desk").status, 204)
        self.assertEqual([x["source"] for x in self.list(d)], ["shop"])
        while not d.request("DELETE", "/v1/sources/shop").json["done"]:
            pass
        eventually(lambda: not self.list(d), what="the source's letters gone with it")

    def test_age_and_room(self):
        d = self.daemon(extra="dead_letters: {max_bytes: 1MiB, keep: 1h}\n")
        for i in range(24):
            self.hook(d, delivery(str(i), text="x" * 100000))
        kept = self.list(d)
        self.assertTrue(8 <= len(kept) <= 10, len(kept))
        self.assertEqual(d.metric('vocd_dead_letters_dropped_total{reason="size"}'), 24 - len(kept))
        last = json.loads(d.get("/v1/dead-letters/" + kept[0]["id"]).json["payload"])
        self.assertEqual(last["id"], "23")
        self.assertEqual(d.metric("vocd_dead_letters_total"), 24)

    def test_who_may(self):
        d = self.daemon()
        self.hook(d, delivery("1"))
        one = "/v1/dead-letters/" + self.list(d)[0]["id"]
        for role in ("ingest", "agent", "supervisor"):
            for method, path, body in (("GET", "/v1/dead-letters", None), ("GET", one, None),
                                       ("POST", "/v1/dead-letters/replay", {}), ("DELETE", one, None),
                                       ("DELETE", "/v1/dead-letters?source=desk", None)):
                with self.subTest(role=role, call=f"{method} {path}"):
                    self.assertEqual(d.request(method, path, body, token=role).status, 403)
        self.assertEqual(d.get("/v1/dead-letters", token="quality").status, 200)
        self.assertNotIn("환불", d.get("/v1/dead-letters", token="quality").body.decode())
        self.assertEqual(d.request("DELETE", one, token="quality").status, 403)
        self.assertIn("환불", d.get(one, token="quality").json["payload"])
        self.assertEqual(d.request("POST", "/v1/dead-letters/replay", {}, token="quality").status, 200)
        log = d.get("/v1/access-log").json["items"]
        self.assertEqual([e["what"]["action"] for e in log[:2]], ["dead_letters.replay", "dead_letters.show"])
        self.assertEqual({e["who"]["role"] for e in log[:2]}, {"quality"})
        self.assertNotIn("환불", d.log_text())


CONNECTOR = """
connector: desk
cfg: {base: null}
base: "{{cfg.base}}"
streams:
- name: tickets
  request: {path: /tickets}
  records: $.tickets[*]
  cursor: {time: $.updated_at}
  map: {external_id: $.id, text: $.%s, created_at: $.created_at, updated_at: $.updated_at}
"""


class Polls(Letters):
    def test_replay_through_the_streams_mapping(self):
        tickets = [ticket(n) for n in range(5)]
        with Upstream(lambda ask: {"tickets": tickets}) as up:
            d = Daemon()
            self.addCleanup(d.__exit__, None, None, None)
            (d.dir / "desk.yaml").write_text(CONNECTOR % "nothing")
            d.sources = (f"- source: desk\n  connector: desk.yaml\n  every: 200ms\n"
                         f"  cfg: {{base: \"{up.url}\"}}\n")
            d.write_config()
            d.start()
            letters = eventually(lambda: self.list(d), what="letters")
            self.assertEqual([(x["stream"], x["code"]) for x in letters], [("tickets", "nothing_to_read")] * 5)
            self.assertEqual(d.request("POST", "/v1/sources/desk/pause").status, 200)
            (d.dir / "desk.yaml").write_text(CONNECTOR % "text")
            d.reload()
            done = self.replay(d, source="desk")
            self.assertEqual((done["mapped"], done["accepted"]), (5, 5))
            self.assertEqual((self.ids(d), self.list(d)), (list("01234"), []))
            d.request("POST", "/v1/sources/desk/resume")
            eventually(lambda: d.get("/v1/sources").json["items"][0]["records"]["duplicates"] >= 5,
                       what="the same tickets read again")
            self.assertEqual((self.ids(d), self.list(d)), (list("01234"), []))

    def test_what_was_removed_does_not_come_back(self):
        tickets = [ticket(1)]
        with Upstream(lambda ask: {"tickets": tickets}) as up:
            d = Daemon()
            self.addCleanup(d.__exit__, None, None, None)
            (d.dir / "desk.yaml").write_text(CONNECTOR % "nothing")
            d.sources = (f"- source: desk\n  connector: desk.yaml\n  every: 100ms\n"
                         f"  cfg: {{base: \"{up.url}\"}}\n")
            d.write_config()
            d.start()
            letter = eventually(lambda: self.list(d), what="a letter")[0]
            d.request("DELETE", "/v1/dead-letters/" + letter["id"])
            asked = len(up.asked())
            eventually(lambda: len(up.asked()) > asked + 2, what="more polls")
            self.assertEqual(self.list(d), [])


if __name__ == "__main__":
    unittest.main()
