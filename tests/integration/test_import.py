"""vocctl import: the files people have, mapped by a file, tried and sent."""
import itertools
import json
import pathlib
import re
import tempfile
import textwrap
import unittest
import zipfile

import workbooks
from vocd import ROOT, Daemon


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon().start()
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="import-", dir=cls.d.dir))

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def file(self, name, text, encoding="utf-8"):
        path = self.dir / name
        path.write_bytes(textwrap.dedent(text).encode(encoding))
        return path

    def run_it(self, *args, code=0):
        done = self.d.ctl("import", *args)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, code, (args, out[-1000:], err[-1000:]))
        return out, err

    def sent(self, source, *args, code=0):
        """Imports and gives the records of the source by external_id."""
        self.run_it(*args, code=code)
        return {r["external_id"]: r for r in self.d.rows(where=f"source = '{source}'")}

    def tried(self, *args, code=0):
        out, err = self.run_it(*args, "--dry-run", "-o", "json", code=code)
        return [json.loads(line) for line in out.splitlines()], err


class Tables(Import):
    SHOP = """\
        encoding: cp949
        map:
          source: =shop
          kind: =review
          external_id: {path: $.주문번호, prefix: order-}
          created_at: $.작성 일시
          text: {path: $.내용, text: auto}
          rating: {path: $.만족도, enum: {아주 만족: 5, 만족: 4, 보통: 3, 불만: 2, 아주 불만: 1}, scale: 5}
          product: $.상품명
          customer.phone: '$["연락처(휴대폰)"]'
          tags: $.태그
          surveyed: {path: $.설문, enum: {예: true, 아니오: false}}
        """

    def test_csv_of_a_shop(self):
        path = self.file("shop.csv", """\
            주문번호,작성 일시,내용,만족도,상품명,연락처(휴대폰),태그,설문
            1001,2026.11.02 오후 3:05,<p>배송이 늦어요</p>,불만,온수매트,010-0000-1234,"배송,지연",예
            1002,2026-11-03,좋아요,아주 만족,,,,아니오
            1003,어제,언제 오나요,,,,,
            1004,2026-11-04,그냥,그저 그래요,,,,
            1005,2026-11-04,그냥,보통,,,,글쎄요
            """, "cp949")
        map_ = self.file("shop.yaml", self.SHOP)
        rows, err = self.tried(path, "--map-file", map_, code=1)
        self.assertEqual([r["external_id"] for r in rows], ["order-1001", "order-1002", "order-1004"])
        self.assertIn("shop.csv:4: bad_time: created_at", err)
        self.assertIn("shop.csv:6: unmapped_value: surveyed", err)
        self.assertIn("5 read, 3 would be sent, 2 refused: 1 bad_time, 1 unmapped_value; nothing sent", err)
        self.assertEqual(self.d.count(where="source = shop"), 0)
        stored = self.sent("shop", path, "--map-file", map_, code=1)
        one = stored["order-1001"]
        self.assertEqual(one["text"], "배송이 늦어요")
        self.assertEqual(one["created_at"], "2026-11-02T15:05:00+09:00")
        self.assertEqual(one["rating"], {"value": 2, "scale": 5})
        self.assertEqual(one["customer"]["phone"], "+821000001234")
        self.assertEqual(one["tags"], ["배송", "지연"])
        self.assertTrue(one["surveyed"])
        self.assertNotIn("rating", stored["order-1004"])
        self.assertEqual(len(stored), 3)

    def test_what_a_dry_run_shows(self):
        path = self.file("many.csv", "external_id,text\n" + "".join(f"{i},글 {i}\n" for i in range(8)))
        out, err = self.run_it(path, "--source", "many", "--dry-run")
        self.assertEqual(out.count("# "), 5)
        self.assertTrue(out.startswith(f"# {path}:2\n{{\n"))
        self.assertIn("8 read, 8 would be sent, 0 refused; nothing sent", err)
        self.assertEqual(self.d.count(where="source = many"), 0)

    def test_a_wrong_map(self):
        path = self.file("w.csv", "번호,내용\n1,가\n")
        def problem(text):
            return self.run_it(path, "--map-file", self.file("w.yaml", text), "--dry-run", code=2)[1]
        self.assertIn("w.yaml:2:3: map: a record has no field \"txet\"\n      txet: $.내용\n      ^",
                      problem("map:\n  txet: $.내용\n"))
        self.assertIn("w.yaml:1:7: map: text: expected a path", problem("map: {text: 내용}\n").replace("1:13", "1:7"))
        self.assertIn("w.yaml:1:1: ", problem(""))
        _, err = self.run_it(path, "--map-file", self.file("w.yaml", "map:\n  text: $.본문\n"), code=1)
        self.assertIn(f'w.yaml:2:9: {path} has no column "본문"', err)
        self.assertIn("can not be read", self.run_it(path, "--map-file", self.dir / "no.yaml", code=2)[1])
        self.run_it(path, "--map-file", "w.yaml", "--map", "text=내용", code=2)
        self.run_it(path, "--format", "pdf", code=2)

    def test_where_the_daemon_refuses(self):
        a = self.file("a.csv", "external_id,text,kind\n1,가,review\n2,나,poem\n")
        b = self.file("b.csv", "external_id,text,kind\n\n3,다,review\n\n4,,review\n")
        out, err = self.run_it(a, b, "--source", "two", code=1)
        self.assertIn("2 accepted, 0 updated, 0 duplicates, 2 rejected", out)
        self.assertIn(f"{a}:3: bad_kind", err)
        self.assertIn(f"{b}:5: nothing_to_read", err)

    def test_ndjson(self):
        path = self.file("x.ndjson", """\
            {"id": 7, "msg": {"body": "배송이 늦어요"}, "when": 1795305600}

            {"id": 8, "msg": {"body": "좋아요"}, "when": "soon"}
            {"id": 9, "msg":
            """)
        map_ = self.file("x.yaml", """\
            map: {source: =nd, external_id: $.id, text: $.msg.body, created_at: {path: $.when, time: unix}}
            """)
        rows, err = self.tried(path, "--map-file", map_, code=1)
        self.assertEqual([(r["external_id"], r["text"]) for r in rows], [(7, "배송이 늦어요")])
        self.assertIn("x.ndjson:3: bad_time", err)
        self.assertIn("x.ndjson:4: malformed_json", err)
        self.assertEqual(list(self.sent("nd", path, "--map-file", map_, code=1)), ["7"])
        raw = self.file("raw.ndjson", '\n{"source":"raw","external_id":"1","text":"가"}\n{"source":"raw"}\n')
        out, err = self.run_it(raw, code=1)
        self.assertIn("1 accepted", out)
        self.assertIn(f"{raw}:3: missing_external_id", err)
        self.assertIn("1 refused: 1 missing_external_id", self.tried(raw, code=1)[1])

    def test_customers(self):
        path = self.file("c.csv", "회원번호,이름,등급,가입일\nc-77,홍길동,VIP,11/02/2026\n")
        map_ = self.file("c.yaml", """\
            records: customers
            dates: month-first
            map: {id: $.회원번호, name: $.이름, attributes.grade: $.등급, effective_at: $.가입일}
            """)
        self.assertIn("1 accepted", self.run_it(path, "--map-file", map_)[0])
        context = self.d.get("/v1/customers/c-77/context").json
        self.assertEqual(context["customer"]["attributes"]["grade"], "VIP")


