#!/usr/bin/env python3
"""make bench: the table of docs/performance.md, all of it in one run.

Durable records a second by NDJSON batch and by single POST (64 kept connections), beside a replay of
the daemon's own puts and commits on bare LMDB, and beside nginx (one worker) answering a POST with
nothing; private memory; start-up. On disk and on tmpfs, over 0, 0.5 and 2 million records. The
machine is shared: read the ratios, not the seconds.

    python3 tests/bench/bench.py [--quick] [--write docs/performance.md]
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
from vocd import BUILD, ROOT, Daemon, free_port  # noqa: E402

BATCH, POST_SECONDS, CONNECTIONS = 50000, 8, 64
WORDS = ("배송이 늦어요 상담원이 친절했어요 환불 처리가 아직 안 됐습니다 제품이 마음에 들어요 포장이 찢어져 "
         "왔네요 결제 오류가 계속 나요 빠른 답변 감사합니다 앱이 자꾸 꺼져요 쿠폰이 적용되지 않아요 색상이 "
         "사진과 달라요 다시 주문할게요 설치 기사님이 꼼꼼하셨어요 가격이 올랐네요 문의드립니다").split()


def record(i, rng):
    return {"source": "bench", "external_id": str(i), "kind": rng.choice(["ticket", "review", "chat"]),
            "created_at": "2026-%02d-%02dT%02d:%02d:00+09:00" % (rng.randint(1, 10), rng.randint(1, 28),
                                                                rng.randint(0, 23), rng.randint(0, 59)),
            "customer": {"id": f"c-{rng.randrange(20000)}"}, "product": f"p-{rng.randrange(50)}",
            "agent": f"a-{rng.randrange(40)}", "rating": {"value": rng.randint(1, 5), "scale": 5},
            "text": " ".join(rng.choice(WORDS) for _ in range(rng.randint(4, 24)))}


def lines(start, n):
    rng = random.Random(start)
    return "".join(json.dumps(record(start + i, rng), ensure_ascii=False) + "\n" for i in range(n))


def send(d, body):
    """Seconds for one NDJSON body; all of it must be accepted."""
    started = time.monotonic()
    a = d.request("POST", "/v1/feedback", body, token="ingest", timeout=600,
                  headers={"Content-Type": "application/x-ndjson"})
    seconds = time.monotonic() - started
    assert a.status == 200 and a.json["rejected_count"] == 0, a
    return seconds


def fill(d, total, have):
    while have < total:
        n = min(BATCH, total - have)
        send(d, lines(have, n))
        have += n
    return have


LUA = """
local n = 0
local id = 0
function setup(t) t:set("id", %d) end
request = function()
  n = n + 1
  local body = string.format('{"source":"single","external_id":"%%s-%%d","kind":"chat","customer":{"id":"c-%%d"},"text":"배송이 너무 늦어서 문의드립니다. 빠른 확인 부탁드려요"}', tostring(id), n, n %% 20000)
  return wrk.format("POST", "%s", {["Authorization"] = "Bearer %s", ["Content-Type"] = "application/json"}, body)
end
"""


def wrk(url, script, where):
    path = pathlib.Path(where) / "bench.lua"
    path.write_text(script)
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{POST_SECONDS}s", "-s", path, url],
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    rate = next(float(l.split()[1]) for l in out.splitlines() if l.startswith("Requests/sec"))
    bad = [l for l in out.splitlines() if "Non-2xx" in l]
    assert not bad, out
    return rate


class Nginx:
    def __init__(self, where):
        self.port = free_port()
        self.dir = pathlib.Path(where) / "nginx"
        self.dir.mkdir()
        conf = self.dir / "nginx.conf"
        conf.write_text(f"""
