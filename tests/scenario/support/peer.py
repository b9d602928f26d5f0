"""A mail server that answers as it is told, and remembers what was said to it."""

import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field


@dataclass
class Heard:
    """One session."""

    commands: list = field(default_factory=list)  # as the client typed them, in order
    contents: list = field(default_factory=list)  # bytes of each message, dots undone
    tls: bool = False
    client_certificate: bytes = None              # DER, None if none was shown
    broken: str = ""                              # what ended it, if not QUIT

    def said(self, verb):
        return [line for line in self.commands if line.upper().startswith(verb)]


@dataclass
class Manners:
    """How it behaves; the defaults are those of a good server without TLS."""

    greeting: str = "220 peer ESMTP"
    replies: dict = field(default_factory=dict)  # verb: a reply, or a list of them, one a command
    certificate: str = None     # PEM files: STARTTLS is offered
    key: str = None
    client_ca: str = None       # PEM file: a client certificate is asked for
    client_required: bool = False  # without one the handshake fails (TLS 1.3: afterwards)
    hangs_up_at: str = ""          # a verb: it gets no reply
    breaks_handshake: bool = False
    resets_handshake: bool = False  # the connection is reset (RST) instead
    behind_starttls: str = ""      # plaintext in the same segment as the 220 to STARTTLS
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    is_lax: bool = False           # old protocols, short keys and SHA-1 are all right


class Peer:
    """Listens at once; `heard` are the sessions in the order in which they began."""

    def __init__(self, address, port, manners=None):
        self.manners = manners or Manners()
        self.heard = []
        self._listener = socket.create_server((address, port))
        self._threads = []
        self._left = {verb: list(replies) if isinstance(replies, list) else None
                      for verb, replies in self.manners.replies.items()}
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            session = Heard()
            self.heard.append(session)
            thread = threading.Thread(target=self._serve, args=(connection, session), daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(20)
        for thread in self._threads:
            thread.join(20)

    def contents(self):
        return [content for session in self.heard for content in session.contents]

    def _serve(self, connection, session):
        connection.settimeout(20)
        try:
            _Session(self, connection, session).run()
        except (OSError, ssl.SSLError, EOFError) as error:
            session.broken = repr(error)
        finally:
            connection.close()

    def reply_to(self, verb, usual):
        """The reply that was asked for, the next of a list (its last one repeats), or the usual."""
        wanted = self.manners.replies.get(verb)
        if wanted is None:
            return usual
        left = self._left[verb]
        if left is None:
            return wanted
        return left.pop(0) if len(left) > 1 else left[0]


class _Session:
    def __init__(self, peer, connection, heard):
        self.peer = peer
        self.manners = peer.manners
        self.connection = connection
        self.heard = heard
        self.input = connection.makefile("rb")
        self.recipients = 0

    def say(self, text):
        self.connection.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def run(self):
        self.say(self.manners.greeting)
        while True:
            line = self.input.readline(10000)
            if not line:
                raise EOFError("the client left")
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.heard.commands.append(command)
            verb = command.split(" ")[0].upper()
            if not self.answer(verb):
                return

    def answer(self, verb):
        usual = {"EHLO": self.extensions(), "STARTTLS": "220 ready", "QUIT": "221 bye",
                 "DATA": "354 go on" if self.recipients else "503 no recipient",
                 }.get(verb, "250 ok")
        if verb == self.manners.hangs_up_at:
            raise EOFError("hung up")
        reply = self.peer.reply_to(verb, usual)
        tail = self.manners.behind_starttls if verb == "STARTTLS" else ""
        self.say(reply + ("\n" + tail if tail else ""))
        if verb == "MAIL":
            self.recipients = 0
        if verb == "RCPT" and reply.startswith("250"):
            self.recipients += 1
        if verb == "STARTTLS" and reply.startswith("220"):
            self.secure()
        if verb == "DATA" and reply.startswith("354"):
            self.take_content()
        return verb != "QUIT" and not reply.startswith("421")

    def extensions(self):
        offers = self.manners.certificate and not self.heard.tls
        return "250-peer\n250-8BITMIME\n250-PIPELINING\n" + (
            "250-STARTTLS\n" if offers else "") + "250 SIZE 0"

    def secure(self):
        if self.manners.breaks_handshake:
            self.connection.sendall(b"this is not TLS\r\n")
            raise EOFError("handshake broken")
        if self.manners.resets_handshake:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.input.close()
            raise EOFError("handshake reset")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.manners.is_lax:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = self.manners.newest
        context.load_cert_chain(self.manners.certificate, self.manners.key)
        if self.manners.client_ca:
            context.load_verify_locations(self.manners.client_ca)
            context.verify_mode = (ssl.CERT_REQUIRED if self.manners.client_required
                                   else ssl.CERT_OPTIONAL)
        self.connection = context.wrap_socket(self.connection, server_side=True,
                                              do_handshake_on_connect=False)
        try:
            self.connection.do_handshake()
        except ssl.SSLError:
            self.leave_in_peace()
            raise
        self.input = self.connection.makefile("rb")
        self.heard.tls = True
        self.heard.client_certificate = self.connection.getpeercert(binary_form=True)

    def leave_in_peace(self):
        """The client can read why the handshake failed: no reset overtakes the alert."""
        with socket.socket(fileno=self.connection.detach()) as plain:
            plain.settimeout(20)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):
                pass

    def take_content(self):
        lines = []
        while True:
            line = self.input.readline()
            if not line:
                raise EOFError("the client left within the content")
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        reply = self.peer.reply_to("CONTENT", "250 taken")
        if reply.startswith("250"):
            self.heard.contents.append(b"".join(lines))
        self.say(reply)
