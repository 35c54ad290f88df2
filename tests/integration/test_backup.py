"""vocctl backup: a consistent copy while records come in, put back elsewhere; stores that are newer,
foreign or damaged are refused with a sentence that says so."""
import contextlib
import json
import shutil
import subprocess
import tempfile
import threading
import pathlib
import unittest

from vocd import VOCCTL, Daemon, eventually


def ctl(*args):
    return subprocess.run([VOCCTL, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, text=True)


class Backup(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-backup-"))

    def tearDown(self):
        shutil.rmtree(self.dir)

    def restored(self, copy, tokens, **kw):
        """A daemon over what was restored; its tokens are those of the copy."""
        d = Daemon(directory=self.dir / "second", **kw)
        done = ctl("backup", "restore", copy, d.dir / "state")
        self.assertEqual(done.returncode, 0, done)
        d.tokens = tokens
        return d

    def test_during_load(self):
        stop, batches, lock = threading.Event(), [], threading.Lock()

        def load(d, n):
            i = 0
            while not stop.is_set():
                i += 1
                ids = [f"{n}-{i}-{k}" for k in range(40)]
                d.send([{"source": "load", "external_id": e, "text": "배송이 늦어요",
                         "customer": {"id": f"c-{n}"}} for e in ids])
                with lock:
                    batches.append(ids)
        with Daemon() as d:
            d.request("PUT", "/v1/segments/vip", {"where": "grade = VIP"})
            d.request("PUT", "/v1/alert-rules/r", {"where": "", "measure": "count", "threshold": 1})
            d.request("POST", "/v1/customers", {"id": "c-0", "attributes": {"grade": "VIP"}},
                      token="ingest")
            d.get("/v1/customers/c-0/context")
            threads = [threading.Thread(target=load, args=(d, n)) for n in range(3)]
            for t in threads:
                t.start()
            try:
                eventually(lambda: len(batches) > 20, what="load")
                with lock:
                    before = [e for ids in batches for e in ids]
                done = ctl("backup", "create", d.dir / "state", self.dir / "copy")
                self.assertEqual(done.returncode, 0, done)
            finally:
                stop.set()
                for t in threads:
                    t.join()
            after = {e for ids in batches for e in ids}
            with self.restored(self.dir / "copy", dict(d.tokens)) as second:
                kept = [r["external_id"] for r in second.rows()]
                self.assertEqual(len(kept), len(set(kept)))
                self.assertEqual(set(before) - set(kept), set(), "acknowledged before, not in the copy")
                self.assertEqual(set(kept) - after, set())
                for ids in batches:  # one commit is there whole or not at all
                    self.assertIn(len(set(ids) & set(kept)), (0, len(ids)))
                self.assertEqual(second.count(), len(kept))
                self.assertEqual(second.count(measure="customers"), 3)
                self.assertEqual(second.count(where="segment = vip"),
                                 len([e for e in kept if e.startswith("0-")]))
                self.assertEqual([s["code"] for s in second.get("/v1/segments").json["items"]], ["vip"])
                for path, key in (("/v1/alert-rules", "name"), ("/v1/tokens", "id")):
                    self.assertEqual(*(sorted(x.get(path).json["items"], key=lambda i: i[key])
                                       for x in (second, d)))
                self.assertEqual(second.ctl("access-log", "verify", env={
                    "VOC_TOKENS": str(d.dir / "tokens.json")}).returncode, 0)
                # and it goes on from there
                answer = second.send([{"source": "load", "external_id": kept[0], "text": "b"},
                                      {"source": "load", "external_id": "new", "text": "a"}])
                self.assertEqual((answer.json["accepted"], answer.json["updated"]), (1, 1))
            self.assertEqual(d.count(), len(after))  # the first never noticed

    def test_places_that_are_taken(self):
        with Daemon() as d:
            d.send({"source": "s", "external_id": "1", "text": "a"})
            (self.dir / "full").mkdir()
            (self.dir / "full" / "letter").write_text("mine")
            done = ctl("backup", "create", d.dir / "state", self.dir / "full")
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("full", done.stderr)
            self.assertEqual([p.name for p in (self.dir / "full").iterdir()], ["letter"])
            done = ctl("backup", "create", d.dir / "state", self.dir / "copy")
            self.assertEqual(done.returncode, 0, done)
            done = ctl("backup", "restore", self.dir / "copy", d.dir / "state")
            self.assertEqual(done.returncode, 1, "over a state that is in use")
            self.assertEqual(d.count(), 1)

    def test_wrong_arguments(self):
        for args in ((), ("create",), ("create", "a"), ("create", "a", "b", "c"), ("undo", "a", "b")):
            self.assertEqual(ctl("backup", *args).returncode, 2, args)
        done = ctl("backup", "create", self.dir / "nothing", self.dir / "copy")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing", done.stderr)

    def test_a_damaged_copy_is_not_restored(self):
        with Daemon() as d:
            d.send([{"source": "s", "external_id": str(i), "text": "a" * 999} for i in range(200)])
            self.assertEqual(ctl("backup", "create", d.dir / "state", self.dir / "copy").returncode, 0)
        data = self.dir / "copy/ws/demo/data.mdb"
        whole = data.read_bytes()
        for name, damaged in (("cut", whole[:len(whole) // 2 // 4096 * 4096]),
                              ("changed", whole[:len(whole) // 2] + b"\x55" * 4096 +
                               whole[len(whole) // 2 + 4096:])):
            data.write_bytes(damaged)
            done = ctl("backup", "restore", self.dir / "copy", self.dir / name)
            self.assertEqual(done.returncode, 1, (name, done))
            self.assertIn("demo", done.stderr)

    def refused(self, spoil, what):
        """A state directory spoiled by `spoil` is refused at start with a message that says `what`."""
        d = Daemon(directory=self.dir / "spoiled")
        d.start()
        d.send({"source": "s", "external_id": "1", "text": "a"})
        d.stop()
        spoil(d.dir / "state")
        self.assertEqual(d.ends(), 1)
        last = d.log_text().splitlines()[-1]
        self.assertRegex(last, what)
        self.assertIn(str(d.dir / "state"), last)

    def test_a_newer_store(self):
        """The schema version, found and raised in the file."""
        def newer(state):
            data = state / "ws/demo/data.mdb"
            text = bytearray(data.read_bytes())
            found = 0
            at = text.find(b"vocstore")
            while at >= 0:  # the row that says what file this is: a magic word, then the version
                text[at + 8:at + 12] = (9999).to_bytes(4, "little")
                found += 1
                at = text.find(b"vocstore", at + 1)
            self.assertGreater(found, 0)
            data.write_bytes(text)
        self.refused(newer, "newer vocd")

    def test_a_foreign_store(self):
        self.refused(lambda state: (state / "ws/demo/data.mdb").write_bytes(b"SQLite format 3\0" * 4096),
                     "demo.*(not|no|foreign|damaged)")

    def test_an_empty_file(self):
        self.refused(lambda state: (state / "ws/demo/data.mdb").write_bytes(b""), "demo")

    def test_another_workspaces_store(self):
        def swap(state):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(state / "ws/demo")
            shutil.copytree(state / "system", state / "ws/demo")
        self.refused(swap, "belongs to workspace")

    def test_a_key_others_can_read(self):
        self.refused(lambda state: (state / "auth.key").chmod(0o644), "0600|others")

    def test_what_is_in_the_copy(self):
        """A state directory like any other, readable by its owner only."""
        with Daemon() as d:
            d.send({"source": "s", "external_id": "1", "text": "a"})
            done = ctl("backup", "create", d.dir / "state", self.dir / "copy")
            self.assertEqual(done.returncode, 0, done)
            token = d.tokens["admin"]
        for path in [self.dir / "copy", *(self.dir / "copy").rglob("*")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
            if path.is_file():
                self.assertNotIn(token.encode(), path.read_bytes())
        manifests = list((self.dir / "copy").rglob("manifest.json"))
        self.assertEqual(len(manifests), 2)
        for path in manifests:
            self.assertEqual(json.loads(path.read_text())["format"], 1)


if __name__ == "__main__":
    unittest.main()
