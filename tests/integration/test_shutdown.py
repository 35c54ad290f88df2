"""SIGTERM under load: what was accepted is answered and on disk, the exit code is 0; what the service
manager hears: READY, RELOADING, STOPPING, pings."""
import contextlib
import http.client
import json
import os
import signal
import socket
import tempfile
import threading
import time
import unittest

from vocd import Daemon, eventually


class Shutdown(unittest.TestCase):
    def load(self, d, n, stop, acknowledged, lock):
        """One keep-alive connection; every identity that was answered 200 is noted."""
        i = 0
        connection = http.client.HTTPConnection("127.0.0.1", d.port, timeout=30)
        headers = {"Authorization": "Bearer " + d.tokens["ingest"], "Content-Type": "application/json"}
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not stop.is_set():
                ids = [f"{n}-{i}-{k}" for k in range(1 + n % 2 * 50)]
                i += 1
                body = json.dumps([{"source": "load", "external_id": e, "text": "배송이 늦어요"} for e in ids])
                connection.request("POST", "/v1/feedback", body, headers)
                answer = connection.getresponse()
                data = answer.read()
                if answer.status == 200:
                    self.assertEqual(json.loads(data)["accepted"], len(ids))
                    with lock:
                        acknowledged.update(ids)
        connection.close()

    def test_under_load(self):
        d = Daemon()
        with d:
            for _ in range(4):
                stop, acknowledged, lock = threading.Event(), set(), threading.Lock()
                threads = [threading.Thread(target=self.load, args=(d, n, stop, acknowledged, lock))
                           for n in range(8)]
                before = {r["external_id"] for r in d.rows()}
                for t in threads:
                    t.start()
                eventually(lambda: len(acknowledged) > 200, what="load")
                d.stop(expect=0)
                stop.set()
                for t in threads:
                    t.join()
                d.start()
                kept = [r["external_id"] for r in d.rows()]
                self.assertEqual(len(kept), len(set(kept)))
                self.assertEqual(acknowledged - set(kept), set(), "acknowledged and lost")
                self.assertGreaterEqual(set(kept), before)
                self.assertEqual(d.count(), len(kept))
                while not d.request("DELETE", "/v1/sources/load").json["done"]:
                    pass

    def test_what_is_under_way_is_answered(self):
        """Half a body at the signal: the rest is taken and answered, then the connection ends."""
        d = Daemon()
        with d:
            line = json.dumps({"source": "s", "external_id": "half", "text": "a"}).encode() + b"\n"
            s = socket.create_connection(("127.0.0.1", d.port), timeout=30)
            s.sendall(f"POST /v1/feedback HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {d.tokens['ingest']}"
                      f"\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(line)}\r\nHost: "
                      f"127.0.0.1:{d.port}\r\n\r\n".replace("Host: x\r\n", "").encode() + line[:20])
            eventually(lambda: d.metric("vocd_http_connections") >= 1, what="the connection")
            time.sleep(0.1)
            d.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            s.sendall(line[20:])
            data = b""
            with contextlib.suppress(OSError):
                while chunk := s.recv(65536):
                    data += chunk
            s.close()
            self.assertTrue(data.startswith(b"HTTP/1.1 200 "), data)
            self.assertIn(b'"accepted":1', data)
            self.assertIn(b"connection: close", data.lower())
            d.wait()
            d.start()
            self.assertEqual([r["external_id"] for r in d.rows()], ["half"])

    def test_idle_connections_do_not_hold_it(self):
        d = Daemon()
        with d:
            sockets = [socket.create_connection(("127.0.0.1", d.port)) for _ in range(50)]
            for s in sockets[:25]:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                s.recv(1000)
            for s in sockets[25:30]:
                s.sendall(b"POST /v1/feedback HTTP/1.1\r\nHost: 127")
            begun = time.monotonic()
            d.stop(expect=0)
            self.assertLess(time.monotonic() - begun, 30)
            for s in sockets:
                s.close()

    def test_signals_of_a_terminal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            d = Daemon()
            with d:
                d.process.send_signal(number)
                d.wait()
        d = Daemon()
        with d:
            d.process.send_signal(signal.SIGTERM)
            d.process.send_signal(signal.SIGHUP)  # too late to matter
            with contextlib.suppress(ProcessLookupError):
                d.process.send_signal(signal.SIGTERM)
            d.wait()


class ServiceManager(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.directory.name + "/notify")
        self.socket.settimeout(30)
        self.heard = []

    def tearDown(self):
        self.socket.close()
        self.directory.cleanup()

    def hear(self, wanted):
        """Waits for a message with the line `wanted`."""
        while True:
            lines = self.socket.recv(4096).decode().splitlines()
            self.heard.append(lines)
            if wanted in lines:
                return lines

    def test_what_it_hears(self):
        d = Daemon(env={"NOTIFY_SOCKET": self.directory.name + "/notify", "WATCHDOG_USEC": "400000"})
        d.start(wait=False)
        try:
            self.hear("READY=1")
            # ready means ready: stores open, listening
            d.wait_ready()
            self.assertEqual(d.request("GET", "/readyz", token=None).status, 200)
            for _ in range(3):
                self.hear("WATCHDOG=1")
            os.kill(d.process.pid, signal.SIGHUP)
            lines = self.hear("RELOADING=1")
            self.assertTrue(any(line.startswith("MONOTONIC_USEC=") for line in lines))
            self.hear("READY=1")
            d.process.send_signal(signal.SIGTERM)
            self.hear("STOPPING=1")
            d.wait()
        finally:
            d.__exit__(None if d.process is None else AssertionError, None, None)

    def test_not_ready_when_it_can_not_start(self):
        d = Daemon(env={"NOTIFY_SOCKET": self.directory.name + "/notify"})
        (d.dir / "state").mkdir()
        (d.dir / "state" / "system").write_text("not a directory")
        self.assertEqual(d.ends(), 1)
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.assertNotIn(b"READY=1", self.socket.recv(4096))


if __name__ == "__main__":
    unittest.main()
