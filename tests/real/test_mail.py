"""A real Dovecot: 240 mails in mixed charsets and forms, some of them while vocd polls, over TLS. None
is missed, none comes twice, bodies are right, none is marked as seen; vocd is killed in the middle, the
mailbox is numbered anew, a mail is deleted and one comes late. Dovecot runs on its own directory."""
import base64
import imaplib
import os
import pathlib
import pwd
import quopri
import shutil
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import authority
from upstream import Reply, Upstream
from vocd import Daemon, eventually, free_port

MAILS = 240
USER, PASSWORD = "voc@example.com", "b\"a\\d p4ss%word"

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
disable_plaintext_auth = yes
auth_mechanisms = plain login xoauth2 oauthbearer
mail_location = maildir:{dir}/mail/%u
first_valid_uid = 1
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {dir}/oauth2
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {dir}/passwords
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""

# Dovecot asks the token server what a token is good for (RFC 7662).
INTROSPECTION = """
introspection_mode = post
introspection_url = {url}/introspect
username_attribute = sub
active_attribute = active
active_value = true
"""
CLIENT, SECRET = "vocd", "cl1ent-s3cret"
TOKEN_CONNECTOR = """
connector: own
base: "{scheme}://127.0.0.1:{port}"
auth:
  oauth2:
    token_url: "{url}/token"
    client_id: vocd
    client_secret: "{{{{secret.key}}}}"
    refresh_token: "{{{{secret.refresh}}}}"
mailbox: {{name: INBOX, user: {user}, tls: {tls}}}
"""


class TokenServer:
    """Gives access tokens of an hour for refresh tokens that are good once, and knows which are good."""

    def __init__(self):
        self.given, self.asked, self.good = 0, 0, set()
        self.up = Upstream(self.answer)

    def answer(self, ask):
        form = dict(urllib.parse.parse_qsl(ask.body.decode()))
        if ask.path == "/introspect":
            self.asked += 1
            good = form.get("token") in self.good
            return {"active": True, "sub": USER, "scope": "mail"} if good else {"active": False}
        if form != {"grant_type": "refresh_token", "refresh_token": f"refresh-t0ken-{self.given}",
                    "client_id": CLIENT, "client_secret": SECRET}:
            return Reply({"error": "invalid_grant"}, 400)
        self.given += 1
        self.good = {f"acc3ss-{self.given}"}
        return {"access_token": f"acc3ss-{self.given}", "refresh_token": f"refresh-t0ken-{self.given}",
                "expires_in": 3600}


# What people write, and how their clients send it: name, charset of the label, codec, encoding.
FORMS = [("utf-8", "utf-8", "base64"), ("UTF-8", "utf-8", "quoted-printable"), ("utf-8", "utf-8", "8bit"),
         ("euc-kr", "cp949", "base64"), ("ks_c_5601-1987", "cp949", "8bit"), ("EUC-KR", "cp949", "quoted-printable"),
         ("iso-2022-kr", "iso-2022-kr", "7bit"), ("us-ascii", "utf-8", "8bit"), ("iso-8859-1", "cp949", "8bit"),
         ("utf-16", "utf-16", "base64"), (None, "cp949", "8bit"), ("windows-949", "cp949", "base64")]
TEXTS = ["배송이 사흘째 멈춰 있어요. 언제 오나요", "환불 신청했는데 아직 소식이 없습니다", "상담원이 친절해서 좋았어요",
         "앱이 자꾸 꺼져요. 확인 부탁드립니다", "교환할 때 배송비는 누가 내나요"]
