"""format=csv of records and trends: what a spreadsheet in Seoul opens, as masked as the JSON of it,
and nothing in it that a spreadsheet would run."""
import csv
import datetime
import io
import re
import unittest

from vocd import Daemon

HOSTILE = ["=HYPERLINK(\"http://evil.example\")", "+82 10 1234", "-cmd|' /C calc'!A0", "@SUM(1+1)", "\t=1",
           "\r\n=1", "＝1+1", "a\"b,c;d", "'quoted'", "줄\n바꿈, \"따옴표\""]
ALL = "김민수 고객, 010-9876-5432, minsu@example.com 배송이 늦어요"
DAY = "2026-11-02T09:10:11+09:00"


def table(answer):
    """Rows as Python's csv reads them: RFC 4180, strictly."""
    text = answer.body.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def plain(cell):
    """Without the guard."""
    return cell[1:] if re.match(r"'(\s|[=+\-@＝＋－＠])", cell) else cell


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon().start()
        cls.d.request("POST", "/v1/customers", {"id": "c-1", "name": "김민수", "attributes": {"grade": "VIP"}},
                      token="ingest")
        records = [{"source": "evil", "external_id": str(i), "created_at": DAY, "text": "x" + text,
                    "title": text, "product": text, "tags": [text, "b"], "attributes": {"메모": text}}
                   for i, text in enumerate(HOSTILE)]
        records.append({
            "source": "web", "external_id": "1", "kind": "chat", "created_at": DAY, "text": ALL,
            "title": "배송 문의", "customer": {"id": "c-1", "name": "김민수", "phone": "010-9876-5432",
                                           "email": "minsu@example.com"},
            "turns": [{"by": "customer", "text": ALL}, {"by": "agent", "text": "확인해 보겠습니다"}],
            "rating": {"value": 2, "scale": 5}, "answers": {"nps": 3, "csat": {"value": 1, "scale": 5}},
            "surveyed": True, "tags": ["재문의", "야간"], "experiments": {"apology": "B"}})
        answer = cls.d.send(records)
        assert answer.json["accepted"] == len(records), answer

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def file(self, path="/v1/feedback", token="quality", **params):
        answer = self.d.get(path, token=token, format="csv", **params)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Content-Type"], "text/csv; charset=utf-8; header=present")
        self.assertTrue(answer.body.startswith(b"\xef\xbb\xbf"), answer)
        self.assertTrue(answer.body.endswith(b"\r\n"), answer)
        return answer

    def test_records(self):
        row = table(self.file(where="source = web"))[0]
        self.assertEqual(row["text"], ALL)
        self.assertEqual((row["created_at"], row["tz"]), ("2026-11-02 09:10:11", "Asia/Seoul"))
        self.assertEqual((row["customer_name"], plain(row["customer_phone"])), ("김민수", "+821098765432"))
        self.assertEqual(row["turns"], f"customer: {ALL}\nagent: 확인해 보겠습니다")
        self.assertEqual((row["rating"], row["rating_scale"], row["nps"], row["csat"], row["csat_scale"]),
                         ("2", "5", "3", "1", "5"))
        self.assertEqual((row["tags"], row["experiments"], row["surveyed"]), ("재문의; 야간", "apology=B", "true"))
        listed = self.d.get("/v1/feedback", token="quality", where="source = web").json["items"][0]
        self.assertEqual(row["sentiment"], listed["analysis"]["sentiment"]["label"])
        self.assertEqual(float(row["polarity"]), listed["analysis"]["sentiment"]["polarity"])
        self.assertEqual(row["categories"], "; ".join(c["code"] for c in listed["analysis"]["categories"]))
        utc = table(self.file(where="source = web", tz="UTC"))[0]
        self.assertEqual((utc["created_at"], utc["tz"]), ("2026-11-02 00:10:11", "UTC"))

    def test_line_ends_and_quoting(self):
        answer = self.file(where="source = evil")
        rows = table(answer)
        self.assertEqual(len(rows), len(HOSTILE))
        self.assertEqual({r["text"] for r in rows}, {"x" + t for t in HOSTILE})
        outside = re.sub(rb'"(?:[^"]|"")*"', b"", answer.body)
        self.assertEqual(outside.count(b"\r\n"), len(HOSTILE) + 1)
        self.assertEqual(outside.count(b"\n"), len(HOSTILE) + 1)
        self.assertEqual(len({line.count(b",") for line in outside.split(b"\r\n")[:-1]}), 1)

    def test_nothing_a_spreadsheet_would_run(self):
        for row in table(self.file()) + table(self.file(token="agent")):
            for name, cell in row.items():
                if not re.fullmatch(r"-?[0-9.]+", cell):
                    self.assertNotRegex(cell, r"^\s*[=+\-@＝＋－＠]", name)
        by_product = table(self.file("/v1/trends", measure="count", by="product", **{"from": "2026-11-01",
                                                                                   "to": "2026-11-03"}))
        self.assertEqual({plain(r["key"]) for r in by_product}, {*HOSTILE, ""})
        for row in by_product:
            self.assertNotRegex(row["key"], r"^\s*[=+\-@＝＋－＠]")

    def test_agents_get_what_their_json_says(self):
        masked = self.file(token="agent")
        self.assertNotRegex(masked.body.decode(), r"9876|minsu|민수")
        self.assertRegex(self.file().body.decode(), r"9876[\s\S]*minsu")
        listed = {r["id"]: r for r in self.d.rows(token="agent")}
        rows = table(masked)
        self.assertEqual({r["id"] for r in rows}, set(listed))
        for row in rows:
            item = listed[row["id"]]
            customer = item.get("customer", {})
            for cell, value in (("text", item["text"]), ("title", item["title"]),
                                ("customer_id", customer.get("id", "")),
                                ("customer_name", customer.get("name", "")),
                                ("customer_phone", customer.get("phone", "")),
                                ("customer_email", customer.get("email", "")),
                                ("product", item.get("product", "")),
                                ("tags", "; ".join(item.get("tags", []))),
                                ("turns", "\n".join(f"{t['by']}: {t['text']}" for t in item.get("turns", [])))):
                self.assertEqual(plain(row[cell]), value, cell)

    def test_access_log(self):
        self.file(where="source = web", token="agent")
        entry = self.d.get("/v1/access-log", limit=1).json["items"][0]
        self.assertEqual((entry["what"]["action"], entry["who"]["role"], entry["whose"]),
                         ("feedback.export", "agent", ["c-1"]))

    def test_file_names(self):
        today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).date().isoformat()
        for params, name in (({"from": "2026-11-01", "to": "2026-11-03"}, "feedback_2026-11-01_2026-11-02.csv"),
                             ({"from": "2026-11-01"}, "feedback_2026-11-01.csv"),
                             ({"to": "2026-11-03T09:00:00+09:00"}, "feedback_2026-11-03.csv"),
                             ({}, f"feedback_{today}.csv")):
            answer = self.file(**params)
            self.assertEqual(answer.headers["Content-Disposition"], f'attachment; filename="{name}"')

    def test_cut_and_continued(self):
        seen, cursor = [], {}
        while True:
            answer = self.file(limit=4, **cursor)
            rows = table(answer)
            self.assertLessEqual(len(rows), 4)
            seen += [r["id"] for r in rows]
            if "X-Next-Cursor" not in answer.headers:
                break
            cursor = {"cursor": answer.headers["X-Next-Cursor"]}
        self.assertEqual(seen, [r["id"] for r in self.d.rows(token="quality")])

    def test_parameters(self):
        for params in ({"format": "xlsx"}, {"format": ""}, {"format": "csv", "limit": 10001},
                       {"format": "json", "limit": 1001}):
            self.assertEqual(self.d.get("/v1/feedback", **params).status, 400, params)
        self.assertEqual(self.d.get("/v1/trends", format="xlsx").status, 400)
        self.assertEqual(self.d.get("/v1/feedback", format="json").json["next_cursor"], None)
        self.assertEqual(self.d.get("/v1/trends", token="agent", format="csv").status, 403)

    def test_trends(self):
        params = {"measure": "count", "by": "source", "bucket": "day", "from": "2026-11-01",
                  "to": "2026-11-04", "compare": "previous"}
        rows = table(self.file("/v1/trends", **params))
        told = self.d.get("/v1/trends", **params).json["series"]
        self.assertEqual(len(rows), 6)
        flat = [(s["key"], p["t"][:10] + " 00:00:00", p["value"], p["n"]) for s in told for p in s["points"]]
        self.assertEqual([(r["key"], r["t"], float(r["value"]), int(r["n"])) for r in rows], flat)
        self.assertEqual({r["previous_value"] for r in rows}, {"0"})
        totals = table(self.file("/v1/trends", **{k: v for k, v in params.items()
                                                  if k not in ("bucket", "compare")}))
        self.assertEqual([(r["key"], r["value"]) for r in totals], [("evil", str(len(HOSTILE))), ("web", "1")])
        nps = table(self.file("/v1/trends", measure="nps", by="source", **{"from": "2026-11-01",
                                                                          "to": "2026-11-04"}))
        self.assertEqual([(r["key"], r["value"], r["n"]) for r in nps], [("evil", "", "0"), ("web", "-1", "1")])


