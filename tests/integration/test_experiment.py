"""Experiments: declared, read from the records, summed up; every number is compared with one worked out
here from the same rows, and every hostile or empty case gets an answer a supervisor can act on."""
import csv
import io
import json
import math
import statistics
import unittest

from vocd import Daemon, iso

DAY = 86400
PATH = "/v1/experiments"


def record(i, experiment, arm, **more):
    return {"source": "survey", "external_id": f"{experiment}-{i}", "kind": "survey",
            "conversation": f"{experiment}-cv-{i}", "created_at": iso(DAY), "experiments": {experiment: arm}, **more}


def csat(value):
    return {"answers": {"csat": {"value": value, "scale": 5}}}


def wilson(k, n, z=1.959963984540054):
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon().start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def send(self, records):
        answer = self.d.send_lines("/v1/feedback", records)
        self.assertEqual(answer.json["rejected_count"], 0, answer.body[:500])

    def declare(self, experiment, expect=204, token="quality", **declaration):
        answer = self.d.request("PUT", f"{PATH}/{experiment}", declaration, token=token)
        self.assertEqual(answer.status, expect, answer)
        return answer

    def summary(self, name, expect=200, token="quality", **params):
        answer = self.d.get(f"{PATH}/{name}/summary", token=token, **params)
        self.assertEqual(answer.status, expect, answer)
        return answer.json

    def verdict(self, name, code, reason, **params):
        s = self.summary(name, **params)
        self.assertEqual((s["verdict"]["code"], s["verdict"]["reason"]), (code, reason), s["verdict"])
        for language in ("ko", "en"):
            self.assertTrue(s["verdict"][language].endswith("."), s["verdict"])
        return s

    def listed(self, name):
        items = self.d.get(PATH, token="quality").json["items"]
        return next((e for e in items if e["id"] == name), None)

    def simple(self, name, a, b):
        """Arms A and B with so many (satisfied, asked) each, one conversation a record."""
        rows = [(arm, i < good) for arm, (good, n) in (("A", a), ("B", b)) for i in range(n)]
        self.send([record(i, name, arm, **csat(5 if good else 2)) for i, (arm, good) in enumerate(rows)])