# What only CP949 has, and what ISO-2022-KR has not.
RARE = " 똠방각하 펲시콜라"
QUOTES = ["", "\n\n2026년 11월 22일 (일) 오전 9:10, 행복한 상담실 <cs@example.com>님이 작성:\n\n> 안녕하세요 고객님\n> 확인하겠습니다\n",
          "\n\n-----Original Message-----\nFrom: cs@example.com\nTo: me@example.com\nSubject: 답변\n\n안녕하세요 고객님\n",
          "\n\n나의 iPhone에서 보냄\n", "\n\n-- \n김 아무개\n어느 회사\n",
          "\n\n보낸 사람: 상담실\n보낸 날짜: 2026년 11월 22일\n받는 사람: 나\n제목: 답변\n\n안녕하세요\n"]


def encode(data, encoding):
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return quopri.encodestring(data).replace(b"\n", b"\r\n")
    return data.replace(b"\n", b"\r\n")


def word(text, charset, codec):
    return f"=?{charset}?B?{base64.b64encode(text.encode(codec)).decode()}?="


class Mail:
    def __init__(self, n):
        self.n, self.ident = n, f"{n}.mail@example.com"
        label, codec, encoding = FORMS[n % len(FORMS)]
        self.text = f"{TEXTS[n % len(TEXTS)]} ({n}번)" + (RARE if codec in ("cp949", "utf-8") else "")
        named = (label or "euc-kr", codec) if codec == "cp949" and label != "iso-8859-1" else ("utf-8", "utf-8")
        self.subject = f"문의 {n}" + (RARE if named[1] == "cp949" else "")
        self.conversation = self.ident if n % 4 == 0 else f"{n - n % 4}.mail@example.com"
        body = encode((self.text + QUOTES[n % len(QUOTES)]).encode(codec), encoding)
        kind = "text/plain" + (f"; charset={label}" if label else "")
        part = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body
        if n % 5 == 1 and codec != "utf-16":
            html = encode(f"<html><body><p>{self.text}</p></body></html>".encode(), "base64")
            part = (b"Content-Type: multipart/mixed; boundary=mixed\r\n\r\n--mixed\r\n"
                    b"Content-Type: multipart/alternative; boundary=other\r\n\r\n--other\r\n" + part +
                    b"\r\n--other\r\nContent-Type: text/html; charset=utf-8\r\n"
                    b"Content-Transfer-Encoding: base64\r\n\r\n" + html + b"\r\n--other--\r\n--mixed\r\n"
                    b"Content-Type: application/octet-stream; name=\"a.bin\"\r\n"
                    b"Content-Transfer-Encoding: base64\r\n\r\n" + encode(bytes(range(256)) * 40, "base64") +
                    b"\r\n--mixed--\r\n")
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0900", time.gmtime(time.time() - 86400 + n))
        thread = "" if n % 4 == 0 else (f"In-Reply-To: <{n - 1}.mail@example.com>\r\n" if n % 4 < 3 else
                                        f"References: <{n - 3}.mail@example.com> <x{n}@desk.example.com>\r\n")
        self.bytes = (f"Message-ID: <{self.ident}>\r\nFrom: {word('고객', *named)} <kim{n}@example.com>\r\n"
                      f"To: cs@example.com\r\nSubject: {word(self.subject, *named)}\r\nDate: {date}\r\n"
                      f"MIME-Version: 1.0\r\n{thread}").encode() + part


