"""What an agent sees: every endpoint of /openapi.json over a record full of personal data, answers and
errors, the live stream, alerts, evidence; and what nobody sees: the log, outgoing notices.

Every secret is looked for by patterns that its masked form does not match. That the same calls show
them to a quality analyst proves that the patterns find what they look for."""
import json
import re
import unittest
import urllib.parse

from vocd import Daemon, Events, Receiver, eventually, iso

NAME, EMAIL, PHONE = "남궁민수", "minsu.ng@example.com", "010-9876-5432"
RRN, CARD, ACCOUNT = "900101-1234567", "4111-1111-1111-1111", "110-234-567890"
ADDRESS, PASSPORT, DRIVER = "서울특별시 강남구 테헤란로 152 3층 302호", "M12345678", "11-12-345678-90"
SECRETS = {
    "name": r"남궁민수|궁민|" + re.escape(urllib.parse.quote(NAME)),
    "email": r"(?i)minsu",
    "phone": r"9876\W{0,3}5432|\+?82\W?10\W?9876",
    "rrn": r"900101\W{0,3}1\d{6}",
    "card": r"4111\W?1111\W?1111",
    "account": r"234\W?567890|110\W?234",
    "address": r"테헤란로|302호",
}
TEXT_SECRETS = dict(SECRETS, passport=r"M12345678", driver=r"345678")

ALL = (f"{NAME} 고객입니다. 연락처는 {PHONE} (또는 01098765432, +82 10 9876 5432)이고 메일은 {EMAIL}, "
       f"주민번호 {RRN}, 카드 {CARD}, 계좌는 국민은행 {ACCOUNT}, 주소는 {ADDRESS}, 여권번호 {PASSPORT}, "
       f"운전면허번호 {DRIVER}. 배송이 너무 늦어서 정말 화가 납니다")

RECORD = {
    "source": "web", "external_id": f"T-{PHONE}", "conversation": EMAIL, "kind": "chat",
    "created_at": iso(60), "channel": PHONE, "status": PHONE,
    "customer": {"id": "c-1", "name": NAME, "email": EMAIL, "phone": PHONE},
    "title": "배송 문의 " + ALL, "text": ALL,
    "turns": [{"by": "customer", "text": ALL},
              {"by": "agent", "text": f"{NAME}님, {PHONE}로 다시 전화드리겠습니다. {ADDRESS} 맞으신가요?"}],
    "agent": EMAIL, "team": PHONE, "vendor": PHONE, "product": f"상담 {PHONE}", "order": PHONE,
    "tags": [NAME, EMAIL, PHONE, CARD, RRN, ACCOUNT, ADDRESS],
    "url": f"https://shop.example.com/orders?phone=01098765432&mail={EMAIL}&name={NAME}",
    "attributes": {"수령인": NAME, "메일": EMAIL, "연락처": PHONE, "주민번호": RRN, "카드": CARD,
                   "계좌": ACCOUNT, "주소": ADDRESS, PHONE: "열쇠도"},
    "experiments": {"arm": PHONE},
}
CUSTOMER = {"id": "c-1", "name": NAME, "email": EMAIL, "phone": PHONE,
            "attributes": {"grade": "VIP", "집주소": ADDRESS, "비상연락처": PHONE, "계좌": ACCOUNT,
                           "예전 이름": NAME, "부메일": EMAIL}}
ACTIVITY = {"source": "shop", "external_id": PHONE, "customer": "c-1", "type": f"order {PHONE}",
            "product": EMAIL, "order": PHONE, "attributes": {"배송지": ADDRESS, "받는 분": NAME}}
RULE = {"title": "배송 불만", "where": "category = delivery", "measure": "count", "op": ">=",
        "threshold": 1, "window": "1h", "min_samples": 1, "severity": "critical",
        "group_by": ["agent", "product"], "receivers": ["team", "chat", "jandi"]}


def leaks(text, secrets=SECRETS):
    return [name for name, pattern in secrets.items() if re.search(pattern, text)]