class Workbooks(Import):
    MAP = """\
        map:
          source: =sheet
          external_id: $.번호
          kind: =survey
          created_at: $.작성일시
          text: $.의견
          answers.csat: {path: $.만족도 상담, scale: 5}
          attributes.delivery: $.만족도 배송
          attributes.member: $.회원
          attributes.length: $.통화 시간
        """

    def rows(self):
        return [["2026년 11월 만족도 조사", None, None, None, None, None, None],
                ["번호", "만족도", None, "의견", "작성일시", "회원", "통화 시간"],
                [None, "배송", "상담", None, None, None, None],
                [1, 5, 4, "배송이 빨라요", {"date": "2026-11-02T15:05:30"}, True, {"hours": 1.5}],
                ["r-2", 1.5, 2, "포장이 찢어졌어요\n환불해 주세요", {"date": "2026-11-03"}, False, None],
                [None] * 7,
                [3, None, None, "  '=1+1' <b>& 끝 ", {"date": "2026-11-04T00:00:00"}, None, None]]

    MERGE = ["A1:G1", "A2:A3", "B2:C2", "D2:D3", "E2:E3", "F2:F3", "G2:G3"]

    def check(self, rows):
        self.assertEqual([r["external_id"] for r in rows], ["1", "r-2", "3"])
        self.assertEqual([r["created_at"] for r in rows],
                         ["2026-11-02T06:05:30Z", "2026-11-02T15:00:00Z", "2026-11-03T15:00:00Z"])
        self.assertEqual(rows[0]["answers"]["csat"], {"value": 4, "scale": 5.0})
        self.assertEqual(rows[0]["attributes"], {"delivery": "5", "member": "true", "length": "01:30:00"})
        self.assertEqual(rows[1]["attributes"], {"delivery": "1.5", "member": "false"})
        self.assertEqual(rows[1]["text"], "포장이 찢어졌어요\n환불해 주세요")
        self.assertEqual(rows[2]["text"], "  '=1+1' <b>& 끝 ")

    def test_as_real_writers_write(self):
        path, map_ = self.dir / "설문.xlsx", self.file("s.yaml", self.MAP)
        for writer, epoch1904 in itertools.product(("openpyxl", "xlsxwriter"), (False, True)):
            workbooks.write(path, {"name": "응답", "rows": self.rows(), "merge": self.MERGE}, epoch1904=epoch1904,
                            writer=writer)
            with self.subTest(writer=writer, epoch1904=epoch1904):
                rows, err = self.tried(path, "--map-file", map_)
                self.check(rows)
                self.assertNotIn("sheets", err)
        stored = self.sent("sheet", path, "--map-file", map_)
        self.assertEqual(stored["1"]["created_at"], "2026-11-02T15:05:30+09:00")
        self.assertEqual(stored["r-2"]["answers"]["csat"]["value"], 2)

    def test_sheets(self):
        path = self.dir / "sheets.xlsx"
        workbooks.write(path, {"name": "숨김", "rows": [["a"], [1]], "hidden": True},
                        {"name": "안내", "rows": [["external_id", "text"], ["i", "안내"]]},
                        {"name": "응답", "rows": [["external_id", "text"], ["r", "응답"]]})
        rows, err = self.tried(path, "--source", "s")
        self.assertEqual(rows[0]["external_id"], "i")
        self.assertIn('of its 2 sheets "안내" is read', err)
        rows, err = self.tried(path, "--source", "s", "--sheet", "응답")
        self.assertEqual(rows[0]["external_id"], "r")
        self.assertIn('no sheet "없음"', self.tried(path, "--source", "s", "--sheet", "없음", code=1)[1])

    def test_header_told(self):
        path = self.dir / "top.xlsx"
        workbooks.write(path, {"rows": [["내려받은 날", "2026-11-22"], [None], ["번호", "내용"], ["1", "가"]]})
        map_ = "header: 3\nmap: {source: =h, external_id: $.번호, text: $.내용}\n"
        rows, _ = self.tried(path, "--map-file", self.file("h.yaml", map_))
        self.assertEqual([(r["external_id"], r["text"]) for r in rows], [("1", "가")])
        _, err = self.tried(path, "--map-file", self.file("h.yaml", map_.replace("header: 3\n", "")), code=1)
        self.assertIn('has no column "번호"', err)

    def test_formulas_nobody_calculated(self):
        path = self.dir / "f.xlsx"
        workbooks.write(path, {"rows": [["external_id", "text", "title"], ["1", "가", "=A2&\"!\""]]})
        rows, err = self.tried(path, "--source", "f")
        self.assertNotIn("title", rows[0])
        self.assertIn("1 formulas have no stored value", err)

    def test_no_workbooks(self):
        csv = self.file("really.xlsx", "external_id,text\n1,가\n")
        self.assertIn("no .xlsx file", self.tried(csv, "--source", "n", code=1)[1])
        good = self.dir / "good.xlsx"
        workbooks.write(good, {"rows": [["external_id", "text"], ["1", "가"]]})
        data = good.read_bytes()
        cut = self.dir / "cut.xlsx"
        cut.write_bytes(data[:len(data) // 2])
        self.assertIn("no .xlsx file", self.tried(cut, "--source", "n", code=1)[1])
        (self.dir / "old.xlsx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504)
        self.assertIn("password", self.tried(self.dir / "old.xlsx", "--source", "n", code=1)[1])

    def test_a_bomb(self):
        """300 MB of shared strings in 300 KB of file."""
        good, bomb = self.dir / "small.xlsx", self.dir / "bomb.xlsx"
        workbooks.write(good, {"rows": [["external_id", "text"], ["1", "가"]]}, writer="xlsxwriter")
        with zipfile.ZipFile(good) as old, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                if name != "xl/sharedStrings.xml":
                    new.writestr(name, old.read(name))
            with new.open("xl/sharedStrings.xml", "w") as part:
                part.write(b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>')
                for _ in range(300):
                    part.write(b"a" * 1000000)
                part.write(b"</t></si></sst>")
        self.assertLess(bomb.stat().st_size, 1 << 20)
        self.assertIn("texts are over 256 MiB", self.tried(bomb, "--source", "n", code=1)[1])


class Conversations(Import):
    def test_a_row_a_turn(self):
        """Two calls at once; what the agent says is kept and moves nothing."""
        path = self.file("calls.csv", """\
            통화번호,시각,화자,발화,고객번호
            100,2026-11-22 09:00:00,상담원,배송이 늦어 죄송합니다. 불량이면 환불해 드립니다. 최악이네요.,
            101,2026-11-22 09:00:02,김대리,네 고객님,
            100,2026-11-22 09:00:05,고객,상담이 정말 친절하고 좋았어요. 감사합니다!,c-5
            101,2026-11-22 09:00:09,고객,배송이 너무 늦어서 화가 납니다,c-6
            100,2026-11-22 09:00:12,상담원,감사합니다,
            102,2026-11-22 09:01:00,누구세요,여보세요,
            """)
        map_ = self.file("calls.yaml", """\
            map: {source: =calls, kind: =call, customer.id: $.고객번호}
            turns: {conversation: $.통화번호, by: $.화자, at: $.시각, text: $.발화}
            speakers: {김대리: agent}
            """)
        _, err = self.tried(path, "--map-file", map_, code=1)
        self.assertIn("calls.csv:7: bad_speaker", err)
        stored = self.sent("calls", path, "--map-file", map_, code=1)
        self.assertEqual(sorted(stored), ["100", "101"])
        call = stored["100"]
        self.assertEqual([(t["by"], t["at"]) for t in call["turns"]],
                         [("agent", "2026-11-22T09:00:00+09:00"), ("customer", "2026-11-22T09:00:05+09:00"),
                          ("agent", "2026-11-22T09:00:12+09:00")])
        self.assertEqual((call["kind"], call["conversation"], call["customer"]["id"]), ("call", "100", "c-5"))
        self.assertEqual(call["created_at"], "2026-11-22T09:00:00+09:00")
        self.assertEqual(call["analysis"]["sentiment"]["label"], "positive")
        codes = [c["code"] for c in call["analysis"]["categories"]]
        self.assertTrue(codes and all(c.split("/")[0] == "agent" for c in codes), codes)
        self.assertEqual(stored["101"]["analysis"]["sentiment"]["label"], "negative")
        whole = self.d.get(f"/v1/feedback/{call['id']}").json
        self.assertEqual({e["turn"] for e in whole["analysis"]["evidence"]}, {1})

    def test_transcripts(self):
        """Three ways to write one call down."""
        head = "통화일시: 2026.11.22 오전 9:10\n고객번호: c-9\n\n"
        self.file("t-1.txt", head + "[00:00:03] 상담원: 안녕하세요\n[00:00:07] 고객: 배송이 안 와요\n어제 온다더니\n", "cp949")
        self.file("t-2.vtt", "WEBVTT\n\n00:03.000 --> 00:05.000\n<v 상담원>안녕하세요</v>\n\n"
                             "00:07.000 --> 00:09.000\n<v 고객>배송이 안 와요</v>\n<v 고객>어제 온다더니</v>\n")
        self.file("t-3.srt", "1\n00:00:03,000 --> 00:00:05,000\n상담원: 안녕하세요\n\n"
                             "2\n00:00:07,000 --> 00:00:09,000\n고객: 배송이 안 와요\n어제 온다더니\n")
        files = [self.dir / f"t-{i}.{e}" for i, e in ((1, "txt"), (2, "vtt"), (3, "srt"))]
        plain = self.file("t.yaml", """\
            map: {source: =tr, kind: =call, channel: =phone, created_at: $.통화일시, customer.id: $.고객번호}
            """)
        stored = self.sent("tr", *files, "--map-file", plain)
        self.assertEqual(sorted(stored), ["t-1", "t-2", "t-3"])
        for r in stored.values():
            self.assertEqual([(t["by"], t["text"].replace("\n", " ")) for t in r["turns"]],
                             [("agent", "안녕하세요"), ("customer", "배송이 안 와요 어제 온다더니")])
        self.assertEqual(stored["t-1"]["created_at"], "2026-11-22T09:10:00+09:00")
        self.assertEqual(stored["t-1"]["turns"][1]["at"], "2026-11-22T09:10:07+09:00")
        self.assertEqual(stored["t-1"]["customer"]["id"], "c-9")
        strange = self.file("strange.txt", "화자1: 네\n고객: 예\n\n상담원: 네\n화자1: 예\n")
        self.assertIn("strange.txt:1: bad_speaker: line 5", self.tried(strange, "--map-file", plain, code=1)[1])
        self.assertIn("needs a --map-file", self.run_it(strange, code=1)[1])

    def test_focus_group(self):
        path = self.file("fg-1.txt", """\
            일시: 2026-11-20 14:00
            장소: 서울

            진행자: 배송은 어땠나요?
            참여자 A: 배송이 너무 늦었어요
            참여자 B: 저는 빨라서 좋았어요
            진행자: 다시 쓰시겠어요?
            참여자 A: 아니요, 해지할래요
            """)
        map_ = self.file("fg.yaml", """\
            map:
              source: =interview
              kind: =survey
              channel: =interview
              created_at: $.일시
              attributes.participant: $.speaker
            speakers: {진행자: agent, "*": customer}
            each: speaker
            """)
        stored = self.sent("interview", path, "--map-file", map_)
        self.assertEqual(sorted(stored), ["fg-1#참여자 A", "fg-1#참여자 B"])
        a, b = stored["fg-1#참여자 A"], stored["fg-1#참여자 B"]
        self.assertEqual([t["by"] for t in a["turns"]], ["agent", "customer", "agent", "customer"])
        self.assertEqual((a["analysis"]["sentiment"]["label"], b["analysis"]["sentiment"]["label"]), ("negative", "positive"))
        self.assertIn("churn", a["analysis"]["signals"])
        self.assertEqual((a["kind"], a["channel"], a["conversation"]), ("survey", "interview", "fg-1"))
        self.assertEqual(a["attributes"], {"participant": "참여자 A"})
        self.assertEqual(self.d.get("/v1/trends", measure="conversations", where="source = interview",
                                    **{"from": "2026-01-01", "to": "2027-01-01"}).json["series"][0]["total"]["value"], 1)

    def test_notes(self):
        path = self.file("note-1.txt", "일시: 2026-11-20\n\n첫 주문 고객. 배송이 늦어 다시 쓰지 않겠다고 함\n")
        map_ = self.file("note.yaml", """\
            map: {source: =note, kind: =survey, channel: =interview, created_at: $.일시, text: $.text}
            """)
        stored = self.sent("note", path, "--map-file", map_)
        self.assertEqual(stored["note-1"]["text"], "첫 주문 고객. 배송이 늦어 다시 쓰지 않겠다고 함")

    def test_interviews_in_a_table(self):
        path = self.file("iv.tsv", "세션\t참여자\t답변\n1\t진행\t어땠나요?\n1\tP1\t좋았어요\n1\tP2\t별로였어요\n2\tP1\t비싸요\n")
        map_ = self.file("iv.yaml", """\
            map: {source: =iv, kind: =survey, channel: =interview}
            turns: {conversation: $.세션, by: $.참여자, text: $.답변}
            speakers: {진행: agent, "*": customer}
            each: speaker
            """)
        stored = self.sent("iv", path, "--map-file", map_)
        self.assertEqual(sorted(stored), ["1#P1", "1#P2", "2#P1"])
        self.assertEqual([t["by"] for t in stored["1#P2"]["turns"]], ["agent", "customer"])

    def test_the_maps_of_the_docs(self):
        """Every mapping file a page shows is sound."""
        nothing = self.file("nothing.ndjson", "")
        for page in ("docs/importing.md", "docs/ko/quality.md"):
            maps = re.findall(r"```yaml\n(# [\w-]+\.yaml\n.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
            self.assertTrue(maps)
            for text in maps:
                with self.subTest(page=page, map=text.splitlines()[0]):
                    self.run_it(nothing, "--map-file", self.file("doc.yaml", text), "--dry-run")


if __name__ == "__main__":
    unittest.main()
