"""Sources that are polled: every record once, whatever the upstream does."""
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import authority
from upstream import Reply, Upstream
from vocd import VOCD, Daemon, eventually, iso

TICKETS = """
connector: desk
cfg: {{base: null, size: 3}}
base: "{{{{cfg.base}}}}"
auth: {{bearer: "{{{{secret.key}}}}"}}
timeout: 2s
max_response: 64KiB
{top}
streams:
- name: tickets
  request:
    path: /tickets
    query: {{since: "{{{{cursor.time}}}}", offset: "{{{{page.offset}}}}", limit: "{{{{cfg.size}}}}"}}
  records: $.tickets[*]
  page: {{offset: 0, size: {size}}}
  cursor: {{time: $.updated_at, order: asc, lag: 1s}}
{stream}
  map: {{external_id: $.id, kind: =ticket, created_at: $.created_at, updated_at: $.updated_at, text: $.text}}
"""


def ticket(n, **more):
    return {"id": n, "created_at": iso(7200 - n), "updated_at": iso(3600 - n),
            "text": f"배송이 너무 늦어요 {n}", **more}


def sliced(tickets, ask):
    since = ask.query.get("since", "")
    chosen = sorted((t for t in tickets if t["updated_at"].replace("+00:00", "Z") >= since),
                    key=lambda t: t["updated_at"])
    at = int(ask.query.get("offset", 0))
    return {"tickets": chosen[at:at + int(ask.query["limit"])]}


class PollTest(unittest.TestCase):
    def serve(self, answer, tls=None):
        up = Upstream(answer, tls=tls)
        self.addCleanup(up.close)
        return up

    def daemon(self, up, connector=None, size=3, top="", stream="", cfg="", every="300ms",
               more="", start=True):
        d = Daemon(sources="#")
        self.addCleanup(lambda: d.__exit__(None if self.ok() else AssertionError, None, None))
        d.put_secret("key", "s3cret-of-the-desk\n")
        text = connector or TICKETS.format(size=size, top=top, stream=stream)
        (d.dir / "desk.yaml").write_text(text)
        secrets = "secrets: {key_file: key}\n  " if "secret" in text else ""
        d.sources = (f"- source: desk\n  connector: desk.yaml\n  every: {every}\n  retry: 20ms\n"
                     f"  {secrets}cfg:\n    base: {up.url}\n" +
                     "".join(f"    {line}\n" for line in cfg.splitlines()) + more)
        if "cfg.size" in text and "size" not in cfg:
            d.sources = d.sources.replace("  cfg:\n", f"  cfg:\n    size: {size}\n")
        d.write_config()
        return d.start() if start else d

    def ok(self):
        outcome = self._outcome
        return all(error is None for _, error in getattr(outcome, "errors", [])) and \
            getattr(outcome, "success", True)

    def source(self, d, name="desk"):
        return [s for s in d.get("/v1/sources").json["items"] if s["source"] == name][0]

    def ids(self, d, name="desk"):
        return sorted((r["external_id"] for r in d.rows(where=f"source = {name}")), key=str)

    def until(self, d, n, name="desk"):
        eventually(lambda: len(self.ids(d, name)) >= n, what=f"{n} records")
        self.assertEqual(len(self.ids(d, name)), n)

    def polls(self, d, n=2):
        """Waits for some more polls to end well."""
        begin = self.source(d)["last_success_at"]
        for _ in range(n):
            eventually(lambda: self.source(d)["last_success_at"] not in (None, begin),
                       what="another poll")
            begin = self.source(d)["last_success_at"]

    def error(self, d, code):
        found = eventually(lambda: (self.source(d)["error"] or {}).get("code") == code and
                           self.source(d), what=f"the error {code}")
        return found["error"]


