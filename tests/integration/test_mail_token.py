"""A mailbox that is signed in to with OAuth 2.0, and one that is encrypted by STARTTLS: whatever token
server and mail server do, no secret goes where it does not belong."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

import authority
from test_mail import MailTest, mail
from upstream import Reply, Upstream
from vocd import Daemon, eventually

CONNECTORS = pathlib.Path(__file__).resolve().parents[2] / "daemon" / "connectors"
SECRET, REFRESH = "cl1ent-s3cret", "refresh-t0ken-0"
OWN = """connector: own
cfg: {host: null, user: null, token: null}
base: "imap://{{cfg.host}}"
auth:
  oauth2:
    token_url: "{{cfg.token}}"
    client_id: vocd
    client_secret: "{{secret.key}}"
%smailbox: {name: INBOX, user: "{{cfg.user}}"}
"""
CLIENT, ROTATING = OWN % "", OWN % '    refresh_token: "{{secret.refresh}}"\n'


class TokenTest(MailTest):
    def setUp(self):
        super().setUp()
        self.box.mechanisms = ["XOAUTH2"]
        self.forms, self.given, self.life, self.reply = [], 0, 3600, None
        self.rotates = False
        self.up = Upstream(self.give)
        self.addCleanup(self.up.close)

    def give(self, ask):
        self.forms.append(dict(urllib.parse.parse_qsl(ask.body.decode())))
        if self.reply:
            return self.reply
        form = self.forms[-1]
        if self.rotates and form.get("refresh_token") != self.refresh():
            return Reply({"error": "invalid_grant"}, 400)
        self.given += 1
        token = f"acc3ss-{self.given}"
        self.box.tokens = {token}
        more = {"refresh_token": self.refresh()} if self.rotates else {}
        return {"access_token": token, "expires_in": self.life, **more}

    def refresh(self):
        return f"refresh-t0ken-{self.given}"

    def mailbox(self, text=CLIENT, start=True, cfg="", every="300ms"):
        d = Daemon(sources="#")
        self.addCleanup(lambda: d.__exit__(None if self.ok() else AssertionError, None, None))
        secrets = {"key": SECRET, "refresh": REFRESH}
        used = {k: v for k, v in secrets.items() if f"secret.{k}" in text}
        for name, value in used.items():
            d.put_secret(name, value + "\n")
        (d.dir / "own.yaml").write_text(text)
        d.sources = (f"- source: mail\n  connector: own.yaml\n  every: {every}\n  retry: 20ms\n  secrets: {{"
                     + ", ".join(f"{k}_file: {k}" for k in used) + "}\n  cfg:\n" +
                     (cfg or f"    host: 127.0.0.1:{self.box.port}\n    user: {self.box.user}\n"
                             f"    token: {self.up.url}/token\n"))
        d.write_config()
        return d.start() if start else d

    def keeps_secrets(self, d):
        told = d.log_text() + d.get("/v1/sources").body.decode()
        told += d.request("POST", "/v1/sources/mail/preview").body.decode()
        told += d.ctl("source", "list").stdout.decode()
        for secret in (SECRET, "refresh-t0ken", "acc3ss"):
            self.assertNotIn(secret, told)


class Tokens(TokenTest):
    def test_one_token_for_many_polls(self):
        for mechanisms in (["XOAUTH2"], ["OAUTHBEARER"], ["DIGEST-MD5", "CRAM-MD5", "PLAIN", "XOAUTH2"]):
            with self.subTest(mechanisms):
                self.box.mechanisms, self.box.commands = mechanisms, []
                self.forms.clear()
                self.box.messages.clear()
                self.box.add(mail(1))
                d = self.mailbox()
                self.until(d, 1)
                self.polls(d, 3)
                self.assertEqual(self.forms, [{"grant_type": "client_credentials", "client_id": "vocd",
                                               "client_secret": SECRET}])
                self.assertEqual(set(self.box.said("AUTHENTICATE")), {f"AUTHENTICATE {mechanisms[-1]}"})
                self.assertEqual(self.box.said("LOGIN"), [])
                self.keeps_secrets(d)
                d.stop()

    def test_a_token_ends_in_the_middle(self):
        for n in range(9):
            self.box.add(mail(n))
        state = {"bad": True}

        def twist(command):
            if state["bad"] and "FETCH 5 " in command:
                state["bad"] = False
                self.box.tokens = set()
                return "drop"
        self.box.twist = twist
        d = self.mailbox()
        self.until(d, 9)
        eventually(lambda: self.source(d)["error"] is None, what="no error")
        self.assertEqual(self.box.shown[:3], ["acc3ss-1", "acc3ss-1", "acc3ss-2"])
        self.assertEqual(self.given, 2)
        self.assertEqual(self.source(d)["records"]["accepted"], 9)

    def test_a_token_that_is_old_is_not_shown(self):
        self.life = 1
        self.box.add(mail(1))
        d = self.mailbox()
        self.until(d, 1)
        eventually(lambda: self.given > 2, what="newer tokens")
        self.assertIsNone(self.source(d)["error"])

    def test_a_refused_token_is_tried_anew_once(self):
        self.box.user = "voc@example.com"
        d = self.mailbox(start=False, every="1h")
        d.sources = d.sources.replace("user: voc@example.com", "user: other@example.com")
        d.write_config()
        d.start()
        d.request("POST", "/v1/sources/mail/poll")
        error = self.error(d, "auth")
        self.assertIn("with this user and token", error["detail"])
        self.assertEqual(self.box.shown, ["acc3ss-1", "acc3ss-2"])
        self.keeps_secrets(d)

    def test_a_server_that_takes_passwords_only(self):
        self.box.mechanisms = []
        d = self.mailbox(every="1h")
        d.request("POST", "/v1/sources/mail/poll")
        self.assertIn("neither OAUTHBEARER nor XOAUTH2", self.error(d, "auth")["detail"])
        self.assertEqual((self.box.logins, self.given), (0, 1))
        self.keeps_secrets(d)

    def test_a_rotated_refresh_token_outlives_a_kill(self):
        self.rotates, self.life = True, 1
        self.box.add(mail(1))
        d = self.mailbox(ROTATING)
        self.until(d, 1)
        eventually(lambda: self.given > 2, what="some rotations")
        d.request("POST", "/v1/sources/mail/pause")  # a kill between answer and commit loses any chain
        eventually(lambda: self.source(d)["state"] == "paused", what="paused")
        self.polls_stand(d)
        d.kill()
        before = self.given
        self.box.add(mail(2))
        d.start()
        d.request("POST", "/v1/sources/mail/resume")
        self.until(d, 2)
        self.assertEqual(self.forms[before]["refresh_token"], f"refresh-t0ken-{before}")
        self.assertIsNone(self.source(d)["error"])
        self.keeps_secrets(d)

    def polls_stand(self, d):
        """What was under way has ended."""
        seen = []
        eventually(lambda: seen.append((self.source(d)["polls"], self.given)) or
                   len(seen) > 5 and len(set(seen[-5:])) == 1, what="quiet")

    def test_the_token_server_is_down(self):
        self.box.add(mail(1))
        port = self.up.port
        self.up.close()
        d = self.mailbox()
        self.assertIn("the token server", self.error(d, "connect")["detail"])
        self.assertEqual(self.box.said(), [])
        self.up = Upstream(self.give, port=port)
        d.request("POST", "/v1/sources/mail/poll")
        self.until(d, 1)

    def test_the_token_server_refuses(self):
        self.reply = Reply({"error": "invalid_client", "error_description": f"no {SECRET}"}, 401)
        d = self.mailbox()
        self.assertEqual(self.error(d, "auth")["detail"], "no access token was given: invalid_client")
        self.reply = Reply({"error": SECRET}, 400)
        eventually(lambda: "invalid_client" not in (self.source(d)["error"] or {}).get("detail", ""),
                   what="the other answer")
        self.keeps_secrets(d)
        self.assertEqual(self.box.said(), [])

    def test_the_token_server_sends_elsewhere(self):
        other = Upstream(lambda ask: {"access_token": "acc3ss-other"})
        self.addCleanup(other.close)
        self.reply = Reply({}, 307, {"Location": f"{other.url}/token"})
        d = self.mailbox()
        self.assertIn("redirects are not followed", self.error(d, "auth")["detail"])
        self.assertEqual((other.asked(), self.box.said()), ([], []))


class Presets(TokenTest):
    def local(self, name):
        text = (CONNECTORS / f"{name}.yaml").read_text()
        text = re.sub(r"^base: imaps://\S+$", f"base: imap://127.0.0.1:{self.box.port}", text, flags=re.M)
        self.hosts = re.findall(r"token_url: \"?(https://[^/]+)", text)
        return re.sub(r'(token_url: "?)https://[^/\n]+', rf"\1{self.up.url}", text)

    def read(self, d):
        self.box.add(mail(1))
        d.start()
        self.until(d, 1)
        self.keeps_secrets(d)

    def test_microsoft_365(self):
        self.read(self.mailbox(self.local("microsoft-365-mail"), start=False,
                               cfg=f"    tenant: example.com\n    client: c-1\n    user: {self.box.user}\n"))
        self.assertEqual(self.up.asked()[0].path, "/example.com/oauth2/v2.0/token")
        self.assertEqual(self.forms[0], {
            "grant_type": "client_credentials", "client_id": "c-1", "client_secret": SECRET,
            "scope": "https://outlook.office365.com/.default"})

    def test_gmail(self):
        self.read(self.mailbox(self.local("gmail"), start=False,
                               cfg=f"    client: c-1\n    user: {self.box.user}\n"))
        self.assertEqual(self.forms[0], {"grant_type": "refresh_token", "refresh_token": REFRESH,
                                         "client_id": "c-1", "client_secret": SECRET})

    def test_google_workspace(self):
        d = self.mailbox(self.local("google-workspace-mail"), start=False,
                         cfg=f"    account: a@example.com\n    user: {self.box.user}\n")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", d.dir / "key"], check=True,
                       stderr=subprocess.DEVNULL)
        self.read(d)
        self.assertEqual(set(self.forms[0]), {"grant_type", "assertion"})


class Starttls(MailTest):
    def setUp(self):
        super().setUp()
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vocd-ca-"))
        self.addCleanup(shutil.rmtree, folder)
        self.ca, self.context = authority.make(folder)
        self.box.add(mail(1))

    def encrypted(self, trusting=True):
        d = self.daemon(cfg="tls: starttls", start=False)
        d.extra = f"ca_file: {self.ca}\n" if trusting else ""
        d.write_config()
        return d.start()

    def test_encrypted(self):
        self.box.starttls = self.context
        d = self.encrypted()
        self.until(d, 1)
        said = self.box.said()
        self.assertLess(said.index("STARTTLS"), said.index("LOGIN"))

    def test_not_offered(self):
        d = self.encrypted()
        error = self.error(d, "connect")
        self.assertIn("no STARTTLS", error["detail"])
        self.assertEqual((self.box.logins, set(self.box.said())), (0, {"CAPABILITY"}))
        self.assertNotIn("p4ss", json.dumps(error) + d.log_text())

    def test_whom_one_does_not_know(self):
        self.box.starttls = self.context
        d = self.encrypted(trusting=False)
        self.assertIn("certificate", self.error(d, "connect")["detail"])
        self.assertEqual(self.box.logins, 0)

    def test_said_wrongly(self):
        for cfg, words in (("tls: startls", "neither by_scheme nor starttls"),
                           ("tls: starttls\nscheme: imaps", "begins without TLS")):
            d = self.daemon(cfg=cfg, start=False)
            d.sources = d.sources.replace("    scheme: imap\n", "", 1 if "imaps" in cfg else 0)
            d.write_config()
            self.assertNotEqual(d.ends(), 0)
            self.assertIn(words, d.log_text())


if __name__ == "__main__":
    unittest.main()