def shown(text):
    """Where they are, with what stands around."""
    found = (re.search(pattern, text) for pattern in TEXT_SECRETS.values())
    return [text[max(0, m.start() - 60):m.end() + 20] for m in found if m]


class Masking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.receiver = Receiver().up()
        base = f"http://127.0.0.1:{cls.receiver.port}"
        receivers = "\n".join(
            f"- name: {name}\n  type: {kind}\n  url: {base}/{name}\n  allow_private: true"
            for name, kind in (("team", "webhook"), ("chat", "slack"), ("jandi", "jandi")))
        cls.d = Daemon(extra="log:\n  level: debug\n", receivers=receivers,
                       hooks="- source: open\n  scheme: none").start()
        cls.doc = cls.d.request("GET", "/openapi.json", token=None).json
        cls.streams = {role: Events(cls.d, role) for role in ("agent", "quality")}
        for name, body in (("customers", CUSTOMER), ("activities", ACTIVITY)):
            answer = cls.d.request("POST", f"/v1/{name}", body, token="ingest")
            assert answer.status == 200, answer
        cls.d.request("PUT", "/v1/segments/vip", {"where": "grade = VIP", "backfill": True})
        for name, rule in (("count", RULE), ("each", {"where": "category = delivery", "each": True,
                                                      "receivers": ["team"]})):
            answer = cls.d.request("PUT", f"/v1/alert-rules/{name}", rule)
            assert answer.status == 204, answer
        # of a record without a customer nobody knows the name
        anonymous = {"source": "web", "external_id": "anon", "text": ALL.replace(NAME, "홍")}
        answer = cls.d.send([RECORD, anonymous])
        assert answer.status == 200 and answer.json["accepted"] == 2, answer
        cls.ids = answer.json["ids"]
        cls.d.request("POST", "/v1/hooks/demo/open", {"mystery": ALL}, token=None)
        cls.alerts = eventually(lambda: cls.d.get("/v1/alerts").json["items"], what="alerts")
        for alert in cls.alerts:
            cls.d.request("POST", f"/v1/alerts/{alert['id']}/acknowledge", token="supervisor",
                          body={"owner": EMAIL, "note": f"{PHONE} 로 고객에게 전화함"})

    @classmethod
    def tearDownClass(cls):
        for stream in cls.streams.values():
            stream.close()
        cls.d.__exit__(None, None, None)
        cls.receiver.down()

    def calls(self):
        """Every path an agent may call, with every id that leads somewhere."""
        ids = {"feedback": self.ids, "customers": ["c-1"], "alerts": [a["id"] for a in self.alerts]}
        bodies = {"/v1/customers/lookup": [{"phone": PHONE}, {"email": EMAIL}],
                  "/v1/customers/{id}/unmask": [{"field": "phone"}, {"field": "shoe", "reason": "x" * 9}]}
        for path, methods in self.doc["paths"].items():
            for method, operation in methods.items():
                if path == "/v1/stream" or "agent" not in operation.get("x-roles", ["agent"]):
                    continue
                if "{workspace}" in path:
                    continue
                for ident in ids.get(path.split("/")[2], [""]) if "{id}" in path else [""]:
                    for body in bodies.get(path, [None]):
                        yield method.upper(), path.replace("{id}", ident), body

    def everything(self, token):
        texts = {}
        for method, path, body in self.calls():
            answer = self.d.request(method, path, body, token=token)
            texts[f"{method} {path}"] = (str(answer.headers) + answer.body.decode(), answer.status)
        return texts

    def test_no_endpoint_shows_an_agent_anything(self):
        texts = self.everything("agent")
        self.assertIn("GET /v1/feedback", texts)
        for call, (text, status) in texts.items():
            with self.subTest(call=call):
                if "unmask" not in call and "/console/" not in call:
                    self.assertLess(status, 400, text)
                self.assertEqual(leaks(text, TEXT_SECRETS), [], shown(text))

    def test_the_same_calls_show_an_analyst_everything(self):
        texts = self.everything("quality")
        whole = "\n".join(text for text, _ in texts.values())
        self.assertEqual(sorted(leaks(whole, TEXT_SECRETS)), sorted(TEXT_SECRETS))
        self.assertEqual(sorted(leaks(texts[f"GET /v1/feedback/{self.ids[0]}"][0])), sorted(SECRETS))

    def test_what_stays_visible_helps(self):
        masked = self.d.get(f"/v1/feedback/{self.ids[0]}", token="agent").json
        self.assertEqual(masked["customer"]["name"], "남**수")
        self.assertEqual(masked["customer"]["email"], "m***@example.com")
        self.assertRegex(masked["customer"]["phone"], r"5432$")
        self.assertIn("배송이 너무 늦어서 정말 화가 납니다", masked["text"])
        self.assertIn("010-****-5432", masked["text"])
        self.assertIn("서울특별시 강남구", masked["text"])
        self.assertIn("900101-*******", masked["text"])

    def test_every_field_of_the_record(self):
        masked = self.d.get(f"/v1/feedback/{self.ids[0]}", token="agent").json
        for name, value in masked.items():
            with self.subTest(field=name):
                self.assertEqual(leaks(json.dumps(value, ensure_ascii=False)), [])

    def test_every_field_of_the_customer(self):
        masked = self.d.get("/v1/customers/c-1/context", token="agent").json
        for part in ("customer", "activities", "feedback", "mood"):
            for name, value in (masked[part].items() if isinstance(masked[part], dict) else
                                [(i, v) for i, v in enumerate(masked[part])]):
                with self.subTest(part=part, field=name):
                    self.assertEqual(leaks(json.dumps(value, ensure_ascii=False)), [])

    def test_evidence_fits_the_masked_text(self):
        for ident in self.ids:
            masked = self.d.get(f"/v1/feedback/{ident}", token="agent").json
            evidence = masked["analysis"]["evidence"]
            self.assertTrue(evidence)
            for e in evidence:
                text = (masked["turns"][e["turn"]]["text"] if "turn" in e else masked[e["part"]])
                self.assertEqual(text.encode()[e["start"]:e["end"]].decode(), e["text"])
                self.assertEqual(text[e["cp_start"]:e["cp_end"]], e["text"])

    def test_errors_say_nothing(self):
        quoted = urllib.parse.quote(f"{NAME} {PHONE}")
        for method, path, body in [
                ("GET", f"/v1/customers/{quoted}/context", None), ("GET", f"/v1/nowhere/{quoted}", None),
                ("GET", f"/v1/feedback/{quoted}", None), ("GET", f"/v1/alerts/{quoted}", None),
                ("GET", f"/v1/feedback?where=customer%20=%20'{quoted}", None),
                ("GET", f"/v1/feedback?cursor={quoted}", None),
                ("GET", f"/v1/feedback?tz={quoted}", None), ("GET", f"/v1/trends?by={quoted}", None),
                ("GET", f"/v1/feedback?limit={quoted}", None),
                ("POST", "/v1/customers/lookup", {"phone": ALL}),
                ("POST", "/v1/customers/lookup", ALL), ("PUT", f"/v1/customers/{quoted}", {"a": ALL}),
                ("POST", f"/v1/customers/{quoted}/unmask", {"field": "name", "reason": ALL[:200]}),
                ("POST", "/v1/feedback", RECORD), ("DELETE", f"/v1/sources/{quoted}", None)]:
            with self.subTest(call=f"{method} {path[:40]}"):
                answer = self.d.request(method, path, body, token="agent")
                self.assertGreaterEqual(answer.status, 400)
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                self.assertEqual(leaks(str(answer.headers) + answer.body.decode()), [], answer)

    def test_refused_input_is_not_repeated(self):
        for body in ({**RECORD, "kind": ALL}, {**RECORD, "created_at": ALL}, [ALL], {ALL: 1},
                     {**RECORD, "customer": {ALL: 1}}):
            answer = self.d.request("POST", "/v1/feedback", body, token="ingest")
            self.assertEqual(answer.status, 422)
        self.d.request("POST", "/v1/feedback", '{"text": "' + ALL, token="ingest",
                       headers={"Content-Type": "application/json"})

    def test_the_stream(self):
        plain, masked = self.streams["quality"], self.streams["agent"]
        eventually(lambda: len(plain.named("feedback")) >= 2, what="feedback events")
        eventually(lambda: len(plain.named("alert")) >= 2, what="alert events")
        self.assertEqual(sorted(leaks(plain.raw.decode(), TEXT_SECRETS)), sorted(TEXT_SECRETS))
        eventually(lambda: len(masked.named("feedback")) >= 2 and len(masked.named("alert")) >= 2,
                   what="the agent's events")
        self.assertEqual(leaks(masked.raw.decode(), TEXT_SECRETS), [], shown(masked.raw.decode()))

    def test_notices_leave_the_house_masked(self):
        eventually(lambda: len(self.receiver.got()) >= 4, what="notices")
        bodies = [body.decode() for _, body in self.receiver.got()]
        self.assertTrue(any("배송" in json.dumps(json.loads(b), ensure_ascii=False) for b in bodies))
        for (headers, _), body in zip(self.receiver.got(), bodies):
            text = json.dumps(json.loads(body), ensure_ascii=False) + str(headers)
            self.assertEqual(leaks(text, TEXT_SECRETS), [], shown(text))

    def test_unmask_shows_one_field_and_is_logged(self):
        for field, value in (("name", NAME), ("email", EMAIL), ("phone", "+821098765432")):
            answer = self.d.request("POST", "/v1/customers/c-1/unmask",
                                    {"field": field, "reason": "고객 요청으로 회신"}, token="agent")
            self.assertEqual(answer.json, {"field": field, "value": value})
        entries = self.d.get("/v1/access-log", limit=3).json["items"]
        self.assertEqual([e["what"].get("fields") for e in entries], ["phone", "email", "name"])

    def test_the_access_log_holds(self):
        done = self.d.ctl("access-log", "verify")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"unbroken", done.stdout)

    def test_zz_the_log_holds_nothing(self):
        """Last: after all that was done above."""
        self.everything("agent")
        self.everything("quality")
        text = self.d.log_text()
        self.assertGreater(len(text), 100)
        self.assertEqual(leaks(text, TEXT_SECRETS), [])
        for token in self.d.tokens.values():
            self.assertNotIn(token, text)