class Large(unittest.TestCase):
    def test_ten_thousand(self):
        with Daemon() as d:
            d.send_lines("/v1/feedback", [{"source": "web", "external_id": str(i), "text": f"배송 {i} 늦어요",
                                           "created_at": f"2026-11-{1 + i % 20:02d}T00:00:00Z"}
                                          for i in range(12000)])
            answer = d.get("/v1/feedback", token="quality", format="csv")
            rows = table(answer)
            self.assertEqual(len(rows), 10000)
            rest = d.get("/v1/feedback", token="quality", format="csv", cursor=answer.headers["X-Next-Cursor"])
            self.assertNotIn("X-Next-Cursor", rest.headers)
            ids = [r["external_id"] for r in rows + table(rest)]
            self.assertEqual(sorted(map(int, ids)), list(range(12000)))
            days = [r["created_at"] for r in rows]
            self.assertEqual(days, sorted(days, reverse=True))
            entry = d.get("/v1/access-log", limit=2).json["items"][1]
            self.assertEqual(entry["whose_count"], 10000)

    def test_long_records_end_the_file_not_the_daemon(self):
        """64 KiB a text: the file is cut at its size, and goes on."""
        with Daemon() as d:
            text = "가" * 21000
            for part in range(9):
                d.send_lines("/v1/feedback", [{"source": "web", "external_id": f"{part}-{i}", "text": text}
                                              for i in range(100)])
            answer = d.get("/v1/feedback", token="quality", format="csv")
            n = len(table(answer))
            self.assertTrue(0 < n < 900, n)
            self.assertLess(len(answer.body), 49 << 20)
            rest = d.get("/v1/feedback", token="quality", format="csv", cursor=answer.headers["X-Next-Cursor"])
            self.assertEqual(n + len(table(rest)), 900)


if __name__ == "__main__":
    unittest.main()