@unittest.skipUnless(shutil.which("dovecot") and os.geteuid() == 0, "Dovecot is not installed, or not root")
class Dovecot(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-dovecot-"))
        self.dir.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.port = free_port()
        owner = pwd.getpwnam("mail")
        (self.dir / "mail").mkdir()
        os.chown(self.dir / "mail", owner.pw_uid, owner.pw_gid)
        (self.dir / "passwords").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        authority.make(self.dir)
        self.tokens = TokenServer()
        self.addCleanup(self.tokens.up.close)
        (self.dir / "oauth2").write_text(INTROSPECTION.format(url=self.tokens.up.url))
        self.plain = free_port()
        self.config = self.dir / "dovecot.conf"
        self.config.write_text(CONFIG.format(dir=self.dir, uid=owner.pw_uid, gid=owner.pw_gid,
                                             port=self.port, plain=self.plain))
        self.server = subprocess.Popen(["dovecot", "-F", "-c", self.config], stdin=subprocess.DEVNULL)
        self.addCleanup(self.end)
        self.box = eventually(self.sign_in, what="Dovecot's answer")
        self.addCleanup(self.box.logout)

    def end(self):
        self.server.terminate()
        self.server.wait(30)

    def sign_in(self):
        context = ssl.create_default_context(cafile=str(self.dir / "ca.pem"))
        try:
            box = imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=context)
        except OSError:
            return None
        quoted = '"' + PASSWORD.replace("\\", "\\\\").replace('"', '\\"') + '"'
        box._simple_command("LOGIN", USER, quoted)
        box.state = "AUTH"
        return box

    def append(self, mail, at=None):
        done, _ = self.box.append("INBOX", None, imaplib.Time2Internaldate(at or time.time()), mail.bytes)
        self.assertEqual(done, "OK")

    def flags(self):
        self.box.select("INBOX", readonly=True)
        found = self.box.fetch("1:*", "(UID FLAGS)")[1]
        self.box.close()
        return [f.decode() for f in found]

    def daemon(self, password=PASSWORD, trusting=True):
        d = Daemon(sources="#", extra=f"ca_file: {self.dir}/ca.pem\n" if trusting else "")
        (d.dir / "password").write_text(password + "\n")
        (d.dir / "password").chmod(0o600)
        d.sources = (f"- source: mail\n  connector: imap\n  every: 500ms\n  retry: 50ms\n"
                     f"  secrets: {{password_file: password}}\n"
                     f"  cfg: {{host: '127.0.0.1:{self.port}', user: {USER}}}\n")
        d.write_config()
        return d

    def doveadm(self, *args):
        subprocess.run(["doveadm", "-c", self.config, *args], check=True, stdin=subprocess.DEVNULL)

    def state(self, d):
        return d.get("/v1/sources").json["items"][0]

    def test_nothing_missed_nothing_twice(self):
        mails = [Mail(n) for n in range(MAILS)]
        for m in mails[:150]:
            self.append(m)
        d = self.daemon().start()
        kills = 0
        try:
            for n, m in enumerate(mails[150:]):
                self.append(m)
                if n % 15 == 7:  # in the middle of a poll, as a rule
                    d.kill()
                    kills += 1
                    d.start()
            rows = self.collected(d, MAILS)
            for m in mails:
                row = rows[m.ident]
                self.assertEqual(row["text"], m.text, FORMS[m.n % len(FORMS)])
                self.assertEqual(row["title"], m.subject, FORMS[m.n % len(FORMS)])
                self.assertEqual(row["conversation"], m.conversation)
            self.assertEqual(len({r["conversation"] for r in rows.values()}), MAILS // 4)
            self.assertEqual(self.state(d)["records"]["rejected"], 0)
            self.renumber(d)
            self.deleted_and_late(d)
            seen = [f for f in self.flags() if "\\Seen" in f]
            self.assertEqual(seen, [])
            self.assertNotIn("p4ss", d.log_text())
            print(f"{MAILS} mails, {kills} kills")
        except BaseException:
            print((self.dir / "dovecot.log").read_text()[-2000:])
            d.__exit__(AssertionError, None, None)
            raise
        d.__exit__(None, None, None)

    def collected(self, d, n):
        eventually(lambda: d.count() >= n, seconds=120, what=f"{n} records")
        rows = list(d.rows(where="source = mail"))
        self.assertEqual(len(rows), n)
        self.assertEqual(len({r["external_id"] for r in rows}), n)
        return {r["external_id"]: r for r in rows}

    def renumber(self, d):
        before = self.state(d)
        self.doveadm("mailbox", "update", "-u", USER, "--uid-validity", "77", "INBOX")
        eventually(lambda: self.state(d)["records"]["duplicates"] >= before["records"]["duplicates"] + MAILS,
                   seconds=120, what="all of it read again")
        after = self.state(d)["records"]
        self.assertEqual((after["accepted"], after["updated"]),
                         (before["records"]["accepted"], before["records"]["updated"]))
        self.assertEqual(d.count(), MAILS)

    def deleted_and_late(self, d):
        self.box.select("INBOX")
        self.box.uid("STORE", "240", "+FLAGS.SILENT", "(\\Deleted)")
        self.box.expunge()
        self.box.close()
        late = Mail(1000)
        self.append(late, at=time.time() - 300 * 86400)
        rows = self.collected(d, MAILS + 1)  # what was deleted stays a record
        self.assertEqual(rows[late.ident]["text"], late.text)

    def test_refused(self):
        self.append(Mail(0))
        for password, trusting, code, words in ((PASSWORD, False, "connect", "certificate"),
                                                ("wrong-s3cret", True, "auth", "does not let us in")):
            with self.daemon(password, trusting) as d:
                error = eventually(lambda: self.state(d)["error"], what="the error")
                self.assertEqual(error["code"], code)
                self.assertIn(words, error["detail"])
                self.assertEqual(d.count(), 0)
                self.assertNotIn(password, d.log_text())

    def with_token(self, starttls=False):
        d = Daemon(sources="#", extra=f"ca_file: {self.dir}/ca.pem\n")
        for name, value in (("key", SECRET), ("refresh", "refresh-t0ken-0")):
            (d.dir / name).write_text(value + "\n")
            (d.dir / name).chmod(0o600)
        (d.dir / "own.yaml").write_text(TOKEN_CONNECTOR.format(
            scheme="imap" if starttls else "imaps", tls="starttls" if starttls else "by_scheme",
            port=self.plain if starttls else self.port, url=self.tokens.up.url, user=USER))
        d.sources = ("- source: mail\n  connector: own.yaml\n  every: 500ms\n  retry: 50ms\n"
                     "  secrets: {key_file: key, refresh_file: refresh}\n")
        d.write_config()
        return d

    def test_with_a_token(self):
        for n in range(20):
            self.append(Mail(n))
        for starttls in (False, True):
            self.tokens.given = 0
            with self.with_token(starttls) as d:
                self.collected(d, 20)
                self.assertGreater(self.tokens.asked, 0)
                d.kill()  # the refresh token in force is on disk
                d.start()
                eventually(lambda: self.tokens.given == 2, what="the second token")
                self.tokens.good = set()  # taken back before its time
                eventually(lambda: self.tokens.given == 3, what="the third token")
                eventually(lambda: self.state(d)["error"] is None, what="no error")
                self.assertEqual(self.state(d)["records"]["rejected"], 0)
                told = d.log_text() + d.get("/v1/sources").body.decode()
                for secret in (SECRET, "refresh-t0ken", "acc3ss"):
                    self.assertNotIn(secret, told)
        self.assertEqual([f for f in self.flags() if "\\Seen" in f], [])

    def test_a_token_that_stays_refused(self):
        self.append(Mail(0))
        self.tokens.up.answer = lambda ask: (
            {"active": False} if ask.path == "/introspect" else {"access_token": "acc3ss-x"})
        with self.with_token() as d:
            error = eventually(lambda: self.state(d)["error"], what="the error")
            self.assertEqual(error["code"], "auth")
            self.assertIn("with this user and token", error["detail"])
            self.assertEqual(d.count(), 0)
            self.assertNotIn("acc3ss", d.log_text() + error["detail"])

    def test_starttls_with_a_password(self):
        self.append(Mail(0))
        with self.daemon() as d:
            d.sources = d.sources.replace(f"127.0.0.1:{self.port}', ",
                                          f"127.0.0.1:{self.plain}', scheme: imap, tls: starttls, ")
            d.write_config()
            d.reload()
            self.collected(d, 1)


if __name__ == "__main__":
    unittest.main()