class Numbers(Base):
    def test_every_number_follows_from_the_rows(self):
        rows = []
        for i in range(300):
            arm = "AB"[i % 2]
            more = {}
            if i % 3:
                more["answers"] = {"csat": {"value": 1 + i % 5, "scale": 5}, "nps": (i * 7) % 11,
                                   "ces": {"value": 1 + (i * 3) % 7, "scale": 7}}
            else:
                more["surveyed"] = True
            if i % 5 < 2:
                more["text"] = ("배송이 너무 늦어서 화가 납니다", "정말 친절하고 좋았어요", "영업시간 문의드립니다")[i // 7 % 3]
            if i % 9 < 4:
                more["rating"] = {"value": 1 + i % 4, "scale": 5}
            rows.append(record(i, "rows", arm, **more))
        self.send(rows)
        s = self.summary("rows")
        stored = list(self.d.rows(where="experiments.rows in (A, B)"))
        self.assertEqual(len(stored), 300)
        for arm in s["arms"]:
            mine = [r for r in stored if r["experiments"]["rows"] == arm["arm"]]
            self.assertEqual((arm["records"], arm["assigned"]), (150, 150))
            asked = [r for r in mine if r["surveyed"]]
            self.assertEqual(arm["surveyed"], len(asked))
            said = [r["analysis"]["sentiment"]["label"] for r in mine if r["analysis"]["sentiment"]]
            answers = [r["answers"] for r in mine if r.get("answers")]
            scores = {
                "csat": [float(a["csat"]["value"] >= 4) for a in answers if "csat" in a],
                "nps": [(n >= 9) - (n <= 6) for n in (nps(a) for a in answers) if n is not None],
                "ces": [a["ces"]["value"] for a in answers if "ces" in a],
                "rating": [r["rating"]["value"] / r["rating"]["scale"] for r in mine if r.get("rating")],
                "negative_rate": [float(x == "negative") for x in said],
                "positive_rate": [float(x == "positive") for x in said],
                "net_sentiment": [(x == "positive") - (x == "negative") for x in said],
            }
            for name, values in scores.items():
                got = arm["measures"][name]
                with self.subTest(arm=arm["arm"], measure=name):
                    self.assertEqual(got["n"], len(values))
                    self.assertGreater(len(values), 10)
                    self.assertAlmostEqual(got["value"], statistics.fmean(values), 12)
                    self.assertTrue(got["low"] < got["value"] < got["high"])
            low, high = wilson(sum(scores["csat"]), len(scores["csat"]))
            self.assertAlmostEqual(arm["measures"]["csat"]["low"], low, 9)
            self.assertAlmostEqual(arm["measures"]["csat"]["high"], high, 9)
        a, b = ({m: v["value"] for m, v in arm["measures"].items()} for arm in s["arms"])
        for name, d in s["comparisons"][0]["measures"].items():
            self.assertAlmostEqual(d["difference"], b[name] - a[name], 12, name)
        # The same numbers as a trend by arm.
        trend = self.d.get("/v1/trends", measure="csat", by="experiments.rows",
                           where="experiments.rows in (A, B)", **{"from": iso(30 * DAY)}).json
        for series in trend["series"]:
            mine = next(x for x in s["arms"] if x["arm"] == series["key"])["measures"]["csat"]
            self.assertEqual({k: series["total"][k] for k in ("value", "n", "low", "high")},
                             {k: mine[k] for k in ("value", "n", "low", "high")})

    def test_a_filter_and_a_period_narrow_it(self):
        rows = []
        for i in range(80):
            rows.append(record(i, "narrow", "AB"[i % 2], product="p-1" if i < 60 else "p-2",
                               **csat(5 if i % 3 else 1)) | {"created_at": iso((1 + i % 10) * DAY)})
        self.send(rows)
        whole = self.summary("narrow")
        part = self.summary("narrow", where="product = p-1")
        late = self.summary("narrow", **{"from": iso(3.5 * DAY)})
        for s, n in ((whole, 80), (part, 60), (late, 24)):
            self.assertEqual(sum(a["records"] for a in s["arms"]), n)
        self.declare("narrow", **{"from": iso(3.5 * DAY), "measure": "csat"})
        self.assertEqual(self.summary("narrow")["arms"], late["arms"])
        again = self.summary("narrow", **{"from": iso(300 * DAY)})
        self.assertEqual(again["arms"], whole["arms"])

    def test_units_are_conversations_or_customers(self):
        rows = []
        for i in range(60):  # 20 customers of three conversations of one record, and 10 of nobody
            rows.append(record(i, "units", "AB"[i // 3 % 2], customer={"id": f"u-{i // 3}"}, **csat(5 if i // 3 % 4 else 1)))
        for i in range(60, 70):
            rows.append(record(i, "units", "AB"[i % 2], **csat(4)))
            del rows[-1]["conversation"]
        self.send(rows)
        s = self.summary("units")
        self.assertEqual([a["assigned"] for a in s["arms"]], [35, 35])
        narrow = [a["measures"]["csat"] for a in s["arms"]]
        self.declare("units", unit="customer")
        s = self.summary("units")
        self.assertEqual([a["assigned"] for a in s["arms"]], [15, 15])
        self.assertEqual(s["units"], 30)
        for arm, was in zip(s["arms"], narrow):
            now = arm["measures"]["csat"]
            self.assertEqual((now["n"], now["units"], now["value"]), (35, 15, was["value"]))
            # a customer answers alike three times: that is hardly more than one answer
            self.assertGreater(now["high"] - now["low"], 1.4 * (was["high"] - was["low"]))

    def test_a_replaced_or_removed_record_counts_as_it_is_now(self):
        self.simple("moving", (20, 40), (20, 40))
        before = self.summary("moving")
        changed = record(0, "moving", "A", **csat(1)) | {"updated_at": iso(0)}
        self.send([changed])
        after = self.summary("moving")
        self.assertEqual(before["arms"][0]["measures"]["csat"]["value"], 0.5)
        self.assertEqual(after["arms"][0]["measures"]["csat"]["value"], 19 / 40)


def nps(answers):
    v = answers.get("nps")
    return v["value"] if isinstance(v, dict) else v


class Verdicts(Base):
    def test_win(self):
        self.simple("win", (52, 100), (73, 100))
        s = self.verdict("win", "win", "different")
        self.assertEqual(s["verdict"]["arm"], "B")
        self.assertEqual(s["verdict"]["ko"].split("(95%")[0],
                         "B안이 A안보다 낫습니다: 고객 만족도(CSAT)가 73.0%로 A안의 52.0%보다 21.0%p 높습니다")
        self.assertIn("B beats A: CSAT is 73.0% against 52.0%, 21.0 points higher (95% interval", s["verdict"]["en"])
        self.assertEqual([w["code"] for w in s["warnings"]], ["peeking"])
        # at its declared end nobody peeks any more
        self.declare("win", name="사과문", to=iso(3600), shares={"A": 1, "B": 1})
        s = self.verdict("win", "win", "different")
        self.assertEqual((s["warnings"], s["name"], s["declared"]), ([], "사과문", True))

    def test_lose_and_the_control_turned_round(self):
        self.simple("lose", (73, 100), (52, 100))
        s = self.verdict("lose", "lose", "different")
        self.assertIn("B안이 A안보다 못합니다", s["verdict"]["ko"])
        self.assertIn("낮습니다", s["verdict"]["ko"])
        s = self.verdict("lose", "win", "different", control="B")
        self.assertEqual((s["control"], s["verdict"]["arm"], s["arms"][0]["arm"]), ("B", "A", "B"))

    def test_lower_is_better(self):
        rows = [record(i, "lower", "AB"[i % 2], answers={"ces": {"value": 2 + i % 2 * 2 + i % 3, "scale": 7}}) for i in range(100)]
        self.send(rows)
        self.declare("lower", measure="ces")
        self.verdict("lower", "win", "different")
        self.declare("lower", measure="ces", better="lower")
        s = self.verdict("lower", "lose", "different")
        self.assertIn("낮을수록 좋은 고객 노력 지수(CES)가", s["verdict"]["ko"])
        self.assertIn("lower is better", s["verdict"]["en"])
        self.assertEqual(s["better"], "lower")
        self.declare("lower", better={"ces": "lower"})
        self.verdict("lower", "lose", "different", measure="ces")

    def test_inconclusive_says_how_much_is_missing(self):
        self.simple("open", (30, 60), (35, 60))
        s = self.verdict("open", "inconclusive", "undecided")
        self.assertGreater(s["verdict"]["needed"], 100)
        self.assertLess(s["verdict"]["needed"], 2000)
        self.assertRegex(s["verdict"]["ko"], r"안마다 응답이 약 \d+건 더 모여야")
        self.assertRegex(s["verdict"]["en"], r"about \d+ more answers in each")

    def test_flat_is_shown_not_assumed(self):
        self.simple("same", (30, 60), (30, 60))
        self.verdict("same", "inconclusive", "undecided")
        self.declare("same", margin=0.25)
        s = self.verdict("same", "flat", "equivalent")
        self.assertIn("±25.0%p", s["verdict"]["ko"])

    def test_few_answers(self):
        self.simple("few", (0, 4), (4, 4))
        s = self.verdict("few", "inconclusive", "few_answers")
        self.assertIn("상담이 B안 4건, A안 4건뿐이라", s["verdict"]["ko"])
        self.assertEqual(s["verdict"]["needed"], 6)

    def test_sample_ratio(self):
        self.simple("skew", (40, 89), (30, 39))
        s = self.verdict("skew", "invalid", "sample_ratio")
        self.assertFalse(s["ratio_check"]["passed"])
        self.assertLess(s["ratio_check"]["p"], 0.001)
        self.assertEqual(s["ratio_check"]["expected"], {"A": 0.5, "B": 0.5})
        self.assertAlmostEqual(s["ratio_check"]["observed"]["A"], 89 / 128)
        self.assertRegex(s["verdict"]["ko"], "계획한 50.0%가 아니라")
        self.assertEqual(s["comparisons"][0]["code"], "invalid")
        self.declare("skew", shares={"A": 70, "B": 30})
        s = self.summary("skew")
        self.assertTrue(s["ratio_check"]["passed"])
        self.assertNotEqual(s["verdict"]["code"], "invalid")

    def test_units_in_several_arms(self):
        self.simple("mixed", (50, 100), (50, 100))
        self.send([record(i, "mixed", "B", **csat(4)) | {"external_id": f"again-{i}"} for i in range(12)])
        s = self.summary("mixed")
        self.assertEqual((s["in_several_arms"], s["units"]), (12, 200))
        self.assertEqual([a["assigned"] for a in s["arms"]], [100, 112])
        self.assertIn("several_arms", [w["code"] for w in s["warnings"]])
        self.send([record(i, "mixed", "B", **csat(4)) | {"external_id": f"more-{i}"} for i in range(12, 30)])
        s = self.verdict("mixed", "invalid", "several_arms")
        self.assertEqual(s["in_several_arms"], 30)

    def test_arms_nobody_planned(self):
        self.simple("typo", (52, 150), (95, 150))
        self.declare("typo", shares={"A": 1, "B": 1})
        self.send([record(1000, "typo", "b", **csat(5))])
        s = self.verdict("typo", "win", "different")
        self.assertIn("unplanned_arms", [w["code"] for w in s["warnings"]])
        self.assertEqual([a["planned"] for a in s["arms"]], [True, True, False])
        self.assertEqual(s["comparisons"][1]["measures"]["csat"]["p_adjusted"], 1)
        self.send([record(1001 + i, "typo", "b", **csat(5)) for i in range(9)])
        self.verdict("typo", "invalid", "unplanned_arms")

    def test_a_sequential_verdict_asks_for_more(self):
        self.simple("careful", (52, 100), (66, 100))
        self.verdict("careful", "win", "different")
        self.declare("careful", sequential=True)
        s = self.verdict("careful", "inconclusive", "undecided")
        d = s["comparisons"][0]["measures"]["csat"]
        self.assertLess(d["any_time"]["low"], d["low"])
        self.assertGreater(d["any_time"]["high"], d["high"])
        self.assertGreater(d["any_time"]["p"], d["p"])
        self.assertIn("언제 봐도 유효한 95% 구간", s["verdict"]["ko"])

    def test_many_arms_are_held_to_more(self):
        rates = [("control", 50), ("b", 65), ("c", 52), ("d", 49), ("e", 51)]
        rows = [(arm, i < good) for arm, good in rates for i in range(100)]
        self.send([record(i, "many", arm, **csat(5 if good else 1)) for i, (arm, good) in enumerate(rows)])
        s = self.summary("many")
        self.assertEqual([a["arm"] for a in s["arms"]], ["control", "b", "c", "d", "e"])
        best = s["comparisons"][0]["measures"]["csat"]
        self.assertLess(best["p"], 0.05)
        self.assertAlmostEqual(best["p_adjusted"], min(1, 4 * best["p"]), 12)
        self.assertEqual(s["verdict"]["code"], "inconclusive")
        self.assertIn("여러 안 비교 보정", s["verdict"]["ko"])


class Edges(Base):
    def test_nothing_there(self):
        self.summary("nobody-knows", expect=404)
        self.declare("empty", shares={"A": 1, "B": 1})
        s = self.verdict("empty", "inconclusive", "no_records")
        self.assertEqual([(a["arm"], a["assigned"]) for a in s["arms"]], [("A", 0), ("B", 0)])
        self.assertIsNone(s["arms"][0]["measures"]["csat"]["value"])
        self.assertIsNone(s["comparisons"][0]["measures"]["csat"]["difference"])
        self.assertTrue(s["ratio_check"]["passed"])
        self.assertEqual(self.d.request("DELETE", f"{PATH}/empty", token="quality").status, 204)
        self.assertEqual(self.d.request("DELETE", f"{PATH}/empty", token="quality").status, 404)
        self.summary("empty", expect=404)

    def test_one_arm_and_an_unknown_control(self):
        self.send([record(i, "lonely", "A", **csat(3)) for i in range(5)])
        s = self.verdict("lonely", "inconclusive", "one_arm")
        self.assertEqual((len(s["arms"]), s["comparisons"], s["control"]), (1, [], "A"))
        s = self.verdict("lonely", "invalid", "unknown_control", control="Z")
        self.assertIn("Z안", s["verdict"]["ko"])

    def test_an_arm_without_answers_and_all_answers_the_same(self):
        self.send([record(i, "silent", "A", surveyed=True) for i in range(20)] +
                  [record(20 + i, "silent", "B", **csat(5)) for i in range(20)])
        s = self.verdict("silent", "inconclusive", "few_answers")
        self.assertEqual([(a["surveyed"], a["responded"]) for a in s["arms"]], [(20, 0), (20, 20)])
        self.assertIsNone(s["arms"][0]["measures"]["csat"]["low"])
        s = self.verdict("silent", "win", "different", measure="response_rate")
        self.send([record(i, "alike", "AB"[i % 2], answers={"nps": 10}) for i in range(40)])
        s = self.verdict("alike", "inconclusive", "undecided", measure="nps")
        d = s["comparisons"][0]["measures"]["nps"]
        self.assertEqual(d["difference"], 0)
        self.assertTrue(d["low"] < 0 < d["high"] and d["p"] == 1)

    def test_fifty_arms(self):
        self.send([record(i, "fifty", f"arm-{i % 50:02}", **csat(5 if i % 7 else 1)) for i in range(1000)])
        s = self.summary("fifty")
        self.assertEqual((len(s["arms"]), len(s["comparisons"])), (50, 49))
        self.assertNotEqual(s["verdict"]["code"], "invalid")
        self.send([record(1000 + i, "crowd", f"arm-{i}") | {"surveyed": True} for i in range(101)])
        self.assertEqual(self.summary("crowd", expect=400)["type"], "urn:vocd:problem:too-many-arms")
        self.assertEqual(len(self.listed("crowd")["arms"]), 100)
        self.summary("crowd", where="experiments.crowd in (arm-1, arm-2)")

    def test_hostile_names(self):
        names = ["<script>alert(1)</script>", "=1+1", "\u202eevil", "a" * 400, "줄\n바꿈", "\"'\\", "%s%n", "가나다안"]
        self.send([record(i, "x/../<b>", names[i % len(names)], **csat(1 + i % 5)) for i in range(160)])
        s = self.summary("x%2F..%2F%3Cb%3E")
        self.assertEqual(sorted(a["arm"] for a in s["arms"]), sorted(names))
        for text in (s["verdict"]["ko"], s["verdict"]["en"]):
            self.assertNotIn("\u202e", text)
            self.assertNotIn("\n", text)
            self.assertLess(len(text), 1000)
        self.assertNotIn("안안", s["verdict"]["ko"])

    def test_what_may_be_declared(self):
        for bad in ({"measure": "count"}, {"measure": 1}, {"shares": {"A": 1}}, {"shares": {"A": 0, "B": 1}},
                    {"shares": {"A": "1", "B": 1}}, {"shares": {str(i): 1 for i in range(101)}}, {"unit": "agent"},
                    {"from": "yesterday"}, {"from": 5}, {"from": "2026-02-01", "to": "2026-01-01"}, {"margin": -1},
                    {"margin": "0.1"}, {"better": "best"}, {"better": {"ces": 1}}, {"better": {"count": "lower"}}, {"sequential": "yes"}, {"name": ""}, {"name": "a\nb"},
                    {"name": "x" * 301}, {"shares": {"A": 1, "B": 1}, "control": "C"}, {"nonsense": 1}, [], 3):
            with self.subTest(bad=str(bad)[:60]):
                answer = self.d.request("PUT", f"{PATH}/bad", bad, token="admin")
                self.assertEqual(answer.status, 400, answer)
        self.assertEqual(self.d.request("PUT", f"{PATH}/{'x' * 256}", {}).status, 400)
        self.assertIsNone(self.listed("bad"))
        self.declare("good", name="인사말 실험", measure="nps", shares={"새 안": 2, "기존": 1}, control="기존",
                     unit="customer", margin=0.1, better=None, **{"from": "2026-01-01", "to": "2026-02-01T00:00:00Z"})
        e = self.listed("good")
        self.assertEqual({k: e[k] for k in ("name", "measure", "control", "arms", "shares", "unit", "margin", "better",
                                            "sequential", "declared", "records")},
                         {"name": "인사말 실험", "measure": "nps", "control": "기존", "arms": ["기존", "새 안"],
                          "shares": {"기존": 1, "새 안": 2}, "unit": "customer", "margin": 0.1, "better": "higher",
                          "sequential": False, "declared": True, "records": 0})
        self.assertTrue(e["from"].startswith("2026-01-01T00:00:00"), e)
        self.declare("good", measure="csat")
        self.assertEqual(self.listed("good")["name"], "good")

    def test_what_may_be_asked(self):
        self.simple("asked", (5, 10), (5, 10))
        for params in ({"measure": "polarity"}, {"measure": "count"}, {"where": "nonsense ="}, {"from": "x"},
                       {"from": "2026-02-01", "to": "2026-01-01"}, {"tz": "Mars/Base"}):
            with self.subTest(params=params):
                self.summary("asked", expect=400, **params)
        for role, status in (("ingest", 403), ("agent", 403), ("supervisor", 200), ("quality", 200), ("admin", 200)):
            self.summary("asked", expect=status, token=role)
            self.assertEqual(self.d.get(PATH, token=role).status, status)
            self.declare("roles", expect=204 if status == 200 else 403, token=role)
            answer = self.d.request("DELETE", f"{PATH}/roles", token=role)
            self.assertEqual(answer.status, 204 if status == 200 else 403)

    def test_seen_but_not_declared(self):
        self.send([record(i, "seen", ("plain", "Control")[i % 2]) | {"surveyed": True} for i in range(4)])
        e = self.listed("seen")
        self.assertEqual((e["declared"], e["arms"], e["control"], e["records"], e["measure"], e["unit"]),
                         (False, ["Control", "plain"], "Control", 4, "csat", "conversation"))
        self.assertEqual(e["shares"], {"Control": 1, "plain": 1})


class Vocctl(Base):
    def ctl(self, *args, code=0):
        done = self.d.ctl(*args)
        self.assertEqual(done.returncode, code, (args, done.stdout[-500:], done.stderr[-500:]))
        return done.stdout.decode()

    def test_declare_and_summary(self):
        self.simple("ctl", (52, 100), (73, 100))
        self.assertEqual(self.ctl("experiment", "declare", "ctl", "--name", "명령줄 실험", "--shares", "A=1,B=1", "--control",
                                  "A", "--margin", "0.05", "--sequential", "false", "--to", iso(60), "--better", "higher"), "")
        table = self.ctl("experiment", "summary", "ctl")
        self.assertIn("명령줄 실험", table)
        self.assertIn("win: B안이 A안보다 낫습니다", table)
        self.assertRegex(table, r"(?m)^csat +B +0\.73 ")
        self.assertIn("명령줄 실험", self.ctl("experiment", "list"))
        rows = list(csv.DictReader(io.StringIO(self.ctl("experiment", "summary", "ctl", "-o", "csv").lstrip("\ufeff"))))
        self.assertEqual([(r["measure"], r["arm"], r["of.n"]) for r in rows[:2]], [("csat", "A", "100"), ("csat", "B", "100")])
        self.assertEqual(json.loads(self.ctl("experiment", "summary", "ctl", "-o", "json"))["verdict"],
                         self.summary("ctl")["verdict"])
        swapped = json.loads(self.ctl("experiment", "summary", "ctl", "--control", "B", "-o", "json"))
        self.assertEqual(swapped["verdict"]["code"], "lose")
        self.ctl("experiment", "delete", "ctl")
        self.assertFalse(self.summary("ctl")["declared"])

    def test_wrong_arguments(self):
        for args in (("declare",), ("summary",), ("declare", "x", "--shares", "A"), ("declare", "x", "--shares", "A=1,=2"),
                     ("declare", "x", "--margin", "two"), ("declare", "x", "--sequential", "perhaps"),
                     ("summary", "x", "y"), ("declare", "x", "--nonsense", "1")):
            with self.subTest(args=args):
                self.ctl("experiment", *args, code=2)
        self.ctl("experiment", "summary", "no-such-experiment", code=1)
        self.ctl("experiment", "declare", "x", "--measure", "count", code=1)
        self.ctl("experiment", "delete", "no-such-experiment", code=1)


class Sample(unittest.TestCase):
    def test_one_wins_and_one_is_dealt_wrongly(self):
        with Daemon() as d:
            self.assertEqual(d.ctl("sample", "load").returncode, 0)
            names = {e["id"]: e for e in d.get(PATH).json["items"]}
            self.assertEqual(set(names), {"apology-v2", "greeting-short"})
            for e in names.values():
                self.assertTrue(e["declared"] and any("가" <= c <= "힣" for c in e["name"]), e)
            apology = d.get(f"{PATH}/apology-v2/summary").json
            self.assertEqual((apology["verdict"]["code"], apology["verdict"]["arm"]), ("win", "B"), apology["verdict"])
            self.assertEqual(apology["in_several_arms"], 0)
            easier = d.get(f"{PATH}/apology-v2/summary", measure="ces").json
            self.assertEqual((easier["verdict"]["code"], easier["better"]), ("win", "lower"), easier["verdict"])
            greeting = d.get(f"{PATH}/greeting-short/summary").json
            self.assertEqual((greeting["verdict"]["code"], greeting["verdict"]["reason"]), ("invalid", "sample_ratio"))
            self.assertEqual(d.ctl("sample", "remove").returncode, 0)
            self.assertEqual(d.get(PATH).json["items"], [])


class Restart(unittest.TestCase):
    def test_a_declaration_outlives_a_restart(self):
        with Daemon() as d:
            d.request("PUT", f"{PATH}/kept", {"name": "남는 실험", "measure": "nps"}, token="quality")
            d.kill()
            d.start()
            self.assertEqual(d.get(PATH).json["items"][0]["name"], "남는 실험")


if __name__ == "__main__":
    unittest.main()
