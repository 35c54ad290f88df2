#!/usr/bin/env python3
"""What records cost on disk and in memory: `make tests && python3 tests/bench/sizing.py [RECORDS]`.

The sample's records (Korean mostly, all kinds), sent again and again with ids and customers of their
own, on the file system of $TMPDIR; then accesses, a backup and a restart. Prints one line a figure.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from vocd import ROOT, VOCCTL, Daemon, iso  # noqa: E402

CHUNK = 20000
READS = 2000


def used(path):
    """Bytes on disk, holes not counted."""
    return sum(p.stat().st_blocks * 512 for p in pathlib.Path(path).rglob("*") if p.name != "ballast")


def records(n):
    """Over a year up to now; one customer writes about four times."""
    lines = (ROOT / "daemon/ctl/sample/feedback.ndjson").read_text().splitlines()
    samples = [json.loads(line) for line in lines]
    for i in range(n):
        r = dict(samples[i % len(samples)])
        at = iso((n - i) * 365 * 86400 / n)
        r.update(external_id=f"{i}", created_at=at, customer={"id": f"c-{i * 7919 % (n // 4 + 1)}"})
        r.pop("updated_at", None)
        r.pop("conversation", None)
        for turn in r.get("turns", []):
            turn.pop("at", None)
        yield r


def backup(d, to):
    begin = time.monotonic()
    subprocess.run([VOCCTL, "backup", "create", d.dir / "state", to], check=True,
                   stdout=subprocess.DEVNULL)
    return used(to), time.monotonic() - begin


def main(n):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vocd-sizing-"))
    d = Daemon(directory=folder / "vocd").start()
    empty, sent, batch = used(d.dir / "state"), 0, []
    for i, r in enumerate(records(n), 1):
        batch.append(json.dumps(r, ensure_ascii=False))
        if len(batch) == CHUNK or i == n:
            body = "\n".join(batch).encode()
            sent, batch = sent + len(body), []
            answer = d.request("POST", "/v1/feedback", body, token="ingest", timeout=600,
                               headers={"Content-Type": "application/x-ndjson"})
            assert answer.status == 200 and answer.json["rejected_count"] == 0, answer
    full = used(d.dir / "state")
    print(f"records                 {n:,} ({sent / n:,.0f} bytes of JSON each)")
    print(f"on disk                 {(full - empty) / n:,.0f} bytes a record")
    print(f"memory after intake     {d.rss_anon() / 1e6:.1f} MB of its own (RssAnon)")
    before, took = backup(d, folder / "first")
    print(f"backup                  {before / n:,.0f} bytes a record, {took:.1f} s")
    for i in range(READS):
        d.get(f"/v1/customers/c-{i}/context", token="agent")
    after, _ = backup(d, folder / "second")
    print(f"access log              {(after - before) / READS:,.0f} bytes a look at a person")
    d.stop()
    begin = time.monotonic()
    d.start()
    print(f"restart                 ready after {(time.monotonic() - begin) * 1000:.0f} ms, "
          f"{d.rss_anon() / 1e6:.1f} MB of its own")
    d.stop()
    shutil.rmtree(folder)


if __name__ == "__main__":
    os.chdir(ROOT)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200000)
