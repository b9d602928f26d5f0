"""A `valija serve` of a scenario's own, beside those of the lab, in a home of its own."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from support import poll, smtp, world


def free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Home:
    """A directory for --home with the least that a server needs."""

    def __init__(self, path, lab, address):
        self.path = Path(path)
        self.lab = lab
        self.address = address
        self.port = free_port(address)
        for name in ("etc/partners.d", "etc/connectors.d", "etc/anchors", "keys"):
            (self.path / name).mkdir(parents=True)
        os.chmod(self.path / "keys", 0o700)
        self.write("etc/valija.toml", self.settings(lab.contoso.lmtp))
        self.write("etc/connectors.d/Inet.toml",
                   f'kind = "receive"\nlisten = ["{address}:{self.port}"]\n'
                   'unlimited_sources = ["127.0.0.0/8"]\n')

    def settings(self, lmtp):
        return ('# written by hand; a comment to keep\nhostname = "mail.contoso.com"\n'
                f'accepted_domains = ["contoso.com"]\nsmtp_port = {self.lab.smtp_port}\n\n[dns]\n'
                f'forward = "{self.lab.fields["dns"]}"\n\n[mailbox]\nlmtp = "{lmtp}"   # ours\n\n'
                '[queue]\nretry = ["1s"]\n\n[server]\nloops = 1\n')

    def write(self, name, text):
        (self.path / name).write_text(text)

    def read(self, name):
        return (self.path / name).read_text()

    def append(self, name, text):
        self.write(name, self.read(name) + text)

    def show(self, name, certificate, key):
        """Makes these files our certificate of this name."""
        self.write(f"keys/{name}.crt", Path(certificate).read_text())
        shutil.copy2(key, self.path / "keys" / f"{name}.key")

    def valija(self, *words, **options):
        return world.valija(*words, home=self.path, **options)


class Server:
    """`valija serve` on a Home; up once constructed. `environment`: more variables for it;
    `prefix`: a command that ends by becoming it."""

    def __init__(self, home, environment=None, prefix=()):
        self.home = home
        self.said_file = home.path / "serve.err"
        with open(self.said_file, "wb") as errors:
            self.process = subprocess.Popen([*prefix, str(world.PROGRAM), "serve", "--home",
                                             str(home.path)],
                                            stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                            env=dict(os.environ) | (environment or {}))
        try:
            poll.until("`valija serve` says that it is ready", self._is_up)
        except AssertionError:
            self.kill()
            raise

    def _is_up(self):
        assert self.process.poll() is None, f"`valija serve` ended:\n{self.said()}"
        return "valija: ready" in self.said()

    def said(self):
        return self.said_file.read_text(errors="replace")

    def client(self, source=None):
        session = smtp.Client(self.home.address, self.home.port, source)
        session.ehlo()
        return session

    def kill(self):
        """The machine loses power, as far as the process can tell."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def end(self):
        """Orderly; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)
