"""Customers: three forms of input, history by effective dates, segments in time, lookup, context."""
import json
import time
import unittest
import urllib.parse

from vocd import Daemon, eventually, iso

DAY = 86400


class Customers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon().start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def send(self, body, status=200, kind=None, **params):
        headers = {"Content-Type": kind} if kind else None
        answer = self.d.request("POST", "/v1/customers", body, token="ingest", headers=headers,
                                params=params)
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def counts(self, j):
        return j["accepted"], j["updated"], j["duplicates"], j["rejected_count"]

    def csv(self, text, codec="utf-8", status=200, **params):
        body = text.encode(codec)
        return self.send(body, status, "text/csv", **params)

    def context(self, ident, token="admin"):
        answer = self.d.get(f"/v1/customers/{urllib.parse.quote(ident, safe='')}/context", token=token)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def customer(self, ident):
        return self.context(ident)["customer"]

    def put_segment(self, code, where, status=204, **more):
        answer = self.d.request("PUT", f"/v1/segments/{code}", {"where": where, **more})
        self.assertEqual(answer.status, status, answer)
        if status == 204:
            eventually(lambda: not self.d.get("/v1/segments").json["restamping"],
                       what="the end of restamping")
        return answer

    def stamped(self, source):
        return {r["external_id"]: sorted(r["segments"])
                for r in self.d.rows(where=f"source = {source}")}


