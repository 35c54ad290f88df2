"""What the network sends that no client means: refused with a problem or a closed connection,
nothing accepted is lost, memory stays flat, and the daemon answers afterwards.

Two daemons: one with short deadlines and two workspaces, so that what takes long can be waited for."""
import contextlib
import json
import os
import resource
import select
import socket
import threading
import time
import unittest

from vocd import SANITIZED, Daemon, eventually, iso, read_all

# What may be left of a storm some seconds later, and what it may take while it lasts.
FLAT, PEAK = 48 << 20, 160 << 20
SHORT = """
header_timeout: 1s
body_timeout: 1s
idle_timeout: 3s
stream_timeout: 3s
write_timeout: 2s
max_connections: 3000
"""


def record(external_id, **more):
    return {"source": "abuse", "external_id": str(external_id), "text": "배송이 늦어요",
            "created_at": "2026-01-02T03:04:05Z", **more}


def readable(s, seconds):
    """select() can not take the numbers of the sockets these tests have open."""
    poll = select.poll()
    poll.register(s, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


class Peak:
    """The most anonymous memory the daemon had while the block ran."""

    def __init__(self, daemon):
        self.daemon, self.value, self.stop = daemon, 0, False

    def run(self):
        while not self.stop:
            self.value = max(self.value, self.daemon.rss_anon() or 0)
            time.sleep(0.005)

    def __enter__(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stop = True
        self.thread.join()


class Abuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        cls.d = Daemon(http_extra=SHORT, hooks="- source: open\n  scheme: none",
                       extra="auth:\n  max_failures: 100000\n  bootstrap: tokens.json\n").start()
        answer = cls.d.send([record(i, source="kept") for i in range(50)])
        assert answer.status == 200, answer
        for _ in range(200):  # what a running daemon has touched anyway
            cls.d.send(record(0, source="kept"))
        cls.calm = cls.d.rss_anon()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def tearDown(self):
        """After each storm: it answers, takes, and has what it had."""
        self.assertIsNone(self.d.process.poll(), self.d.log_text()[-3000:])
        self.assertEqual(self.d.request("GET", "/readyz", token=None).status, 200)
        answer = self.d.send(record(self.id(), source="after"))
        self.assertEqual((answer.status, answer.json["accepted"]), (200, 1), answer)
        self.assertEqual(self.d.count(where="source = kept"), 50)
        if not SANITIZED:
            eventually(lambda: self.d.rss_anon() - self.calm < FLAT, what="flat memory")

    def head(self, *lines, method="POST", path="/v1/feedback", token="ingest", kind="application/json"):
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.d.port}",
                 f"Authorization: Bearer {self.d.tokens[token]}", f"Content-Type: {kind}", *lines]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def problem(self, data, *statuses, closed=True):
        """A problem of one of the statuses; with closed, the connection may also just end."""
        if not data and closed:
            return None
        head, _, body = data.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        self.assertIn(status, statuses, data[:500])
        self.assertIn(b"application/problem+json", head, data[:500])
        parsed = json.loads(body)
        self.assertEqual(parsed["status"], status)
        for name in ("type", "title", "instance"):
            self.assertIn(name, parsed)
        return parsed


