"""A Request Tracker 5 of its own: Debian's package on a PostgreSQL in a directory that goes away, for
on SQLite, where one writes at a time, no transaction ever comes late."""
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import urllib.request

from vocd import eventually, free_port

SERVER = pathlib.Path("/usr/share/request-tracker5/libexec/rt-server")
SETUP = pathlib.Path("/usr/sbin/rt-setup-database-5")
CONFIG = pathlib.Path("/etc/request-tracker5/RT_SiteConfig.d")
POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))

TOKEN = """
use lib '/usr/share/request-tracker5/lib'; use RT -init;
my $u = RT::User->new(RT->SystemUser); $u->Load('root');
my $t = RT::AuthToken->new(RT::CurrentUser->new($u));
my (undef, undef, $text) = $t->Create(Owner => $u->Id, Description => 'vocd'); print "$text\\n";
"""
# Tokens are checked by bcrypt at each request, for a third of a second unless told otherwise.
SITE = """
Set($DatabaseType, 'Pg'); Set($DatabaseHost, '%s'); Set($DatabaseName, 'rt5');
Set($DatabaseUser, 'rt_user'); Set($DatabasePassword, 'rt_pass'); Set($DatabaseAdmin, 'postgres');
Set($BcryptCost, 4); Set($MailCommand, 'testfile');
Set($LogToSTDERR, 'critical'); Set($LogToSyslog, undef);
1;
"""


def missing():
    """Why there can be none here, or None."""
    if not (SERVER.exists() and SETUP.exists()):
        return "Request Tracker is not installed"
    if not POSTGRES:
        return "PostgreSQL is not installed"
    return None


def run(*command, **kw):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, timeout=300, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


class Database:
    """PostgreSQL, reached by its socket alone. It does not run as root."""

    def __init__(self, directory):
        self.dir, self.data = directory, directory / "data"
        self.as_user = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(directory, user.pw_uid, user.pw_gid)
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.bin = POSTGRES[-1]
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        self.run("pg_ctl", "-D", self.data, "-w", "-s", "-l", self.dir / "log", "-o",
                 f"-c listen_addresses= -c unix_socket_directories={self.dir} -c fsync=off", "start")

    def run(self, program, *arguments):
        run(self.bin / program, *arguments, cwd=self.dir, **self.as_user)

    def psql(self, text):
        return run("psql", "-h", self.dir, "-U", "postgres", "-d", "rt5", "-qAt", "-v", "ON_ERROR_STOP=1",
                   "-c", text).strip()

    def session(self):
        """A psql that reads what is written to it and keeps what it holds until it ends."""
        return subprocess.Popen(["psql", "-h", self.dir, "-U", "postgres", "-d", "rt5", "-qAt"],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "-s", "stop")


class RequestTracker:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-rt-"))
        self.database = self.server = None
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        self.database = Database(self.dir)
        shutil.copytree(CONFIG, self.dir / "conf.d")
        (self.dir / "conf.d/99-test.pm").write_text(SITE % self.dir)
        env = dict(os.environ, RT_SITE_CONFIG_DIR=str(self.dir / "conf.d"))
        run(SETUP, "--action", "init", "--dba", "postgres", "--dba-password", "", env=env)
        self.token = run("perl", "-e", TOKEN, env=env).split()[-1]
        self.port = free_port()
        self.server = subprocess.Popen(
            [SERVER, "--port", str(self.port), "--host", "127.0.0.1", "--max-workers", "6"], env=env,
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        eventually(self.version, seconds=120, what="Request Tracker's answer")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def version(self):
        try:
            return self.rest("/rt")["Version"]
        except OSError:
            return None

    def rest(self, path, body=None):
        request = urllib.request.Request(
            f"{self.url}/REST/2.0{path}", json.dumps(body).encode() if body else None,
            {"Authorization": f"token {self.token}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def ticket(self, subject, text, requestor):
        """Its number."""
        return self.rest("/ticket", {"Queue": "General", "Subject": subject, "Requestor": requestor,
                                     "Content": text, "ContentType": "text/plain"})["id"]

    def reply(self, ticket, text, kind="text/plain"):
        self.rest(f"/ticket/{ticket}/correspond", {"Content": text, "ContentType": kind})

    def close(self):
        if self.server:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.wait(30)
        if self.database:
            self.database.close()
        shutil.rmtree(self.dir, ignore_errors=True)