class Input(Customers):
    def test_object_array_lines(self):
        one = {"id": "in-1", "name": "김서윤", "email": "Seoyun@Example.com", "phone": "010-0000-1280",
               "attributes": {"grade": "VIP", "orders": 11}}
        self.assertEqual(self.counts(self.send(one)), (1, 0, 0, 0))
        j = self.send([dict(one, id="in-2"), {"name": "no id"}, dict(one, id="in-3")])
        self.assertEqual(self.counts(j), (2, 0, 0, 1))
        self.assertEqual(j["rejected"][0]["code"], "missing_id")
        self.assertEqual(j["ids"], ["in-2", None, "in-3"])
        answer = self.d.send_lines("/v1/customers", [dict(one, id=f"in-{i}") for i in range(4, 8)])
        self.assertEqual(self.counts(answer.json), (4, 0, 0, 0))
        c = self.customer("in-6")
        self.assertEqual((c["name"], c["email"], c["phone"]),
                         ("김서윤", "seoyun@example.com", "+821000001280"))
        self.assertEqual(c["attributes"], {"grade": "VIP", "orders": "11"})

    def test_says_nothing_new(self):
        change = {"id": "again", "effective_at": "2026-01-01T00:00:00Z", "attributes": {"grade": "A"}}
        self.assertEqual(self.counts(self.send(change)), (1, 0, 0, 0))
        self.assertEqual(self.counts(self.send(change)), (0, 0, 1, 0))
        self.assertEqual(self.counts(self.send(dict(change, attributes={"grade": "B"}))), (0, 1, 0, 0))

    def test_null_removes_absence_does_not(self):
        self.send({"id": "null", "name": "이정호", "email": "a@example.com", "phone": "010-1111-2222",
                   "attributes": {"a": 1, "b": 2}})
        self.send({"id": "null", "email": None, "attributes": {"a": None, "c": 3}})
        c = self.customer("null")
        self.assertEqual(c["name"], "이정호")
        self.assertNotIn("email", c)
        self.assertEqual(c["attributes"], {"b": "2", "c": "3"})
        found = self.d.request("POST", "/v1/customers/lookup", {"email": "a@example.com"}).json
        self.assertEqual(found["items"], [])

    def test_csv_with_a_byte_order_mark(self):
        text = "\ufeffid,name,phone,grade,joined\r\n" \
               'csv-1,"박, ""미""숙",010-0000-1426,VIP,2026-01-02\r\n' \
               "csv-2,최유진,02-123-4567,,\r\n\r\n" \
               'csv-3,"두 줄\n이름",,Silver,\r\n'
        self.assertEqual(self.counts(self.csv(text)), (3, 0, 0, 0))
        c = self.customer("csv-1")
        self.assertEqual(c["name"], '박, "미"숙')
        self.assertEqual(c["attributes"], {"grade": "VIP", "joined": "2026-01-02"})
        self.assertEqual(self.customer("csv-3")["name"], "두 줄\n이름")
        self.assertNotIn("grade", self.customer("csv-2")["attributes"])

    def test_csv_in_cp949(self):
        text = "id,name,등급\ncp-1,홍길동,골드\ncp-2,뷁뚫훍,실버\n"
        for params in ({}, {"encoding": "cp949"}):
            self.csv(text, "cp949", **params)
            self.assertEqual(self.customer("cp-1")["name"], "홍길동")
            self.assertEqual(self.customer("cp-2")["name"], "뷁뚫훍")
            self.assertEqual(self.customer("cp-1")["attributes"], {"등급": "골드"})

    def test_csv_dates_and_map(self):
        text = "번호,적용일,등급,비고\nd-1,2026-01-10,A,x\nd-1,2026.02.10 오후 3:05,B,\n" \
               "d-1,22/03/2026,C,\nd-1,언젠가,D,\n"
        j = self.csv(text, map="id=번호,effective_at=적용일,attributes.grade=등급", tz="Asia/Seoul")
        self.assertEqual(self.counts(j), (1, 2, 0, 1), j)
        self.assertEqual(j["rejected"][0]["code"], "bad_time")
        self.assertEqual(self.customer("d-1")["attributes"], {"grade": "C"})
        self.put_segment("d-b", "grade = B", backfill=True)
        segment = [s for s in self.customer("d-1")["segments"] if s["code"] == "d-b"]
        self.assertEqual([(s["from"], s["to"]) for s in segment],
                         [("2026-02-10T15:05:00+09:00", "2026-03-22T00:00:00+09:00")])

    def test_csv_problems(self):
        self.assertEqual(self.csv("id,name\nx-1,a,b\nx-2,c\n")["rejected"][0]["code"], "ragged_row")
        self.csv("name\nnobody\n", status=422)
        self.csv("id\nx\n", status=400, map="id=번호")
        self.csv("id\nx\n", status=415, encoding="ebcdic")
        self.csv("id\nx\n", status=400, tz="Mars/Olympus")

    def test_tab_separated(self):
        j = self.send("id\tname\tgrade\ntsv-1\t김\tVIP\n".encode(), kind="text/tab-separated-values")
        self.assertEqual(self.counts(j), (1, 0, 0, 0))
        self.assertEqual(self.customer("tsv-1")["attributes"], {"grade": "VIP"})


