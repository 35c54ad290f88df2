"""An IMAP server on threads, with as much of RFC 3501 as reading a mailbox takes, which misbehaves when
a test tells it to."""
import base64
import contextlib
import email.utils
import re
import socket
import threading
import time

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Message:
    def __init__(self, uid, data, at):
        self.uid, self.data, self.at, self.flags = uid, data, at, set()

    def internal_date(self):
        t = time.gmtime(self.at)
        return time.strftime(f'"%d-{MONTHS[t.tm_mon - 1]}-%Y %H:%M:%S +0000"', t)


class Mailbox:
    """`twist(command)` may give what is done instead of an answer: "drop", "stall", "half" (of a
    literal, then the end), "huge" (a literal announced and never sent), "drip" (the answer byte by
    byte), or a text that is the tagged answer, like 'NO [SERVERBUG] sorry'."""

    def __init__(self, user="voc@example.com", password="p4ss word\"\\", name="INBOX", tls=None):
        self.tls = tls  # a server's ssl context
        self.starttls = None  # the same, for after STARTTLS
        self.mechanisms, self.tokens = [], set()  # offered beside LOGIN; what they let in
        self.shown = []  # access tokens, as they came
        self.user, self.password, self.name = user, password, name
        self.validity, self.next, self.messages = 7, 1, []
        self.tells_next = True
        self.commands, self.lock = [], threading.RLock()
        self.twist = lambda command: None
        self.logins = 0
        self.stop = threading.Event()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def add(self, data, at=None, uid=None):
        with self.lock:
            self.next = max(self.next, uid or 0)
            message = Message(self.next, data if isinstance(data, bytes) else data.encode(),
                              time.time() if at is None else at)
            self.next += 1
            self.messages.append(message)
            return message.uid

    def delete(self, uid):
        with self.lock:
            self.messages = [m for m in self.messages if m.uid != uid]

    def renumber(self, validity, first=1):
        """What a server does that lost its index."""
        with self.lock:
            self.validity, self.next = validity, first
            for m in self.messages:
                m.uid, self.next = self.next, self.next + 1

    def said(self, begin=""):
        with self.lock:
            return [c for c in self.commands if c.startswith(begin)]

    # --- a connection ---

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.listener.accept()
                self.sockets.append(s)
                threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        with contextlib.suppress(OSError, ValueError, IndexError):
            s = self.tls.wrap_socket(s, server_side=True) if self.tls else s
            lines = s.makefile("rb")
            s.sendall(b"* OK hello\r\n")
            while line := lines.readline().decode("utf-8", "replace").rstrip("\r\n"):
                tag, _, command = line.partition(" ")
                if command == "STARTTLS" and self.starttls:
                    self.note(command)
                    s.sendall(f"{tag} OK begin\r\n".encode())
                    s = self.starttls.wrap_socket(s, server_side=True)
                    lines = s.makefile("rb")
                    continue
                if command.startswith("AUTHENTICATE "):
                    self.note(command)
                    s.sendall(b"+ \r\n")
                    s.sendall(f"{tag} {self.authenticate(command, lines.readline())}\r\n".encode())
                    continue
                with self.lock:
                    shown = re.sub(r"^(LOGIN) .*", r"\1", command)
                    self.commands.append(shown)
                    act = self.twist(shown)
                    answer, last = self.answer(command)
                if act and not self.misbehave(s, tag, act, answer):
                    break
                if not act:
                    s.sendall(answer + f"{tag} {last}\r\n".encode())
                if command == "LOGOUT":
                    break
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_RDWR)
        s.close()

    def note(self, command):
        with self.lock:
            self.commands.append(command)

    def authenticate(self, command, response):
        """RFC 7628, and Google's XOAUTH2: how they let in."""
        text = base64.b64decode(response).decode()
        user = re.search(r"(?:^n,a=|^user=)([^,\x01]*)", text)[1]
        token = re.search(r"\x01auth=Bearer ([^\x01]*)\x01\x01$", text)[1]
        with self.lock:
            self.logins += 1
            self.shown.append(token)
            good = command.split(" ")[1] in self.mechanisms and user == self.user and token in self.tokens
        return "OK in" if good else "NO [AUTHENTICATIONFAILED] no"

    def misbehave(self, s, tag, act, answer):
        if act == "stall":
            self.stop.wait(60)
        elif act == "half":
            s.sendall(answer[:max(1, len(answer) // 2)])
        elif act == "huge":
            s.sendall(b"* 1 FETCH (UID 1 BODY[]<0> {99999999}\r\n" + b"x" * 1000)
            self.stop.wait(60)
        elif act == "drip":
            for i in range(len(answer)):
                s.sendall(answer[i:i + 1])
            s.sendall(f"{tag} OK done\r\n".encode())
            return True
        elif act != "drop":
            s.sendall(f"{tag} {act}\r\n".encode())
            return True
        return False

    def answer(self, command):
        verb = command.split(" ")[0].upper()
        if verb == "CAPABILITY":
            more = [f"AUTH={m}" for m in self.mechanisms] + ["STARTTLS"] * bool(self.starttls)
            return ("* CAPABILITY " + " ".join(["IMAP4rev1", *more]) + "\r\n").encode(), "OK done"
        if verb == "LOGIN":
            return self.login(command)
        if verb == "EXAMINE":
            name = re.match(r'EXAMINE "((?:[^"\\]|\\.)*)"$', command).group(1)
            if name != self.name:
                return b"", "NO [NONEXISTENT] no such mailbox"
            told = f"* OK [UIDNEXT {self.next}] fine\r\n" if self.tells_next else ""
            return (f"* FLAGS (\\Seen)\r\n* {len(self.messages)} EXISTS\r\n"
                    f"* OK [UIDVALIDITY {self.validity}] fine\r\n{told}").encode(), "OK [READ-ONLY] done"
        if command.startswith("UID SEARCH"):
            return self.search(command)
        if command.startswith("UID FETCH"):
            return self.fetch(command)
        return b"", "OK done" if verb in ("NOOP", "LOGOUT") else "BAD what"

    def login(self, command):
        def word(text):
            return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
        got = [word(w) for w in re.findall(r'"(?:[^"\\]|\\.)*"|[^ ]+', command)[1:]]
        self.logins += 1
        good = got == [self.user, self.password]
        return b"", "OK in" if good else "NO [AUTHENTICATIONFAILED] no"

    def search(self, command):
        low, high, since = re.match(r"UID SEARCH UID (\d+):(\d+)(?: SINCE (\S+))?$", command).groups()
        chosen = [m for m in self.messages if int(low) <= m.uid <= int(high)]
        if since:
            day, month, year = since.split("-")
            begin = email.utils.mktime_tz((int(year), MONTHS.index(month) + 1, int(day),
                                           0, 0, 0, 0, 0, 0, 0))
            chosen = [m for m in chosen if m.at >= begin]
        return ("* SEARCH" + "".join(f" {m.uid}" for m in chosen) + "\r\n").encode(), "OK done"

    def fetch(self, command):
        uid, items, size = re.match(r"UID FETCH (\d+) \((.*) BODY\.PEEK\[\]<0\.(\d+)>\)$", command).groups()
        for n, m in enumerate(self.messages, 1):
            if m.uid == int(uid):
                part = m.data[:int(size)]
                return (b'* 1 EXISTS\r\n* %d FETCH (UID %d INTERNALDATE %s RFC822.SIZE %d BODY[]<0> {%d}\r\n'
                        % (n, m.uid, m.internal_date().encode(), len(m.data), len(part))
                        + part + b")\r\n"), "OK done"
        return b"", "OK nothing"

    def close(self):
        self.stop.set()
        self.listener.close()
        for s in self.sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
