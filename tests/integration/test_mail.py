"""A mailbox as a source: every mail once, whatever its server does, and nothing in it is changed."""
import json
import pathlib
import shutil
import tempfile
import time
import unittest

import authority
from imap import Mailbox
from vocd import Daemon, eventually


def mail(n, text=None, headers="", charset="utf-8", ident=None):
    body = (text or f"배송이 너무 늦어요 {n}").encode(charset)
    return (f"From: =?utf-8?B?6rmA?= <kim{n}@example.com>\r\nTo: cs@example.com\r\n"
            f"Message-ID: <{ident or f'{n}@example.com'}>\r\nSubject: n{n}\r\n"
            f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S +0000', time.gmtime(time.time() - 3600))}\r\n"
            f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n"
            f"{headers}\r\n").encode() + body + b"\r\n"


class MailTest(unittest.TestCase):
    def setUp(self):
        self.box = Mailbox()
        self.addCleanup(self.box.close)

    def daemon(self, cfg="", every="300ms", more="", start=True):
        d = Daemon(sources="#")
        self.addCleanup(lambda: d.__exit__(None if self.ok() else AssertionError, None, None))
        d.put_secret("password", self.box.password + "\n")
        d.sources = (f"- source: mail\n  connector: imap\n  every: {every}\n  retry: 20ms\n"
                     "  secrets: {password_file: password}\n" + more +
                     f"  cfg:\n    host: 127.0.0.1:{self.box.port}\n    user: {self.box.user}\n"
                     "    scheme: imap\n" + "".join(f"    {line}\n" for line in cfg.splitlines()))
        d.write_config()
        return d.start() if start else d

    def ok(self):
        outcome = self._outcome
        return all(error is None for _, error in getattr(outcome, "errors", [])) and \
            getattr(outcome, "success", True)

    def source(self, d):
        return d.get("/v1/sources").json["items"][0]

    def rows(self, d):
        return {r["external_id"]: r for r in d.rows(where="source = mail")}

    def until(self, d, n):
        eventually(lambda: len(self.rows(d)) >= n, what=f"{n} records")
        self.assertEqual(len(self.rows(d)), n)
        self.assertEqual(d.count(), n)

    def polls(self, d, n=2):
        begin = self.source(d)["polls"]
        eventually(lambda: self.source(d)["polls"] > begin + n, what="some more polls")

    def error(self, d, code):
        return eventually(lambda: (self.source(d)["error"] or {}).get("code") == code and
                          self.source(d)["error"], what=f"the error {code}")

    def letters(self, d):
        return [d.get("/v1/dead-letters/" + x["id"]).json for x in d.get("/v1/dead-letters").json["items"]]

    def untouched(self):
        """Only what reads was said."""
        self.assertFalse([m for m in self.box.messages if m.flags])
        verbs = {c.split(" ")[0] if not c.startswith("UID ") else c[:10].strip()
                 for c in self.box.said()}
        self.assertLessEqual(verbs, {"CAPABILITY", "LOGIN", "EXAMINE", "UID SEARCH", "UID FETCH"})


