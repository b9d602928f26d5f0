"""Much mail at once, each message with an id of its own, and a mailbox server that counts them."""

import re
import socket
import ssl
import threading
import uuid
from collections import Counter
from dataclasses import dataclass

from support import poll, smtp

ID_FIELD = re.compile(rb"^Message-ID: <([0-9a-f]+)@load\.example>\r?$", re.M)
PATIENCE = 120  # seconds that a session or a held answer waits at most


def id_of(content):
    """The id that `Load` gave to this message (bytes), or None."""
    found = ID_FIELD.search(content[:16384])
    return found[1].decode() if found else None


@dataclass
class Shown:
    """How the sessions speak TLS: the client certificate and its key, and the server's name."""

    certificate: str
    key: str
    server_name: str


@dataclass
class Kind:
    """What the messages are like."""

    sender: str = "eve@fabrikam.com"
    recipient: str = "box@contoso.com"
    size: int = 600
    every_tenth: int = 0     # of this size instead, so that it becomes a file
    shown: Shown = None      # None: in clear
    source: str = None       # the address the sessions come from


class Load:
    """`sessions` at once with `messages` each; begins at once, never raises.

    `accepted`: id to queue id of what got 250; `refused`: id to the reply; `under_way`: what had
    neither when its connection broke; `broken`: how connections ended that should not have.
    """

    def __init__(self, address, port, sessions, messages, kind=None):
        self.place = (address, port)
        self.messages = messages
        self.kind = kind or Kind()
        self.accepted, self.refused, self.under_way, self.broken = {}, {}, set(), []
        self._changed = threading.Condition()
        self._stopping = False
        self._running = sessions
        for _ in range(sessions):
            threading.Thread(target=self._session, daemon=True).start()

    def is_running(self):
        return self._running > 0

    def wait_for(self, count, deadline=PATIENCE):
        """Until that many are accepted, or nothing more will be; how many are."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.accepted) >= count or not self.is_running(),
                                   deadline)
            return len(self.accepted)

    def stop(self):
        """Each session ends after the message it is at."""
        self._stopping = True

    def wait(self, deadline=PATIENCE):
        """Until all sessions have ended."""
        poll.until("the load has ended", lambda: not self.is_running(), deadline, pause=0.02)
        return self

    def _session(self):
        at = None
        try:
            with self._connect() as client:
                for number in range(self.messages):
                    if self._stopping:
                        break
                    at = uuid.uuid4().hex
                    self._send(client, at, number)
                at = None
                client.say("QUIT")
        except (OSError, ssl.SSLError, smtp.Closed, ValueError, AssertionError) as error:
            self._note(lambda: (self.broken.append(repr(error)),
                                self.under_way.add(at) if at else None))
        finally:
            self._note(self._end)

    def _end(self):
        self._running -= 1

    def _connect(self):
        client = smtp.Client(*self.place, self.kind.source, timeout=PATIENCE)
        client.ehlo()
        if self.kind.shown:
            shown = self.kind.shown
            client.starttls(shown.certificate, shown.key, shown.server_name)
        return client

    def _send(self, client, identity, number):
        kind = self.kind
        size = kind.every_tenth if kind.every_tenth and number % 10 == 0 else kind.size
        client.raw(f"MAIL FROM:<{kind.sender}>\r\nRCPT TO:<{kind.recipient}>\r\nDATA\r\n".encode())
        replies = [client.read() for _ in range(3)]
        if replies[2].code == 354:
            client.raw(content(kind, identity, size) + b".\r\n")
            replies.append(client.read())
        worst = next((reply for reply in replies if reply.code not in (250, 354)), None)
        if worst is None:
            self._note(lambda: self.accepted.__setitem__(identity, replies[3].queue_id))
        else:
            self._note(lambda: self.refused.__setitem__(identity, str(worst)))

    def _note(self, change):
        with self._changed:
            change()
            self._changed.notify_all()


def content(kind, identity, size):
    line = b"x" * 76 + b"\r\n"
    return (f"From: {kind.sender}\r\nTo: {kind.recipient}\r\nSubject: load\r\n"
            f"Message-ID: <{identity}@load.example>\r\n"
            "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\n").encode() + line * (size // len(line))


class Sink:
    """An LMTP server that keeps no message, only how often each id came (`counts`)."""

    def __init__(self, address):
        self.counts = Counter()
        self.strange = []        # beginnings of messages that are not of a Load
        self.sessions = 0        # open now
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._released.set()
        self._listener = socket.create_server((address, 0), backlog=200)
        self.place = "{}:{}".format(*self._listener.getsockname()[:2])
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self):
        """No message is answered, and none counts, until `release`."""
        self._released.clear()

    def release(self):
        self._released.set()

    def has(self, ids):
        """Whether all of them came."""
        return all(self.counts[one] for one in ids)

    def is_idle(self):
        return self.sessions == 0

    def close(self):
        self.release()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.sessions += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as lines:
                self._talk(connection, lines)
        except OSError:
            pass  # a client that is killed leaves like this
        finally:
            with self._lock:
                self.sessions -= 1

    def _talk(self, connection, lines):
        recipients = 0
        connection.sendall(b"220 sink LMTP\r\n")
        while line := lines.readline(10000):
            verb = line[:4].upper()
            if verb == b"DATA":
                connection.sendall(b"354 go on\r\n")
                if not self._take(lines):
                    return
                connection.sendall(b"250 taken\r\n" * recipients)
                continue
            recipients = {b"MAIL": 0, b"RCPT": recipients + 1}.get(verb, recipients)
            said = {b"LHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
                    b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
            connection.sendall(said)
            if verb == b"QUIT":
                return

    def _take(self, lines):
        """Reads a message to its end and counts it; False: the client left before."""
        head, size = [], 0
        while line := lines.readline():
            if line == b".\r\n":
                break
            size += len(line)
            if size < 16384:
                head.append(line)
        else:
            return False
        self._released.wait(PATIENCE)
        message = b"".join(head)
        identity = id_of(message)
        with self._lock:
            if identity:
                self.counts[identity] += 1
            else:
                self.strange.append(message[:500])
        return True
