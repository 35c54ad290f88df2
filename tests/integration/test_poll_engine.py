"""What connector files can say beyond pages and cursors: tokens that rotate, children, partitions,
windows, other formats."""
import base64
import json
import subprocess
import unittest
import urllib.parse

from test_poll import PollTest, ticket
from upstream import Reply
from vocd import ROOT, VOCCTL, eventually, iso

HEAD = """
connector: desk
base: "{{cfg.base}}"
"""

OAUTH = HEAD + """
auth:
  oauth2: {token_url: "{{cfg.base}}/token", client_id: "{{cfg.client}}", client_secret: "{{secret.key}}"MORE}
streams:
- name: tickets
  request: {path: /tickets}
  records: $[*]
  map: {external_id: $.id, text: $.text}
"""


class OAuth(PollTest):
    """A token server whose refresh tokens are good for one use."""

    def setUp(self):
        self.refresh, self.access, self.n, self.forms = "seed", None, 0, []
        self.grant = "refresh_token"

    def answer(self, ask):
        if ask.path == "/token":
            form = dict(urllib.parse.parse_qsl(ask.body.decode()))
            self.forms.append((form, ask.headers.get("authorization")))
            wrong = form["grant_type"] != self.grant or \
                (self.grant == "refresh_token" and form.get("refresh_token") != self.refresh)
            if wrong:
                return Reply({"error": "invalid_grant"}, 400)
            self.n += 1
            self.access, self.refresh = f"access-{self.n}", f"refresh-{self.n}"
            return {"access_token": self.access, "expires_in": 3600, "token_type": "Bearer",
                    **({"refresh_token": self.refresh} if self.grant == "refresh_token" else {})}
        if ask.headers.get("authorization") != f"Bearer {self.access}":
            return Reply({}, 401)
        return [ticket(1)]

    def test_rotated_refresh_tokens_outlive_restarts(self):
        up = self.serve(self.answer)
        text = OAUTH.replace("MORE", ', refresh_token: "{{secret.refresh}}"')
        d = self.daemon(up, connector=text, cfg="client: me", start=False)
        (d.dir / "refresh").write_text("seed\n")
        d.sources = d.sources.replace("{key_file: key}", "{key_file: key, refresh_file: refresh}")
        d.write_config()
        d.start()
        self.until(d, 1)
        self.assertEqual(self.forms[0][0]["client_secret"], "s3cret-of-the-desk")
        for _ in range(3):
            d.kill()  # nothing of the token is in memory any more
            n = self.n
            d.start()
            eventually(lambda: self.n > n, what="a new token")
            self.polls(d, 1)
            self.assertIsNone(self.source(d)["error"])
        self.access = "revoked"  # a 401 in the middle: once more with a new token
        n = self.n
        eventually(lambda: self.n > n, what="a new token")
        self.polls(d, 1)
        self.assertIsNone(self.source(d)["error"])
        for word in ("s3cret", "refresh-", "access-"):
            self.assertNotIn(word, d.log_text())
        self.refresh = "lost"  # the chain is broken: said, until a new one is configured
        self.access = "revoked"
        self.error(d, "auth")
        (d.dir / "refresh").write_text("lost\n")
        d.reload()
        d.request("POST", "/v1/sources/desk/poll")
        eventually(lambda: self.source(d)["error"] is None, what="no error")

    def test_client_credentials_by_basic(self):
        self.grant = "client_credentials"
        up = self.serve(self.answer)
        d = self.daemon(up, connector=OAUTH.replace("MORE", ", client_in: basic, scope: read"),
                        cfg="client: me")
        self.until(d, 1)
        self.polls(d, 2)
        self.assertEqual(len(self.forms), 1)  # one token serves many polls
        form, header = self.forms[0]
        self.assertEqual(form, {"grant_type": "client_credentials", "scope": "read"})
        self.assertEqual(base64.b64decode(header.split()[1]).decode(), "me:s3cret-of-the-desk")


