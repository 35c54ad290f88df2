#!/usr/bin/env python3
"""Sentences of tests/golden as a corpus batch, for the trainer of labels: golden.py LANG > FILE

The golden sentences and, in Korean, the development half of the negations (which say nothing but a
sentiment: the rest is "?"). They guard against regressions and are trained on like the development
batches; what says how good the analyzer is, are the test batches.
"""
import csv
import json
import pathlib
import sys

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests/golden"
lang = sys.argv[1]


def batch_line(id_, sentiment, categories, type_, signals, text):
    print("\t".join((id_, "ticket", sentiment, categories, type_, signals, "", "", text)))


print("\t".join("id kind sentiment categories type signals industry register text".split()))
for line in (GOLDEN / f"{lang}.ndjson").read_text(encoding="utf-8").splitlines():
    item = json.loads(line)
    batch_line(item["id"], item["sentiment"], ",".join(item["categories"]), item["type"],
               ",".join(item["signals"]), item["text"])
if lang == "ko":
    with open(GOLDEN / "negation-dev.tsv", encoding="utf-8", newline="") as f:
        for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            batch_line(row["id"], row["sentiment"], "?", "?", "?", row["text"])
