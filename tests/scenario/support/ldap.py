"""An LDAP directory with a CA's revocation list: Debian's slapd, as an ordinary user."""

import base64
import shutil
import subprocess

from support import poll
from support.server import free_port

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/bin") or "/usr/sbin/slapd"
CONFIGURATION = """\
include /etc/ldap/schema/core.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
maxsize 268435456
suffix "o=contoso"
rootdn "cn=admin,o=contoso"
directory {folder}/data
"""
ENTRIES = """\
dn: o=contoso
objectClass: organization
o: contoso

dn: cn=root,o=contoso
objectClass: cRLDistributionPoint
cn: root
certificateRevocationList;binary:: {list}
"""


class Ldap:
    def __init__(self, folder, address, crl):
        (folder / "data").mkdir(parents=True)
        configuration = folder / "slapd.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder))
        entries = folder / "entries.ldif"
        entries.write_text(ENTRIES.format(list=base64.b64encode(crl).decode()))
        subprocess.run([SLAPD, "-T", "add", "-f", configuration, "-l", entries], check=True,
                       capture_output=True, timeout=60)
        self.place = f"ldap://{address}:{free_port(address)}"
        self.url = self.place + "/cn=root,o=contoso?certificateRevocationList;binary"
        self.process = subprocess.Popen([SLAPD, "-f", configuration, "-h", self.place, "-d", "0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        poll.until("slapd has written its pid", (folder / "slapd.pid").exists)

    def close(self):
        self.process.kill()
        self.process.wait()
