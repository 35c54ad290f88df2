"""A real Request Tracker 5: tickets and replies made through its own interface while vocd polls. None
is missed, none comes twice, bodies are right in Korean. RT runs on a copy of its database."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.request

from vocd import Daemon, eventually, free_port

SERVER = pathlib.Path("/usr/share/request-tracker5/libexec/rt-server")
DATABASE = pathlib.Path("/var/lib/dbconfig-common/sqlite3/request-tracker5/rtdb")
CONFIG = pathlib.Path("/etc/request-tracker5/RT_SiteConfig.pm")
TICKETS = int(os.environ.get("TICKETS") or 4)  # each with a reply; RT answers once a second or so

TOKEN = """
use lib '/usr/share/request-tracker5/lib'; use RT -init;
my $u = RT::User->new(RT->SystemUser); $u->Load('root');
my $t = RT::AuthToken->new(RT::CurrentUser->new($u));
my (undef, undef, $text) = $t->Create(Owner => $u->Id, Description => 'vocd'); print "$text\\n";
"""


@unittest.skipUnless(SERVER.exists() and DATABASE.exists(), "Request Tracker is not installed")
class RequestTracker(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-rt-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        shutil.copy(DATABASE, self.dir / "rtdb")
        extra = self.dir / "conf.d"
        shutil.copytree(CONFIG.parent / "RT_SiteConfig.d", extra)
        (extra / "99-test.pm").write_text(f"Set($DatabaseName, '{self.dir}/rtdb');\n"
                                          "Set($LogToSTDERR, 'critical'); Set($LogToSyslog, undef);\n1;\n")
        self.env = dict(os.environ, RT_SITE_CONFIG_DIR=str(extra))
        self.token = subprocess.run(["perl", "-e", TOKEN], env=self.env, check=True, text=True,
                                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout.split()[-1]
        self.port = free_port()
        self.server = subprocess.Popen(
            [SERVER, "--port", str(self.port), "--host", "127.0.0.1"], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.addCleanup(self.end)
        eventually(lambda: self.answers(), seconds=60, what="Request Tracker's answer")

    def end(self):
        os.killpg(self.server.pid, signal.SIGTERM)
        self.server.wait(30)

    def answers(self):
        try:
            return self.rest("/rt")["Version"]
        except OSError:
            return None

    def rest(self, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/REST/2.0{path}", json.dumps(body).encode() if body else None,
            {"Authorization": f"token {self.token}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def test_nothing_missed_nothing_twice(self):
        with Daemon(sources="#") as first:
            first.stop()
            (first.dir / "token").write_text(self.token + "\n")
            (first.dir / "token").chmod(0o600)
            first.sources = ("- source: rt\n  connector: request-tracker\n  every: 1s\n"
                             f"  cfg: {{url: 'http://127.0.0.1:{self.port}'}}\n"
                             "  secrets: {token_file: token}\n")
            first.write_config()
            d = first.start()
            wanted = {}
            for n in range(TICKETS):
                text = f"배송이 너무 늦어요. {n}번째 문의입니다 — “빨리” 부탁드립니다"
                ticket = self.rest("/ticket", {
                    "Queue": "General", "Subject": f"배송 문의 {n}", "Requestor": f"kim{n}@example.com",
                    "Content": text, "ContentType": "text/plain"})["id"]
                wanted[ticket] = [f"배송 문의 {n}", text]
                reply = f"환불해 주세요 {n}"
                html = n % 2 == 0
                self.rest(f"/ticket/{ticket}/correspond", {
                    "Content": f"<p>환불해 <b>주세요</b> {n}</p>" if html else reply,
                    "ContentType": "text/html" if html else "text/plain"})
                wanted[ticket].append(reply)
                if n == TICKETS // 2:  # killed in the middle of it
                    d.kill()
                    d.start()

            def got():
                rows = {}
                for r in d.rows(where="source = rt"):
                    rows.setdefault(r["conversation"], []).append(r)
                return {k: v for k, v in rows.items() if k in wanted}
            eventually(lambda: sum(map(len, got().values())) >= 2 * TICKETS, seconds=120 + 60 * TICKETS,
                       what=f"{2 * TICKETS} records")
            for ticket, rows in got().items():
                rows.sort(key=lambda r: int(r["external_id"]))
                title, text, reply = wanted[ticket]
                self.assertEqual([r["text"] for r in rows], [text, reply])
                self.assertEqual({r["title"] for r in rows}, {title})
            self.assertEqual(len(got()), TICKETS)
            state = d.get("/v1/sources").json["items"][0]
            self.assertIsNone(state["error"])
            self.assertEqual(state["records"]["rejected"], 0)
            print(f"{2 * TICKETS} transactions of {TICKETS} tickets")


if __name__ == "__main__":
    unittest.main()
