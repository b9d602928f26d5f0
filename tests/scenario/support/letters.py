"""Messages with a Message-ID of their own."""

import uuid
from dataclasses import dataclass


@dataclass
class Letter:
    message_id: str  # with angle brackets
    content: bytes   # with CRLF


def letter(sender, recipient, subject="a letter", body="Good day.", header=""):
    """A short message; `header` is further header lines, each with its CRLF."""
    message_id = f"<{uuid.uuid4()}@scenario.example>"
    text = (f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\n"
            f"Message-ID: {message_id}\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
            f"{header}\r\n{body}\r\n")
    return Letter(message_id, text.encode())
