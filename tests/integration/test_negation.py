#!/usr/bin/env python3
"""Negation and its traps: what `vocctl analyze` makes of tests/golden/negation-{dev,test}.tsv.

The goal is 97 % of both halves. Sentences of the development half that come out wrong are printed;
of the test half only figures are, so that no rule is written by looking at it.
"""
import collections
import csv
import json
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
FLOORS = {"dev": 0.98, "test": 0.84}  # right of all; what is reached, less a little. dev is trained on
LEAST = 220


def read(half):
    path = ROOT / "tests/golden" / f"negation-{half}.tsv"
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def labels(rows):
    lines = "".join(json.dumps({"id": r["id"], "text": r["text"]}, ensure_ascii=False) + "\n"
                    for r in rows)
    done = subprocess.run([BUILD / "vocctl", "analyze", "--tables", BUILD / "lexicons.bin"],
                          input=lines.encode(), stdout=subprocess.PIPE, timeout=120, check=True)
    out = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    assert [o["id"] for o in out] == [r["id"] for r in rows]
    return [o["sentiment"]["label"] for o in out]


class Negation(unittest.TestCase):
    def score(self, half):
        rows = read(half)
        self.assertGreaterEqual(len(rows), LEAST)
        wrong, seen, missed = [], collections.Counter(), collections.Counter()
        for row, got in zip(rows, labels(rows)):
            seen[row["trap"]] += 1
            if got != row["sentiment"]:
                missed[row["trap"]] += 1
                wrong.append(f"  {row['id']} {row['trap']}: {row['sentiment']} -> {got}: "
                             f"{row['text']}")
        right = 1 - len(wrong) / len(rows)
        print(f"\nnegation {half}: {100 * right:.2f} % of {len(rows)}; wrong by trap: "
              + (", ".join(f"{t} {n}/{seen[t]}" for t, n in sorted(missed.items())) or "none"))
        if half == "dev" and wrong:
            print("\n".join(wrong))
        self.assertGreaterEqual(right, FLOORS[half])

    def test_development_half(self):
        self.score("dev")

    def test_test_half(self):
        self.score("test")

    def test_the_sets_are_sound(self):
        dev, test = read("dev"), read("test")
        texts = ["".join(row["text"].split()) for row in dev + test]
        self.assertEqual(len(texts), len(set(texts)), "a sentence stands twice")
        self.assertEqual({row["trap"] for row in dev}, {row["trap"] for row in test})
        for half in (dev, test):
            counts = collections.Counter(row["sentiment"] for row in half)
            self.assertEqual(set(counts), {"negative", "neutral", "positive"})
            self.assertGreaterEqual(min(counts.values()), len(half) // 4)


if __name__ == "__main__":
    unittest.main()
