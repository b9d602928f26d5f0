"""Mail to and from other people's mail servers: Postfix as a partner with a client certificate;
Postfix, Exim and OpenSMTPD as outsiders."""

import json
import os
import re

import pytest
from support import authority, chains, faults, foreign, letters, names, poll

THERE = "eve@fabrikam.com"
HOP = "mail.contoso.com"
# Lines that a careless server would change: dots, spaces at an end, a long one, an empty one.
BODY = "\r\n".join([".", "..two dots", "From here on", "ends in spaces  ", "", "x" * 900] +
                   [f"line {number} of a longer letter" for number in range(2000)])


@pytest.fixture(scope="session")
def root():
    """Makes sure of the root of a foreign server; a root that cannot be made is a failure."""

    @foreign.functools.cache
    def why_not(name):
        return foreign.make_root(name)

    def ensure(name):
        if os.geteuid() != 0:
            pytest.skip("foreign mail servers run in roots of their own, which needs root")
        if why_not(name):
            pytest.fail(why_not(name))

    return ensure


@pytest.fixture
def lists(lab, tmp_path):
    running = foreign.Lists(tmp_path / "lists", lab.outsider_address(69))
    yield running
    running.close()


@pytest.fixture
def fabrikam_ca(home, lists, tmp_path):
    """Fabrikam's CA and its revocation list; an anchor of our home."""
    folder = tmp_path / "fabrikam-ca"
    folder.mkdir()
    ca = authority.Authority.stranger(str(folder), lists.url)
    lists.begin(ca)
    home.write("etc/anchors/fabrikam-root.pem", ca.pem())
    return ca


@pytest.fixture
def our_ca(home, tmp_path):
    """The CA of our own certificate, which our home shows: (its file, a PEM file)."""
    folder = tmp_path / "contoso-ca"
    folder.mkdir()
    ca = authority.Authority.stranger(str(folder), "http://127.0.0.1:9/x.crl")
    home.show(HOP, *ca.issue(HOP)[:2])
    file = folder / "ca.pem"
    file.write_text(ca.pem())
    return file


@pytest.fixture
def stand(root, lab, home, tmp_path):
    """Starts a foreign server as mail.fabrikam.com, which the lab's DNS names."""
    started = []

    def start(name, **options):
        root(name)
        started.append(foreign.SERVERS[name](
            tmp_path / name, lab.outsider_address(66), lab.smtp_port, (home.address, home.port),
            **options))
        return started[-1].start()

    yield start
    for one in started:
        one.end()


@pytest.fixture
def postfix(stand, fabrikam_ca, our_ca):
    """Postfix as a partner should be: it verifies us, and shows its certificate both ways unless
    told otherwise."""

    def start(client_certificate=True, **settings):
        certificate, key, serial = fabrikam_ca.issue(foreign.HOST)
        partner = {
            "smtp_tls_security_level": "secure", "smtp_tls_secure_cert_match": HOP,
            "smtp_tls_CAfile": "/peer/config/contoso.pem", "smtpd_tls_ask_ccert": "yes",
            "smtpd_tls_CAfile": "/peer/config/contoso.pem"}
        if client_certificate:
            partner |= CLIENT_CERTIFICATE
        server = stand("postfix", certificate=(certificate, key), settings=partner | settings,
                       files={"config/contoso.pem": our_ca.read_text()})
        server.serial = serial
        return server

    return start


CLIENT_CERTIFICATE = {"smtp_tls_chain_files": "/peer/certs/mail.key, /peer/certs/mail.crt"}


@pytest.fixture
def serve_partner(home, serve, fabrikam_ca, lists):
    """Starts our server with Fabrikam as a partner in `enforce`, both ways."""

    def start(revocation="require"):
        home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
        words = ["--crl", lists.url] if revocation == "require" else []
        added = home.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com", "--send",
                            "enforce", "--receive", "enforce", "--trust", "fabrikam-root",
                            "--revocation", revocation, *words)
        assert added.status == 0, added
        running = serve()
        if revocation == "require":
            fetched = home.valija("crl", "fetch")
            assert fetched.status == 0, fetched
        return running

    return start