class InTime(Customers):
    def records(self, source, customer, days):
        batch = [{"source": source, "external_id": str(day), "customer": {"id": customer},
                  "text": "문의합니다", "created_at": iso(day * DAY)} for day in days]
        answer = self.d.send(batch)
        self.assertEqual(answer.status, 200, answer)

    def test_effective_dates(self):
        """Stamped with what held at created_at; the first known state extends backwards."""
        self.put_segment("t1-vip", "t1 = vip")
        self.put_segment("t1-new", "t1 = new")
        self.send({"id": "t1", "effective_at": iso(20 * DAY), "attributes": {"t1": "new"}})
        self.send({"id": "t1", "effective_at": iso(10 * DAY), "attributes": {"t1": "vip"}})
        self.put_segment("t1-vip", "t1 = vip", backfill=True)
        self.put_segment("t1-new", "t1 = new", backfill=True)
        self.records("t1", "t1", (30, 21, 15, 5))
        self.assertEqual(self.stamped("t1"), {"30": ["t1-new"], "21": ["t1-new"], "15": ["t1-new"],
                                              "5": ["t1-vip"]})
        for segment, n in (("t1-new", 3), ("t1-vip", 1)):
            self.assertEqual(self.d.count(where=f"source = t1 and segment = {segment}"), n)

    def test_retroactive_change_restamps(self):
        self.put_segment("t2-gold", "t2 = gold", backfill=True)
        self.send({"id": "t2", "effective_at": iso(40 * DAY), "attributes": {"t2": "basic"}})
        self.records("t2", "t2", (30, 20, 10))
        self.assertEqual(set(map(tuple, self.stamped("t2").values())), {()})
        self.send({"id": "t2", "effective_at": iso(25 * DAY), "attributes": {"t2": "gold"}})
        # in the same commit: no waiting
        self.assertEqual(self.stamped("t2"), {"30": [], "20": ["t2-gold"], "10": ["t2-gold"]})
        self.assertEqual(self.d.count(where="source = t2 and segment = t2-gold"), 2)
        self.send({"id": "t2", "effective_at": iso(15 * DAY), "attributes": {"t2": None}})
        self.assertEqual(self.stamped("t2"), {"30": [], "20": ["t2-gold"], "10": []})

    def test_records_before_their_customer(self):
        self.put_segment("t3-vip", "t3 = vip", backfill=True)
        self.records("t3", "t3", (5, 1))
        self.assertEqual(self.stamped("t3"), {"5": [], "1": []})
        self.send({"id": "t3", "effective_at": iso(DAY / 2), "attributes": {"t3": "vip"}})
        # the first known state extends backwards, over records that were there before it
        self.assertEqual(self.stamped("t3"), {"5": ["t3-vip"], "1": ["t3-vip"]})

    def test_changes_of_the_future_wait(self):
        self.put_segment("t4-vip", "t4 = vip", backfill=True)
        self.send({"id": "t4", "effective_at": iso(DAY), "attributes": {"t4": "basic"}})
        self.send({"id": "t4", "effective_at": iso(-DAY), "attributes": {"t4": "vip"}})
        self.records("t4", "t4", (0.001,))
        c = self.customer("t4")
        self.assertEqual(c["attributes"], {"t4": "basic"})
        self.assertEqual([s["now"] for s in c["segments"] if s["code"] == "t4-vip"], [False])
        self.assertEqual(set(map(tuple, self.stamped("t4").values())), {()})

    def test_a_rule_edit_acts_from_now_on(self):
        self.send({"id": "t5", "effective_at": iso(40 * DAY), "attributes": {"t5": "7"}})
        self.records("t5", "t5", (3,))
        self.put_segment("t5-s", "t5 >= 5")
        self.assertEqual(self.stamped("t5"), {"3": ["t5-s"]})  # a new one: from the beginning
        self.records("t5", "t5", (0,))
        self.assertEqual(self.stamped("t5")["0"], ["t5-s"])
        self.put_segment("t5-s", "t5 >= 9")
        self.assertEqual(self.stamped("t5"), {"3": ["t5-s"], "0": ["t5-s"]})  # stamped stays
        time.sleep(0.01)
        self.d.send({"source": "t5", "external_id": "new", "customer": {"id": "t5"}, "text": "a"})
        self.assertEqual(self.stamped("t5")["new"], [])
        self.put_segment("t5-s", "t5 >= 5", backfill=True)
        self.assertEqual(self.stamped("t5"), dict.fromkeys(("3", "0", "new"), ["t5-s"]))
        self.put_segment("t5-s", "t5 >= 9", backfill=True)
        self.assertEqual(self.stamped("t5"), dict.fromkeys(("3", "0", "new"), []))

    def test_retired_segments_keep_their_past(self):
        self.send({"id": "t6", "effective_at": iso(40 * DAY), "attributes": {"t6": "yes"}})
        self.put_segment("t6-s", "t6 = yes", backfill=True)
        self.records("t6", "t6", (3,))
        self.assertEqual(self.d.request("DELETE", "/v1/segments/t6-s").status, 204)
        eventually(lambda: not self.d.get("/v1/segments").json["restamping"], what="restamping")
        self.assertEqual(self.stamped("t6"), {"3": ["t6-s"]})
        segment = [s for s in self.d.get("/v1/segments").json["items"] if s["code"] == "t6-s"][0]
        self.assertTrue(segment["retired"])
        self.assertEqual(segment["members"], 0)

    def test_members_are_counted(self):
        self.put_segment("t7-s", "t7 = x", backfill=True)
        self.send([{"id": f"t7-{i}", "attributes": {"t7": "x" if i % 3 else "y"}} for i in range(30)])
        segment = [s for s in self.d.get("/v1/segments").json["items"] if s["code"] == "t7-s"][0]
        self.assertEqual(segment["members"], 20)

    def test_bad_rules_name_the_column(self):
        answer = self.put_segment("bad", "grade = ", status=400)
        self.assertRegex(answer.json["detail"], r"column \d+")
        self.put_segment("bad", "", status=400)
        answer = self.d.request("PUT", "/v1/segments/bad", {"where": "a = b", "when": 1})
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.d.request("DELETE", "/v1/segments/nosuch").status, 404)

    def test_a_restart_changes_nothing(self):
        self.put_segment("t8-s", "t8 = x", backfill=True)
        self.send({"id": "t8", "attributes": {"t8": "x"}})
        self.records("t8", "t8", (2, 1))
        before = (self.stamped("t8"), self.customer("t8"), self.d.get("/v1/segments").json)
        self.d.stop()
        self.d.start()
        self.assertEqual((self.stamped("t8"), self.customer("t8"), self.d.get("/v1/segments").json),
                         before)


