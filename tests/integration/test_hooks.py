"""POST /v1/hooks/{workspace}/{source}: signatures over the raw bytes, mapping, dead letters."""
import base64
import hashlib
import hmac
import json
import time
import unittest

from vocd import Daemon, iso, standard_signature

STANDARD = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ROTATED = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
ZENDESK = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rz"
TOKEN = "a-token-of-thirty-two-characters"

HOOKS = """
- source: formbricks
  scheme: standard
  secret_file: {dir}/standard
  records: $.data
  map:
    external_id: $.id
    created_at: $.createdAt
    kind: =survey
    text: $.data.comment
    answers.nps: $.data.nps
    customer.email: $.data.email
- source: zendesk
  scheme: zendesk
  secret_file: {dir}/zendesk
  tolerance: 2m
  map:
    external_id: $.ticket.id
    conversation: $.ticket.id
    kind: =ticket
    title: $.ticket.subject
    text: $.ticket.description
    customer.id: $.ticket.requester_id
    tags: $.ticket.tags[*]
    answers.csat:
      path: $.ticket.satisfaction_rating.score
      enum: {{good: 5, bad: 1}}
      scale: 5
- source: bot
  scheme: token
  secret_file: {dir}/token
  records: $.messages[*]
- source: open
  scheme: none
"""