class Bodies(Abuse):
    def post(self, body, kind="application/json", path="/v1/feedback", token="ingest"):
        return self.d.request("POST", path, body, token=token, headers={"Content-Type": kind})

    def test_bodies_that_are_no_records(self):
        deep = b"[" * 100000
        bodies = [b"", b"{", b"\x00", b"\xff\xfe\x00", b"nul", b'"', b"{]", b"[1,]", b'{"a":1}{"a":2}',
                  b'{"a":1,"a":2}', deep, deep + b"]" * 100000, b'{"a":' * 50000 + b"1", b"1e999",
                  b"9" * 5000, b'"\\ud800"', b'{"source":"abuse\\u0000","external_id":"1","text":"a"}',
                  b"\xef\xbb\xbf", b"\x1f\x8b\x08" + os.urandom(100), os.urandom(5000),
                  b'{"source":"abuse","external_id":"n\xff","text":"a"}',
                  b'{"source":"abuse","external_id":"n\x00","text":"a"}']
        for path in ("/v1/feedback", "/v1/customers", "/v1/activities"):
            for body in bodies:
                for kind in ("application/json", "application/x-ndjson"):
                    with self.subTest(path=path, kind=kind, body=body[:30]):
                        answer = self.post(body, kind, path)
                        if answer.status == 200:  # lines: nothing but blank ones
                            self.assertEqual(sum(answer.json[n] for n in (
                                "accepted", "updated", "duplicates", "rejected_count")), 0)
                            continue
                        self.assertIn(answer.status, (400, 422), answer)
                        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_wrong_types_everywhere(self):
        wrong = [None, True, 0, -1.5, 1e308, "", "x", [], {}, [[]], {"": None}, "\u0000", "\ud7ff" * 9]
        for path, base in (("/v1/feedback", record("wt", source="types")),
                           ("/v1/customers", {"id": "wt", "name": "n", "email": "e", "phone": "p",
                                              "effective_at": iso(), "attributes": {}}),
                           ("/v1/activities", {"source": "s", "external_id": "1", "customer": "wt",
                                               "type": "t", "at": iso(), "amount": 1,
                                               "attributes": {}})):
            fields = set(base) | {"kind", "customer", "turns", "rating", "answers", "tags", "url",
                                  "experiments", "surveyed", "backfill", "stage", "updated_at"}
            batch = [{**base, name: value} for name in sorted(fields - {"source"}) for value in wrong]
            answer = self.post(json.dumps(batch), path=path)
            self.assertIn(answer.status, (200, 422), answer)
            self.assertEqual(sum(answer.json[n] for n in ("accepted", "updated", "duplicates",
                                                          "rejected_count")), len(batch))
            self.assertGreater(answer.json["rejected_count"], len(batch) // 3)

    def test_changes_that_make_no_sense(self):
        calls = [("PUT", "/v1/segments/x"), ("PUT", "/v1/alert-rules/x"), ("POST", "/v1/tokens"),
                 ("POST", "/v1/customers/lookup"), ("POST", "/v1/customers/nobody/unmask"),
                 ("POST", "/v1/alerts/x/acknowledge")]
        for method, path in calls:
            for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"a":1}', b"{}" * 2, b"[" * 60000,
                         b'{"where":5}', b'{"where":"(((((("}', b'{"role":"king","name":"x"}',
                         b'{"where":"a = b","measure":7}', b'{"name":{},"role":[]}'):
                with self.subTest(path=path, body=body[:20]):
                    answer = self.d.request(method, path, body,
                                            headers={"Content-Type": "application/json"})
                    self.assertIn(answer.status, (400, 404), answer)
                    self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            answer = self.d.request(method, path, b"[" * 90000,
                                    headers={"Content-Type": "application/json"})
            self.assertIn(answer.status, (400, 413), (path, answer))

    def test_queries_that_make_no_sense(self):
        for query in ("where=" + "(" * 4000, "where=" + "not%20" * 700 + "kind=a", "where=a" * 500,
                      "limit=-1", "limit=99999999999999999999", "limit=1&limit=2", "cursor=%00",
                      "cursor=zzzz", "where=%ff", "q=" + "a" * 300, "from=yesterday", "tz=../../etc",
                      "where=kind%20in%20(" + "a," * 300 + "b)", "limit=1e3", "%=1", "=", "where=%"):
            with self.subTest(query=query[:40]):
                answer = self.d.request("GET", "/v1/feedback?" + query)
                self.assertIn(answer.status, (400, 414), answer)
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        answer = self.d.request("GET", "/v1/trends?bucket=hour&from=1970-01-01&to=2100-01-01")
        self.assertEqual(answer.status, 400, answer)

    def test_a_million_items_in_a_small_body(self):
        """8 MiB of `0,` are four million items: a refusal must not cost a hundred times its bytes."""
        body = b"[" + b"0," * ((8 << 19) - 100) + b"0]"
        with Peak(self.d) as peak:
            answer = self.post(body)
        self.assertEqual(answer.status, 413, answer)
        self.assertEqual(self.post(b"[" + b"0," * 99999 + b"0]").status, 422)
        if not SANITIZED:
            self.assertLess(peak.value - self.calm, PEAK)

    def test_objects_of_many_members(self):
        body = ("{" + ",".join(f'"{i}":0' for i in range(600000)) + "}").encode()
        with Peak(self.d) as peak:
            answer = self.post(body)
        self.assertIn(answer.status, (400, 422), answer)
        if not SANITIZED:
            self.assertLess(peak.value - self.calm, 2 * PEAK)


