"""A full disk, on a tmpfs of a few MiB: senders get 503 with Retry-After, queries still answer, readiness
says so, and when there is room again it goes on without a restart, having lost nothing."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from vocd import Daemon, Events, eventually, iso

SIZE = 24 << 20


class Disk(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a tmpfs needs root")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-disk-"))
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.dir],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            self.dir.rmdir()
            self.skipTest("no tmpfs here: " + done.stdout.strip())
        self.addCleanup(self.unmount)
        self.d = Daemon(directory=self.dir / "vocd", hooks="- source: open\n  scheme: none",
                        extra="store:\n  ballast: 1MiB\n").start()
        self.addCleanup(self.end)
        self.serial = 0

    def end(self):
        if self.d.process:
            self.d.kill()

    def unmount(self):
        subprocess.run(["umount", self.dir], check=True)
        self.dir.rmdir()

    def batch(self, n=50):
        self.serial += n
        return [{"source": "disk", "external_id": str(i), "customer": {"id": f"c-{i % 7}"},
                 "text": os.urandom(300).hex(), "created_at": iso(60)}
                for i in range(self.serial - n, self.serial)]

    def fill(self):
        """Leaves no free block to anybody else."""
        with open(self.dir / "filler", "ab", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
            except OSError:
                pass

    def until_full(self):
        """Sends until it is refused; what was acknowledged."""
        kept = 0
        while True:
            batch = self.batch()
            answer = self.d.send(batch)
            if answer.status != 200:
                return kept, batch, answer
            kept += len(batch)
            self.assertLess(kept, 200000, "never full")

    def refusal(self, answer):
        self.assertEqual(answer.status, 503, answer)
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertIn("disk-full", answer.json["type"].replace("_", "-"))

    def reads_go_on(self, kept):
        self.assertEqual(self.d.count(where="source = disk"), kept)
        self.assertEqual(self.d.get("/v1/feedback", limit=5).status, 200)
        self.assertEqual(self.d.get("/v1/customers/c-1/context", token="agent").status, 200)
        self.assertEqual(self.d.get("/v1/alerts").status, 200)
        self.assertEqual(self.d.request("GET", "/healthz", token=None).status, 200)
        eventually(lambda: self.d.metric("vocd_disk_full") == 1, what="the gauge")

    def writes_do_not(self):
        self.refusal(self.d.send({"source": "disk", "external_id": "x", "text": "a" * 9000}))
        self.refusal(self.d.send_lines("/v1/feedback", self.batch(10)))
        self.refusal(self.d.request("POST", "/v1/customers", {"id": "c-1", "name": "a"}, token="ingest"))
        self.refusal(self.d.request("POST", "/v1/hooks/demo/open", {"external_id": "1", "text": "a"},
                                    token=None))
        ready = self.d.request("GET", "/readyz", token=None)
        self.assertEqual(ready.status, 503, ready)

    def test_full_and_free_again(self):
        self.d.send(self.batch())
        self.d.get("/v1/customers/c-1/context")
        self.fill()
        kept, batch, answer = self.until_full()
        kept += 50
        self.refusal(answer)
        eventually(lambda: self.d.request("GET", "/readyz", token=None).status == 503, what="503 of readyz")
        for _ in range(3):
            self.writes_do_not()
            self.reads_go_on(kept)
            self.fill()  # also what the ballast gave back
        entries = self.d.get("/v1/access-log", limit=1).json["items"][0]["n"]
        (self.dir / "filler").unlink()
        eventually(lambda: self.d.request("GET", "/readyz", token=None).status == 200, what="ready again")
        answer = self.d.send(batch)  # the same again is always safe
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.json["accepted"], len(batch))
        self.assertEqual(self.d.count(where="source = disk"), kept + len(batch))
        # the reads of the meantime are in the access log after all
        eventually(lambda: self.d.get("/v1/access-log", limit=1).json["items"][0]["n"] >= entries + 5,
                   what="the held entries")
        self.assertEqual(self.d.ctl("access-log", "verify").returncode, 0)
        eventually(lambda: self.d.metric("vocd_disk_full") == 0, what="the gauge")
        self.d.stop()
        self.d.start()
        self.assertEqual(self.d.count(where="source = disk"), kept + len(batch))

    def test_lines_say_how_far_they_got(self):
        """NDJSON of several chunks: 503 names the last line that is on disk."""
        used = shutil.disk_usage(self.dir)
        with open(self.dir / "filler", "wb") as f:  # room for a chunk or two
            f.write(b"\0" * (used.free - (3 << 20)))
        records = self.batch(12000)
        answer = self.d.send_lines("/v1/feedback", records)
        self.refusal(answer)
        through = answer.json.get("committed_through_line", 0)
        self.assertEqual(answer.json["accepted"], through)
        self.assertEqual(self.d.count(where="source = disk"), through)
        self.assertLess(through, len(records))
        (self.dir / "filler").unlink()
        eventually(lambda: self.d.request("GET", "/readyz", token=None).status == 200, what="ready again")
        rest = self.d.send_lines("/v1/feedback", records)
        self.assertEqual(rest.status, 200, rest)
        self.assertEqual((rest.json["duplicates"], rest.json["accepted"]),
                         (through, len(records) - through))
        self.assertEqual(self.d.count(where="source = disk"), len(records))

    def test_again_and_again_under_load(self):
        stop, kept, lock = threading.Event(), set(), threading.Lock()

        def load(n):
            i = 0
            while not stop.is_set():
                i += 1
                ids = [f"l-{n}-{i}-{k}" for k in range(20)]
                answer = self.d.send([{"source": "load", "external_id": e, "text": "a" * 400} for e in ids])
                if answer.status == 200:
                    with lock:
                        kept.update(ids)
                elif answer.status != 503:
                    raise AssertionError(answer)
        events = Events(self.d, "agent")
        threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        try:
            for _ in range(3):
                self.fill()
                eventually(lambda: self.d.request("GET", "/readyz", token=None).status == 503,
                           what="a full disk")
                self.assertEqual(self.d.get("/v1/feedback", limit=1).status, 200)
                (self.dir / "filler").unlink()
                eventually(lambda: self.d.request("GET", "/readyz", token=None).status == 200,
                           what="room again")
        finally:
            stop.set()
            for t in threads:
                t.join()
            events.close()
        self.d.stop()
        self.d.start()
        found = [r["external_id"] for r in self.d.rows(where="source = load")]
        self.assertEqual(len(found), len(set(found)))
        self.assertEqual(kept - set(found), set(), "acknowledged and lost")
        self.assertEqual(self.d.count(where="source = load"), len(found))


if __name__ == "__main__":
    unittest.main()
