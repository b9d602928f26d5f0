"""A name server (NSD) with zones of a test's own, signed (DNSSEC) where a test wants it."""

import shutil
import socket
import subprocess

from support import poll

CONFIGURATION = """\
server:
    ip-address: {address}@{port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    cookie-secret-file: "{folder}/cookies"
    xfrdir: "{folder}"
    server-count: 1
    do-ip6: no
remote-control:
    control-enable: no
"""

START = "@ SOA ns postmaster ( 1 3600 600 86400 5 )\n@ NS ns\nns A {address}\n"


class Names:
    """`zones`: name to the lines of its zone file. Up once constructed; `forward` is its place.

    `signed`: the zones of these names are signed; `anchor` is the file of their keys, for
    dns.trust_anchor. `forged`: each a signed zone, text in it and what it is replaced by after
    signing, so that the record is bogus. PTR records go into a zone such as "2.0.192.in-addr.arpa".
    """

    def __init__(self, folder, address, zones, signed=(), forged=()):
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        self.folder = folder
        self.forward = f"{address}@{port}"
        self.anchor = folder / "anchors"
        text = CONFIGURATION.format(address=address, port=port, folder=folder)
        for name, lines in zones.items():
            text += f'zone:\n    name: "{name}"\n    zonefile: "{self._file(name)}"\n'
            self._file(name).write_text(
                f"$ORIGIN {name}.\n$TTL 5\n" + START.format(address=address) + lines)
            if name in signed:
                self._sign(name)
        for change in forged:
            self._forge(*change)
        (folder / "nsd.conf").write_text(text)
        program = shutil.which("nsd", path="/usr/sbin:/usr/bin:/sbin")
        self.output = open(folder / "nsd.output", "wb")
        self.process = subprocess.Popen([program, "-d", "-c", folder / "nsd.conf"],
                                        stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.output)
        poll.until("the name server answers", lambda: self._answers(address, port))

    def _file(self, name):
        return self.folder / f"{name}.zone"

    def _sign(self, name):
        """One key for all (P-256, algorithm 13); the signed zone takes the place of the plain one."""
        def run(*words):
            return subprocess.run(words, cwd=self.folder, check=True, capture_output=True,
                                  text=True).stdout.strip()

        key = run("ldns-keygen", "-a", "13", "-k", name)
        run("ldns-signzone", "-f", f"{name}.signed", f"{name}.zone", key)
        (self.folder / f"{name}.signed").replace(self._file(name))
        with open(self.anchor, "a", encoding="ascii") as anchors:
            anchors.write((self.folder / f"{key}.key").read_text())

    def _forge(self, zone, before, after):
        """Changes a signed zone without signing it anew: what was changed is bogus."""
        text = self._file(zone).read_text()
        assert before in text, f"{before!r} is not in the zone {zone}"
        self._file(zone).write_text(text.replace(before, after))

    @staticmethod
    def _answers(address, port):
        with socket.socket() as probe:
            return probe.connect_ex((address, port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.output.close()
