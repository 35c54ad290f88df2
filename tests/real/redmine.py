"""A Redmine of its own: Debian's package with an instance in a directory that goes away. Debian's
Redmine finds an instance by its name below /var/lib/redmine; ours leads out of there again."""
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import urllib.request

from vocd import eventually, free_port

HOME = pathlib.Path("/usr/share/redmine")
DATABASE = "production:\n  adapter: sqlite3\n  database: {}/redmine.db\n  encoding: utf8\n  timeout: 30000\n"
SETUP = (["db:migrate"], ["redmine:load_default_data"])


def missing():
    """Why there can be none here, or None."""
    if not (HOME / "config.ru").exists():
        return "Redmine is not installed"
    absent = [p for p in ("puma", "bundle") if not shutil.which(p)]
    return f"not installed: {', '.join(absent)}" if absent else None


class Redmine:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-redmine-"))
        self.server = None
        self.key = secrets.token_hex(20)
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        for folder in ("config", "files", "log", "tmp", "public/plugin_assets"):
            (self.dir / folder).mkdir(parents=True)
        (self.dir / "config/database.yml").write_text(DATABASE.format(self.dir))
        (self.dir / "config/secret_key.txt").write_text(secrets.token_hex(16))
        self.env = dict(os.environ, RAILS_ENV="production", SCHEMA="/dev/null", REDMINE_LANG="en",
                        LANG="C.UTF-8", HOME=str(self.dir), REDMINE_INSTANCE="../../../.." + str(self.dir))
        self.as_user = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("www-data")
            self.as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in [self.dir, *self.dir.rglob("*")]:
                os.chown(path, user.pw_uid, user.pw_gid)
        for tasks in SETUP:
            done = subprocess.run(["bundle", "exec", "rake", *tasks], cwd=HOME, env=self.env, timeout=600,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, **self.as_user)
            if done.returncode != 0:
                raise RuntimeError(f"rake {tasks} ended with {done.returncode}\n{done.stdout[-4000:]}")
        with sqlite3.connect(self.dir / "redmine.db") as db:
            db.execute("INSERT INTO settings (name, value, updated_on) "
                       "VALUES ('rest_api_enabled', '1', datetime('now'))")
            db.execute("INSERT INTO tokens (user_id, action, value, created_on, updated_on) "
                       "VALUES (1, 'api', ?, datetime('now'), datetime('now'))", (self.key,))
        db.close()

    def start(self):
        self.port = free_port()
        self.server = subprocess.Popen(
            ["puma", "-e", "production", "-b", f"tcp://127.0.0.1:{self.port}", "-t", "4:4", "config.ru"],
            cwd=HOME, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, **self.as_user)
        eventually(self.answers, seconds=180, what="Redmine's answer")

    def answers(self):
        try:
            return self.rest("GET", "/users/current.json")["user"]["admin"]
        except OSError:
            if self.server.poll() is not None:
                raise RuntimeError(f"puma ended with {self.server.returncode}") from None
            return None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def rest(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode() if body else None, method=method,
            headers={"X-Redmine-API-Key": self.key, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
            return json.loads(text) if text.strip() else None

    def project(self, name):
        return self.rest("POST", "/projects.json",
                         {"project": {"name": name, "identifier": "p" + secrets.token_hex(6)}})["project"]["id"]

    def issue(self, project, subject, description):
        """Its number."""
        return self.rest("POST", "/issues.json", {"issue": {
            "project_id": project, "tracker_id": 3, "priority_id": self.priority(),
            "subject": subject, "description": description}})["issue"]["id"]

    def priority(self):
        if not hasattr(self, "a_priority"):
            found = self.rest("GET", "/enumerations/issue_priorities.json")["issue_priorities"]
            self.a_priority = found[0]["id"]
        return self.a_priority

    def change(self, issue, **fields):
        """What is changed becomes a journal of the issue."""
        self.rest("PUT", f"/issues/{issue}.json", {"issue": fields})

    def close(self):
        if self.server:
            os.killpg(self.server.pid, signal.SIGTERM)
            self.server.wait(60)
        shutil.rmtree(self.dir, ignore_errors=True)
