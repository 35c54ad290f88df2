"""GET /v1/stream: what is committed is told at once, to each as much as the role may see, within
limits."""
import socket
import threading
import time
import unittest

from schema import problems
from vocd import SANITIZED, Daemon, Events, eventually, read_all


class Stream(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.d = Daemon(workspaces=("demo", "other")).start()
        cls.doc = cls.d.request("GET", "/openapi.json", token=None).json

    @classmethod
    def tearDownClass(cls):
        cls.d.__exit__(None, None, None)

    def setUp(self):
        self.streams = []

    def tearDown(self):
        for s in self.streams:
            s.close()
        eventually(lambda: self.d.metric("vocd_event_clients") == 0, what="the end of the streams")

    def open(self, token="quality"):
        self.streams.append(Events(self.d, token))
        return self.streams[-1]

    def send(self, ident, text="배송이 늦어요 010-9876-5432", **more):
        answer = self.d.send({"source": self.id(), "external_id": str(ident), "text": text, **more})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["ids"][0]

    def test_head(self):
        stream = self.open()
        self.assertEqual(stream.status, 200)
        head = stream.raw.partition(b"\r\n\r\n")[0].lower()
        self.assertIn(b"content-type: text/event-stream", head)
        self.assertIn(b"cache-control: no-store", head)
        self.assertEqual(self.d.metric("vocd_event_clients"), 1)

    def test_records_as_lists_show_them(self):
        plain, masked = self.open("quality"), self.open("agent")
        ident = self.send(1)
        for stream, token in ((plain, "quality"), (masked, "agent")):
            eventually(lambda: stream.named("feedback"), what="the event")
            self.assertEqual(len(stream.named("feedback")), 1)
            told = stream.named("feedback")[0]
            self.assertEqual(problems(told, {"$ref": "#/components/schemas/Feedback"}, self.doc), [])
            listed = [r for r in self.d.rows(token=token) if r["id"] == ident][0]
            self.assertEqual(told, listed)
        self.assertIn("9876", plain.named("feedback")[0]["text"])
        self.assertNotIn(b"9876", masked.raw)

    def test_only_what_changed(self):
        stream = self.open()
        item = {"source": self.id(), "external_id": "1", "text": "a", "created_at": "2026-01-01T00:00:00Z"}
        for text in ("a", "a", "b", "b"):
            self.d.send(dict(item, text=text))
        self.d.send([{"source": self.id()}, dict(item, external_id="2")])
        eventually(lambda: len(stream.named("feedback")) >= 3, what="three events")
        time.sleep(0.2)
        self.assertEqual([(e["external_id"], e["revision"]) for e in stream.named("feedback")],
                         [("1", 1), ("1", 2), ("2", 1)])

    def test_alerts(self):
        stream = self.open("agent")
        self.d.request("PUT", "/v1/alert-rules/stream", {"where": "source = '%s'" % self.id(),
                                                         "measure": "count", "threshold": 1})
        self.send(1)
        eventually(lambda: stream.named("alert"), what="the alert")
        alert = stream.named("alert")[0]
        self.assertEqual(problems(alert, {"$ref": "#/components/schemas/Alert"}, self.doc), [])
        self.assertEqual((alert["rule"], alert["status"]), ("stream", "firing"))
        self.d.request("DELETE", "/v1/alert-rules/stream")
        eventually(lambda: len(stream.named("alert")) == 2, what="its end")
        self.assertEqual(stream.named("alert")[1]["status"], "resolved")
        self.assertEqual(stream.named("alert")[1]["id"], alert["id"])

    def test_opening_is_in_the_access_log(self):
        self.open("agent")
        entry = self.d.get("/v1/access-log", limit=1).json["items"][0]
        self.assertEqual((entry["what"]["action"], entry["who"]["role"]), ("stream.open", "agent"))

    def test_who_may_not(self):
        for token, status in (("ingest", 403), (None, 401)):
            self.assertEqual(self.d.request("GET", "/v1/stream", token=token).status, status)

    def test_head_requests(self):
        for _ in range(3):
            data = self.d.raw(f"HEAD /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{self.d.port}\r\nAuthorization: "
                              f"Bearer {self.d.tokens['agent']}\r\nConnection: close\r\n\r\n".encode(), 5)
            self.assertTrue(data.startswith(b"HTTP/1.1 200 "), data)
        self.assertEqual(self.d.send([]).status, 200)

    def test_many_come_and_go(self):
        """Opened and dropped while records are being told."""
        stop = threading.Event()

        def load():
            i = 0
            while not stop.is_set():
                i += 1
                self.send(f"load-{i}")
        thread = threading.Thread(target=load)
        thread.start()
        try:
            for _ in range(60):
                s = socket.create_connection(("127.0.0.1", self.d.port))
                s.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{self.d.port}\r\nAuthorization: "
                          f"Bearer {self.d.tokens['quality']}\r\n\r\n".encode())
                if _ % 2:
                    s.recv(100)
                s.close()
        finally:
            stop.set()
            thread.join()
        eventually(lambda: self.d.metric("vocd_event_clients") == 0, what="the end of all")

    def test_a_reader_that_does_not_read(self):
        """It is cut off; others are not kept waiting and memory is not filled for it."""
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", self.d.port))
        deaf.sendall(f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{self.d.port}\r\nAuthorization: Bearer "
                     f"{self.d.tokens['quality']}\r\n\r\n".encode())
        eventually(lambda: self.d.metric("vocd_event_clients") == 1, what="the stream")
        other = self.open()
        before = self.d.rss_anon()
        sent = 0
        while self.d.metric("vocd_event_clients") == 2:
            for _ in range(20):
                self.send(f"deaf-{sent}", text="가" * 20000)
                sent += 1
            self.assertLess(sent, 2000, "still there")
        if not SANITIZED:
            self.assertLess(self.d.rss_anon() - before, 32 << 20)
        eventually(lambda: len(other.named("feedback")) >= min(sent, 20), what="the other's events")
        read_all_quickly = threading.Thread(target=read_all, args=(deaf,), daemon=True)
        read_all_quickly.start()
        read_all_quickly.join(20)
        deaf.close()
        self.assertFalse(read_all_quickly.is_alive(), "cut off means closed")

    def test_too_many(self):
        for _ in range(256):
            self.streams.append(Events(self.d, "agent"))
        answer = self.d.request("GET", "/v1/stream", token="agent")
        self.assertEqual(answer.status, 503, answer)
        self.assertIn("Retry-After", answer.headers)

    def test_zz_they_end_with_the_service(self):
        stream = self.open()
        self.d.stop()
        eventually(lambda: stream.ended, what="the stream's end")
        self.d.start()


if __name__ == "__main__":
    unittest.main()
