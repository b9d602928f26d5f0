"""The lab as a scenario sees it, and the command `valija`."""

import imaplib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from support import poll

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = Path(os.environ.get("VALIJA_PROGRAM", ROOT / "build-sanitize/bin/valija")).resolve()


@dataclass
class Done:
    """A finished command."""

    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def valija(*words, home=None, deadline=60, environment=None):
    """Runs the command to its end."""
    command = [str(PROGRAM), *map(str, words)]
    if home is not None:
        command += ["--home", str(home)]
    variables = {name: value for name, value in os.environ.items() if name != "VALIJA_HOME"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=deadline,
                          env=variables | (environment or {}), stdin=subprocess.DEVNULL)
    return Done(done.returncode, done.stdout, done.stderr)


class Organisation:
    """One of the lab's organisations; the fields are those of `valija lab --json`."""

    def __init__(self, description, smtp_port):
        self.fields = description
        self.smtp_port = smtp_port

    def __getattr__(self, name):
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def mailbox_address(self):
        return self.mailbox["address"]

    def valija(self, *words, **options):
        return valija(*words, home=self.home, **options)

    def imap(self):
        host, port = self.fields["imap"].rsplit(":", 1)
        client = imaplib.IMAP4(host, int(port), timeout=20)
        client.login(self.mailbox["user"], self.mailbox["password"])
        client.select("INBOX")
        return client

    def find(self, field, value):
        """The message (bytes) in the mailbox whose header `field` contains `value`, or None."""
        client = self.imap()
        try:
            _, found = client.search(None, "HEADER", field, f'"{value}"')
            numbers = found[0].split()
            if not numbers:
                return None
            _, data = client.fetch(numbers[-1].decode(), "(BODY.PEEK[])")
            return data[0][1]
        finally:
            client.logout()

    def find_text(self, text):
        """The newest message (bytes) in which `text` occurs anywhere, or None."""
        client = self.imap()
        try:
            _, found = client.search(None, "TEXT", f'"{text}"')
            numbers = found[0].split()
            if not numbers:
                return None
            _, data = client.fetch(numbers[-1].decode(), "(BODY.PEEK[])")
            return data[0][1]
        finally:
            client.logout()

    def receives(self, message_id, deadline=60):
        """Waits for the message and returns it as it stands in the mailbox."""
        return poll.until(f"{message_id} is in the mailbox of {self.mailbox_address}",
                          lambda: self.find("Message-ID", message_id), deadline)

    def messages(self):
        client = self.imap()
        try:
            _, found = client.search(None, "ALL")
            return len(found[0].split())
        finally:
            client.logout()

    def queue(self):
        return self.valija("queue", "list", "--json").json

    def log(self):
        return Path(self.home, "log", "valija.log").read_text(errors="replace")


class Lab:
    """`valija lab --keep`, running until stop()."""

    def __init__(self, environment=None):
        # A world of its own: two labs side by side must not meet in TMPDIR either.
        self.directory = tempfile.mkdtemp(prefix="valija-scenario.")
        self.errors = open(os.path.join(self.directory, "lab.err"), "w+b")
        self.process = subprocess.Popen(
            [str(PROGRAM), "lab", "--keep", "--scenes", "none", "--json"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.errors, start_new_session=True,
            env=dict(os.environ) | (environment or {}))
        line = self._first_line(120)
        try:
            self.fields = json.loads(line)
        except ValueError:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"`valija lab` came up without its JSON line; it said {line!r} "
                                 f"and\n{self.said()}") from None
        self.root = Path(self.fields["root"])
        self.smtp_port = self.fields["smtp_port"]
        self.organisations = {o["name"]: Organisation(o, self.smtp_port)
                              for o in self.fields["organisations"]}

    def _first_line(self, deadline):
        found = []
        reader = threading.Thread(
            target=lambda: found.append(self.process.stdout.readline()), daemon=True)
        reader.start()
        reader.join(deadline)
        return found[0] if found else b""

    def said(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")[-4000:]

    @property
    def contoso(self):
        return self.organisations["contoso"]

    @property
    def woodgrove(self):
        return self.organisations["woodgrovebank"]

    def outsider_address(self, last=66):
        """A loopback address of this lab that belongs to nobody."""
        return self.contoso.address.rsplit(".", 1)[0] + f".{last}"

    def stop(self):
        """Ends the lab orderly; returns its exit status and what it wrote on standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            status = self.process.wait()
        self.process.stdout.close()
        said = self.said()
        self.errors.close()
        shutil.rmtree(self.directory)
        return status, said
