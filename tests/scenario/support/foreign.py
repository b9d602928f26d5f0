"""Other people's mail servers: Debian's Postfix, Exim and OpenSMTPD, each in a root of its own.

`tools/peers` makes the roots and runs commands in them; what a server keeps (configuration, queue,
mailbox) is in a directory of the test, shown inside as /peer."""

import email
import functools
import http.server
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from support import authority, poll, world

PEERS = world.ROOT / "tools/peers"
NOBODY = 65534
HOST = "mail.fabrikam.com"


def make_root(name):
    """None once the root of `name` is there, else the sentence that says why it is not."""
    done = subprocess.run([str(PEERS), "make", name], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    return None if done.returncode == 0 else f"no root for {name}: {done.stderr.strip()[-2000:]}"


def body_hash(content):
    """Of what follows the header, whatever the line ends."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content.replace(b"\r\n", b"\n").partition(b"\n\n")[2])
    return digest.finalize().hex()


def received_with(content, by):
    """With which protocol the server `by` took the message, by its own trace field: `ESMTPS`."""
    for field in email.message_from_bytes(content).get_all("Received", []):
        found = re.search(rf"\bby {re.escape(by)}\s.*?\bwith (\w*smtp\w*)", field, re.S | re.I)
        if found:
            return found[1].upper()
    raise AssertionError(f"no trace of {by} in\n{content.decode(errors='replace')[:2000]}")


class Lists:
    """A web server that gives away the revocation list of a CA, `file`, at `url`."""

    def __init__(self, folder, address):
        folder.mkdir()
        self.file = folder / "ca.crl"

        class Quiet(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(
            (address, 0), functools.partial(Quiet, directory=str(folder)))
        self.url = f"http://{address}:{self._server.server_address[1]}/ca.crl"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def begin(self, ca):
        """The first list of `ca`; nothing is revoked. `ca.publish` makes the next ones."""
        first = (x509.CertificateRevocationListBuilder().issuer_name(ca.certificate.subject)
                 .last_update(authority.now()).next_update(authority.now() + 7 * authority.DAY)
                 .add_extension(x509.CRLNumber(1), critical=False)
                 .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                     ca.key.public_key()), critical=False)
                 .sign(ca.key, hashes.SHA256()))
        self.file.write_bytes(first.public_bytes(serialization.Encoding.DER))

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)


class Server:
    """Fabrikam's mail server at `address`, port `port`. It takes mail for fabrikam.com and sends
    that for contoso.com to `next_hop` (address, port). `certificate` is (certificate file, key
    file), or None: then it knows no TLS. `files` are further ones: name below `folder` to text. Up
    once start() returns."""

    name = None
    serves_tls = True
    binds = ()  # further files and directories, from below `folder` to where the program wants them

    def __init__(self, folder, address, port, next_hop, certificate=None, files=None):
        self.folder = folder
        self.address = address
        self.port = port
        self.next_hop = next_hop
        self.process = None
        self.tls = certificate is not None
        for part in ("config", "certs", "log", "mail"):
            (folder / part).mkdir(parents=True)
        os.chown(folder / "mail", NOBODY, NOBODY)
        self.write("config/hosts", f"127.0.0.1 localhost\n{address} {HOST}\n"
                   f"{next_hop[0]} mail.contoso.com\n")
        for file, kind in zip(certificate or (), ("crt", "key")):
            shutil.copy2(file, folder / f"certs/mail.{kind}")
        for name, text in (files or {}).items():
            self.write(name, text)

    def write(self, name, content):
        place = self.folder / name
        place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def command(self, *words):
        command = [str(PEERS), "run", self.name, "--bind", f"{self.folder}:/peer",
                   "--bind", f"{self.folder}/config/hosts:/etc/hosts"]
        for bind in self.binds:
            command += ["--bind", f"{self.folder}/{bind}"]
        return [*command, "--", *words]

    def run(self, *words, given=b""):
        """Runs a command of this mail server to its end; what it wrote."""
        done = subprocess.run(self.command(*words), input=given, capture_output=True, timeout=60)
        assert done.returncode == 0, f"{words} ended with {done.returncode}: {done.stderr.decode()}"
        return done.stdout.decode()

    def start(self):
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(self.command("sh", "-ec", self.foreground),
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        poll.until(f"{self.name} listens", self._is_up, deadline=30)
        return self

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def _is_up(self):
        assert self.process.poll() is None, f"{self.name} ended:\n{self.log()}"
        return self._listens()

    def end(self):
        """Ends it with everything below it; the next server finds the port free."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            poll.until(f"{self.name} is gone", lambda: not self._listens(), deadline=30)

    def log(self):
        files = [self.folder / "output", *sorted((self.folder / "log").iterdir())]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def logs(self, pattern, deadline=30):
        """Waits for a line in its log that matches; the match."""
        return poll.until(f"{self.name} logs {pattern.pattern!r}",
                          lambda: pattern.search(self.log()), deadline)

    def send(self, sender, recipient, letter):
        """As a user of this machine does, by its `sendmail`."""
        self.run(*self.sendmail, "-f", sender, recipient,
                 given=letter.content.replace(b"\r\n", b"\n"))

    def _mailbox(self):
        return [file.read_bytes() for file in (self.folder / "mail/fabrikam/new").glob("*")]

    def find(self, message_id):
        return next((content for content in self._mailbox()
                     if email.message_from_bytes(content)["Message-ID"] == message_id), None)

    def report_about(self, message_id):
        """A delivery report in the mailbox in which the message is named, or None."""
        return next((content for content in self._mailbox() if message_id.encode() in content
                     and b"multipart/report" in content), None)

    def receives(self, message_id):
        """Waits for the message and returns it as it stands in the mailbox."""
        return poll.until(f"{message_id} is in the mailbox of {self.name}",
                          lambda: self.find(message_id))


POSTFIX_MAIN = """\
compatibility_level = 3.6
maillog_file = /dev/stdout
queue_directory = /peer/queue
data_directory = /peer/data
myhostname = mail.fabrikam.com
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = fabrikam.com
virtual_mailbox_base = /peer/mail
virtual_mailbox_maps = static:fabrikam/
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
transport_maps = inline:{{contoso.com=smtp:[mail.contoso.com]:{hop_port}}}
smtp_host_lookup = native
smtp_bind_address = {address}
smtp_tls_loglevel = 1
smtpd_tls_loglevel = 1
"""

POSTFIX_MASTER = """\
{address}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Server):
    name = "postfix"
    foreground = ("mkdir -p /peer/queue && install -d -o postfix /peer/data && "
                  "exec postfix -c /peer/config start-fg")
    sendmail = ("sendmail", "-C", "/peer/config", "-i")

    def __init__(self, *place, settings=None, **options):
        super().__init__(*place, **options)
        self._set = {name: "may" if self.tls else "none"
                     for name in ("smtp_tls_security_level", "smtpd_tls_security_level")}
        if self.tls:
            self._set["smtpd_tls_chain_files"] = "/peer/certs/mail.key, /peer/certs/mail.crt"
        self.write("config/master.cf", POSTFIX_MASTER.format(address=self.address, port=self.port))
        self.set(**settings or {})

    def set(self, **settings):
        """Puts these into main.cf; a running Postfix is restarted and keeps its queue."""
        self._set |= settings
        text = POSTFIX_MAIN.format(address=self.address, nobody=NOBODY, hop_port=self.next_hop[1])
        text += "".join(f"{name} = {value}\n" for name, value in self._set.items())
        self.write("config/main.cf", text)
        if self.process is not None:
            self.end()
            self.start()

    def queue(self):
        """`postqueue -j`: a JSON line for each message."""
        return self.run("postqueue", "-c", "/peer/config", "-j")

    def flush(self):
        self.run("postqueue", "-c", "/peer/config", "-f")


EXIM = """\
primary_hostname = mail.fabrikam.com
spool_directory = /peer/spool
log_file_path = /peer/log/%slog
pid_file_path = /peer/spool/exim.pid
local_interfaces = {address}.{port}
host_lookup =
disable_ipv6 = true
rfc1413_query_timeout = 0s
keep_environment =
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
{tls}
begin acl
acl_rcpt:
  accept domains = fabrikam.com
begin routers
ours:
  driver = accept
  domains = fabrikam.com
  transport = mailbox
contoso:
  driver = manualroute
  route_list = contoso.com mail.contoso.com::{hop_port} byname
  transport = out
begin transports
mailbox:
  driver = appendfile
  maildir_format
  directory = /peer/mail/fabrikam
  user = nobody
  group = nogroup
out:
  driver = smtp
  allow_localhost
  interface = {address}
  {out}
begin retry
* * F,2h,1m
"""
EXIM_TLS = ("tls_advertise_hosts = *\ntls_certificate = /peer/certs/mail.crt\n"
            "tls_privatekey = /peer/certs/mail.key\n")


class Exim(Server):
    name = "exim"
    foreground = ("install -d -o Debian-exim -g Debian-exim /peer/spool && "
                  "chown -R Debian-exim:Debian-exim /peer/log /peer/certs && "
                  "exec exim4 -bdf -q1m")
    binds = ("config/exim.conf:/etc/exim4/exim4.conf",)
    sendmail = ("exim4", "-odi", "-i")  # delivers before it returns

    def __init__(self, *place, settings="", **options):
        """`settings`: further lines of its main section, where it knows TLS."""
        super().__init__(*place, **options)
        self.write("config/exim.conf", EXIM.format(
            address=self.address, port=self.port, hop_port=self.next_hop[1],
            tls=EXIM_TLS + settings if self.tls else "tls_advertise_hosts =",
            out="" if self.tls else "hosts_avoid_tls = *"))


OPENSMTPD = """\
{pki}table users {{ "@" = "nobody" }}
listen on {address} port {port} {tls} hostname mail.fabrikam.com
action "in" maildir "/peer/mail/fabrikam" virtual <users>
action "out" relay host "{scheme}://mail.contoso.com:{hop_port}" src "{address}" \
helo "mail.fabrikam.com"
match from any for domain "fabrikam.com" action "in"
match from local for domain "contoso.com" action "out"
"""
OPENSMTPD_PKI = 'pki mail cert "/peer/certs/mail.crt"\npki mail key "/peer/certs/mail.key"\n'


class OpenSmtpd(Server):
    name = "opensmtpd"
    # Debian 12's OpenSMTPD (6.8.0p2) offers STARTTLS, but its server side fails in every handshake:
    # its private key engine is not called by OpenSSL 3 (OpenSMTPD issue 1171). As a client it can.
    serves_tls = False
    foreground = "exec smtpd -d"
    binds = ("config/smtpd.conf:/etc/smtpd.conf", "config/resolv.conf:/etc/resolv.conf",
             "spool:/var/spool/smtpd", "run:/run")
    sendmail = ("sendmail", "-i")

    def __init__(self, *place, **options):
        super().__init__(*place, **options)
        for part, mode in (("spool", 0o711), ("run", 0o755)):
            (self.folder / part).mkdir()
            (self.folder / part).chmod(mode)
        self.write("config/resolv.conf", "lookup file\n")
        self.write("config/smtpd.conf", OPENSMTPD.format(
            address=self.address, port=self.port, hop_port=self.next_hop[1],
            pki=OPENSMTPD_PKI if self.tls else "", tls="tls pki mail" if self.tls else "",
            scheme="smtp" if self.tls else "smtp+notls"))


SERVERS = {kind.name: kind for kind in (Postfix, Exim, OpenSmtpd)}
