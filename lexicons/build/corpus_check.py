#!/usr/bin/env python3
"""Checks the corpus of our own (lexicons/build/corpus/) and prints its counts.

    corpus_check.py [FOLDER]            problems as FILE:LINE: and the counts of each language
    corpus_check.py --quiet [FOLDER]    problems only

Looked at: columns, ids, codes, characters, personal data that could be somebody's, labels that
contradict each other, texts that stand twice or nearly twice (named by id only: texts of test
batches are shown by no program), the marks of traps and lookalikes, second readings, the mix of every
language. With the counts it prints how far two readers agree: what no analyzer can be expected to pass.
Exit 1 when there is a problem.
"""
import collections
import pathlib
import re
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = ROOT / "lexicons/build/corpus"
COLUMNS = "id kind sentiment categories type signals industry register text".split()
SECOND = "id sentiment categories type signals".split()
INDUSTRIES = set("shopping telecom bank travel appliance food public game health education".split())
REGISTERS = set("formal polite casual internet elderly dialect business".split())
MARKS = {"trap", "lookalike"}
UNMARKED = re.compile("en-[afg-z]-|ko-[g-z]-")  # traps and lookalikes are not listed
MAX_ROWS, MIN_CHARS, MAX_CHARS = 500, 3, 600
NEAR = 0.66      # Jaccard of trigrams from which two texts count as one
NEAR_CHARS = 16  # letters a text needs to be compared so; shorter ones only whole
SAME_CHARS = 8   # letters from which a text may not stand twice; `감사합니다` may, once a batch

# Shares of the rows of a language, in per cent, that must be reached.
SHARES = {"categories": 3.5, "type": 3, "signals": 1, "industry": 3.5, "sentiment": 18,
          "trap": 20, "lookalike": 3, "several categories": 20, "no category": 4}
ROWS = {"ko": 8000, "en": 2000}


def vocabulary(macro):
    text = (ROOT / "base/vocab.h").read_text(encoding="utf-8")
    body = re.search(rf"#define VOCAB_{macro}\(X\)(.*?)\n\n", text, re.S)[1]
    return set(re.findall(r'X\(\w+,\s*"(\w+)"', body))


CODES = {"kind": vocabulary("KINDS"), "type": vocabulary("TYPES"), "industry": INDUSTRIES,
         "sentiment": vocabulary("SENTIMENTS") - {"none"}, "register": REGISTERS}
SETS = {"categories": vocabulary("CATEGORIES"), "signals": vocabulary("SIGNALS")}


def codes(cell):
    return cell.split(",") if cell else []


def folded(text):
    return "".join(c for c in unicodedata.normalize("NFKC", text).lower() if c.isalnum())