class Good(MailTest):
    def test_every_mail_once(self):
        for n in range(120):
            self.box.add(mail(n, charset="cp949" if n % 3 == 0 else "utf-8").replace(
                b"charset=cp949", b"charset=ks_c_5601-1987"))
        d = self.daemon()
        self.until(d, 120)
        row = self.rows(d)["7@example.com"]
        self.assertEqual((row["text"], row["title"], row["kind"], row["channel"]),
                         ("배송이 너무 늦어요 7", "n7", "ticket", "email"))
        self.assertEqual(self.rows(d)["9@example.com"]["text"], "배송이 너무 늦어요 9")
        self.box.add(mail(500))
        self.until(d, 121)
        self.polls(d)
        seen = self.source(d)
        self.assertEqual((seen["records"], seen["error"]),
                         ({"accepted": 121, "updated": 0, "duplicates": 0, "rejected": 0}, None))
        self.assertEqual(len(self.box.said("UID FETCH")), 121)
        self.untouched()
        self.assertNotIn("p4ss", d.log_text())
        self.assertNotIn("배송이", d.log_text())
        self.assertEqual(d.metric('vocd_source_records_total{workspace="demo",source="mail",'
                                  'outcome="accepted"}'), 121)

    def test_over_tls(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vocd-ca-"))
        self.addCleanup(shutil.rmtree, folder)
        ca, context = authority.make(folder)
        self.box = Mailbox(tls=context)
        self.addCleanup(self.box.close)
        for n in range(30):  # also longer than what TLS hands over at once
            self.box.add(mail(n, "가나다라 " * 4000 + "끝"))
        d = self.daemon(start=False)
        d.sources = d.sources.replace("    scheme: imap\n", "")
        d.write_config()
        d.start()
        self.assertIn("certificate", self.error(d, "connect")["detail"])
        self.assertEqual(self.box.logins, 0)  # no password to whom one does not know
        d.extra = f"ca_file: {ca}\n"
        d.write_config()
        d.reload()
        d.request("POST", "/v1/sources/mail/poll")
        self.until(d, 30)
        self.assertTrue(all(r["text"].endswith("끝") for r in self.rows(d).values()))

    def test_a_thread_is_one_conversation(self):
        self.box.add(mail(1))
        self.box.add(mail(2, "네, 아직요", "In-Reply-To: <1@example.com>\r\n"))
        self.box.add(mail(3, "언제 오나요", "In-Reply-To: <2@example.com>\r\n"))
        self.box.add(mail(4, "왔어요", "References: <1@example.com> <x@desk> <3@example.com>\r\n"))
        self.box.add(mail(5, "다른 문의"))
        d = self.daemon()
        self.until(d, 5)
        self.box.add(mail(6, "하나 더요", "In-Reply-To: <3@example.com>\r\n"))  # of another batch
        self.until(d, 6)
        self.assertEqual({k: r["conversation"] for k, r in self.rows(d).items()},
                         {f"{n}@example.com": "5@example.com" if n == 5 else "1@example.com"
                          for n in range(1, 7)})

    def test_programs_are_left_out_or_kept(self):
        self.box.add(mail(1, headers="Auto-Submitted: auto-replied\r\n"))
        self.box.add(mail(2, headers="Precedence: bulk\r\n"))
        self.box.add(mail(3))
        d = self.daemon()
        self.until(d, 1)
        self.polls(d)
        self.assertEqual(self.letters(d), [])
        d.sources = d.sources.replace("    scheme: imap\n", "    scheme: imap\n    automatic: keep\n")
        d.write_config()
        d.reload()
        self.box.add(mail(4, headers="Auto-Submitted: auto-replied\r\n"))
        self.until(d, 2)
        self.assertEqual(self.rows(d)["4@example.com"]["tags"], ["automatic"])

    def test_new_numbers_deleted_and_late_mails(self):
        for n in range(1, 8):
            self.box.add(mail(n))
        d = self.daemon()
        self.until(d, 7)
        self.box.delete(3)
        late = self.box.add(mail(90), at=time.time() - 400 * 86400)  # moved here: new, though old
        self.until(d, 8)
        self.box.renumber(8, first=20)
        self.box.add(mail(91))
        self.until(d, 9)
        self.polls(d)
        seen = self.source(d)["records"]
        self.assertEqual((seen["accepted"], seen["updated"], seen["rejected"]), (9, 0, 0))
        self.assertEqual(late, 8)
        self.assertIn("numbers its mails anew", d.log_text())

    def test_history_begins_at_start(self):
        self.box.add(mail(1), at=time.time() - 40 * 86400)
        self.box.add(mail(2), at=time.time() - 20 * 86400)
        self.box.add(mail(3), uid=3_000_000_000)
        d = self.daemon()
        self.until(d, 2)
        self.assertEqual(sorted(self.rows(d)), ["2@example.com", "3@example.com"])
        searched = self.box.said("UID SEARCH")
        self.assertLess(len(searched), 60)  # over three thousand million numbers
        self.assertTrue(all(" SINCE " in c for c in searched))
        d.request("POST", "/v1/sources/mail/pause")
        eventually(lambda: self.source(d)["state"] == "paused", what="paused")
        answer = d.request("POST", "/v1/sources/mail/backfill?from=2020-01-01T00:00:00Z")
        self.assertEqual(answer.status, 200, answer)
        d.request("POST", "/v1/sources/mail/resume")
        self.until(d, 3)

    def test_preview_keeps_nothing(self):
        for n in range(14):
            self.box.add(mail(n))
        self.box.add(mail(14, headers="Precedence: junk\r\n"))
        self.box.add(b"no mail at all")
        d = self.daemon(every="1h")
        d.request("POST", "/v1/sources/mail/pause")
        before = self.rows(d)
        answer = d.request("POST", "/v1/sources/mail/preview")
        self.assertEqual(answer.status, 200, answer)
        shown = answer.json
        self.assertEqual([r["code"] for r in shown["records"]],
                         ["ok"] * 8 + ["automatic", "malformed_mail"])
        self.assertEqual(shown["records"][0]["record"]["text"], "배송이 너무 늦어요 6")
        self.assertEqual((shown["url"], shown["method"], shown["found"]),
                         (f"imap://127.0.0.1:{self.box.port}", "UID SEARCH UID 1:16", 16))
        self.assertNotIn("p4ss", answer.body.decode())
        self.assertEqual(self.rows(d), before)
        listed = d.ctl("source", "list", "-o", "csv")
        self.assertIn(b'"mail","imap","paused"', listed.stdout)
        self.assertEqual(d.ctl("source", "preview", "mail").returncode, 0)

    def test_a_korean_mailbox(self):
        self.box.name = "&rOCsHQ- A&-B"
        self.box.add(mail(1))
        d = self.daemon(cfg="mailbox: 고객 A&B")
        self.until(d, 1)

    def test_only_the_beginning_of_a_large_mail(self):
        attached = (b"--b\r\nContent-Type: application/zip; name=x.zip\r\n"
                    b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 18 + b"\r\n" +
                    (b"QUJD" * 18 + b"\r\n") * 60000 + b"--b--\r\n")
        head = mail(1).replace(b"Content-Type: text/plain; charset=utf-8\r\n",
                               b"Content-Type: multipart/mixed; boundary=b\r\n").partition(b"\r\n\r\n")
        text = "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n첨부 확인해 주세요\r\n".encode()
        self.box.add(head[0] + head[1] + text + attached)
        d = self.daemon()
        self.until(d, 1)
        self.assertEqual(self.rows(d)["1@example.com"]["text"], "첨부 확인해 주세요")
        self.assertGreater(len(self.box.messages[0].data), 4 << 20)


class Bad(MailTest):
    """What a server may do, then do right."""

    def recovers(self, act, code, where="UID FETCH", n=7, **kw):
        state = {"bad": True}
        for i in range(n):
            self.box.add(mail(i))
        self.box.twist = lambda c: act if state["bad"] and c.startswith(where) and "FETCH 1 " not in c else None
        d = self.daemon(**kw)
        error = self.error(d, code)
        if where == "UID FETCH":  # what came before is on disk
            eventually(lambda: list(self.rows(d)) == ["0@example.com"], what="the first mail")
        state["bad"] = False
        d.request("POST", "/v1/sources/mail/poll")
        self.until(d, n)
        eventually(lambda: self.source(d)["error"] is None, what="no error")
        self.assertEqual(self.source(d)["records"]["accepted"], n)
        self.assertEqual(self.letters(d), [])
        self.assertNotIn("p4ss", json.dumps(error) + d.log_text())
        self.untouched()
        return error

    def test_drop(self):
        self.recovers("drop", "connect")

    def test_drop_at_the_beginning(self):
        self.recovers("drop", "connect", "EXAMINE")

    def test_drop_at_login(self):
        self.recovers("drop", "connect", "LOGIN")

    def test_drop_at_search(self):
        self.recovers("drop", "connect", "UID SEARCH")

    def test_half_a_literal(self):
        self.recovers("half", "connect")

    def test_search_refused(self):
        error = self.recovers("NO [SERVERBUG] sorry", "status", "UID SEARCH")
        self.assertIn("answered NO [SERVERBUG] sorry", error["detail"])

    def test_examine_refused(self):
        self.recovers("BAD what", "status", "EXAMINE")

    def test_stall(self):
        d = self.own_file("timeout: 1s")
        self.box.add(mail(0))
        self.box.add(mail(1))
        state = {"bad": True}
        self.box.twist = lambda c: "stall" if state["bad"] and "FETCH 2 " in c else None
        d.start()
        self.error(d, "timeout")
        state["bad"] = False
        self.until(d, 2)

    def own_file(self, *lines):
        d = self.daemon(start=False)
        text = ("connector: own\ncfg: {host: null, user: null, scheme: imaps}\n"
                'base: "{{cfg.scheme}}://{{cfg.host}}"\n'
                'auth: {basic: {user: "{{cfg.user}}", pass: "{{secret.password}}"}}\n'
                "mailbox: INBOX\n" + "".join(line + "\n" for line in lines))
        (d.dir / "own.yaml").write_text(text)
        d.sources = d.sources.replace("connector: imap", "connector: own.yaml")
        d.write_config()
        return d

    def test_a_poll_may_take_longer_than_an_answer(self):
        for i in range(40):
            self.box.add(mail(i))
        self.box.twist = lambda c: time.sleep(0.05)  # two seconds in all
        d = self.own_file("timeout: 1s")
        d.sources = d.sources.replace("every: 300ms", "every: 1h")
        d.write_config()
        d.start()
        d.request("POST", "/v1/sources/mail/poll")
        self.until(d, 40)
        self.assertEqual((self.box.logins, self.source(d)["error"]), (1, None))

    def test_a_huge_literal(self):
        d = self.own_file("timeout: 1s")
        for i in range(3):
            self.box.add(mail(i))
        self.box.twist = lambda c: "huge" if "FETCH 2 " in c else None
        d.start()
        self.error(d, "timeout")
        self.box.twist = lambda c: None
        self.until(d, 3)

    def test_byte_by_byte(self):
        for i in range(3):
            self.box.add(mail(i))
        self.box.twist = lambda c: "drip" if c.startswith("UID") else None
        d = self.daemon()
        self.until(d, 3)

    def test_a_mail_that_is_not_given_is_a_dead_letter(self):
        for i in range(4):
            self.box.add(mail(i))
        self.box.twist = lambda c: "NO [SERVERBUG] lost" if "FETCH 2 " in c else None
        d = self.daemon()
        self.until(d, 3)
        letter = eventually(lambda: self.letters(d), what="the letter")[0]
        self.assertEqual((letter["code"], letter["payload"]), ("unreadable_mail", "UIDVALIDITY 7 UID 2"))
        self.assertIn("NO [SERVERBUG] lost", letter["detail"])
        self.assertEqual(len(self.box.said("UID FETCH 2 ")), 16)  # five in each of three polls, one more

    def test_a_server_in_trouble_makes_no_dead_letters(self):
        for i in range(9):
            self.box.add(mail(i))
        state = {"bad": True}
        self.box.twist = lambda c: "NO [UNAVAILABLE] later" if state["bad"] and "FETCH" in c else None
        d = self.daemon()
        self.error(d, "status")
        eventually(lambda: (self.source(d)["error"] or {}).get("failed_polls", 0) >= 2, what="two polls")
        state["bad"] = False
        d.request("POST", "/v1/sources/mail/poll")
        self.until(d, 9)
        self.assertEqual(self.letters(d), [])

    def test_a_mail_that_speaks_for_its_server(self):
        """Lines that look like the end of the answer, for whatever tag comes."""
        tags = "".join(f"{c}{n} OK done\r\n* {n} EXISTS\r\n)\r\n" for c in ("v", "A00") for n in range(50))
        self.box.add(mail(0))
        self.box.add(mail(1, tags + "그대로입니다 {5}"))
        self.box.add(mail(2))
        d = self.daemon()
        self.until(d, 3)
        self.assertEqual(self.rows(d)["1@example.com"]["text"],
                         tags.replace("\r", "") + "그대로입니다 {5}")

    def test_lines_without_end(self):
        self.box.add(mail(0, "가" * 50000))
        self.box.add(mail(1, "a" * 900000))
        self.box.add(mail(2))
        d = self.daemon()
        self.until(d, 3)
        rows = self.rows(d)
        self.assertEqual(len(rows["0@example.com"]["text"].encode()), 65535)
        self.assertEqual(len(rows["1@example.com"]["text"]), 65536)

    def test_a_server_that_does_not_tell_the_next_number(self):
        self.box.tells_next = False
        self.box.add(mail(0))
        self.box.add(mail(1), uid=70000)
        d = self.daemon(every="1h")
        self.until(d, 2)

    def test_wrong_password(self):
        self.box.password = "other"
        d = self.daemon(start=False)
        (d.dir / "password").write_text("s3cret\n")
        d.start()
        error = self.error(d, "auth")
        self.assertNotIn("s3cret", json.dumps(error) + d.log_text())
        eventually(lambda: self.box.logins > 0, what="a try")

    def test_no_such_mailbox(self):
        d = self.daemon(cfg="mailbox: Archive")
        self.assertIn("NONEXISTENT", self.error(d, "status")["detail"])

    def test_what_is_no_mail_is_a_dead_letter_once(self):
        self.box.add(b"\xff\xfe\x00 nothing")
        self.box.add(mail(1, "\r\n", "In-Reply-To: <0@x>\r\n"))
        self.box.add(mail(2))
        d = self.daemon()
        self.until(d, 1)
        self.box.renumber(9)
        self.polls(d, 3)
        self.assertEqual(sorted(x["code"] for x in self.letters(d)), ["malformed_mail", "nothing_to_read"])
        self.assertEqual({x["source"] for x in self.letters(d)}, {"mail"})
        done = d.request("POST", "/v1/dead-letters/replay", {"source": "mail"}).json
        self.assertEqual((done["tried"], done["kept"]), (2, 2))  # as mails, not as JSON
        self.assertEqual(sorted(x["code"] for x in self.letters(d)), ["malformed_mail", "nothing_to_read"])

    def test_a_mail_fits_after_all(self):
        self.box.add(mail(1))
        self.box.add(mail(2, "네, 아직요", "In-Reply-To: <1@example.com>\r\nX-Long: 1\r\n", ident="x" * 30 + "@x"))
        d = self.daemon(start=False)
        d.extra = "intake: {max_text: 1KiB, max_id: 16}\n"
        d.write_config()
        d.start()
        letters = eventually(lambda: self.letters(d), what="letters")
        self.assertEqual(letters[0]["stream"], "mailbox")
        d.request("POST", "/v1/sources/mail/pause")
        d.extra = ""
        d.write_config()
        d.reload()
        done = d.request("POST", "/v1/dead-letters/replay", {"source": "mail"}).json
        self.assertEqual((done["mapped"], done["kept"]), (len(letters), 0))
        self.assertEqual(sorted(r["text"] for r in self.rows(d).values()), ["네, 아직요", "배송이 너무 늦어요 1"])

    def test_without_tls_only_inside(self):
        d = self.daemon(start=False)
        d.sources = d.sources.replace(f"127.0.0.1:{self.box.port}", "mail.example.com")
        d.write_config()
        self.assertNotEqual(d.ends(), 0)
        self.assertIn("imap without TLS is for private addresses", d.log_text())


if __name__ == "__main__":
    unittest.main()
