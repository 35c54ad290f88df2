#!/usr/bin/env python3
"""The corpus of lexicons/build/corpus/ is sound, and its checker sees what is not."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK = ROOT / "lexicons/build/corpus_check.py"
HEAD = "id\tkind\tsentiment\tcategories\ttype\tsignals\tindustry\tregister\ttext\n"


def check(*args):
    done = subprocess.run([sys.executable, CHECK, *args], stdout=subprocess.PIPE, timeout=300,
                          check=False)
    return done.returncode, done.stdout.decode()


class Corpus(unittest.TestCase):
    def test_it_is_clean(self):
        code, out = check()
        print(out)
        self.assertEqual((code, out.splitlines()[-1]), (0, "corpus: clean"))


class Faults(unittest.TestCase):
    ROW = "z-01-0001\tticket\tnegative\tdelivery\tcomplaint\t\tshopping\tpolite\t택배가 사흘째 안 와요\n"

    def sees(self, rows, message, marks=None):
        with tempfile.TemporaryDirectory(prefix="vocd-corpus-") as folder:
            (pathlib.Path(folder) / "ko-z-01.tsv").write_text(HEAD + rows, encoding="utf-8")
            if marks:
                (pathlib.Path(folder) / "marks.tsv").write_text(marks, encoding="utf-8")
            code, out = check("--quiet", folder)
        self.assertEqual(code, 1)
        self.assertIn(message, out)

    def test_columns_and_codes(self):
        self.sees(self.ROW.replace("\tpolite", ""), "ko-z-01.tsv:2: 8 columns instead of 9")
        self.sees(self.ROW.replace("z-01-0001", "z-02-0001"), "is not z-01-NNNN")
        self.sees(self.ROW.replace("delivery", "delivery,wings"), "'delivery,wings': unknown")
        self.sees(self.ROW.replace("delivery", "delivery,delivery"), "unknown or twice")
        self.sees(self.ROW.replace("ticket", "fax"), "kind 'fax' is unknown")

    def test_labels_that_contradict(self):
        self.sees(self.ROW.replace("negative", "positive"), "complaint that is positive")
        self.sees(self.ROW.replace("complaint", "inquiry"), "negative inquiry")

    def test_texts(self):
        self.sees(self.ROW.replace("택배가", " 택배가"), "blanks around the text")
        self.sees(self.ROW.replace("택배가 사흘째 안 와요", "왜"), "1 characters")
        self.sees(self.ROW.replace("사흘째", "010-1234-5678 사흘째"), "a phone number")
        self.sees(self.ROW.replace("사흘째", "me@mail.kr 사흘째"), "mail at mail.kr")

    def test_duplicates(self):
        twin = self.ROW.replace("0001", "0002")
        self.sees(self.ROW + self.ROW, "id z-01-0001 is also at ko-z-01.tsv:2")
        self.sees(self.ROW + twin.replace("안 와요", "안와요!!"), "is the same text as z-01-0001")
        long = "지난주에 주문한 의자가 아직 도착하지 않아서 다시 문의를 남깁니다"
        self.sees(self.ROW.replace("택배가 사흘째 안 와요", long)
                  + twin.replace("택배가 사흘째 안 와요", long.replace("의자가", "책상이")),
                  "z-01-0002 is nearly the text of z-01-0001")

    def test_marks(self):
        self.sees(self.ROW, "z-01-0009 is in no batch", "id\tmark\nz-01-0009\ttrap\n")
        self.sees(self.ROW, "mark 'snare' is unknown", "id\tmark\nz-01-0001\tsnare\n")

    def test_mix(self):
        self.sees(self.ROW, "ko: 1 rows, at least 8000")
        self.sees(self.ROW, "ko: signals churn: 0.0 % of the rows")


if __name__ == "__main__":
    unittest.main()
