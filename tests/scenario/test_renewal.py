"""A certificate is renewed while mail flows: nobody is paged, and no session is dropped."""

import contextlib
import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from support import authority, peer, poll, server, world
from support.programs import run, working_in

NAME = "mail.contoso.com"
DAY = authority.DAY
SESSIONS = 100
HOOKS = Path(__file__).resolve().parents[2] / "packaging/hooks"


def thumbprint(session):
    return hashlib.sha1(session.socket.getpeercert(True)).hexdigest().upper()


def opened(running):
    session = running.client()
    session.starttls()
    return session


def shown(running):
    session = opened(running)
    session.say("QUIT")
    return thumbprint(session)


class Ca:
    """Issues certificates for our name, each younger than the last."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = authority.Authority.stranger(str(folder), "http://127.0.0.1:9/own.crl")
        self.issued = 0

    def issue(self, **options):
        self.issued += 1
        folder = self.folder / str(self.issued)
        folder.mkdir()
        self.authority.directory = str(folder)
        options = {"start": -DAY + self.issued * DAY / 100} | options
        certificate, key, _ = self.authority.issue(NAME, **options)
        return certificate, key


@pytest.fixture
def ca(tmp_path):
    folder = tmp_path / "our-ca"
    folder.mkdir()
    return Ca(folder)


@pytest.fixture
def first(home, ca):
    """The certificate in use at the start, imported and enabled."""
    certificate, key = ca.issue()
    done = home.valija("certificate", "import", certificate, "--key", key, "--json")
    assert done.status == 0, done
    assert home.valija("certificate", "enable", done.json["thumbprint"], "--services",
                       "smtp").status == 0
    return done.json


def by_command(home, certificate, key):
    done = home.valija("certificate", "import", certificate, "--key", key, "--replace", "--json")
    return done.status, done.err


def by_files(home, certificate, key):
    """As a script of the operator's does it: both files anew, then a reload."""
    for source, target in ((key, f"{NAME}.key"), (certificate, f"{NAME}.crt")):
        fresh = home.path / "keys" / ".fresh"
        fresh.write_bytes(Path(source).read_bytes())
        fresh.chmod(0o600)
        fresh.rename(home.path / "keys" / target)
    done = home.valija("reload")
    return done.status, done.err


def by_hook(name, variables):
    def renew(home, certificate, key):
        values = variables(Path(certificate), Path(key))
        done = subprocess.run([HOOKS / name], capture_output=True, text=True, check=False,
                              env=dict(os.environ) | values | {
                                  "VALIJA_HOME": str(home.path),
                                  "VALIJA_PROGRAM": str(world.PROGRAM)})
        return done.returncode, done.stderr

    return renew


def lineage(certificate, key):
    """As certbot keeps them, with a blank in the path."""
    folder = certificate.parent / "a lineage"
    folder.mkdir()
    (folder / "fullchain.pem").write_bytes(certificate.read_bytes())
    (folder / "privkey.pem").write_bytes(key.read_bytes())
    return {"RENEWED_LINEAGE": str(folder)}


WAYS = {"command": by_command, "files": by_files,
        "certbot": by_hook("certbot-deploy", lineage),
        "lego": by_hook("lego-deploy", lambda certificate, key: {
            "LEGO_CERT_PATH": str(certificate), "LEGO_CERT_KEY_PATH": str(key)})}