def zendesk_headers(body, stamp, secret=ZENDESK):
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {"X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp}


def standard_headers(body, stamp=None, secret=STANDARD, ident="msg_1"):
    stamp = str(int(time.time()) if stamp is None else stamp)
    return {"webhook-id": ident, "webhook-timestamp": stamp,
            "webhook-signature": standard_signature(secret, ident, stamp, body)}


def answer_of(ident, comment="배송이 너무 늦어요", nps=2):
    return {"event": "responseFinished",
            "data": {"id": ident, "createdAt": iso(60),
                     "data": {"comment": comment, "nps": nps, "email": "Kim@Example.com"}}}


def ticket(ident, **more):
    return {"ticket": {"id": ident, "subject": "환불", "description": "환불이 아직도 안 됐어요",
                       "requester_id": 77, "tags": ["refund", "vip"],
                       "satisfaction_rating": {"score": "bad"}, **more}}


class Hooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(hooks="#")
        for name, text in (("standard", ROTATED + "\n" + STANDARD + "\n"), ("zendesk", ZENDESK),
                           ("token", TOKEN + "\n")):
            cls.d.put_secret(name, text)
        cls.d.hooks = HOOKS.format(dir=cls.d.dir)
        cls.d.write_config()
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def post(self, source, body, headers=None, workspace="demo", query=""):
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        return self.d.request("POST", f"/v1/hooks/{workspace}/{source}{query}", body, token=None,
                              headers={"Content-Type": "application/json", **(headers or {})})

    def standard(self, payload, **kw):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.post("formbricks", body, standard_headers(body, **kw))

    def zendesk(self, payload, stamp=None, **kw):
        body = json.dumps(payload, ensure_ascii=False).encode()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) if stamp is None else stamp
        return self.post("zendesk", body, zendesk_headers(body, stamp, **kw))

    def counts(self, answer, accepted, updated, duplicates, rejected):
        self.assertEqual(answer.status, 200, answer)
        j = answer.json
        self.assertEqual((j["accepted"], j["updated"], j["duplicates"], j["rejected_count"]),
                         (accepted, updated, duplicates, rejected), answer)
        return answer

    def refused(self, answer):
        self.assertEqual(answer.status, 401, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def letters(self):
        return [self.d.get("/v1/dead-letters/" + x["id"]).json
                for x in self.d.get("/v1/dead-letters", limit=1000).json["items"]]

    def record(self, source, external_id):
        found = [r for r in self.d.rows(where=f"source = {source}")
                 if r["external_id"] == external_id]
        self.assertEqual(len(found), 1, external_id)
        return found[0]

    # --- who sent it ---

    def test_published_vectors(self):
        """The vectors the vendors' own libraries agree on, against what this file computes."""
        digest = hmac.new(b"secret", b'1674087231{"a":1}', hashlib.sha256).digest()
        self.assertEqual(base64.b64encode(digest).decode(),
                         "fniBcyH5PP5590Bj23nnTALxtgkK9yOikty3Iq5oTZg=")
        self.assertEqual(standard_signature(STANDARD, "msg_1", "1674087231", b'{"a":1}'),
                         "v1,c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ=")

    def test_standard(self):
        self.counts(self.standard(answer_of("std-1")), 1, 0, 0, 0)
        kept = self.record("formbricks", "std-1")
        self.assertEqual(kept["kind"], "survey")
        self.assertEqual(kept["text"], "배송이 너무 늦어요")
        self.assertEqual(kept["answers"], {"nps": {"value": 2, "scale": 10}})
        self.assertEqual(kept["customer"]["email"], "kim@example.com")

    def test_resent_is_a_duplicate(self):
        payload = answer_of("std-again")
        self.counts(self.standard(payload), 1, 0, 0, 0)
        self.counts(self.standard(payload), 0, 0, 1, 0)
        self.counts(self.standard(payload, ident="msg_2"), 0, 0, 1, 0)

    def test_both_secrets_of_a_rotation(self):
        self.counts(self.standard(answer_of("rot-1"), secret=ROTATED), 1, 0, 0, 0)
        body = json.dumps(answer_of("rot-2")).encode()
        headers = standard_headers(body)
        headers["webhook-signature"] = "v1,AAAA " + headers["webhook-signature"]
        self.counts(self.post("formbricks", body, headers), 1, 0, 0, 0)

    def test_standard_refusals(self):
        body = json.dumps(answer_of("no")).encode()
        good = standard_headers(body)
        other = "whsec_" + base64.b64encode(b"x" * 32).decode()
        cases = {
            "another secret": (body, standard_headers(body, secret=other)),
            "another body": (body + b" ", good),
            "another id": (body, {**good, "webhook-id": "msg_2"}),
            "another time": (body, {**good, "webhook-timestamp": str(int(time.time()) + 1)}),
            "too old": (body, standard_headers(body, int(time.time()) - 310)),
            "too new": (body, standard_headers(body, int(time.time()) + 310)),
            "no headers": (body, {}),
            "no signature": (body, {k: v for k, v in good.items() if k != "webhook-signature"}),
            "no time": (body, {k: v for k, v in good.items() if k != "webhook-timestamp"}),
            "time is no number": (body, {**good, "webhook-timestamp": "now"}),
            "another version": (body, {**good, "webhook-signature":
                                       good["webhook-signature"].replace("v1,", "v2,")}),
            "empty signature": (body, {**good, "webhook-signature": "v1,"}),
        }
        for name, (sent, headers) in cases.items():
            with self.subTest(case=name):
                self.refused(self.post("formbricks", sent, headers))
        self.assertEqual([r for r in self.d.rows(where="source = formbricks")
                          if r["external_id"] == "no"], [])

    def test_zendesk(self):
        self.counts(self.zendesk(ticket(35436)), 1, 0, 0, 0)
        kept = self.record("zendesk", "35436")
        self.assertEqual((kept["conversation"], kept["title"], kept["customer"]["id"]),
                         ("35436", "환불", "77"))
        self.assertEqual(kept["tags"], ["refund", "vip"])
        self.assertEqual(kept["answers"], {"csat": {"value": 1, "scale": 5}})
        self.counts(self.zendesk(ticket(35436, description="이제 됐네요")), 0, 1, 0, 0)

    def test_zendesk_refusals(self):
        now = time.time()
        self.refused(self.zendesk(ticket(1), secret="other"))
        old = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 130))
        self.refused(self.zendesk(ticket(1), stamp=old))
        self.refused(self.zendesk(ticket(1), stamp="yesterday"))
        body = json.dumps(ticket(1)).encode()
        self.refused(self.post("zendesk", body))
        # a replay with a fresh time does not carry the signature
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 60))
        headers = zendesk_headers(body, stamp)
        headers["X-Zendesk-Webhook-Signature-Timestamp"] = time.strftime(
            "%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        self.refused(self.post("zendesk", body, headers))
        self.assertEqual([r for r in self.d.rows(where="source = zendesk") if r["external_id"] == "1"],
                         [])

    def test_token(self):
        payload = {"messages": [{"external_id": "b-1", "text": "hello", "kind": "chat"},
                                {"external_id": "b-2", "text": "hi", "kind": "chat"}]}
        self.refused(self.post("bot", payload))
        self.refused(self.post("bot", payload, {"Authorization": "Bearer wrong"}))
        self.refused(self.post("bot", payload, query="?token=wrong"))
        self.counts(self.post("bot", payload, {"Authorization": "Bearer " + TOKEN}), 2, 0, 0, 0)
        for r in payload["messages"]:
            r["text"] += "!"
        self.counts(self.post("bot", payload, query="?token=" + TOKEN), 0, 2, 0, 0)
        self.assertNotIn(TOKEN, self.d.log_text())

    def test_an_api_token_is_no_hook_token(self):
        self.refused(self.post("bot", {"messages": []},
                               {"Authorization": "Bearer " + self.d.tokens["admin"]}))

    def test_unknown_hooks(self):
        for workspace, source in (("demo", "nobody"), ("nowhere", "zendesk"), ("nowhere", "open")):
            answer = self.post(source, {"external_id": "1", "text": "a"}, workspace=workspace)
            self.assertEqual(answer.status, 404, answer)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    # --- what it says ---

    def test_a_payload_can_not_speak_for_another_source(self):
        self.counts(self.post("open", {"source": "zendesk", "external_id": "o-1", "text": "a"}),
                    1, 0, 0, 0)
        self.assertEqual(self.record("open", "o-1")["source"], "open")

    def test_empty_body_is_a_trial(self):
        self.counts(self.post("open", b""), 0, 0, 0, 0)

    def test_dead_letters(self):
        before = {letter["id"] for letter in self.letters()}
        counter = self.d.metric("vocd_dead_letters_total")
        cases = [
            (b'{"external_id": ', "malformed_json"),
            (b'{"external_id":"d","text":"\xff"}', "invalid_utf8"),
            (json.dumps({"external_id": "d", "text": "a", "colour": 1}).encode(), "unknown_field"),
            (json.dumps({"text": "표시 없음"}).encode(), "missing_external_id"),
            (b"[1]", "not_an_object"),
            (b"null", "no_record"),
        ]
        for body, code in cases:
            with self.subTest(code=code):
                answer = self.post("open", body)
                self.assertTrue(200 <= answer.status < 300, answer)
                letter = [x for x in self.letters() if x["id"] not in before]
                self.assertEqual([x["code"] for x in letter], [code], letter)
                before |= {x["id"] for x in letter}
                self.assertEqual(letter[0]["source"], "open")
                kept = letter[0].get("payload")
                if kept is None:
                    self.assertEqual(base64.b64decode(letter[0]["payload_base64"]), body)
                else:
                    self.assertEqual(json.loads(kept) if code != "malformed_json" else kept,
                                     1 if body == b"[1]" else
                                     json.loads(body) if code != "malformed_json" else body.decode())
        self.assertEqual(self.d.metric("vocd_dead_letters_total"), counter + len(cases))

    def test_one_bad_record_of_many(self):
        payload = {"messages": [{"external_id": "m-1", "text": "a"}, {"external_id": "m-2"},
                                {"external_id": "m-3", "text": "c"}]}
        before = len(self.letters())
        self.counts(self.post("bot", payload, {"Authorization": "Bearer " + TOKEN}), 2, 0, 0, 1)
        letters = self.letters()
        self.assertEqual(len(letters), before + 1)
        self.assertEqual(json.loads(letters[0]["payload"]), {"external_id": "m-2"})  # newest first
        self.assertEqual(letters[0]["code"], "nothing_to_read")

    def test_no_record_at_the_path(self):
        answer = self.standard({"event": "responseCreated"})
        self.counts(answer, 0, 0, 0, 1)
        self.assertEqual(self.letters()[0]["code"], "no_record")

    def test_unmapped_values(self):
        """A score without a meaning is no answer; the rest of the record is taken."""
        self.counts(self.zendesk(ticket(900, satisfaction_rating={"score": "offered"})), 1, 0, 0, 0)
        self.assertNotIn("answers", self.record("zendesk", "900"))

    def test_letters_and_records_outlive_a_restart(self):
        self.post("open", {"external_id": "kept", "text": "a"})
        self.post("open", {"nothing": 1})
        letters = self.letters()
        self.d.stop()
        self.d.start()
        self.assertEqual(self.letters(), letters)
        self.record("open", "kept")

    def test_no_secret_in_the_log(self):
        text = self.d.log_text()
        for secret in (STANDARD, ROTATED, ZENDESK, TOKEN):
            self.assertNotIn(secret, text)
            self.assertNotIn(secret.removeprefix("whsec_"), text)


if __name__ == "__main__":
    unittest.main()