class Framing(Abuse):
    def test_lengths_that_do_not_fit(self):
        body = json.dumps(record("smuggled", tags=["smuggled"])).encode()
        n = len(body)
        cases = {
            "two lengths": [f"Content-Length: {n}", f"Content-Length: {n + 1}"],
            "the same length twice": [f"Content-Length: {n}", f"Content-Length: {n}"],
            "a list of lengths": [f"Content-Length: {n}, {n}"],
            "length and chunked": [f"Content-Length: {n}", "Transfer-Encoding: chunked"],
            "chunked and length": ["Transfer-Encoding: chunked", f"Content-Length: {n}"],
            "chunked twice": ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            "another coding": ["Transfer-Encoding: gzip, chunked"],
            "identity": ["Transfer-Encoding: identity", f"Content-Length: {n}"],
            "xchunked": ["Transfer-Encoding: xchunked"],
            "folded": ["Transfer-Encoding:\r\n chunked"],
            "negative": ["Content-Length: -1"],
            "plus": [f"Content-Length: +{n}"],
            "hex": [f"Content-Length: 0x{n:x}"],
            "overflow": ["Content-Length: 18446744073709551617"],
            "space in name": [f"Content-Length : {n}"],
            "no length value": ["Content-Length:"],
            "underscore twin": [f"Content_Length: {n}", f"Content-Length: {n}x"],
        }
        smuggled = b"GET /v1/feedback HTTP/1.1\r\nHost: x\r\n\r\n"
        for name, lines in cases.items():
            for payload in (body, f"{n:x}\r\n".encode() + body + b"\r\n0\r\n\r\n" + smuggled):
                with self.subTest(case=name):
                    data = self.d.raw(self.head(*lines) + payload, timeout=5)
                    self.problem(data, 400, 501)
                    self.assertLessEqual(data.count(b"HTTP/1.1 "), 1, data)
        self.assertEqual(self.d.count(where="tag = smuggled"), 0)

    def test_chunks(self):
        body = json.dumps(record("chunked", tags=["storm"])).encode()

        def chunk(data, size=None):
            return (f"{len(data):x}" if size is None else size).encode() + b"\r\n" + data + b"\r\n"
        end = b"0\r\n\r\n"
        head = self.head("Transfer-Encoding: chunked")
        bad = {
            "not hex": chunk(body, "zz"), "no size": chunk(body, ""), "minus": chunk(body, "-5"),
            "plus": chunk(body, "+5"), "0x": chunk(body, f"0x{len(body):x}"),
            "huge": chunk(body, "F" * 17), "huge again": chunk(body, "FFFFFFFFFFFFFFFF"),
            "space before": chunk(body, f" {len(body):x}"),
            "size too small": chunk(body, f"{len(body) - 1:x}") + end,
            "bare LF": f"{len(body):x}\n".encode() + body + b"\n0\n\n",
            "CR only": f"{len(body):x}\r".encode() + body,
            "NUL in the size": b"5\x00\r\n" + body,
            "extension without end": f"{len(body):x};".encode() + b"a" * 100000,
            "extension with a control": f"{len(body):x};a\x01\r\n".encode() + body + b"\r\n" + end,
            "trailer without a name": chunk(body) + b"0\r\n: x\r\n\r\n",
            "trailers without end": chunk(body) + b"0\r\n" + b"a: b\r\n" * 5000,
        }
        for name, payload in bad.items():
            with self.subTest(case=name):
                self.problem(self.d.raw(head + payload, timeout=5), 400, 408, 413, 431)
        self.assertEqual(self.d.count(where="tag = storm"), 0)
        # and what is unusual but right
        for name, payload in {
                "extension": f"{len(body):x};a=b\r\n".encode() + body + b"\r\n" + end,
                "zeros": f"{len(body):010x}\r\n".encode() + body + b"\r\n0000\r\n\r\n",
                "byte by byte": b"".join(chunk(body[i:i + 1]) for i in range(len(body))) + end,
                "trailer": chunk(body) + b"0\r\nX-Sum: 1\r\n\r\n"}.items():
            with self.subTest(case=name):
                data = self.d.raw(self.head("Transfer-Encoding: chunked", "Connection: close") + payload)
                self.assertTrue(data.startswith(b"HTTP/1.1 200 "), data)
        self.assertEqual(self.d.count(where="tag = storm"), 1)

    def test_request_lines(self):
        rest = f"Host: 127.0.0.1:{self.d.port}\r\n\r\n".encode()
        for line in (b"", b"GET", b"GET /", b"GET / HTTP/2.0", b"GET / HTTP/1.2", b"GET / http/1.1",
                     b"GET  / HTTP/1.1", b"GET\t/ HTTP/1.1", b"G\x00T / HTTP/1.1", b"get / HTTP/1.1",
                     b"BREW / HTTP/1.1", b"GET / HTTP/1.1 x", b"GET /\xff HTTP/1.1",
                     b"GET http://other/ HTTP/1.1", b"GET * HTTP/1.1", b"GET /#a HTTP/1.1",
                     b"PRI * HTTP/2.0", b"\x16\x03\x01\x02\x00\x01\x00", b"CONNECT a:1 HTTP/1.1",
                     b"GET /" + b"a" * 20000 + b" HTTP/1.1", b"GET /v1/customers/%00/context HTTP/1.1",
                     b"GET /v1/customers/%zz/context HTTP/1.1", b"GET /healthz/../metrics HTTP/1.1",
                     b"GET //healthz HTTP/1.1"):
            with self.subTest(line=line[:40]):
                data = self.d.raw(line + b"\r\n" + rest, timeout=5, half_close=True)
                self.problem(data, 400, 401, 404, 405, 408, 414, 431, 501, 505)

    def test_headers(self):
        base = b"GET /healthz HTTP/1.1\r\n"
        host = f"Host: 127.0.0.1:{self.d.port}\r\n".encode()
        for name, lines in {
                "no host": b"", "two hosts": host + host, "another host": b"Host: evil.example\r\n",
                "empty host": b"Host:\r\n", "space": b"Host : a\r\n", "nameless": host + b": a\r\n",
                "no colon": host + b"abc\r\n", "fold": host + b"A: b\r\n c\r\n",
                "control": host + b"A: b\x01c\r\n", "NUL": host + b"A: b\x00c\r\n",
                "bare CR": host + b"A: b\rc\r\n", "bare LF": host + b"A: b\nC: d\r\n",
                "100 KB in one": host + b"A: " + b"a" * 102400 + b"\r\n",
                "100 KB in many": host + b"".join(b"A%d: b\r\n" % i for i in range(10000)),
                "expect": host + b"Expect: the-unexpected\r\n"}.items():
            with self.subTest(case=name):
                data = self.d.raw(base + lines + b"\r\n", timeout=5, half_close=True)
                self.problem(data, 400, 417, 421, 431)

    def test_methods_and_paths(self):
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            answer = self.d.request(method, "/v1/feedback")
            self.assertIn(answer.status, (405, 501), answer)
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
            if answer.status == 405:
                self.assertIn("GET", answer.headers["Allow"])
        self.assertEqual(self.d.request("GET", "/v1/feedback/").status, 404)
        self.assertEqual(self.d.request("GET", "/v1/trends", b"a body").status, 400)

    def test_pipelining(self):
        get = f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{self.d.port}\r\n".encode()
        data = self.d.raw((get + b"\r\n") * 50 + get + b"Connection: close\r\n\r\n")
        self.assertEqual(data.count(b"HTTP/1.1 200 "), 51)
        # a broken one in the middle ends it there
        data = self.d.raw((get + b"\r\n") * 3 + b"GARBAGE\r\n\r\n" + (get + b"\r\n") * 3, timeout=5)
        self.assertEqual((data.count(b"HTTP/1.1 200 "), data.count(b"HTTP/1.1 400 ")), (3, 1))

    def test_head_has_no_body(self):
        for path in ("/healthz", "/v1/me", "/v1/feedback", "/metrics", "/v1/stream", "/nowhere"):
            data = self.d.raw(self.head("Connection: close", method="HEAD", path=path, token="admin"),
                              timeout=5)
            self.assertEqual(data.partition(b"\r\n\r\n")[2], b"", path)
            self.assertIn(b"HTTP/1.1 ", data)


