"""What fuzzing found worth keeping, given again to every target (see `make fuzz`), and each input
changed a little by chance; under sanitizers with `make asan`."""
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))


class Corpus(unittest.TestCase):
    def replay(self, target):
        kept = sorted((ROOT / "tests/fuzz/corpus" / target).iterdir())
        self.assertGreater(len(kept), 20)
        done = subprocess.run([BUILD / "tests/fuzz" / f"fuzz_{target}", *kept], cwd=ROOT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:].decode(errors="replace"))

    def test_http(self):
        self.replay("http")

    def test_mime(self):
        self.replay("mime")

    def test_nlp(self):
        self.replay("nlp")

    def test_tables(self):
        self.replay("tables")

    def test_lexicon(self):
        self.replay("lexicon")

    def test_connector(self):
        self.replay("connector")

    def test_jsonpath(self):
        self.replay("jsonpath")

    def test_signature(self):
        self.replay("signature")

    def test_xlsx(self):
        self.replay("xlsx")

    def test_transcript(self):
        self.replay("transcript")

    def test_size(self):
        kept = [p for p in (ROOT / "tests/fuzz/corpus").glob("*/*")]
        self.assertLess(sum(p.stat().st_size for p in kept), 2 << 20)


if __name__ == "__main__":
    unittest.main()
