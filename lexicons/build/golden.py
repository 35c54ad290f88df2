#!/usr/bin/env python3
"""tests/golden/LANG.ndjson as a corpus batch, for the trainer of labels: golden.py LANG > FILE

Golden sentences guard against regressions and are trained on like the development batches; what
says how good the analyzer is, are the test batches.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
lang = sys.argv[1]
print("\t".join("id kind sentiment categories type signals industry register text".split()))
for line in (ROOT / "tests/golden" / f"{lang}.ndjson").read_text(encoding="utf-8").splitlines():
    item = json.loads(line)
    print("\t".join((item["id"], "ticket", item["sentiment"], ",".join(item["categories"]),
                     item["type"], ",".join(item["signals"]), "", "", item["text"])))
