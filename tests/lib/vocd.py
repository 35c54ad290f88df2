"""What the Python tests share: a real daemon in a directory of its own, and a plain HTTP client."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
if not BUILD.is_absolute():
    BUILD = ROOT / BUILD
VOCD, VOCCTL = BUILD / "vocd", BUILD / "vocctl"
START_SECONDS = 60  # sanitizers are slow to start


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Daemon:
    """vocd in `directory` (made when absent). Use as a context manager; nothing survives it."""

    def __init__(self, directory=None, extra="", http_extra="", receivers="", hooks="",
                 workspaces=("demo",), env=None):
        self.own = directory is None
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="vocd-test-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None
        self.extra, self.http_extra = extra, http_extra
        self.receivers, self.hooks, self.workspaces = receivers, hooks, workspaces
        self.env = env or {}
        self.write_config()

    def write_config(self):
        def indent(text, n):
            return "".join(" " * n + line + "\n" for line in text.strip("\n").splitlines())
        lines = [f"state: {self.dir}/state", f"lexicons: {BUILD}/lexicons.bin",
                 "timezone: Asia/Seoul", "http:", "  address: 127.0.0.1", f"  port: {self.port}"]
        text = "\n".join(lines) + "\n" + indent(self.http_extra, 2)
        if "auth:" not in self.extra:
            text += f"auth:\n  bootstrap: {self.dir}/tokens.json\n"
        text += self.extra + "\nworkspaces:\n"
        for i, ws in enumerate(self.workspaces):
            text += f"  - id: {ws}\n    name: {ws}\n"
            if i == 0 and self.receivers:
                text += "    receivers:\n" + indent(self.receivers, 6)
            if i == 0 and self.hooks:
                text += "    hooks:\n" + indent(self.hooks, 6)
        self.config = self.dir / "vocd.yaml"
        self.config.write_text(text)

    def start(self, wait=True, **popen):
        self.log = open(self.dir / "vocd.log", "ab")
        self.process = subprocess.Popen([VOCD, "--config", self.config], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, **self.env), **popen)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"vocd ended with {self.process.returncode}\n{self.log_text()}")
            try:
                if self.request("GET", "/readyz", token=None).status == 200:
                    break
            except OSError:
                pass
            time.sleep(0.02)
        else:
            raise RuntimeError("vocd was not ready in time\n" + self.log_text())
        if (self.dir / "tokens.json").exists():
            self.tokens = json.loads((self.dir / "tokens.json").read_text())

    def log_text(self):
        return (self.dir / "vocd.log").read_text(errors="replace")

    def stop(self, expect=0):
        """Ends it in order; a leak or a sanitizer's complaint shows in the exit code."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=START_SECONDS)
        self.process = None
        self.log.close()
        if code != expect:
            raise AssertionError(f"vocd ended with {code}, expected {expect}\n{self.log_text()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log.close()

    def __enter__(self):
        return self.start() if self.process is None else self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
            elif self.process is not None:
                self.kill()
                print(self.log_text()[-4000:])
        finally:
            if self.own:
                shutil.rmtree(self.dir, ignore_errors=True)

    # --- HTTP ---

    def request(self, method, path, body=None, token="admin", headers=None, timeout=60, params=None):
        """`token`: a role's name, a token's text, or None."""
        headers = dict(headers or {})
        if token is not None:
            text = token if token.startswith("voc_") else self.tokens[token]
            headers.setdefault("Authorization", "Bearer " + text)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body, ensure_ascii=False)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        if params:
            path += "?" + urllib.parse.urlencode(params)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path, token="admin", **params):
        return self.request("GET", path, token=token, params=params)

    def send(self, records, token="ingest", **kw):
        return self.request("POST", "/v1/feedback", records, token=token, **kw)

    def send_lines(self, path, records, token="ingest"):
        body = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
        return self.request("POST", path, body, token=token, timeout=600,
                            headers={"Content-Type": "application/x-ndjson"})

    def metric(self, name):
        for line in self.request("GET", "/metrics", token=None).body.decode().splitlines():
            if line.split(" ")[0] == name:
                return float(line.split(" ")[1])
        return None

    def rss_anon(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
        return None


def eventually(check, seconds=30, what="it"):
    """Waits until check() is true; tests of time use virtual clocks, this is only for hand-overs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = check()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen")


def seed():
    value = int(os.environ.get("VOC_SEED") or int.from_bytes(os.urandom(4), "little"))
    print(f"VOC_SEED={value}", flush=True)
    return value
