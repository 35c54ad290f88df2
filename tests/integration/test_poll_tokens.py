"""Tokens that are signed for: statements exchanged (as service accounts do), statements that are the
token, and a client secret that never goes over the line."""
import base64
import json
import subprocess
import time
import unittest
import urllib.parse

from test_poll import PollTest, ticket
from upstream import Reply
from vocd import VOCD, eventually

HEAD = """
connector: desk
base: "{{cfg.base}}"
auth:
"""
STREAM = """
streams:
- name: tickets
  request: {path: /tickets}
  records: $[*]
  map: {external_id: $.id, text: $.text}
"""
EXCHANGE = HEAD + """
  jwt:
    token_url: "{{cfg.base}}/token"
    algorithm: RS256
    key: "{{secret.key}}"
    header: {kid: k-1}
    claims: {iss: "{{cfg.account}}", scope: reviews, aud: "{{cfg.base}}/token"}
    lifetime: 1h
""" + STREAM
BEARER = HEAD + """
  jwt:
    algorithm: ES256
    key: "{{secret.key}}"
    header: {kid: "{{cfg.account}}"}
    claims: {iss: "{{cfg.account}}", aud: desk-v1}
    lifetime: 20m
""" + STREAM
SHARED = BEARER.replace("ES256", "HS256")
HASHED = HEAD + """
  oauth2:
    token_url: "{{cfg.base}}/token"
    client_id: "{{cfg.account}}"
    form: {type: SELF, timestamp: "{{now.time|unix_ms}}"}
    hash: {into: client_secret_sign, bcrypt: "{{cfg.account}}_{{now.time|unix_ms}}", salt: "{{secret.key}}"}
""" + STREAM


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *args], input=stdin, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


class Tokens(PollTest):
    def setUp(self):
        self.forms, self.seen, self.refuse = [], [], False

    def give(self, ask, check):
        form = dict(urllib.parse.parse_qsl(ask.body.decode()))
        self.forms.append(form)
        if self.refuse or not check(form):
            return Reply({"error": "invalid_grant"}, 400)
        return {"access_token": f"access-{len(self.forms)}", "expires_in": 3600}

    def token_server(self, check):
        def answer(ask):
            if ask.path == "/token":
                return self.give(ask, check)
            if ask.headers.get("authorization") != f"Bearer access-{len(self.forms)}":
                return Reply({}, 401)
            return [ticket(1), ticket(2)]
        return self.serve(answer)

    def start(self, up, text, key, start=True):
        d = self.daemon(up, connector=text, cfg="account: me@example.com", start=False)
        (d.dir / "key").write_bytes(key)
        return d.start() if start else d

    def verified(self, token, public, directory):
        """The statement's parts, when its RS256 signature is by that key."""
        head, claims, sig = token.split(".")
        (directory / "sig").write_bytes(decode(sig))
        (directory / "public").write_bytes(public)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", directory / "public", "-signature",
                               directory / "sig"], input=f"{head}.{claims}".encode(),
                              stdout=subprocess.DEVNULL, check=False)
        return json.loads(decode(head)), json.loads(decode(claims)), done.returncode == 0

    def test_a_statement_is_exchanged(self):
        key = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        public = openssl("pkey", "-pubout", stdin=key)
        for text in (key, json.dumps({"type": "service_account", "private_key": key.decode()}).encode()):
            self.forms.clear()
            up = self.token_server(lambda form: "assertion" in form)
            d = self.start(up, EXCHANGE, text)
            self.until(d, 2)
            self.polls(d, 2)
            self.assertEqual(len(self.forms), 1)  # one token serves many polls
            form = self.forms[0]
            self.assertEqual(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer")
            head, claims, good = self.verified(form["assertion"], public, d.dir)
            self.assertTrue(good)
            self.assertEqual(head, {"alg": "RS256", "typ": "JWT", "kid": "k-1"})
            self.assertEqual((claims["iss"], claims["scope"], claims["aud"]),
                             ("me@example.com", "reviews", up.url + "/token"))
            self.assertEqual(claims["exp"] - claims["iat"], 3600)
            self.assertLess(abs(claims["iat"] - time.time()), 300)
            self.refuse = True
            d.stop()
            d.start()
            self.assertIn("token", self.error(d, "auth")["detail"])
            self.refuse = False
            d.request("POST", "/v1/sources/desk/poll")
            eventually(lambda: self.source(d)["error"] is None, what="no error")
            for line in key.decode().splitlines()[1:3]:
                self.assertNotIn(line, d.log_text())
            d.stop()

    def test_a_statement_is_the_token(self):
        key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")

        def answer(ask):
            self.seen.append(ask.headers.get("authorization", ""))
            return [ticket(1)]
        d = self.start(self.serve(answer), BEARER, key)
        self.until(d, 1)
        self.polls(d, 2)
        self.assertEqual(len(set(self.seen)), 1)
        head, claims, sig = self.seen[0].removeprefix("Bearer ").split(".")
        self.assertEqual(json.loads(decode(head))["alg"], "ES256")
        self.assertEqual(json.loads(decode(claims))["aud"], "desk-v1")
        self.assertEqual(len(decode(sig)), 64)
        shown = d.request("POST", "/v1/sources/desk/preview")
        self.assertEqual(shown.status, 200)
        self.assertNotIn(sig, shown.body.decode())

    def test_a_shared_secret_signs(self):
        import hashlib
        import hmac

        def answer(ask):
            token = ask.headers.get("authorization", "").removeprefix("Bearer ")
            head, claims, sig = token.split(".")
            made = hmac.new(b"shared-secret-of-both", f"{head}.{claims}".encode(), hashlib.sha256)
            return [ticket(1)] if decode(sig) == made.digest() else Reply({}, 401)
        d = self.start(self.serve(answer), SHARED, b"shared-secret-of-both\n")
        self.until(d, 1)

    def test_a_hash_stands_for_the_secret(self):
        """The salt of a bcrypt hash is part of it, so the server can tell whose secret it was."""
        salt = "$2a$04$abcdefghijklmnopqrstuu"

        def check(form):
            sign = base64.b64decode(form["client_secret_sign"]).decode()
            fresh = abs(int(form["timestamp"]) - time.time() * 1000) < 300000
            return sign[:28] == salt[:28] and len(sign) == 60 and fresh and form["type"] == "SELF"
        d = self.start(self.token_server(check), HASHED, salt.encode())
        self.until(d, 2)
        self.assertEqual(self.forms[0]["grant_type"], "client_credentials")
        self.assertEqual(self.forms[0]["client_id"], "me@example.com")
        self.assertNotIn("client_secret", self.forms[0])

    def test_keys_are_tried_when_the_configuration_is_read(self):
        ec = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        for text, key, words in ((EXCHANGE, ec, "no private key for RS256"),
                                 (BEARER, b"nothing of the kind", "no private key for ES256"),
                                 (HASHED, b"plain secret", "no salt of bcrypt")):
            d = self.start(self.serve(lambda ask: []), text, key, start=False)
            done = subprocess.run([VOCD, "--config", d.config, "--check-config"], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertIn(words, done.stdout.decode())


if __name__ == "__main__":
    unittest.main()
