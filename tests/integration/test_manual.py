"""The manual pages: sound to mandoc, and true. vocd.yaml(5) is held against the schema by
tests/unit/daemon/test_core_manual.c; here vocctl(1) against what vocctl says of itself, and vocd(8)
against the daemon and its unit."""
import re
import shutil
import subprocess
import unittest

from vocd import ROOT, VOCCTL, VOCD

PAGES = sorted((ROOT / "systemd/man").glob("*.[1-8]"))


def said(*command):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, timeout=60, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout


def source(name):
    return (ROOT / "systemd/man" / name).read_text()


class Sound(unittest.TestCase):
    def test_the_pages(self):
        self.assertEqual([p.name for p in PAGES], ["vocctl.1", "vocd.8", "vocd.yaml.5"])

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc(self):
        self.assertEqual(said("mandoc", "-T", "lint", "-W", "warning", *PAGES), "")


class Vocctl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.items = re.findall(r"^\.It Ic (.+)$", source("vocctl.1"), re.M)

    def verbs(self):
        """(noun, verb) as the usage lists them; a verb of None where the noun is enough."""
        for line in said(VOCCTL, "help").splitlines():
            m = re.match(r"  ([a-z-]+)(?: ([a-z|-]+))?(?: |$)", line)
            if m and line.startswith("  ") and not line.startswith("   "):
                for verb in (m.group(2) or "").split("|"):
                    yield m.group(1), verb

    def test_every_verb_and_no_other(self):
        told = {(noun, verb) for noun, verb in self.verbs()}
        self.assertGreater(len(told), 30)
        described = set()
        for item in self.items:
            words = [w for w in item.split() if not w.startswith("-")]
            verb = words[1] if len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]) else ""
            described.add((words[0], verb))
        self.assertEqual(described, told)

    def test_options_of_calls(self):
        """What the table of calls takes is in the item of the verb, and the other way round."""
        table = (ROOT / "daemon/ctl/api.c").read_text().partition("calls[] = {")[2].partition("\n};")[0]
        table = table.replace("READ_OPTIONS", '"where", "from", "to", "tz"')
        calls = re.findall(r'^    \{"([a-z-]+)", "([a-z-]+)", ROLE_\w+, "[A-Z]+",\s+"[^"]+",(.*?)'
                           r'(?=^    \{"|\Z)', table, re.M | re.S)
        self.assertGreater(len(calls), 20)
        for noun, verb, rest in calls:
            lists = re.match(r"\s*(NULL|LIST\([^)]*\)),\s*(NULL|LIST\([^)]*\)),", rest)
            self.assertIsNotNone(lists, f"{noun} {verb}: {rest}")
            taken = set(re.findall(r'"(\w+)"', " ".join(lists.groups())))
            item = next((i for i in self.items if i.startswith(f"{noun} {verb}")), "")
            with self.subTest(verb=f"{noun} {verb}"):
                self.assertEqual(set(re.findall(r"Fl -(\w+)", item)), taken)

    def test_options_of_the_other_verbs(self):
        """Every --option vocctl's own verbs look for is somewhere on the page."""
        page = source("vocctl.1")
        options = set()
        for path in (ROOT / "daemon/ctl").glob("*.c"):
            text = path.read_text()
            options |= set(re.findall(r'"--([a-z-]+)"', text))
        self.assertGreater(len(options), 15)
        self.assertEqual([o for o in sorted(options) if not re.search(rf"Fl -{o}\b", page)], [])

    def test_environment(self):
        read = set()
        for path in (ROOT / "daemon/ctl").glob("*.c"):
            read |= set(re.findall(r'getenv\("(\w+)"\)', path.read_text()))
        section = source("vocctl.1").partition(".Sh ENVIRONMENT")[2].partition(".Sh FILES")[0]
        self.assertEqual(set(re.findall(r"^\.It Ev (\w+)", section, re.M)), read)


class Daemon(unittest.TestCase):
    def test_options(self):
        usage = set(re.findall(r"--([a-z-]+)", said(VOCD, "--help")))
        page = set(re.findall(r"^\.It Fl -([a-z-]+)", source("vocd.8"), re.M))
        self.assertEqual(page, usage | {"help"})

    def test_log_groups(self):
        groups = re.findall(r'X\(LOG_\w+, "(\w+)"\)', (ROOT / "daemon/core/log.h").read_text())
        self.assertIn("\n.Pq " + ", ".join(groups) + "\n", source("vocd.8"))

    def test_how_long_it_stops(self):
        table = re.search(r"default_deadlines\[STOP_STAGES\] = \{(.*?)\};",
                          (ROOT / "daemon/core/loop.c").read_text(), re.S).group(1)
        seconds = sum(int(ms) for ms in re.findall(r"\] = (\d+)", table)) // 1000
        self.assertIn(f"at most {seconds}\nseconds", source("vocd.8"))


class DataFlows(unittest.TestCase):
    """What docs/data-flows.md says that can be read off the program."""
    PAGES = ("docs/data-flows.md", "docs/ko/data-flows.md")

    def test_actions_of_the_access_log(self):
        written = set()
        for path in (ROOT / "daemon/api").glob("*.c"):
            text = path.read_text()
            written |= set(re.findall(r'q->action = "([a-z_.]+)"', text))
            written |= set(re.findall(r'access_of\(r, SPAN_LIT\("([a-z_.]+)"\)', text))
        self.assertGreater(len(written), 5)
        for page in self.PAGES:
            told = set(re.findall(r"^\| `([a-z_]+\.[a-z]+)` \|", (ROOT / page).read_text(), re.M))
            self.assertEqual(told, written, page)

    def test_quotes(self):
        most = re.search(r"ALERT_EXAMPLES = (\d+)", (ROOT / "daemon/alert/engine_impl.h").read_text())
        size = re.search(r"QUOTE_SHOWN = (\d+)", (ROOT / "daemon/alert/transition.c").read_text())
        self.assertEqual((most.group(1), size.group(1)), ("3", "200"))
        self.assertIn("up to three quotes of at most 200 bytes",
                      (ROOT / self.PAGES[0]).read_text().replace("\n", " "))

    def test_the_same_in_both_languages(self):
        shape = [[line.count("|") for line in (ROOT / page).read_text().splitlines() if line.startswith(("|", "#"))]
                 for page in self.PAGES]
        self.assertEqual(*shape)


if __name__ == "__main__":
    unittest.main()
