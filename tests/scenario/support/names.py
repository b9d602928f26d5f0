"""A name server (NSD) with zones of a test's own."""

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
    """`zones`: name to the lines of its zone file. Up once constructed; `forward` is its place."""

    def __init__(self, folder, address, zones):
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        self.forward = f"{address}@{port}"
        text = CONFIGURATION.format(address=address, port=port, folder=folder)
        for name, lines in zones.items():
            text += f'zone:\n    name: "{name}"\n    zonefile: "{name}.zone"\n'
            (folder / f"{name}.zone").write_text(
                f"$ORIGIN {name}.\n$TTL 5\n" + START.format(address=address) + lines)
        (folder / "nsd.conf").write_text(text)
        program = shutil.which("nsd", path="/usr/sbin:/usr/bin:/sbin")
        self.output = open(folder / "nsd.output", "wb")
        self.process = subprocess.Popen([program, "-d", "-c", folder / "nsd.conf"],
                                        stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.output)
        poll.until("the name server answers", lambda: self._answers(address, port))

    @staticmethod
    def _answers(address, port):
        with socket.socket() as probe:
            return probe.connect_ex((address, port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.output.close()
