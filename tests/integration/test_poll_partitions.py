"""Partitions that an upstream lists, walks that fail beside others that do not, records that are
gone, and beginning again."""
import json
import unittest

from test_poll import PollTest, iso, ticket
from upstream import Reply
from vocd import eventually

PARENT = """
connector: desk
base: "{{cfg.base}}"
streams:
- name: answers
  partition:
    request: {path: /surveys, query: {page: "{{page.number}}"}}
    records: $.surveys[*]
    filter: not $.archived
    page: {number: 1, size: 2}
    value: $.id
    MORE
  request: {path: "/surveys/{{partition.value}}/answers", query: {since: "{{cursor.time}}"}}
  records: $.answers[*]
  cursor: {time: $.updated_at, order: asc}
  map: {external_id: $.id, kind: =survey, created_at: $.created_at, updated_at: $.updated_at, text: $.text}
"""


class Surveys:
    """Surveys on pages of two, each with answers; some are gone, some not for us."""

    def __init__(self, answers):
        self.answers = {str(k): v for k, v in answers.items()}
        self.more, self.refused, self.gone, self.lists = {}, set(), set(), 0

    def __call__(self, ask):
        parts = ask.path.strip("/").split("/")
        if len(parts) == 1:
            self.lists += ask.query["page"] == "1"
            at = 2 * (int(ask.query["page"]) - 1)
            ids = list(self.answers) + sorted(self.gone)
            # Both ways of writing an id, and one that comes twice as the list shifts.
            shown = [{"id": int(i) if int(i) % 2 else i, **self.more.get(i, {})}
                     for i in ids[max(0, at - 1) if at else 0:at + 2]]
            return {"surveys": shown[:2] if not at else shown[-2:]}
        if parts[1] in self.refused:
            return Reply({}, 403)
        if parts[1] not in self.answers:
            return Reply({}, 404)
        since = ask.query.get("since", "")
        return {"answers": [a for a in self.answers[parts[1]] if a["updated_at"] >= since]}


def answers(survey, n):
    return [dict(ticket(i), id=f"{survey}-{i}") for i in range(n)]


