"""A help desk that is asked for its tickets: an HTTP server on a thread whose answers a test writes,
and which misbehaves when told to."""
import http.server
import json
import socket
import struct
import threading
import time
import urllib.parse

from vocd import free_port


class Ask:
    """One request as it came."""

    def __init__(self, handler, body):
        self.method, self.target, self.body = handler.command, handler.path, body
        parts = urllib.parse.urlsplit(handler.path)
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.at = time.monotonic()

    def __repr__(self):
        return f"<{self.method} {self.target}>"


class Reply:
    """What is said. `act`: "close" breaks off in the body, "reset" before it, "stall" says nothing,
    "drip" sends a byte now and then."""

    def __init__(self, body=b"", status=200, headers=None, act=None):
        self.body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.status, self.headers, self.act = status, headers or {}, act


class Upstream:
    """`answer(ask)` gives a Reply, or what a Reply takes as body. `tls`: a server's ssl context."""

    def __init__(self, answer, port=None, tls=None):
        self.tls, self.answer, self.asks, self.lock = tls, answer, [], threading.Lock()
        self.port = port or free_port()
        self.stop = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                ask = Ask(self, body)
                with outer.lock:
                    outer.asks.append(ask)
                    reply = outer.answer(ask)
                outer.say(self, reply if isinstance(reply, Reply) else Reply(reply))

            do_GET = do_POST = handle_one

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def say(self, handler, reply):
        if reply.act == "stall":
            self.stop.wait(30)
            return
        if reply.act == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                          struct.pack("ii", 1, 0))
            handler.close_connection = True
            return
        handler.send_response(reply.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)),
                   **reply.headers}
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        if reply.act == "drip":
            for i in range(len(reply.body)):
                handler.wfile.write(reply.body[i:i + 1])
                if self.stop.wait(0.05):
                    return
        elif reply.act == "close":
            handler.wfile.write(reply.body[:len(reply.body) // 2])
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
        else:
            handler.wfile.write(reply.body)

    def asked(self, path=None):
        with self.lock:
            return [a for a in self.asks if path is None or a.path == path]

    def close(self):
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
