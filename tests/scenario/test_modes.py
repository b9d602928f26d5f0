"""Several domains and partners, and what `off`, `monitor` and `enforce` make of a session."""

import re
from email import message_from_bytes

import pytest
from support import authority, letters, peer, poll

BANK = "woodgrovebank.com"
SECOND = "wgb.example"       # another domain of the same partner
OTHER = "fabrikam.com"       # another partner, with a CA of its own
MISMATCH = "454 4.7.5 Certificate validation failure, Reason:SubjectMismatch"


@pytest.fixture
def bank_ca(tmp_path):
    return authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/bank.crl")


@pytest.fixture
def partners(home, bank_ca, tmp_path):
    """A home with its own certificate, and with the bank (two domains) and Fabrikam as partners."""
    own = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/own.crl")
    home.show("mail.contoso.com", *own.issue("mail.contoso.com")[:2])
    home.write("etc/anchors/bank-root.pem", bank_ca.pem())
    for name, domains in (("bank", f"{BANK},{SECOND}"), ("fabrikam", OTHER)):
        added = home.valija("partner", "add", name, "--domain", domains, "--trust", "bank-root",
                            "--receive", "enforce", "--send", "enforce", "--revocation", "off")
        assert added.status == 0, added
    return home


def mark(message):
    fields = message_from_bytes(message).get_all("Authentication-Results")
    return re.sub(r"\s+", " ", fields[0])


def test_each_domain_of_a_session_is_judged_for_itself(partners, serve, bank_ca, contoso):
    """EX-13, EX-74: a certificate for one domain opens the way to no other one, not even to another
    domain of the same partner; the session goes on."""
    client = serve().client()
    client.starttls(*bank_ca.issue(f"mail.{BANK}")[:2], ehlo=f"mail.{BANK}")
    for sender, expected in ((f"berta@{BANK}", "250"), (f"berta@{SECOND}", MISMATCH),
                             (f"eve@{OTHER}", MISMATCH), (f"berta@branch.{BANK}", "250"),
                             (f"berta@{BANK}", "250")):
        reply = client.mail(sender)
        assert str(reply).startswith(expected), (sender, reply)
        assert client.say("RSET").code == 250


def test_two_partners_in_one_session_are_marked_as_whom_they_are(partners, serve, bank_ca, contoso):
    """EX-03, EX-74: one certificate with names of both; each message has its own partner's mark."""
    client = serve().client()
    certificate = bank_ca.issue(f"mail.{BANK}", more=[f"mail.{OTHER}", SECOND])
    client.starttls(*certificate[:2], ehlo=f"mail.{BANK}")
    for sender, partner in ((f"berta@{BANK}", "bank"), (f"eve@{OTHER}", "fabrikam"),
                            (f"berta@{SECOND}", "bank")):
        post = letters.letter(sender, contoso.mailbox_address)
        assert client.deliver(sender, contoso.mailbox_address, post.content).code == 250
        shown = mark(contoso.receives(post.message_id))
        assert "x-domain-secured=pass" in shown and f"policy.partner={partner} " in shown, shown


def test_a_sub_domain_is_nobodys_partner(partners, serve, contoso):
    """EX-13: `woodgrovebank.com` in the list does not mean its sub-domains: ordinary mail."""
    post = letters.letter(f"berta@branch.{BANK}", contoso.mailbox_address)
    client = serve().client()
    assert client.deliver(f"berta@branch.{BANK}", contoso.mailbox_address, post.content).code == 250
    assert "x-domain-secured=none" in mark(contoso.receives(post.message_id))


def test_off_is_as_if_there_were_no_partner(partners, serve, contoso):
    """EX-11: `off` for a direction: nothing is judged, marked or counted."""
    done = partners.valija("partner", "set", "bank", "receive=off")
    assert done.status == 0, done
    post = letters.letter(f"berta@{BANK}", contoso.mailbox_address)
    client = serve().client()
    assert client.deliver(f"berta@{BANK}", contoso.mailbox_address, post.content).code == 250
    assert "x-domain-secured=none" in mark(contoso.receives(post.message_id))
    assert counted(partners, "valija_domain_secure_would_have_refused_total", "bank") == 0


