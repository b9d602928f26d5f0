"""The fault matrix: every fault of support/faults.py through real sessions, in each direction that
it applies to. One server, one name server and one web server for all; a mail server each.

EX-13, EX-26, EX-27, EX-28, EX-30, EX-68, CI-40: the right first failing step, reply, counter, log
line, fix and actor.
"""

import re
import ssl
import subprocess
from pathlib import Path

import pytest
from support import chains, faults, letters, names, peer, poll, server, smtp, web

SENDER = "anna@contoso.com"
OUR_NAME = "mail.contoso.com"
FIRST_ADDRESS = 100
TO = [fault for fault in faults.FAULTS if fault.to]
OF = [fault for fault in faults.FAULTS if fault.of]
PARTNER = """\
domains = ["{fault.domain}"]
send = "enforce"
receive = "{fault.receive}"
trust = ["matrix-root"]
crl = ["{root_list}"]
{fault.rule}"""


class Matrix:
    """The world of all faults, each sent to once; what the queue then says of it."""

    def __init__(self, home, lab, folder):
        self.home, self.lab, self.folder = home, lab, folder
        self.web = web.Web(lab.outsider_address(78))
        self.own = chains.Ca("Contoso Root", crl_url=self.web.url + "/own.crl")
        self.root = chains.Ca("Matrix Root", crl_url=self.web.url + "/root.crl")
        self.web.files |= {"/own.crl": self.own.list(), "/root.crl": self.root.list()}
        self.materials = faults.Materials(
            self.root, self.web, dead_url=f"http://{lab.outsider_address(79)}:9/dead.crl",
            proxied_url="http://crl.elsewhere.example/proxied.crl")
        self.shown = {fault.name: fault.shows(self.materials, fault) for fault in faults.FAULTS}
        self.addresses = {fault.name: lab.outsider_address(FIRST_ADDRESS + number)
                          for number, fault in enumerate(faults.FAULTS)}
        self.peers = {fault.name: self._peer(fault) for fault in TO if fault.is_up}
        self.names = names.Names(folder, lab.outsider_address(81), self._zones(), ["signed"],
                                 [("signed", "10 mail.bogus", "10 evil.bogus"),
                                  ("signed", *faults.FORGED_TLSA)])
        self.settle(home)
        self.server = server.Server(home)
        self._send()

    def close(self):
        self.server.kill()
        self.names.close()
        self.web.close()
        for one in self.peers.values():
            one.close()

    def _zones(self):
        zones = {"example": "", "signed": ""}
        for fault in TO:
            zones[fault.top] += fault.zone_lines(self.addresses[fault.name], self.lab.smtp_port,
                                                 self.shown[fault.name])
        network, _, _ = self.addresses[TO[0].name].rpartition(".")
        zones[".".join(reversed(network.split("."))) + ".in-addr.arpa"] = "".join(
            self.addresses[fault.name].rpartition(".")[2] + f" PTR {fault.ptr}.\n"
            for fault in TO if fault.ptr)
        return zones

    def files(self, fault):
        return self.shown[fault.name].files(str(self.folder))

    def _peer(self, fault):
        certificate, key = self.files(fault)
        manners = {"certificate": certificate, "key": key, "client_ca": self.own} | fault.manners
        ca = manners["client_ca"]
        if ca is not None:
            file = self.folder / f"{fault.name}.clients.pem"
            file.write_text((chains.Ca("Nobody's Root") if ca == "other" else ca).pem())
            manners["client_ca"] = str(file)
        return peer.Peer(self.addresses[fault.name], self.lab.smtp_port, peer.Manners(**manners))

    def settle(self, home):
        """What a server of ours needs to know all partners."""
        settings = home.read("etc/valija.toml")
        settings = re.sub('forward = ".*"', f'forward = "{self.names.forward}"\n'
                          f'trust_anchor = "{self.names.anchor}"', settings)
        settings = settings.replace('retry = ["1s"]', 'retry = ["1h"]')
        home.write("etc/valija.toml", settings)
        proxy = f"http://{self.lab.outsider_address(80)}:9"
        home.append("etc/valija.toml",
                    f'\n[proxy]\nurl = "{proxy}"\nbypass = ["127.0.0.0/8"]\n')
        home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
        home.show(OUR_NAME, *self.own.issue(OUR_NAME).files(str(self.folder)))
        home.write("etc/anchors/matrix-root.pem", self.root.pem())
        for fault in faults.FAULTS:
            home.write(f"etc/partners.d/{fault.name}.toml",
                            PARTNER.format(fault=fault, root_list=self.root.crl_url))

    def _send(self):
        """A letter to each; once more when every list came or failed."""
        client = self.server.client()
        for fault in TO:
            letter = letters.letter(SENDER, f"eve@{fault.domain}")
            reply = client.deliver(SENDER, f"eve@{fault.domain}", letter.content)
            assert reply.code == 250, reply
        self.waiting(1)
        poll.until("every list came or failed", self._lists_settled)
        assert self.home.valija("queue", "retry", "--all").status == 0
        self.queue = self.waiting(2)

    def waiting(self, attempts, home=None):
        """Partner domain to the recipient that waits, when each was tried that often."""
        def look():
            done = (home or self.home).valija("queue", "list", "--json")
            assert done.status == 0, done
            found = {recipient["address"].split("@")[1]: recipient
                     for message in done.json["messages"] for recipient in message["recipients"]}
            return found if all(one["attempts"] >= attempts for one in found.values()) else None
        return poll.until(f"attempt {attempts} at every partner", look)

    def _lists_settled(self):
        listed = self.home.valija("crl", "list", "--json").json
        slow = [url.rpartition("/")[2] for url in self.web.slow]
        return all(one["loaded"] or one["last_error"] for one in listed
                   if one["url"].rpartition("/")[2] not in slow)

    def counted(self, name, fault):
        samples = self.home.valija("counters", "--json").json
        return sum(sample["value"] for sample in samples
                   if sample["name"] == name and sample["labels"]["partner"] == fault.name)

    def log(self):
        return (self.home.path / "log/valija.log").read_text(errors="replace")

    def log_lines(self, event, fault):
        return [line for line in self.log().splitlines()
                if f" {event} " in line and f" partner={fault.name} " in line]


