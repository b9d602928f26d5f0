"""An SMTP client that does exactly what it is told, right or wrong."""

import re
import socket
import ssl
from dataclasses import dataclass


@dataclass
class Reply:
    code: int
    text: str  # all lines, joined by newlines, without the code

    def __str__(self):
        return f"{self.code} {self.text}"

    @property
    def queue_id(self):
        """The server's own id in its reply to the end of data."""
        return re.search(r"\[InternalId=([0-9A-F]{16})\]", self.text)[1]


class Closed(Exception):
    """The server ended the connection."""


class Client:
    """One session. `source` is the address we come from."""

    def __init__(self, address, port, source=None, timeout=30):
        self.address = address
        self.socket = socket.create_connection((address, port), timeout,
                                               source_address=(source, 0) if source else None)
        self.buffer = b""
        self.greeting = self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def raw(self, data):
        self.socket.sendall(data)

    def _line(self):
        while b"\n" not in self.buffer:
            try:
                piece = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLEOFError) as broken:
                raise Closed(str(broken)) from None
            if not piece:
                raise Closed("end of connection")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def read(self):
        lines = []
        while True:
            line = self._line()
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), "\n".join(lines))

    def say(self, line):
        """One command, its reply."""
        self.raw(line.encode() + b"\r\n")
        return self.read()

    def is_closed(self):
        """Whether the server has ended the connection (waits for it; a further reply says no)."""
        try:
            self.read()
        except (Closed, ssl.SSLError):
            return True
        return False

    def ehlo(self, name="client.fabrikam.com"):
        reply = self.say(f"EHLO {name}")
        assert reply.code == 250, reply
        return reply

    def starttls(self, certificate=None, key=None, server_name=None, ehlo="client.fabrikam.com"):
        """STARTTLS and EHLO; shows `certificate` (PEM file) if given; verifies nothing itself."""
        reply = self.say("STARTTLS")
        assert reply.code == 220, reply
        self.wrap(certificate, key, server_name)
        return self.ehlo(ehlo)

    def wrap(self, certificate=None, key=None, server_name=None, newest=None):
        """`newest`: no newer protocol than this one, and anything older; anything weak is taken."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if newest:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = newest
        if certificate:
            context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_hostname=server_name)
        self.buffer = b""

    def mail(self, sender):
        return self.say(f"MAIL FROM:<{sender}>")

    def rcpt(self, recipient):
        return self.say(f"RCPT TO:<{recipient}>")

    def data(self, content):
        """DATA and the content (bytes with CRLF, not yet dot-stuffed); the final reply."""
        reply = self.say("DATA")
        assert reply.code == 354, reply
        if not content.endswith(b"\r\n"):
            content += b"\r\n"
        if content.startswith(b"."):
            content = b"." + content
        self.raw(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        return self.read()

    def deliver(self, sender, recipient, content):
        """A whole transaction; the first reply that is not positive, or the last."""
        for reply in (self.mail(sender), self.rcpt(recipient)):
            if reply.code != 250:
                return reply
        return self.data(content)
