#!/usr/bin/env python3
"""Scores `vocctl analyze` on corpus batches (lexicons/build/corpus/*.tsv).

    score.py VOCCTL FILE...            figures only
    score.py --list VOCCTL FILE...     and every text that came out wrong

--list is for development batches. Test batches (corpus/tests.txt) are never listed, so that no rule is written by looking at
them: the script refuses to.
"""
import collections
import csv
import json
import pathlib
import subprocess
import sys

TESTS = tuple((pathlib.Path(__file__).parent / "corpus/tests.txt").read_text().split())


def codes(cell):
    return {c.strip().split("/")[0] for c in cell.split(",") if c.strip()}


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        rows = csv.DictReader((l for l in f if not l.startswith("#")), delimiter="\t",
                              quoting=csv.QUOTE_NONE)
        return [row for row in rows if row.get("text")]


def analyze(vocctl, rows, lang):
    lines = "".join(json.dumps({"id": r["id"], "kind": r["kind"], "lang": lang, "text": r["text"]},
                               ensure_ascii=False) + "\n" for r in rows)
    done = subprocess.run([vocctl, "analyze"], input=lines.encode(), stdout=subprocess.PIPE,
                          check=True)
    out = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
    assert [o["id"] for o in out] == [r["id"] for r in rows]
    return out


class Sets:
    """Right, false and missed codes, each by code."""

    def __init__(self):
        self.right, self.false, self.missed = (collections.Counter() for _ in range(3))

    def add(self, want, got):
        self.right.update(want & got)
        self.false.update(got - want)
        self.missed.update(want - got)
        return want == got

    @staticmethod
    def f1(right, false, missed):
        return 2 * right / (2 * right + false + missed) if right + false + missed else 1.0

    def show(self, name):
        total = [sum(c.values()) for c in (self.right, self.false, self.missed)]
        print(f"{name:<11} micro-F1 {self.f1(*total):.4f}")
        for code in sorted(self.right | self.false | self.missed):
            counts = self.right[code], self.false[code], self.missed[code]
            print("    %-15s F1 %.3f  right %4d  false %4d  missed %4d"
                  % (code, self.f1(*counts), *counts))


class Labels:
    """One label of several: wanted against got."""

    def __init__(self):
        self.pairs = collections.Counter()

    def add(self, want, got):
        self.pairs[want, got] += 1
        return want == got

    def show(self, name):
        n, right = sum(self.pairs.values()), sum(c for (w, g), c in self.pairs.items() if w == g)
        print(f"{name:<11} {100 * right / max(n, 1):.2f} % of {n}")
        for (want, got), c in self.pairs.most_common():
            if want != got:
                print(f"    {want:>10} -> {got:<10} {c:4d}")


class Confidence:
    """How far confidences are from what they promise, in ten bins."""

    def __init__(self):
        self.bins = collections.defaultdict(list)

    def add(self, confidence, right):
        self.bins[min(9, int(confidence * 10))].append((confidence, right))

    def show(self, name):
        pairs = [p for b in self.bins.values() for p in b]
        error = sum(abs(sum(c - r for c, r in b)) for b in self.bins.values()) / max(len(pairs), 1)
        sure = [r for c, r in pairs if c >= 0.9]
        print(f"{name:<11} calibration error {error:.3f}; from 0.9 on "
              f"{100 * sum(sure) / max(len(sure), 1):.2f} % right of {len(sure)}")


def main():
    args = sys.argv[1:]
    listing = "--list" in args
    vocctl, *files = [a for a in args if a != "--list"]
    if listing and any(pathlib.Path(f).name.startswith(TESTS) for f in files):
        sys.exit("score.py: test batches are not listed")
    sentiment, kind, categories, signals = Labels(), Labels(), Sets(), Sets()
    confidence = Confidence()
    exact = total = 0
    for path in files:
        rows = read(path)
        got = analyze(vocctl, rows, pathlib.Path(path).name[:2])
        for row, g in zip(rows, got):
            right = [sentiment.add(row["sentiment"], g["sentiment"]["label"]),
                     categories.add(codes(row["categories"]), set(g["categories"])),
                     kind.add(row["type"], g["type"]),
                     signals.add(codes(row["signals"]), set(g["signals"]))]
            confidence.add(g["sentiment"]["confidence"], right[0])
            total, exact = total + 1, exact + all(right)
            if listing and not all(right):
                wrong = []
                for name, ok in zip(("sentiment", "categories", "type", "signals"), right):
                    if not ok:
                        mine = g[name]["label"] if name == "sentiment" else g[name]
                        mine = ",".join(sorted(mine)) if isinstance(mine, list) else mine
                        wrong.append(f"{name}: {row[name] or '-'} -> {mine or '-'}")
                print(f"{row['id']} {row['kind']} {'; '.join(wrong)}\n    {row['text']}")
    sentiment.show("sentiment")
    confidence.show("confidence")
    kind.show("type")
    categories.show("categories")
    signals.show("signals")
    print(f"all right   {exact} of {total}")


if __name__ == "__main__":
    main()
