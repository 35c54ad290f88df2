#!/usr/bin/env python3
"""How long a vendor waits for the 2xx of a signed webhook, which comes after the commit: quiet, and
beside all that goes through the bulk lane and the queries at once. Figures of docs/performance.md:

    python3 tests/bench/hooks.py [SECONDS]
"""
import contextlib
import http.client
import json
import multiprocessing
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from vocd import Daemon, iso, standard_signature

SENDERS, EVERY = 16, 0.05  # 320 webhooks a second when answers come at once
LIMIT = 3.0  # Slack's
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def deliver(connection, ident):
    body = json.dumps({"external_id": ident, "text": f"배송이 너무 늦어요. 세 번째 문의입니다 {ident}"}).encode()
    stamp = str(int(time.time()))
    began = time.monotonic()
    connection.request("POST", "/v1/hooks/demo/desk", body, {
        "Content-Type": "application/json", "webhook-id": ident, "webhook-timestamp": stamp,
        "webhook-signature": standard_signature(SECRET, ident, stamp, body)})
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.monotonic() - began


def send(port, name, seconds, waits, refused):
    connection, until, n = http.client.HTTPConnection("127.0.0.1", port, timeout=60), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        status, took = deliver(connection, f"{name}-{n}")
        waits.append(took)
        if status != 200:
            refused.append(status)
        n += 1
        time.sleep(max(0, EVERY - took))
    connection.close()


def bulk(port, token, name, stop):
    """Ten thousand lines after ten thousand lines."""
    connection, batch = http.client.HTTPConnection("127.0.0.1", port, timeout=120), 0
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    while not stop.is_set():
        lines = "".join(json.dumps({"source": "bulk", "external_id": f"{name}-{batch}-{n}", "created_at": iso(60),
                                    "text": "환불이 안 돼서 화가 나요. 상담원은 친절했어요"}) + "\n"
                        for n in range(10000))
        connection.request("POST", "/v1/feedback", lines.encode(), headers)
        connection.getresponse().read()
        batch += 1


def ask(port, token, stop):
    """A board that is looked at all the time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    path = "/v1/trends?measure=negative_rate&by=category&bucket=hour&compare=previous"
    while not stop.is_set():
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()


def measure(d, what, seconds):
    waits, refused = [], []
    threads = [threading.Thread(target=send, args=(d.port, f"{what}-{n}", seconds, waits, refused))
               for n in range(SENDERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    waits.sort()
    at = {p: 1000 * waits[min(len(waits) - 1, len(waits) * p // 1000)] for p in (500, 990, 999)}
    print(f"{what}: {len(waits)} webhooks, {len(waits) / seconds:.0f}/s, p50 {at[500]:.1f} ms, p99 {at[990]:.1f} ms, "
          f"p99.9 {at[999]:.1f} ms, longest {1000 * waits[-1]:.1f} ms, "
          f"{sum(w > LIMIT for w in waits)} over 3 s, {len(refused)} refused", flush=True)


@contextlib.contextmanager
def load(d):
    stop = multiprocessing.Event()
    others = [multiprocessing.Process(target=bulk, args=(d.port, d.tokens["ingest"], n, stop)) for n in range(2)]
    others.append(multiprocessing.Process(target=ask, args=(d.port, d.tokens["admin"], stop)))
    for p in others:
        p.start()
    before = d.count()
    began = time.monotonic()
    yield
    took, now = time.monotonic() - began, d.count()
    stop.set()
    for p in others:
        p.join()
    print(f"{(now - before) / took:.0f} records/s were committed in all")


def main(seconds):
    d = Daemon(hooks="#")
    try:
        (d.dir / "key").write_text(SECRET + "\n")
        (d.dir / "key").chmod(0o600)
        d.hooks = f"- source: desk\n  scheme: standard\n  secret_file: {d.dir}/key\n"
        d.write_config()
        d.start()
        measure(d, "quiet", seconds)
        with load(d):
            time.sleep(2)
            measure(d, "loaded", seconds)
    finally:
        d.__exit__(None, None, None)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
