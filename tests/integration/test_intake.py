"""POST /v1/feedback and POST /v1/activities: what product.md promises of identity, acceptance,
limits and the three shapes of a body."""
import json
import threading
import time
import unittest

from vocd import Daemon, iso

COUNTS = ("accepted", "updated", "duplicates", "rejected_count")
AN_HOUR_AGO = iso(3600)


def record(external_id, **more):
    return {"source": "web", "external_id": str(external_id), "created_at": AN_HOUR_AGO,
            "text": "배송이 늦어요", **more}


class Intake(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon().start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def counts(self, answer):
        return tuple(answer.json[name] for name in COUNTS)

    def expect(self, answer, counts, status=200):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(self.counts(answer), counts, answer)
        return answer

    def refused(self, item, code, **kw):
        """One item that is refused: 422, its code, and not a word of it in the answer."""
        answer = self.expect(self.d.send(item, **kw), (0, 0, 0, 1), 422)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["rejected"][0]["code"], code, answer)
        self.assertEqual(answer.json["ids"], [None])
        return answer.json["rejected"][0]

    def get(self, ident):
        answer = self.d.get(f"/v1/feedback/{ident}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def lines(self, body, status=200):
        answer = self.d.request("POST", "/v1/feedback", body, token="ingest",
                                headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual(answer.status, status, answer)
        return answer


class Shapes(Intake):
    def test_object(self):
        answer = self.expect(self.d.send(record("shape-object")), (1, 0, 0, 0))
        self.assertEqual(answer.json["rejected"], [])
        self.assertEqual(len(answer.json["ids"]), 1)
        kept = self.get(answer.json["ids"][0])
        self.assertEqual((kept["source"], kept["external_id"]), ("web", "shape-object"))
        self.assertEqual(kept["text"], "배송이 늦어요")
        self.assertEqual(kept["analysis"]["lang"], "ko")
        self.assertNotIn("committed_through_line", answer.json)

    def test_ids_are_uuid7(self):
        import uuid
        before = int(time.time() * 1000)
        answer = self.d.send([record(f"uuid-{i}") for i in range(20)])
        ids = [uuid.UUID(i) for i in answer.json["ids"]]
        self.assertEqual(len(set(ids)), 20)
        for i in ids:
            self.assertEqual((i.version, i.variant), (7, uuid.RFC_4122))
            self.assertLess(abs((i.int >> 80) - before), 60000)

    def test_array(self):
        batch = [record(f"shape-array-{i}") for i in range(7)]
        batch[3] = {"source": "web", "external_id": "shape-array-bad"}
        answer = self.expect(self.d.send(batch), (6, 0, 0, 1))
        self.assertEqual([i is None for i in answer.json["ids"]], [n == 3 for n in range(7)])
        self.assertEqual(answer.json["rejected"][0]["index"], 3)
        for i, ident in enumerate(answer.json["ids"]):
            if ident:
                self.assertEqual(self.get(ident)["external_id"], f"shape-array-{i}")

    def test_empty_array(self):
        self.expect(self.d.send([]), (0, 0, 0, 0))

    def test_ndjson(self):
        answer = self.expect(self.d.send_lines("/v1/feedback", [record(f"nd-{i}") for i in range(5)]),
                             (5, 0, 0, 0))
        self.assertEqual(answer.json["committed_through_line"], 5)

    def test_ndjson_as_files_are(self):
        """A byte order mark, CRLF, blank lines, bad lines, no line end after the last."""
        good = [json.dumps(record(f"file-{i}"), ensure_ascii=False) for i in range(4)]
        body = "\ufeff" + good[0] + "\r\n\r\n   \n" + good[1] + "\n{\"source\": \n" + good[2] + \
               "\n[1]\n\n" + good[3]
        answer = self.expect(self.lines(body), (4, 0, 0, 2))
        self.assertEqual([r["index"] for r in answer.json["rejected"]], [2, 4])
        self.assertEqual(answer.json["rejected"][0]["code"], "malformed_json")
        self.assertIn("column", answer.json["rejected"][0]["detail"])
        self.assertEqual(answer.json["rejected"][1]["code"], "not_an_object")
        self.assertEqual([i is None for i in answer.json["ids"]],
                         [False, False, True, False, True, False])
        self.assertEqual(answer.json["committed_through_line"], 9)

    def test_ndjson_without_a_line(self):
        for body in ("", "\n", "\r\n \n\n"):
            self.expect(self.lines(body), (0, 0, 0, 0))

    def test_ndjson_line_too_long(self):
        body = json.dumps(record("ll-1")) + "\n" + '{"text":"' + "x" * (1 << 20) + '"}\n' + \
               json.dumps(record("ll-2"))
        answer = self.expect(self.lines(body), (2, 0, 0, 1))
        self.assertEqual(answer.json["rejected"][0]["code"], "line_too_long")

    def test_ndjson_bad_bytes_spoil_their_line_only(self):
        good = [json.dumps(record(f"bytes-{i}")).encode() for i in range(3)]
        bad = b'{"source":"web","external_id":"x","text":"\xff\xfe"}'
        nul = b'{"source":"web","external_id":"x","text":"a\x00b"}'
        answer = self.expect(self.lines(b"\n".join([good[0], bad, good[1], nul, good[2]])),
                             (3, 0, 0, 2))
        self.assertEqual([r["code"] for r in answer.json["rejected"]], ["invalid_utf8", "malformed_json"])

    def test_chunks_of_many_lines(self):
        n = 2503
        answer = self.expect(self.d.send_lines("/v1/feedback",
                                               [record(f"many-{i}", source="many") for i in range(n)]),
                             (n, 0, 0, 0))
        self.assertNotIn("ids", answer.json)  # left out above 1,000
        self.assertEqual(answer.json["committed_through_line"], n)
        self.assertEqual(self.d.count(where="source = many"), n)
        self.expect(self.d.send_lines("/v1/feedback", [record(f"many-{i}", source="many",
                                                               created_at="2026-01-01T00:00:00Z")
                                                       for i in range(n)]), (0, n, 0, 0))
        self.expect(self.d.send_lines("/v1/feedback", [record(f"many-{i}", source="many",
                                                               created_at="2026-01-01T00:00:00Z")
                                                       for i in range(n)]), (0, 0, n, 0))
        self.assertEqual(self.d.count(where="source = many"), n)

    def test_ids_up_to_a_thousand(self):
        answer = self.d.send([record(f"k-{i}") for i in range(1000)])
        self.assertEqual(len(answer.json["ids"]), 1000)
        answer = self.d.send([record(f"k-{i}") for i in range(1001)])
        self.assertNotIn("ids", answer.json)
        self.assertEqual(sum(self.counts(answer)), 1001)

    def test_rejected_is_capped(self):
        batch = [{"source": "web", "external_id": f"cap-{i}"} for i in range(150)]
        answer = self.expect(self.d.send(batch + [record("cap-good")]), (1, 0, 0, 150))
        self.assertEqual([r["index"] for r in answer.json["rejected"]], list(range(100)))
        self.assertEqual(len(answer.json["ids"]), 151)
        answer = self.expect(self.d.send_lines("/v1/feedback", batch), (0, 0, 0, 150), 422)
        self.assertEqual(len(answer.json["rejected"]), 100)

    def test_streamed_without_a_length(self):
        """Chunked, a few bytes at a time, cut inside characters and inside lines."""
        body = "".join(json.dumps(record(f"slow-{i}"), ensure_ascii=False) + "\n"
                       for i in range(20)).encode()

        def pieces():
            for i in range(0, len(body), 37):
                yield body[i:i + 37]
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=60)
        c.request("POST", "/v1/feedback", pieces(), {
            "Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked",
            "Authorization": "Bearer " + self.d.tokens["ingest"]}, encode_chunked=True)
        answer = json.loads(c.getresponse().read())
        c.close()
        self.assertEqual(answer["accepted"], 20)

    def test_content_types(self):
        body = json.dumps(record("ct"))
        for kind, status in [("application/json", 200), ("Application/JSON; charset=utf-8", 200),
                             ("application/x-ndjson", 200), ("application/ndjson", 200),
                             ("text/plain", 415), ("text/csv", 415), ("application/xml", 415),
                             ("", 415), ("application/jsonx", 415)]:
            with self.subTest(kind=kind):
                answer = self.d.request("POST", "/v1/feedback", body, token="ingest",
                                        headers={"Content-Type": kind})
                self.assertEqual(answer.status, status, answer)
                if status != 200:
                    self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_no_content_type(self):
        self.assertEqual(self.d.request("POST", "/v1/feedback", json.dumps(record("ct")),
                                        token="ingest").status, 415)

    def test_malformed_json_says_where(self):
        for body, line, column in [("{", 1, 1), ("[1,\n  2,,3]", 2, 5), ("", 1, 1), ("   ", 1, 4),
                                   ("[{}", 1, 4), ("{}{}", 1, 3), ("nope", 1, 1),
                                   ('[{"a":1,\n"a":2}]', 2, 3)]:
            with self.subTest(body=body):
                answer = self.d.request("POST", "/v1/feedback", body, token="ingest",
                                        headers={"Content-Type": "application/json"})
                self.assertEqual(answer.status, 400, answer)
                self.assertRegex(answer.json["detail"], f"line {line}, column \\d+", answer)

    def test_malformed_array_takes_nothing(self):
        """One commit: what stood before the mistake is not taken either."""
        body = json.dumps([record("half-1"), record("half-2")])[:-1] + ",{]"
        answer = self.d.request("POST", "/v1/feedback", body, token="ingest",
                                headers={"Content-Type": "application/json"})
        self.assertEqual(answer.status, 400, answer)
        self.expect(self.d.send([record("half-1"), record("half-2")]), (2, 0, 0, 0))

    def test_json_body_over_the_limit(self):
        big = json.dumps([record(f"big-{i}", text="가" * 20000) for i in range(200)],
                         ensure_ascii=False)
        self.assertGreater(len(big.encode()), 8 << 20)
        answer = self.d.request("POST", "/v1/feedback", big, token="ingest",
                                headers={"Content-Type": "application/json"})
        self.assertEqual(answer.status, 413, answer)
        lines = [record(f"big-{i}", text="가" * 20000) for i in range(200)]
        self.expect(self.d.send_lines("/v1/feedback", lines), (200, 0, 0, 0))


class Identity(Intake):
    def test_the_same_again_is_a_duplicate(self):
        item = record("same", title="제목", tags=["a", "b"], attributes={"x": 1, "y": "2"})
        first = self.expect(self.d.send(item), (1, 0, 0, 0))
        again = self.expect(self.d.send(item), (0, 0, 1, 0))
        self.assertEqual(first.json["ids"], again.json["ids"])
        reordered = json.dumps(dict(reversed(list(item.items()))), ensure_ascii=True, indent=2)
        again = self.d.request("POST", "/v1/feedback", reordered, token="ingest",
                               headers={"Content-Type": "application/json"})
        self.expect(again, (0, 0, 1, 0))
        self.assertEqual(self.get(first.json["ids"][0])["revision"], 1)

    def test_the_same_again_without_a_time(self):
        """The default of created_at must not turn a resent record into a new version."""
        item = {"source": "web", "external_id": "timeless", "text": "좋아요"}
        first = self.expect(self.d.send(item), (1, 0, 0, 0))
        made = self.get(first.json["ids"][0])["created_at"]
        time.sleep(0.05)
        self.expect(self.d.send(item), (0, 0, 1, 0))
        self.assertEqual(self.get(first.json["ids"][0])["created_at"], made)

    def test_identity_is_source_and_external_id_whole(self):
        self.expect(self.d.send([record("ab", source="c"), record("b", source="ca"),
                                 record("ab", source="C"), record("AB", source="c"),
                                 record("ab ", source="c")]), (5, 0, 0, 0))
        long = "i" * 512
        self.expect(self.d.send([record(long[:-1] + "1"), record(long[:-1] + "2")]), (2, 0, 0, 0))
        self.expect(self.d.send([record(long[:-1] + "1"), record(long[:-1] + "2")]), (0, 0, 2, 0))

    def test_numbers_and_text_are_one_id(self):
        self.expect(self.d.send({"source": "web", "external_id": 35436, "text": "a",
                                 "created_at": "2026-01-01T00:00:00Z"}), (1, 0, 0, 0))
        self.expect(self.d.send({"source": "web", "external_id": "35436", "text": "a",
                                 "created_at": "2026-01-01T09:00:00+09:00"}), (0, 0, 1, 0))

    def test_changed_fields_replace(self):
        item = record("changed")
        ident = self.d.send(item).json["ids"][0]
        for change in ({"text": "이제 왔네요. 감사합니다"}, {"status": "solved"}, {"tags": ["late"]},
                       {"rating": {"value": 1, "scale": 5}}, {"customer": {"id": "c-9"}},
                       {"attributes": {"k": "v"}}, {"experiments": {"e": "A"}}, {"backfill": True}):
            item.update(change)
            answer = self.expect(self.d.send(item), (0, 1, 0, 0))
            self.assertEqual(answer.json["ids"], [ident])
        kept = self.get(ident)
        self.assertEqual(kept["revision"], 9)
        self.assertEqual((kept["text"], kept["status"], kept["tags"], kept["customer"]["id"]),
                         ("이제 왔네요. 감사합니다", "solved", ["late"], "c-9"))
        self.assertEqual(kept["analysis"]["sentiment"]["label"], "positive")
        # replaced whole: what the new version does not say is gone
        self.expect(self.d.send(record("changed")), (0, 1, 0, 0))
        self.assertNotIn("tags", self.get(ident))

    def test_updated_at(self):
        old, new, newer = iso(300), iso(200), iso(100)
        ident = self.expect(self.d.send(record("u", updated_at=new)), (1, 0, 0, 0)).json["ids"][0]
        self.expect(self.d.send(record("u", updated_at=new)), (0, 0, 1, 0))
        self.expect(self.d.send(record("u", updated_at=old, text="older")), (0, 0, 1, 0))
        self.assertEqual(self.get(ident)["text"], "배송이 늦어요")
        self.expect(self.d.send(record("u", updated_at=newer, text="newer")), (0, 1, 0, 0))
        self.assertEqual(self.get(ident)["text"], "newer")
        self.expect(self.d.send(record("u", updated_at=new, text="late")), (0, 0, 1, 0))
        # the same moment in another zone is the same moment
        self.assertEqual(self.get(ident)["text"], "newer")

    def test_updated_at_missing_on_one_side(self):
        self.expect(self.d.send(record("m", updated_at=iso(100))), (1, 0, 0, 0))
        self.expect(self.d.send(record("m", text="without")), (0, 1, 0, 0))
        self.expect(self.d.send(record("m", text="with", updated_at=iso(300))), (0, 1, 0, 0))

    def test_the_same_identity_twice_in_a_batch(self):
        batch = [record("twice", text="하나"), record("other"), record("twice", text="둘"),
                 record("twice", text="둘"), record("twice", text="셋")]
        when = iso(50)
        for r in batch:
            r["created_at"] = when
        answer = self.expect(self.d.send(batch), (2, 2, 1, 0))
        ids = answer.json["ids"]
        self.assertEqual(len({ids[0], ids[2], ids[3], ids[4]}), 1)
        self.assertEqual(self.get(ids[0])["text"], "셋")
        # and the whole batch again: in order again
        self.expect(self.d.send(batch), (0, 3, 2, 0))
        self.assertEqual(self.get(ids[0])["text"], "셋")

    def test_two_senders_at_once_count_once(self):
        outcomes, lock = [], threading.Lock()

        def send():
            answer = self.d.send(record("race", created_at="2026-01-01T00:00:00Z"))
            with lock:
                outcomes.append(self.counts(answer))
        threads = [threading.Thread(target=send) for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(outcomes), [(0, 0, 1, 0)] * 15 + [(1, 0, 0, 0)])


class Fields(Intake):
    def test_everything_comes_back(self):
        item = {
            "source": "zendesk", "external_id": "35436", "conversation": "cv-1", "kind": "chat",
            "channel": "chat", "status": "open", "created_at": "2026-01-22T09:10:11+09:00",
            "updated_at": "2026-01-22T09:12:00+09:00",
            "customer": {"id": "c-1029", "name": "김서윤", "email": "Kim@Example.com",
                         "phone": "010-0000-1280"},
            "lang": "ko", "title": "문의", "text": "언제 오나요?",
            "turns": [{"by": "customer", "at": "2026-01-22T09:10:00+09:00", "text": "언제 오나요?"},
                      {"by": "agent", "text": "내일 도착합니다"}],
            "rating": {"value": 2, "scale": 5},
            "answers": {"csat": {"value": 2, "scale": 5}, "nps": 3, "ces": {"value": 6, "scale": 7}},
            "surveyed": True, "agent": "a-12", "team": "t", "vendor": "v", "product": "p",
            "order": "o-1", "stage": "support", "tags": ["x", "y"], "url": "https://example.com/1",
            "attributes": {"k": "v", "n": 1, "b": True, "f": 1.5}, "experiments": {"apology-v2": "B"},
            "backfill": True}
        ident = self.expect(self.d.send(item), (1, 0, 0, 0)).json["ids"][0]
        kept = self.get(ident)
        for name in ("source", "external_id", "conversation", "kind", "channel", "status", "title",
                     "text", "rating", "surveyed", "agent", "team", "vendor", "product", "order",
                     "stage", "tags", "url", "experiments", "backfill"):
            self.assertEqual(kept[name], item[name], name)
        self.assertEqual(kept["answers"], {"csat": {"value": 2, "scale": 5},
                                           "nps": {"value": 3, "scale": 10},
                                           "ces": {"value": 6, "scale": 7}})
        self.assertEqual(kept["attributes"], {"k": "v", "n": "1", "b": "true", "f": "1.5"})
        self.assertEqual(kept["created_at"], "2026-01-22T09:10:11+09:00")
        self.assertEqual(kept["customer"], {"id": "c-1029", "name": "김서윤",
                                            "email": "kim@example.com", "phone": "+821000001280"})
        self.assertEqual([(t["by"], t["text"]) for t in kept["turns"]],
                         [("customer", "언제 오나요?"), ("agent", "내일 도착합니다")])

    def test_required(self):
        self.refused({"external_id": "1", "text": "a"}, "missing_source")
        self.refused({"source": "", "external_id": "1", "text": "a"}, "missing_source")
        self.refused({"source": "s", "text": "a"}, "missing_external_id")
        self.refused({"source": "s", "external_id": None, "text": "a"}, "missing_external_id")
        for nothing in ({}, {"text": ""}, {"text": "  \n"}, {"title": "only a title"}, {"turns": []},
                        {"answers": {}}, {"surveyed": False}, {"text": None, "rating": None}):
            self.refused({"source": "s", "external_id": "1", **nothing}, "nothing_to_read")

    def test_each_of_the_five_is_enough(self):
        for i, one in enumerate(({"text": "a"}, {"turns": [{"by": "customer", "text": "a"}]},
                                 {"answers": {"nps": 9}}, {"rating": {"value": 4, "scale": 5}},
                                 {"surveyed": True})):
            self.expect(self.d.send({"source": "five", "external_id": str(i), **one}), (1, 0, 0, 0))

    def test_surveyed_without_an_answer(self):
        batch = [record(f"sv-{i}", source="sv", kind="survey", surveyed=True) for i in range(4)]
        for r in batch:
            del r["text"]
        batch[0]["answers"] = {"csat": {"value": 5, "scale": 5}}
        self.expect(self.d.send(batch), (4, 0, 0, 0))
        series = self.d.get("/v1/trends", measure="response_rate", where="source = sv").json["series"]
        self.assertEqual((series[0]["total"]["value"], series[0]["total"]["n"]), (0.25, 4))
        # no text: no sentiment, and none in the mean
        series = self.d.get("/v1/trends", measure="polarity", where="source = sv").json["series"]
        self.assertEqual((series[0]["total"]["value"], series[0]["total"]["n"]), (None, 0))

    def test_defaults(self):
        before = time.time()
        ident = self.d.send({"source": "web", "external_id": "def", "text": "a"}).json["ids"][0]
        kept = self.get(ident)
        self.assertEqual((kept["kind"], kept["backfill"], kept["surveyed"]), ("ticket", False, False))
        self.assertNotIn("customer", kept)
        import datetime
        at = datetime.datetime.fromisoformat(kept["created_at"]).timestamp()
        self.assertLess(abs(at - before), 60)

    def test_the_future(self):
        self.refused(record("f", created_at=iso(-660)), "in_future")
        self.refused(record("f", updated_at=iso(-660)), "in_future")
        self.refused(record("f", turns=[{"by": "customer", "at": iso(-660), "text": "a"}]), "in_future")
        self.expect(self.d.send(record("f", created_at=iso(-540), updated_at=iso(-540))), (1, 0, 0, 0))

    def test_text_limit(self):
        fits = "가" * 21845 + "a"  # 65,536 bytes
        self.expect(self.d.send(record("t-fits", text=fits)), (1, 0, 0, 0))
        self.refused(record("t", text=fits + "a"), "text_too_long")
        self.refused(record("t", title=fits + "a"), "text_too_long")
        self.refused(record("t", turns=[{"by": "customer", "text": fits},
                                        {"by": "agent", "text": "a"}]), "text_too_long")

    def test_other_limits(self):
        self.expect(self.d.send(record("i" * 512)), (1, 0, 0, 0))
        self.refused(record("i" * 513), "id_too_long")
        self.refused(record("가" * 171), "id_too_long")
        self.refused(record("l", source="s" * 513), "id_too_long")
        self.expect(self.d.send(record("a-64", attributes={str(i): i for i in range(64)})),
                    (1, 0, 0, 0))
        self.refused(record("l", attributes={str(i): i for i in range(65)}), "too_many_attributes")
        self.expect(self.d.send(record("a-8k", attributes={"k": "v" * 8191})), (1, 0, 0, 0))
        self.refused(record("l", attributes={"k": "v" * 8192}), "attributes_too_long")
        self.refused(record("l", tags=["t"] * 65), "too_many_tags")
        self.refused(record("l", turns=[{"by": "system", "text": ""}] * 1001), "too_many_turns")
        self.refused(record("l", url="h" * 2049), "url_too_long")

    def test_scales_are_declared(self):
        for rating, code in [(4, "missing_scale"), ({"value": 4}, "missing_scale"),
                             ({"scale": 5}, "missing_value"),
                             ({"value": 6, "scale": 5}, "value_out_of_scale"),
                             ({"value": -1, "scale": 5}, "value_out_of_scale"),
                             ({"value": 1, "scale": 0}, "bad_scale"), ("4/5", "bad_type"),
                             ({"value": "4", "scale": 5}, "bad_type")]:
            self.refused(record("r", rating=rating), code)
            self.refused(record("r", answers={"csat": rating}), code)
        for nps in (11, -1, 8.5):
            self.refused(record("r", answers={"nps": nps}), "value_out_of_scale")
        self.refused(record("r", answers={"smile": {"value": 1, "scale": 2}}), "unknown_field")

    def test_wrong_types(self):
        for name, value, code in [
                ("text", 5, "bad_type"), ("text", ["a"], "bad_type"), ("kind", "letter", "bad_kind"),
                ("kind", 1, "bad_kind"), ("stage", "later", "bad_stage"), ("tags", "a", "bad_type"),
                ("customer", "c-1", "bad_type"), ("customer", {"age": 4}, "unknown_field"),
                ("turns", {}, "bad_type"), ("turns", ["a"], "bad_type"),
                ("turns", [{"text": "a"}], "missing_speaker"),
                ("turns", [{"by": "cat", "text": "a"}], "bad_speaker"),
                ("surveyed", "yes", "bad_type"), ("attributes", [], "bad_type"),
                ("attributes", {"a": {}}, "bad_type"), ("experiments", {"a": True}, "bad_type"),
                ("backfill", 1, "bad_type"), ("created_at", 1700000000, "bad_time"),
                ("created_at", "2026-11-22", "bad_time"),
                ("created_at", "2026-11-22T09:10:11", "bad_time"),
                ("created_at", "2026-02-30T09:10:11Z", "bad_time"),
                ("created_at", "1969-12-31T23:59:59Z", "bad_time"), ("agent", 1.5, "bad_type"),
                ("agent", "a\u0007b", "control_character"), ("text", "a\u0000b", "nul_byte"),
                ("external_id", "a\u0000b", "nul_byte"), ("colour", "red", "unknown_field")]:
            with self.subTest(field=name, value=value):
                why = self.refused({**record("w"), name: value}, code)
                self.assertIn(name, why["detail"])

    def test_refusals_do_not_repeat_what_was_sent(self):
        secret = "홍길동 010-1234-5678"
        for bad in (record("x", kind=secret), record("x", created_at=secret),
                    record("x", stage=secret), record(secret * 40), record("x", rating=secret),
                    record("x", tags=secret)):
            answer = self.d.send(bad)
            self.assertEqual(answer.status, 422)
            self.assertNotIn("1234", answer.body.decode())

    def test_no_item_is_an_object(self):
        for body in ([1, "a", None, [], True], 5, "text", None):
            answer = self.d.request("POST", "/v1/feedback", json.dumps(body), token="ingest",
                                    headers={"Content-Type": "application/json"})
            self.assertEqual(answer.status, 422, answer)
            self.assertEqual({r["code"] for r in answer.json["rejected"]}, {"not_an_object"})


class Activities(Intake):
    def test_shapes_and_identity(self):
        act = {"source": "shop", "external_id": "E-1", "customer": "c-act", "type": "order",
               "at": "2026-01-02T03:04:05Z", "amount": 29900, "product": "p", "order": "o-1",
               "attributes": {"coupon": "WELCOME"}}

        def send(body):
            return self.d.request("POST", "/v1/activities", body, token="ingest")
        self.expect(send(act), (1, 0, 0, 0))
        self.expect(send(act), (0, 0, 1, 0))
        self.expect(send([dict(act, amount=1), dict(act, external_id="E-2")]), (1, 1, 0, 0))
        answer = self.d.send_lines("/v1/activities", [dict(act, external_id=f"E-{i}")
                                                      for i in range(3, 6)])
        self.expect(answer, (3, 0, 0, 0))
        for missing, code in (("source", "missing_source"), ("external_id", "missing_external_id"),
                              ("customer", "missing_customer"), ("type", "missing_type")):
            bad = {k: v for k, v in act.items() if k != missing}
            answer = self.expect(send(bad), (0, 0, 0, 1), 422)
            self.assertEqual(answer.json["rejected"][0]["code"], code)
        seen = self.d.get("/v1/customers/c-act/context").json["activities"]
        self.assertEqual({a["external_id"]: a["amount"] for a in seen},
                         {"E-1": 1, "E-2": 29900, "E-3": 29900, "E-4": 29900, "E-5": 29900})
        self.assertEqual(seen[0]["attributes"], {"coupon": "WELCOME"})


if __name__ == "__main__":
    unittest.main()