class Children(PollTest):
    TEXT = HEAD + """
streams:
- name: notes
  request: {path: /notes}
  records: $.notes[*]
  hydrate:
  - {into: body, path: "/notes/{{record.id}}/body", take: "$.parts[*].text"}
  - {into: ticket, path: "/tickets/{{record.ticket}}", when: "$.ticket", optional: true}
  map:
    external_id: $.id
    conversation: $.ticket.id
    title: $.ticket.subject
    text: $.body[0]
    tags: $.body[*]
"""

    def test_children_are_grafted_and_asked_once(self):
        notes = [{"id": n, "ticket": n % 2 or None} for n in range(1, 7)]

        def answer(ask):
            if ask.path == "/notes":
                return {"notes": notes}
            if ask.path.startswith("/tickets/"):
                return {"id": 1, "subject": "환불"}
            return {"parts": [{"text": f"본문 {ask.path.split('/')[2]}"}, {"text": "x"}]}
        up = self.serve(answer)
        d = self.daemon(up, connector=self.TEXT)
        self.until(d, 6)
        rows = {r["external_id"]: r for r in d.rows()}
        self.assertEqual((rows["3"]["title"], rows["3"]["text"], rows["3"]["conversation"]),
                         ("환불", "본문 3", "1"))
        self.assertNotIn("title", {k: v for k, v in rows["2"].items() if v})
        first = [a.path for a in up.asked()][:8]
        self.assertEqual(first.count("/tickets/1"), 1)

    def test_a_child_that_fails_holds_the_page(self):
        state = {"bad": True}

        def answer(ask):
            if ask.path == "/notes":
                return {"notes": [{"id": 1}, {"id": "a/../../secret?x"}]}
            if state["bad"]:
                return Reply({}, 500)
            return {"parts": [{"text": "본문"}]}
        up = self.serve(answer)
        d = self.daemon(up, connector=self.TEXT)
        self.error(d, "status")
        self.assertEqual(self.ids(d), [])
        state["bad"] = False
        d.request("POST", "/v1/sources/desk/poll")
        self.until(d, 2)
        self.assertIn("/notes/a%2F..%2F..%2Fsecret%3Fx/body", [a.target for a in up.asked()])

    def test_a_child_that_is_gone(self):
        def answer(ask):
            if ask.path == "/notes":
                return {"notes": [{"id": 1, "ticket": 5}]}
            return Reply({}, 404) if ask.path.startswith("/tickets/") else {"parts": [{"text": "본문"}]}
        d = self.daemon(self.serve(answer), connector=self.TEXT)
        self.until(d, 1)


