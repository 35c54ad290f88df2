#!/usr/bin/env python3
"""Golden sentences: what `vocctl analyze` says of them must not fall below a floor.

Every line of tests/golden/*.ndjson is a sentence of our own with the labels the policy gives it.
"""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
VOCCTL = str((ROOT / BUILD / "vocctl").resolve())
TABLES = str((ROOT / BUILD / "lexicons.bin").resolve())
FLOORS = {
    "ko": {"sentiment": 0.95, "type": 0.95, "categories": 0.95, "signals": 0.97},
    "en": {"sentiment": 0.94, "type": 0.94, "categories": 0.95, "signals": 0.97},
}
LEAST = {"ko": 300, "en": 120}


def run(*args, stdin=b""):
    return subprocess.run([VOCCTL, *args], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False)


def analyze(lines, *args):
    done = run("analyze", "--tables", TABLES, *args, stdin="\n".join(lines).encode() + b"\n")
    return done, [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def golden(lang):
    text = (ROOT / "tests/golden" / f"{lang}.ndjson").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def micro_f1(wanted, got):
    hits = sum(len(w & g) for w, g in zip(wanted, got))
    total = sum(len(w) + len(g) for w, g in zip(wanted, got))
    return 2 * hits / total if total else 1.0


class Golden(unittest.TestCase):
    def score(self, lang):
        items = golden(lang)
        self.assertGreaterEqual(len(items), LEAST[lang])
        done, got = analyze([json.dumps({"id": i["id"], "text": i["text"]}) for i in items])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([i["id"] for i in items], [g["id"] for g in got])
        scores = {
            "sentiment": sum(i["sentiment"] == g["sentiment"]["label"]
                             for i, g in zip(items, got)) / len(items),
            "type": sum(i["type"] == g["type"] for i, g in zip(items, got)) / len(items),
        }
        for key in ("categories", "signals"):
            scores[key] = micro_f1([set(i[key]) for i in items], [set(g[key]) for g in got])
        for key, floor in FLOORS[lang].items():
            self.assertGreaterEqual(scores[key], floor, f"{lang} {key}: {scores}")

    def test_korean(self):
        self.score("ko")

    def test_english(self):
        self.score("en")

    def test_every_code_of_the_vocabulary_is_reached(self):
        codes = {code for lang in FLOORS for item in golden(lang)
                 for key in ("categories", "signals") for code in item[key]}
        self.assertEqual(len(codes), 15 + 8, codes)


class Analyze(unittest.TestCase):
    def test_offsets_are_of_the_original(self):
        text = "e\u0301 😀 배송이 너무 늦어요ㅠㅠ"
        _, got = analyze([json.dumps({"id": 7, "text": text})], "--explain")
        self.assertTrue(got[0]["evidence"])
        for ev in got[0]["evidence"]:
            self.assertEqual(text.encode()[ev["start"]:ev["end"]].decode(), ev["text"])
            self.assertEqual(text[ev["cp_start"]:ev["cp_end"]], ev["text"])

    def test_bad_lines_are_named_and_the_rest_is_done(self):
        done, got = analyze(['{"id":1,"text":"좋아요"}', '{"id":2', '{"id":3}',
                             '{"id":4,"text":"a","kind":"fax"}', '{"id":5,"text":"x"} y', "",
                             '{"id":"6","text":"\\ud83d\\ude00 좋아요 \\u00e9"}'])
        self.assertEqual(done.returncode, 1)
        self.assertEqual([g["id"] for g in got], [1, "6"])
        errors = [json.loads(line) for line in done.stderr.decode().splitlines()]
        self.assertEqual([e["line"] for e in errors], [2, 3, 4, 5])

    def test_usage(self):
        self.assertEqual(run("analyze", "--nonsense").returncode, 2)
        self.assertEqual(run("analyze", "--tables", "/nonexistent").returncode, 2)


class Lexicon(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="vocd-lexicon-")
        self.addCleanup(self.dir.cleanup)
        (pathlib.Path(self.dir.name) / "ko").mkdir()

    def write(self, name, text):
        (pathlib.Path(self.dir.name) / "ko" / name).write_text(text, encoding="utf-8")

    def test_mistakes_name_file_line_and_column(self):
        self.write("categories.yaml", "categories:\n  - code: a\n    any: [ok말, {pattern: '.*'}]\n"
                                      "    wrong: 1\n")
        self.write("polarity.tsv", "좋아, 싫어\tx\n")
        done = run("lexicon", "check", self.dir.name)
        self.assertEqual(done.returncode, 1)
        out = done.stderr.decode()
        self.assertIn("categories.yaml:3:27: pattern needs", out)
        self.assertIn("categories.yaml:4:5: wrong means nothing here", out)
        self.assertIn("polarity.tsv:1:8:", out)

    def test_a_layer_adds_overrides_and_removes(self):
        out = str(pathlib.Path(self.dir.name) / "t.bin")
        self.write("polarity.tsv", "뿌잉뿌잉\t2\n최악\t0\t-\n")
        self.write("categories.yaml", "categories:\n  - code: own/path\n    any: [뿌잉]\n"
                                      "  - code: app\n    replace: true\n    any: [단말기앱]\n")
        done = run("lexicon", "compile", str(ROOT / "lexicons"), self.dir.name, "-o", out)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.dumps({"id": 1, "text": "뿌잉뿌잉"}), json.dumps({"id": 2, "text": "어플 열기"})]
        done = run("analyze", "--tables", out, stdin="\n".join(lines).encode())
        first, second = [json.loads(line) for line in done.stdout.decode().splitlines()]
        self.assertEqual(first["sentiment"]["label"], "positive")
        self.assertEqual(first["categories"], ["own"])
        self.assertNotIn("app", second["categories"])

    def test_diff_lists_what_would_flip(self):
        out = str(pathlib.Path(self.dir.name) / "t.bin")
        self.write("polarity.tsv", "뿌잉뿌잉\t2\n")
        run("lexicon", "compile", str(ROOT / "lexicons"), self.dir.name, "-o", out)
        lines = [json.dumps({"text": "뿌잉뿌잉"}), json.dumps({"text": "배송 언제 오나요?"})]
        done = run("lexicon", "diff", TABLES, out, stdin="\n".join(lines).encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 of 2 would change", done.stdout.decode())


if __name__ == "__main__":
    unittest.main()
