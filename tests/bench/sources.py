#!/usr/bin/env python3
"""Five hundred sources over TLS, each polled every minute by a daemon that has one core: what it costs,
and whether anybody is left out. Two thirds answer at once; of the last third half take 2 to 20 s for
an answer, byte by byte, and half never answer. Every upstream has a port and so connections of its
own. Figures of docs/performance.md:

    python3 tests/bench/sources.py [MINUTES]
"""
import asyncio
import json
import os
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))
import authority
from vocd import Daemon, iso

SOURCES, WARM_UP, EVERY = 500, 3, 60
CORE = max(os.sched_getaffinity(0))
CONNECTOR = """
connector: desk
cfg: {port: null}
base: https://127.0.0.1:{{cfg.port}}
auth: {bearer: "{{secret.token}}"}
streams:
- name: all
  request: {path: /tickets, query: {after: "{{cursor.int}}"}}
  records: $.items[*]
  cursor: {int: $.id, order: asc, lag: 10}
  map: {external_id: $.id, created_at: $.at, text: $.text}
"""


# --- the upstreams, in a process of their own ---

class Upstream:
    """One ticket more every five polls; the last ten are told again, as the cursor asks."""

    def __init__(self, number, asked):
        self.number, self.asked = number, asked
        self.kind = ("quick", "quick", "slow" if number % 2 else "stalling")[number % 3]
        self.rng = random.Random(number)
        self.polls = 0

    def body(self, target):
        self.polls += 1
        after = int(target.partition("after=")[2] or 0)
        newest = 1 + self.polls // 5
        items = [{"id": n, "at": iso(60), "text": f"배송이 늦어요 {self.number}-{n}"}
                 for n in range(max(1, after + 1), newest + 1)]
        return json.dumps({"items": items}, ensure_ascii=False).encode()

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
                print(self.number, time.monotonic(), file=self.asked, flush=True)
                if self.kind == "stalling":
                    await reader.read()  # until the other side gives up
                    return
                body = self.body(head[1].decode())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(body))
                if self.kind == "slow":
                    pause = self.rng.uniform(2, 20) / 10
                    for i in range(10):
                        await asyncio.sleep(pause)
                        writer.write(body[len(body) * i // 10:len(body) * (i + 1) // 10])
                else:
                    writer.write(body)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def serve_all(directory):
    context = authority.context(directory)
    with open(directory / "asked", "w") as asked:
        ports = []
        for number in range(SOURCES):
            upstream = Upstream(number, asked)
            server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=context)
            ports.append(server.sockets[0].getsockname()[1])
        print(json.dumps(ports), flush=True)
        ended = asyncio.Event()  # when whoever started us closes our standard input
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
        await ended.wait()
    os._exit(0)  # a thousand connections have nothing to say any more


# --- the daemon, watched ---

def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def anon(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def gaps(path, since, until):
    """The longest time each source went without being asked."""
    times = {n: [since] for n in range(SOURCES)}
    for line in path.read_text().splitlines():
        number, at = line.split()
        if since <= float(at) <= until:
            times[int(number)].append(float(at))
    return {n: max(b - a for a, b in zip(t, t[1:] + [until])) for n, t in times.items()}


def configure(d, ports):
    (d.dir / "desk.yaml").write_text(CONNECTOR)
    (d.dir / "token").write_text("token-of-the-desks\n")
    (d.dir / "token").chmod(0o600)
    d.sources = "".join(f"- {{source: s{n}, connector: desk.yaml, every: {EVERY}s, cfg: {{port: {port}}}, "
                        "secrets: {token_file: token}}\n" for n, port in enumerate(ports))
    d.extra = "ca_file: ca.pem\n"
    d.write_config()


def report(d, samples, asked):
    (began, cpu0, _), (ended, cpu1, _) = samples[0], samples[-1]
    memory = [m for _, _, m in samples]
    half = len(memory) // 2
    longest = gaps(asked, began, ended)
    kinds = {"quick": [n for n in longest if n % 3 != 2],
             "slow": [n for n in longest if n % 3 == 2 and n % 2]}
    print(f"{SOURCES} sources every {EVERY} s for {(ended - began) / 60:.1f} min on one core: "
          f"{100 * (cpu1 - cpu0) / (ended - began):.1f} % CPU")
    print(f"RssAnon MiB: at first {memory[0] / 1024:.1f}, mean of the first half "
          f"{sum(memory[:half]) / half / 1024:.1f}, of the second "
          f"{sum(memory[half:]) / (len(memory) - half) / 1024:.1f}, most {max(memory) / 1024:.1f}")
    for kind, numbers in kinds.items():
        print(f"longest wait of any {kind} source: {max(longest[n] for n in numbers):.1f} s")
    items = d.get("/v1/sources").json["items"]
    failing = sorted(i["source"] for i in items if i["error"])
    print(f"{len(failing)} sources fail, all of them stalling: "
          f"{all(int(s[1:]) % 3 == 2 and int(s[1:]) % 2 == 0 for s in failing)}; {d.count()} records")


def main(minutes):
    d = Daemon(sources="#")
    upstreams = None
    try:
        authority.make(d.dir)
        upstreams = subprocess.Popen([sys.executable, __file__, "--upstreams", d.dir], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        configure(d, json.loads(upstreams.stdout.readline()))
        d.start(preexec_fn=lambda: os.sched_setaffinity(0, {CORE}))
        time.sleep(WARM_UP * 60)
        samples = []
        for _ in range(minutes * 4 + 1):
            samples.append((time.monotonic(), cpu(d.process.pid), anon(d.process.pid)))
            time.sleep(15)
        report(d, samples, d.dir / "asked")
    finally:
        if upstreams:
            upstreams.stdin.close()
            upstreams.wait(30)
        d.__exit__(None, None, None)


if __name__ == "__main__":
    if "--upstreams" in sys.argv:
        asyncio.run(serve_all(pathlib.Path(sys.argv[2])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
