"""The hooks of the presets, as they are shipped: what each vendor's documents say it sends, signed its
way, becomes the record that polling the same vendor gives; what is no voice of a customer is passed
over and is no dead letter; what is gone is removed. And what the configuration says wins."""
import copy
import json
import signal
import subprocess
import threading
import time
import unittest

from test_hook_schemes import KEY, SCHEMES, WHSEC
from vocd import ROOT, VOCD, Daemon, standard_signature

CONNECTORS = ROOT / "daemon/connectors"
BY = {s.name: s for s in SCHEMES}
NOW = int(time.time()) - 60
ISO = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW))


class Hook:
    """What is sent (`good`), what must come of it, changes that make it no record, the one that removes
    it, and headers that name a delivery."""
    def __init__(self, scheme, good, record, foreign=(), gone=None, delivery=None):
        self.scheme, self.good, self.record, self.foreign = scheme, good, record, foreign
        self.gone, self.delivery = gone, delivery

    def made(self, changes):
        payload = copy.deepcopy(self.good)
        for path, value in changes.items():
            at = payload
            *way, last = path.split(".")
            for name in way:
                at = at[name]
            if value is None:
                at.pop(last, None)
            else:
                at[last] = value
        return payload


HOOKS = {
    "zendesk": Hook(
        "zendesk",
        {"type": "zen:event-type:ticket.created", "account_id": 1, "id": "ev-1", "time": ISO,
         "zendesk_event_version": "2022-11-06", "subject": "zen:ticket:35436",
         "detail": {"id": "35436", "subject": "환불 문의", "description": "환불이 아직 안 됐어요", "status": "NEW",
                    "requester_id": "900", "assignee_id": "77", "tags": ["vip"], "via": {"channel": "web"},
                    "created_at": ISO, "updated_at": ISO},
         "event": {"meta": {"sequence": {"id": "s", "position": 1}}}},
        {"external_id": "35436", "conversation": "35436", "kind": "ticket", "channel": "web", "status": "new",
         "title": "환불 문의", "text": "환불이 아직 안 됐어요", "agent": "77"},
        [{"type": "zen:event-type:user.created", "detail.description": None}],
        {"type": "zen:event-type:ticket.soft_deleted"}, "X-Zendesk-Webhook-Invocation-Id"),
    "intercom": Hook(
        "intercom",
        {"type": "notification_event", "topic": "conversation.user.created", "id": "notif_1", "app_id": "a",
         "created_at": NOW,
         "data": {"type": "notification_event_data",
                  "item": {"type": "conversation", "id": "147", "created_at": NOW, "updated_at": NOW,
                           "state": "open", "admin_assignee_id": 5,
                           "source": {"type": "conversation", "subject": "", "body": "<p>결제가 두 번 됐어요</p>",
                                      "author": {"type": "user", "id": "u-3", "email": "kim@example.com"}}}}},
        {"external_id": "147", "kind": "chat", "channel": "conversation", "text": "결제가 두 번 됐어요",
         "agent": "5", "status": "open"},
        [{"topic": "conversation.admin.replied"}, {"topic": "ping", "data.item": {"message": "ping"}}],
        {"topic": "conversation.deleted", "data.item": {"id": "147"}}, None),
    "helpscout": Hook(
        "helpscout",
        {"id": 88, "number": 12, "type": "email", "status": "active", "subject": "교환", "preview": "색이 달라요",
         "createdAt": ISO, "userUpdatedAt": ISO, "assignee": {"id": 4},
         "primaryCustomer": {"id": 6, "email": "lee@example.com"}, "tags": [{"id": 1, "tag": "교환"}]},
        {"external_id": "88", "kind": "ticket", "channel": "email", "title": "교환", "text": "색이 달라요"},
        [{k: None for k in ("number", "type", "status", "subject", "preview", "createdAt", "userUpdatedAt",
                            "assignee", "primaryCustomer", "tags")}]),
    "front": Hook(
        "front",
        {"type": "inbound_received", "authorization": {"id": "cmp_a"},
         "payload": {"id": "evt_1", "type": "inbound", "emitted_at": NOW + 0.5,
                     "conversation": {"id": "cnv_1", "subject": "예약", "status": "unassigned", "assignee": None},
                     "target": {"_meta": {"type": "message"},
                                "data": {"id": "msg_1", "type": "email", "text": "예약 변경이 안 돼요"}}}},
        {"external_id": "evt_1", "conversation": "cnv_1", "channel": "email", "title": "예약",
         "text": "예약 변경이 안 돼요", "status": "unassigned"},
        [{"type": "outbound_sent"}]),
    "zammad": Hook(
        "zammad",
        {"ticket": {"id": 81, "number": "10081", "title": "설치 기사", "customer_id": 8, "owner_id": 3,
                    "article_count": 1, "created_at": ISO, "updated_at": ISO},
         "article": {"id": 104, "type": "email", "sender": "Customer", "internal": False,
                     "body": "기사님이 <b>안 오셨어요</b>"}},
        {"external_id": "81", "conversation": "10081", "kind": "ticket", "channel": "email", "title": "설치 기사",
         "text": "기사님이 안 오셨어요"},
        [{"article.sender": "Agent"}, {"ticket.article_count": 2}], None, "X-Zammad-Delivery"),
    "typeform": Hook(
        "typeform",
        {"event_id": "01EV", "event_type": "form_response",
         "form_response": {"form_id": "f", "token": "tok-1", "landed_at": ISO, "submitted_at": ISO,
                           "answers": [{"type": "text", "text": "앱이 느려요", "field": {"id": "a"}},
                                       {"type": "number", "number": 4, "field": {"id": "b"}},
                                       {"type": "text", "text": "상담은 좋았어요", "field": {"id": "c"}}]}},
        {"external_id": "tok-1", "kind": "survey", "text": "앱이 느려요\n상담은 좋았어요"},
        [{"event_type": "form_response_partial"}]),
    "formbricks": Hook(
        "standard",
        {"webhookId": "w", "event": "responseFinished",
         "data": {"id": "r-1", "surveyId": "s-1", "createdAt": ISO, "updatedAt": ISO, "finished": True,
                  "data": {"q1": "배송이 빨랐어요"}}},
        {"external_id": "r-1", "kind": "survey", "text": "배송이 빨랐어요", "attributes": {"survey": "s-1"}},
        [{"event": "responseCreated"}]),
    "slack": Hook(
        "slack",
        {"type": "event_callback", "team_id": "T", "event_id": "Ev1",
         "event": {"type": "message", "channel": "C1", "user": "U7", "text": "쿠폰이 적용이 안 돼요",
                   "ts": f"{NOW}.000200", "thread_ts": f"{NOW}.000100"}},
        {"external_id": f"{NOW}.000200", "conversation": f"{NOW}.000100", "kind": "social", "channel": "slack",
         "text": "쿠폰이 적용이 안 돼요"},
        [{"event.subtype": "channel_join"}, {"event.bot_id": "B1"}, {"event.type": "reaction_added"}]),
    "github": Hook(
        "github",
        {"action": "opened", "repository": {"full_name": "acme/app"},
         "issue": {"id": 9001, "number": 12, "title": "로그인 오류", "body": None, "state": "open",
                   "html_url": "https://github.com/acme/app/issues/12", "user": {"login": "jane"},
                   "labels": [{"name": "bug"}], "created_at": ISO, "updated_at": ISO}},
        {"external_id": "9001", "conversation": "12", "kind": "ticket", "text": "로그인 오류", "status": "open",
         "tags": ["bug"]},
        [{"comment": {"id": 1, "body": "고쳤습니다"}}, {"issue": None, "zen": "Keep it"},
         {"issue.pull_request": {"url": "x"}}],
        {"action": "deleted"}, "X-GitHub-Delivery"),
    "chatwoot": Hook(
        "chatwoot",
        {"event": "message_created", "id": 55, "content": "대기가 너무 길어요", "message_type": "incoming",
         "created_at": "2020-03-03 13:05:57 UTC", "sender": {"id": 2, "name": "가나", "email": "g@example.com"},
         "conversation": {"id": 567, "status": "open"}},
        {"external_id": "message-55", "conversation": "567", "kind": "chat", "channel": "chatwoot",
         "text": "대기가 너무 길어요"},
        [{"message_type": "outgoing"}, {"event": "message_updated"}, {"content": None}], None, "X-Chatwoot-Delivery"),
    "unverified/channel-talk": Hook(
        "token",
        {"event": "push", "type": "message", "refers": {},
         "entity": {"id": "m-1", "chatId": "c-1", "chatType": "userChat", "personType": "user", "personId": "p-1",
                    "plainText": "언제 도착하나요?", "createdAt": NOW * 1000}},
        {"external_id": "m-1", "conversation": "c-1", "kind": "chat", "text": "언제 도착하나요?"},
        [{"entity.personType": "manager"}, {"type": "userChat"}]),
    "standard-webhooks": Hook(
        "standard",
        {"type": "feedback.created", "timestamp": ISO,
         "data": {"external_id": "s-1", "kind": "review", "text": "좋아요", "rating": {"value": 5, "scale": 5}}},
        {"external_id": "s-1", "kind": "review", "text": "좋아요"}),
}