class Partitions(PollTest):
    def surveys(self, n=5, each=3):
        return Surveys({k: answers(k, each) for k in range(1, n + 1)})

    def start(self, surveys, more="every: 0", **kw):
        up = self.serve(surveys)
        return up, self.daemon(up, connector=PARENT.replace("MORE", more), **kw)

    def test_each_has_its_own_position(self):
        s = self.surveys()
        up, d = self.start(s)
        self.until(d, 15)
        self.polls(d)
        asked = len(up.asked())
        s.answers["3"].append(dict(ticket(50), id="3-new"))
        s.answers["6"] = answers(6, 2)  # one more survey, seen with the next list
        self.until(d, 18)
        self.polls(d, 1)
        for ask in up.asked()[asked:]:
            if ask.path == "/surveys/1/answers":
                self.assertGreaterEqual(ask.query["since"], s.answers["1"][-1]["updated_at"][:19])
        self.assertEqual(self.source(d)["records"]["updated"], 0)
        d.stop()
        asked = len(up.asked())
        d.start()
        self.polls(d, 1)
        self.assertIn("since", up.asked("/surveys/1/answers")[-1].query)
        self.assertEqual(len(self.ids(d)), 18)

    def test_the_list_is_kept_for_a_while(self):
        s = self.surveys(2)
        up, d = self.start(s, "every: 1h")
        self.until(d, 6)
        self.polls(d, 3)
        self.assertEqual(s.lists, 1)
        del up

    def test_one_that_vanishes_is_passed_over(self):
        s = self.surveys(3)
        s.gone.add("9")
        up, d = self.start(s)
        self.until(d, 9)
        self.polls(d, 2)
        self.assertIsNone(self.source(d)["error"])
        s.gone.update(s.answers)  # but when nothing is there any more it is said
        s.answers = {}
        self.assertIn("404", self.error(d, "status")["detail"])
        del up

    def test_one_that_fails_holds_up_no_other(self):
        s = self.surveys(4)
        s.refused.add("1")
        up, d = self.start(s)
        self.until(d, 9)
        error = self.error(d, "auth")
        self.assertIn("403", error["detail"])
        n = self.source(d)["polls"]
        eventually(lambda: self.source(d)["polls"] > n + 2, what="polls at the usual pace")
        s.refused.clear()
        self.until(d, 12)
        eventually(lambda: self.source(d)["error"] is None, what="no error")
        del up

    def test_none_may_be_read(self):
        s = self.surveys(9)
        s.refused.update(s.answers)
        up, d = self.start(s, every="1h")
        self.error(d, "auth")
        eventually(lambda: self.source(d)["state"] == "failing", what="the end of the poll")
        self.assertEqual(len([a for a in up.asked() if a.path.endswith("answers")]), 4)

    def test_more_than_allowed_is_an_error(self):
        s = self.surveys(5)
        up, d = self.start(s, "most: 4")
        self.assertIn("more partitions", self.error(d, "body")["detail"])
        self.assertEqual(self.ids(d), [])
        del up

    def test_archived_ones_are_left_out(self):
        s = self.surveys(3)
        s.more["2"] = {"archived": True}
        up, d = self.start(s)
        self.until(d, 6)
        self.assertEqual(up.asked("/surveys/2/answers"), [])

    def test_values_are_one_step_of_a_path(self):
        s = Surveys({"1": answers(1, 1)})
        up = self.serve(lambda ask: {"surveys": [{"id": "../admin?x=1"}]}
                        if ask.path == "/surveys" and ask.query["page"] == "1" else s(ask))
        d = self.daemon(up, connector=PARENT.replace("MORE", "every: 0"))
        self.error(d, "status")
        self.assertIn("/surveys/..%2Fadmin%3Fx%3D1/answers", [a.path for a in up.asked()])

    def test_killed_in_the_middle(self):
        s = self.surveys(6, 4)
        up, d = self.start(s)
        for n in (3, 9, 14):
            eventually(lambda n=n: len(self.ids(d)) >= n, what=f"{n} records")
            d.kill()
            d.start()
        self.until(d, 24)
        self.polls(d)
        self.assertEqual(len(self.ids(d)), 24)
        del up

    def test_beginning_again(self):
        s = self.surveys(3)
        up, d = self.start(s)
        self.until(d, 9)
        d.request("POST", "/v1/sources/desk/pause")
        eventually(lambda: self.source(d)["state"] == "paused", what="paused")
        old = dict(ticket(1, created_at=iso(10**6), updated_at=iso(10**6)), id="2-old")
        s.answers["2"].insert(0, old)
        asked = len(up.asked())
        from_ = "2026-01-01T00:00:00Z"
        self.assertEqual(d.request("POST", f"/v1/sources/desk/backfill?from={from_}").status, 200)
        d.stop()
        d.start()
        d.request("POST", "/v1/sources/desk/resume")
        self.until(d, 10)
        self.polls(d, 2)
        since = [a.query["since"] for a in up.asked()[asked:] if a.path.endswith("answers")]
        self.assertEqual(since[:3], [from_] * 3)
        self.assertGreater(since[-1], from_)  # once

    def test_preview_of_one_partition(self):
        s = self.surveys(3)
        up, d = self.start(s, every="1h")
        self.until(d, 9)
        s.answers["1"].append(dict(ticket(60), id="1-new"))
        shown = d.request("POST", "/v1/sources/desk/preview").json
        self.assertIn("/surveys/1/answers", shown["url"])
        self.assertIn("1-new", [r["record"]["external_id"] for r in shown["records"]])
        self.assertEqual(len(self.ids(d)), 9)
        del up


