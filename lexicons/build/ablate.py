#!/usr/bin/env python3
"""What each rule gains: the figures of cross-validation with it switched off, one at a time.

    ablate.py VOCCTL LABELS DATA

Run from the root, with `make accuracy-rules`. Each author of the development batches is scored by
labels fitted on the others. A rule is a kind of word in the lists, a whole file, or a number of model.tsv.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "lexicons/build/corpus"
KINDS = "mask neg_pre neg_post neg_lack neg_none contrast turn past cond question request wish why".split()
FILES = "polarity.tsv intensity.tsv emoji.tsv ngrams.tsv concepts.yaml categories.yaml signals.yaml types.yaml".split()
NUMBERS = {"contrast_before": 1, "past_factor": 1, "gate_curated": 1, "failure_floor": 0,
           "negate_positive": 1, "negate_negative": 1, "overrule": 0}


def without_kind(folder, kind):
    for path in folder.glob("ko/*.tsv"):
        lines = path.read_text(encoding="utf-8").split("\n")
        kept = [line for line in lines if line.split("\t")[1:2] != [kind]]
        path.write_text("\n".join(kept), encoding="utf-8")


def with_number(folder, name, value):
    path = folder / "ko/model.tsv"
    lines = [l for l in path.read_text(encoding="utf-8").split("\n") if not l.startswith(name + "\t")]
    path.write_text("\n".join(lines) + f"{name}\t{value}\n", encoding="utf-8")


def batches(folder):
    tests = tuple((CORPUS / "tests.txt").read_text(encoding="utf-8").split())
    golden = folder / "golden.tsv"
    golden.write_bytes(subprocess.run([sys.executable, ROOT / "lexicons/build/golden.py", "ko"],
                                      stdout=subprocess.PIPE, check=True).stdout)
    files = [p for p in sorted(CORPUS.glob("ko-*.tsv")) if not p.name.startswith(tests)]
    return [*files, "train-only=1", golden]


def figures(vocctl, labels, data, change):
    with tempfile.TemporaryDirectory(prefix="vocd-ablate-") as name:
        folder = pathlib.Path(name)
        lexicon, tables = folder / "lexicons", folder / "bare.bin"
        for lang in ("ko", "en"):
            shutil.copytree(ROOT / "lexicons" / lang, lexicon / lang,
                            ignore=shutil.ignore_patterns("labels.tsv"))
        change(lexicon)
        subprocess.run([vocctl, "lexicon", "compile", lexicon, "-o", tables], check=True)
        out = subprocess.run([labels, "lang=ko", f"tables={tables}", f"data={data}",
                              *batches(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             check=True).stdout.decode()
    percents = [float(x) for x in re.findall(r"^(?:sentiment|type) ([\d.]+) %", out, re.M)]
    return percents + [100 * float(x) for x in re.findall(r"^\w+ F1 ([\d.]+)", out, re.M)]


def main():
    vocctl, labels, data = sys.argv[1:]
    whole = figures(vocctl, labels, data, lambda folder: None)
    print("| without | sentiment | type | categories | signals |\n| --- | --- | --- | --- | --- |")
    print("| nothing | " + " | ".join(f"{x:.2f}" for x in whole) + " |", flush=True)
    changes = [(f"`{k}`", lambda f, k=k: without_kind(f, k)) for k in KINDS]
    changes += [(name, lambda f, name=name: (f / "ko" / name).unlink()) for name in FILES]
    changes += [(f"`{k}` {v}", lambda f, k=k, v=v: with_number(f, k, v)) for k, v in NUMBERS.items()]
    for name, change in changes:
        off = figures(vocctl, labels, data, change)
        print(f"| {name} | " + " | ".join(f"{b - a:+.2f}" for a, b in zip(whole, off)) + " |",
              flush=True)


if __name__ == "__main__":
    main()
