#!/usr/bin/env python3
"""The sample workspace keeps its promises: counts, shapes, distinct words, harmless contact data."""

import collections
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "daemon" / "ctl" / "sample"

KINDS = {"ticket", "review", "survey", "chat", "call", "social"}
STAGES = {"awareness", "interest", "decision", "purchase", "use", "support", "retention", "advocacy"}
RECORD_KEYS = {
    "source", "external_id", "conversation", "kind", "channel", "status", "created_at", "updated_at",
    "customer", "lang", "title", "text", "turns", "rating", "answers", "surveyed", "agent", "team",
    "vendor", "product", "order", "stage", "tags", "url", "attributes", "experiments", "backfill",
}
AGENTS = {
    **{f"a-0{n}": ("team-1", "한결컨택") for n in (1, 2, 3)},
    **{f"a-0{n}": ("team-2", "이음파트너스") for n in (4, 5, 6)},
}
MAT = "온수매트 DM-200"
RELATIVE = re.compile(r"-(\d{1,4})d ([01]\d|2[0-3]):([0-5]\d)")
HANGUL = re.compile("[가-힣]")
PHONE = re.compile(r"(?<!\d)(?:\+?82[ -]?|0)1[016789][ -]?\d{3,4}[ -]?\d{4}(?!\d)")
LANDLINE = re.compile(r"(?<![\d-])0(?:2|[3-6]\d|70|80)-\d{3,4}-\d{4}(?![\d-])")
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
RRN = re.compile(r"(?<!\d)(\d{2})(\d{2})(\d{2})-[1-8]\d{6}(?!\d)")
CHI2_P_001 = 10.828  # chi-square, one degree of freedom
CHI2_P_05 = 3.841


def lines(name):
    with open(SAMPLE / name, encoding="utf-8") as f:
        return [json.loads(line, object_pairs_hook=no_key_twice) for line in f]


