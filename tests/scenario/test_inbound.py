"""Mail from a partner under `enforce`: which path is believed, what the others are told."""

import re
from email import message_from_bytes

import pytest
from support import authority, letters, poll, server

PARTNER = "woodgrovebank.com"
SENDER = f"berta@{PARTNER}"
OUTSIDER = "eve@fabrikam.com"


def marks(message, fqdn="mail.contoso.com"):
    """The Authentication-Results that claim to be ours, folded lines joined."""
    fields = message_from_bytes(message).get_all("Authentication-Results") or []
    joined = [re.sub(r"\s+", " ", field).strip() for field in fields]
    return [field for field in joined if field.startswith(fqdn + ";")]


def verdict(message):
    found = marks(message)
    assert len(found) == 1, found
    return re.search(r"x-domain-secured=(\w+)", found[0])[1]


@pytest.fixture
def show(dial, contoso):
    """Opens a session at Contoso with TLS and shows the certificate."""

    def open_session(certificate, key, *_):
        client = dial(contoso)
        client.ehlo(f"mail.{PARTNER}")
        client.starttls(certificate, key, server_name=contoso.hostname, ehlo=f"mail.{PARTNER}")
        return client

    return open_session


def refusal_to(client):
    """What the partner's MAIL gets, on a session that stays usable afterwards."""
    reply = client.mail(SENDER)
    assert client.say("NOOP").code == 250
    return str(reply)


def not_taken(client):
    """The refusal of the partner's MAIL, or None if it was taken."""
    reply = client.mail(SENDER)
    return None if reply.code == 250 else str(reply)


def test_without_tls_the_partner_is_asked_for_it(dial, contoso):
    """EX-13, EX-74: no TLS, no mail of a listed domain; the decision is at MAIL."""
    client = dial(contoso)
    client.ehlo()
    assert refusal_to(client) == "530 5.7.0 Must issue a STARTTLS command first"


def test_without_certificate_the_partner_is_deferred(dial, contoso):
    """EX-01, EX-13, EX-76: the handshake goes on without a certificate, the partner's mail not."""
    client = dial(contoso)
    client.ehlo()
    client.starttls()
    assert refusal_to(client) == ("454 4.7.5 Certificate validation failure, "
                                  "Reason:NoClientCertificate")


def test_a_certificate_of_another_ca_is_not_believed(show, woodgrove, tmp_path):
    """EX-23, EX-26: only the partner's own anchors count."""
    other = authority.Authority.stranger(str(tmp_path), woodgrove.crl_url)
    reply = refusal_to(show(*other.issue(woodgrove.hostname)))
    assert re.fullmatch(r"454 4\.7\.5 Certificate validation failure, "
                        r"Reason:(UntrustedRoot|IncompleteChain)", reply)


@pytest.mark.parametrize("reason, details", [
    ("DateInvalid", {"start": -30 * authority.DAY, "end": -authority.DAY}),
    ("DateInvalid", {"start": authority.DAY}),
    ("UsageInvalid", {"usage": authority.SERVER_ONLY}),
], ids=["expired", "not yet valid", "server only"])
def test_a_certificate_that_does_not_hold_is_not_believed(show, woodgrove, woodgrove_ca, reason,
                                                           details):
    """EX-26: dates and intended use are checked."""
    reply = refusal_to(show(*woodgrove_ca.issue(woodgrove.hostname, **details)))
    assert reply == f"454 4.7.5 Certificate validation failure, Reason:{reason}"


@pytest.mark.parametrize("host", ["mail.fabrikam.com", "woodgrovebank.com.fabrikam.com",
                                  "mail.test.woodgrovebank.com"])
