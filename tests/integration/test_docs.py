"""The documents name only what is there: files, and pictures that the browser tests take."""
import re
import unittest

from vocd import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")),
         ROOT / "lexicons/README.md", ROOT / "lexicons/build/README.md"]


class Docs(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
                if "://" in target:
                    continue
                with self.subTest(page=page.name, target=target):
                    self.assertTrue((page.parent / target).exists())

    def test_every_picture_is_taken_by_a_test(self):
        walks = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests/browser").glob("walk_*.mjs"))
        taken = set(re.findall(r'shot\(page, "([\w-]+)"\)', walks))
        for picture in (ROOT / "docs/images").glob("*"):
            self.assertIn(picture.stem, taken)
        self.assertGreater(len(taken), 5)


if __name__ == "__main__":
    unittest.main()
