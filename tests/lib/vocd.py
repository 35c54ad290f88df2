"""What the Python tests share: a real daemon in a directory of its own, and a plain HTTP client."""
import base64
import contextlib
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build"))
if not BUILD.is_absolute():
    BUILD = ROOT / BUILD
VOCD, VOCCTL = BUILD / "vocd", BUILD / "vocctl"
START_SECONDS = 60  # sanitizers are slow to start
# Under AddressSanitizer memory is not what the daemon itself would use.
SANITIZED = b"__asan_init" in VOCD.read_bytes() if VOCD.exists() else False


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
                 workspaces=("demo",), env=None, sources=""):
        self.own = directory is None
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="vocd-test-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process = None
        self.extra, self.http_extra = extra, http_extra
        self.receivers, self.hooks, self.workspaces = receivers, hooks, workspaces
        self.sources = sources
        self.env = env or {}
        self.write_config()

    def write_config(self):
        def indent(text, n):
            return "".join(" " * n + line + "\n" for line in text.strip("\n").splitlines())
        lines = [f"state: {self.dir}/state", f"lexicons: {BUILD}/lexicons.bin",
                 f"connectors: {ROOT}/daemon/connectors",
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
            if i == 0 and self.sources:
                text += "    sources:\n" + indent(self.sources, 6)
        self.config = self.dir / "vocd.yaml"
        self.config.write_text(text)

    def put_secret(self, name, text):
        """A file beside the configuration that nobody else may read."""
        (self.dir / name).write_text(text)
        (self.dir / name).chmod(0o600)

    def start(self, wait=True, **popen):
        self.log = open(self.dir / "vocd.log", "ab")
        self.process = subprocess.Popen([VOCD, "--config", self.config], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log,
                                        env=dict(os.environ, **self.env), **popen)
        if wait:
            self.wait_ready()
        return self

    def ends(self):
        """Starts what is not expected to run: its exit code."""
        self.start(wait=False)
        code = self.process.wait(timeout=START_SECONDS)
        self.process = None
        self.log.close()
        if self.own:
            self.text = self.log_text()
            shutil.rmtree(self.dir, ignore_errors=True)
        return code

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
            time.sleep(0.002)
        else:
            raise RuntimeError("vocd was not ready in time\n" + self.log_text())
        if (self.dir / "tokens.json").exists():
            self.tokens = json.loads((self.dir / "tokens.json").read_text())

    def log_text(self):
        if not self.dir.exists():
            return self.text
        return (self.dir / "vocd.log").read_text(errors="replace")

    def stop(self, expect=0):
        """Ends it in order; a leak or a sanitizer's complaint shows in the exit code."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        self.wait(expect)

    def wait(self, expect=0):
        """For the end of a process that was told to end."""
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

    def reload(self, good=True):
        """SIGHUP, and waits for what became of it."""
        name = f'vocd_config_reloads_total{{result="{"ok" if good else "failed"}"}}'
        before = self.metric(name)
        self.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.metric(name) > before, what="the reload")

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

    def raw(self, data, timeout=30, half_close=False):
        """Sends bytes as they are; what came back until the peer closed or fell silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
            if half_close:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_WR)
            return read_all(s)

    def count(self, **params):
        """The number of records /v1/trends counts, over all time unless told."""
        params = {"measure": "count", "from": "2000-01-01", "to": "2100-01-01", **params}
        answer = self.request("GET", "/v1/trends", params=params)
        if answer.status != 200:
            raise AssertionError(f"trends: {answer}")
        return int(sum(s["total"]["value"] for s in answer.json["series"]))

    def rows(self, path="/v1/feedback", token="admin", **params):
        """Every item of a list, page by page."""
        params = {"limit": 1000 if path == "/v1/feedback" else 500, **params}
        while True:
            page = self.request("GET", path, token=token, params=params)
            if page.status != 200:
                raise AssertionError(f"{path}: {page}")
            yield from page.json["items"]
            if page.json["next_cursor"] is None:
                return
            params["cursor"] = page.json["next_cursor"]

    def ctl(self, *args, stdin=None, timeout=120, env=None):
        """vocctl against this daemon."""
        full = {**os.environ, "VOC_URL": f"http://127.0.0.1:{self.port}",
                "VOC_TOKENS": str(self.dir / "tokens.json"), **(env or {})}
        full.pop("VOC_TOKEN", None)
        return subprocess.run([VOCCTL, *map(str, args)], input=stdin, env=full, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))

    def rss_anon(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("RssAnon:")[2].split()[0]) * 1024


def read_all(s):
    data = b""
    with contextlib.suppress(OSError):
        while chunk := s.recv(65536):
            data += chunk
    return data


def iso(seconds_ago=0, at=None):
    """RFC 3339, of now less `seconds_ago`, or of a Unix time."""
    moment = time.time() - seconds_ago if at is None else at
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat(
        timespec="milliseconds")


def standard_signature(secret, ident, stamp, body):
    """The webhook-signature header of Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{ident}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Receiver:
    """An HTTP server on a thread: keeps what it is sent (names of headers in lower case), answers `status`, and can go down and come
    back on its port."""

    def __init__(self, status=204):
        self.status, self.notices, self.lock = status, [], threading.Lock()
        self.port, self.server = free_port(), None

    def up(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer.lock:
                    outer.notices.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def down(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def got(self):
        with self.lock:
            return list(self.notices)

    def __enter__(self):
        return self.up()

    def __exit__(self, *exc):
        self.down()


class Events:
    """A reader of GET /v1/stream on a thread: `items` are (event, data)."""

    def __init__(self, daemon, token, headers=None):
        self.socket = socket.create_connection(("127.0.0.1", daemon.port), timeout=120)
        self.items, self.raw, self.ended = [], b"", False
        headers = headers or {"Authorization": "Bearer " + daemon.tokens[token]}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n"
                            f"{lines}\r\n".encode())
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        eventually(lambda: b"\r\n\r\n" in self.raw or self.ended, what="the stream's head")
        self.status = int(self.raw.split(b" ", 2)[1]) if self.raw else None

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while chunk := self.socket.recv(65536):
                self.raw += chunk
                self.items = self.parse()
        self.ended = True

    def parse(self):
        items, body = [], self.raw.partition(b"\r\n\r\n")[2]
        for block in self.body(body).split(b"\n\n")[:-1]:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if b": " in line)
            if b"data" in fields:
                items.append((fields.get(b"event", b"").decode(), fields[b"data"].decode()))
        return items

    def body(self, data):
        """Without the chunked coding, as far as it came."""
        if b"chunked" not in self.raw.partition(b"\r\n\r\n")[0].lower():
            return data
        out = b""
        while b"\r\n" in data:
            size, _, rest = data.partition(b"\r\n")
            n = int(size or b"0", 16)
            if n == 0 or len(rest) < n + 2:
                break
            out, data = out + rest[:n], rest[n + 2:]
        return out

    def named(self, event):
        return [json.loads(data) for name, data in self.items if name == event]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(10)


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
