"""vocd.service as a manager reads it: valid, hardened to a figure, and with what must stay possible."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from vocd import ROOT

UNIT = ROOT / "systemd/vocd.service"
EXPOSURE = 1.5


def run(*command):
    return subprocess.run([str(c) for c in command], cwd=ROOT, stdin=subprocess.DEVNULL, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def settings(path, section):
    """Each line of a section, in order: keys may come several times."""
    text, current = path.read_text(), None
    for line in text.splitlines():
        if re.fullmatch(r"\[\w+\]", line):
            current = line[1:-1]
        elif current == section and line and not line.startswith("#"):
            yield tuple(line.split("=", 1))


@unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
class Analyze(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-unit-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def installed(self):
        """The unit as it is when its programs are under another prefix."""
        done = run("make", "-s", "install", "CC=true", f"PREFIX={self.dir}/usr", f"SYSCONFDIR={self.dir}/etc",
                   f"UNITDIR={self.dir}/units")
        self.assertEqual(done.returncode, 0, done.stdout)
        return self.dir / "units/vocd.service"

    def verify(self, *units):
        done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stdout)

    def test_verify(self):
        self.verify(self.installed())

    def test_verify_with_every_line_of_the_drop_in(self):
        unit = self.installed()
        text = (ROOT / "systemd/dropin.conf.example").read_text()
        folder = self.dir / "units/vocd.service.d"
        folder.mkdir()
        (folder / "local.conf").write_text(re.sub(r"(?m)^#(?=[A-Z]\w*=)", "", text))
        self.assertGreater(sum(1 for _ in settings(folder / "local.conf", "Service")), 8)
        self.verify(unit)

    def test_exposure(self):
        done = run("systemd-analyze", "security", "--offline=true", f"--threshold={int(EXPOSURE * 10)}", UNIT)
        level = re.search(r"Overall exposure level for vocd.service: ([\d.]+)", done.stdout)
        self.assertIsNotNone(level, done.stdout)
        self.assertLessEqual(float(level.group(1)), EXPOSURE, done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout)


class Settings(unittest.TestCase):
    def setUp(self):
        self.service = list(settings(UNIT, "Service"))
        self.once = dict(self.service)

    def test_core_dumps_and_machine_code(self):
        self.assertEqual(self.once["LimitCORE"], "0")
        self.assertNotIn("MemoryDenyWriteExecute", self.once)  # PCRE2 JIT

    def test_it_stops_before_it_is_killed(self):
        """The stages of an orderly stop fit into the manager's patience."""
        table = re.search(r"default_deadlines\[STOP_STAGES\] = \{(.*?)\};",
                          (ROOT / "daemon/core/loop.c").read_text(), re.S).group(1)
        stages = sum(int(ms) for ms in re.findall(r"\] = (\d+)", table))
        self.assertGreater(int(self.once["TimeoutStopSec"].removesuffix("s")) * 1000, stages)

    def test_files_for_every_connection(self):
        rows = (ROOT / "daemon/core/config_schema.c").read_text()
        most = int(re.search(r'"http.max_connections".*?"(\d+)"', rows).group(1))
        self.assertGreater(int(self.once["LimitNOFILE"]), 2 * most)

    def test_a_wrong_configuration_is_not_tried_again(self):
        main = (ROOT / "daemon/main.c").read_text()
        usage = re.search(r"EXIT_USAGE = (\d+)", main).group(1)
        self.assertEqual(self.once["RestartPreventExitStatus"], usage)

    def test_the_folders_are_those_of_tmpfiles(self):
        modes = {line.split()[1]: line.split()[2]
                 for line in (ROOT / "systemd/vocd.tmpfiles").read_text().splitlines() if line[:1] == "d"}
        self.assertEqual(modes["/var/lib/vocd"], self.once["StateDirectoryMode"])
        self.assertEqual(modes["/etc/vocd"], self.once["ConfigurationDirectoryMode"])


if __name__ == "__main__":
    unittest.main()
