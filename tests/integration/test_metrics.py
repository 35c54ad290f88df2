"""/metrics: promtool has nothing to say, counters move with what they count; health and readiness."""
import re
import shutil
import subprocess
import unittest

from upstream import Upstream
from vocd import ROOT, Daemon, eventually, iso


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.up = Upstream(lambda ask: {"items": [{"id": 1, "text": "a"}]})
        cls.d = Daemon(hooks="- source: open\n  scheme: none", sources="#")
        (cls.d.dir / "desk.yaml").write_text(
            f"connector: desk\nbase: {cls.up.url}\nstreams:\n- name: all\n  request: {{path: /}}\n"
            "  records: $.items[*]\n  cursor: {int: $.id}\n  map: {external_id: $.id, text: $.text}\n")
        cls.d.sources = "- source: desk\n  connector: desk.yaml\n  every: 1h\n"
        cls.d.write_config()
        cls.d.start()
        cls.d.request("POST", "/v1/sources/desk/poll")
        at = '{workspace="demo",source="desk"}'
        eventually(lambda: cls.d.metric("vocd_source_silent" + at) is not None, what="a poll")

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)
        cls.up.close()

    def values(self):
        text = self.d.request("GET", "/metrics", token=None).body.decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if line and not line.startswith("#")}

    def moved(self, do):
        before = self.values()
        do()
        after = self.values()
        return {name: after[name] - before.get(name, 0) for name in after
                if after[name] != before.get(name, 0)}

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool(self):
        self.d.send({"source": "s", "external_id": "1", "text": "a"})
        self.d.get("/v1/feedback")
        done = subprocess.run(["promtool", "check", "metrics"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60,
                              input=self.d.request("GET", "/metrics", token=None).body)
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_the_rules_we_ship(self):
        """Sound, and about metrics and labels that are there."""
        path = ROOT / "systemd/prometheus-rules.yaml"
        done = subprocess.run(["promtool", "check", "rules", path], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        told = {name.split("{")[0] for name in self.values()}
        text = path.read_text()
        named = set(re.findall(r"\b((?:vocd|process)_[a-z_]+)\b", text))
        self.assertGreater(len(named), 10)
        self.assertEqual(named - told, set())
        labelled = re.findall(r'(vocd_[a-z_]+\{\w+="[^"]+"\})', text)
        self.assertGreater(len(labelled), 3)
        self.assertEqual(set(labelled) - set(self.values()), set())
        alerts = set(re.findall(r"alert: (\w+)", text))
        manual = (ROOT / "docs/operation.md").read_text()
        self.assertEqual(alerts, set(re.findall(r"\bVocd[A-Z]\w+", manual.partition("## Monitoring")[2]
                                                .partition("## Log")[0])))

    def test_format(self):
        answer = self.d.request("GET", "/metrics", token=None)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        typed = set(re.findall(r"^# TYPE (\S+) ", answer.body.decode(), re.M))
        helped = set(re.findall(r"^# HELP (\S+) \S", answer.body.decode(), re.M))
        self.assertEqual(typed, helped)
        for name in self.values():
            base = re.sub(r"(_bucket|_sum|_count)?(\{.*\})?$", "", name)
            self.assertTrue(base in typed or name.split("{")[0] in typed, name)

    def test_items(self):
        item = {"source": "m", "external_id": "1", "text": "a", "created_at": iso(9)}
        moved = self.moved(lambda: self.d.send([item, dict(item, text="b"), dict(item, text="b"),
                                                {"source": "m"}]))
        for outcome in ("accepted", "updated", "duplicate", "rejected"):
            self.assertEqual(moved[f'vocd_items_total{{outcome="{outcome}"}}'], 1, outcome)
        self.assertGreaterEqual(moved["vocd_commits_total"], 1)
        self.assertGreaterEqual(moved["vocd_commit_seconds_count"], 1)

    def test_patterns_run_as_machine_code(self):
        values = self.values()
        self.assertGreater(values['vocd_lexicon_patterns{engine="jit"}'], 0)
        self.assertEqual(values['vocd_lexicon_patterns{engine="interpreted"}'], 0)

    def test_requests(self):
        moved = self.moved(lambda: [self.d.get("/v1/feedback"), self.d.get("/nowhere"),
                                    self.d.request("GET", "/v1/me", token=None)])
        self.assertGreaterEqual(moved['vocd_http_requests_total{class="2xx"}'], 1)
        self.assertEqual(moved['vocd_http_requests_total{class="4xx"}'], 2)
        self.assertEqual(moved["vocd_auth_failures_total"], 1)
        self.assertGreaterEqual(moved["vocd_query_seconds_count"], 1)

    def test_refused(self):
        moved = self.moved(lambda: self.d.raw(b"NONSENSE\r\n\r\n", timeout=5, half_close=True))
        self.assertEqual(moved['vocd_http_refused_total{reason="malformed"}'], 1)
        moved = self.moved(lambda: self.d.send(b" " * (9 << 20), headers={
            "Content-Type": "application/json"}))
        self.assertGreaterEqual(moved['vocd_http_requests_total{class="4xx"}'], 1)

    def test_dead_letters(self):
        moved = self.moved(lambda: self.d.request("POST", "/v1/hooks/demo/open", {"x": 1}, token=None))
        self.assertEqual(moved["vocd_dead_letters_total"], 1)

    def test_alerts(self):
        self.d.request("PUT", "/v1/alert-rules/r", {"where": "source = al", "measure": "count",
                                                    "threshold": 1})
        self.d.send({"source": "al", "external_id": "1", "text": "a"})
        eventually(lambda: self.values()["vocd_alerts_firing"] == 1, what="the gauge")

    def test_histograms_add_up(self):
        self.d.send({"source": "h", "external_id": "1", "text": "a"})
        values = self.values()
        for name in ("vocd_commit_seconds", "vocd_query_seconds"):
            buckets = [(float(re.search(r'le="([^"]+)"', k).group(1)), v) for k, v in values.items()
                       if k.startswith(name + "_bucket")]
            self.assertGreater(len(buckets), 5)
            counts = [v for _, v in sorted(buckets)]
            self.assertEqual(counts, sorted(counts))
            self.assertEqual(sorted(buckets)[-1], (float("inf"), values[name + "_count"]))

    def test_process(self):
        values = self.values()
        for name in ("process_resident_memory_bytes", "process_start_time_seconds", "process_open_fds",
                     "process_cpu_seconds_total"):
            self.assertGreater(values[name], 0, name)

    def test_health(self):
        for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
            answer = self.d.request("GET", path, token=None)
            self.assertEqual((answer.status, answer.json), (200, {"status": status}))


if __name__ == "__main__":
    unittest.main()
