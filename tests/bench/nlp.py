#!/usr/bin/env python3
"""make bench-nlp: what reading texts costs, all in one run: the analysis beside a bare decode and a bare
walk of the trie (nlp_bench), and `vocctl analyze` beside `jq -c .` on the same NDJSON, by turns. CPU
time of one thread, the best of the rounds, since the machine is shared: read the ratios.

    python3 tests/bench/nlp.py TEXTS [--write docs/performance.md]     # one text a line
"""
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
ROUNDS = 9


def cpu_seconds(command, path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(path, "rb") as stdin:
        subprocess.run(command, stdin=stdin, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def beside_jq(texts):
    commands = {"vocctl analyze": [BUILD / "vocctl", "analyze", "--tables", BUILD / "lexicons.bin"],
                "jq -c .": ["jq", "-c", "."]}
    best = {}
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson", encoding="utf-8") as f:
        for i, text in enumerate(texts):
            f.write(json.dumps({"id": i, "text": text}, ensure_ascii=False) + "\n")
        f.flush()
        for _ in range(ROUNDS):
            for name, command in commands.items():
                seconds = cpu_seconds(command, f.name)
                best[name] = min(best.get(name, seconds), seconds)
    out = ["| NDJSON, start and tables included | lines/s | of jq |", "|---|---|---|"]
    for name, seconds in best.items():
        out.append(f"| `{name}` | {len(texts) / seconds:,.0f} | {best['jq -c .'] / seconds:.2f} |")
    return "\n".join(out)


def main(argv):
    path = pathlib.Path(argv[0])
    rows = subprocess.run([BUILD / "tests/bench/nlp_bench", "-t", BUILD / "lexicons.bin", path],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    texts = path.read_text(encoding="utf-8").splitlines()
    size = (BUILD / "lexicons.bin").stat().st_size
    out = f"{rows.rstrip()} (tables of {size / 1e6:.1f} MB)\n\n{beside_jq(texts)}\n"
    print(out)
    if "--write" in argv:
        doc = ROOT / argv[argv.index("--write") + 1]
        head, rest = doc.read_text(encoding="utf-8").split("<!-- nlp -->\n")
        doc.write_text(head + "<!-- nlp -->\n" + out + "<!-- end nlp -->" +
                       rest.split("<!-- end nlp -->", 1)[1], encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