class Streams(PollTest):
    TEXT = """
connector: desk
base: "{{cfg.base}}"
streams:
- name: first
  request: {path: /first}
  records: $.items[*]
  map: {external_id: $.id, text: $.text}
- name: second
  request: {path: /second}
  records: $.items[*]
  map: {external_id: $.id, text: $.text}
"""

    def test_a_stream_that_fails_holds_up_no_other(self):
        up = self.serve(lambda ask: {"items": [ticket(7)]} if ask.path == "/second" else {"no": 1})
        d = self.daemon(up, connector=self.TEXT)
        self.until(d, 1)
        self.assertIn("no records", self.error(d, "body")["detail"])

    def test_an_upstream_that_is_away_is_not_asked_for_the_others(self):
        up = self.serve(lambda ask: Reply({}, 429, {"Retry-After": "7200"}))
        d = self.daemon(up, connector=self.TEXT)
        self.error(d, "rate_limit")
        self.assertEqual(up.asked("/second"), [])


class Deleted(PollTest):
    TEXT = """
connector: desk
base: "{{cfg.base}}"
streams:
- name: tickets
  request: {path: /tickets}
  records: $.tickets[*]
  deleted: $.status = 'deleted'
  map: {external_id: {path: $.id, prefix: t-}, text: $.text, answers.csat: {path: $.score, scale: 5}}
"""

    def test_what_is_gone_upstream_is_gone_here(self):
        tickets = [ticket(n) for n in range(1, 4)]
        up = self.serve(lambda ask: {"tickets": tickets})
        d = self.daemon(up, connector=self.TEXT)
        self.until(d, 3)
        counted = d.count()
        tickets[1] = {"id": 2, "status": "deleted", "score": "none of ours"}
        eventually(lambda: self.ids(d) == ["t-1", "t-3"], what="the removal")
        self.assertEqual(d.count(), counted - 1)
        self.polls(d)  # said again and again: removed once
        self.assertEqual(self.source(d)["records"]["updated"], 1)
        self.assertEqual(self.source(d)["records"]["rejected"], 0)
        d.request("POST", "/v1/sources/desk/pause")
        self.assertIn("deleted", [r["code"] for r in d.request(
            "POST", "/v1/sources/desk/preview").json["records"]])
        d.request("POST", "/v1/sources/desk/resume")
        tickets[1] = ticket(2)  # restored
        self.until(d, 3)
        tickets[2] = {"status": "deleted"}  # nobody knows which
        eventually(lambda: self.source(d)["records"]["rejected"] > 0, what="a dead letter")
        self.assertEqual(len(self.ids(d)), 3)

    def test_a_hook_can_say_so_too(self):
        d = self.daemon(self.serve(lambda ask: {"tickets": []}), connector=self.TEXT, start=False)
        d.put_secret("key", "secret-of-the-sender\n")
        d.hooks = """
- source: pushed
  scheme: none
  records: $.items[*]
  deleted: $.action = 'deleted'
  map: {external_id: $.id, text: $.text}
- source: plain
  scheme: none
  deleted: $.gone
"""
        d.write_config()
        d.start()

        def send(source, body):
            return d.request("POST", f"/v1/hooks/demo/{source}", json.dumps(body), token=None).json
        self.assertEqual(send("pushed", {"items": [{"id": 1, "text": "가"}, {"id": 2, "text": "나"}]})
                         ["accepted"], 2)
        answer = send("pushed", {"items": [{"id": 1, "action": "deleted"}, {"id": 8, "action": "deleted"},
                                           {"id": 3, "text": "다"}]})
        self.assertEqual((answer["updated"], answer["duplicates"], answer["accepted"]), (1, 1, 1))
        self.assertEqual(answer["ids"][:2], [None, None])
        self.assertEqual(self.ids(d, "pushed"), ["2", "3"])
        send("plain", {"external_id": "x", "text": "가"})
        self.assertEqual(send("plain", {"external_id": "x", "gone": True})["updated"], 1)
        self.assertEqual(self.ids(d, "plain"), [])


if __name__ == "__main__":
    unittest.main()
