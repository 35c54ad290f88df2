"""The package on a machine that boots: installed, started by a real systemd, watched, reloaded,
restarted, confined, upgraded and taken off again."""
import json
import re
import unittest

import machine
from vocd import ROOT

REASON = machine.missing()
MARK = "낭떠러지 문구 7319"  # no line of a log may ever say it
RECORD = {"source": "web", "external_id": "1", "kind": "ticket", "customer": {"id": "c-1"},
          "text": f"배송이 너무 늦어요 {MARK}"}


@unittest.skipIf(REASON, REASON)
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.deb = machine.package()
        cls.m = machine.Machine(cls.deb)
        cls.addClassCleanup(cls.m.close)
        cls.m.boot()
        cls.m.put("/root/vocd.deb", cls.deb.read_bytes())
        cls.m.put("/tmp/somebody-else", "private")
        cls.m.put("/home/kim/letter", "private")
        cls.installed = cls.m.sh("dpkg -i /root/vocd.deb 2>&1")
        cls.sh, cls.show = cls.m.sh, cls.m.show

    def setUp(self):
        self.configuration = self.sh("cat /etc/vocd/vocd.yaml")
        self.addCleanup(self.settle)

    def settle(self):
        """Each test begins with the package's own configuration and a running daemon."""
        self.m.put("/etc/vocd/vocd.yaml", self.configuration, 0o640)
        self.sh("rm -rf /etc/systemd/system/vocd.service.d; systemctl daemon-reload;"
                "systemd-tmpfiles --create vocd.conf; systemctl reset-failed vocd;"
                "systemctl restart vocd")
        self.ready()

    def ready(self):
        self.sh("vocctl ready --wait 30")

    def send(self, **fields):
        answer = self.sh("vocctl feedback send - -o json", stdin=json.dumps({**RECORD, **fields}))
        return json.loads(answer)

    def count(self):
        return len(json.loads(self.sh("vocctl feedback list --limit 100 -o json"))["items"])

    def metric(self, name):
        text = self.sh("python3 -c 'import urllib.request as u;"
                       'print(u.urlopen("http://127.0.0.1:8642/metrics").read().decode())\'')
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))

    def journal(self, options=""):
        return self.sh(f"journalctl --sync; journalctl -u vocd --no-pager -o cat {options}")

    def drop_in(self, text):
        self.m.put("/etc/systemd/system/vocd.service.d/local.conf", "[Service]\n" + text)
        self.sh("systemctl daemon-reload && systemctl restart vocd")
        self.ready()

    # --- installed ---

    def test_installed_and_started(self):
        self.assertEqual(self.show("ActiveState"), "active")
        self.assertEqual(self.show("SubState"), "running")
        self.assertEqual(self.show("Type"), "notify")
        self.assertEqual(self.show("User"), "vocd")
        self.assertEqual(self.sh("systemctl is-enabled vocd").strip(), "enabled")
        self.assertEqual(self.sh("stat -c '%U:%G %a' /etc/vocd /etc/vocd/vocd.yaml /etc/vocd/secrets "
                                 "/var/lib/vocd /var/lib/vocd/tokens.json").splitlines(),
                         ["root:vocd 750", "root:vocd 640", "root:vocd 750", "vocd:vocd 700",
                          "vocd:vocd 600"])
        self.assertEqual(self.sh("dpkg --verify vocd"), "")
        self.assertEqual(self.configuration, (ROOT / "systemd/vocd.yaml.example").read_text())

    def test_the_first_token_is_there(self):
        self.assertEqual(self.send(external_id="first")["accepted"], 1)
        self.assertGreaterEqual(self.count(), 1)

    # --- confined ---

    def probe(self):
        """What a program may do in the place of vocd."""
        unit = (ROOT / "systemd/vocd.service").read_text()
        unit = re.sub(r"(?m)^(ExecReload|WatchdogSec|Restart\w*|Type)=.*\n", "", unit)
        unit = re.sub(r"(?m)^ExecStart=.*$", "Type=oneshot\nExecStart=/usr/bin/python3 /srv/probe.py", unit)
        unit = re.sub(r"(?m)^(ExecPaths=.*)$", r"\1 -/usr/bin/python3 -/usr/bin/python3.11", unit)
        self.m.put("/etc/systemd/system/probe.service", unit)
        self.m.put("/srv/probe.py", (ROOT / "tests/real/probe.py").read_bytes())
        self.sh("systemctl daemon-reload && systemctl start probe")
        self.sh("journalctl --sync")
        log = self.sh("journalctl -u probe --no-pager -o cat")
        return json.loads(log[log.index("PROBE ") + 6:].splitlines()[0])

    def test_confined(self):
        self.assertEqual(self.probe(), {
            "write the configuration": "EACCES", "write a program": "EROFS", "write elsewhere": "EROFS",
            "write the state": "ok",
            "what is in /home": "EACCES", "read /root": "EACCES", "what is in /tmp": [], "devices": [],
            "other processes": [], "kernel settings": "ENOENT", "read shadow": "EACCES",
            "run a shell": "EACCES", "a set-user-id file": "EPERM", "become root": "EPERM",
            "a user namespace": "EPERM", "a mount namespace": "EPERM", "mount": "EPERM",
            "trace": "EPERM", "set the clock": "EPERM", "set the host name": "EPERM",
            "netlink": "EAFNOSUPPORT", "raw packets": "EAFNOSUPPORT",
            "inet": "ok", "inet6": "ok", "unix": "ok", "machine code": "ok",
            "core size": [0, 0], "files": [16384, 16384], "umask": "0o77",
        })

    def test_the_process_itself(self):
        status = dict(line.split(":\t", 1) for line in
                      self.sh(f"cat /proc/{self.show('MainPID')}/status").splitlines() if ":\t" in line)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[caps], 16), 0, caps)
        self.assertNotIn("0", status["Uid"].split())

    def test_patterns_run_as_machine_code(self):
        self.assertGreater(self.metric('vocd_lexicon_patterns{engine="jit"}'), 0)
        self.assertEqual(self.metric('vocd_lexicon_patterns{engine="interpreted"}'), 0)

    def test_why_memory_may_be_written_and_executed(self):
        """What the unit says of MemoryDenyWriteExecute; and it works all the same."""
        self.drop_in("MemoryDenyWriteExecute=yes\n")
        self.assertEqual(self.metric('vocd_lexicon_patterns{engine="jit"}'), 0)
        self.assertGreater(self.metric('vocd_lexicon_patterns{engine="interpreted"}'), 0)
        self.assertIn("no JIT here", self.journal("-p warning"))
        self.assertEqual(self.send(external_id="slow")["accepted"], 1)

    def test_what_it_says_of_itself_works_when_confined(self):
        """/proc is all but empty there."""
        self.assertGreater(self.metric("process_resident_memory_bytes"), 1 << 20)
        self.assertGreater(self.metric("process_open_fds"), 5)
        self.assertEqual(self.metric("process_max_fds"), 16384)

    # --- watched ---

    def restarted(self, pid, seconds=90):
        self.m.wait(lambda: self.show("MainPID") not in ("0", pid) and
                    self.show("ActiveState") == "active", "new process", seconds)
        self.ready()

    def test_watchdog(self):
        """A process that stands still is killed, started again, and has lost nothing."""
        self.send(external_id="before-the-stop")
        before, pid = self.count(), self.show("MainPID")
        self.sh(f"kill -STOP {pid}")
        self.restarted(pid)
        self.assertIn("Watchdog timeout", self.journal())
        self.assertEqual(self.count(), before)
        self.assertEqual(self.sh("find /var/lib/vocd /var/lib/systemd -name '*core*' -type f"), "")

    def test_killed(self):
        self.send(external_id="before-the-kill")
        before, pid = self.count(), self.show("MainPID")
        self.sh(f"kill -KILL {pid}")
        self.restarted(pid)
        self.assertEqual(self.count(), before)

    # --- reloaded, restarted, stopped ---

    def test_reload(self):
        pid = self.show("MainPID")
        self.m.put("/etc/vocd/conf.d/second.yaml", "workspaces:\n  - id: second\n")
        self.addCleanup(self.sh, "rm -f /etc/vocd/conf.d/second.yaml")
        self.sh("chgrp vocd /etc/vocd/conf.d/second.yaml && systemctl reload vocd")
        self.m.wait(lambda: self.metric('vocd_config_reloads_total{result="ok"}') == 1, "reload")
        self.assertIn("workspace open workspace=second", self.journal())
        self.assertEqual((self.show("MainPID"), self.show("ActiveState")), (pid, "active"))

    def test_reload_of_a_mistake(self):
        pid = self.show("MainPID")
        self.m.put("/etc/vocd/conf.d/wrong.yaml", "htpp:\n  port: 1\n")
        self.addCleanup(self.sh, "rm -f /etc/vocd/conf.d/wrong.yaml")
        done = self.m.try_sh("systemctl reload vocd")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/etc/vocd/conf.d/wrong.yaml:1:1", self.journal())
        self.ready()
        self.assertEqual((self.show("MainPID"), self.show("ActiveState")), (pid, "active"))
        self.assertEqual(self.metric('vocd_config_reloads_total{result="failed"}'), 0)

    def test_start_with_a_mistake(self):
        """It is said once and not tried again."""
        self.m.put("/etc/vocd/vocd.yaml", "workspaces: 7\n", 0o640)
        self.sh("systemd-tmpfiles --create vocd.conf")
        self.assertNotEqual(self.m.try_sh("systemctl restart vocd").returncode, 0)
        self.assertEqual((self.show("ActiveState"), self.show("NRestarts"), self.show("ExecMainStatus")),
                         ("failed", "0", "2"))
        self.assertIn("vocd.yaml:1:13", self.journal())

    def test_stop(self):
        self.send(external_id="before-the-stopping")
        self.sh("systemctl stop vocd")
        self.assertEqual((self.show("ActiveState"), self.show("Result"), self.show("ExecMainStatus")),
                         ("inactive", "success", "0"))
        self.assertIn("Deactivated successfully", self.journal("-n 5"))
        self.sh("systemctl start vocd")
        self.ready()

    def test_the_journal(self):
        """Priorities are the journal's; no record, no token is in it, whatever went wrong."""
        self.send(external_id="logged", text=MARK)
        for wrong in ('{"source":"web","external_id":"2","text":"%s","created_at":"%s"}',
                      '{"source":"web","external_id":"3","text":"%s","rating":"%s"}', '{"text":"%s" "%s"}'):
            self.m.try_sh("vocctl feedback send -", stdin=wrong % (MARK, MARK))
        self.m.try_sh(f"vocctl feedback list --where 'text = \"{MARK}\"'; vocctl feedback list --q '{MARK}'")
        self.m.try_sh("vocctl --token voc_wrong_token feedback list")
        tokens = json.loads(self.sh("cat /var/lib/vocd/tokens.json"))
        log = self.sh("journalctl --sync; journalctl --no-pager -o json")
        for secret in [MARK, MARK.encode("unicode_escape").decode(), *tokens.values()]:
            self.assertNotIn(secret, log)
        lines = [json.loads(line) for line in log.splitlines()]
        ready = [e for e in lines if "main ready" in str(e.get("MESSAGE"))]
        self.assertEqual({(e["PRIORITY"], e["_SYSTEMD_UNIT"]) for e in ready}, {("6", "vocd.service")})

    # --- the drop-in ---

    def test_tls_on_a_low_port_from_roots_files(self):
        example = (ROOT / "systemd/dropin.conf.example").read_text()
        wanted = r"(?m)^#((?:LoadCredential|PrivateUsers|CapabilityBoundingSet|AmbientCapabilities)=.*)$"
        lines = re.findall(wanted, example)
        self.assertEqual(len(lines), 5)
        folder = "/etc/letsencrypt/live/voc.example.com"
        self.sh(f"mkdir -p {folder} && cd {folder} && openssl req -x509 -newkey ec -pkeyopt "
                "ec_paramgen_curve:P-256 -nodes -subj /CN=voc.example.com -days 2 -keyout privkey.pem "
                "-out fullchain.pem 2>&1 && chmod -R go= /etc/letsencrypt")
        credentials = "/run/credentials/vocd.service"
        text = self.configuration.replace("address: 127.0.0.1", "address: 0.0.0.0")
        text = text.replace("port: 8642", f"port: 443\n  tls_certificate: {credentials}/tls.pem\n"
                                          f"  tls_key: {credentials}/tls.key\n  hosts: [voc.example.com]")
        self.m.put("/etc/vocd/vocd.yaml", text, 0o640)
        self.sh("systemd-tmpfiles --create vocd.conf")
        self.m.put("/etc/systemd/system/vocd.service.d/local.conf", "[Service]\n" + "\n".join(lines) + "\n")
        self.sh("systemctl daemon-reload && systemctl restart vocd")
        health = self.sh("python3 -c 'import ssl, urllib.request as u; c = ssl._create_unverified_context();"
                         'print(u.urlopen("https://127.0.0.1/healthz", context=c).status)\'')
        self.assertEqual(health.strip(), "200")
        self.sh("systemctl reload vocd")
        self.m.wait(lambda: "reloaded" in self.journal("-n 5"), "reload")


