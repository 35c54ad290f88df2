#!/usr/bin/env python3
"""How long an experiment's summary takes over many records: prints milliseconds, warm, by unit.

    python3 tests/bench/experiment.py [RECORDS]      (1,000,000 unless told)
"""
import json
import pathlib
import random
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from vocd import Daemon  # noqa: E402

BATCH, ROUNDS = 50000, 7


def lines(start, n):
    rng = random.Random(start)
    for i in range(start, start + n):
        conversation = rng.randrange(start + n)
        arm = "AB"[conversation % 2]
        yield json.dumps({
            "source": "bench", "external_id": str(i), "kind": "survey", "conversation": f"cv-{conversation}",
            "created_at": "2026-%02d-%02dT12:00:00+09:00" % (rng.randint(1, 10), rng.randint(1, 28)),
            "customer": {"id": f"c-{conversation % 300000}"}, "product": f"p-{rng.randrange(50)}",
            "answers": {"csat": {"value": rng.randint(1, 5), "scale": 5}, "nps": rng.randint(0, 10)},
            "experiments": {"greeting": arm}}) + "\n"


def ask(d, **params):
    times = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        answer = d.request("GET", "/v1/experiments/greeting/summary", params=params)
        times.append(1000 * (time.monotonic() - began))
        assert answer.status == 200, answer
    return statistics.median(times), answer.json


def main():
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    with Daemon() as d:
        for start in range(0, total, BATCH):
            n = min(BATCH, total - start)
            a = d.request("POST", "/v1/feedback", "".join(lines(start, n)), token="ingest", timeout=600,
                          headers={"Content-Type": "application/x-ndjson"})
            assert a.status == 200 and a.json["accepted"] == n, a
        for unit in ("conversation", "customer"):
            d.request("PUT", "/v1/experiments/greeting", {"unit": unit})
            ms, answer = ask(d)
            print(f"{total} records, {answer['units']} {unit}s: {ms:.0f} ms")
        ms, answer = ask(d, where="product in (p-1, p-2, p-3)")
        print(f"of three products, {sum(a['records'] for a in answer['arms'])} records: {ms:.0f} ms")
        began = time.monotonic()
        d.request("GET", "/v1/experiments")
        print(f"the list: {1000 * (time.monotonic() - began):.0f} ms")
        print(f"private memory after it: {d.rss_anon() >> 20} MiB")


if __name__ == "__main__":
    main()