@pytest.fixture(scope="module")
def matrix(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrix")
    home = server.Home(folder / "home", lab, lab.outsider_address(82))
    made = Matrix(home, lab, folder)
    yield made
    made.close()


def names_of(rows):
    return [fault.name for fault in rows]


def first_failure(ladder):
    for state in ("fail", "unknown"):
        for step in ladder:
            if step["state"] == state:
                return step
    return ladder[-1]


def check_step(step, finding):
    found = (step["step"], step["state"], step["reason"], step["who"])
    assert found == (finding.step, finding.state, finding.reason, finding.who), step
    assert step["fix"], "nobody is told what to do"
    for word in finding.words:
        assert word in step["evidence"], step["evidence"]


def check_line(line, finding):
    """The event names what failed, why, and what to do."""
    assert f" step={finding.step} " in line
    reason = re.search(r" reason=(\S+)", line)
    assert (reason[1] if reason else "") == finding.reason, line
    assert re.search(r' fix="[^"]{10,}"', line), line
    assert f"{finding.step}={finding.state}" in re.search(r' ladder="?([^" ]*)', line)[1]
    for word in finding.words:
        assert word in line, line


@pytest.mark.parametrize("fault", TO, ids=names_of(TO))
def test_mail_to_a_partner(matrix, fault):
    """EX-13, EX-68, EX-82: mail is handed over only where the path holds; else it waits."""
    if fault.to is faults.PROVEN:
        assert fault.domain not in matrix.queue
        assert len(matrix.peers[fault.name].contents()) == 1
        return
    recipient = matrix.queue[fault.domain]
    assert recipient["state"] == "waiting"
    assert "ladder" in recipient, recipient["last"]
    check_step(first_failure(recipient["ladder"]), fault.to)
    if fault.to.step in ("chain", "dates", "revocation", "usage", "identity"):
        assert fault.to.reason in recipient["last"]
    failures = matrix.counted("valija_domain_secure_outbound_session_failures_total", fault)
    assert (failures > 0) == fault.to.is_counted
    if fault.to.is_counted:
        check_line(matrix.log_lines("delivery.path-failed", fault)[-1], fault.to)
    else:
        line = matrix.log_lines("delivery.deferred", fault)[-1]
        assert f" verdict={fault.to.state} step={fault.to.step} " in line
    if fault.is_up:
        assert not any(session.said("MAIL") for session in matrix.peers[fault.name].heard)


def reply_for(reason):
    """Design 3c."""
    code = "554 5.7.5" if reason == "Revoked" else "454 4.7.5"
    return f"{code} Certificate validation failure, Reason:{reason}"


def inbound(matrix, fault, **options):
    client = smtp.Client(matrix.home.address, matrix.home.port, matrix.addresses[fault.name])
    client.ehlo(fault.host)
    assert client.say("STARTTLS").code == 220
    client.wrap(*matrix.files(fault), **options)
    client.ehlo(fault.host)
    return client


def taken(reply):
    return reply if reply.code == 250 else None


@pytest.mark.parametrize("fault", OF, ids=names_of(OF))
def test_mail_of_a_partner(matrix, fault):
    """EX-13, EX-26, EX-28, EX-30: the reply says which step failed, and the log why."""
    lax = {"newest": ssl.TLSVersion.TLSv1_3} if fault.manners.get("is_lax") else {}

    def reply_to_mail():
        with inbound(matrix, fault, **lax) as client:
            return client.mail(f"eve@{fault.domain}")

    reply = reply_to_mail()
    if fault.of is faults.PROVEN:
        if str(reply) == reply_for("RevocationOffline"):  # the first who asks for this list
            reply = poll.until("the list came", lambda: taken(reply_to_mail()))
        assert reply.code == 250, reply
        return
    assert str(reply) == reply_for(fault.of.reason)
    assert matrix.counted("valija_domain_secure_inbound_refusals_total", fault) >= 1
    event = ("tls.peer-name-mismatch" if fault.of.reason == "SubjectMismatch"
             else "tls.peer-unverified")
    check_line(matrix.log_lines(event, fault)[-1], fault.of)


def test_mail_of_a_partner_without_tls(matrix):
    """EX-13, EX-74."""
    fault = faults.WAY[0]
    with matrix.server.client() as client:
        assert str(client.mail(f"eve@{fault.domain}")) == (
            "530 5.7.0 Must issue a STARTTLS command first")
    check_line(matrix.log_lines("tls.partner-without-tls", fault)[-1],
               faults.Finding("starttls", "NoTls"))


def test_mail_of_a_partner_without_a_certificate(matrix):
    """EX-01, EX-76."""
    fault = faults.WAY[0]
    with matrix.server.client() as client:
        client.starttls()
        assert str(client.mail(f"eve@{fault.domain}")) == reply_for("NoClientCertificate")
    check_line(matrix.log_lines("tls.peer-unverified", fault)[-1],
               faults.Finding("handshake", "NoClientCertificate"))


def test_a_client_with_tls_1_1_is_not_spoken_to(matrix):
    """RFC 8996: nothing older than TLS 1.2."""
    with matrix.server.client() as client:
        assert client.say("STARTTLS").code == 220
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.wrap(newest=ssl.TLSVersion.TLSv1_1)
    poll.until("the log says so", lambda: "tls.handshake-failed" in matrix.log())


# What needs a list that never comes costs `check` its whole patience; one of them is enough.
CHECKED = [fault for fault in TO
           if fault.to.reason != "RevocationOffline" or fault.name == "list-host-dead"]
EXIT_STATUS = {"pass": 0, "fail": 1, "unknown": 2}


@pytest.mark.parametrize("fault", CHECKED, ids=names_of(CHECKED))
def test_check_finds_what_a_delivery_finds(matrix, fault):
    """CI-40, EX-08: `valija check` and a delivery climb the same ladder."""
    done = matrix.home.valija("check", fault.name, "--json", deadline=100)
    outbound = done.json["domains"][0]["outbound"]
    step = first_failure(outbound["ladder"])
    assert (step["step"], step["state"]) == (fault.to.step, fault.to.state), step
    if fault.to is faults.PROVEN:
        assert outbound["standing"] == "proven"
        return
    assert done.status == EXIT_STATUS[fault.to.state], done
    check_step(step, fault.to)


@pytest.fixture(scope="module")
def wrong_clock(tmp_path_factory):
    """A library that sets the clock of a program wrong."""
    library = tmp_path_factory.mktemp("clock") / "wrong_clock.so"
    source = Path(__file__).parent / "support/wrong_clock.c"
    subprocess.run(["clang-19", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", library,
                    source], check=True)
    return library


@pytest.mark.parametrize("days, words", [(200, "is expired"), (-3, "is not valid yet")],
                         ids=["ahead", "behind"])
def test_a_wrong_clock_of_ours(matrix, lab, wrong_clock, tmp_path, days, words):
    """EX-26: good certificates look expired, or not valid yet; the fix names the clocks."""
    fault = next(fault for fault in TO if fault.name == "server-only")
    home = server.Home(tmp_path / "home", lab, lab.outsider_address(83))
    matrix.settle(home)
    running = server.Server(home, {"LD_PRELOAD": str(wrong_clock),
                                   "CLOCK_OFFSET": str(days * 24 * 3600)})
    try:
        letter = letters.letter(SENDER, f"eve@{fault.domain}")
        assert running.client().deliver(SENDER, f"eve@{fault.domain}", letter.content).code == 250
        step = first_failure(matrix.waiting(1, home)[fault.domain]["ladder"])
    finally:
        running.kill()
    check_step(step, faults.Finding("dates", "DateInvalid", "partner", (words, "it is 20")))
    assert "clock" in step["fix"]