@pytest.mark.parametrize("way", WAYS)
def test_a_hundred_sessions_go_on_over_a_renewal(home, serve, ca, first, contoso, way):
    """Issue 5 "Renewal": open sessions go on with mail, new ones see the new certificate, nothing
    is left of the old key."""
    running = serve()
    sessions = [opened(running) for _ in range(SESSIONS)]
    assert {thumbprint(session) for session in sessions} == {first["thumbprint"]}
    half = sessions[::2]
    for session in half:  # within a transaction
        assert session.say("MAIL FROM:<eve@fabrikam.com>").code == 250
    status, said = WAYS[way](home, *ca.issue())
    assert status == 0, said
    renewed = shown(running)
    assert renewed != first["thumbprint"]
    for session in half:
        assert session.say(f"RCPT TO:<{contoso.mailbox_address}>").code == 250
        assert session.say("RSET").code == 250
    assert all(session.say("NOOP").code == 250 for session in sessions)
    assert shown(running) == renewed
    assert len(list((home.path / "keys").glob("*.key"))) == 1
    listed = home.valija("certificate", "list", "--json").json
    assert [one["thumbprint"] for one in listed] == [renewed]
    assert listed[0]["services"] == ["smtp"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["another key", "cut off", "expired"])
def test_a_bad_renewal_changes_nothing(home, serve, ca, first, way, fault):
    """Refused with a sentence, and the old one is shown, in handshakes that succeed."""
    running = serve()
    if fault == "expired" and way == "files":
        pytest.skip("whoever writes the files himself decides that; an event tells of the end")
    certificate, key = ca.issue(end=-DAY / 2 if fault == "expired" else 30 * DAY)
    if fault == "another key":
        key = ca.issue()[1]
    elif fault == "cut off":
        text = Path(certificate).read_text()
        Path(certificate).write_text(text[:len(text) // 2])
    status, said = WAYS[way](home, certificate, key)
    if way == "files":
        assert f"keys/{NAME}.crt" in said and "stays in use" in said
    else:
        assert status == 1 and said.strip(), said
        listed = home.valija("certificate", "list", "--json").json
        assert [one["thumbprint"] for one in listed] == [first["thumbprint"]]
    assert shown(running) == first["thumbprint"]


def test_our_next_session_to_a_partner_shows_the_new_one(home, serve, lab, ca, first, tmp_path,
                                                         contoso):
    """The same on the sending side: a connection that is open keeps what it has shown."""
    folder = tmp_path / "fabrikam"
    folder.mkdir()
    theirs = authority.Authority.stranger(str(folder), "http://127.0.0.1:9/x.crl", "Fabrikam CA")
    home.write("etc/anchors/fabrikam-root.pem", theirs.pem())
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    added = home.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com", "--trust",
                        "fabrikam-root", "--send", "enforce", "--receive", "enforce",
                        "--revocation", "off")
    assert added.status == 0, added
    (tmp_path / "our-ca.pem").write_text(ca.authority.pem())
    certificate, key, _ = theirs.issue("mail.fabrikam.com")
    partner = peer.Peer(lab.outsider_address(66), lab.smtp_port,
                        peer.Manners(certificate=certificate, key=key,
                                     client_ca=str(tmp_path / "our-ca.pem")))
    try:
        running = serve()
        seen = []
        for renewal in (False, True):
            if renewal:
                assert by_command(home, *ca.issue())[0] == 0
            reply = running.client().deliver(contoso.mailbox_address, "eve@fabrikam.com",
                                             b"Subject: hello\r\n\r\nhello\r\n")
            assert reply.code == 250
            poll.until("it has come", lambda: len(partner.contents()) > len(seen))
            heard = [one for one in partner.heard if one.client_certificate]
            seen.append(hashlib.sha1(heard[-1].client_certificate).hexdigest().upper())
        assert seen[0] == first["thumbprint"] and seen[1] != seen[0]
    finally:
        partner.close()


def test_the_first_acme_certificate_is_used_though_it_lacks_names_of_the_self_signed_one(
        home, serve, ca):
    """As after `valija setup`: that one has the domain too, the ACME client's only the host."""
    assert home.valija("certificate", "new").status == 0
    serve()
    certificate, key = ca.issue()
    words = ("certificate", "import", certificate, "--key", key, "--replace")
    done = home.valija(*words)
    assert done.status == 0 and "It is used by receive connector Inet" in done.out, done
    assert "not used yet" not in done.out
    again = home.valija(*words)
    assert again.status == 0 and "there already: nothing is changed" in again.err, again
    used = home.valija("certificate", "list", "--domain", NAME, "--json").json
    assert not used[0]["used"] or used[0]["thumbprint"] in done.out, used


def test_a_hook_that_lacks_what_it_needs_says_so():
    """Run by hand, or by the wrong program."""
    for name, variable in (("certbot-deploy", "RENEWED_LINEAGE"),
                           ("lego-deploy", "LEGO_CERT_PATH")):
        done = subprocess.run([HOOKS / name], capture_output=True, text=True, check=False,
                              env={"PATH": os.environ["PATH"]})
        assert done.returncode != 0 and variable in done.stderr, done
        done = subprocess.run([HOOKS / name], capture_output=True, text=True, check=False,
                              env={"PATH": os.environ["PATH"], "RENEWED_LINEAGE": "/x",
                                   "LEGO_CERT_PATH": "/x", "LEGO_CERT_KEY_PATH": "/x"})
        assert done.returncode != 0 and "VALIJA_HOME" in done.stderr, done


@pytest.mark.parametrize("verb", ["import", "new", "request", "remove"])
def test_a_command_that_is_killed_leaves_the_old_or_the_new(home, ca, first, tmp_path, verb):
    """At any moment: what was in use is there, or what was to replace it; the rest is told, and
    nothing stands in the way of the next command."""
    rounds = max(3, int(os.environ.get("VALIJA_KILL_ROUNDS", "20")) // 2)
    longest = None
    in_use = first["thumbprint"]
    for number in range(rounds):
        words = {"import": lambda: ["import", *ca_files(ca), "--replace"],
                 "new": lambda: ["new", "--domain", f"n{number}.contoso.com"],
                 "request": lambda: ["request", "--out", str(tmp_path / f"{number}.req")],
                 "remove": lambda: ["remove", spare(home)]}[verb]()
        began = time.monotonic()
        command = subprocess.Popen([world.PROGRAM, "certificate", *words, "--home", home.path],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if longest is None:  # the first one may end: it says how long that takes
            assert command.wait(60) == 0
            longest = time.monotonic() - began
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                command.wait(longest * number / rounds)
            command.kill()
            command.wait()
        listed = poll.until("no command holds the store", lambda: settled(home))
        usable = [one for one in listed if one["status"] == "Valid" or (
            one["status"] == "Untrusted" and one["hasPrivateKey"])]
        used = home.valija("certificate", "list", "--domain", NAME, "--json").json
        (shown_now,) = [one["thumbprint"] for one in used if one["used"]]
        assert shown_now in [one["thumbprint"] for one in usable]
        assert verb == "import" or shown_now == in_use
        in_use = shown_now
    assert home.valija("certificate", "new", "--domain", "last.contoso.com").status == 0


def ca_files(ca):
    certificate, key = ca.issue()
    return [certificate, "--key", key]


def spare(home):
    made = home.valija("certificate", "new", "--domain", "spare.contoso.com", "--json")
    assert made.status == 0, made
    return made.json["thumbprint"]


def settled(home):
    """What is listed, once no custody of a command that was killed is left."""
    if working_in(home.path / "keys"):
        return None
    done = home.valija("certificate", "list", "--json")
    assert done.status == 0, done
    return done.json


# ---- with real ACME clients, and Debian's pebble as the CA

class Pebble:
    def __init__(self, folder, address):
        self.folder = folder
        run("openssl", "req", "-x509", "-subj", "/CN=Pebble's own CA", "-days", "2", "-newkey",
            "rsa:2048", "-nodes", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
        self._sign(address)
        self.port = server.free_port(address)
        self.url = f"https://{address}:{self.port}/dir"
        management = server.free_port(address)
        (folder / "config.json").write_text(json.dumps({"pebble": {
            "listenAddress": f"{address}:{self.port}",
            "managementListenAddress": f"{address}:{management}",
            "certificate": str(folder / "web.pem"), "privateKey": str(folder / "web.key"),
            "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "",
            "externalAccountBindingRequired": False}}))
        self.log = open(folder / "pebble.log", "wb")
        self.process = subprocess.Popen(
            ["pebble", "-config", str(folder / "config.json")], stdout=self.log, stderr=self.log,
            env=dict(os.environ) | {"PEBBLE_VA_ALWAYS_VALID": "1", "PEBBLE_VA_NOSLEEP": "1",
                                    "PEBBLE_WFE_NONCEREJECT": "0"})
        poll.until("pebble answers", self._answers)

    def _sign(self, address):
        folder = self.folder
        (folder / "web.ext").write_text(f"subjectAltName=IP:{address}\n")
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pebble", "-keyout",
            folder / "web.key", "-out", folder / "web.csr")
        run("openssl", "x509", "-req", "-in", folder / "web.csr", "-CA", folder / "ca.pem",
            "-CAkey", folder / "ca.key", "-extfile", folder / "web.ext", "-days", "2", "-out",
            folder / "web.pem")

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "pebble.log").read_text()
        done = subprocess.run(["curl", "-sf", "--noproxy", "*", "--cacert", self.folder / "ca.pem",
                               self.url], capture_output=True, check=False)
        return done.returncode == 0

    def close(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def pebble(tmp_path, lab):
    folder = tmp_path / "pebble"
    folder.mkdir()
    running = Pebble(folder, lab.outsider_address(78))
    yield running
    running.close()


def certbot(pebble, folder, hook, address):
    """issue(), renew()."""
    common = ["certbot", "--config-dir", folder / "config", "--work-dir", folder / "work",
              "--logs-dir", folder / "logs", "--server", pebble.url, "--non-interactive"]
    trusting = {"REQUESTS_CA_BUNDLE": str(pebble.folder / "ca.pem")}

    def issue(environment):
        run(*common, "certonly", "--standalone", "--http-01-address", address, "--http-01-port",
            server.free_port(address), "-d", NAME, "--agree-tos", "--register-unsafely-without-email",
            "--deploy-hook", hook, environment=environment | trusting)

    def renew(environment):
        run(*common, "renew", "--force-renewal", "--no-random-sleep-on-renew",
            environment=environment | trusting)

    return issue, renew


def lego(pebble, folder, hook, address):
    common = ["lego", "--server", pebble.url, "--path", folder, "--email", "postmaster@contoso.com",
              "--accept-tos", "--domains", NAME, "--http", "--http.port",
              f"{address}:{server.free_port(address)}"]
    trusting = {"LEGO_CA_CERTIFICATES": str(pebble.folder / "ca.pem")}

    def issue(environment):
        run(*common, "run", "--run-hook", hook, environment=environment | trusting)

    def renew(environment):
        run(*common, "renew", "--days", "10000", "--no-random-sleep", "--renew-hook", hook,
            environment=environment | trusting)

    return issue, renew


@pytest.mark.parametrize("client, hook", [(certbot, "certbot-deploy"), (lego, "lego-deploy")],
                         ids=["certbot", "lego"])
def test_an_acme_client_renews_by_its_hook(home, serve, pebble, lab, tmp_path, client, hook):
    """Issue 5 "Renewal": from the self-signed certificate of the first day to the CA's, and to the
    next one, with the tools that people have."""
    folder = tmp_path / "acme"
    folder.mkdir()
    assert home.valija("certificate", "new", "--domain", NAME, "--subject",
                       f"CN={NAME}").status == 0
    running = serve()
    seen = [shown(running)]
    environment = {"VALIJA_HOME": str(home.path), "VALIJA_PROGRAM": str(world.PROGRAM)}
    for act in client(pebble, folder, HOOKS / hook, lab.outsider_address(79)):
        session = opened(running)
        act(environment)
        assert shown(running) not in seen
        seen.append(shown(running))
        assert session.say("NOOP").code == 250
        (entry,) = home.valija("certificate", "list", "--json").json
        assert entry["thumbprint"] == seen[-1] and len(entry["chain"]) >= 2
    assert len(list((home.path / "keys").glob("*.key"))) == 1
