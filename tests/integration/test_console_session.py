"""The console's session: a cookie for a token, what it opens, what it does not, and how it ends."""
import http.client
import json
import re
import shutil
import ssl
import subprocess
import unittest

from schema import problems
from vocd import VOCD, Answer, Daemon, Events, eventually, iso

PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


class Browser:
    """What a browser keeps between requests: the cookie jar of one site, and the page's csrf."""

    def __init__(self, daemon, name="voc_session"):
        self.d, self.name, self.cookie, self.csrf = daemon, name, None, None

    def ask(self, method, path, body=None, headers=None, **kw):
        headers = {**PAGE, **(headers or {})}
        if self.cookie and "Cookie" not in headers:
            headers["Cookie"] = f"{self.name}={self.cookie}"
        if self.csrf and method not in ("GET", "HEAD"):
            headers.setdefault("X-CSRF-Token", self.csrf)
        answer = self.d.request(method, path, body, token=kw.pop("token", None), headers=headers, **kw)
        given = re.match(r"(\S+?)=([^;]*)", answer.headers.get("Set-Cookie", ""))
        if given:
            self.cookie = given[2] or None
        return answer

    def sign_in(self, token):
        text = self.d.tokens.get(token, token)
        answer = self.ask("POST", "/console/session", {"token": text})
        if answer.status == 200:
            self.csrf = answer.json["csrf"]
        return answer


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        auth = "auth:\n  max_failures: 100000\n  bootstrap: tokens.json\n"
        cls.d = Daemon(extra=auth, workspaces=("demo", "other")).start()
        cls.doc = cls.d.request("GET", "/openapi.json", token=None).json
        cls.d.send({"source": "web", "external_id": "1", "text": "배송이 늦어요 010-9876-5432",
                    "customer": {"id": "c-1"}})

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def browser(self, token="supervisor"):
        b = Browser(self.d)
        answer = b.sign_in(token)
        self.assertEqual(answer.status, 200, answer)
        return b

    def token(self, role="agent", **more):
        answer = self.d.request("POST", "/v1/tokens", {"role": role, "name": "temporary", **more})
        self.assertEqual(answer.status, 201, answer)
        return answer.json

    def refused(self, answer, status, code):
        self.assertEqual((answer.status, answer.json["type"]), (status, "urn:vocd:problem:" + code),
                         answer)

    # --- in ---

    def test_signing_in(self):
        b = Browser(self.d)
        answer = b.sign_in("agent")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(problems(answer.json, {"$ref": "#/components/schemas/Session"}, self.doc), [])
        self.assertEqual((answer.json["role"], answer.json["workspace"], answer.json["timezone"]),
                         ("agent", "demo", "Asia/Seoul"))
        parts = answer.headers["Set-Cookie"].split("; ")
        self.assertRegex(parts[0], r"^voc_session=[A-Za-z0-9_-]{96}$")
        self.assertEqual(sorted(parts[1:]),
                         ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict"])
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        self.assertEqual(b.ask("GET", "/console/session").json, answer.json)
        for secret in (self.d.tokens["agent"], b.cookie):
            self.assertNotIn(secret.encode(), answer.body)

    def test_who_may_not_sign_in(self):
        b = Browser(self.d)
        self.refused(b.sign_in("ingest"), 403, "forbidden")
        for token in ("", "x", "voc_agent_" + "A" * 43, "가" * 50):
            self.refused(b.sign_in(token), 401, "unauthorized")
        self.refused(b.ask("POST", "/console/session", {}), 401, "unauthorized")
        self.refused(b.ask("POST", "/console/session", {"token": 1}), 400, "invalid")
        self.refused(b.ask("POST", "/console/session", {"tokem": "x"}), 400, "unknown-field")
        self.refused(b.ask("POST", "/console/session", "{", {"Content-Type": "application/json"}), 400,
                     "malformed-json")
        self.refused(b.ask("POST", "/console/session", {"token": "x" * 5000}), 413, "body-too-large")
        body = json.dumps({"token": self.d.tokens["agent"]})
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            self.refused(b.ask("POST", "/console/session", body, {"Content-Type": kind}), 415,
                         "unsupported-media-type")
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Origin": "null"}, {"Origin": f"http://127.0.0.1:{self.d.port + 1}"}):
            self.refused(b.ask("POST", "/console/session", {"token": self.d.tokens["agent"]}, headers),
                         403, "csrf")
        self.assertIsNone(b.cookie)

    def test_asking_who_is_signed_in_is_no_failure(self):
        before = self.d.metric("vocd_auth_failures_total")
        b = Browser(self.d)
        for _ in range(3):
            self.refused(b.ask("GET", "/console/session"), 401, "unauthorized")
        b.cookie = "A" * 96
        self.refused(b.ask("GET", "/console/session"), 401, "unauthorized")
        self.assertEqual(self.d.metric("vocd_auth_failures_total"), before)
        self.refused(b.ask("GET", "/v1/me"), 401, "unauthorized")
        self.assertEqual(self.d.metric("vocd_auth_failures_total"), before + 1)

    def test_over_another_session(self):
        b = self.browser("agent")
        old = b.cookie
        self.assertEqual(b.sign_in("quality").status, 200)
        self.assertEqual(b.ask("GET", "/v1/me").json["role"], "quality")
        b.cookie = old
        self.refused(b.ask("GET", "/v1/me"), 401, "unauthorized")

    # --- what it opens ---

    def test_roles_and_masking_are_the_token_s(self):
        agent, quality = self.browser("agent"), self.browser("quality")
        self.assertEqual(agent.ask("GET", "/v1/me").json["role"], "agent")
        self.assertNotIn(b"9876", agent.ask("GET", "/v1/feedback").body)
        self.assertIn(b"9876", quality.ask("GET", "/v1/feedback").body)
        self.refused(agent.ask("GET", "/v1/trends?measure=count"), 403, "forbidden")
        self.refused(quality.ask("GET", "/v1/tokens"), 403, "forbidden")
        self.refused(agent.ask("POST", "/v1/feedback", []), 403, "forbidden")

    def test_other_workspaces_stay_closed(self):
        tokens = json.loads((self.d.dir / "tokens-other.json").read_text())
        b = self.browser(tokens["admin"])
        self.assertEqual(b.ask("GET", "/v1/me").json["workspace"], "other")
        self.assertEqual(b.ask("GET", "/v1/feedback").json["items"], [])

    def test_access_log_names_the_token(self):
        b = self.browser("agent")
        token_id = self.d.get("/v1/me", token="agent").json["token_id"]
        b.ask("GET", "/v1/feedback")
        entry = self.d.get("/v1/access-log", limit=1).json["items"][0]
        self.assertEqual((entry["who"]["token"], entry["who"]["role"]), (token_id, "agent"))
        self.assertNotIn(b.cookie, json.dumps(entry))

    def test_a_bearer_header_wins(self):
        b = self.browser("agent")
        self.assertEqual(b.ask("GET", "/v1/me", token="quality").json["role"], "quality")
        answer = b.ask("GET", "/v1/me", headers={"Authorization": "Bearer voc_agent_no"})
        self.refused(answer, 401, "unauthorized")
        answer = b.ask("PUT", "/v1/segments/s1", {"where": "grade = vip"}, token="quality",
                       headers={"X-CSRF-Token": "", "Sec-Fetch-Site": "cross-site"})
        self.assertEqual(answer.status, 204, answer)

    # --- changing something ---

    def test_changes_need_the_csrf_value(self):
        b, other = self.browser("quality"), self.browser("quality")
        put = ("PUT", "/v1/segments/vip", {"where": "grade = vip"})
        for wrong in ("", "x", other.csrf, b.csrf[:-1], b.csrf + "A", b.csrf.swapcase(), b.cookie):
            self.refused(b.ask(*put, headers={"X-CSRF-Token": wrong}), 403, "csrf")
        csrf, b.csrf = b.csrf, None
        self.refused(b.ask(*put), 403, "csrf")
        for method, path in (("DELETE", "/v1/segments/vip"), ("POST", "/v1/customers/lookup"),
                             ("DELETE", "/console/session")):
            self.refused(b.ask(method, path, {} if method == "POST" else None), 403, "csrf")
        b.csrf = csrf
        self.assertEqual(b.ask(*put).status, 204)
        self.assertEqual(b.ask("DELETE", "/v1/segments/vip").status, 204)

    def test_changes_come_from_our_page(self):
        b = self.browser("quality")
        put = ("PUT", "/v1/segments/vip", {"where": "grade = vip"})
        ours = f"http://127.0.0.1:{self.d.port}"
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""},
                        {"Origin": ours + "0"}, {"Origin": f"http://localhost:{self.d.port}"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                        {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-site", "Origin": ours}):
            self.refused(b.ask(*put, headers=headers), 403, "csrf")
        self.assertEqual(b.ask(*put, headers={"Origin": ours}).status, 204)
        self.refused(b.ask("GET", "/v1/feedback", headers={"Sec-Fetch-Site": "same-site"}), 403, "csrf")
        self.assertEqual(b.ask("GET", "/v1/feedback", headers={"Sec-Fetch-Site": "none"}).status, 200)

    # --- cookies that are none ---

    def test_cookie_headers(self):
        b = self.browser("agent")
        good = f"voc_session={b.cookie}"
        for header in (good, "a=b; " + good, good + "; a=b", f"{good}; __Host-voc_session=x"):
            self.assertEqual(b.ask("GET", "/v1/me", headers={"Cookie": header}).status, 200, header)
        other = self.browser("admin")
        for header in (f"{good}; {good}", f"voc_session=; {good}", f"{good}; voc_session=",
                       f"{good}; voc_session={other.cookie}", f'voc_session="{b.cookie}"',
                       f"voc_session={b.cookie} ; a=b", f"{good}A", good[:-1], "voc_session=", good + "=",
                       f"Voc_session={b.cookie}", f"__Host-voc_session={b.cookie}", good.replace("=", ""),
                       "voc_session=" + "A" * 8000, f"voc_session={b.cookie[:50]}%41{b.cookie[51:]}",
                       "; " * 1000 + "voc_session"):
            self.refused(b.ask("GET", "/v1/me", headers={"Cookie": header}), 401, "unauthorized")
        head = f"GET /v1/me HTTP/1.1\r\nHost: 127.0.0.1:{self.d.port}\r\nConnection: close\r\n"
        for lines, status in ((f"Cookie: {good}\r\n", 200), (f"Cookie: {good}\r\nCookie: a=b\r\n", 401),
                              (f"Cookie: a=b\r\nCookie: {good}\r\n", 401)):
            data = self.d.raw((head + lines + "\r\n").encode())
            self.assertTrue(data.startswith(f"HTTP/1.1 {status} ".encode()), data)

    def test_behind_a_proxy_that_speaks_tls_the_cookie_is_secure(self):
        for scheme, secure in (("https", True), ("http", False)):
            b = Browser(self.d)
            headers = {"Origin": f"{scheme}://127.0.0.1:{self.d.port}"}
            answer = b.ask("POST", "/console/session", {"token": self.d.tokens["agent"]}, headers)
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual("Secure" in answer.headers["Set-Cookie"].split("; "), secure)

    def test_the_page_is_found_and_not_sent_twice(self):
        for path in ("/", "/console"):
            answer = self.d.get(path, token=None)
            self.assertEqual((answer.status, answer.headers["Location"]), (302, "/console/"))
        etag = self.d.get("/console/", token=None).headers["ETag"]
        for known, status in ((etag, 304), ("W/" + etag, 304), ("*", 304), (f'"x", {etag}', 304), ('"x"', 200)):
            answer = self.d.request("GET", "/console/", token=None, headers={"If-None-Match": known})
            self.assertEqual((answer.status, answer.headers["Vary"]), (status, "Accept-Encoding"), known)

    def test_forged_cookies(self):
        b = self.browser("agent")
        # token id 0-15, begun 16-26, lifetime 26-31, session id 32-52, HMAC 53-95
        for at in (0, 10, 17, 25, 28, 31, 40, 60, 95):
            letter = "A" if b.cookie[at] != "A" else "B"
            forged = b.cookie[:at] + letter + b.cookie[at + 1:]
            answer = b.ask("GET", "/v1/me", headers={"Cookie": f"voc_session={forged}"})
            self.refused(answer, 401, "unauthorized")
        admin = self.browser("admin")
        mixed = admin.cookie[:32] + b.cookie[32:]
        self.refused(b.ask("GET", "/v1/me", headers={"Cookie": f"voc_session={mixed}"}), 401,
                     "unauthorized")

    # --- the stream ---

    def stream(self, browser):
        s = Events(self.d, None, {"Cookie": f"voc_session={browser.cookie}", **PAGE})
        self.addCleanup(s.close)
        return s

    def test_stream(self):
        b, other = self.browser("agent"), self.browser("agent")
        mine, theirs = self.stream(b), self.stream(other)
        self.assertEqual((mine.status, theirs.status), (200, 200))
        self.d.send({"source": "stream", "external_id": "1", "text": "전화 주세요 010-9876-5432"})
        for s in (mine, theirs):
            eventually(lambda: s.named("feedback"), what="the event")
            self.assertNotIn(b"9876", s.raw)
        self.assertEqual(b.ask("DELETE", "/console/session").status, 204)
        eventually(lambda: mine.ended, what="the end of the stream")
        self.assertFalse(theirs.ended)
        self.d.send({"source": "stream", "external_id": "2", "text": "고맙습니다"})
        eventually(lambda: len(theirs.named("feedback")) == 2, what="the event")

    def test_stream_ends_with_the_token(self):
        made = self.token()
        s = self.stream(self.browser(made["token"]))
        self.assertEqual(self.d.request("DELETE", "/v1/tokens/" + made["id"]).status, 204)
        eventually(lambda: s.ended, what="the end of the stream")

    def test_stream_ends_with_the_clock(self):
        """Nothing happens in the workspace: only time goes by."""
        made = self.token(expires_at=iso(-3))
        s = self.stream(self.browser(made["token"]))
        self.assertEqual(s.status, 200)
        eventually(lambda: s.ended, what="the end of the stream")

    # --- the end ---

    def test_signing_out(self):
        b, other = self.browser("agent"), self.browser("agent")
        copy = b.cookie
        answer = b.ask("DELETE", "/console/session")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIn("voc_session=; Path=/; Max-Age=0", answer.headers["Set-Cookie"])
        self.assertIsNone(b.cookie)
        b.cookie = copy
        self.refused(b.ask("GET", "/v1/me"), 401, "unauthorized")
        self.refused(b.ask("GET", "/console/session"), 401, "unauthorized")
        self.assertEqual(other.ask("GET", "/v1/me").status, 200)
        self.assertEqual(b.ask("DELETE", "/console/session").status, 204)
        self.assertEqual(Browser(self.d).ask("DELETE", "/console/session").status, 204)

    def test_revoked_token(self):
        made = self.token()
        b = self.browser(made["token"])
        self.assertEqual(b.ask("GET", "/v1/me").status, 200)
        self.assertEqual(self.d.request("DELETE", "/v1/tokens/" + made["id"]).status, 204)
        self.refused(b.ask("GET", "/v1/me"), 401, "unauthorized")
        self.refused(b.ask("GET", "/console/session"), 401, "unauthorized")
        self.refused(b.sign_in(made["token"]), 401, "unauthorized")

    def test_a_session_is_no_longer_than_its_token(self):
        made = self.token(expires_at=iso(-100))
        b = Browser(self.d)
        answer = b.sign_in(made["token"])
        age = int(re.search(r"Max-Age=(\d+)", answer.headers["Set-Cookie"])[1])
        self.assertTrue(80 < age <= 100, age)
        self.assertLessEqual(answer.json["expires_at"], made["expires_at"])

    def test_zz_nothing_of_it_in_the_log(self):
        b = self.browser("agent")
        b.ask("GET", "/v1/me", headers={"Cookie": f"voc_session={b.cookie[:-1]}_"})
        b.ask("DELETE", "/console/session")
        log = self.d.log_text()
        self.assertIn("given=session", log)
        self.assertNotIn("voc_session", log)
        self.assertIsNone(re.search(r"[A-Za-z0-9_-]{80}", log))


class Life(unittest.TestCase):
    def test_restart_and_throttle(self):
        auth = "auth:\n  max_failures: 3\n  session: 1h\n  bootstrap: tokens.json\n"
        with Daemon(extra=auth) as d:
            b = Browser(d)
            answer = b.sign_in("agent")
            self.assertIn("Max-Age=3600", answer.headers["Set-Cookie"])
            d.stop()
            d.start()
            self.assertEqual(b.ask("GET", "/v1/me").json["role"], "agent")
            self.assertEqual(b.ask("GET", "/console/session").json, answer.json)
            out, over = Browser(d), Browser(d)
            for other in (out, over):
                other.sign_in("agent")
            copies = [out.cookie, over.cookie]
            self.assertEqual(out.ask("DELETE", "/console/session").status, 204)
            over.sign_in("agent")
            d.stop()
            d.start()
            for copy in copies:  # signed out, and left by signing in again: for good
                self.assertEqual(b.ask("GET", "/v1/me", headers={"Cookie": f"voc_session={copy}"}).status, 401)
            self.assertEqual([x.ask("GET", "/v1/me").status for x in (b, over)], [200, 200])
            for i in range(5):
                status = Browser(d).sign_in("voc_agent_wrong" + "x" * 40).status
                self.assertEqual(status, 401 if i < 3 else 429)
            self.assertEqual(b.ask("GET", "/v1/me").status, 200)
            self.assertEqual(Browser(d).sign_in("agent").status, 200)
            d.kill()
            (d.dir / "state/auth.key").unlink()
            d.start()
            self.assertIn(b.ask("GET", "/v1/me").status, (401, 429))

    def test_lifetime(self):
        """A session of two seconds, with its stream, and a page that asks on when it is over."""
        auth = "auth:\n  max_failures: 3\n  session: 2s\n  bootstrap: tokens.json\n"
        with Daemon(extra=auth) as d:
            b = Browser(d)
            self.assertEqual(b.sign_in("agent").status, 200)
            s = Events(d, None, {"Cookie": f"voc_session={b.cookie}"})
            eventually(lambda: b.ask("GET", "/console/session").status == 401, what="the end")
            eventually(lambda: s.ended, what="the end of the stream")
            s.close()
            for _ in range(6):
                self.assertEqual(b.ask("GET", "/v1/me").status, 401)

    def test_check_config(self):
        for value, what in (("12h", None), ("0s", "session"), ("40d", "session"), ("x", "session")):
            d = Daemon(extra=f"auth:\n  session: {value}\n")
            done = subprocess.run([VOCD, "--check-config", "--config", d.config],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 2 if what else 0, done.stderr)
            if what:
                self.assertRegex(done.stderr, what)
            shutil.rmtree(d.dir)


class Tls(unittest.TestCase):
    """With TLS the cookie is one no other host can plant and nothing sends in the clear."""

    def test_cookie(self):
        d = Daemon(http_extra="tls_certificate: cert.pem\ntls_key: key.pem\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", d.dir / "key.pem", "-out", d.dir / "cert.pem", "-days", "2",
                        "-subj", "/CN=localhost"], check=True, capture_output=True)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def request(method, path, body=None, token=None, headers=None):
            c = http.client.HTTPSConnection("127.0.0.1", d.port, context=context, timeout=60)
            headers = dict(headers or {})
            if body is not None:
                body = json.dumps(body)
                headers.setdefault("Content-Type", "application/json")
            c.request(method, path, body, headers)
            answer = c.getresponse()
            out = Answer(answer.status, dict(answer.getheaders()), answer.read())
            c.close()
            return out
        d.request = request
        with d.start(wait=False):
            def up():
                try:
                    return request("GET", "/readyz").status == 200
                except OSError:
                    return False
            eventually(up, what="the daemon")
            d.tokens = json.loads((d.dir / "tokens.json").read_text())
            b = Browser(d, "__Host-voc_session")
            answer = b.sign_in("agent")
            parts = answer.headers["Set-Cookie"].split("; ")
            self.assertRegex(parts[0], r"^__Host-voc_session=[A-Za-z0-9_-]{96}$")
            self.assertLessEqual({"Secure", "HttpOnly", "Path=/", "SameSite=Strict"}, set(parts))
            self.assertEqual(b.ask("GET", "/v1/me").status, 200)
            plain = {"Cookie": f"voc_session={b.cookie}"}
            self.assertEqual(b.ask("GET", "/v1/me", headers=plain).status, 401)
            lookup = ("POST", "/v1/customers/lookup", {"email": "x@example.com"})
            for scheme, status in (("http", 403), ("https", 200)):
                answer = b.ask(*lookup, headers={"Origin": f"{scheme}://127.0.0.1:{d.port}"})
                self.assertEqual(answer.status, status, answer)


if __name__ == "__main__":
    unittest.main()
