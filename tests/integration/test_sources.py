"""How every source does: what came and what was expected, in /v1/sources, /metrics and vocctl; the
dead-man switch in the real daemon, its history written as it would have been in the weeks before."""
import json
import re
import shutil
import subprocess
import time
import unittest

from test_poll import TICKETS, ticket
from upstream import Reply, Upstream
from vocd import BUILD, ROOT, Daemon, Receiver, eventually

RECEIVER = "- name: team\n  type: webhook\n  url: http://127.0.0.1:{}/\n  allow_private: true\n"
HOOKS = ("- source: open\n  scheme: none\n- source: quiet\n  scheme: none\n  silence: off\n")


class Sources(unittest.TestCase):
    def daemon(self, start=True, **kw):
        d = Daemon(**kw)
        self.addCleanup(d.__exit__, None, None, None)
        return d.start() if start else d

    def source(self, d, name):
        found = [s for s in d.get("/v1/sources").json["items"] if s["source"] == name]
        self.assertLessEqual(len(found), 1)
        return found[0] if found else None

    def history(self, d, names, per_quarter=20, weeks=9):
        """What would be there if `names` had brought so much in every quarter until now."""
        d.stop()
        tool = BUILD / "tests/fault/arrivals"
        done = subprocess.run([tool, d.dir / "state/ws/demo", str(int(time.time() * 1000)),
                               str(per_quarter), str(weeks), *names], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        d.start()

    def silent(self, d):
        return sorted(a["group"]["source"] for a in d.get("/v1/alerts", status="firing").json["items"]
                      if a["rule"] == "silent-sources")

    def polled(self, up, **kw):
        d = self.daemon(start=False, hooks=HOOKS, **kw)
        d.put_secret("key", "s3cret\n")
        (d.dir / "desk.yaml").write_text(TICKETS.format(size=3, top="", stream=""))
        d.sources = ("- source: desk\n  connector: desk.yaml\n  every: 300ms\n  retry: 20ms\n"
                     f"  secrets: {{key_file: key}}\n  cfg: {{base: \"{up.url}\", size: 3}}\n")
        d.write_config()
        return d.start()


class Told(Sources):
    def test_what_came_by_itself(self):
        d = self.daemon(hooks=HOOKS)
        d.request("POST", "/v1/hooks/demo/open", {"external_id": "1", "text": "a",
                                                  "created_at": "2026-11-22T09:00:00Z"}, token=None)
        d.request("POST", "/v1/hooks/demo/open", {"what": 1}, token=None)
        d.send({"source": "web \"x\"", "external_id": "1", "text": "a"})
        hook = eventually(lambda: (s := self.source(d, "open"))["last_record_at"] and s, what="the record")
        self.assertEqual((hook["state"], hook["connector"], hook["every_seconds"], hook["error"]),
                         ("receiving", None, None, None))
        self.assertEqual(hook["newest_record_at"], "2026-11-22T09:00:00Z")
        self.assertEqual(hook["records"], {"accepted": 1, "updated": 0, "duplicates": 0, "rejected": 1})
        self.assertEqual(hook["dead_letters"], 1)
        self.assertEqual(hook["silence"], {"silent": False, "window": None, "got": None, "expected": None})
        self.assertEqual(self.source(d, "quiet")["last_record_at"], None)
        self.assertEqual(self.source(d, "web \"x\"")["state"], "sent")
        at = '{workspace="demo",source="open"'
        self.assertEqual(d.metric(f"vocd_source_records_total{at},outcome=\"rejected\"}}"), 1)
        self.assertEqual(d.metric(f"vocd_source_dead_letters_total{at}}}"), 1)
        eventually(lambda: d.metric(f"vocd_source_silent{at}}}") == 0, what="the figure")
        self.assertEqual(d.metric(f"vocd_source_newest_record_timestamp_seconds{at}}}"), 1795338000)
        self.assertNotIn("web", d.request("GET", "/metrics", token=None).body.decode())
        d.stop()
        d.start()
        again = self.source(d, "open")
        self.assertEqual((again["newest_record_at"], again["last_record_at"]),
                         (hook["newest_record_at"], hook["last_record_at"]))

    def test_a_hook_beside_a_poll_is_one_source(self):
        """A hook of the source's name: what it brings is counted with what was asked for."""
        with Upstream(lambda ask: {"tickets": [ticket(1)]}) as up:
            d = self.polled(up)
            d.hooks += "- source: desk\n  connector: ./hook.yaml\n  scheme: none\n"
            (d.dir / "hook.yaml").write_text("connector: desk-hook\nhook: {scheme: slack}\n")
            d.stop()
            d.write_config()
            d.start()
            counts = eventually(lambda: (r := self.source(d, "desk"))["last_success_at"] and r["records"], what="a poll")
            d.request("POST", "/v1/hooks/demo/desk", {"external_id": "by-hook", "text": "a"}, token=None)
            d.request("POST", "/v1/hooks/demo/desk", {"what": 1}, token=None)
            after = self.source(d, "desk")
            self.assertEqual(after["records"]["accepted"], counts["accepted"] + 1)
            self.assertEqual((after["records"]["rejected"], after["dead_letters"]), (1, 1))
            self.assertNotEqual(after["connector"], "desk-hook")
            at = '{workspace="demo",source="desk"'
            self.assertEqual(d.metric(f"vocd_source_records_total{at},outcome=\"rejected\"}}"), 1)
            self.assertEqual(d.metric(f"vocd_source_dead_letters_total{at}}}"), 1)
            self.assertEqual(d.ctl("dead-letter", "replay", "--source", "desk").returncode, 0)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool(self):
        with Upstream(lambda ask: {"tickets": [ticket(1)]}) as up:
            d = self.polled(up)
            eventually(lambda: self.source(d, "desk")["records"]["accepted"], what="a record")
            self.history(d, ["desk", "open"])
            eventually(lambda: d.metric('vocd_source_expected_records{workspace="demo",source="desk"}'),
                       what="what is expected")
            done = subprocess.run(["promtool", "check", "metrics"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60,
                                  input=d.request("GET", "/metrics", token=None).body)
            self.assertEqual((done.returncode, done.stdout), (0, b""))

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_the_rules_of_the_manual(self):
        """Sound, and about metrics that are there."""
        rules = (ROOT / "docs/operation.md").read_text().partition("```yaml\ngroups:")[2].partition("```")[0]
        with Upstream(lambda ask: {"tickets": [ticket(1)]}) as up:
            d = self.polled(up)
            (d.dir / "rules.yaml").write_text("groups:" + rules)
            done = subprocess.run(["promtool", "check", "rules", d.dir / "rules.yaml"], timeout=60,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode, 0, done.stdout)
            eventually(lambda: self.source(d, "desk")["records"]["accepted"], what="a record")
            for name in re.findall(r"expr: (vocd_\w+)", rules):
                eventually(lambda: d.metric(name + '{workspace="demo",source="desk"}') is not None, what=name)

    def test_a_dry_run_keeps_nothing(self):
        with Upstream(lambda ask: {"tickets": [ticket(1)]}) as up:
            d = self.polled(up)
            d.ctl("source", "pause", "desk")
            before = d.count()
            done = d.ctl("source", "poll", "desk", "--dry-run", "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["records"][0]["code"], "ok")
            self.assertEqual(d.count(), before)
            self.assertEqual(d.ctl("source", "poll", "desk", "--dry-run", "--stream", "nothing").returncode, 1)


class Switch(Sources):
    def test_the_whole_way(self):
        """Silent, told once over a restart, acknowledged, removed from the configuration: resolved."""
        with Receiver() as receiver:
            d = self.daemon(hooks=HOOKS, receivers=RECEIVER.format(receiver.port))
            for name in ("open", "quiet"):
                d.request("POST", f"/v1/hooks/demo/{name}", {"external_id": "1", "text": "a"}, token=None)
            self.history(d, ["open", "quiet"])
            eventually(lambda: self.silent(d) == ["open"], what="the alert")
            alert = d.get("/v1/alerts", status="firing").json["items"][0]
            self.assertEqual((alert["severity"], alert["measure"], alert["n"]), ("warning", "count", 0))
            self.assertIn("open", alert["reason"]["ko"])
            d.request("POST", f"/v1/alerts/{alert['id']}/acknowledge", {"note": "물어봄"}, token="supervisor")
            self.assertTrue(self.source(d, "open")["silence"]["silent"])
            self.assertEqual(d.metric('vocd_source_silent{workspace="demo",source="open"}'), 1)
            self.assertIn(b"true", d.ctl("source", "list", "-o", "csv").stdout)
            d.kill()
            d.start()
            eventually(lambda: d.metric('vocd_source_silent{workspace="demo",source="open"}') == 1, what="still")
            self.assertEqual(d.request("PUT", "/v1/alert-rules/silent-sources",
                                       {"where": "kind = chat", "each": True}).status, 400)
            self.assertEqual(d.request("DELETE", "/v1/alert-rules/silent-sources").status, 404)
            d.hooks = "- source: quiet\n  scheme: none\n  silence: off\n"
            d.write_config()
            d.reload()
            eventually(lambda: not self.silent(d), what="the end")
            over = d.get("/v1/alerts/" + alert["id"]).json
            self.assertEqual((over["status"], over["acknowledgements"][0]["note"]), ("resolved", "물어봄"))
            self.assertIn("not collected", over["resolved"]["reason"]["en"])
            eventually(lambda: len(receiver.got()) == 2, what="two notices")
            self.assertEqual([json.loads(body)["status"] for _, body in receiver.got()], ["firing", "resolved"])
            self.assertIsNone(self.source(d, "open"))

    def test_a_source_that_is_paused_is_left_alone(self):
        with Upstream(lambda ask: Reply({}, 401)) as up:
            d = self.polled(up)
            self.history(d, ["desk"])
            eventually(lambda: self.silent(d) == ["desk"], what="the alert")
            d.request("POST", "/v1/sources/desk/pause")
            eventually(lambda: not self.silent(d), what="the pause")
            over = d.get("/v1/alerts").json["items"][0]
            self.assertIn("paused", over["resolved"]["reason"]["en"])
            d.stop()
            d.start()
            self.assertEqual(self.source(d, "desk")["state"], "paused")
            self.assertEqual(self.silent(d), [])

    def test_removing_its_records_forgets_it(self):
        d = self.daemon()
        d.send({"source": "web", "external_id": "1", "text": "a"})
        self.history(d, ["web"])
        eventually(lambda: self.silent(d) == ["web"], what="the alert")
        while not d.request("DELETE", "/v1/sources/web").json["done"]:
            pass
        eventually(lambda: not self.silent(d), what="the end")
        self.assertIsNone(self.source(d, "web"))

    def test_off(self):
        d = self.daemon(extra="alert: {silence: off}\n")
        d.send({"source": "web", "external_id": "1", "text": "a"})
        self.history(d, ["web"])
        eventually(lambda: self.source(d, "web")["silence"]["window"], what="what is expected")
        self.assertEqual(self.silent(d), [])


if __name__ == "__main__":
    unittest.main()