class Good(PollTest):
    def test_pages_cursor_and_duplicates(self):
        tickets = [ticket(n) for n in range(10)]
        up = self.serve(lambda ask: sliced(tickets, ask))
        d = self.daemon(up)
        self.until(d, 10)
        row = [r for r in d.rows() if r["external_id"] == "7"][0]
        self.assertEqual((row["source"], row["text"]), ("desk", "배송이 너무 늦어요 7"))
        self.polls(d)
        seen = self.source(d)
        self.assertEqual((seen["records"]["accepted"], seen["records"]["updated"],
                          seen["records"]["rejected"], seen["error"]), (10, 0, 0, None))
        newest = tickets[-1]["updated_at"]
        last = up.asked()[-1]
        self.assertLess(last.query["since"], newest)  # an overlap
        self.assertGreater(last.query["since"], tickets[7]["updated_at"])
        self.assertEqual(last.headers["authorization"], "Bearer s3cret-of-the-desk")
        tickets.append(ticket(11))
        tickets[3] = ticket(3, text="환불해 주세요", updated_at=iso(60))
        self.until(d, 11)
        eventually(lambda: self.source(d)["records"]["updated"] == 1, what="the update")
        self.assertNotIn("s3cret-of-the-desk", d.log_text())
        self.assertNotIn("배송이", d.log_text())

    def test_goes_on_after_a_restart(self):
        tickets = [ticket(n) for n in range(8)]
        up = self.serve(lambda ask: sliced(tickets, ask))
        d = self.daemon(up)
        self.until(d, 8)
        self.polls(d, 1)
        d.stop()
        asked = len(up.asked())
        tickets.append(ticket(20))
        d.start()
        self.until(d, 9)
        self.assertGreater(up.asked()[asked].query["since"], tickets[5]["updated_at"])

    def test_records_without_a_home_are_dead_letters_once(self):
        tickets = [ticket(1), ticket(2, updated_at=iso(30), created_at="yesterday"),
                   ticket(3, updated_at=iso(30), text=7)]
        up = self.serve(lambda ask: sliced(tickets, ask))
        d = self.daemon(up)
        self.until(d, 1)
        self.polls(d, 3)
        letters = [d.get("/v1/dead-letters/" + x["id"]).json
                   for x in d.get("/v1/dead-letters").json["items"]]
        self.assertEqual(sorted(x["code"] for x in letters), ["bad_time", "bad_type"])
        self.assertEqual({x["source"] for x in letters}, {"desk"})
        self.assertEqual(json.loads([x for x in letters if x["code"] == "bad_time"][0]["payload"]),
                         tickets[1])
        self.assertGreater(self.source(d)["records"]["rejected"], 2)  # seen again, kept once

    def test_duplicates_and_disorder_within_pages(self):
        tickets = [ticket(n) for n in (5, 3, 5, 1, 4, 3, 2, 1, 5)]
        up = self.serve(lambda ask: {"tickets": tickets[int(ask.query["offset"]):][:3]})
        d = self.daemon(up)
        self.until(d, 5)
        self.assertEqual(self.ids(d), ["1", "2", "3", "4", "5"])

    def test_pause_resume_and_backfill(self):
        tickets = [ticket(n) for n in range(4)]
        up = self.serve(lambda ask: sliced(tickets, ask))
        d = self.daemon(up)
        self.until(d, 4)
        self.assertEqual(d.request("POST", "/v1/sources/desk/pause").status, 200)
        eventually(lambda: self.source(d)["state"] == "paused", what="paused")
        d.stop()
        d.start()
        self.assertEqual(self.source(d)["state"], "paused")
        asked = len(up.asked())
        tickets.append(ticket(9))
        self.assertEqual(d.request("POST", "/v1/sources/desk/backfill?from=2026-01-01T00:00:00Z").status,
                         200)
        self.assertEqual(len(up.asked()), asked)
        self.assertEqual(d.request("POST", "/v1/sources/desk/resume").status, 200)
        self.until(d, 5)
        self.assertEqual(up.asked()[asked].query["since"], "2026-01-01T00:00:00Z")
        self.assertEqual(d.request("POST", "/v1/sources/nobody/poll").status, 404)
        self.assertEqual(d.request("POST", "/v1/sources/desk/poll", token="agent").status, 403)

    def test_preview_keeps_nothing(self):
        tickets = [ticket(n) for n in range(5)]
        up = self.serve(lambda ask: sliced(tickets, ask))
        d = self.daemon(up, every="1h")
        d.request("POST", "/v1/sources/desk/pause")
        before = self.ids(d)
        answer = d.request("POST", "/v1/sources/desk/preview")
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.ids(d), before)
        shown = answer.json
        self.assertEqual([r["code"] for r in shown["records"]], ["ok"] * 3)
        self.assertEqual(shown["records"][0]["record"]["text"], "배송이 너무 늦어요 0")
        self.assertNotIn("s3cret", answer.body.decode())
        entry = d.get("/v1/access-log", limit=1).json["items"][0]
        self.assertEqual(entry["what"]["action"], "sources.preview")
        done = d.ctl("source", "list", "-o", "csv")
        self.assertIn(b"desk", done.stdout)

    def test_reload_takes_up_added_changed_and_removed(self):
        tickets = [ticket(n) for n in range(3)]
        up = self.serve(lambda ask: sliced(tickets, ask))
        other = self.serve(lambda ask: sliced([ticket(100)], ask))
        d = self.daemon(up)
        self.until(d, 3)
        first = d.sources
        d.sources = first + first.replace("source: desk", "source: second").replace(up.url, other.url)
        d.write_config()
        d.reload()
        self.until(d, 1, "second")
        d.sources = first.replace("every: 300ms", "every: 1h")
        d.write_config()
        d.reload()
        eventually(lambda: [s["every_seconds"] for s in d.get("/v1/sources").json["items"]] == [3600],
                   what="one source left, changed")
        d.sources = first.replace("base:", "bass:")
        d.write_config()
        d.reload(good=False)
        self.assertIn("the connector needs cfg base", d.log_text())
        self.assertEqual(self.source(d)["every_seconds"], 3600)

    def test_metrics(self):
        up = self.serve(lambda ask: sliced([ticket(1)], ask))
        d = self.daemon(up)
        self.until(d, 1)
        self.polls(d, 1)
        at = '{workspace="demo",source="desk"'
        self.assertEqual(d.metric(f"vocd_source_records_total{at},outcome=\"accepted\"}}"), 1)
        self.assertEqual(d.metric(f"vocd_source_errors_total{at},error=\"status\"}}"), 0)
        self.assertGreater(d.metric(f"vocd_source_last_success_timestamp_seconds{at}}}"), 1e9)
        self.assertIsNotNone(d.metric(f"vocd_source_lag_seconds{at}}}"))

    def test_an_authority_of_ones_own(self):
        """TLS that nobody else vouches for: refused until the configuration names who does."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vocd-ca-"))
        self.addCleanup(shutil.rmtree, folder)
        ca, context = authority.make(folder)
        up = self.serve(lambda ask: sliced([ticket(1), ticket(2)], ask), tls=context)
        d = self.daemon(up)
        eventually(lambda: self.source(d)["error"], what="a refusal")
        self.assertEqual(self.source(d)["error"]["code"], "connect")
        self.assertEqual((up.asked(), d.count()), ([], 0))
        d.extra = f"ca_file: {ca}\n"
        d.write_config()
        d.process.send_signal(signal.SIGHUP)
        eventually(lambda: d.count() == 2, what="two records")
        d.extra = "ca_file: none.pem\n"
        d.write_config()
        d.process.send_signal(signal.SIGHUP)
        eventually(lambda: self.source(d)["error"], what="a refusal")


class Bad(PollTest):
    """What an upstream may do, then do right."""

    def recovers(self, bad, code, n=7, **kw):
        """`bad` until told otherwise: no record is lost or doubled, and the error is named."""
        tickets, state = [ticket(i) for i in range(n)], {"good": False, "n": 0}

        def answer(ask):
            state["n"] += 1
            if state["good"] or int(ask.query["offset"]) < 3:
                return sliced(tickets, ask)
            return bad(ask, state["n"])

        up = self.serve(answer)
        d = self.daemon(up, **kw)
        error = self.error(d, code)
        self.assertEqual(self.ids(d), ["0", "1", "2"])  # the first page is on disk
        state["good"] = True
        d.request("POST", "/v1/sources/desk/poll")
        self.until(d, n)
        eventually(lambda: self.source(d)["error"] is None, what="no error")
        self.assertEqual(self.source(d)["records"]["accepted"], n)
        self.assertNotIn("s3cret", json.dumps(error))
        return error, up

    def test_500(self):
        error, up = self.recovers(lambda ask, n: Reply({"x": 1}, 500), "status")
        self.assertIn("500", error["detail"])

    def test_reset(self):
        self.recovers(lambda ask, n: Reply(act="reset"), "connect")

    def test_half_a_body(self):
        self.recovers(lambda ask, n: Reply(b'{"tickets": [' + b" " * 500 + b"]}", act="close"), "connect")

    def test_stall(self):
        self.recovers(lambda ask, n: Reply(act="stall"), "timeout")

    def test_slow_drip(self):
        self.recovers(lambda ask, n: Reply(b'{"tickets": [' + b" " * 500 + b"]}", act="drip"), "timeout")

    def test_invalid_json(self):
        error, _ = self.recovers(lambda ask, n: Reply(b'{"tickets": [{"id": }]}'), "body")
        self.assertIn("line 1, column", error["detail"])

    def test_not_utf8(self):
        self.recovers(lambda ask, n: Reply(b'{"tickets": [{"id": "\xb9\xe8\xbc\xdb"}]}'), "body")

    def test_not_what_was_expected(self):
        self.recovers(lambda ask, n: Reply({"message": "welcome"}), "body")

    def test_an_html_page_as_success(self):
        self.recovers(lambda ask, n: Reply(b"<html>maintenance</html>"), "body")

    def test_huge_body(self):
        self.recovers(lambda ask, n: Reply(b'{"tickets": [' + b" " * 70000 + b"]}"), "too_large")

    def test_redirect_is_not_followed(self):
        other = self.serve(lambda ask: {"tickets": []})
        error, _ = self.recovers(lambda ask, n: Reply({}, 302, {"Location": other.url + "/x"}), "status")
        self.assertEqual(other.asked(), [])
        self.assertIn("not followed", error["detail"])

    def test_401(self):
        error, up = self.recovers(lambda ask, n: Reply({}, 401), "auth")

    def waits(self, header, value):
        """429 once: not asked again before the time it says."""
        tickets, state = [ticket(i) for i in range(4)], {"limited": 0}

        def answer(ask):
            if int(ask.query["offset"]) == 3 and not state["limited"]:
                state["limited"] = ask.at
                return Reply({}, 429, {header: value() if callable(value) else value})
            return sliced(tickets, ask)

        top = "errors: [{status: 429, do: retry, wait: {header: X-Wait, unit: ms}}]" \
            if header == "X-Wait" else ""
        up = self.serve(answer)
        d = self.daemon(up, every="5s", top=top)
        d.request("POST", "/v1/sources/desk/poll")
        self.until(d, 4)
        after = [a.at for a in up.asked() if a.at > state["limited"]]
        self.assertGreater(after[0] - state["limited"], 0.9)

    def test_429_with_seconds(self):
        self.waits("Retry-After", "1")

    def test_429_with_a_date(self):
        import email.utils
        import time
        self.waits("Retry-After", lambda: email.utils.formatdate(time.time() + 2, usegmt=True))

    def test_429_with_its_own_header(self):
        self.waits("X-Wait", "1000")

    def test_an_error_dressed_as_success(self):
        error, _ = self.recovers(
            lambda ask, n: Reply({"error": {"message": "quota"}}), "body",
            top="errors: [{when: $.error, do: retry, message: $.error.message}]")
        self.assertIn("quota", error["detail"])

    def test_one_answer_in_three_fails(self):
        tickets = [ticket(i) for i in range(60)]
        acts = [lambda: Reply(act="reset"), lambda: Reply({}, 500), lambda: Reply({}, 429),
                lambda: Reply(b'{"tickets": [', act="close"), lambda: Reply(b"{")]
        state = {"n": 0}

        def answer(ask):
            state["n"] += 1
            if state["n"] % 3 == 0:
                return acts[state["n"] // 3 % len(acts)]()
            return sliced(tickets, ask)

        d = self.daemon(self.serve(answer))
        self.until(d, 60)


URLS = """
connector: desk
cfg: {base: null}
base: "{{cfg.base}}"
auth: {basic: {user: kim, pass: "{{secret.key}}"}}
streams:
- name: tickets
  request: {path: /tickets, first: {start: "{{cursor.start|unix}}"}, resume: {cursor: "{{cursor.value}}"}}
  records: $.tickets[*]
  page: {next_url: $.next}
  stop: $.end
  cursor: {opaque: $.after}
  map: {external_id: $.id, text: $.text, tags: $.tags}