def counted(home, name, partner):
    samples = home.valija("counters", "--json").json
    return sum(sample["value"] for sample in samples
               if sample["name"] == name and sample["labels"].get("partner") == partner)


def test_monitor_counts_and_says_what_would_have_been_refused(partners, serve, contoso):
    """EX-11: the pilot: taken, marked `fail`, counted for this partner, with the reason."""
    assert partners.valija("partner", "set", "fabrikam", "receive=monitor").status == 0
    post = letters.letter(f"eve@{OTHER}", contoso.mailbox_address)
    client = serve().client()
    client.starttls()
    assert client.deliver(f"eve@{OTHER}", contoso.mailbox_address, post.content).code == 250
    shown = mark(contoso.receives(post.message_id))
    assert "x-domain-secured=fail (would have been refused: NoClientCertificate)" in shown
    assert counted(partners, "valija_domain_secure_would_have_refused_total", "fabrikam") == 1
    assert counted(partners, "valija_domain_secure_would_have_refused_total", "bank") == 0
    log = (partners.path / "log/valija.log").read_text()
    line = [one for one in log.splitlines() if "tls.would-have-refused" in one][-1]
    assert "partner=fabrikam" in line and "reason=NoClientCertificate" in line


def test_monitor_delivers_what_enforce_would_keep(partners, serve, lab, bank_ca, tmp_path):
    """EX-11: the other direction: judged, counted, and delivered all the same."""
    assert partners.valija("partner", "set", "fabrikam", "send=monitor").status == 0
    partners.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    stranger = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    certificate, key, _ = stranger.issue(f"mail.{OTHER}")
    server = peer.Peer(lab.outsider_address(66), lab.smtp_port,
                       peer.Manners(certificate=certificate, key=key))
    try:
        client = serve().client()
        sender = "anna@contoso.com"
        letter = letters.letter(sender, f"eve@{OTHER}")
        assert client.deliver(sender, f"eve@{OTHER}", letter.content).code == 250
        poll.until("it was delivered", lambda: len(server.contents()) == 1)
        assert server.heard[0].tls
    finally:
        server.close()
    assert counted(partners, "valija_domain_secure_would_have_refused_total", "fabrikam") == 1
    assert counted(partners, "valija_domain_secure_messages_sent_total", "fabrikam") == 0


WAYS_TO_BREAK = {
    "the handshake": {"breaks_handshake": True},
    "hanging up at STARTTLS": {"hangs_up_at": "STARTTLS"},
    "refusing STARTTLS": {"replies": {"STARTTLS": "454 4.7.0 TLS not available"}},
    "refusing our certificate": {"client_required": True},
}


@pytest.mark.parametrize("way", WAYS_TO_BREAK)
def test_monitor_counts_a_path_once_however_it_breaks(partners, serve, lab, tmp_path, way):
    """EX-11, EX-82: the mail flows, over TLS or in clear; what `enforce` would keep is counted once,
    so that nobody takes the pilot for safe."""
    assert partners.valija("partner", "set", "fabrikam", "send=monitor").status == 0
    partners.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    stranger = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    certificate, key, _ = stranger.issue(f"mail.{OTHER}")
    ca = tmp_path / "ca.pem"
    ca.write_text(stranger.pem())
    manners = dict(WAYS_TO_BREAK[way], certificate=certificate, key=key, client_ca=str(ca))
    server = peer.Peer(lab.outsider_address(66), lab.smtp_port, peer.Manners(**manners))
    try:
        client = serve().client()
        letter = letters.letter("anna@contoso.com", f"eve@{OTHER}")
        assert client.deliver("anna@contoso.com", f"eve@{OTHER}", letter.content).code == 250
        poll.until("it was delivered", lambda: len(server.contents()) == 1)
    finally:
        server.close()
    assert counted(partners, "valija_domain_secure_would_have_refused_total", "fabrikam") == 1
    assert counted(partners, "valija_domain_secure_messages_sent_total", "fabrikam") == 0
