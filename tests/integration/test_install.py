"""make install and make uninstall: what is where, that it runs from there, and that what is a
machine's own is left alone."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from vocd import ROOT, Daemon, free_port

FOLDERS = {"usr/bin": 0o755, "usr/share": 0o644, "usr/lib": 0o644}
WANTED = """
    etc/vocd/vocd.yaml
    usr/bin/vocctl usr/bin/vocd
    usr/lib/systemd/system/vocd.service usr/lib/sysusers.d/vocd.conf usr/lib/tmpfiles.d/vocd.conf
    usr/share/bash-completion/completions/vocctl
    usr/share/doc/vocd/examples/dropin.conf usr/share/doc/vocd/examples/vocd.yaml
    usr/share/doc/vocd/examples/prometheus-rules.yaml usr/share/doc/vocd/openapi.json
    usr/share/vocd/lexicons/lexicons.bin
""".split()


class Install(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-install-"))
        self.addCleanup(shutil.rmtree, self.dir)

    def make(self, target, *settings):
        """CC=true: everything is built, or the test fails for want of a program."""
        done = subprocess.run(["make", "-s", target, "CC=true", *settings], cwd=ROOT, text=True,
                              stdin=subprocess.DEVNULL, timeout=120, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def files(self):
        return sorted(str(p.relative_to(self.dir)) for p in self.dir.rglob("*") if p.is_file())

    def wanted(self):
        found = set(WANTED)
        found |= {f"usr/share/doc/vocd/{p.name}" for p in (ROOT / "docs").glob("*.md")}
        found |= {f"usr/share/doc/vocd/{n}" for n in ("README.md", "README.ko.md", "NEWS.md")}
        found |= {f"usr/share/doc/vocd/{p.relative_to(ROOT / 'docs')}"
                  for p in [*(ROOT / "docs/ko").glob("*.md"), *(ROOT / "docs/images").glob("*.png")]}
        found |= {f"usr/share/man/man{p.suffix[1:]}/{p.name}" for p in (ROOT / "systemd/man").glob("*.[158]")}
        found |= {f"usr/share/vocd/connectors/{p.name}"
                  for p in (ROOT / "daemon/connectors").glob("*.yaml")}
        found.add("usr/share/vocd/connector.schema.json")
        return sorted(found)

    def test_every_file_and_nothing_else(self):
        self.make("install", f"DESTDIR={self.dir}")
        self.assertEqual(self.files(), self.wanted())
        for path in self.files():
            mode = (self.dir / path).stat().st_mode & 0o7777
            expected = 0o640 if path.startswith("etc/") else FOLDERS["/".join(path.split("/")[:2])]
            self.assertEqual(mode, expected, path)
        # Nothing knows where it was put together.
        for path in self.files():
            if not path.startswith("usr/bin/"):
                self.assertNotIn(str(self.dir).encode(), (self.dir / path).read_bytes(), path)

    def test_again_and_away(self):
        mine = self.dir / "etc/vocd/vocd.yaml"
        self.make("install", f"DESTDIR={self.dir}")
        self.assertEqual(mine.read_bytes(), (ROOT / "systemd/vocd.yaml.example").read_bytes())
        mine.write_text("# mine\n")
        state = self.dir / "var/lib/vocd/system/data.mdb"
        state.parent.mkdir(parents=True)
        state.write_text("customers")
        self.make("install", f"DESTDIR={self.dir}")
        self.assertEqual(mine.read_text(), "# mine\n")
        self.make("uninstall", f"DESTDIR={self.dir}")
        self.assertEqual(self.files(), ["etc/vocd/vocd.yaml", "var/lib/vocd/system/data.mdb"])
        self.assertEqual((mine.read_text(), state.read_text()), ("# mine\n", "customers"))

    def test_it_runs_from_another_prefix(self):
        """The installed example, with only a place for the state of its own and a free port."""
        self.make("install", f"PREFIX={self.dir}/usr", f"SYSCONFDIR={self.dir}/etc")
        config = self.dir / "etc/vocd/vocd.yaml"
        text = config.read_text()
        self.assertIn(f"\nlexicons: {self.dir}/usr/share/vocd/lexicons/lexicons.bin\n", text)
        text, n = re.subn(r"/var/lib/vocd", str(self.dir / "state"), text)
        self.assertEqual(n, 2, "state and first tokens")
        port = free_port()
        config.write_text(re.sub(r"(?m)^  port: .*", f"  port: {port}", text))
        (self.dir / "state").mkdir()
        process = subprocess.Popen([self.dir / "usr/bin/vocd", "--config", config],
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        vocctl = self.dir / "usr/bin/vocctl"
        env = dict(os.environ, VOC_URL=f"http://127.0.0.1:{port}",
                   VOC_TOKENS=str(self.dir / "state/tokens.json"))

        def ctl(*args, stdin=b""):
            done = subprocess.run([vocctl, *args], input=stdin, env=env, timeout=60,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 0, done)
            return done.stdout
        try:
            ctl("ready", "--wait", "30", "--pid", str(process.pid))
            ctl("feedback", "send", "-", stdin=json.dumps(
                {"source": "web", "external_id": "1", "text": "배송이 너무 늦어요"}).encode())
            rows = json.loads(ctl("feedback", "list", "-o", "json"))
            codes = [c["code"] for c in rows["items"][0]["analysis"]["categories"]]
            self.assertEqual([c.split("/")[0] for c in codes], ["delivery"])
        finally:
            process.terminate()
            error = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 0, error)

    def test_the_unit_names_what_is_installed(self):
        prefix = self.dir / "opt/voc"
        self.make("install", f"PREFIX={prefix}", f"SYSCONFDIR={self.dir}/etc")
        unit = (prefix / "lib/systemd/system/vocd.service").read_text()
        start = re.search(r"^ExecStart=(\S+) --config (\S+)$", unit, re.M)
        for path in start.groups():
            self.assertTrue(pathlib.Path(path).is_file(), path)
        self.assertIn(f"ExecPaths={prefix}/bin/vocd ", unit)


class Completion(unittest.TestCase):
    def words(self, *line):
        """What bash offers for the last word."""
        script = (f"PATH={ROOT / os.environ.get('BUILD', 'build')}:$PATH\n"
                  f"source {ROOT}/systemd/vocctl.bash-completion\n"
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vocctl "$1" "${@: -1}"\n'
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", *line], stdout=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=True)
        return done.stdout.split()

    def test_nouns_verbs_formats(self):
        self.assertEqual(self.words("vocctl", "sa"), ["sample"])
        self.assertEqual(set(self.words("vocctl", "alert", "")), {"ack", "get", "list", "listen"})
        self.assertEqual(self.words("vocctl", "lexicon", "co"), ["compile"])
        self.assertEqual(self.words("vocctl", "hello", ""), [])
        self.assertEqual(self.words("vocctl", "alert", "list", "-o", "j"), ["json"])


if __name__ == "__main__":
    unittest.main()