def checked(d):
    return subprocess.run([VOCD, "--config", d.config, "--check-config"], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def standard_headers(body, delivery, key):
    secret, stamp = WHSEC if key == KEY else "whsec_" + "A" * 32, str(int(time.time()))
    return {"webhook-id": delivery, "webhook-timestamp": stamp,
            "webhook-signature": standard_signature(secret, delivery, stamp, body)}


def connector_of(preset):
    """Presets by name, the others by their file."""
    return f"{CONNECTORS / preset}.yaml" if "/" in preset else preset


def source_of(preset):
    return preset.split("/")[-1]


class HookPresets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(hooks="#")
        for name, text in (("key", KEY), ("whsec", WHSEC)):
            cls.d.put_secret(name, text + "\n")
        cls.d.hooks = "".join(
            f"- source: {source_of(preset)}\n  connector: {connector_of(preset)}\n"
            f"  secret_file: {cls.d.dir}/{'whsec' if hook.scheme == 'standard' else 'key'}\n"
            for preset, hook in HOOKS.items())
        cls.d.hooks += (f"- source: own\n  connector: github\n  scheme: token\n"
                        f"  secret_file: {cls.d.dir}/key\n  map: {{external_id: $.issue.number, text: $.issue.title}}\n")
        cls.d.write_config()
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def send(self, preset, payload, delivery, key=KEY):
        hook, body = HOOKS[preset], json.dumps(payload).encode()
        if hook.scheme == "token":
            headers = {"X-Vocd-Token": key}
        elif hook.scheme == "standard":
            headers = standard_headers(body, delivery, key)
        else:
            headers = BY[hook.scheme].headers(body, key=key)
        if hook.delivery:
            headers[hook.delivery] = delivery
        return self.d.request("POST", f"/v1/hooks/demo/{source_of(preset)}", body, token=None, headers=headers)

    def rows(self, preset):
        return {r["external_id"]: r for r in self.d.rows(where=f"source = {source_of(preset)}")}

    def test_every_preset_with_a_hook_is_here(self):
        with_hook = {str(p.relative_to(CONNECTORS))[:-5] for p in CONNECTORS.rglob("*.yaml")
                     if "\nhook:\n" in p.read_text()}
        self.assertEqual(with_hook, set(HOOKS))

    def test_what_is_sent_becomes_the_record(self):
        for preset, hook in HOOKS.items():
            with self.subTest(preset=preset):
                self.assertEqual(self.send(preset, hook.good, "d-0", key="another-secret-of-it-0123").status, 401)
                for i, changes in enumerate(hook.foreign):
                    answer = self.send(preset, hook.made(changes), f"f-{i}")
                    self.assertEqual((answer.status, answer.json["accepted"], answer.json["rejected_count"]),
                                     (200, 0, 0), (changes, answer))
                self.assertNotIn(hook.record["external_id"], self.rows(preset), "what is no record")
                answer = self.send(preset, hook.good, "d-1")
                self.assertEqual((answer.status, answer.json.get("accepted")), (200, 1), answer)
                row = self.rows(preset)[hook.record["external_id"]]
                self.assertEqual({k: row.get(k) for k in hook.record}, hook.record)
                again = self.send(preset, hook.good, "d-2").json
                self.assertEqual((again["accepted"], again["updated"], again["duplicates"]), (0, 0, 1), again)
                if hook.gone:
                    gone = hook.made({**hook.gone, **({"id": "notif_2"} if "topic" in hook.gone else {})})
                    self.assertEqual(self.send(preset, gone, "d-3").status, 200)
                    self.assertEqual(self.rows(preset), {}, "what is gone")
        self.assertEqual(self.d.get("/v1/dead-letters").json["items"], [])

    def test_the_list_of_sources_names_them(self):
        told = {s["source"]: (s["state"], s["connector"]) for s in self.d.get("/v1/sources").json["items"]}
        self.assertEqual(told["zendesk"], ("receiving", "zendesk"))
        self.assertEqual(told["channel-talk"], ("receiving", "channel-talk"))

    def test_addresses_are_tried(self):
        answer = self.send("slack", {"type": "url_verification", "challenge": "c-1"}, "x")
        self.assertEqual((answer.status, answer.body), (200, b"c-1"))
        body = b'{"type":"sync","authorization":{"id":"cmp_a"}}'
        headers = {**BY["front"].headers(body), "X-Front-Challenge": "c-2"}
        answer = self.d.request("POST", "/v1/hooks/demo/front", body, token=None, headers=headers)
        self.assertEqual((answer.status, answer.body), (200, b"c-2"))

    def test_what_the_configuration_says_wins(self):
        payload = json.dumps({**HOOKS["github"].good, "action": "edited"}).encode()
        answer = self.d.request("POST", "/v1/hooks/demo/own", payload, token=None, headers={"X-Vocd-Token": KEY})
        self.assertEqual(answer.json["accepted"], 1, answer)
        self.assertEqual(list(self.rows("own")), ["12"])
        comment = json.dumps(HOOKS["github"].made({"comment": {"id": 1}})).encode()     # the preset's filter holds
        answer = self.d.request("POST", "/v1/hooks/demo/own", comment, token=None, headers={"X-Vocd-Token": KEY})
        self.assertEqual((answer.status, answer.json["accepted"]), (200, 0), answer)

    def test_a_record_list_of_standard_webhooks(self):
        body = {"type": "x", "timestamp": ISO, "data": [{"external_id": f"l-{i}", "text": "a"} for i in range(3)]}
        raw = json.dumps(body).encode()
        answer = self.d.request("POST", "/v1/hooks/demo/standard-webhooks", raw, token=None,
                                headers=standard_headers(raw, "msg_list", KEY))
        self.assertEqual(answer.json["accepted"], 3, answer)
        self.assertLessEqual({"l-0", "l-1", "l-2"}, set(self.rows("standard-webhooks")))


class Reload(unittest.TestCase):
    def test_webhooks_under_way_outlive_a_reload(self):
        """What is being committed belongs to the configuration it came in under."""
        d = Daemon(hooks="- source: a\n  scheme: none\n  filter: $.ok\n  dedupe: $.id\n"
                         "  map: {external_id: $.id, text: $.text}\n")
        self.addCleanup(lambda: d.__exit__(None, None, None))
        d.start()
        failed, sent = [], []

        def send(who):
            for i in range(60):
                body = json.dumps({"ok": 1, "id": f"{who}-{i}", "text": "배송 " * 50})
                answer = d.request("POST", "/v1/hooks/demo/a", body.encode(), token=None)
                (sent if answer.status == 200 else failed).append(answer)
        senders = [threading.Thread(target=send, args=(who,)) for who in range(8)]
        for thread in senders:
            thread.start()
        while any(thread.is_alive() for thread in senders):
            d.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        self.assertEqual((failed, len(sent)), ([], 8 * 60))
        self.assertEqual(d.count(), 8 * 60)
        d.stop()                                     # under ASan a use after free would be the exit code


class Configuration(unittest.TestCase):
    """What is wrong with a hook's connector is told where it stands, before anything takes effect."""
    def check(self, hook, connector=None):
        d = Daemon(hooks=f"- source: a\n  secret_env: HOME\n{hook}")
        self.addCleanup(lambda: d.__exit__(None, None, None))
        if connector is not None:
            (d.dir / "c.yaml").write_text(connector)
        d.write_config()
        done = checked(d)
        return done.returncode, done.stdout.decode().replace(str(d.dir) + "/", "")

    def test_mistakes(self):
        for hook, connector, words in (
                ("  connector: nowhere\n", None, "connector: nowhere can not be read"),
                ("  connector: ./c.yaml\n", "connector: c\nbase: https://a\n", "describes no hook"),
                ("  connector: ./c.yaml\n", "connector: c\nhook: {scheme: sloth}\n", "c.yaml:2:16: workspaces.hooks.scheme"),
                ("  connector: ./c.yaml\n", "connector: c\nhook: {scheme: slack, secret_file: x}\n",
                 "c.yaml:2:23: secret_file belongs into the configuration"),
                ("  connector: ./c.yaml\n", "connector: c\nhook:\n  scheme: slack\n  filter: $.a =\n", "c.yaml:4:11: filter"),
                ("  connector: ./c.yaml\n", "connector: c\nhook:\n  scheme: slack\n  scheme: github\n", "is given twice"),
                ("  connector: ./c.yaml\n", "connector: [c\n", "c.yaml:"),
                ("  connector: ./c.yaml\n", "connector: c\nhook: {records: $.a}\n", "scheme is missing here"),
                ("  connector: ./c.yaml\n", "connector: c\nhook: {scheme: none}\n",
                 "c.yaml:2:16: scheme none, anybody may send, must stand in the configuration"),
                ("  records: $\n", None, "scheme is missing here")):
            with self.subTest(connector=connector, hook=hook):
                rc, told = self.check(hook, connector)
                self.assertEqual(rc, 2, told)
                self.assertIn(words, told)
        rc, told = self.check("  connector: ./c.yaml\n", "connector: c\nhook: {scheme: slack}\n")
        self.assertEqual(rc, 0, told)

    def test_connectors_may_be_named_after_the_hooks(self):
        d = Daemon(hooks="- source: a\n  secret_env: HOME\n  connector: desk\n", extra="")
        self.addCleanup(lambda: d.__exit__(None, None, None))
        (d.dir / "presets").mkdir()
        (d.dir / "presets/desk.yaml").write_text("connector: desk\nhook: {scheme: github}\n")
        d.write_config()
        text = d.config.read_text()
        where = next(x for x in text.splitlines(True) if x.startswith("connectors: "))
        d.config.write_text(text.replace(where, "") + f"connectors: {d.dir}/presets\n")
        done = checked(d)
        self.assertEqual(done.returncode, 0, done)

    def test_a_source_can_not_ask_by_it(self):
        d = Daemon(sources="- source: a\n  connector: ./c.yaml\n")
        self.addCleanup(lambda: d.__exit__(None, None, None))
        (d.dir / "c.yaml").write_text("connector: c\nhook: {scheme: slack}\n")
        d.write_config()
        done = checked(d)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"nothing can be asked by a connector of a hook alone", done.stdout)


if __name__ == "__main__":
    unittest.main()