def test_a_certificate_of_another_name_is_not_believed(show, contoso, woodgrove_ca, host):
    """EX-118..121: the partner's domain or one label below it, nothing else."""
    reply = refusal_to(show(*woodgrove_ca.issue(host)))
    assert reply == "454 4.7.5 Certificate validation failure, Reason:SubjectMismatch"
    line = [one for one in contoso.log().splitlines() if "tls.peer-name-mismatch" in one][-1]
    assert "partner=woodgrovebank" in line and "tls=TLSv1.3" in line and "step=identity" in line
    assert "ladder=\"policy=pass,starttls=pass,handshake=pass,chain=pass" in line


def test_a_revoked_certificate_is_refused_for_good(show, contoso, woodgrove, woodgrove_ca):
    """EX-27, EX-30: revoked is not unknown; the new list counts without a restart."""
    certificate, key, serial = woodgrove_ca.issue(woodgrove.hostname)
    assert show(certificate, key).mail(SENDER).code == 250
    woodgrove_ca.publish(woodgrove.crl_file, [serial])
    fetched = contoso.valija("crl", "fetch")
    assert fetched.status == 0, fetched
    refused = poll.until("the new list is in use",
                         lambda: not_taken(show(certificate, key)), pause=0.5)
    assert refused == "554 5.7.5 Certificate validation failure, Reason:Revoked"


def test_an_unreachable_list_only_delays(show, woodgrove, woodgrove_ca):
    """EX-28, EX-29: status unknown is a temporary refusal."""
    dead = re.sub(r":\d+/", ":1/", woodgrove.crl_url)
    reply = refusal_to(show(*woodgrove_ca.issue(woodgrove.hostname, crl_url=dead)))
    assert reply == "454 4.7.5 Certificate validation failure, Reason:RevocationOffline"


def test_a_proven_path_is_marked(show, contoso, woodgrove, woodgrove_ca):
    """EX-03: the reader sees which mail came by a verified path."""
    post = letters.letter(SENDER, contoso.mailbox_address)
    client = show(*woodgrove_ca.issue(woodgrove.hostname))
    reply = client.deliver(SENDER, contoso.mailbox_address, post.content)
    assert reply.code == 250, reply
    arrived = contoso.receives(post.message_id)
    mark = marks(arrived)[0]
    assert verdict(arrived) == "pass"
    assert "policy.partner=woodgrovebank" in mark
    assert f"smtp.mailfrom={PARTNER}" in mark
    assert f"header.from={PARTNER}" in mark


@pytest.mark.parametrize("header_from", [OUTSIDER, f"{SENDER}, {OUTSIDER}"], ids=["other", "two"])
def test_a_from_that_is_not_the_partners_is_not_marked_as_theirs(
        show, contoso, woodgrove, woodgrove_ca, header_from):
    """EX-03, EX-L9: a verified path lends its mark only to the partner's own From."""
    post = letters.letter(header_from, contoso.mailbox_address)
    client = show(*woodgrove_ca.issue(woodgrove.hostname))
    assert client.deliver(SENDER, contoso.mailbox_address, post.content).code == 250
    assert verdict(contoso.receives(post.message_id)) == "policy"


def test_a_forged_mark_is_removed(dial, contoso):
    """EX-03, EX-L3: a claim of our verdict that came from outside does not reach the reader."""
    forged = ("Authentication-Results: mail.contoso.com; x-domain-secured=pass (forged)\r\n"
              "authentication-results:\r\n (hi) MAIL.contoso.com ; "
              "x-domain-secured=pass (forged)\r\n"
              "Authentication-Results: =?utf-8?q?mail.contoso.com=3B_x-domain-secured"
              "=3Dpass_(forged)?=\r\n"
              "Authentication-Results: mx.fabrikam.com; spf=pass\r\n")
    post = letters.letter(OUTSIDER, contoso.mailbox_address, header=forged)
    client = dial(contoso)
    client.ehlo()
    assert client.deliver(OUTSIDER, contoso.mailbox_address, post.content).code == 250
    arrived = contoso.receives(post.message_id)
    assert verdict(arrived) == "none"
    assert b"forged" not in arrived
    assert b"mx.fabrikam.com; spf=pass" in arrived