class WhoIsOnlyAnId(unittest.TestCase):
    """A record that says no more of its customer than his id, whom his profile names."""

    SAID = f"{NAME} 고객인데요 배송이 너무 늦어서 화가 납니다. 9876-5432로 전화 주세요"

    def test_the_profile_hides_what_the_record_says(self):
        shown_id = "member-4711"
        with Daemon() as d:
            rule = {"where": "category = delivery", "each": True, "title": "배송"}
            self.assertEqual(d.request("PUT", "/v1/alert-rules/each", rule).status, 204)
            stream = Events(d, "agent")
            who = {"id": shown_id, "name": NAME, "phone": PHONE, "email": EMAIL}
            self.assertEqual(d.request("POST", "/v1/customers", who, token="ingest").status, 200)
            sent = d.send({"source": "chat", "external_id": "1", "customer": {"id": shown_id}, "text": self.SAID,
                           "turns": [{"by": "customer", "text": self.SAID}], "product": NAME,
                           "attributes": {shown_id: "열쇠", f"{NAME}님": "열쇠"}, "experiments": {shown_id: "A"}})
            self.assertEqual(sent.json["accepted"], 1, sent)
            eventually(lambda: d.get("/v1/alerts").json["items"], what="the alert")
            eventually(lambda: stream.named("feedback") and stream.named("alert"), what="its events")
            stream.close()
            texts = {"stream": stream.raw.decode()}
            for path in ("/v1/feedback", "/v1/feedback?format=csv", f"/v1/feedback/{sent.json['ids'][0]}",
                         "/v1/alerts", f"/v1/customers/{shown_id}/context"):
                texts[path] = d.get(path, token="agent").body.decode()
            for where, text in texts.items():
                with self.subTest(where=where):
                    self.assertIn("화가 납니다", text)
                    self.assertEqual(leaks(text), [], shown(text))
                    self.assertNotIn(shown_id, text)
                    self.assertNotRegex(text, r"9876\W?5432")
            for word, n in (("화가", 1), (NAME, 0), ("9876", 0)):
                page = d.get("/v1/feedback", token="agent", q=word).json
                self.assertEqual(len(page["items"]), n, word)
            self.assertIn(NAME, d.get("/v1/feedback", token="quality").body.decode())

    def test_an_id_in_a_conversation_or_a_tag(self):
        """Of a record that has no customer, as chat systems send: the conversation is the log-in name."""
        shown_id = "minsu4711"
        with Daemon() as d:
            for field in ("conversation", "tag", "attributes.login", "product"):
                rule = {"where": "category = delivery", "measure": "count", "op": ">=", "threshold": 1, "window": "1h",
                        "min_samples": 1, "group_by": [field]}
                self.assertEqual(d.request("PUT", f"/v1/alert-rules/{field[:4]}", rule).status, 204)
            stream = Events(d, "agent")
            self.assertEqual(d.request("POST", "/v1/customers", {"id": shown_id}, token="ingest").status, 200)
            d.send({"source": "chat", "external_id": "1", "conversation": shown_id, "tags": [shown_id, "급함"],
                    "attributes": {"login": shown_id}, "product": "세탁기", "text": "배송이 너무 늦어서 화가 납니다"})
            eventually(lambda: len(d.get("/v1/alerts").json["items"]) >= 4, what="the alerts")
            eventually(lambda: stream.named("feedback") and len(stream.named("alert")) >= 4, what="events")
            stream.close()
            record = d.get("/v1/feedback", token="agent").json["items"][0]
            self.assertRegex(record["conversation"], "^c_")
            self.assertEqual(record["tags"][1], "급함")
            self.assertNotIn(shown_id, json.dumps(record))
            alerts = d.get("/v1/alerts", token="agent").json["items"]
            self.assertIn({"product": "세탁기"}, [a["group"] for a in alerts])
            for text in (stream.raw.decode(), json.dumps([record["conversation"], record["tags"], alerts])):
                self.assertNotIn(f'"conversation":"{shown_id}"', text.replace(": ", ":"))
                for field in ("attributes.login", "tag"):
                    self.assertNotIn(f'"{field}":"{shown_id}"', text.replace(": ", ":"))
                self.assertNotIn(f'"tags":["{shown_id}"', text.replace(": ", ":"))