def letter_from_there(contoso):
    return letters.letter(THERE, contoso.mailbox_address, body=BODY)


def post(server, contoso, letter):
    """Sends as a user of ours; gives the queue id."""
    reply = server.client().deliver(contoso.mailbox_address, THERE, letter.content)
    assert reply.code == 250, reply
    return reply.queue_id


def queued(home, queue_id):
    done = home.valija("queue", "show", queue_id, "--json")
    return done.json if done.status == 0 else None


def verdict(content):
    return re.search(rb"x-domain-secured=(\w+)", content)[1].decode()


def same_body(content, letter):
    return foreign.body_hash(content) == foreign.body_hash(letter.content)


def deferred(server):
    """The reason that Postfix's queue gives for its only message, once it is deferred."""
    listed = [json.loads(line) for line in server.queue().splitlines()]
    if [message["queue_name"] for message in listed] != ["deferred"]:
        return None
    return listed[0]["recipients"][0].get("delay_reason")


def test_a_partners_postfix_proves_itself_to_us(postfix, serve_partner, contoso):
    """EX-01, EX-03, EX-21, EX-27: Postfix verifies us, and we verify it, before any mail flows."""
    serve_partner()
    server = postfix()
    letter = letter_from_there(contoso)
    server.send(THERE, contoso.mailbox_address, letter)
    arrived = contoso.receives(letter.message_id)
    assert same_body(arrived, letter)
    assert verdict(arrived) == "pass"
    assert foreign.received_with(arrived, HOP) == "ESMTPS"
    server.logs(re.compile(rf"Verified TLS connection established to {HOP}"))
    server.logs(re.compile(r"status=sent \(250 2\.6\.0"))


def test_we_prove_ourselves_to_a_partners_postfix(postfix, serve_partner, home, contoso):
    """EX-01, EX-13, EX-21, EX-64: our client certificate is shown and Postfix trusts it."""
    running = serve_partner()
    server = postfix(smtpd_tls_received_header="yes")
    letter = letters.letter(contoso.mailbox_address, THERE, body=BODY)
    queue_id = post(running, contoso, letter)
    arrived = server.receives(letter.message_id)
    assert same_body(arrived, letter)
    assert foreign.received_with(arrived, foreign.HOST) == "ESMTPS"
    assert b'Client CN "mail.contoso.com"' in arrived and b"verified OK" in arrived
    server.logs(re.compile(r"Trusted TLS connection established from "))
    poll.until("our queue is done with it", lambda: queued(home, queue_id) is None)


VERIFYING = """\
tls_try_verify_hosts = *
tls_verify_certificates = /peer/config/contoso.pem
"""
STAPLING = VERIFYING + "tls_ocsp_file = /peer/config/answer.ocsp\n"


def test_a_partners_postfix_is_proven_by_its_tlsa_record(stand, home, serve, our_ca, contoso, lab,
                                                         tmp_path):
    """RFC 7672: the zone is signed, and nobody here knows the CA of the certificate."""
    shown = chains.Ca("Nobody's Root").issue(foreign.HOST)
    for folder in ("shown", "names"):
        (tmp_path / folder).mkdir()
    server = stand("postfix", certificate=shown.files(str(tmp_path / "shown")), settings={
        "smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": "/peer/config/contoso.pem"},
                   files={"config/contoso.pem": our_ca.read_text()})
    zone = (f"@ MX 10 mail\nmail A {lab.outsider_address(66)}\n"
            f"_{lab.smtp_port}._tcp.mail TLSA {faults.tlsa(3, 0)(shown)}\n")
    dns = names.Names(tmp_path / "names", lab.outsider_address(81), {"fabrikam.com": zone},
                      ["fabrikam.com"])
    try:
        home.write("etc/valija.toml", re.sub(
            'forward = ".*"', f'forward = "{dns.forward}"\ntrust_anchor = "{dns.anchor}"',
            home.read("etc/valija.toml")))
        home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
        words = ("partner", "add", "fabrikam", "--domain", "fabrikam.com", "--match", "dane",
                 "--send", "enforce")
        refused = home.valija(*words)
        assert refused.status == 78 and 'write receive = "off"' in refused.err, refused
        assert home.valija(*words, "--receive", "off").status == 0
        running = serve()
        checked = home.valija("check", "fabrikam", "--json", deadline=100)
        assert checked.status == 0, checked
        letter = letters.letter(contoso.mailbox_address, THERE, body=BODY)
        post(running, contoso, letter)
        arrived = server.receives(letter.message_id)
    finally:
        dns.close()
    assert same_body(arrived, letter)
    assert foreign.received_with(arrived, foreign.HOST) == "ESMTPS"