def test_a_first_line_that_would_go_on_with_our_mark_is_refused(dial, contoso):
    """EX-03, EX-L3: our verdict is written on top; a folded line below it would become part of it."""
    client = dial(contoso)
    client.ehlo()
    reply = client.deliver(OUTSIDER, contoso.mailbox_address,
                           b"\t; x-domain-secured=pass (forged)\r\nFrom: x@y.example\r\n\r\n")
    assert str(reply).startswith("550 5.6.0 "), reply


def test_refusals_end_a_session_at_last(dial, contoso):
    """Each refused MAIL may cost the judgement of a chain; nobody asks for it without end."""
    client = dial(contoso)
    client.ehlo()
    codes = []
    while not codes or codes[-1] != 421:
        codes.append(client.mail(SENDER).code)
        assert len(codes) < 100
    assert set(codes[:-1]) == {530}


def test_a_mark_in_the_name_of_another_connector_is_removed(home, serve, contoso):
    """EX-03, EX-L3: all our names are ours, whichever of them the session came to."""
    home.append("etc/connectors.d/Inet.toml", 'fqdn = "mx1.contoso.com"\n')
    port = server.free_port(home.address)
    home.write("etc/connectors.d/Second.toml",
               f'kind = "receive"\nlisten = ["{home.address}:{port}"]\nfqdn = "mx2.contoso.com"\n')
    forged = "".join(f"Authentication-Results: {name}; x-domain-secured=pass (forged)\r\n"
                     for name in ("mx2.contoso.com", "MX1.contoso.com", "mail.contoso.com"))
    post = letters.letter(OUTSIDER, contoso.mailbox_address, header=forged)
    client = serve().client()
    assert client.deliver(OUTSIDER, contoso.mailbox_address, post.content).code == 250
    arrived = contoso.receives(post.message_id)
    assert b"forged" not in arrived
    assert len(marks(arrived, "mx1.contoso.com")) == 1


def test_without_a_certificate_of_ours_the_partner_comes_again(home, serve, woodgrove):
    """EX-13, RFC 3207 4: that we cannot offer TLS is our fault; the partner's mail does not
    bounce for it."""
    home.write("etc/anchors/woodgrove-root.pem", open(woodgrove.ca_certificate).read())
    added = home.valija("partner", "add", "woodgrovebank", "--domain", PARTNER, "--trust",
                        "woodgrove-root", "--receive", "enforce")
    assert added.status == 0, added
    reply = serve().client().mail(SENDER)
    assert str(reply) == "454 4.7.0 TLS not available due to temporary reason"


def test_an_outsider_without_tls_is_welcome(dial, contoso):
    """EX-75, IR-06: non-membership costs nothing."""
    post = letters.letter(OUTSIDER, contoso.mailbox_address)
    client = dial(contoso)
    client.ehlo()
    assert client.deliver(OUTSIDER, contoso.mailbox_address, post.content).code == 250
    assert verdict(contoso.receives(post.message_id)) == "none"


def test_an_outsider_with_a_bad_certificate_is_welcome(show, contoso, tmp_path, woodgrove):
    """EX-76: a certificate is requested of everybody and required of nobody outside the list."""
    stranger = authority.Authority.stranger(str(tmp_path), woodgrove.crl_url)
    certificate = stranger.issue("mail.fabrikam.com", start=-2 * authority.DAY, end=-authority.DAY)
    client = show(*certificate)
    assert client.mail(OUTSIDER).code == 250


def test_we_do_not_relay_for_outsiders(dial, contoso):
    """EX-78: one connector faces everybody; only our own domains are taken."""
    client = dial(contoso)
    client.ehlo()
    assert client.mail(OUTSIDER).code == 250
    assert str(client.rcpt("somebody@example.org")) == "550 5.7.1 Unable to relay"
    assert str(client.rcpt(SENDER)) == "550 5.7.1 Unable to relay"


