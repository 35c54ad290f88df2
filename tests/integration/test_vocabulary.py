"""Every category path the lexicons give has a label people can read, and no label is left over."""
import re
import unittest

from vocd import ROOT, Daemon


class Vocabulary(unittest.TestCase):
    def test_every_path_of_the_lexicons_has_a_label(self):
        codes = set()
        for language in ("ko", "en"):
            text = (ROOT / "lexicons" / language / "categories.yaml").read_text(encoding="utf-8")
            codes |= set(re.findall(r"^\s*- code: (\w+/\w+)", text, re.M))
        with Daemon() as d:
            told = d.get("/v1/vocabulary", token="agent").json["category_path"]
        self.assertEqual(codes, {entry["code"] for entry in told})
        for entry in told:
            self.assertRegex(entry["ko"], "[가-힣]")
            self.assertRegex(entry["en"], "^[A-Z]")


if __name__ == "__main__":
    unittest.main()