class IdsThatArePersonal(unittest.TestCase):
    """Shops use e-mail addresses and log-in names as ids: found, opened, and never shown."""

    IDS = (EMAIL, "minsu.hong77", "+82 10 9876 5432", "남궁-민수-1", "c_looks_like_a_handle", "a/b?c d", "m-1")

    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(workspaces=("demo", "other"), extra="log:\n  level: debug\n").start()
        cls.doc = cls.d.request("GET", "/openapi.json", token=None).json
        rule = {"where": "category = delivery", "measure": "count", "op": ">=", "threshold": 1, "window": "1h",
                "min_samples": 1, "group_by": ["customer"]}
        assert cls.d.request("PUT", "/v1/alert-rules/who", rule).status == 204
        each = {"where": "customer = 'minsu.hong77'", "each": True, "title": "이 고객"}
        assert cls.d.request("PUT", "/v1/alert-rules/one", each).status == 204
        segment = {"where": "id = 'minsu.hong77'", "title": "한 사람"}
        assert cls.d.request("PUT", "/v1/segments/one", segment).status == 204
        cls.stream = Events(cls.d, "agent")
        for i, ident in enumerate(cls.IDS):
            customer = {"id": ident, "name": "김하나", "phone": f"010-5555-000{i}", "attributes": {"아이디": ident}}
            assert cls.d.request("POST", "/v1/customers", customer, token="ingest").status == 200
            said = f"제 아이디는 {ident} 입니다. 배송이 너무 늦어서 화가 납니다"
            answer = cls.d.send({"source": "web", "external_id": f"r{i}", "customer": {"id": ident},
                                 "conversation": ident, "tags": [ident], "attributes": {"member": ident},
                                 "url": f"https://shop.example.com/members/{ident}", "text": said, "title": said,
                                 "turns": [{"by": "customer", "text": said}]})
            assert answer.json["accepted"] == 1, answer
            act = {"source": "shop", "external_id": f"a{i}", "customer": ident, "type": "login",
                   "attributes": {"member": ident}}
            assert cls.d.request("POST", "/v1/activities", act, token="ingest").status == 200
        eventually(lambda: len(cls.d.get("/v1/alerts").json["items"]) >= len(cls.IDS), what="alerts")

    @classmethod
    def tearDownClass(cls):
        cls.stream.close()
        cls.d.__exit__(None, None, None)

    def handles(self):
        """By id, as the lookup gives them."""
        found = {}
        for i, ident in enumerate(self.IDS):
            answer = self.d.request("POST", "/v1/customers/lookup", {"phone": f"010-5555-000{i}"}, token="agent")
            found[ident] = answer.json["items"][0]["id"]
        return found

    def hidden(self, text, where, short=True):
        """The shortest id is too short to look for inside sentences; as a field it is a handle."""
        for ident in self.IDS:
            for spelling in (ident, urllib.parse.quote(ident), urllib.parse.quote(ident, safe="")):
                if short or ident != "m-1":
                    self.assertNotIn(spelling, text, where)

    def test_handles(self):
        handles = self.handles()
        self.assertEqual(len(set(handles.values())), len(self.IDS))
        self.assertEqual(handles, self.handles())
        for ident, handle in handles.items():
            self.assertRegex(handle, r"^c_[A-Za-z0-9_-]{43,}$")
            for body in ({"id": ident}, {"id": handle}):
                answer = self.d.request("POST", "/v1/customers/lookup", body, token="agent")
                self.assertEqual([i["id"] for i in answer.json["items"]], [handle])
                self.assertEqual(answer.json["items"][0]["customer"]["id"], handle)
            for name in (ident, handle):
                for token, shown in (("agent", handle), ("quality", ident)):
                    path = f"/v1/customers/{urllib.parse.quote(name, safe='')}/context"
                    answer = self.d.get(path, token=token)
                    self.assertEqual(answer.status, 200, answer)
                    self.assertEqual(answer.json["customer"]["id"], shown)
                    self.assertEqual(answer.json["feedback"][0]["customer"]["id"], shown)

    def test_what_is_no_handle_opens_nobody(self):
        handle = self.handles()["minsu.hong77"]
        for wrong in (handle[:-1], handle + "A", handle[:5] + ("A" if handle[5] != "A" else "B") + handle[6:],
                      "c_", handle.upper()):
            self.assertEqual(self.d.get(f"/v1/customers/{wrong}/context", token="agent").status, 404)
            answer = self.d.request("POST", "/v1/customers/lookup", {"id": wrong}, token="agent")
            self.assertEqual(answer.json["items"], [])
        tokens = json.loads((self.d.dir / "tokens-other.json").read_text())
        self.d.request("POST", "/v1/customers", {"id": "minsu.hong77"}, token=tokens["ingest"])
        answer = self.d.get(f"/v1/customers/{handle}/context", token=tokens["agent"])
        self.assertEqual(answer.status, 404)
        theirs = self.d.request("POST", "/v1/customers/lookup", {"id": "minsu.hong77"}, token=tokens["agent"])
        self.assertNotEqual(theirs.json["items"][0]["id"], handle)

    def test_lookup_takes_one_of_three(self):
        for body in ({}, {"id": ""}, {"id": "m-1", "email": EMAIL}, {"id": "m-1", "phone": "010-1234-5678"}, {"id": 7}):
            answer = self.d.request("POST", "/v1/customers/lookup", body, token="agent")
            self.assertEqual(answer.status, 400, body)

    def test_no_endpoint_shows_an_id(self):
        ids = {"feedback": [r["id"] for r in self.d.rows(token="agent")],
               "customers": list(self.handles().values()),
               "alerts": [a["id"] for a in self.d.rows("/v1/alerts", token="agent")]}
        bodies = {"/v1/customers/lookup": [{"id": i} for i in self.IDS] + [{"email": EMAIL}],
                  "/v1/customers/{id}/unmask": [{"field": "phone", "reason": "회신 요청"}]}
        called = set()
        for path, methods in self.doc["paths"].items():
            for method, operation in methods.items():
                if path == "/v1/stream" or "agent" not in operation.get("x-roles", []):
                    continue
                for ident in ids.get(path.split("/")[2], [""]) if "{id}" in path else [""]:
                    for body in bodies.get(path, [None]):
                        answer = self.d.request(method.upper(), path.replace("{id}", ident), body, token="agent")
                        self.assertLess(answer.status, 400, answer)
                        called.add(path)
                        text = str(answer.headers) + answer.body.decode()
                        self.hidden(text, f"{method} {path}", short=False)
                        self.assertNotIn('"m-1"', text, f"{method} {path}")
        self.assertLessEqual({"/v1/feedback", "/v1/feedback/{id}", "/v1/customers/{id}/context", "/v1/alerts",
                              "/v1/alerts/{id}", "/v1/alert-rules", "/v1/segments"}, called)
        file = self.d.get("/v1/feedback", token="agent", format="csv").body.decode()
        self.hidden(file, "CSV", short=False)
        self.assertNotIn('"m-1"', file)
        for handle in self.handles().values():
            self.assertIn(handle, file)

    def test_the_stream(self):
        eventually(lambda: len(self.stream.named("feedback")) >= len(self.IDS) and
                   len(self.stream.named("alert")) >= len(self.IDS), what="the events")
        text = "".join(data for _, data in self.stream.items)
        self.hidden(text, "stream", short=False)
        self.assertEqual({e["customer"]["id"] for e in self.stream.named("feedback")}, set(self.handles().values()))

    def test_others_see_ids(self):
        text = self.d.get("/v1/feedback", token="quality").body.decode()
        for ident in self.IDS:
            self.assertIn(json.dumps(ident, ensure_ascii=False), text)

    def test_the_id_for_a_reason(self):
        handle = self.handles()["minsu.hong77"]
        path = f"/v1/customers/{handle}/unmask"
        self.assertEqual(self.d.request("POST", path, {"field": "id"}, token="agent").status, 400)
        answer = self.d.request("POST", path, {"field": "id", "reason": "회원 화면에서 찾기"}, token="agent")
        self.assertEqual(answer.json, {"field": "id", "value": "minsu.hong77"})
        entry = self.d.get("/v1/access-log", limit=1).json["items"][0]
        self.assertEqual((entry["whose"], entry["what"]["fields"]), (["minsu.hong77"], "id"))

    def test_the_access_log_names_the_customer(self):
        handle = self.handles()["minsu.hong77"]
        self.d.get(f"/v1/customers/{handle}/context", token="agent")
        self.assertEqual(self.d.get("/v1/access-log", limit=1).json["items"][0]["whose"], ["minsu.hong77"])

    def test_zy_after_a_restart(self):
        before = self.handles()
        self.d.stop()
        self.d.start()
        self.assertEqual(self.handles(), before)

    def test_zz_the_log_holds_nothing(self):
        self.hidden(self.d.log_text(), "log")