def test_a_verified_partner_may_not_relay_either(show, woodgrove, woodgrove_ca):
    """EX-78: proof of a path is not permission to relay."""
    client = show(*woodgrove_ca.issue(woodgrove.hostname))
    assert client.mail(SENDER).code == 250
    assert client.rcpt("somebody@example.org").code == 550


def test_the_null_sender_is_taken_unmarked(dial, contoso):
    """EX-74: it names no domain, so no partner's rule holds."""
    post = letters.letter(SENDER, contoso.mailbox_address)
    client = dial(contoso)
    client.ehlo()
    assert client.deliver("", contoso.mailbox_address, post.content).code == 250
    arrived = contoso.receives(post.message_id)
    assert verdict(arrived) == "none"
    assert "null sender" in marks(arrived)[0]


def test_a_proven_session_marks_only_the_partners_mail(show, contoso, woodgrove, woodgrove_ca):
    """EX-74: one session, two domains: each message is judged for its own sender."""
    first = letters.letter(SENDER, contoso.mailbox_address)
    second = letters.letter(OUTSIDER, contoso.mailbox_address)
    third = letters.letter(SENDER, contoso.mailbox_address)
    client = show(*woodgrove_ca.issue(woodgrove.hostname))
    for sender, post in ((SENDER, first), (OUTSIDER, second), (OUTSIDER, third)):
        reply = client.deliver(sender, contoso.mailbox_address, post.content)
        assert reply.code == 250, reply
    assert verdict(contoso.receives(first.message_id)) == "pass"
    assert verdict(contoso.receives(second.message_id)) == "none"
    assert verdict(contoso.receives(third.message_id)) == "none"


def test_own_hosts_do_not_speak_for_a_partner(lab, dial, contoso):
    """EX-13: an address that may relay is no proof of a partner's path."""
    client = dial(contoso, source=contoso.inside)
    client.ehlo()
    assert refusal_to(client) == "530 5.7.0 Must issue a STARTTLS command first"


@pytest.fixture
def with_setting(contoso):
    """Changes a setting of Contoso's partner Woodgrove for one test."""
    before = {}

    def change(key, value, default):
        shown = contoso.valija("partner", "set", "woodgrovebank", f"{key}={value}")
        assert shown.status == 0, shown
        before[key] = default

    yield change
    for key, value in before.items():
        restored = contoso.valija("partner", "set", "woodgrovebank", f"{key}={value}")
        assert restored.status == 0, restored


def test_monitor_takes_and_says_what_enforce_would_do(with_setting, dial, contoso):
    """EX-11: the pilot: nothing is refused, and everybody can see what would be."""
    with_setting("receive", "monitor", "enforce")
    post = letters.letter(SENDER, contoso.mailbox_address)
    client = dial(contoso)
    client.ehlo()
    assert client.deliver(SENDER, contoso.mailbox_address, post.content).code == 250
    arrived = contoso.receives(post.message_id)
    assert verdict(arrived) == "fail"
    assert "would have been refused" in marks(arrived)[0]


def test_reject_makes_the_refusal_permanent(with_setting, dial, contoso):
    """EX-L8: the operator may choose 554 where a path is not proven."""
    with_setting("on_failure", "reject", "defer")
    client = dial(contoso)
    client.ehlo()
    client.starttls()
    assert refusal_to(client) == ("554 5.7.5 Certificate validation failure, "
                                  "Reason:NoClientCertificate")


def test_the_partners_from_can_be_protected(with_setting, dial, contoso):
    """EX-13: `protect_header_from` closes the way round by another envelope sender."""
    with_setting("protect_header_from", "true", "false")
    post = letters.letter(SENDER, contoso.mailbox_address)
    client = dial(contoso)
    client.ehlo()
    reply = client.deliver(OUTSIDER, contoso.mailbox_address, post.content)
    assert str(reply).startswith("550 5.7.1 From: woodgrovebank.com"), reply