class Floods(Abuse):
    def flood(self, head, unit, limit=1 << 30, wrap=lambda data: data):
        """Sends `unit` again and again until the daemon has had enough, or 1 GiB."""
        sent, unit = 0, wrap(unit)
        with socket.create_connection(("127.0.0.1", self.d.port), timeout=20) as s:
            with contextlib.suppress(OSError):
                s.sendall(head)
                while sent < limit:
                    if readable(s, 0):
                        break
                    s.sendall(unit)
                    sent += len(unit)
            return sent, read_all(s)

    def check_flood(self, head, unit, statuses, most, **kw):
        with Peak(self.d) as peak:
            sent, data = self.flood(head, unit, **kw)
        self.problem(data, *statuses)
        self.assertLess(sent, most)
        if not SANITIZED:
            self.assertLess(peak.value - self.calm, 64 << 20)

    def test_a_gigabyte_of_nothing(self):
        zeros, spaces, lines = b"\0" * 65536, b" " * 65536, b"\n" * 65536
        announced = [f"Content-Length: {1 << 30}"]
        chunked = ["Transfer-Encoding: chunked"]

        def chunk(data):
            return f"{len(data):x}\r\n".encode() + data + b"\r\n"
        for unit in (zeros, spaces, lines):
            with self.subTest(unit=unit[:1]):
                # JSON is bounded by max_body …
                self.check_flood(self.head(*announced), unit, (400, 413), 32 << 20)
                self.check_flood(self.head(*chunked), unit, (400, 413), 64 << 20, wrap=chunk)
                # … a body taken as one refuses what is announced …
                self.check_flood(self.head(*announced, path="/v1/hooks/demo/open"), unit, (413,), 32 << 20)
                # … and no header ends either
                self.check_flood(b"GET /healthz HTTP/1.1\r\nA: ", unit.replace(b"\n", b"a"),
                                 (400, 431), 32 << 20)
        # no head at all
        for unit in (zeros, spaces, b"a" * 65536):
            self.check_flood(b"", unit, (400, 408, 414, 431, 501), 32 << 20)

    def test_a_stream_of_nothing(self):
        """Lines without an end and lines without content are read, dropped, and cost no memory."""
        size = (1 << 30) if not SANITIZED else (64 << 20)
        for unit in (b"\0" * 65536, b" " * 65536, b"\n" * 65536):
            with self.subTest(unit=unit[:1]), Peak(self.d) as peak:
                head = self.head(f"Content-Length: {size}", kind="application/x-ndjson")
                _, data = self.flood(head, unit, limit=size)
                self.assertTrue(data == b"" or data.startswith(b"HTTP/1.1 "), data[:200])
                if not SANITIZED:
                    self.assertLess(peak.value - self.calm, 64 << 20)

    def test_a_larger_stream_is_refused(self):
        head = self.head(f"Content-Length: {(1 << 30) + 1}", kind="application/x-ndjson")
        self.problem(self.d.raw(head, timeout=5), 413, closed=False)

    def test_idle_connections(self):
        count = 2000 if not SANITIZED else 500
        sockets = []
        try:
            for _ in range(count):
                sockets.append(socket.create_connection(("127.0.0.1", self.d.port), timeout=10))
            self.assertEqual(self.d.request("GET", "/healthz", token=None).status, 200)
            self.assertEqual(self.d.send(record("1", source="kept")).status, 200)
            if not SANITIZED:
                self.assertLess(self.d.rss_anon() - self.calm, 16 << 20)
            for s in sockets:  # all are closed in time: the first to wait for is the last to wait for
                s.settimeout(30)
                with contextlib.suppress(ConnectionError):
                    while s.recv(4096):
                        pass
        finally:
            for s in sockets:
                s.close()
        eventually(lambda: self.d.metric("vocd_http_connections") <= 2, what="their end")

    def test_more_than_max_connections(self):
        sockets = []
        try:
            for _ in range(3100):
                sockets.append(socket.create_connection(("127.0.0.1", self.d.port), timeout=10))
            # the last ones are refused; those that are in still work
            s = sockets[0]
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            self.assertIn(b"200 OK", read_all(s))
        finally:
            for s in sockets:
                s.close()
        eventually(lambda: self.answers(), what="answers again")

    def answers(self):
        with contextlib.suppress(OSError):
            return self.d.request("GET", "/healthz", token=None).status == 200


