"""Behind nginx as docs/operation.md has it: calls, live events, long bodies and sign-in come through,
/metrics does not."""
import json
import os
import re
import shutil
import socket
import subprocess
import unittest

from vocd import ROOT, Daemon, eventually, free_port

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
NAME = "voc.example.com"
TEXT = "배송이 늦어요 " * 40


@unittest.skipUnless(NGINX, "nginx is not installed")
class Proxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(http_extra=f"hosts: [{NAME}]").start()
        cls.addClassCleanup(cls.d.__exit__, None, None, None)
        cls.port = free_port()
        block = re.search(r"```nginx\n(.*?)```", (ROOT / "docs/operation.md").read_text(), re.S).group(1)
        block = re.sub(r"(?m)^ *ssl_.*\n", "", block)
        for old, new in (("listen 443 ssl;", f"listen 127.0.0.1:{cls.port};"),
                         ("127.0.0.1:8642", f"127.0.0.1:{cls.d.port}")):
            assert block.count(old) == 1, old
            block = block.replace(old, new)
        folder = cls.d.dir / "nginx"
        folder.mkdir()
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(
            f"pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; {temporary}\n{block}}}\n")
        cls.nginx = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder,
                                      "-g", "daemon off;"], stdin=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.stop)
        eventually(cls.listens, what="nginx")

    @classmethod
    def stop(cls):
        cls.nginx.terminate()
        cls.nginx.wait(30)

    @classmethod
    def listens(cls):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", cls.port)) == 0

    def request(self, *args, headers=None, **kw):
        """As the daemon's, through the proxy and by its name."""
        direct, self.d.port = self.d.port, self.port
        try:
            return self.d.request(*args, headers={"Host": NAME, **(headers or {})}, **kw)
        finally:
            self.d.port = direct

    def test_calls(self):
        self.assertEqual(self.request("GET", "/readyz", token=None).status, 200)
        self.assertEqual(self.request("GET", "/v1/me").json["role"], "admin")
        location = self.request("GET", "/", token=None).headers["Location"]
        self.assertTrue(location.startswith("/"), location)
        self.assertEqual(self.request("GET", location, token=None).status, 200)

    def test_metrics_stay_inside(self):
        self.assertEqual(self.request("GET", "/metrics", token=None).status, 403)
        self.assertEqual(self.d.request("GET", "/metrics", token=None).status, 200)

    def test_a_long_body_is_not_kept_back(self):
        lines = "".join(json.dumps({"source": "web", "external_id": f"l{i}", "text": TEXT},
                                   ensure_ascii=False) + "\n" for i in range(10000))
        self.assertGreater(len(lines.encode()), 8 << 20)  # more than http.max_body
        answer = self.request("POST", "/v1/feedback", lines, token="ingest", timeout=300,
                              headers={"Content-Type": "application/x-ndjson"})
        self.assertEqual((answer.status, answer.json["accepted"]), (200, 10000), answer)

    def test_signing_in(self):
        """The cookie's rules hold with the name and the https the browser sees."""
        origin = {"Origin": f"https://{NAME}", "Sec-Fetch-Site": "same-origin"}
        body = {"token": self.d.tokens["supervisor"]}
        answer = self.request("POST", "/console/session", body, token=None, headers=origin)
        self.assertIn(answer.status, (200, 201, 204), answer)
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        me = self.request("GET", "/console/session", token=None, headers={**origin, "Cookie": cookie})
        self.assertEqual(me.status, 200, me)
        foreign = self.request("POST", "/console/session", body, token=None,
                               headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
        self.assertEqual(foreign.status, 403, foreign)

    def test_live_events(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as s:
            s.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: {NAME}\r\n"
                      f"Authorization: Bearer {self.d.tokens['supervisor']}\r\n\r\n".encode())
            data = b""
            while b"\r\n\r\n" not in data:
                data += s.recv(65536)
            self.assertIn(b" 200 ", data)
            self.d.send({"source": "web", "external_id": "live", "text": "배송이 늦어요"})
            while b"event: feedback" not in data:  # the time-out of the socket is the test's
                chunk = s.recv(65536)
                self.assertTrue(chunk, data)
                data += chunk


if __name__ == "__main__":
    unittest.main()