class Shapes(PollTest):
    def run_one(self, stream, answer, n, top="", cfg=""):
        up = self.serve(answer)
        d = self.daemon(up, connector=HEAD + top + "streams:\n- name: s\n" + stream, cfg=cfg)
        self.until(d, n)
        self.polls(d, 1)
        self.assertEqual(self.ids(d), sorted(self.ids(d)))
        return d, up

    def test_xml(self):
        body = ('<?xml version="1.0" encoding="UTF-8"?><feed><entry id="1"><t>배송 &lt;늦음&gt;</t>'
                '<when>1795305600</when></entry><entry id="2"><t>좋아요</t><when>1795305601</when></entry>'
                '</feed>').encode()
        d, _ = self.run_one("""
  request: {path: /x}
  decode: xml
  records: $.feed.entry[*]
  map: {external_id: "$['@id']", text: $.t, created_at: {path: $.when, time: unix}}
""", lambda ask: Reply(body), 2)
        self.assertEqual({r["text"] for r in d.rows()}, {"배송 <늦음>", "좋아요"})
        self.assertEqual(min(r["created_at"] for r in d.rows())[:10], "2026-11-22")

    def test_one_xml_element_is_a_list_of_one(self):
        self.run_one("""
  request: {path: /x}
  decode: xml
  records: {path: "$.feed.entry[*]", as_list: true}
  map: {external_id: "$['@id']", text: $.t}
""", lambda ask: Reply(b'<feed><entry id="1"><t>x</t></entry></feed>'), 1)

    def test_csv(self):
        body = "번호,내용,작성일\n1,\"배송, 늦음\",2026.11.22 오후 3:05\n2,좋아요,2026.11.22 오후 4:00\n".encode("cp949")
        d, _ = self.run_one("""
  request: {path: /x}
  decode: csv
  records: $[*]
  map: {external_id: $.번호, text: $.내용, created_at: {path: $.작성일, time: Asia/Seoul}}
""", lambda ask: Reply(body), 2)
        self.assertEqual(min(r["created_at"] for r in d.rows())[:16], "2026-11-22T15:05")

    def test_map_of_values_object_or_list_and_missing(self):
        state = {"n": 0}

        def answer(ask):
            state["n"] += 1
            return [{"tickets": {"8": {"id": 8, "text": "a"}, "9": {"id": 9, "text": "b"}}},
                    {"tickets": [{"id": 8, "text": "a"}]}, {}][state["n"] % 3]
        self.run_one("""
  request: {path: /x}
  records: {path: "$.tickets[*]", optional: true}
  map: {external_id: $.id, text: $.text}
""", answer, 2)

    def test_partitions_have_their_own_cursors(self):
        boards = {"4": [ticket(1), ticket(2)], "6": [ticket(3)]}

        def answer(ask):
            board = ask.path.split("/")[2]
            return {"r": [t for t in boards[board] if t["id"] > int(ask.query["after"])]}
        d, up = self.run_one("""
  request: {path: "/boards/{{partition.value}}", query: {after: "{{cursor.int}}"}}
  records: $.r[*]
  partition: ["{{cfg.boards}}"]
  cursor: {int: $.id}
  map: {external_id: $.id, text: $.text}
""", answer, 3, cfg='boards: "4, 6"')
        last = {a.path: a.query["after"] for a in up.asked()}
        self.assertEqual(last, {"/boards/4": "2", "/boards/6": "3"})

    def test_windows(self):
        tickets = [ticket(n, day=iso(86400 * n)[:10]) for n in range(1, 20)]

        def answer(ask):
            return {"r": [t for t in tickets if ask.query["from"] <= t["day"] < ask.query["to"]]}
        d, up = self.run_one("""
  request: {path: /x, query: {from: "{{window.from|date}}", to: "{{window.to|date}}"}}
  records: $.r[*]
  window: {step: 5d, look_back: 1d}
  map: {external_id: $.id, text: $.text}
""", answer, 19)
        self.assertGreater(len(up.asked()), 6)

    def test_newest_first_until_the_cursor(self):
        tickets = [ticket(n) for n in range(30)]

        def answer(ask):
            at = (int(ask.query["page"]) - 1) * 4
            return {"r": sorted(tickets, key=lambda t: t["updated_at"], reverse=True)[at:at + 4]}
        d, up = self.run_one("""
  request: {path: /x, query: {page: "{{page.number}}"}}
  records: $.r[*]
  page: {number: 1, size: 4}
  stop: [empty, older_than_cursor]
  cursor: {time: $.updated_at, order: desc}
  map: {external_id: $.id, text: $.text, updated_at: $.updated_at}
""", answer, 30)
        asked = len(up.asked())
        tickets.append(ticket(31))
        self.until(d, 31)
        self.assertLess(len(up.asked()) - asked, 12)

    def test_post_filter_html_and_constants(self):
        def answer(ask):
            body = json.loads(ask.body)
            self.assertEqual((ask.method, body["query"]["op"], body["limit"], body["deep"]),
                             ("POST", ">", 2, [True, None, "x"]))
            after = body.get("after", 0)
            self.assertIsInstance(body["since"], int)
            items = [{"id": 1, "html": "<p>배송이<br>늦어요</p>", "score": "bad", "bot": False},
                     {"id": 2, "html": "hi", "score": "?", "bot": True},
                     {"id": 3, "html": "좋아요", "score": "good", "bot": False}]
            return {"r": items[after:after + 2], "next": after + 2 if after < 2 else None}
        d, up = self.run_one("""
  request:
    path: /x
    body: {query: {op: ">"}, limit: 2, since: "{{cursor.start|number}}", after: "{{page.token|number}}",
           deep: [true, null, x]}
  records: $.r[*]
  filter: not $.bot
  page: {token: $.next}
  map:
    external_id: {path: $.id, prefix: csat-}
    kind: =survey
    text: {path: $.html, text: html}
    answers.csat: {path: $.score, enum: {good: 5, bad: 1}, scale: 5}
""", answer, 2)
        rows = {r["external_id"]: r for r in d.rows()}
        self.assertEqual(rows["csat-1"]["text"], "배송이\n늦어요")
        self.assertEqual(rows["csat-3"]["answers"]["csat"]["value"], 5)

    def test_texts_of_several_answers_are_one(self):
        d, _ = self.run_one("""
  request: {path: /x}
  records: $.r[*]
  map: {external_id: $.id, surveyed: =true, text: {path: "$.a[*].v", join: " / "}}
""", lambda ask: {"r": [{"id": 1, "a": [{"v": "배송"}, {"v": None}, {"v": 7}, {"v": " "}, {"x": 1}]},
                        {"id": 2, "a": []}]}, 2)
        self.assertEqual([r.get("text") for r in sorted(d.rows(), key=lambda r: r["external_id"])],
                         ["배송 / 7", None])

    def test_a_budget_is_kept(self):
        up = self.serve(lambda ask: {"r": [ticket(int(ask.query["page"]))],
                                     "more": int(ask.query["page"]) < 12})
        d = self.daemon(up, connector=HEAD + "rate: {budget: 5/1s}\n" + """
streams:
- name: s
  request: {path: /x, query: {page: "{{page.number}}"}}
  records: $.r[*]
  page: {number: 1}
  stop: not $.more
  map: {external_id: $.id, text: $.text}
""", every="1h")
        d.request("POST", "/v1/sources/desk/poll")
        self.until(d, 12)
        first = up.asked()[0].at
        # five at once, then five a second: the twelfth can not come before 1.4 s
        self.assertGreater(up.asked()[11].at - first, 1.3)


class Presets(unittest.TestCase):
    def test_every_preset_is_sound(self):
        presets = sorted((ROOT / "daemon/connectors").rglob("*.yaml"))
        self.assertGreater(len(presets), 15)
        for path in presets:
            with self.subTest(preset=path.name):
                done = subprocess.run([VOCCTL, "source", "check", path], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                text = path.read_text()
                self.assertIn(f"connector: {path.stem}\n", text)
                unverified = path.parent.name == "unverified"
                self.assertEqual("status: unverified" in text, unverified)
                if not unverified:
                    self.assertIn("# Evidence: ", text)


if __name__ == "__main__":
    unittest.main()
