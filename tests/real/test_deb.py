"""The package as a file: what is in it, what lintian says, and that it is the same bytes wherever and
whenever it is built."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import machine
from vocd import ROOT

# ADR 11 says why: what lintian knows of, and is right about only for the archive of Debian.
EXPECTED = {
    "arch-dep-package-has-big-usr-share",
    "package-supports-alternative-init-but-no-init.d-script",
}


def run(*command, timeout=120, **kw):
    return subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, timeout=timeout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)


@unittest.skipUnless(shutil.which("dpkg-deb"), "dpkg-deb is not installed")
class Deb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deb = machine.package()

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed")
    def test_lintian(self):
        done = run("lintian", "--allow-root", "--no-cfg", "-EvI", "--pedantic", self.deb, timeout=600)
        # Four bytes of machine code can happen to spell a word.
        said = re.sub(r"^I: \S+: spelling-error-in-binary \w{1,4} .*\n", "", done.stdout, flags=re.M)
        tags = {m.group(1) for m in re.finditer(r"^[EWIP]: \S+: (\S+)", said, re.M)}
        self.assertEqual(tags, EXPECTED, done.stdout)

    def test_version(self):
        version = re.search(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.M).group(1)
        self.assertEqual(run("dpkg-deb", "-f", self.deb, "Version").stdout.strip(), version)

    def test_files(self):
        """The same as `make install` and what Debian asks for."""
        with tempfile.TemporaryDirectory(prefix="vocd-deb-") as folder:
            installed, unpacked = pathlib.Path(folder, "installed"), pathlib.Path(folder, "unpacked")
            done = run("make", "-s", "install", "CC=true", f"DESTDIR={installed}",
                       "UNITDIR=/lib/systemd/system", cwd=ROOT)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(run("dpkg-deb", "-x", self.deb, unpacked).returncode, 0)

            def names(top):
                return {str(p.relative_to(top)).removesuffix(".gz") for p in top.rglob("*") if p.is_file()}
            doc = "usr/share/doc/vocd/"
            self.assertEqual(names(unpacked) - names(installed), {doc + "copyright", doc + "changelog"})
            self.assertEqual(names(installed) - names(unpacked), set())
        conffiles = run("dpkg-deb", "-I", self.deb, "conffiles").stdout.split()
        self.assertEqual(conffiles, ["/etc/vocd/vocd.yaml"])

    def test_what_is_needed_to_build_is_named(self):
        """deps.sh and debian/control know the same packages."""
        control = (ROOT / "debian/control").read_text()
        build = re.search(r'^build="(.*?)"', (ROOT / "tests/lib/deps.sh").read_text(), re.M | re.S).group(1)
        essential = {"gcc", "make"}  # build-essential
        wanted = {p.partition("=")[2] or p for p in build.split()} - essential
        named = set(re.findall(r"^ ([a-z0-9+.-]+)", control.partition("Build-Depends:")[2]
                               .partition("\n\n")[0], re.M))
        self.assertEqual(named - {"debhelper-compat", "dh-sequence-installsysusers", "po-debconf"}, wanted)


@unittest.skipUnless(shutil.which("dh"), "debhelper is not installed")
class Reproducible(unittest.TestCase):
    def build(self, folder, **env):
        """From nothing but the sources, in a place of its own."""
        listed = subprocess.run(["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=ROOT,
                                stdout=subprocess.PIPE, check=True, timeout=60).stdout
        for name in filter(None, listed.decode().split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        clean = {k: v for k, v in os.environ.items() if k not in ("BUILD", "MAKEFLAGS", "MFLAGS", "CC")}
        done = run("make", "-j2", "deb", cwd=folder, timeout=800, env={**clean, **env})
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("build/*.deb")}

    def test_the_same_bytes_twice(self):
        """Another path, umask, language, zone and time give the same packages."""
        with tempfile.TemporaryDirectory(prefix="a", dir=machine.REAL.parent) as a, \
                tempfile.TemporaryDirectory(prefix="another-place-", dir=machine.REAL.parent) as b:
            first = self.build(pathlib.Path(a), LC_ALL="C.UTF-8", TZ="Asia/Seoul")
            old = os.umask(0o027)
            try:
                second = self.build(pathlib.Path(b, "x"), LC_ALL="C", TZ="America/New_York")
            finally:
                os.umask(old)
        self.assertEqual(len(first), 2, first)
        self.assertEqual(first, second)


if __name__ == "__main__":
    unittest.main()