class Check:
    def __init__(self):
        self.problems = []
        self.rows = []   # every good row, with lang, batch and where added
        self.marks = {}  # id: mark
        self.second = {}  # id: the row of a second reading

    def problem(self, where, what):
        self.problems.append(f"{where}: {what}")

    # --- one file ---

    def batch(self, path):
        lang, name = path.stem.split("-", 1)
        prefix = name if lang == "ko" else path.stem
        lines = path.read_text(encoding="utf-8").split("\n")
        if lines.pop():
            self.problem(f"{path.name}:{len(lines) + 1}", "the last line has no end")
        if lines[0].split("\t") != COLUMNS:
            self.problem(f"{path.name}:1", f"columns are not {' '.join(COLUMNS)}")
        if len(lines) - 1 > MAX_ROWS:
            self.problem(path.name, f"{len(lines) - 1} rows, at most {MAX_ROWS}")
        for n, line in enumerate(lines[1:], 2):
            where, cells = f"{path.name}:{n}", line.split("\t")
            if len(cells) != len(COLUMNS):
                self.problem(where, f"{len(cells)} columns instead of {len(COLUMNS)}")
                continue
            row = dict(zip(COLUMNS, cells), lang=lang, batch=path.stem, where=where)
            if not re.fullmatch(re.escape(prefix) + r"-\d{4}", row["id"]):
                self.problem(where, f"id {row['id']!r} is not {prefix}-NNNN")
            self.labels(row)
            self.text(row)
            self.rows.append(row)

    def labels(self, row):
        for column, known in CODES.items():
            if row[column] not in known:
                self.problem(row["where"], f"{column} {row[column]!r} is unknown")
        for column, known in SETS.items():
            given = codes(row[column])
            if len(set(given)) != len(given) or not set(given) <= known:
                self.problem(row["where"], f"{column} {row[column]!r}: unknown or twice")
        for kind, wanted in (("complaint", "negative"), ("praise", "positive")):
            if row["type"] == kind and row["sentiment"] != wanted:
                self.problem(row["where"], f"{kind} that is {row['sentiment']}")
        if row["type"] == "inquiry" and row["sentiment"] == "negative":
            self.problem(row["where"], "negative inquiry: a failure makes it a complaint")

    def text(self, row):
        text, where = row["text"], row["where"]
        if text != text.strip() or unicodedata.normalize("NFC", text) != text:
            self.problem(where, "blanks around the text, or it is not NFC")
        if any(unicodedata.category(c) == "Cc" for c in text):
            self.problem(where, "control character")
        if not MIN_CHARS <= len(text.replace("\\n", " ")) <= MAX_CHARS:
            self.problem(where, f"{len(text)} characters, not {MIN_CHARS} to {MAX_CHARS}")
        for phone in re.findall(r"01[016789][-. ]?\d{3,4}[-. ]?\d{4}", text):
            if not re.match(r"010[-. ]?0000", phone):
                self.problem(where, "a phone number not of 010-0000-NNNN")
        for host in re.findall(r"[\w.+-]+@([A-Za-z0-9.-]+[A-Za-z0-9])", text):
            if not re.search(r"(^|\.)example\.(com|org|net|kr|co\.kr)$", host):
                self.problem(where, f"mail at {host}, not at example.com or .kr")

    def marks_file(self, path):
        lines = path.read_text(encoding="utf-8").split("\n")
        if lines[0] != "id\tmark":
            self.problem(f"{path.name}:1", "columns are not id mark")
        for n, line in enumerate(lines[1:], 2):
            if not line:
                continue
            ident, _, mark = line.partition("\t")
            if mark not in MARKS:
                self.problem(f"{path.name}:{n}", f"mark {mark!r} is unknown")
            if self.marks.setdefault(ident, mark) != mark or line in lines[1:n - 1]:
                self.problem(f"{path.name}:{n}", f"{ident} is marked twice")

    def second_file(self, path):
        lines = path.read_text(encoding="utf-8").split("\n")
        if lines[0].split("\t") != SECOND:
            self.problem(f"second/{path.name}:1", f"columns are not {' '.join(SECOND)}")
        for n, line in enumerate(lines[1:-1], 2):
            where, cells = f"second/{path.name}:{n}", line.split("\t")
            row = dict(zip(SECOND, cells))
            if len(cells) != len(SECOND) or row["id"] in self.second:
                self.problem(where, f"{len(cells)} columns, or {cells[0]} stands twice")
                continue
            if row["sentiment"] not in CODES["sentiment"] or row["type"] not in CODES["type"]:
                self.problem(where, f"{row['sentiment']!r} or {row['type']!r} is unknown")
            for column, known in SETS.items():
                if not set(codes(row[column])) <= known:
                    self.problem(where, f"{column} {row[column]!r}: unknown")
            self.second[row["id"]] = row

    # --- all files together ---

    def across(self):
        first = {}
        for row in self.rows:
            if first.setdefault(row["id"], row) is not row:
                self.problem(row["where"], f"id {row['id']} is also at {first[row['id']]['where']}")
        for name, idents in (("marks", self.marks), ("second", self.second)):
            for ident in idents:
                if ident not in first:
                    self.problem(name, f"{ident} is in no batch")
        self.same()
        self.near()

    def same(self):
        first = {}
        for row in self.rows:
            key = folded(row["text"])
            if len(key) >= SAME_CHARS and first.setdefault(key, row) is not row:
                self.problem(row["where"], f"{row['id']} is the same text as {first[key]['id']}")
            elif key and len(key) < SAME_CHARS:
                other = first.setdefault((row["batch"], key), row)
                if other is not row:
                    self.problem(row["where"], f"{row['id']} is the same text as {other['id']}")

    def near(self):
        """Pairs from NEAR on, by prefix filtering: such two share one of their rarest shingles, and the
        smaller has NEAR of the larger's number at least."""
        shingles, seen, whole = [], collections.Counter(), []
        for row in self.rows:
            key = folded(row["text"])
            own = {key[i:i + 3] for i in range(len(key) - 2)} if len(key) >= NEAR_CHARS else set()
            whole.append(key)
            shingles.append(own)
            seen.update(own)
        rank = {s: k for k, s in enumerate(sorted(seen, key=lambda s: (seen[s], s)))}
        shingles = [{rank[s] for s in own} for own in shingles]
        at = collections.defaultdict(list)
        for i, own in enumerate(shingles):
            rare = sorted(own)[:len(own) - int(NEAR * len(own)) + 1]
            small, large = NEAR * len(own), len(own) / NEAR
            for j in sorted({j for s in rare for n, j in at[s] if small <= n <= large}):
                both = len(own & shingles[j])
                share = both / (len(own) + len(shingles[j]) - both)
                if share >= NEAR and whole[i] != whole[j]:
                    self.problem(self.rows[i]["where"], f"{self.rows[i]['id']} is nearly the text "
                                 f"of {self.rows[j]['id']} ({share:.2f})")
            for s in rare:
                at[s].append((len(own), i))

    def count(self, lang):
        rows = [row for row in self.rows if row["lang"] == lang]
        counts = collections.defaultdict(collections.Counter)
        for row in rows:
            for column in CODES:
                counts[column][row[column]] += 1
            for column in SETS:
                counts[column].update(codes(row[column]))
            if not UNMARKED.match(row["batch"]):
                counts["marks"][self.marks.get(row["id"], "none")] += 1
            n = len(codes(row["categories"]))
            counts["number"]["several categories" if n > 1 else "no category" if n == 0
                             else "one category"] += 1
        return rows, counts

    def mix(self, lang):
        rows, counts = self.count(lang)
        if len(rows) < ROWS[lang]:
            self.problem(lang, f"{len(rows)} rows, at least {ROWS[lang]}")
        for name, least in SHARES.items():
            known = SETS.get(name) or CODES.get(name)
            where = (counts[name] if known else
                     counts["marks"] if name in MARKS else counts["number"])
            for code in sorted(known or {name}):
                of = sum(where.values()) if name in MARKS else len(rows)
                if 100 * where[code] < least * of:
                    what = f"{name} {code}" if known else code
                    self.problem(lang, f"{what}: {100 * where[code] / of:.1f} % of the rows, "
                                       f"at least {least}")

    def table(self, lang):
        rows, counts = self.count(lang)
        if not rows:
            return
        sizes = sorted(len(row["text"]) for row in rows)
        print(f"\n{lang}: {len(rows)} texts of {sizes[0]} to {sizes[-1]} characters, "
              f"median {sizes[len(sizes) // 2]}")
        print("\n| batches | texts | negative | neutral | positive | traps | lookalikes |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for group in sorted({row["batch"].rsplit("-", 1)[0] for row in rows}):
            own = [row for row in rows if row["batch"].rsplit("-", 1)[0] == group]
            marks = collections.Counter(self.marks.get(row["id"]) for row in own)
            tone = collections.Counter(row["sentiment"] for row in own)
            print(f"| {group} | {len(own)} | {tone['negative']} | {tone['neutral']} | "
                  f"{tone['positive']} | {marks['trap']} | {marks['lookalike']} |")
        print()
        for column in ("categories", "type", "signals", "kind", "industry", "register", "number"):
            parts = ", ".join(f"{code} {n}" for code, n in counts[column].most_common())
            print(f"- {column}: {parts}")


    def agreement(self):
        print("\n| author and second reader | texts | sentiment | type | categories F1 | signals F1 |")
        print("| --- | --- | --- | --- | --- | --- |")
        for group in sorted({row["batch"].rsplit("-", 1)[0] for row in self.rows}):
            pairs = [(row, self.second[row["id"]]) for row in self.rows
                     if row["batch"].rsplit("-", 1)[0] == group and row["id"] in self.second]
            if not pairs:
                continue
            same = [100 * sum(a[c] == b[c] for a, b in pairs) / len(pairs)
                    for c in ("sentiment", "type")]
            f1 = []
            for column in SETS:
                both = sum(len(set(codes(a[column])) & set(codes(b[column]))) for a, b in pairs)
                all_ = sum(len(codes(a[column])) + len(codes(b[column])) for a, b in pairs)
                f1.append(2 * both / max(all_, 1))
            print(f"| {group} | {len(pairs)} | {same[0]:.1f} % | {same[1]:.1f} % | {f1[0]:.3f} | "
                  f"{f1[1]:.3f} |")


def main(args):
    check = Check()
    folder = next((pathlib.Path(a) for a in args if not a.startswith("-")), CORPUS)
    for path in sorted(folder.glob("*.tsv")):
        if path.name.startswith("marks"):
            check.marks_file(path)
        else:
            check.batch(path)
    for path in sorted(folder.glob("second/*.tsv")):
        check.second_file(path)
    check.across()
    for lang in ROWS:
        check.mix(lang)
        if "--quiet" not in args:
            check.table(lang)
    if check.second and "--quiet" not in args:
        check.agreement()
    print("\n".join(check.problems) or "corpus: clean")
    return 1 if check.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