@pytest.mark.parametrize("staples", [True, False], ids=["stapled", "not-stapled"])
def test_the_answer_that_a_partners_exim_staples_decides(stand, home, serve, our_ca, contoso,
                                                         tmp_path, staples):
    """EX-27, EX-30: neither list nor responder can be reached; that the certificate is not revoked
    comes with it, or mail waits. (GnuTLS staples no answer that says "revoked".)"""
    dead = "http://127.0.0.1:9/dead"
    ca = chains.Ca("Fabrikam Root", crl_url=dead)
    shown = ca.issue(foreign.HOST)
    home.write("etc/anchors/fabrikam-root.pem", ca.pem())
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    added = home.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com", "--send",
                        "enforce", "--receive", "enforce", "--trust", "fabrikam-root")
    assert added.status == 0, added
    (tmp_path / "shown").mkdir()
    certificate = shown.files(str(tmp_path / "shown"))
    answer = tmp_path / "shown/answer"
    answer.write_bytes(ca.ocsp(shown.leaf))
    server = stand("exim", certificate=certificate, settings=STAPLING if staples else VERIFYING,
                   files={"config/contoso.pem": our_ca.read_text(),
                          "config/answer.ocsp": answer.read_bytes()})
    letter = letters.letter(contoso.mailbox_address, THERE, body=BODY)
    queue_id = post(serve(), contoso, letter)
    if staples:
        assert same_body(server.receives(letter.message_id), letter)
        return

    def tried():
        (recipient,) = queued(home, queue_id)["recipients"]
        return recipient if recipient["attempts"] else None

    ladder = {step["step"]: step for step in poll.until("it was tried", tried)["ladder"]}
    step = ladder["revocation"]
    assert (step["state"], step["reason"]) == ("unknown", "RevocationOffline"), step


def test_of_two_certificates_the_one_of_a_ca_that_postfix_names_is_shown(
        postfix, serve_partner, home, contoso, tmp_path):
    """Issue 5 "Selection": the newer one would be first, but the partner names the other's CA."""
    folder = tmp_path / "other"
    folder.mkdir()
    other = authority.Authority.stranger(str(folder), "http://127.0.0.1:9/other.crl", "A newer CA")
    home.show("newer", *other.issue("mail.contoso.com", start=-authority.DAY / 2)[:2])
    running = serve_partner()
    server = postfix(smtpd_tls_received_header="yes")
    listed = home.valija("certificate", "list", "--domain", "mail.contoso.com", "--json")
    assert [one["name"] for one in listed.json if one["used"]] == ["newer"]
    letter = letters.letter(contoso.mailbox_address, THERE, body=BODY)
    post(running, contoso, letter)
    arrived = server.receives(letter.message_id)
    assert b'Client CN "mail.contoso.com"' in arrived and b"verified OK" in arrived
    shown = home.valija("check", "fabrikam", "--all")
    assert "for the server asks for" in shown.out


def test_a_partners_postfix_without_certificate_keeps_its_mail(postfix, serve_partner, contoso):
    """EX-13, EX-28, EX-76: 454, which a real server's queue takes for what it is; the mail comes
    once the certificate is there."""
    serve_partner(revocation="off")
    server = postfix(client_certificate=False)
    letter = letter_from_there(contoso)
    server.send(THERE, contoso.mailbox_address, letter)
    reason = poll.until("Postfix has deferred the message", lambda: deferred(server))
    assert "454 4.7.5 Certificate validation failure, Reason:NoClientCertificate" in reason
    assert contoso.find("Message-ID", letter.message_id) is None

    server.set(**CLIENT_CERTIFICATE)
    server.flush()
    arrived = contoso.receives(letter.message_id)
    assert same_body(arrived, letter)
    assert verdict(arrived) == "pass"


