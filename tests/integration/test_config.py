"""--check-config says file, line and column and exits with 2; SIGHUP takes all of a file or nothing."""
import os
import signal
import subprocess
import unittest

from vocd import VOCD, Daemon, eventually


class CheckConfig(unittest.TestCase):
    def check(self, text, *more, files=()):
        d = Daemon()
        try:
            d.config.write_text(text)
            for name, content in files:
                (d.dir / name).parent.mkdir(exist_ok=True)
                (d.dir / name).write_text(content)
            return d, subprocess.run([VOCD, "--config", d.config, "--check-config", *more],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True, timeout=60)
        finally:
            import shutil
            shutil.rmtree(d.dir)

    def bad(self, text, line, column, what, files=(), name="vocd.yaml"):
        d, done = self.check(text, files=files)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(f"{d.dir / name}:{line}:{column}: ", done.stderr)
        self.assertIn(what, done.stderr)
        source = (text if name == "vocd.yaml" else dict(files)[name]).splitlines()[line - 1]
        self.assertIn(source.strip(), done.stderr)  # the source line …
        self.assertIn("^", done.stderr)  # … and where in it
        self.assertNotIn("configuration ok", done.stdout)

    def test_a_good_one(self):
        _, done = self.check("state: /tmp/x\nworkspaces:\n  - id: main\n")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("ok", done.stdout)

    def test_the_example_is_good(self):
        from vocd import ROOT
        text = (ROOT / "systemd/vocd.yaml.example").read_text()
        _, done = self.check(text)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)

    def test_mistakes_are_told_by_place(self):
        ws = "workspaces:\n  - id: main\n"
        self.bad("http:\n  prot: 80\n" + ws, 2, 3, "port")  # the nearest name is offered
        self.bad("colour: red\n" + ws, 1, 1, "colour")
        self.bad("http:\n  port: many\n" + ws, 2, 9, "port")
        self.bad("http:\n  port: 65536\n" + ws, 2, 9, "65535")
        self.bad("http:\n  port: [80]\n" + ws, 2, 9, "port")
        self.bad("http:\n  max_body: 8 apples\n" + ws, 2, 13, "max_body")
        self.bad("http:\n  idle_timeout: 75\n" + ws, 2, 17, "idle_timeout")
        self.bad("timezone: Mars/Olympus\n" + ws, 1, 11, "timezone")
        self.bad("http:\n  port: 80\n  port: 81\n" + ws, 3, 3, "port")
        self.bad("log:\n  level: loud\n" + ws, 2, 10, "level")
        self.bad("workspaces:\n  - id: Main Office\n", 2, 9, "id")
        self.bad("workspaces:\n  - name: nobody\n", 2, 5, "id")
        self.bad("http:\n  address: example.com\n" + ws, 2, 12, "address")
        self.bad("workspaces:\n  - id: a\n    hooks:\n      - source: x\n        scheme: magic\n", 5, 17,
                 "scheme")
        self.bad("a: [1, 2\n" + ws, 3, 3, "YAML")

    def test_open_addresses_need_tls(self):
        _, done = self.check("http:\n  address: 0.0.0.0\nworkspaces:\n  - id: main\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("tls", done.stderr)

    def test_two_workspaces_of_one_name(self):
        """In one file it is a mistake; files of conf.d add to each other."""
        _, done = self.check("workspaces:\n  - id: a\n", files=[
            ("conf.d/10.yaml", "workspaces:\n  - id: b\n"),
            ("conf.d/20.yaml", "workspaces:\n  - id: b\n    hooks:\n      - source: x\n        scheme: none\n")])
        self.assertEqual(done.returncode, 0, done)
        self.bad("http:\n  port: 1\nworkspaces:\n  - id: a\n", 2, 3, "port", name="conf.d/10.yaml",
                 files=[("conf.d/10.yaml", "http:\n  port: 2\n")])

    def test_secrets_come_from_elsewhere(self):
        hook = "workspaces:\n  - id: a\n    hooks:\n      - source: x\n        scheme: token\n        "
        self.bad(hook + "secret_file: nowhere\n", 6, 22, "nowhere")
        self.bad(hook + "secret_env: VOCD_TEST_NO_SUCH\n", 6, 21, "VOCD_TEST_NO_SUCH")
        _, done = self.check(hook + "secret_file: s\n", files=[("s", "x" * 40)])
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn("x" * 40, done.stdout + done.stderr)

    def test_many_mistakes_at_once(self):
        _, done = self.check("a: 1\nb: 2\nhttp:\n  c: 3\nworkspaces:\n  - id: a\n    d: 4\n")
        self.assertEqual(done.returncode, 2)
        for at in (":1:1:", ":2:1:", ":4:3:", ":7:5:"):
            self.assertIn(at, done.stderr)

    def test_arguments(self):
        for arguments, code in ((["--nonsense"], 2), (["extra"], 2), (["--config"], 2),
                                (["--version"], 0), (["--help"], 0),
                                (["--config", "/nonexistent/vocd.yaml"], 2)):
            done = subprocess.run([VOCD, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, code, (arguments, done))

    def test_starting_with_a_bad_one(self):
        d = Daemon()
        d.config.write_text("http:\n  prot: 1\n")
        self.assertEqual(d.ends(), 2)

    def test_a_port_that_is_taken(self):
        with Daemon() as first:
            second = Daemon()
            second.port = first.port
            second.write_config()
            self.assertEqual(second.ends(), 1)
            self.assertIn("address already in use", second.log_text())

    def test_one_state_one_daemon(self):
        with Daemon() as first:
            second = Daemon()
            second.config.write_text(first.config.read_text().replace(f"port: {first.port}",
                                                                      f"port: {second.port}"))
            self.assertEqual(second.ends(), 1, "two daemons on one state directory")
            self.assertIn("in use", second.log_text())
            self.assertEqual(first.send({"source": "a", "external_id": "1", "text": "a"}).status, 200)


class Reload(unittest.TestCase):
    def setUp(self):
        self.d = Daemon(extra="intake:\n  max_text: 2KiB\n")
        self.d.start()

    def tearDown(self):
        self.d.__exit__(None, None, None)

    def reloads(self):
        return tuple(int(self.d.metric(f'vocd_config_reloads_total{{result="{r}"}}') or 0)
                     for r in ("ok", "failed"))

    def reload(self):
        before = self.reloads()
        os.kill(self.d.process.pid, signal.SIGHUP)
        eventually(lambda: self.reloads() != before, what="a reload")
        return self.reloads()

    def takes(self, size):
        return self.d.send({"source": "s", "external_id": str(size), "text": "a" * size}).status == 200

    def hook(self, name):
        return self.d.request("POST", f"/v1/hooks/demo/{name}", {"external_id": "1", "text": "a"},
                              token=None).status

    def test_all(self):
        self.assertFalse(self.takes(3000))
        self.assertEqual(self.hook("open"), 404)
        self.d.extra = "intake:\n  max_text: 4KiB\nlog:\n  level: debug\n"
        self.d.hooks = "- source: open\n  scheme: none"
        self.d.workspaces = ("demo", "second")
        self.d.write_config()
        self.assertEqual(self.reload(), (1, 0))
        self.assertTrue(self.takes(3000))
        self.assertEqual(self.hook("open"), 200)
        self.assertTrue((self.d.dir / "state/ws/second").is_dir())
        self.d.hooks = ""
        self.d.write_config()
        self.reload()
        self.assertEqual(self.hook("open"), 404)

    def test_or_nothing(self):
        self.d.extra = "intake:\n  max_text: 4KiB\n  max_txt: 1\n"
        self.d.hooks = "- source: open\n  scheme: none"
        self.d.write_config()
        self.assertEqual(self.reload(), (0, 1))
        self.assertFalse(self.takes(3000))
        self.assertEqual(self.hook("open"), 404)
        self.assertIn("max_txt", self.d.log_text())
        # a lexicon that can not be read: the new settings wait with it
        self.d.extra = "intake:\n  max_text: 4KiB\n"
        self.d.write_config()
        good = self.d.config.read_text()
        junk = self.d.dir / "junk.bin"
        junk.write_bytes(b"no tables" * 1000)
        self.d.config.write_text(good.replace(
            [line for line in good.splitlines() if line.startswith("lexicons:")][0],
            f"lexicons: {junk}"))
        self.assertEqual(self.reload(), (0, 2))
        self.assertFalse(self.takes(3000))
        self.d.config.unlink()
        self.assertEqual(self.reload(), (0, 3))
        self.d.config.write_text(good)
        self.assertEqual(self.reload(), (1, 3))
        self.assertTrue(self.takes(3000))

    def test_what_needs_a_restart_is_told(self):
        port = self.d.port
        self.d.config.write_text(self.d.config.read_text().replace(f"port: {port}", f"port: {port + 1}"))
        self.reload()
        self.assertIn("http.port", self.d.log_text())
        self.assertEqual(self.d.request("GET", "/healthz", token=None).status, 200)

    def test_under_load(self):
        import threading
        stop, failures = threading.Event(), []

        def load(n):
            i = 0
            while not stop.is_set():
                i += 1
                answer = self.d.send({"source": "load", "external_id": f"{n}-{i}", "text": "좋아요"})
                if answer.status != 200:
                    failures.append(answer)
        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        for i in range(10):
            self.d.extra = f"intake:\n  max_text: {2 + i}KiB\n"
            self.d.write_config()
            self.reload()
        stop.set()
        for t in threads:
            t.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.reloads(), (10, 0))


if __name__ == "__main__":
    unittest.main()
