"""Requests that mean harm, or that went wrong on their way: what each must not be able to do."""
import json
import time
import unittest

from vocd import Daemon, Events, eventually

SHAPED = """
- source: shaped
  scheme: none
  records: $.list[*].tickets[*]
  map:
    external_id: $.id
    text: $.text
"""
RULE = {"where": "signal = churn", "measure": "count", "threshold": 2, "window": "1h"}
PERSON = "hong@example.com"


class Attack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(hooks=SHAPED).start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def put(self, path, body, status):
        answer = self.d.request("PUT", path, body)
        self.assertEqual(answer.status, status, answer)
        return answer

    def segment(self, code):
        items = self.d.get("/v1/segments").json["items"]
        return next((s for s in items if s["code"] == code), None)

    def test_a_filter_too_large_to_keep_is_not_kept_empty(self):
        """Once stored without its filter, and so with every customer in it."""
        self.put("/v1/segments/huge", {"where": "attributes.x = " + "a" * 5_000_000}, 413)
        self.put("/v1/segments/wordy", {"where": "attributes.x = y", "title": "t" * 5000}, 400)
        self.put("/v1/alert-rules/huge", "x" * 5_000_000, 413)
        self.assertIsNone(self.segment("huge"))
        self.assertIsNone(self.segment("wordy"))

    def test_values_of_another_type_are_not_absent(self):
        """A number as expires_at once made a token for ever."""
        for body in ({"role": "agent", "name": "a", "expires_at": 1893456000},
                     {"role": "agent", "name": "a", "expires_at": False},
                     {"role": "agent", "name": ["a"]},
                     {"role": "agent", "name": "a\nwarning auth forged line"}):
            answer = self.d.request("POST", "/v1/tokens", body)
            self.assertEqual(answer.status, 400, (body, answer))
        for body in ({"where": "attributes.x = y", "title": 5},
                     {"where": "attributes.x = y", "backfill": "yes"}, {"where": True}):
            self.put("/v1/segments/typed", body, 400)
        answer = self.d.request("POST", "/v1/tokens",
                                {"role": "agent", "name": "a", "expires_at": None})
        self.assertEqual(answer.status, 201, answer)

    def test_acknowledging_with_nonsense(self):
        self.put("/v1/alert-rules/churn", RULE, 204)
        self.d.send([{"source": "s", "external_id": f"churn-{i}", "text": "해지하겠습니다"}
                     for i in range(3)])
        alert = eventually(lambda: self.d.get("/v1/alerts").json["items"], what="the alert")[0]
        path = f"/v1/alerts/{alert['id']}/acknowledge"
        for body, status in (({"owner": 5}, 400), ({"note": {"a": 1}}, 400),
                             ({"note": "n" * 5_000_000}, 413), ({"note": "n" * 10_000}, 400)):
            answer = self.d.request("POST", path, body)
            self.assertEqual(answer.status, status, answer)
            self.assertTrue(answer.json["detail"])
        self.assertEqual(self.d.get("/v1/alerts/" + alert["id"]).json["acknowledgements"], [])

    def test_a_stream_ends_with_its_token(self):
        made = self.d.request("POST", "/v1/tokens", {"role": "agent", "name": "gone"}).json
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        brief = self.d.request("POST", "/v1/tokens",
                               {"role": "agent", "name": "brief", "expires_at": soon}).json
        self.d.tokens.update(revoked=made["token"], brief=brief["token"])
        revoked, expired = Events(self.d, "revoked"), Events(self.d, "brief")
        kept = Events(self.d, "supervisor")
        try:
            self.assertEqual(self.d.request("DELETE", "/v1/tokens/" + made["id"]).status, 204)
            eventually(lambda: revoked.ended, what="the end of the revoked token's stream")
            eventually(lambda: self.d.get("/v1/me", token="brief").status == 401, what="expiry")
            self.d.send({"source": "s", "external_id": "after", "text": "나중 이야기"})
            eventually(lambda: kept.named("feedback"), what="the event")
            eventually(lambda: expired.ended, what="the end of the expired token's stream")
            self.assertEqual(revoked.items + expired.items, [])
        finally:
            for stream in (revoked, expired, kept):
                stream.close()

    def test_agents_see_rules_and_segments_masked(self):
        self.put("/v1/segments/person", {"title": "VIP " + PERSON,
                                         "where": f'attributes.mail = "{PERSON}"'}, 204)
        self.put("/v1/alert-rules/person", dict(RULE, title="VIP " + PERSON,
                                                where=f'customer = "{PERSON}"'), 204)
        for path in ("/v1/segments", "/v1/alert-rules"):
            self.assertIn(PERSON, self.d.get(path, token="quality").body.decode())
            shown = self.d.get(path, token="agent")
            self.assertEqual(shown.status, 200)
            self.assertNotIn("hong@", shown.body.decode())
            self.assertEqual(len(shown.json["items"]), len(self.d.get(path).json["items"]))

    def test_a_payload_of_another_shape_is_a_dead_letter(self):
        """Once answered 200 and forgotten."""
        def hook(payload):
            answer = self.d.request("POST", "/v1/hooks/demo/shaped", json.dumps(payload), token=None)
            self.assertEqual(answer.status, 200, answer)
            return answer.json["rejected_count"]

        def letters():
            return len(self.d.get("/v1/dead-letters", limit=1000).json["items"])

        before = letters()
        strange = [{}, None, "x", 7, [], {"items": [{"id": 1, "text": "새 이름"}]}, {"list": "x"},
                   {"list": [{"ticket": 1}]}, {"list": {"a": 1}}]
        for payload in strange:
            self.assertEqual(hook(payload), 1, payload)
        self.assertEqual(letters(), before + len(strange))
        for payload in ({"list": []}, {"list": [{"tickets": []}]}):
            self.assertEqual(hook(payload), 0, payload)
        self.assertEqual(letters(), before + len(strange))

    def test_an_answer_that_would_be_too_large_is_not_begun(self):
        """Once seconds of work and 280 MiB for a 500; thirty of them and nobody else was served."""
        wide = {"by": "tag", "bucket": "hour", "from": "2026-01-01", "to": "2026-06-01"}
        answer = self.d.get("/v1/trends", limit=1000, **wide)
        self.assertEqual(answer.status, 400, answer)
        self.assertIn("buckets", answer.json["detail"])
        self.assertEqual(self.d.get("/v1/trends", **wide).status, 200)
        wide["bucket"] = "day"
        self.assertEqual(self.d.get("/v1/trends", limit=1000, **wide).status, 200)

    def test_lines_that_end_in_cr_alone(self):
        """Once one long header line: 200, and nothing read."""
        answer = self.d.request("POST", "/v1/customers", "id,name\ra,b\rc,d\r",
                                headers={"Content-Type": "text/csv"})
        self.assertEqual(answer.status, 400, answer)
        self.assertIn("CR", answer.json["detail"])


if __name__ == "__main__":
    unittest.main()
