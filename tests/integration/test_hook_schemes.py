"""Every signature scheme through the real receiver: what its sender would send is taken, and no
forgery is. Handshakes, deliveries that come again, a look by HEAD; `vocctl webhook verify`."""
import base64
import hashlib
import hmac
import json
import time
import unittest

from vocd import Daemon, standard_signature

KEY = "secret-of-the-sender"
OTHER = "another-secret-of-it"
WHSEC = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


SWAP = set()  # what the next signature has differently: "algorithm", "encoding"


def mac(text, key=KEY, digest=hashlib.sha256, encoding="hex", raw=False):
    if "algorithm" in SWAP:
        digest = hashlib.sha1 if digest is hashlib.sha256 else hashlib.sha256
    made = hmac.new(key if raw else key.encode(), text, digest).digest()
    return made.hex() if (encoding == "hex") != ("encoding" in SWAP) else base64.b64encode(made).decode()


def standard(stamp, body, key):
    secret = base64.b64decode(WHSEC[6:]) if key == KEY else b"x" * 24
    return "v1," + mac(f"msg_1.{stamp}.".encode() + body, secret, encoding="base64", raw=True)


class Scheme:
    def __init__(self, name, header, sign, time_header=None, unit=1, extra=None, config=""):
        self.name, self.header, self.sign, self.time_header = name, header, sign, time_header
        self.unit, self.extra, self.config = unit, extra or {}, config

    def headers(self, body, key=KEY, at=None, sign=None):
        stamp = str(int((time.time() if at is None else at) * self.unit))
        headers = dict(self.extra)
        if self.time_header and self.time_header != self.header:
            headers[self.time_header] = stamp
        headers[self.header] = (sign or self.sign)(stamp, body, key)
        return headers


SHA1, B64 = {"digest": hashlib.sha1}, {"encoding": "base64"}
SCHEMES = [
    Scheme("standard", "webhook-signature",
           standard, "webhook-timestamp", extra={"webhook-id": "msg_1"}),
    Scheme("zendesk", "X-Zendesk-Webhook-Signature", lambda t, b, k: mac(t.encode() + b, k, **B64),
           "X-Zendesk-Webhook-Signature-Timestamp"),
    Scheme("slack", "X-Slack-Signature", lambda t, b, k: "v0=" + mac(b"v0:" + t.encode() + b":" + b, k),
           "X-Slack-Request-Timestamp"),
    Scheme("typeform", "Typeform-Signature", lambda t, b, k: "sha256=" + mac(b, k, **B64)),
    Scheme("chatwoot", "X-Chatwoot-Signature", lambda t, b, k: "sha256=" + mac(t.encode() + b"." + b, k),
           "X-Chatwoot-Timestamp"),
    Scheme("github", "X-Hub-Signature-256", lambda t, b, k: "sha256=" + mac(b, k)),
    Scheme("intercom", "X-Hub-Signature", lambda t, b, k: "sha1=" + mac(b, k, **SHA1)),
    Scheme("zammad", "X-Hub-Signature", lambda t, b, k: "sha1=" + mac(b, k, **SHA1)),
    Scheme("helpscout", "X-HelpScout-Signature", lambda t, b, k: mac(b, k, **SHA1, **B64)),
    Scheme("front", "X-Front-Signature", lambda t, b, k: mac(t.encode() + b":" + b, k, **B64),
           "X-Front-Request-Timestamp", unit=1000),
    Scheme("delighted", "X-Delighted-Webhook-Signature", lambda t, b, k: "sha256=" + mac(b, k)),
    Scheme("surveymonkey", "Sm-Signature", lambda t, b, k: mac(b, "app-1&" + k, **SHA1, **B64),
           extra={"Sm-Apikey": "app-1"}),
    Scheme("stripe", "Stripe-Signature",
           lambda t, b, k: f"t={t},v1=" + mac(t.encode() + b"." + b, k), "Stripe-Signature"),
    Scheme("custom", "X-Our-Signature", lambda t, b, k: "sig:" + mac(b"v9|" + t.encode() + b"|" + b,
                                                                     "pre-" + k, **SHA1, **B64),
           "X-Our-Time", unit=1000, config="""
  signature:
    header: X-Our-Signature
    prefix: "sig:"
    digest: sha1
    encoding: base64
    key: "pre-{secret}"
    signed: "v9|{h:X-Our-Time}|{body}"
    time_header: X-Our-Time
    time: unix_ms
"""),
]

MORE = """
- source: handed
  scheme: header
  secret_file: {dir}/key
  signature: {{header: Authorization, prefix: "Basic "}}
  dedupe: X-Delivery
  allow_get: true
- source: shaking
  scheme: slack
  secret_file: {dir}/key
  handshake: {{when: $.type = 'url_verification', reply: $.challenge}}
- source: fronted
  scheme: none
  dedupe: $.delivery
  records: $.record
  handshake: {{when: $.type = 'sync', reply: "{{h:X-Front-Challenge}}"}}
"""