def no_key_twice(pairs):
    keys = [k for k, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a key twice in {keys}")
    return dict(pairs)


def minutes_ago(text):
    """Minutes before the midnight that begins today; negative for today."""
    m = RELATIVE.fullmatch(text)
    if not m:
        raise ValueError(f"not a relative time: {text!r}")
    return int(m[1]) * 1440 - int(m[2]) * 60 - int(m[3])


def day(text):
    return int(RELATIVE.fullmatch(text)[1])


def words(record):
    """All a record says, its agent's turns too."""
    parts = [record.get("title"), record.get("text")]
    parts += [t["text"] for t in record.get("turns", [])]
    return "\n".join(p for p in parts if p)


def customer_words(record):
    parts = [record.get("title"), record.get("text")]
    parts += [t["text"] for t in record.get("turns", []) if t["by"] == "customer"]
    return "\n".join(p for p in parts if p)


def even_split_chi2(a, b):
    return (a - b) ** 2 / (a + b)


class Feedback(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.records = lines("feedback.ndjson")
        cls.spoken = [r for r in cls.records if customer_words(r)]
        cls.customers = {c["id"] for c in lines("customers.ndjson")}

    def test_enough_of_both_languages_and_all_kinds(self):
        korean = [r for r in self.spoken if HANGUL.search(customer_words(r))]
        self.assertGreaterEqual(len(korean), 400)
        self.assertGreaterEqual(len(self.spoken) - len(korean), 60)
        kinds = collections.Counter(r["kind"] for r in self.spoken)
        self.assertEqual(set(kinds), KINDS)
        self.assertGreaterEqual(min(kinds.values()), 20, kinds)

    def test_shape(self):
        for r in self.records:
            with self.subTest(r["external_id"]):
                self.assertLessEqual(set(r), RECORD_KEYS)
                self.assertIn(r["kind"], KINDS)
                self.assertIn(r["stage"], STAGES)
                self.assertIn("sample", r["tags"])
                self.assertTrue({"text", "turns", "answers", "rating", "surveyed"} & set(r))
                if "customer" in r:
                    self.assertIn(r["customer"]["id"], self.customers)
                if "agent" in r:
                    self.assertEqual((r["team"], r["vendor"]), AGENTS[r["agent"]])

    def test_scores_are_on_their_scales(self):
        for r in self.records:
            with self.subTest(r["external_id"]):
                self.assertEqual("rating" in r, r["kind"] == "review")
                if "rating" in r:
                    self.assertEqual(r["rating"]["scale"], 5)
                    self.assertIn(r["rating"]["value"], range(1, 6))
                answers = r.get("answers", {})
                self.assertLessEqual(set(answers), {"csat", "nps", "ces"})
                if answers:
                    self.assertTrue(r["surveyed"])
                self.assertIn(answers.get("nps", 0), range(0, 11))
                for name, scale in (("csat", 5), ("ces", 7)):
                    if name in answers:
                        self.assertEqual(answers[name]["scale"], scale)
                        self.assertIn(answers[name]["value"], range(1, scale + 1))

    def test_identities_and_words_are_distinct(self):
        for what, values in (
            ("identity", [(r["source"], r["external_id"]) for r in self.records]),
            ("text", [customer_words(r) for r in self.spoken]),
            ("sentence", [p for r in self.spoken for p in customer_words(r).split("\n")]),
        ):
            twice = [v for v, n in collections.Counter(values).items() if n > 1]
            self.assertEqual(twice, [], what)

    def test_lengths(self):
        lengths = [len(r["text"]) for r in self.records if "text" in r]
        self.assertLessEqual(min(lengths), 5)
        self.assertGreaterEqual(max(lengths), 250)
        self.assertLessEqual(max(lengths), 500)

    def test_times(self):
        last = None
        days = set()
        for r in self.records:
            with self.subTest(r["external_id"]):
                at = minutes_ago(r["created_at"])
                days.add(day(r["created_at"]))
                self.assertLessEqual(day(r["created_at"]), 21)
                if last is not None:
                    self.assertLessEqual(at, last, "lines are in the order of time")
                last = at
                if "updated_at" in r:
                    self.assertLessEqual(minutes_ago(r["updated_at"]), at)
                turns = [minutes_ago(t["at"]) for t in r.get("turns", [])]
                self.assertEqual(turns, sorted(turns, reverse=True))
                if turns:
                    self.assertEqual(turns[0], at)
        self.assertEqual(days, set(range(0, 22)))

    def test_turns(self):
        for r in self.records:
            if r["kind"] in ("chat", "call"):
                with self.subTest(r["external_id"]):
                    self.assertNotIn("text", r)
                    self.assertTrue(any(t["by"] == "customer" for t in r["turns"]))
                    self.assertLessEqual({t["by"] for t in r["turns"]}, {"customer", "agent", "system"})

    def test_some_conversations_have_several_messages(self):
        sizes = collections.Counter(r["conversation"] for r in self.spoken
                                    if r["kind"] != "survey" and "conversation" in r)
        self.assertGreaterEqual(sum(n > 1 for n in sizes.values()), 3)

    def test_some_were_asked_and_did_not_answer(self):
        silent = [r for r in self.records if r.get("surveyed") and "answers" not in r]
        self.assertGreaterEqual(len(silent), 50)

    def test_incident_is_dense_and_hits_vips(self):
        vips = vips_on_day(3)
        hit = [r for r in self.records
               if r.get("product") == MAT and r["kind"] != "survey" and day(r["created_at"]) == 3
               and "10:00" <= r["created_at"].split()[1] < "16:00"]
        self.assertGreaterEqual(len(hit), 30)
        for r in hit:
            self.assertRegex(words(r), "배송|허브|[Dd]eliver|hub", r["external_id"])
        hours = collections.Counter(r["created_at"].split()[1][:2] for r in hit)
        self.assertGreaterEqual(max(hours.values()), 12, hours)
        known = [r["customer"]["id"] for r in hit if "customer" in r]
        self.assertGreaterEqual(sum(c in vips for c in known) / len(known), 0.6)

    def test_incident_trails_off(self):
        evening = [r for r in self.records
                   if r.get("product") == MAT and r["kind"] != "survey" and day(r["created_at"]) == 3
                   and r["created_at"].split()[1] >= "16:20"]
        self.assertGreaterEqual(len(evening), 8)
        later = [r for r in self.records
                 if r.get("product") == MAT and r["kind"] != "survey" and day(r["created_at"]) < 3]
        self.assertLess(len(later), 20)


class Experiments(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.records = [r for r in lines("feedback.ndjson") if "experiments" in r]

    def arms(self, name):
        """Customer -> arm; fails when somebody changes sides."""
        out = {}
        for r in self.records:
            if name in r["experiments"]:
                arm = r["experiments"][name]
                self.assertEqual(out.setdefault(r["customer"]["id"], arm), arm, r["external_id"])
        return out

    def chi2(self, name):
        by_customer = collections.Counter(self.arms(name).values())
        by_record = collections.Counter(
            r["experiments"][name] for r in self.records if name in r["experiments"])
        return [even_split_chi2(*c.values()) for c in (by_customer, by_record)]

    def test_apology_is_evenly_split_and_b_is_better(self):
        self.assertEqual(set(self.arms("apology-v2").values()), {"A", "B"})
        for chi2 in self.chi2("apology-v2"):
            self.assertLess(chi2, CHI2_P_05)
        scores = collections.defaultdict(list)
        for r in self.records:
            if "csat" in r.get("answers", {}):
                scores[r["experiments"]["apology-v2"]].append(r["answers"]["csat"]["value"] >= 4)
        self.assertGreaterEqual(sum(map(len, scores.values())), 160)
        (na, pa), (nb, pb) = ((len(s), sum(s) / len(s)) for s in (scores["A"], scores["B"]))
        pooled = (na * pa + nb * pb) / (na + nb)
        z = (pb - pa) / (pooled * (1 - pooled) * (1 / na + 1 / nb)) ** 0.5
        self.assertGreater(z, 2.58)

    def test_greeting_fails_its_sample_ratio(self):
        self.assertEqual(set(self.arms("greeting-short").values()), {"control", "short"})
        for chi2 in self.chi2("greeting-short"):
            self.assertGreater(chi2, CHI2_P_001)


    def test_declarations_name_arms_that_exist(self):
        for e in json.loads((SAMPLE / "experiments.json").read_text(encoding="utf-8")):
            self.assertEqual(set(self.arms(e["id"]).values()), set(e["shares"]))
            self.assertIn(e["control"], e["shares"])
            self.assertEqual(e["unit"], "customer")
            self.assertRegex(e["name"], HANGUL)
            first = max(minutes_ago(r["created_at"]) for r in self.records if e["id"] in r["experiments"])
            self.assertGreaterEqual(minutes_ago(e["from"]), first)


class Customers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.changes = lines("customers.ndjson")
        cls.named = [c for c in cls.changes if "name" in c]

    def test_count_and_distinct(self):
        self.assertEqual(len(self.named), 120)
        for key in ("id", "name", "email", "phone"):
            self.assertEqual(len({c[key] for c in self.named}), 120, key)

    def test_shape(self):
        for c in self.named:
            with self.subTest(c["id"]):
                a = c["attributes"]
                self.assertIn(a["grade"], {"VIP", "Gold", "Silver", "Basic"})
                self.assertIn(a["subscription"], {"yes", "no"})
                self.assertEqual(a["sample"], "yes")
                self.assertRegex(a["joined"], r"^@-\d{1,4}d$")
                self.assertRegex(c["phone"], r"^010-0000-\d{4}$")
                self.assertRegex(c["email"], r"^[a-z0-9._]+@example\.com$")

    def test_grades_change_later(self):
        first = {c["id"]: c for c in self.named}
        later = [c for c in self.changes if "name" not in c]
        self.assertGreaterEqual(len(later), 5)
        for c in later:
            with self.subTest(c["id"]):
                before = first[c["id"]]
                self.assertLess(minutes_ago(c["effective_at"]), minutes_ago(before["effective_at"]))
                self.assertNotEqual(c["attributes"]["grade"], before["attributes"]["grade"])

    def test_nobody_speaks_or_buys_before_joining(self):
        joined = {c["id"]: int(c["attributes"]["joined"][2:-1]) for c in self.named}
        for r in lines("feedback.ndjson"):
            if "customer" in r:
                self.assertLessEqual(day(r["created_at"]), joined[r["customer"]["id"]], r["external_id"])
        for a in lines("activities.ndjson"):
            self.assertLessEqual(day(a["at"]), joined[a["customer"]], a["external_id"])


class Activities(unittest.TestCase):
    def test_activities(self):
        items = lines("activities.ndjson")
        self.assertGreaterEqual(len(items), 300)
        self.assertEqual(len({(a["source"], a["external_id"]) for a in items}), len(items))
        self.assertEqual({a["type"] for a in items}, {"order", "visit", "cancel", "return", "coupon"})
        ordered = {}
        for a in items:
            with self.subTest(a["external_id"]):
                minutes_ago(a["at"])
                self.assertGreater(a.get("amount", 1), 0)
                if a["type"] == "order":
                    self.assertNotIn(a["order"], ordered)
                    ordered[a["order"]] = a
                elif "order" in a:
                    self.assertEqual(ordered[a["order"]]["customer"], a["customer"])
        for r in lines("feedback.ndjson"):
            if "order" in r:
                with self.subTest(r["external_id"]):
                    order = ordered[r["order"]]
                    self.assertEqual((order["customer"], order["product"]),
                                     (r["customer"]["id"], r["product"]))
                    self.assertGreaterEqual(minutes_ago(order["at"]), minutes_ago(r["created_at"]))


class Rules(unittest.TestCase):
    def test_segments_name_attributes_that_exist(self):
        segments = json.loads((SAMPLE / "segments.json").read_text(encoding="utf-8"))
        self.assertEqual(len(segments), 5)
        attributes = {k for c in lines("customers.ndjson") for k in c["attributes"]}
        for s in segments:
            self.assertEqual(set(s), {"code", "title", "where"})
            self.assertIn(s["where"].split()[0], attributes)

    def test_alert_rules(self):
        rules = json.loads((SAMPLE / "alert-rules.json").read_text(encoding="utf-8"))
        self.assertEqual(len({r["name"] for r in rules}), 3)
        for r in rules:
            with self.subTest(r["name"]):
                self.assertLessEqual({"name", "title", "where", "severity"}, set(r))
                if not r.get("each"):
                    self.assertLessEqual({"measure", "op", "threshold", "recover", "window"}, set(r))
                    self.assertLess(r["recover"], r["threshold"])


class Harmless(unittest.TestCase):
    def setUp(self):
        self.raw = "\n".join(p.read_text(encoding="utf-8") for p in sorted(SAMPLE.glob("*.*json*")))
        self.said = [words(r) for r in lines("feedback.ndjson")]

    def test_phones_stay_in_the_reserved_block(self):
        phones = PHONE.findall(self.raw)
        self.assertGreaterEqual(len(phones), 125)
        self.assertEqual([p for p in phones if not p.startswith("010-0000-")], [])
        self.assertEqual(LANDLINE.findall(self.raw), [])

    def test_mail_stays_at_example(self):
        mails = EMAIL.findall(self.raw)
        self.assertGreaterEqual(len(mails), 122)
        self.assertEqual([m for m in mails if m.split("@")[1] not in ("example.com", "example.kr")], [])
        self.assertNotRegex(self.raw, r"https?://")

    def test_there_is_something_to_mask(self):
        shapes = (PHONE, EMAIL, RRN, re.compile(r"\d{4}-\d{4}-\d{4}-\d{4}"), re.compile(r"\d{3}-\d{2,4}-\d{4,6}"),
                  re.compile(r"다온\S*[로길] ?\d"), re.compile(r"\d{2}[가-힣]\d{4}"))
        for shape in shapes:
            self.assertTrue(any(shape.search(s) for s in self.said), shape.pattern)
        self.assertGreaterEqual(sum(any(p.search(s) for p in shapes) for s in self.said), 10)

    def test_one_registration_number_with_a_date_and_no_person(self):
        found = [m for s in self.said for m in RRN.finditer(s)]
        self.assertEqual(len(found), 1)
        self.assertIn(int(found[0][2]), range(1, 13))
        self.assertIn(int(found[0][3]), range(1, 29))
        self.assertTrue(found[0][0].endswith("000000"))


def vips_on_day(n):
    grades = {}
    for c in sorted(lines("customers.ndjson"), key=lambda c: -minutes_ago(c["effective_at"])):
        if c["id"] not in grades or minutes_ago(c["effective_at"]) >= n * 1440:
            grades[c["id"]] = c["attributes"]["grade"]
    return {c for c, g in grades.items() if g == "VIP"}


if __name__ == "__main__":
    unittest.main()
