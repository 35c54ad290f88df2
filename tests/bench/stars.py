#!/usr/bin/env python3
"""Half a million real reviews through the whole of vocd, against counts made by other means.

    make tests && python3 tests/bench/stars.py ../shared/data/ko/naver_movie_stars_train.tsv.xz

The reviews go in over HTTP as NDJSON, spread over two years and 20,000 customers in four segments.
/v1/trends by month, rating, segment and sentiment must agree exactly with counts made here from the
file (sentiment from `vocctl analyze`), then again after a restart, after 10,000 sent again unchanged,
1,000 changed, 500 with an older updated_at, and a retroactive change of 200 customers. No alert may
fire. Needs the data, so it is no part of `make test`.
"""
import collections
import datetime
import json
import lzma
import subprocess
import sys
import time

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/lib")
from vocd import VOCCTL, Daemon  # noqa: E402

SEOUL = datetime.timezone(datetime.timedelta(hours=9))
CUSTOMERS, GRADES = 20000, "ABCD"
END = datetime.datetime.now(SEOUL).replace(microsecond=0) - datetime.timedelta(hours=3)
START = END - datetime.timedelta(days=730)


def grade(customer):
    return GRADES[customer % 4]


def read(path, limit):
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as f:
        next(f)
        for i, line in enumerate(f):
            if limit and i >= limit:
                return
            key, stars, text = line.rstrip("\n").split("\t", 2)
            yield key, int(stars), text


class Model:
    """What the answers must be, kept beside the daemon."""

    def __init__(self, rows):
        step = (END - START) / max(1, len(rows))
        self.rows = {}
        for i, (key, stars, text) in enumerate(rows):
            self.rows[key] = {"stars": stars, "text": text, "at": START + i * step,
                              "customer": i * 7919 % CUSTOMERS}
        self.moved = {}  # customer -> (from, grade)

    def record(self, key, updated_at=None):
        r = self.rows[key]
        out = {"source": "stars", "external_id": key, "kind": "review", "text": r["text"],
               "rating": {"value": r["stars"], "scale": 10}, "created_at": r["at"].isoformat(),
               "customer": {"id": f"c-{r['customer']}"}}
        if updated_at:
            out["updated_at"] = updated_at.isoformat()
        return out

    def segment(self, r):
        moved = self.moved.get(r["customer"])
        return moved[1] if moved and r["at"] >= moved[0] else grade(r["customer"])

    def analyze(self, keys):
        lines = "".join(json.dumps({"id": k, "text": self.rows[k]["text"], "kind": "review"},
                                   ensure_ascii=False) + "\n" for k in keys)
        out = subprocess.run([VOCCTL, "analyze"], input=lines.encode(), stdout=subprocess.PIPE,
                             check=True).stdout
        for line in out.splitlines():
            a = json.loads(line)
            self.rows[a["id"]]["sentiment"] = a["sentiment"]["label"] if a["sentiment"] else None

    def counts(self, key_of):
        return dict(collections.Counter(k for k in map(key_of, self.rows.values()) if k is not None))

    def months(self):
        return self.counts(lambda r: r["at"].astimezone(SEOUL).strftime("%Y-%m"))


def trend(d, **params):
    a = d.get("/v1/trends", token="quality", measure="count",
              **{"from": (START - datetime.timedelta(days=1)).isoformat(),
                 "to": (END + datetime.timedelta(days=1)).isoformat(), "limit": 1000, **params})
    assert a.status == 200, a
    return a.json


def check(d, m, what):
    t = trend(d, bucket="month")
    got = {p["t"][:7]: p["value"] for p in t["series"][0]["points"] if p["value"]}
    assert got == m.months(), (what, "month", got, m.months())
    fields = {
        "rating": lambda r: f"{r['stars'] / 10:.15g}",
        "segment": lambda r: "seg-" + m.segment(r).lower(),
        "sentiment": lambda r: r["sentiment"],
    }
    for field, key_of in fields.items():
        got = {s["key"]: s["total"]["value"] for s in trend(d, by=field)["series"]}
        want = m.counts(key_of)
        assert got == want, (what, field, got, want)
    total = trend(d)["series"][0]["total"]["value"]
    assert total == len(m.rows), (what, total)
    assert d.get("/v1/alerts").json["items"] == [], "an alert fired"
    print(f"ok   {what}: {len(m.rows)} rows by month, rating, segment, sentiment", flush=True)


def send(d, records, path="/v1/feedback"):
    a = d.send_lines(path, records)
    assert a.status == 200, a
    j = a.json
    return j["accepted"], j["updated"], j["duplicates"], j["rejected_count"]


def expect(got, want):
    assert got == want, (got, want)


def main(path, limit=0):
    m = Model(list(read(path, limit)))
    keys = list(m.rows)
    m.analyze(keys)
    with Daemon() as d:
        for g in GRADES:
            d.request("PUT", f"/v1/segments/seg-{g.lower()}", {"where": f"grade = {g}"})
        d.request("PUT", "/v1/alert-rules/any", {"where": "kind = review", "measure": "count",
                                                 "threshold": 1, "min_samples": 1, "window": "1h"})
        expect(send(d, ({"id": f"c-{c}", "effective_at": START.isoformat(),
                         "attributes": {"grade": grade(c)}}
                        for c in range(CUSTOMERS)), "/v1/customers")[0], CUSTOMERS)
        started = time.monotonic()
        for at in range(0, len(keys), 50000):
            part = keys[at:at + 50000]
            expect(send(d, map(m.record, part)), (len(part), 0, 0, 0))
        seconds = time.monotonic() - started
        print(f"     {len(keys)} reviews in {seconds:.1f} s, {len(keys) / seconds:.0f} a second")
        check(d, m, "after loading")
        d.stop()
        started = time.monotonic()
        d.start()
        print(f"     restart to ready in {(time.monotonic() - started) * 1000:.0f} ms, "
              f"RssAnon {d.rss_anon() / 1e6:.1f} MB")
        check(d, m, "after a restart")
        n = min(10000, len(keys) // 4)
        expect(send(d, map(m.record, keys[:n])), (0, 0, n, 0))
        check(d, m, "10,000 again")
        changed = keys[n:n + n // 10]
        for key in changed:
            r = m.rows[key]
            r["stars"] = 11 - r["stars"]
            r["text"] += " 다시 보니 최악이네요"
        m.analyze(changed)
        now = datetime.datetime.now(SEOUL)
        expect(send(d, (m.record(k, now) for k in changed)), (0, len(changed), 0, 0))
        check(d, m, "1,000 changed")
        old = changed[:n // 20]
        expect(send(d, (dict(m.record(k, now - datetime.timedelta(hours=1)), text="예전 글")
                        for k in old)), (0, 0, len(old), 0))
        check(d, m, "500 older")
        moved_at = START + (END - START) / 2
        customers = list(range(5, 5 + 200 * 13, 13))
        for c in customers:
            m.moved[c] = (moved_at, "A" if c % 4 else "D")
        expect(send(d, ({"id": f"c-{c}", "effective_at": moved_at.isoformat(),
                         "attributes": {"grade": m.moved[c][1]}} for c in customers),
                    "/v1/customers"), (0, len(customers), 0, 0))
        check(d, m, "200 customers changed retroactively")
        d.stop()
        d.start()
        check(d, m, "and after a restart")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