class Schemes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(hooks="#")
        for name, text in (("key", KEY), ("standard", WHSEC)):
            cls.d.put_secret(name, text + "\n")
        cls.d.hooks = "".join(
            f"- source: s-{s.name}\n  scheme: {s.name}\n"
            f"  secret_file: {cls.d.dir}/{'standard' if s.name == 'standard' else 'key'}{s.config}\n"
            for s in SCHEMES) + MORE.format(dir=cls.d.dir)
        cls.d.write_config()
        cls.d.start()

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def post(self, source, body, headers):
        return self.d.request("POST", f"/v1/hooks/demo/{source}", body, token=None, headers=headers)

    def test_vectors(self):
        """The senders of this file against the published ones (secret "secret", {"a":1})."""
        t, b, k = "1674087231", b'{"a":1}', "secret"
        by = {s.name: s.sign for s in SCHEMES}
        self.assertEqual(by["zendesk"](t, b, k), "fniBcyH5PP5590Bj23nnTALxtgkK9yOikty3Iq5oTZg=")
        self.assertEqual(by["typeform"](t, b, k), "sha256=qp4uNXX11wmLbKzNeQiIw21f22M0KnO62i1qUXR6hJQ=")
        self.assertEqual(by["slack"](t, b, k),
                         "v0=52785a3a1a745e1ca5b2642b82d9ac0563cefcdc58793df3b79bccb915bc5019")
        self.assertEqual(by["chatwoot"](t, b, k),
                         "sha256=fb7845f871e7ead3667ff9bb682d8239bbc65a2098ed6c02923e0a8b2d0ce787")
        self.assertEqual(by["intercom"](t, b, k), "sha1=f8446672f033e4b2beafc5ca3a71eafcd2cafb6e")
        self.assertEqual(by["zammad"](t, b, k), by["intercom"](t, b, k))
        self.assertEqual(by["standard"](t, b, KEY), "v1,c9lhjcxcymv8/2VlKN9YRwiXq2vINjMBBrf/LxiKlvQ=")
        self.assertEqual(standard_signature(WHSEC, "msg_1", t, b), by["standard"](t, b, KEY))

    def forgeries(self, s, body):
        good = s.headers(body)
        signature = good[s.header]

        def changed(value):
            return body, {**good, s.header: value}
        prefix = next((p for p in ("v1,", "v0=", "sha256=", "sha1=", "sig:") if signature.startswith(p)), "")
        raw = signature.removeprefix(prefix)
        yield "one byte of the body", (body.replace(b"a", b"b", 1), good)
        yield "one byte more", (body + b" ", good)
        yield "an empty body", (b"", good)
        yield "another secret", (body, s.headers(body, key=OTHER))
        yield "no signature header", (body, {k: v for k, v in good.items() if k != s.header})
        yield "an empty signature", changed(prefix)
        yield "an empty header", changed("")
        yield "half a signature", changed(signature[:len(signature) // 2])
        yield "one digit of the signature", changed(signature[:-3] + ("0" if signature[-3] != "0" else "1") +
                                                    signature[-2:])
        if prefix:
            yield "another prefix", changed("v9=" + raw)
        elif s.name == "stripe":
            yield "another field", changed(signature.replace("v1=", "v0="))
            yield "no time in it", changed(signature.split(",")[1])
            yield "another time in it", changed("t=" + str(int(time.time()) + 1) + "," + signature.split(",")[1])
        for what in ("algorithm", "encoding"):
            SWAP.add(what)
            yield f"another {what}", (body, s.headers(body))
            SWAP.clear()
        if s.extra:
            yield "another signed header", (body, {**good, **{k: v + "0" for k, v in s.extra.items()}})
        if s.time_header:
            yield "an old request", (body, s.headers(body, at=time.time() - 310))
            yield "a request of the future", (body, s.headers(body, at=time.time() + 310))
            old = s.headers(body, at=time.time() - 310)
            if s.time_header != s.header:
                yield "an old signature with a new time", (body, {**good, s.header: old[s.header]})
                yield "no time", (body, {k: v for k, v in good.items() if k != s.time_header})
                yield "a time that is none", (body, {**good, s.time_header: "now"})

    def test_every_scheme(self):
        for s in SCHEMES:
            n = 0
            with self.subTest(scheme=s.name):
                body = json.dumps({"external_id": f"a-{s.name}", "text": "배송이 늦어요"}).encode()
                answer = self.post(f"s-{s.name}", body, s.headers(body))
                self.assertEqual((answer.status, answer.json.get("accepted")), (200, 1), answer)
                for what, (sent, headers) in self.forgeries(s, body):
                    with self.subTest(scheme=s.name, forgery=what):
                        self.assertEqual(self.post(f"s-{s.name}", sent, headers).status, 401)
                        n += 1
                for other in (OTHER, KEY):
                    self.assertEqual(self.doubled(s, body, other), 401)
                    n += 1
                self.assertGreaterEqual(n, 8)
                self.replayed(s, body)
                self.assertEqual(len(list(self.d.rows(where=f"source = s-{s.name}"))), 1)
        self.assertNotIn(KEY, self.d.log_text())

    def replayed(self, s, body):
        """The very request again, while it is fresh: it is taken for what it is, and nothing changes."""
        first = self.post(f"s-{s.name}", body, s.headers(body)).json
        self.assertEqual((first["accepted"], first["updated"], first["duplicates"]), (0, 0, 1), s.name)

    def doubled(self, s, body, key):
        """The right signature, and one more beside it, be it the same."""
        lines = [f"POST /v1/hooks/demo/s-{s.name} HTTP/1.1", "Host: 127.0.0.1", "Connection: close",
                 f"Content-Length: {len(body)}"]
        lines += [f"{k}: {v}" for k, v in s.headers(body).items()]
        lines.append(f"{s.header}: {s.headers(body, key=key)[s.header]}")
        answer = self.d.raw(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        return int(answer.split(b" ", 2)[1])

    def test_a_secret_in_a_header(self):
        body = b'{"external_id":"h-1","text":"a"}'
        self.assertEqual(self.post("handed", body, {"Authorization": "Basic " + KEY}).status, 200)
        for value in ("Basic " + OTHER, KEY, "Bearer " + KEY, "Basic ", "Basic " + KEY + "x"):
            self.assertEqual(self.post("handed", body, {"Authorization": value}).status, 401, value)

    def test_a_delivery_that_comes_again(self):
        """An older state sent again does not win over the newer one."""
        auth = {"Authorization": "Basic " + KEY}

        def send(delivery, text):
            body = json.dumps({"external_id": "again", "text": text}).encode()
            return self.post("handed", body, {**auth, "X-Delivery": delivery}).json
        self.assertEqual(send("d-1", "처음")["accepted"], 1)
        self.assertEqual(send("d-2", "나중")["updated"], 1)
        again = send("d-1", "처음")
        self.assertEqual((again["duplicates"], again["updated"], again["ids"]), (1, 0, [None]))
        self.d.stop()
        self.d.start()
        self.assertEqual(send("d-2", "다시")["duplicates"], 1)
        row = [r for r in self.d.rows(where="source = handed") if r["external_id"] == "again"][0]
        self.assertEqual(row["text"], "나중")
        body = json.dumps({"delivery": 7, "record": {"external_id": "p", "text": "a"}})
        self.assertEqual(self.post("fronted", body, {}).json["accepted"], 1)
        body = body.replace('"a"', '"b"')
        self.assertEqual(self.post("fronted", body, {}).json["duplicates"], 1)

    def test_handshakes(self):
        slack = next(s for s in SCHEMES if s.name == "slack")
        body = b'{"type":"url_verification","challenge":"3eZbrw1aBm"}'
        answer = self.post("shaking", body, slack.headers(body))
        self.assertEqual((answer.status, answer.body), (200, b"3eZbrw1aBm"))
        self.assertEqual(self.post("shaking", body, slack.headers(body, key=OTHER)).status, 401)
        answer = self.post("fronted", b'{"type":"sync"}', {"X-Front-Challenge": "c-9"})
        self.assertEqual((answer.status, answer.body), (200, b"c-9"))

    def test_a_look(self):
        for method in ("GET", "HEAD"):
            self.assertEqual(self.d.request(method, "/v1/hooks/demo/handed", token=None).status, 200)
            self.assertEqual(self.d.request(method, "/v1/hooks/demo/shaking", token=None).status, 404)

    def test_verify_shows_where(self):
        s = next(s for s in SCHEMES if s.name == "zendesk")
        body = '{"external_id":"v","text":"배송"}'.encode()

        def verify(headers, *more, sent=body):
            head = "POST /x HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
            return self.d.ctl("webhook", "verify", "--config", self.d.config, "--source", "s-zendesk",
                              "--file", "-", *more, stdin=head.encode() + sent)
        good = s.headers(body)
        done = verify(good)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(good[s.time_header].encode() + body, done.stdout)
        self.assertNotIn(KEY.encode(), done.stdout + done.stderr)
        done = verify(good, sent=body + b"\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no signature of the header matches", done.stdout)
        self.assertNotIn(mac(good[s.time_header].encode() + body + b"\n", **B64).encode(), done.stdout)
        self.assertIn(b"too old", verify(good, "--at", "2030-01-01T00:00:00Z").stdout)
        self.assertIn(b"missing", verify({"Content-Type": "x"}).stdout)

    def test_source_check(self):
        good = self.d.dir / "good.yaml"
        good.write_text("connector: x\nbase: https://{{cfg.host}}\nstreams:\n- name: a\n"
                        "  request: {path: /a}\n  records: $[*]\n  map: {external_id: $.id}\n")
        done = self.d.ctl("source", "check", good)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done)
        self.assertIn(b"cfg.host (required)", done.stdout)
        good.write_text(good.read_text().replace("records", "record"))
        done = self.d.ctl("source", "check", good)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"good.yaml:6:3: unknown key \"record\"", done.stderr)


if __name__ == "__main__":
    unittest.main()
