"""`make run` behind its build: systemd/run-local.sh starts the daemon, prints calls to paste, loads the
sample once, and continues with its data when started again."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import urllib.request
import unittest

from vocd import BUILD, ROOT, START_SECONDS, eventually, free_port

ROLES = {"admin", "supervisor", "quality", "agent", "ingest"}


class Run(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vocd-run-"))
        self.port, self.process = free_port(), None

    def tearDown(self):
        self.stop()
        shutil.rmtree(self.dir)

    def start(self, state, sample):
        self.state, self.out = self.dir / state, []
        self.process = subprocess.Popen(
            ["sh", ROOT / "systemd/run-local.sh", BUILD, self.state, str(self.port), str(sample)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
            start_new_session=True)
        self.reader = threading.Thread(target=lambda: self.out.extend(self.process.stdout), daemon=True)
        self.reader.start()
        eventually(lambda: "Ctrl-C" in "".join(self.out) or self.process.poll() is not None,
                   START_SECONDS, "the greeting")
        self.assertIsNone(self.process.poll(), "".join(self.out))
        self.tokens = json.loads((self.state / "tokens.json").read_text())

    def stop(self, number=signal.SIGTERM):
        """As Ctrl-C does: to the script, which ends its daemon."""
        if self.process:
            self.process.send_signal(number)
            code = self.process.wait(START_SECONDS)
            self.reader.join(30)
            self.process.stdout.close()
            self.process = None
            return code

    def get(self, path, role="quality"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={
            "Authorization": "Bearer " + self.tokens[role]})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def count(self):
        series = self.get("/v1/trends?from=2000-01-01&to=2100-01-01")["series"]
        return int(series[0]["total"]["value"])

    def test_empty(self):
        self.start("with space", 0)
        self.assertEqual(set(self.tokens), ROLES)
        self.assertEqual((self.state / "tokens.json").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.state.stat().st_mode & 0o077, 0)
        for role in ROLES:
            self.assertEqual(self.get("/v1/me", role)["role"], role)
        self.assertEqual(self.count(), 0)
        text = "".join(self.out)
        self.assertIn(f"http://127.0.0.1:{self.port}", text)
        # the first call it offers works as pasted
        call = text[text.index("curl"):].split("\n\n")[0]
        done = subprocess.run(["sh", "-c", call], stdout=subprocess.PIPE, timeout=60)
        self.assertEqual(json.loads(done.stdout)["accepted"], 1)
        before = dict(self.tokens)
        self.assertEqual(self.stop(), 0)
        self.port = free_port()  # PORT may change
        self.start("with space", 0)
        self.assertEqual(self.tokens, before)
        self.assertEqual(self.count(), 1)

    def test_sample(self):
        self.start("state", 1)
        count = self.count()
        self.assertGreater(count, 500)
        rules = {a["rule"] for a in eventually(
            lambda: self.get("/v1/alerts?status=firing&limit=500", "supervisor")["items"], what="alerts")}
        self.assertIn("delivery-negative", rules)
        self.assertEqual(self.stop(signal.SIGINT), 0)
        self.start("state", 1)  # continues: the sample is not loaded twice
        self.assertEqual(self.count(), count)

    def test_a_port_that_is_taken(self):
        self.start("first", 0)
        done = subprocess.run(["sh", ROOT / "systemd/run-local.sh", BUILD, self.dir / "second",
                               str(self.port), "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=START_SECONDS, cwd=ROOT)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("in use", done.stdout)
        self.assertEqual(self.count(), 0)


if __name__ == "__main__":
    unittest.main()
