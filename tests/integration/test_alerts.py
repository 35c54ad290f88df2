"""From a rule to a person: one firing and one resolved notice, signed, in Alertmanager's shape; a receiver
that is down for a while; acknowledging with history. What needs a minute to pass shares one minute."""
import base64
import json
import re
import time
import unittest

from vocd import Daemon, Receiver, eventually, iso, standard_signature

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BAD, GOOD = "배송이 너무 늦어서 정말 화가 납니다", "배송이 빨라서 정말 좋아요 감사합니다"


def minute_begins(room):
    """The start of the minute we are in, when at least `room` seconds of it are left."""
    if 60 - time.time() % 60 < room:
        time.sleep(60 - time.time() % 60 + 0.1)
    return int(time.time()) // 60 * 60


class Alerts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.team, cls.chat = Receiver().up(), Receiver(200).up()
        cls.d = Daemon(receivers="#", extra="external_url: https://voc.example.com\n"
                       "alert:\n  retry_max_age: 1h\n")
        cls.d.put_secret("secret", SECRET + "\n")
        cls.d.receivers = f"""
- name: team
  type: webhook
  url: http://127.0.0.1:{cls.team.port}/voc
  secret_file: {cls.d.dir}/secret
  allow_private: true
- name: slack
  type: slack
  url: http://127.0.0.1:{cls.chat.port}/slack
  allow_private: true
- name: jandi
  type: jandi
  url: http://127.0.0.1:{cls.chat.port}/jandi
  allow_private: true
- name: calm
  type: webhook
  url: http://127.0.0.1:{cls.chat.port}/calm
  allow_private: true
  severities: [critical]
  send_resolved: false
- name: guarded
  type: webhook
  url: http://127.0.0.1:{cls.chat.port}/guarded
"""
        cls.d.write_config()
        cls.d.start()
        cls.serial = 0

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)
        cls.team.down()
        cls.chat.down()

    def rule(self, name, **rule):
        rule = {"where": f"source = {name}", "measure": "negative_rate", "op": ">=", "threshold": 0.6,
                "recover": 0.4, "window": "1h", "min_samples": 4, "severity": "critical",
                "receivers": ["team"], **rule}
        rule = {k: v for k, v in rule.items() if v is not None}
        answer = self.d.request("PUT", f"/v1/alert-rules/{name}", rule, token="supervisor")
        self.assertEqual(answer.status, 204, answer)

    def send(self, source, texts, ago=30, **more):
        batch = []
        for text in texts:
            type(self).serial += 1
            batch.append({"source": source, "external_id": str(self.serial), "text": text,
                          "created_at": iso(ago), **more})
        answer = self.d.send(batch)
        self.assertEqual((answer.status, answer.json["accepted"]), (200, len(batch)), answer)
        return answer.json["ids"]

    def alerts(self, rule, **params):
        return [a for a in self.d.get("/v1/alerts", limit=500, **params).json["items"]
                if a["rule"] == rule]

    def notices(self, receiver, rule, path=None):
        found = []
        for headers, body in receiver.got():
            parsed = json.loads(body)
            if parsed.get("commonLabels", {}).get("alertname") == rule or rule in body.decode():
                found.append((headers, body, parsed))
        return found

    def one(self, rule, status="firing"):
        return eventually(lambda: self.alerts(rule, status=status), what=f"{rule} {status}")[0]

    def test_fires_once_and_resolves_once(self):
        self.rule("rate", title="배송 불만 급증", group_by=["product"])
        self.send("rate", [BAD] * 3, product="A")
        self.assertEqual(self.alerts("rate"), [])  # three are too few
        ids = self.send("rate", [BAD] * 2, product="A")
        alert = self.one("rate")
        self.send("rate", [GOOD] * 5, product="B")  # another group
        self.send("rate", [BAD] * 6, product="A")  # more of the same fires nothing more
        self.assertEqual([a["id"] for a in self.alerts("rate")], [alert["id"]])
        self.assertEqual((alert["status"], alert["severity"], alert["title"], alert["group"]),
                         ("firing", "critical", "배송 불만 급증", {"product": "A"}))
        self.assertGreaterEqual(alert["n"], 4)
        self.assertGreaterEqual(alert["value"], 0.6)
        self.assertTrue(set(alert["examples"]) & set(ids), "drills to its rows")
        self.assertEqual(self.d.get("/v1/feedback/" + alert["examples"][0]).status, 200)
        for lang in ("ko", "en"):
            self.assertTrue(alert["reason"][lang])
        eventually(lambda: self.notices(self.team, "rate"), what="the notice")

        self.send("rate", [GOOD] * 30, product="A")
        over = self.one("rate", "resolved")
        self.assertEqual(over["id"], alert["id"])
        self.assertGreater(over["ends_at"], over["starts_at"])
        eventually(lambda: len(self.notices(self.team, "rate")) == 2, what="the resolved notice")
        (fh, fbody, firing), (rh, rbody, resolved) = self.notices(self.team, "rate")
        self.assertEqual((firing["status"], resolved["status"]), ("firing", "resolved"))
        for headers, body in ((fh, fbody), (rh, rbody)):
            self.assertEqual(headers["webhook-signature"], standard_signature(
                SECRET, headers["webhook-id"], headers["webhook-timestamp"], body))
            self.assertLess(abs(int(headers["webhook-timestamp"]) - time.time()), 300)
            self.assertEqual(headers["content-type"].split(";")[0], "application/json")
        sent = [h["webhook-id"] for h in (fh, rh)]
        told = {n["phase"]: n["id"] for n in over["notices"] if n["receiver"] == "team"}
        for phase, ident in zip(("firing", "resolved"), sent):
            self.assertIn(told[phase], ident)
        self.assertEqual(len(set(sent)), 2)
        self.alertmanager_v4(firing, alert)
        self.alertmanager_v4(resolved, over)
        self.assertEqual(firing["alerts"][0]["fingerprint"], resolved["alerts"][0]["fingerprint"])
        self.assertEqual(firing["groupKey"], resolved["groupKey"])

        self.send("rate", [BAD] * 400, product="A")
        again = self.one("rate")  # a new firing is a new alert
        self.assertNotEqual(again["id"], alert["id"])

    def alertmanager_v4(self, body, alert):
        """What Alertmanager's documentation says a webhook_config gets."""
        self.assertEqual(body["version"], "4")
        for name, kind in (("groupKey", str), ("truncatedAlerts", int), ("status", str),
                           ("receiver", str), ("groupLabels", dict), ("commonLabels", dict),
                           ("commonAnnotations", dict), ("externalURL", str), ("alerts", list),
                           ("vocd", dict)):
            self.assertIsInstance(body.get(name), kind, name)
        self.assertEqual(body["receiver"], "team")
        self.assertTrue(body["externalURL"].startswith("https://voc.example.com"))
        self.assertEqual(len(body["alerts"]), 1)
        one = body["alerts"][0]
        for name in ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL",
                     "fingerprint"):
            self.assertIn(name, one)
        self.assertEqual(one["labels"]["alertname"], alert["rule"])
        self.assertEqual(one["labels"]["severity"], "critical")
        self.assertEqual(one["labels"]["product"], "A")
        for labels in (one["labels"], one["annotations"], body["commonLabels"], body["groupLabels"]):
            for key, value in labels.items():
                self.assertRegex(key, r"^[a-zA-Z_][a-zA-Z0-9_]*$")
                self.assertIsInstance(value, str)
        when = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
        self.assertRegex(one["startsAt"], when)
        self.assertRegex(one["endsAt"], when)
        self.assertEqual(one["endsAt"].startswith("0001-01-01"), one["status"] == "firing")

    def test_resolves_by_time_without_traffic(self):
        """The window slides by the minute: what is in its oldest minute leaves with the next."""
        self.rule("timer", measure="count", threshold=3, recover=1, min_samples=1, window="5m")
        self.rule("each", where="source = each", each=True, window="5m", measure=None, op=None,
                  threshold=None, recover=None, min_samples=None)
        oldest = minute_begins(15) - 5 * 60 + 1
        self.send("timer", [BAD] * 3, ago=time.time() - oldest)
        self.send("each", [BAD], ago=time.time() - oldest)
        alert, single = self.one("timer"), self.one("each")
        self.assertIsNone(single["measure"])
        gauge = eventually(lambda: self.d.metric("vocd_alerts_firing") or None, seconds=60, what="gauge")
        self.assertGreaterEqual(gauge, 1)
        self.d.stop()  # the timer outlives a restart
        self.d.start()
        over = eventually(lambda: self.alerts("timer", status="resolved"), seconds=80,
                          what="the end by time")[0]
        self.assertEqual(over["id"], alert["id"])
        eventually(lambda: len(self.notices(self.team, "timer")) == 2, what="both notices")
        self.assertEqual([p["status"] for _, _, p in self.notices(self.team, "timer")],
                         ["firing", "resolved"])

    def test_replaced_records_count_once(self):
        self.rule("replaced", measure="count", where="source = replaced and sentiment = negative",
                  threshold=3, recover=3, min_samples=1)
        items = [{"source": "replaced", "external_id": str(i), "text": BAD, "created_at": iso(60)}
                 for i in range(2)]
        for _ in range(5):
            self.assertEqual(self.d.send(items).status, 200)
        for i, item in enumerate(items):
            self.d.send(dict(item, status="open"))
        self.assertEqual(self.alerts("replaced"), [])
        self.d.send(dict(items[0], external_id="third"))
        alert = self.one("replaced")
        self.d.send(dict(items[0], text=GOOD))
        self.assertEqual(self.one("replaced", "resolved")["id"], alert["id"])

    def test_old_and_backfilled_records_raise_nothing(self):
        self.rule("quiet", measure="count", threshold=1, recover=1, min_samples=1, window="10m")
        self.rule("quiet-each", where="source = quiet", each=True, measure=None, op=None, threshold=None,
                  recover=None, min_samples=None, window="10m")
        self.send("quiet", [BAD] * 5, ago=10, backfill=True)
        self.send("quiet", [BAD] * 5, ago=3600 + 700)  # older than window + lateness
        self.send("quiet", [BAD] * 5, ago=40 * 86400)
        self.assertEqual(self.alerts("quiet") + self.alerts("quiet-each"), [])
        self.send("quiet", [BAD])
        self.one("quiet")
        self.one("quiet-each")

    def test_a_receiver_that_was_down(self):
        self.rule("down", measure="count", threshold=1, recover=1, min_samples=1)
        self.team.down()
        ids = self.send("down", [BAD])
        alert = self.one("down")
        retried = 'vocd_notices_total{result="retried"}'
        eventually(lambda: (self.d.metric(retried) or 0) >= 1, what="a failed attempt")
        self.d.stop()  # what waits is on disk
        self.d.start()
        # corrected while the receiver is away: the resolved notice waits behind the firing one
        self.d.send({"source": "down", "external_id": str(self.serial), "text": "x", "created_at": iso(40),
                     "backfill": True})
        self.assertEqual(self.one("down", "resolved")["id"], alert["id"])
        self.assertTrue(ids)
        self.team.up()
        eventually(lambda: len(self.notices(self.team, "down")) == 2, seconds=60, what="both notices")
        time.sleep(0.3)
        notices = self.notices(self.team, "down")
        self.assertEqual([p["status"] for _, _, p in notices], ["firing", "resolved"])
        self.assertEqual(len({h["webhook-id"] for h, _, _ in notices}), 2)

    def test_errors_of_a_receiver(self):
        """5xx: tried again under the same id; 410: it wants no more."""
        self.rule("flaky", measure="count", threshold=1, recover=1, min_samples=1)
        self.team.status = 500
        self.send("flaky", [BAD])
        eventually(lambda: self.notices(self.team, "flaky"), what="the first attempt")
        self.team.status = 204
        eventually(lambda: len(self.notices(self.team, "flaky")) >= 2, seconds=60, what="the second")
        ids = {h["webhook-id"] for h, _, p in self.notices(self.team, "flaky") if p["status"] == "firing"}
        self.assertEqual(len(ids), 1)

    def test_slack_and_jandi(self):
        self.rule("chatty", title="칫솔 불만", measure="count", threshold=1, recover=1, min_samples=1,
                  receivers=["slack", "jandi", "calm", "guarded"])
        self.send("chatty", [BAD])
        self.one("chatty")
        eventually(lambda: len([1 for _, b in self.chat.got() if "칫솔" in json.dumps(
            json.loads(b), ensure_ascii=False)]) >= 3, what="notices")
        slack = jandi = None
        for headers, body in self.chat.got():
            parsed = json.loads(body)
            if "칫솔" not in json.dumps(parsed, ensure_ascii=False):
                continue  # of another test's rule
            if "blocks" in parsed:
                slack = parsed
            if "connectColor" in parsed:
                jandi = (headers, parsed)
        self.assertIn("칫솔", slack["text"])
        self.assertEqual(slack["blocks"][0]["type"], "section")
        self.assertIn("칫솔", jandi[1]["body"])
        self.assertIn("application/vnd.tosslab.jandi-v2+json", jandi[0]["accept"])
        self.assertRegex(jandi[1]["connectColor"], r"^#[0-9A-Fa-f]{6}$")
        for item in jandi[1]["connectInfo"]:
            self.assertEqual(set(item) - {"title", "description", "imageUrl"}, set())

    def test_severities_and_send_resolved(self):
        self.rule("mild", title="가벼운 일", severity="warning", measure="count", threshold=1, recover=1,
                  min_samples=1, receivers=["calm", "team"])
        self.send("mild", [BAD])
        eventually(lambda: self.notices(self.team, "mild"), what="the team's notice")
        self.assertEqual([1 for _, b in self.chat.got() if "가벼운 일" in json.dumps(
            json.loads(b), ensure_ascii=False)], [])

    def test_acknowledging_keeps_history(self):
        self.rule("ack", measure="count", threshold=1, recover=1, min_samples=1)
        self.send("ack", [BAD])
        alert = self.one("ack")

        def ack(body, status=204, ident=alert["id"], token="supervisor"):
            answer = self.d.request("POST", f"/v1/alerts/{ident}/acknowledge", body, token=token)
            self.assertEqual(answer.status, status, answer)
        ack({"owner": "kim", "note": "고객에게 전화합니다"})
        ack({"owner": "lee", "note": "이어받음"}, token="quality")
        ack({}, status=204)
        got = self.d.get(f"/v1/alerts/{alert['id']}").json
        self.assertEqual([a["note"] for a in got["acknowledgements"][:2]],
                         ["고객에게 전화합니다", "이어받음"])
        self.assertEqual([a["owner"] for a in got["acknowledgements"][:2]], ["kim", "lee"])
        self.assertEqual([a["by"] for a in got["acknowledgements"]],
                         ["supervisor", "quality", "supervisor"])
        self.assertEqual(got["owner"], got["acknowledgements"][-1]["owner"])
        self.assertEqual(got["status"], "firing")
        ack({"note": "x"}, status=403, token="agent")
        ack({"note": "x"}, status=404, ident="01900000-0000-7000-8000-000000000000")
        ack({"note": "x"}, status=404, ident="nonsense")
        ack({"colour": "red"}, status=400)
        self.d.stop()
        self.d.start()
        self.assertEqual(self.d.get(f"/v1/alerts/{alert['id']}").json, got)

    def test_quotes_are_masked(self):
        self.rule("quoted", measure="count", threshold=1, recover=1, min_samples=1)
        self.send("quoted", ["배송이 늦어서 화가 납니다. 홍길동 010-9876-5432 hong.gd@example.com"],
                  customer={"id": "c-1", "name": "홍길동", "phone": "010-9876-5432"})
        alert = self.one("quoted")
        body = eventually(lambda: self.notices(self.team, "quoted"), what="the notice")[0][1]
        for text in (json.dumps(alert, ensure_ascii=False),
                     json.dumps(json.loads(body), ensure_ascii=False)):
            self.assertEqual(re.findall(r"9876|hong\.gd|홍길동", text), [])

    def test_quotes_of_every_example(self):
        """Also of records that were committed before the one that made it fire."""
        self.rule("examples", measure="negative_rate", threshold=0.5, recover=0.1, min_samples=4)
        texts = [f"{n}번 배송이 너무 늦어서 화가 납니다 010-9876-543{n}" for n in range(4)]
        for i, text in enumerate(texts[:3]):
            self.send("examples", [text], created_at=iso(30 - i))
        self.send("examples", [""], created_at=iso(20), rating={"value": 1, "scale": 5})
        self.send("examples", [GOOD], created_at=iso(10))
        alert = self.one("examples")
        shown = [self.d.get("/v1/feedback/" + ident, token="agent").json for ident in alert["examples"]]
        self.assertEqual([r["analysis"]["sentiment"]["label"] for r in shown], ["negative"] * 3)
        self.assertEqual(alert["quotes"], [r["text"] for r in shown])
        self.assertEqual(alert["quotes"][0], "2번 배송이 너무 늦어서 화가 납니다 010-****-5432")

    def test_rules_are_data(self):
        self.rule("kept", group_by=["product", "team"], receivers=["team", "slack"])
        rule = [r for r in self.d.get("/v1/alert-rules").json["items"] if r["name"] == "kept"][0]
        self.assertEqual((rule["op"], rule["threshold"], rule["group_by"]), (">=", 0.6, ["product", "team"]))
        answer = self.d.request("PUT", "/v1/alert-rules/kept", rule)  # what is given is taken
        self.assertEqual(answer.status, 204, answer)
        self.assertEqual(self.d.request("DELETE", "/v1/alert-rules/kept").status, 204)
        self.assertEqual(self.d.request("DELETE", "/v1/alert-rules/kept").status, 404)
        self.assertNotIn("kept", [r["name"] for r in self.d.get("/v1/alert-rules").json["items"]])

    def test_bad_rules_say_why(self):
        good = {"where": "kind = ticket", "measure": "count", "threshold": 1}
        for change, what in (({"where": "kind = = a"}, "column"), ({"where": None}, "where"),
                             ({"measure": "joy"}, "measure"), ({"op": "=="}, "op"),
                             ({"threshold": "much"}, "threshold"), ({"window": "90s"}, "window"),
                             ({"window": "8d"}, "window"), ({"recover": 5}, "recover"),
                             ({"group_by": ["shoe"]}, "group_by"), ({"severity": "dire"}, "severity"),
                             ({"colour": 1}, "colour"), ({"each": True}, "each"),
                             ({"threshold": 0}, "threshold"), ({"min_samples": -1}, "min_samples"),
                             ({"measure": "csat", "threshold": 3}, "threshold"),
                             ({"where": "created_at > now-1h"}, "now")):
            answer = self.d.request("PUT", "/v1/alert-rules/bad", {**good, **change})
            self.assertEqual(answer.status, 400, (change, answer))
            self.assertIn(what, answer.json["detail"])
        self.assertEqual(self.d.request("PUT", "/v1/alert-rules/no%20name", good).status, 400)

    def test_removing_a_rule_resolves_its_alerts(self):
        self.rule("gone", measure="count", threshold=1, recover=1, min_samples=1)
        self.send("gone", [BAD])
        alert = self.one("gone")
        self.d.request("DELETE", "/v1/alert-rules/gone")
        self.assertEqual(self.one("gone", "resolved")["id"], alert["id"])

    def test_lists_page(self):
        self.rule("paged", where="source = paged", each=True, measure=None, op=None, threshold=None,
                  recover=None, min_samples=None, receivers=None)
        self.send("paged", [BAD] * 7, product="x")
        eventually(lambda: len(self.alerts("paged")) == 7, what="seven alerts")
        seen, cursor = [], None
        while True:
            page = self.d.get("/v1/alerts", limit=3, **({"cursor": cursor} if cursor else {})).json
            seen += [a["id"] for a in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        self.assertEqual(seen, [a["id"] for a in self.d.get("/v1/alerts", limit=500).json["items"]])
        self.assertEqual(len(seen), len(set(seen)))


if __name__ == "__main__":
    unittest.main()