class Slow(Abuse):
    def drip(self, data, start=b""):
        """One byte at a time, ten a second at most; what came back, and when."""
        with socket.create_connection(("127.0.0.1", self.d.port), timeout=20) as s:
            begun = time.monotonic()
            with contextlib.suppress(OSError):
                s.sendall(start)
                for byte in data:
                    if readable(s, 0.2):
                        break
                    s.sendall(bytes([byte]))
            return read_all(s), time.monotonic() - begun

    def test_drips(self):
        """A byte now and then holds nothing open beyond the deadline of its phase."""
        body = json.dumps(record("drip", tags=["drip"])).encode()
        cases = {
            "head": (b"", self.head()),
            "body": (self.head(f"Content-Length: {len(body)}", path="/v1/hooks/demo/open"), body),
            "chunks": (self.head("Transfer-Encoding: chunked"), b"1\r\na\r\n" * 100),
            "stream": (self.head("Content-Length: 5000", kind="application/x-ndjson"), b" " * 5000),
        }
        results = {}

        def run(name):
            results[name] = self.drip(cases[name][1], cases[name][0])
        threads = [threading.Thread(target=run, args=(name,)) for name in cases]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for name, (data, seconds) in results.items():
            with self.subTest(case=name):
                self.problem(data, 408)
                self.assertLess(seconds, 20)
        self.assertEqual(self.d.count(where="tag = drip"), 0)

    def test_readers_that_do_not_read(self):
        """Answers nobody takes are not kept for ever."""
        self.d.send([record(f"bulk-{i}", text="가나다라마" * 2000, tags=["storm"]) for i in range(200)])
        get = self.head(method="GET", path="/v1/feedback?limit=1000", token="admin")
        sockets = []
        for _ in range(20):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", self.d.port))
            s.sendall(get)
            sockets.append(s)
        self.assertEqual(self.d.request("GET", "/healthz", token=None).status, 200)
        for s in sockets:
            s.close()
        eventually(lambda: self.d.metric("vocd_http_connections") <= 2, what="their end")

    def test_resets_in_mid_body(self):
        import struct
        body = b"".join(json.dumps(record(i, source="kept")).encode() + b"\n"
                        for i in range(50))
        for cut in range(0, len(body), len(body) // 40):
            s = socket.create_connection(("127.0.0.1", self.d.port))
            s.sendall(self.head(f"Content-Length: {len(body)}", kind="application/x-ndjson") + body[:cut])
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        eventually(lambda: self.d.metric("vocd_http_connections") <= 2, what="their end")


class OtherWorkspace(unittest.TestCase):
    """One client company's token on every path of another's."""

    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(workspaces=("demo", "other")).start()
        other = cls.d.dir / "tokens-other.json"
        cls.other = {f"other-{k}": v for k, v in json.loads(other.read_text()).items()}
        cls.d.tokens.update(cls.other)
        cls.d.request("POST", "/v1/customers", {"id": "c-1", "name": "홍길동", "phone": "010-1234-5678",
                                                "attributes": {"grade": "VIP"}}, token="ingest")
        cls.d.request("PUT", "/v1/segments/vip", {"where": "grade = VIP"})
        cls.d.request("PUT", "/v1/alert-rules/each", {"where": "kind = ticket", "each": True})
        cls.id = cls.d.send({"source": "web", "external_id": "1", "customer": {"id": "c-1"},
                             "text": "남의 말입니다"}).json["ids"][0]
        cls.alert = eventually(lambda: cls.d.get("/v1/alerts").json["items"], what="an alert")[0]["id"]
        cls.token_id = cls.d.get("/v1/tokens").json["items"][0]["id"]
        cls.doc = cls.d.request("GET", "/openapi.json", token=None).json

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def state(self):
        return {path: self.d.get(path).body for path in (
            "/v1/segments", "/v1/alert-rules", "/v1/alerts", "/v1/tokens", "/v1/dead-letters",
            f"/v1/feedback/{self.id}", "/v1/customers/c-1/context")}

    def test_nothing_of_the_other(self):
        before = self.state()
        for path, methods in self.doc["paths"].items():
            for method, operation in methods.items():
                if "x-roles" not in operation or path == "/v1/stream":
                    continue
                ident = self.id if "feedback" in path else "c-1" if "customers" in path else \
                    self.alert if "alerts" in path else self.token_id
                where = path.format(id=ident, code="vip", name="each", source="web")
                body = {"/v1/customers/lookup": {"phone": "010-1234-5678"},
                        "/v1/customers/{id}/unmask": {"field": "phone", "reason": "curious"},
                        "/v1/alerts/{id}/acknowledge": {"note": "x"}}.get(path)
                if method in ("post", "put") and body is None:
                    continue  # writes of their own: in their own workspace
                for role in operation["x-roles"]:
                    with self.subTest(call=f"{role} {method} {path}"):
                        answer = self.d.request(method.upper(), where, body, token="other-" + role)
                        text = answer.body.decode()
                        for secret in ("남의 말", "홍길동", "5678", self.id, self.alert, "c-1"):
                            self.assertNotIn(secret, text)
                        if "{" in path and "sources" not in path:
                            self.assertEqual(answer.status, 404, answer)
                        elif answer.status == 200 and "items" in answer.json and path != "/v1/tokens":
                            self.assertEqual([i for i in answer.json["items"] if "who" not in i], [])
        self.assertEqual(self.state(), before)

    def test_writes_stay_at_home(self):
        before = self.state()
        self.assertEqual(self.d.send({"source": "web", "external_id": "1", "text": "theirs"},
                                     token="other-ingest").json["accepted"], 1)
        self.assertEqual(self.d.get("/v1/me", token="other-admin").json["workspace"], "other")
        made = self.d.request("POST", "/v1/tokens", {"role": "admin", "name": "x"}, token="other-admin")
        self.assertEqual(made.status, 201)
        self.assertEqual(self.d.get("/v1/me", token=made.json["token"]).json["workspace"], "other")
        self.d.request("DELETE", "/v1/sources/web", token="other-admin")
        self.d.request("DELETE", "/v1/tokens/" + self.token_id, token="other-admin")
        self.assertEqual(self.state(), before)

    def test_tokens_that_are_none(self):
        good = self.d.tokens["admin"]
        for header in ("", "Bearer", "Bearer ", "Basic " + good, "Bearer " + good[:-1],
                       "Bearer " + good + "x", "Bearer " + good.upper(), "Bearer " + "a" * 5000,
                       "bearer\t" + good[:-2], "Bearer voc_admin_" + "A" * 43):
            answer = self.d.request("GET", "/v1/me", token=None, headers={"Authorization": header})
            self.assertEqual(answer.status, 401, answer)
            self.assertIn("Bearer", answer.headers["WWW-Authenticate"])

    def test_zz_guessing_is_slowed(self):
        """Last: this address has to wait afterwards; a right token is let in nevertheless."""
        statuses = [self.d.request("GET", "/v1/me", token=None,
                                   headers={"Authorization": f"Bearer voc_admin_{i:043d}"}).status
                    for i in range(40)]
        self.assertEqual(statuses[-1], 429, statuses)
        self.assertEqual(set(statuses), {401, 429})
        self.assertEqual(self.d.get("/v1/me").status, 200)

    def test_revoked_and_expired(self):
        made = self.d.request("POST", "/v1/tokens", {"role": "agent", "name": "temp"}).json
        self.assertEqual(self.d.get("/v1/me", token=made["token"]).status, 200)
        self.assertEqual(self.d.request("DELETE", "/v1/tokens/" + made["id"]).status, 204)
        self.assertEqual(self.d.get("/v1/me", token=made["token"]).status, 401)
        soon = self.d.request("POST", "/v1/tokens", {"role": "agent", "name": "short",
                                                     "expires_at": iso(-1)}).json
        eventually(lambda: self.d.get("/v1/me", token=soon["token"]).status == 401, what="expiry")
        for name in ("temp", "short"):
            listed = [t for t in self.d.get("/v1/tokens").json["items"] if t["name"] == name]
            self.assertEqual(len(listed), 1)
            self.assertNotIn("token", listed[0])


if __name__ == "__main__":
    unittest.main()