class Finding(Customers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.d.request("POST", "/v1/customers", [
            {"id": "f-1", "name": "홍길동", "email": "Hong.GD@Example.com", "phone": "010-1234-5678"},
            {"id": "f-2", "name": "홍길순", "email": "hong.gs@example.com", "phone": "+82 10 1234 5678"},
            {"id": "f-3", "name": "Jane Doe", "phone": "1588-1234"}], token="ingest")

    def lookup(self, status=200, token="supervisor", **body):
        answer = self.d.request("POST", "/v1/customers/lookup", body, token=token)
        self.assertEqual(answer.status, status, answer)
        return [i["id"] for i in answer.json["items"]] if status == 200 else answer

    def test_phone_in_every_spelling(self):
        for phone in ("010-1234-5678", "01012345678", "+82 10 1234 5678", "+82-10-1234-5678",
                      "82 10-1234-5678", "0082 10 1234 5678", "(010) 1234.5678", "tel:+821012345678",
                      "０１０－１２３４－５６７８"):
            self.assertEqual(sorted(self.lookup(phone=phone)), ["f-1", "f-2"], phone)
        self.assertEqual(self.lookup(phone="15881234"), ["f-3"])
        self.assertEqual(self.lookup(phone="010-1234-5679"), [])

    def test_email_in_any_case(self):
        for email in ("hong.gd@example.com", "HONG.GD@EXAMPLE.COM", " Hong.GD@example.com "):
            self.assertEqual(self.lookup(email=email), ["f-1"], email)
        self.assertEqual(self.lookup(email="nobody@example.com"), [])

    def test_a_changed_number_finds_no_more(self):
        self.send({"id": "f-4", "phone": "010-9999-0001"})
        self.send({"id": "f-4", "phone": "010-9999-0002"})
        self.assertEqual(self.lookup(phone="010-9999-0001"), [])
        self.assertEqual(self.lookup(phone="010-9999-0002"), ["f-4"])

    def test_bad_lookups(self):
        self.lookup(400)
        self.lookup(400, phone="not a phone")
        self.lookup(400, phone="010-1234-5678", email="hong.gd@example.com")
        self.lookup(400, name="홍길동")

    def test_what_was_looked_for_is_not_repeated(self):
        answer = self.lookup(400, phone="010-1234-5678-ext-9")
        self.assertNotIn("5678", answer.body.decode())
        self.assertNotIn("5678", self.d.log_text())

    def test_context(self):
        self.send({"id": "ctx", "name": "김하나", "attributes": {"grade": "VIP"}})
        texts = ["정말 최악이에요. 실망했습니다", "배송 언제 오나요?", "친절하게 도와주셔서 감사합니다 최고예요"]
        for i, text in enumerate(texts):
            self.d.send({"source": "ctx", "external_id": str(i), "customer": {"id": "ctx"},
                         "text": text, "created_at": iso(3600 * (3 - i))})
        self.d.request("POST", "/v1/activities", [
            {"source": "shop", "external_id": f"ctx-{i}", "customer": "ctx", "type": "order",
             "at": iso(DAY * i), "amount": 1000 * i} for i in (1, 2)], token="ingest")
        c = self.context("ctx")
        self.assertEqual(c["customer"]["feedback_count"], 3)
        self.assertEqual([f["external_id"] for f in c["feedback"]], ["2", "1", "0"])  # newest first
        self.assertEqual([a["external_id"] for a in c["activities"]], ["ctx-1", "ctx-2"])
        labels = [f["analysis"]["sentiment"]["label"] for f in c["feedback"]]
        self.assertEqual(c["mood"]["n"], 3)
        for label in ("negative", "neutral", "positive"):
            self.assertEqual(c["mood"][label], labels.count(label))
        self.assertEqual(labels[2], "negative")
        self.assertEqual(c["mood"]["last_negative_at"],
                         [f["created_at"] for f in c["feedback"]
                          if f["analysis"]["sentiment"]["label"] == "negative"][0])

    def test_unknown_customer(self):
        answer = self.d.get("/v1/customers/nobody/context", token="agent")
        self.assertEqual(answer.status, 404)

    def test_ids_of_any_kind_in_the_path(self):
        for ident in ("가나다", "a b", "50%", "a/b", "a?b#c"):
            self.send({"id": ident, "name": "이름"})
            self.assertEqual(self.customer(ident)["id"], ident)

    def test_every_read_is_in_the_access_log(self):
        before = self.d.get("/v1/access-log", limit=1).json["items"]
        last = before[0]["n"] if before else 0
        self.context("f-1", token="agent")
        self.lookup(email="hong.gd@example.com", token="supervisor")
        answer = self.d.request("POST", "/v1/customers/f-1/unmask",
                                {"field": "phone", "reason": "call back about order"}, token="agent")
        self.assertEqual(answer.json, {"field": "phone", "value": "+821012345678"})
        entries = [e for e in self.d.get("/v1/access-log", limit=20).json["items"] if e["n"] > last]
        self.assertEqual([(e["what"]["action"], e["who"]["role"], e["whose"]) for e in entries[::-1]],
                         [("customer.context", "agent", ["f-1"]),
                          ("customer.lookup", "supervisor", ["f-1"]),
                          ("customer.unmask", "agent", ["f-1"])])
        self.assertEqual(entries[0]["what"]["reason"], "call back about order")
        self.assertEqual(entries[0]["what"]["fields"], "phone")
        self.assertNotRegex(json.dumps([[e["whose"], e["what"]] for e in entries]), "5678")

    def test_unmask_needs_a_reason(self):
        for body in ({"field": "phone"}, {"field": "phone", "reason": ""},
                     {"field": "phone", "reason": "   \t"}, {"field": "shoe", "reason": "curious"},
                     {"reason": "curious"}):
            answer = self.d.request("POST", "/v1/customers/f-1/unmask", body, token="agent")
            self.assertEqual(answer.status, 400, answer)
            self.assertNotIn("5678", answer.body.decode())


if __name__ == "__main__":
    unittest.main()