def test_a_partners_postfix_with_a_revoked_certificate_reports_to_its_sender(
        postfix, serve_partner, fabrikam_ca, lists, contoso):
    """EX-27, EX-30: 554 is final for a real server too: its sender has a report that says why."""
    server = postfix()
    fabrikam_ca.publish(str(lists.file), [server.serial])
    serve_partner()
    letter = letter_from_there(contoso)
    server.send(THERE, contoso.mailbox_address, letter)
    report = poll.until("the sender has a report", lambda: server.report_about(letter.message_id))
    assert b"554 5.7.5" in report and b"Reason:Revoked" in report.replace(b"\n    ", b"")
    assert contoso.find("Message-ID", letter.message_id) is None


def test_mail_waits_for_a_partners_postfix_that_has_lost_its_tls(postfix, serve_partner, home,
                                                                 contoso):
    """EX-13, EX-68: never in clear; it goes when STARTTLS is offered again."""
    running = serve_partner()
    server = postfix(smtpd_tls_security_level="none")
    letter = letters.letter(contoso.mailbox_address, THERE, body=BODY)
    queue_id = post(running, contoso, letter)

    def waiting():
        recipient = queued(home, queue_id)["recipients"][0]
        return recipient if recipient["attempts"] > 0 else None

    recipient = poll.until("an attempt was made", waiting)
    failed = next(rung for rung in recipient["ladder"] if rung["state"] == "fail")
    assert (failed["step"], failed["reason"]) == ("starttls", "NoTls")
    assert server.find(letter.message_id) is None

    server.set(smtpd_tls_security_level="may")
    assert same_body(server.receives(letter.message_id), letter)


@pytest.fixture(params=["tls", "clear"])
def outsider(request, stand, our_ca, tmp_path):
    """Starts an outsider's server, with a certificate of nobody we know, or without TLS; gives it
    and the protocol word that trace fields must have."""

    def start(name):
        certificate = None
        if request.param == "tls":
            unknown = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
            certificate = unknown.issue(foreign.HOST)[:2]
        return stand(name, certificate=certificate), "ESMTPS" if certificate else "ESMTP"

    return start


@pytest.mark.parametrize("name", foreign.SERVERS)
def test_an_outsiders_mail_is_welcome(outsider, serve, contoso, name):
    """EX-04, EX-75, IR-06: TLS where they try it, clear where not; never marked."""
    serve()
    server, protocol = outsider(name)
    letter = letter_from_there(contoso)
    server.send(THERE, contoso.mailbox_address, letter)
    arrived = contoso.receives(letter.message_id)
    assert same_body(arrived, letter)
    assert verdict(arrived) == "none"
    assert foreign.received_with(arrived, HOP) == protocol


@pytest.mark.parametrize("name", foreign.SERVERS)
def test_an_outsider_gets_our_mail(outsider, home, serve, contoso, name):
    """EX-04, IR-06: by the MX; TLS where it is offered, whatever the certificate; in clear where it
    is not, or where the handshake fails on their side."""
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    running = serve()
    server, protocol = outsider(name)
    letter = letters.letter(contoso.mailbox_address, THERE, body=BODY)
    queue_id = post(running, contoso, letter)
    arrived = server.receives(letter.message_id)
    assert same_body(arrived, letter)
    if protocol == "ESMTPS" and not server.serves_tls:
        assert re.search(r"tls\.handshake-failed .*remote=mail\.fabrikam\.com",
                         home.read("log/valija.log"))
        protocol = "ESMTP"
    assert foreign.received_with(arrived, foreign.HOST) == protocol
    poll.until("our queue is done with it", lambda: queued(home, queue_id) is None)