class Guessing(unittest.TestCase):
    """What is hidden can not be found out by asking: neither by filters nor by words."""

    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(extra="auth:\n  max_failures: 1000\n  bootstrap: tokens.json\n").start()
        cls.records = [dict(RECORD, external_id=f"g-{i}", customer={"id": f"m-{i}", "name": NAME, "phone": PHONE})
                       for i in range(3)]
        cls.records.append({"source": "web", "external_id": "open", "product": "teapot",
                            "text": "5432 번 상품 배송이 늦어요 minsugar"})
        assert cls.d.send(cls.records).json["accepted"] == 4

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def found(self, token="agent", **params):
        """Everything that an answer tells of a search: rows, whether there are more, and where."""
        answer = self.d.get("/v1/feedback", token=token, **params)
        self.assertEqual(answer.status, 200, answer)
        return [r["external_id"] for r in answer.json["items"]], answer.json["next_cursor"]

    def test_words_that_are_hidden_find_nothing(self):
        for words in (NAME, "궁민", "9876", "010-9876", "010-9876-5432", "98765432", "1234567", "234-567890", "테헤란로",
                      "302호", "M12345678", "minsu.ng", "minsu.ng@example.com", "5678-90", "배송 9876", "-9", "6-5432"):
            with self.subTest(words=words):
                plain, _ = self.found("quality", q=words)
                self.assertGreaterEqual(len(plain), 3)
                for limit in (1, 2, 50):
                    self.assertEqual(self.found(q=words, limit=limit), ([], None))
                file = self.d.get("/v1/feedback", token="agent", format="csv", q=words)
                self.assertEqual(len(file.body.decode().strip().split("\r\n")), 1)
                self.assertNotIn("X-Next-Cursor", file.headers)

    def test_no_digit_leaks(self):
        """Digit by digit: every answer to an agent is the same, right or wrong."""
        text = json.dumps(self.d.get("/v1/feedback", token="agent").json, ensure_ascii=False)
        for known, length in (("010-", 8), ("900101-", 8)):
            for digit in "0123456789":
                for words in (known + digit, digit * 3, f"{digit}-", f"-{digit}"):
                    rows, more = self.found(q=words, limit=1)
                    if words not in text:
                        self.assertEqual((rows, more), ([], None), words)

    def test_words_that_are_shown_find(self):
        for words, n in (("배송이 너무 늦어서", 3), ("화가 납니다", 3), ("강남구", 3), ("minsugar", 1), ("상품", 1), ("5432", 4)):
            rows, _ = self.found(q=words)
            self.assertEqual(len(rows), n, words)
            self.assertEqual(rows, self.found("quality", q=words)[0], words)

    def test_pages_of_words(self):
        rows, cursor = [], {}
        while True:
            page, more = self.found(q="배송이", limit=1, **cursor)
            rows += page
            if not more:
                break
            cursor = {"cursor": more}
        self.assertEqual(sorted(rows), ["g-0", "g-1", "g-2", "open"])

    def test_filters(self):
        for where in ("customer = m-1", "customer matches 'm*'", "conversation matches 'm*'", f"tag = '{NAME}'",
                      "attributes.연락처 matches '010-9*'", "attributes.x = 1", "product matches '*9876*'",
                      f"product = '상담 {PHONE}'", f"team in (a, '{PHONE}')", f"not (agent = '{EMAIL}')",
                      "category = delivery or channel matches '0*'", "status matches '010*'"):
            for more in ({}, {"format": "csv"}):
                answer = self.d.get("/v1/feedback", token="agent", where=where, **more)
                self.assertEqual((answer.status, answer.json["type"]), (403, "urn:vocd:problem:masked-field"), answer)
                self.assertRegex(answer.json["detail"], r"^where, column \d+: ")
                self.assertEqual(leaks(answer.body.decode()), [])
            self.assertEqual(self.d.get("/v1/feedback", token="quality", where=where).status, 200, where)
        self.assertEqual(self.found(where="product = teapot"), (["open"], None))
        self.assertEqual(len(self.found(where="kind = chat and source = web and category = delivery")[0]), 3)
        answer = self.d.get("/v1/feedback", token="agent", where="category = = x")
        self.assertEqual(answer.status, 400)


if __name__ == "__main__":
    unittest.main()
