"""A Debian 12 of its own with systemd as PID 1, for tests of the installed package.

The root is made by debootstrap once ($BUILD/real/base-HASH, named after what is in it) and booted by
systemd-nspawn without any network but loopback; what a machine writes is kept in memory and gone with
it. Needs root; this host needs no systemd of its own. The kernel is this host's: its cgroups,
namespaces and seccomp confine, its devices and clock are seen.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from vocd import BUILD, ROOT

SUITE = "bookworm"
# Beside what the package depends on: an init system, and what the tests call.
EXTRA = ["systemd", "systemd-sysv", "dbus", "ca-certificates", "tzdata", "python3", "openssl"]
BOOT_SECONDS = 90
REAL = (ROOT / BUILD / "real").resolve()
TOOLS = ("debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb")


def missing():
    """Why there can be no machine here, or None."""
    if os.geteuid() != 0:
        return "booting a machine needs root"
    absent = [t for t in TOOLS if not shutil.which(t)]
    if absent:
        return f"not installed: {', '.join(absent)}"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "mount", "-t", "tmpfs", "none",
                            "/mnt"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=60)
    return f"no namespaces here: {tried.stdout.strip()}" if tried.returncode else None


def package():
    """The newest package `make deb` made."""
    found = sorted((ROOT / BUILD).glob("vocd_*.deb"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise RuntimeError("no package: make deb")
    return found[-1]


def dependencies(deb):
    text = subprocess.run(["dpkg-deb", "-f", deb, "Depends", "Pre-Depends"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    fields = " ".join(line.partition(": ")[2] + "," for line in text.splitlines())
    return sorted({d.split("|")[0].split("(")[0].strip() for d in fields.split(",") if d.strip()})


def base(deb):
    """The root all machines are made over; of two test files at once, one makes it."""
    wanted = sorted(set(EXTRA + dependencies(deb)))
    name = hashlib.sha256(" ".join([SUITE, *wanted]).encode()).hexdigest()[:12]
    target = REAL / f"base-{name}"
    REAL.mkdir(parents=True, exist_ok=True)
    with open(REAL / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            bootstrap(wanted, target)
    return target


def bootstrap(wanted, target):
    for old in [*REAL.glob("base-*"), *REAL.glob("unfinished-*")]:
        shutil.rmtree(old)
    unfinished = REAL / f"unfinished-{os.getpid()}"
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(wanted)}", SUITE, unfinished]
    if os.environ.get("DEBIAN_MIRROR"):
        command.append(os.environ["DEBIAN_MIRROR"])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=800)
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise RuntimeError("debootstrap:\n" + done.stdout[-3000:])
    (unfinished / "etc/machine-id").write_text("")
    unfinished.rename(target)


def hierarchies():
    """Where the cgroups nspawn names its container in are mounted: version 2, and systemd's own."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 ") or "name=systemd" in kind:
            yield pathlib.Path(fields.split()[4])


class Cgroup:
    """A place of its own for one machine, where no manager of this host makes one: nspawn names what
    it makes `payload` beside itself, so two machines would be one."""

    def __init__(self, name):
        self.folders = []
        if not pathlib.Path("/run/systemd/system").exists():
            self.folders = [top / name for top in hierarchies()]
        for folder in self.folders:
            folder.mkdir()

    def enter(self):
        for folder in self.folders:
            (folder / "cgroup.procs").write_text("0")

    def close(self):
        for folder in self.folders:
            for path, _, _ in os.walk(folder, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)


class Machine:
    made = 0

    def __init__(self, deb):
        self.deb = deb
        Machine.made += 1
        self.name = f"vocd-test-{os.getpid()}-{Machine.made}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-machine-"))
        self.root = self.process = self.init = None

    def boot(self):
        env = dict(os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
        command = ["systemd-nspawn", "--quiet", "--boot", f"--directory={base(self.deb)}",
                   "--volatile=overlay",
                   f"--machine={self.name}", "--register=no", "--private-network",
                   "--console=pipe", "--link-journal=no", "--resolv-conf=off", "--timezone=off"]
        if not pathlib.Path("/run/systemd/system").exists():
            command.append("--keep-unit")
        self.log = open(self.dir / "console.log", "wb")
        self.cgroup = Cgroup(self.name)
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT, start_new_session=True,
                                        preexec_fn=self.cgroup.enter)
        self.init = self.wait(self.find_init, "PID 1")
        self.root = pathlib.Path(f"/proc/{self.init}/root")
        self.wait(self.booted, "end of booting")
        return self

    def booted(self):
        return self.try_sh("systemctl is-system-running").stdout.strip() in ("running", "degraded")

    def wait(self, check, what, seconds=BOOT_SECONDS):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = check()
            if value:
                return value
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        told = self.try_sh("systemctl is-system-running; systemctl list-jobs; journalctl -n 30 --no-pager"
                           ) if self.init else None
        raise AssertionError(f"no {what} in {seconds} s\n{(self.dir / 'console.log').read_text()[-3000:]}\n"
                             f"{told.stdout + told.stderr if told else ''}")

    def find_init(self):
        """The child that has become the manager: nspawn's first one only prepares its namespaces."""
        nspawn = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}")
        for pid in nspawn.joinpath("children").read_text().split():
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() in ("systemd", "init"):
                    return int(pid)
        return None

    def try_sh(self, script, stdin="", timeout=180):
        """A shell line as root inside."""
        return subprocess.run(["nsenter", "-t", str(self.init), "-m", "-u", "-i", "-n", "-p", "-C",
                               "--root=/proc/%d/root" % self.init, "--wd=/proc/%d/root" % self.init,
                               "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                               "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                               "sh", "-c", script], input=stdin, text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def sh(self, script, stdin="", timeout=180):
        done = self.try_sh(script, stdin, timeout)
        if done.returncode != 0:
            raise AssertionError(f"{script}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
                                 f"{self.try_sh('journalctl -n 40 --no-pager').stdout}")
        return done.stdout

    def put(self, path, content, mode=0o644):
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)

    def show(self, name, unit="vocd.service"):
        return self.sh(f"systemctl show --value -p {name} {unit}").strip()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            self.log.close()
            self.cgroup.close()
        shutil.rmtree(self.dir, ignore_errors=True)
