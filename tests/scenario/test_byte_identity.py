"""What was sent is what arrives, byte for byte."""

import hashlib
import subprocess
import uuid

import pytest

TRACE = {b"return-path", b"delivered-to", b"received", b"authentication-results"}


def without_trace(message):
    """The message without the trace fields that were put on top of it."""
    lines = message.split(b"\r\n")
    at = 0
    while lines[at].split(b":", 1)[0].lower() in TRACE:
        at += 1
        while lines[at][:1] in (b" ", b"\t"):
            at += 1
    return b"\r\n".join(lines[at:])


def swaks(*words):
    done = subprocess.run(["swaks", *map(str, words)], capture_output=True, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout


def send(lab, organisation, sender, recipient, content, directory):
    """Sends the bytes as they are: swaks adds only what the protocol wants."""
    file = directory / "wire"
    file.write_bytes(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    swaks("--server", organisation.address, "--port", lab.smtp_port, "--local-interface",
          organisation.inside, "--ehlo", "client.contoso.com", "--from", sender, "--to", recipient,
          "--no-data-fixup", "--data", f"@{file}", "--suppress-data")


def message(sender, recipient, message_id):
    """Every kind of line that careless programs change."""
    lines = [
        f"From: {sender}", f"To: {recipient}", f"Message-ID: {message_id}",
        "Subject: =?utf-8?q?valija_diplom=C3=A1tica?=", "Date: Mon, 02 Nov 2026 10:00:00 +0000",
        "X-Folded: one", "\ttwo", "   three", "x-odd-case:no space  ", "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="=_b"', "",
        "preamble with blanks at the end   ", "--=_b",
        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", "",
        "ñandú, café, 郵便", ".", "..", ".a line that begins with a dot", "From the beginning",
        "\t", "", "a" * 998, "--=_b", 'Content-Type: application/octet-stream; name="a.bin"',
        "Content-Disposition: attachment", "Content-Transfer-Encoding: base64", "",
        *["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMw=="] * 3000,
        "--=_b--", "epilogue", ""]
    return "\r\n".join(lines).encode()


def composed_by_swaks(sender, recipient, message_id, directory):
    """What a real program makes of a text with 8-bit characters and an attachment."""
    (directory / "text").write_text("ñandú, café, 郵便\n.\nuna línea más\n")
    (directory / "photo.bin").write_bytes(bytes(range(256)) * 400)
    content = swaks("--dump-mail", "--server", "127.0.0.1", "--from", sender, "--to", recipient,
                    "--h-Message-Id", message_id, "--h-Subject", "con un archivo",
                    "--body", f"@{directory / 'text'}",
                    "--attach-type", "application/octet-stream",
                    "--attach-name", "photo.bin", "--attach", f"@{directory / 'photo.bin'}")
    # It prints the end of data without its dot, which leaves a CR of the last line end.
    return b"\r\n".join(content.rstrip().replace(b"\r\n", b"\n").split(b"\n")) + b"\r\n"


def same_bytes(arrived, sent):
    if arrived != sent:  # say where, before the digests say that
        at = next(i for i, (a, b) in enumerate(zip(arrived + b"\0", sent + b"\1")) if a != b)
        print(f"first difference at byte {at}: sent {sent[at - 20:at + 20]!r}, "
              f"arrived {arrived[at - 20:at + 20]!r}")
    return hashlib.sha256(arrived).hexdigest() == hashlib.sha256(sent).hexdigest()


@pytest.mark.parametrize("way", ["partner", "own mailbox"])
@pytest.mark.parametrize("kind", ["by hand", "by swaks"])
def test_a_message_arrives_as_it_was_sent(lab, tmp_path, way, kind):
    """IR-03, IR-20: a message cannot be changed on the way; only trace fields are added, on top."""
    to = lab.woodgrove if way == "partner" else lab.contoso
    message_id = f"<{uuid.uuid4()}@scenario.example>"
    sender = lab.contoso.mailbox_address
    if kind == "by hand":
        sent = message(sender, to.mailbox_address, message_id)
    else:
        sent = composed_by_swaks(sender, to.mailbox_address, message_id, tmp_path)
        assert b"photo.bin" in sent and "ñandú".encode() in sent
    send(lab, lab.contoso, sender, to.mailbox_address, sent, tmp_path)
    assert same_bytes(without_trace(to.receives(message_id)), sent)
