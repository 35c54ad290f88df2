"""vocctl against the daemon: every verb once, the three formats, exit codes 0, 1 and 2."""
import csv
import io
import json
import os
import re
import subprocess
import tempfile
import pathlib
import unittest

from vocd import BUILD, ROOT, VOCCTL, Daemon, Receiver, eventually, free_port, iso

VERBS = """feedback send|feedback list|feedback get|trend get|customer context|customer lookup|
customer unmask|customer send|activity send|segment list|segment put|segment retire|alert list|alert get|
alert ack|rule list|rule put|rule delete|token list|token create|token revoke|access-log list|
experiment list|experiment declare|experiment summary|experiment delete|access-log verify|dead-letter list|dead-letter show|
dead-letter replay|dead-letter remove|dead-letter clear|source list|source poll|source preview|source pause|source resume|source backfill|source check|webhook verify|source delete|vocabulary list|me show|analyze|lexicon compile|
lexicon check|import|sample load|sample remove|sample stream|alert listen|backup create|backup restore|
ready|hello""".replace("\n", "").split("|")


class Verbs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(hooks="- source: open\n  scheme: none").start()
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-ctl-", dir=cls.d.dir))
        cls.d.request("PUT", "/v1/alert-rules/each", {"where": "category = delivery", "each": True})

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def ctl(self, *args, code=0, **kw):
        done = self.d.ctl(*args, **kw)
        self.assertEqual(done.returncode, code, (args, done.stdout[-500:], done.stderr[-500:]))
        return done

    def json(self, *args, **kw):
        return json.loads(self.ctl(*args, "-o", "json", **kw).stdout)

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False))
        return path

    def send(self, ident, **more):
        record = {"source": "ctl", "external_id": ident, "text": "배송이 너무 늦어요", "created_at": iso(60),
                  "customer": {"id": "c-1", "name": "홍길동", "phone": "010-1234-5678"}, **more}
        return self.json("feedback", "send", self.file("one.json", record))["ids"][0]

    def test_help_names_every_verb(self):
        done = subprocess.run([VOCCTL, "--help"], stdout=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 0)
        for verb in VERBS:
            noun, _, name = verb.partition(" ")
            self.assertRegex(done.stdout, rf"(?m)^  {noun}\b.*{name}" if name else rf"(?m)^  {noun}\b", verb)

    def test_feedback(self):
        ident = self.send("f-1")
        self.assertEqual(self.json("feedback", "get", ident)["external_id"], "f-1")
        lines = "".join(json.dumps({"source": "ctl", "external_id": f"f-{i}", "text": "좋아요",
                                    "created_at": iso(30)}) + "\n" for i in range(2, 5))
        self.assertEqual(self.json("feedback", "send", "-", stdin=lines.encode())["accepted"], 3)
        listed = self.json("feedback", "list", "--where", "source = ctl", "--limit", "1000")["items"]
        self.assertLessEqual({f"f-{i}" for i in range(1, 5)}, {r["external_id"] for r in listed})
        page = self.json("feedback", "list", "--limit", "1")
        self.assertEqual(len(page["items"]), 1)
        self.assertNotEqual(self.json("feedback", "list", "--limit", "1", "--cursor",
                                      page["next_cursor"])["items"], page["items"])

    def test_formats(self):
        self.send("fmt", text="=HYPERLINK(\"x\") 배송\n\x1b[31m느려요", tags=["a", "b"])
        args = ("feedback", "list", "--where", "source = ctl", "--limit", "1000")
        table = self.ctl(*args).stdout.decode()
        header, *rows = table.splitlines()
        self.assertTrue(header.startswith("created_at"))
        self.assertNotIn("\x1b", table)  # nothing of a record reaches the terminal as a command
        self.assertEqual(len(rows), len(self.json(*args)["items"]))
        raw = self.ctl(*args, "-o", "csv").stdout
        self.assertTrue(raw.startswith(b"\xef\xbb\xbf"))
        parsed = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
        self.assertEqual(len(parsed), len(rows))
        guarded = [r["text"] for r in parsed if "HYPERLINK" in r["text"]]
        self.assertEqual([t[:2] for t in guarded], ["'="])
        self.assertEqual(parsed[0]["kind"], "ticket")

    def test_common_options_stand_anywhere(self):
        token = self.d.tokens["agent"]
        for place in range(3):
            args = ["me", "show"]
            args[place:place] = ["--token", token, "-o", "json"]
            self.assertEqual(json.loads(self.ctl(*args).stdout)["role"], "agent", args)

    def test_trend(self):
        self.send("t-1", product="tea")
        trend = self.json("trend", "get", "--measure", "count", "--by", "product", "--where",
                          "source = ctl")
        self.assertIn("tea", [s["key"] for s in trend["series"]])

    def test_customers(self):
        one = self.file("c.json", {"id": "c-9", "name": "김하나", "email": "hana@example.com",
                                   "phone": "010-5555-6666", "attributes": {"grade": "VIP"}})
        self.assertEqual(self.json("customer", "send", one)["accepted"], 1)
        act = self.file("a.json", {"source": "shop", "external_id": "1", "customer": "c-9",
                                   "type": "order"})
        self.assertEqual(self.json("activity", "send", act)["accepted"], 1)
        context = self.json("customer", "context", "c-9")
        self.assertEqual(context["customer"]["name"], "김*나")  # as an agent sees it
        self.assertEqual(len(context["activities"]), 1)
        handle = context["customer"]["id"]
        for option, value in (("--phone", "010-5555-6666"), ("--email", "HANA@example.com"), ("--id", "c-9"),
                              ("--id", handle)):
            self.assertEqual([i["id"] for i in self.json("customer", "lookup", option, value)["items"]],
                             [handle])
        self.assertEqual(self.json("customer", "context", handle), context)
        done = self.json("customer", "unmask", "c-9", "--field", "name", "--reason", "전화 회신")
        self.assertEqual(done, {"field": "name", "value": "김하나"})
        self.ctl("customer", "unmask", "c-9", "--field", "name", code=1)
        self.ctl("customer", "context", "nobody", code=1)

    def test_segments(self):
        self.ctl("segment", "put", "gold", "--where", "grade = GOLD", "--title", "골드", "--backfill", "true")
        self.assertIn("gold", [s["code"] for s in self.json("segment", "list")["items"]])
        self.assertIn("골드", self.ctl("segment", "list").stdout.decode())
        self.ctl("segment", "retire", "gold")
        done = self.ctl("segment", "put", "bad", "--where", "grade = = a", code=1)
        self.assertRegex(done.stderr.decode(), r"column \d+")

    def test_alerts_and_rules(self):
        self.ctl("rule", "put", "mine", self.file("r.json", {"where": "source = ctl", "measure": "count",
                                                            "threshold": 1}))
        self.assertIn("mine", [r["name"] for r in self.json("rule", "list")["items"]])
        self.send("al-1")
        alert = eventually(lambda: self.json("alert", "list", "--status", "firing")["items"],
                           what="alerts")[0]["id"]
        self.assertEqual(self.json("alert", "get", alert)["id"], alert)
        self.ctl("alert", "ack", alert, "--owner", "kim", "--note", "봅니다")
        self.assertEqual(self.json("alert", "get", alert)["owner"], "kim")
        self.assertIn("kim", self.ctl("alert", "list").stdout.decode())
        self.ctl("rule", "delete", "mine")
        self.ctl("rule", "delete", "mine", code=1)
        self.ctl("rule", "put", "bad", self.file("bad.json", {"where": 1}), code=1)

    def test_tokens(self):
        made = self.json("token", "create", "--role", "agent", "--name", "kiosk")
        self.assertEqual(json.loads(self.ctl("me", "show", "-o", "json", "--token", made["token"]).stdout)
                         ["role"], "agent")
        self.ctl("token", "revoke", made["id"])
        self.ctl("me", "show", "--token", made["token"], code=1)
        listed = {t["id"]: t for t in self.json("token", "list")["items"]}
        self.assertIsNotNone(listed[made["id"]]["revoked_at"])
        self.ctl("token", "create", "--role", "king", "--name", "x", code=1)

    def test_access_log(self):
        self.send("log")
        self.json("customer", "context", "c-1")
        self.assertIn("customer.context", self.ctl("access-log", "list").stdout.decode())
        self.assertRegex(self.ctl("access-log", "verify").stdout.decode(), r"^\d+ entries, unbroken")

    def test_dead_letters_and_sources(self):
        self.d.request("POST", "/v1/hooks/demo/open", {"what": 1}, token=None)
        letter = self.json("dead-letter", "list", "--source", "open")["items"][0]
        self.assertEqual(self.json("dead-letter", "show", letter["id"])["payload"], '{"what": 1}')
        self.assertEqual(self.json("dead-letter", "replay", "--id", letter["id"])["kept"], 1)
        self.ctl("dead-letter", "remove", letter["id"])
        self.d.request("POST", "/v1/hooks/demo/open", {"what": 2}, token=None)
        self.ctl("dead-letter", "clear", "--source", "open")
        self.assertEqual(self.json("dead-letter", "list", "--source", "open")["items"], [])
        self.d.send([{"source": "tidy", "external_id": str(i), "text": "a"} for i in range(1200)])
        while not self.json("source", "delete", "tidy")["done"]:
            pass
        eventually(lambda: self.d.count(where="source = tidy") == 0, what="an empty source")
        self.assertTrue(self.json("source", "delete", "tidy")["done"])  # there is nothing: also done

    def test_vocabulary_me_ready_hello(self):
        self.assertIn("delivery", [c["code"] for c in self.json("vocabulary", "list")["category"]])
        self.assertEqual(self.json("me", "show")["role"], "admin")
        self.ctl("ready")
        done = self.ctl("hello").stdout.decode()
        self.assertIn(f"http://127.0.0.1:{self.d.port}", done)
        # what it prints can be pasted
        for call in re.findall(r"^  (curl [^\n]*?(?:\\\n[^\n]*)?)$", done, re.M)[:2]:
            run = subprocess.run(["sh", "-c", call], stdout=subprocess.PIPE, timeout=60)
            self.assertEqual(run.returncode, 0)
            self.assertNotIn("status", json.loads(run.stdout))

    def test_analyze(self):
        lines = [json.dumps({"id": 1, "text": "배송이 너무 늦어서 화가 나요"}), "",
                 json.dumps({"id": "b", "text": "정말 좋아요", "lang": "ko", "kind": "review"})]
        done = subprocess.run([VOCCTL, "analyze", "--explain"], input="\n".join(lines).encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                              env=dict(os.environ, VOC_LEXICONS=str(BUILD / "lexicons.bin")), cwd=ROOT)
        self.assertEqual(done.returncode, 0, done)
        out = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([o["id"] for o in out], [1, "b"])
        self.assertEqual([o["sentiment"]["label"] for o in out], ["negative", "positive"])
        self.assertTrue(any(c.split("/")[0] == "delivery" for c in out[0]["categories"]))
        for o, line in zip(out, (lines[0], lines[2])):
            text = json.loads(line)["text"]
            for e in o["evidence"]:
                self.assertEqual(text.encode()[e["start"]:e["end"]].decode(), e["text"])
                self.assertEqual(text[e["cp_start"]:e["cp_end"]], e["text"])

    def test_import(self):
        text = "번호,내용,별점,작성일,메모\n1,배송이 늦어요,2,2026.11.02 오후 3:05,x\n" \
               "2,\"좋아요, 정말\",5,2026-11-03,\n3,,,2026-11-04,\n"
        path = self.dir / "리뷰.csv"
        path.write_bytes(text.encode("cp949"))
        map_ = "external_id=번호,text=내용,rating=별점/5,created_at=작성일,kind==review,source==imported"
        done = self.ctl("import", path, "--map", map_, code=1)  # one row says nothing
        self.assertIn("2 accepted", done.stdout.decode())
        self.assertIn("nothing_to_read", done.stderr.decode())
        rows = {r["external_id"]: r for r in self.d.rows(where="source = imported")}
        self.assertEqual(rows["1"]["created_at"], "2026-11-02T15:05:00+09:00")
        self.assertEqual(rows["2"]["rating"], {"value": 5, "scale": 5})
        self.assertEqual(rows["2"]["text"], "좋아요, 정말")
        done = self.ctl("import", path, "--map", map_, code=1)
        self.assertIn("2 duplicates", done.stdout.decode())
        lines = self.file("in.ndjson", json.dumps({"source": "imported", "external_id": "nd", "text": "a"}))
        self.assertIn("1 accepted", self.ctl("import", lines).stdout.decode())
        self.ctl("import", self.dir / "none.csv", code=2)
        done = self.ctl("import", path, "--map", "colour=번호", code=1)
        self.assertIn("colour", done.stderr.decode())

    def test_lexicon(self):
        self.ctl("lexicon", "check", ROOT / "lexicons")
        self.ctl("lexicon", "compile", ROOT / "lexicons", "-o", self.dir / "l.bin")
        self.assertEqual((self.dir / "l.bin").read_bytes(), (BUILD / "lexicons.bin").read_bytes())

    def test_listen(self):
        port = free_port()
        process = subprocess.Popen([VOCCTL, "alert", "listen", "--port", str(port), "--count", "1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stderr.readline()  # it listens
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        c.request("POST", "/", json.dumps({"status": "firing", "alerts": [
            {"annotations": {"summary": "배송 불만"}}]}))
        self.assertEqual(c.getresponse().status, 204)
        c.close()
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0)
        self.assertIn("[firing] 배송 불만", out.decode())

    def test_wrong_arguments(self):
        for args in ([], ["dance"], ["feedback"], ["feedback", "dance"], ["feedback", "get"],
                     ["feedback", "list", "surplus"], ["feedback", "list", "-o", "xml"],
                     ["feedback", "send", "/nonexistent"], ["sample"], ["sample", "dance"],
                     ["alert", "ack"], ["backup"], ["feedback", "list", "--nonsense", "1"],
                     ["sample", "stream", "--every", "soon"]):
            done = self.d.ctl(*args)
            self.assertEqual(done.returncode, 2, (args, done))
            self.assertTrue(done.stderr)
            self.assertFalse(done.stdout)

    def test_things_that_do_not_work(self):
        done = self.ctl("feedback", "get", "01900000-0000-7000-8000-000000000000", code=1)
        self.assertIn("404", done.stderr.decode())
        done = self.ctl("feedback", "list", "--where", "((", code=1)
        self.assertIn("column", done.stderr.decode())
        nowhere = f"http://127.0.0.1:{free_port()}"
        self.ctl("feedback", "list", "--url", nowhere, code=1)
        self.ctl("ready", "--url", nowhere, code=1)
        self.ctl("feedback", "list", "--token", "voc_admin_nonsense", code=1)


class Sample(unittest.TestCase):
    def test_load_stream_remove(self):
        with Receiver() as receiver, Daemon(
                receivers=f"- name: local\n  type: webhook\n  allow_private: true\n"
                          f"  url: http://127.0.0.1:{receiver.port}/") as d:
            done = d.ctl("sample", "load")
            self.assertEqual(done.returncode, 0, done)
            accepted = int(re.search(r"feedback +(\d+) accepted, 0 updated, 0 duplicates, 0 rejected",
                                     done.stdout.decode()).group(1))
            lines = (ROOT / "daemon/ctl/sample/feedback.ndjson").read_text().splitlines()
            self.assertGreater(accepted, 0.85 * len(lines))  # what lies ahead of the hour is left out
            self.assertEqual(d.count(), accepted)
            self.assertGreaterEqual(d.count(where="lang = ko"), 120)
            for kind in ("ticket", "review", "survey", "chat", "call", "social"):
                self.assertGreater(d.count(where=f"kind = {kind}"), 0, kind)
            segments = {s["code"]: s["members"] for s in d.get("/v1/segments").json["items"]}
            self.assertGreaterEqual(sum(1 for n in segments.values() if n), 2)
            self.assertGreater(d.count(where="segment = vip"), 0)
            alerts = eventually(lambda: d.get("/v1/alerts", status="firing", limit=500).json["items"],
                                what="alerts")
            self.assertIn("delivery-negative", [a["rule"] for a in alerts])
            eventually(lambda: any(b"delivery-negative" in body for _, body in receiver.got()),
                       what="its notice")
            self.assertEqual(d.get("/v1/customers/c-003/context", token="agent").status, 200)
            # the same again changes nothing
            again = d.ctl("sample", "load")
            self.assertEqual(again.returncode, 0, again)
            self.assertEqual(d.count(), accepted)
            # the aftermath, as it happens
            done = d.ctl("sample", "stream", "--every", "20", "--count", "5")
            self.assertEqual((done.returncode, len(done.stdout.split())), (0, 5), done)
            self.assertEqual(d.count(), accepted + 5)
            # and all of it goes, but what is somebody's own
            d.send({"source": "own", "external_id": "1", "text": "내 것"})
            done = d.ctl("sample", "remove")
            self.assertEqual(done.returncode, 0, done)
            eventually(lambda: d.count() == 1, what="the end of the sample")
            self.assertEqual(d.get("/v1/alert-rules").json["items"], [])
            self.assertEqual([s["code"] for s in d.get("/v1/segments").json["items"] if not s["retired"]], [])
            who = d.get("/v1/customers/c-003/context").json["customer"]
            self.assertEqual([who.get(k) for k in ("name", "email", "phone")], [None] * 3)
            self.assertEqual(who["attributes"], {"sample": "yes"})
            found = d.request("POST", "/v1/customers/lookup", {"phone": "010-0000-1280"})
            self.assertEqual(found.json["items"], [])
            self.assertEqual(d.ctl("sample", "remove").returncode, 0)  # again: nothing to do
            # and comes back whole
            self.assertEqual(d.ctl("sample", "load").returncode, 0)
            who = d.get("/v1/customers/c-003/context").json["customer"]
            self.assertEqual((who["name"], who["attributes"]["grade"]), ("박미숙", "VIP"))
            self.assertIn("vip", [s["code"] for s in who["segments"] if s["now"]])

    def test_what_is_somebody_s_own_stays(self):
        own = [("PUT", "/v1/segments/vip", {"title": "우리 VIP", "where": "spent > 1000000"}),
               ("PUT", "/v1/alert-rules/legal-or-safety", {"where": "signal = legal", "each": True}),
               ("PUT", "/v1/experiments/apology-v2", {"name": "우리 실험"}),
               ("POST", "/v1/customers", {"id": "c-007", "name": "진짜 손님", "phone": "010-1234-5678"})]
        for method, path, body in own:
            with self.subTest(path=path), Daemon() as d:
                self.assertLess(d.request(method, path, body).status, 300)
                before = [d.get(p).json["items"] for p in ("/v1/segments", "/v1/alert-rules", "/v1/experiments")]
                done = d.ctl("sample", "load")
                self.assertEqual(done.returncode, 1, done)
                self.assertIn(b"own", done.stderr)
                self.assertEqual(d.count(), 0)
                self.assertEqual(d.ctl("sample", "remove").returncode, 0)
                after = [d.get(p).json["items"] for p in ("/v1/segments", "/v1/alert-rules", "/v1/experiments")]
                self.assertEqual(after, before)
                if method == "POST":
                    who = d.get("/v1/customers/c-007/context").json["customer"]
                    self.assertEqual(who["name"], "진짜 손님")


if __name__ == "__main__":
    unittest.main()