worker_processes 1; daemon off; master_process off; pid {self.dir}/pid; error_log {self.dir}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {self.dir}; proxy_temp_path {self.dir};
 fastcgi_temp_path {self.dir}; uwsgi_temp_path {self.dir}; scgi_temp_path {self.dir};
 server {{ listen 127.0.0.1:{self.port}; location / {{ return 204; }} }} }}""")
        binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.process = subprocess.Popen([binary, "-c", conf, "-p", self.dir, "-e", self.dir / "error.log"])
        time.sleep(0.5)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def replay(trace, where):
    target = pathlib.Path(where) / "replay"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    out = subprocess.run([BUILD / "tests/bench/replay", trace, target], stdout=subprocess.PIPE, check=True)
    shutil.rmtree(target)
    return json.loads(out.stdout)


def traced_batch(where, n):
    """One batch into an empty daemon with its puts written down, and the same puts on bare LMDB."""
    trace = pathlib.Path(where) / "trace"
    fd = os.open(trace, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.set_inheritable(fd, True)
    d = Daemon(directory=pathlib.Path(where) / "traced", env={"VOC_STORE_TRACE": str(fd)})
    d.start(pass_fds=[fd])
    send(d, lines(0, n))
    d.stop()
    os.close(fd)
    return replay(trace, where)


def start_up(d):
    d.stop()
    times = []
    for _ in range(3):
        started = time.monotonic()
        d.start()
        times.append(time.monotonic() - started)
        if _ < 2:
            d.stop()
    return sorted(times)[1]


def measure(kind, where, sizes):
    rows = []
    bare = traced_batch(where, BATCH)
    nginx = Nginx(where)
    d = Daemon(directory=pathlib.Path(where) / "vocd").start()
    have = 0
    for size in sizes:
        have = fill(d, size, have)
        body = lines(have, BATCH)
        seconds = send(d, body)
        have += BATCH
        again = replay(pathlib.Path(where) / "trace", where)
        token = d.tokens["ingest"]
        single = wrk(f"http://127.0.0.1:{d.port}", LUA % (size, "/v1/feedback", token), where)
        empty = wrk(f"http://127.0.0.1:{nginx.port}", LUA % (size, "/", token), where)
        rss = d.rss_anon()
        rows.append({"fs": kind, "records": size, "batch": BATCH / seconds,
                     "replay": BATCH / again["seconds"], "commits": again["commits"],
                     "single": single, "nginx": empty, "rss": rss, "start": start_up(d)})
        r = rows[-1]
        print(f"{kind:6} {size:>8} batch {r['batch']:.0f}/s = {r['batch'] / r['replay']:.2f} of replay; "
              f"single {single:.0f}/s = {single / empty:.2f} of nginx; RssAnon {rss / 1e6:.1f} MB; "
              f"start {r['start'] * 1000:.0f} ms", flush=True)
    nginx.stop()
    d.stop()
    assert bare["puts"] > BATCH
    return rows


def table(rows):
    out = ["| where | records before | batch, records/s | of bare LMDB replay | single POST/s | of nginx's "
           "empty answer | RssAnon | start to ready |", "|---|---|---|---|---|---|---|---|"]
    for r in rows:
        out.append(f"| {r['fs']} | {r['records']:,} | {r['batch']:,.0f} | {r['batch'] / r['replay']:.2f} | "
                   f"{r['single']:,.0f} | {r['single'] / r['nginx']:.2f} | {r['rss'] / 1e6:.1f} MB | "
                   f"{r['start'] * 1000:.0f} ms |")
    return "\n".join(out)


def main(argv):
    sizes = [0, 20000] if "--quick" in argv else [0, 500000, 2000000]
    rows = []
    for kind, base in (("disk", str(BUILD)), ("tmpfs", "/dev/shm")):
        where = tempfile.mkdtemp(prefix="vocd-bench-", dir=base)
        try:
            rows += measure(kind, where, sizes)
        finally:
            shutil.rmtree(where, ignore_errors=True)
    print(table(rows))
    if "--write" in argv:
        path = ROOT / argv[argv.index("--write") + 1]
        text = path.read_text()
        begin, end = "<!-- table -->\n", "<!-- end -->"
        head, rest = text.split(begin)
        path.write_text(head + begin + table(rows) + "\n" + end + rest.split(end, 1)[1])


if __name__ == "__main__":
    main(sys.argv[1:])
