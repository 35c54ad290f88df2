#!/usr/bin/env python3
"""How long webhooks wait while a large file is imported (docs/performance.md).

Webhooks come at a steady rate, whatever becomes of those before; each one's time runs from when it was due to its answer,
which comes after its commit. First alone, then beside `vocctl import` of a CSV. The disk's own part is told by fsyncs of one
page beside it, and the processor's by the load.

    python3 tests/bench/import_lane.py [--rows 1000000] [--rate 20] [--quiet 30] [--where DIR]
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from bench import WORDS  # noqa: E402
from vocd import VOCCTL, Daemon  # noqa: E402

CONNECTIONS = 32
HOOKS = "- source: desk\n  scheme: none"


def write_rows(path, n):
    rng = random.Random(n)
    with open(path, "w", encoding="utf-8") as f:
        f.write("번호,작성일,내용,별점,상품,고객\n")
        for i in range(n):
            text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(4, 24)))
            f.write(f"{i},2026.{rng.randint(1, 10)}.{rng.randint(1, 28)} 오후 {rng.randint(1, 11)}:05,{text},"
                    f"{rng.randint(1, 5)},p-{rng.randrange(50)},c-{rng.randrange(20000)}\n")


class Webhooks:
    """Open loop: one is due every 1/rate seconds."""

    def __init__(self, d, rate):
        self.d, self.rate, self.local = d, rate, threading.local()
        self.number, self.seconds, self.failed = 0, [], []
        self.pool = concurrent.futures.ThreadPoolExecutor(CONNECTIONS)

    def send(self, number, due):
        if not hasattr(self.local, "connection"):
            self.local.connection = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=60)
        body = json.dumps({"external_id": f"w-{number}", "kind": "chat", "customer": {"id": f"c-{number % 20000}"},
                           "text": "배송이 너무 늦어서 문의드립니다. 빠른 확인 부탁드려요"}).encode()
        self.local.connection.request("POST", "/v1/hooks/demo/desk", body, {"Content-Type": "application/json"})
        answer = self.local.connection.getresponse()
        answer.read()
        self.seconds.append(time.monotonic() - due)
        if answer.status != 200:
            self.failed.append(answer.status)

    def run(self, going):
        """Until going() is false. The seconds of each, sorted."""
        self.seconds, begin, waiting, i = [], time.monotonic(), [], 0
        while going():
            due = begin + i / self.rate
            time.sleep(max(0, due - time.monotonic()))
            waiting.append(self.pool.submit(self.send, self.number, due))
            self.number, i = self.number + 1, i + 1
        for w in waiting:
            w.result()
        assert not self.failed, self.failed[:5]
        return sorted(self.seconds)


def fsyncs(where, going):
    """The p99 of writing and syncing one page, twice a second."""
    seconds = []
    with tempfile.TemporaryFile(dir=where) as f:
        while going():
            started = time.monotonic()
            f.seek(0)
            f.write(os.urandom(4096))
            f.flush()
            os.fsync(f.fileno())
            seconds.append(time.monotonic() - started)
            time.sleep(0.5)
    return sorted(seconds)


def at(values, share):
    return values[min(len(values) - 1, int(len(values) * share))] * 1000


def phase(hooks, where, going):
    with concurrent.futures.ThreadPoolExecutor(1) as side:
        disk = side.submit(fsyncs, where, going)
        seconds = hooks.run(going)
        return seconds, disk.result()


def row(name, seconds, disk):
    print(f"| {name} | {len(seconds)} | {at(seconds, .5):.0f} | {at(seconds, .9):.0f} | {at(seconds, .99):.0f} | "
          f"{seconds[-1] * 1000:.0f} | {at(disk, .5):.1f} | {at(disk, .99):.1f} | {os.getloadavg()[0]:.1f} |", flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--rows", type=int, default=1000000)
    p.add_argument("--rate", type=float, default=20)
    p.add_argument("--quiet", type=float, default=30)
    p.add_argument("--where")
    a = p.parse_args()
    with tempfile.TemporaryDirectory(dir=a.where) as where, Daemon(pathlib.Path(where) / "vocd", hooks=HOOKS) as d:
        csv = pathlib.Path(where) / "rows.csv"
        write_rows(csv, a.rows)
        hooks = Webhooks(d, a.rate)
        print("| webhooks | n | p50 ms | p90 | p99 | most | fsync p50 ms | p99 | load |\n|---|---|---|---|---|---|---|---|---|")
        end = time.monotonic() + a.quiet
        quiet = phase(hooks, where, lambda: time.monotonic() < end)
        row("quiet", *quiet)
        env = dict(os.environ, VOC_URL=f"http://127.0.0.1:{d.port}", VOC_TOKENS=str(d.dir / "tokens.json"))
        started = time.monotonic()
        process = subprocess.Popen([VOCCTL, "import", csv, "--source", "file", "--map",
                                    "external_id=번호,created_at=작성일,text=내용,rating=별점/5,product=상품,customer.id=고객,"
                                    "kind==review"], env=env, stdout=subprocess.PIPE, text=True)
        busy = phase(hooks, where, lambda: process.poll() is None)
        seconds = time.monotonic() - started
        row("beside the import", *busy)
        said = process.stdout.read().strip()
        assert said.startswith(f"{a.rows} accepted, 0 updated, 0 duplicates, 0 rejected"), said
        end = time.monotonic() + a.quiet
        row("quiet after it", *phase(hooks, where, lambda: time.monotonic() < end))
        assert d.count() == a.rows + hooks.number
        print(f"\n{a.rows:,} rows in {seconds:.0f} s, {a.rows / seconds:,.0f} rows/s; webhooks' p99 beside it "
              f"{at(busy[0], .99) / at(quiet[0], .99):.1f} times that of quiet")


if __name__ == "__main__":
    main()