"""


class Paging(PollTest):
    def chain(self, pages, origin=None):
        """Pages that lead on by URL; `next` of the last leads nowhere."""
        def answer(ask):
            n = int(ask.query.get("page", ask.query.get("cursor", "c0")[1:] or 0))
            page = pages[n] if n < len(pages) else {"tickets": [], "end": True}
            return {**page, "after": f"c{min(n + 1, len(pages))}",
                    "next": f"{(origin or '')}/tickets?page={n + 1}"}
        return answer

    def test_next_url_to_the_end(self):
        pages = [{"tickets": [ticket(1), ticket(2)]}, {"tickets": []}, {"tickets": []},
                 {"tickets": [ticket(3)]}, {"tickets": [], "end": True}]
        up = self.serve(self.chain(pages))
        d = self.daemon(up, connector=URLS)
        self.until(d, 3)  # empty pages before the end
        self.polls(d, 2)
        self.assertIn("start", up.asked()[0].query)
        self.assertEqual(up.asked()[-1].query, {"cursor": "c5"})

    def test_next_url_to_another_origin(self):
        other = self.serve(lambda ask: {"tickets": []})
        up = self.serve(self.chain([{"tickets": [ticket(1)]}], origin=other.url))
        d = self.daemon(up, connector=URLS)
        error = self.error(d, "paging")
        self.assertIn("another origin", error["detail"])
        self.assertEqual(other.asked(), [])
        self.assertEqual(self.ids(d), ["1"])  # what the page held is kept

    def test_next_url_rebased(self):
        up = self.serve(self.chain([{"tickets": [ticket(1)]}, {"tickets": [ticket(2)], "end": True}],
                                   origin="http://desk.internal:8080"))
        d = self.daemon(up, connector=URLS.replace("next_url: $.next", "next_url: $.next, rebase: true"))
        self.until(d, 2)

    def test_the_same_page_again_and_again(self):
        fixed = [ticket(0), ticket(1)]
        up = self.serve(lambda ask: {"tickets": [fixed[int(ask.query.get("page", 0)) % 2]], "after": "c",
                                     "next": f"/tickets?page={int(ask.query.get('page', 0)) + 1}"})
        d = self.daemon(up, connector=URLS, every="1h")
        d.request("POST", "/v1/sources/desk/poll")
        error = self.error(d, "paging")
        self.assertIn("the same page came again", error["detail"])
        self.assertLess(len(up.asked()), 5)

    def test_the_same_next_url(self):
        up = self.serve(lambda ask: {"tickets": [ticket(1)], "after": "c", "next": "/tickets?page=1"})
        d = self.daemon(up, connector=URLS, every="1h")
        d.request("POST", "/v1/sources/desk/poll")
        self.assertIn("same page", self.error(d, "paging")["detail"])

    def test_empty_pages_without_end(self):
        up = self.serve(lambda ask: {"tickets": [], "after": "c", "next":
                                     f"/tickets?page={int(ask.query.get('page', 0)) + 1}"})
        d = self.daemon(up, connector=URLS, every="1h")
        d.request("POST", "/v1/sources/desk/poll")
        self.assertIn("empty pages", self.error(d, "paging")["detail"])
        self.assertLess(len(up.asked()), 110)

    def test_link_header(self):
        def answer(ask):
            n = int(ask.query.get("page", 0))
            link = {"Link": f'</tickets?page={n + 1}>; rel="next", </x>; rel="last"'} if n < 2 else {}
            return Reply({"tickets": [ticket(n)]}, headers=link)
        text = URLS.replace("{next_url: $.next}", "{link_header: next}").replace(
            "  stop: $.end\n  cursor: {opaque: $.after}\n", "")
        d = self.daemon(self.serve(answer), connector=text)
        self.until(d, 3)

    def test_token(self):
        def answer(ask):
            n = int(ask.query.get("token", 0))
            return {"tickets": [ticket(n)], **({"next_token": str(n + 1)} if n < 3 else {})}
        text = URLS.replace("page: {next_url: $.next}", "page: {token: $.next_token}").replace(
            "  stop: $.end\n  cursor: {opaque: $.after}\n", "").replace(
            'first: {start: "{{cursor.start|unix}}"}, resume: {cursor: "{{cursor.value}}"}',
            'query: {token: "{{page.token}}"}')
        up = self.serve(answer)
        d = self.daemon(up, connector=text)
        self.until(d, 4)
        self.assertNotIn("token", up.asked()[0].query)

    def test_a_page_pointer_that_is_gone(self):
        """410 in the middle: begins again at the cursor, once."""
        state = {"gone": 0}

        def answer(ask):
            if ask.query.get("page") == "1" and state["gone"] < 1:
                state["gone"] += 1
                return Reply({}, 410)
            return self.chain([{"tickets": [ticket(1)]}, {"tickets": [ticket(2)], "end": True}])(ask)
        text = URLS + "errors: [{status: 410, do: restart}]\n"
        d = self.daemon(self.serve(answer), connector=text)
        self.until(d, 2)
        self.assertEqual(state["gone"], 1)


class Files(PollTest):
    def check(self, text, *expected):
        up = self.serve(lambda ask: {})
        d = self.daemon(up, connector=text, start=False)
        done = subprocess.run([VOCD, "--config", d.config, "--check-config"], text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2, done)
        for piece in expected:
            self.assertIn(piece, done.stderr)

    def test_mistakes_are_told_by_place(self):
        good = URLS
        line = good.splitlines().index("  stop: $.end") + 1
        self.check(good.replace("stop: $.end", "stop: $.end ="), f"desk.yaml:{line}:9: stop: ",
                   "    stop: $.end =", "^")
        self.check(good.replace("next_url: $.next", "next_uri: $.next"), 'unknown key "next_uri"',
                   "next_url")
        self.check(good.replace("{{cursor.value}}", "{{cursor.valu}}"), 'cursor has no value "valu"')
        self.check(good.replace("|unix}}", "|unics}}"), 'no form "unics"')
        self.check(good.replace("external_id: $.id", 'external_id: "$.id["'), "goes wrong at column")
        self.check(good.replace("external_id: $.id, ", ""), "external_id is missing")
        self.check(good.replace("path: /tickets", "path: tickets"), "must begin with /")
        self.check(good.replace("{{cfg.base}}", "ftp://x"), "neither http nor https")
        self.check(good.replace("{{secret.key}}", "{{secret.other}}"), "needs secret other",
                   "does not use secret key", "vocd.yaml:")
        self.check("[", "desk.yaml:2:1: not YAML")
        self.check("connector: x\n", "base is missing", "streams is missing")


if __name__ == "__main__":
    unittest.main()