@unittest.skipIf(REASON, REASON)
class ComingAndGoing(unittest.TestCase):
    """Each on a machine of its own, as the package leaves it for good."""

    def setUp(self):
        deb = machine.package()
        self.m = machine.Machine(deb)
        self.addCleanup(self.m.close)
        self.m.boot()
        self.m.put("/root/vocd.deb", deb.read_bytes())
        self.m.sh("dpkg -i /root/vocd.deb")

    def newer(self):
        """The same with a later version and a changed conffile, as an upgrade brings it."""
        self.m.sh("cd /root && dpkg-deb -R vocd.deb tree && sed -i 's/^Version: .*/Version: 999/' "
                  "tree/DEBIAN/control && echo '# a newer example' >>tree/etc/vocd/vocd.yaml && "
                  "dpkg-deb -b tree newer.deb")

    def test_upgrade(self):
        m = self.m
        m.sh("vocctl feedback send -", stdin=json.dumps(RECORD))
        m.sh("echo '# mine' >>/etc/vocd/vocd.yaml")
        pid = m.show("MainPID")
        self.newer()
        m.sh("dpkg --force-confold -i /root/newer.deb && vocctl ready --wait 30")
        self.assertNotEqual(m.show("MainPID"), pid)
        self.assertEqual(m.show("ActiveState"), "active")
        self.assertTrue(m.sh("cat /etc/vocd/vocd.yaml").endswith("# mine\n"))
        self.assertEqual(m.sh("stat -c '%U:%G %a' /etc/vocd/vocd.yaml").strip(), "root:vocd 640")
        self.assertIn(MARK, m.sh("vocctl feedback list -o json"))
        # And back.
        m.sh("dpkg --force-confold -i /root/vocd.deb && vocctl ready --wait 30")
        self.assertIn(MARK, m.sh("vocctl feedback list -o json"))

    def test_a_stopped_and_disabled_one_stays_so(self):
        m = self.m
        m.sh("systemctl disable --now vocd")
        self.newer()
        m.sh("dpkg --force-confold -i /root/newer.deb")
        self.assertEqual(m.try_sh("systemctl is-enabled vocd").stdout.strip(), "disabled")

    def test_purge_keeps_state_unless_told(self):
        m = self.m
        m.sh("vocctl feedback send -", stdin=json.dumps(RECORD))
        m.sh("dpkg -r vocd")
        self.assertEqual(m.try_sh("systemctl is-active vocd").stdout.strip(), "inactive")
        m.sh("test -s /etc/vocd/vocd.yaml && test -s /var/lib/vocd/ws/main/data.mdb")
        done = m.sh("dpkg -P vocd 2>&1")
        self.assertIn("/var/lib/vocd was kept", done)
        m.sh("test -s /var/lib/vocd/ws/main/data.mdb && ! test -e /etc/vocd")
        # Installed again it goes on with it.
        m.sh("dpkg -i /root/vocd.deb && vocctl ready --wait 30")
        self.assertIn(MARK, m.sh("vocctl feedback list -o json"))
        m.sh("echo 'vocd vocd/remove-state boolean true' | debconf-set-selections")
        self.assertIn("has been deleted", m.sh("dpkg -P vocd 2>&1"))
        m.sh("! test -e /var/lib/vocd && ! test -e /etc/vocd")


if __name__ == "__main__":
    unittest.main()
