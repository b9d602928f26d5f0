"""Mail to servers out there, good and bad: who is tried, how, and what is never said in clear."""

import uuid

import pytest
from support import authority, letters, peer, poll

FABRIKAM = "eve@fabrikam.com"
TWO = "eve@two.fabrikam.com"


@pytest.fixture
def stand(lab):
    """Starts a server at one of Fabrikam's addresses: 66 is its mail server, 67 and 68 the two
    mail exchangers of two.fabrikam.com."""
    started = []

    def start(last, **manners):
        started.append(peer.Peer(lab.outsider_address(last), lab.smtp_port,
                                 peer.Manners(**manners)))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def fabrikam_ca(home, tmp_path):
    """Fabrikam's CA: an anchor of the home; its list is nowhere, so revocation is off here."""
    ca = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    home.write("etc/anchors/fabrikam-root.pem", ca.pem())
    return ca


@pytest.fixture
def sender(home, serve):
    """Our server, which sends for everybody on this machine; gives `send(recipient) -> id`."""
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    started = []

    def send(recipient, sender="anna@contoso.com"):
        if not started:
            started.append(serve())
        letter = letters.letter(sender, recipient)
        reply = started[0].client().deliver(sender, recipient, letter.content)
        assert reply.code == 250, reply
        return reply.queue_id

    return send


def enforce(home, *domains):
    added = home.valija("partner", "add", "fabrikam", "--domain", ",".join(domains), "--trust",
                        "fabrikam-root", "--send", "enforce", "--revocation", "off")
    assert added.status == 0, added


def shown(home, queue_id):
    done = home.valija("queue", "show", queue_id, "--json")
    return done.json if done.status == 0 else None


def gone(home, queue_id):
    poll.until("the queue is done with the message", lambda: shown(home, queue_id) is None)


def tried(home, queue_id):
    """The first recipient once an attempt was made."""

    def look():
        message = shown(home, queue_id)
        assert message is not None, "the message left the queue"
        recipient = message["recipients"][0]
        return recipient if recipient["attempts"] > 0 else None

    return poll.until("an attempt was made", look)


def first_failure(recipient):
    return next(step for step in recipient["ladder"] if step["state"] in ("fail", "unknown"))


def test_an_outsider_without_tls_gets_mail_in_clear(home, sender, stand):
    """EX-04, IR-06: all other mail flows as ever."""
    server = stand(66)
    gone(home, sender(FABRIKAM))
    assert len(server.contents()) == 1
    assert server.heard[0].tls is False


def test_an_outsider_with_any_certificate_gets_mail_over_tls(home, sender, stand, tmp_path):
    """EX-04: TLS is tried wherever it is offered; an outsider's certificate is not judged, and
    ours is not shown."""
    stranger = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    certificate, key, _ = stranger.issue("something.else.example", end=-authority.DAY / 2)
    ca = tmp_path / "ca.pem"
    ca.write_text(stranger.pem())
    server = stand(66, certificate=certificate, key=key, client_ca=str(ca))
    own = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    home.show("mail.contoso.com", *own.issue("mail.contoso.com")[:2])
    gone(home, sender(FABRIKAM))
    session = server.heard[0]
    assert session.tls and len(session.contents) == 1
    assert session.client_certificate is None
    assert len(session.said("EHLO")) == 2, "EHLO is said again inside TLS (RFC 3207)"


def test_a_handshake_that_breaks_is_no_reason_to_keep_an_outsiders_mail(home, sender, stand,
                                                                         tmp_path):
    """EX-04: opportunistic: once more in clear."""
    stranger = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    certificate, key, _ = stranger.issue("mail.fabrikam.com")
    server = stand(66, certificate=certificate, key=key, breaks_handshake=True)
    gone(home, sender(FABRIKAM))
    assert [session.tls for session in server.heard] == [False, False]
    assert server.heard[0].said("MAIL") == []
    assert len(server.heard[1].contents) == 1


def test_a_server_that_wants_a_certificate_is_no_reason_either(home, sender, stand, tmp_path):
    """EX-04, EX-11: with TLS 1.3 its refusal comes after our handshake; an outsider's mail, and in
    `monitor` a partner's, goes once more in clear."""
    stranger = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    certificate, key, _ = stranger.issue("mail.fabrikam.com")
    ca = tmp_path / "ca.pem"
    ca.write_text(stranger.pem())
    server = stand(66, certificate=certificate, key=key, client_ca=str(ca), client_required=True)
    gone(home, sender(FABRIKAM))
    assert len(server.contents()) == 1
    assert server.heard[-1].tls is False


@pytest.mark.parametrize("first", ["closed", "421", "554"])
def test_the_next_mail_exchanger_is_tried(home, sender, stand, first):
    """EX-60..64: MX by preference; a host that does not take mail now is no reason to wait."""
    if first != "closed":
        stand(67, greeting=f"{first} not now")
    second = stand(68)
    gone(home, sender(TWO))
    assert len(second.contents()) == 1


def test_the_better_mail_exchanger_comes_first(home, sender, stand):
    """RFC 5321 5.1: the lower preference wins while it answers."""
    first, second = stand(67), stand(68)
    gone(home, sender(TWO))
    assert len(first.contents()) == 1
    assert second.heard == []


def test_a_partners_second_host_is_used_if_the_first_cannot_prove_itself(
        home, sender, stand, fabrikam_ca, tmp_path):
    """EX-13, EX-68: nothing of a message is said to a host that was not proven; the next one is
    tried; and our certificate is shown to the partner."""
    own = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    home.show("mail.contoso.com", *own.issue("mail.contoso.com")[:2])
    own_ca = tmp_path / "own.pem"
    own_ca.write_text(own.pem())
    other = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/x.crl")
    bad, bad_key, _ = other.issue("mx1.two.fabrikam.com")
    good, good_key, _ = fabrikam_ca.issue("mx2.two.fabrikam.com")
    first = stand(67, certificate=bad, key=bad_key)
    second = stand(68, certificate=good, key=good_key, client_ca=str(own_ca))
    enforce(home, "two.fabrikam.com")
    gone(home, sender(TWO))
    assert [session.commands for session in first.heard] == [
        ["EHLO mail.contoso.com", "STARTTLS", "QUIT"]]
    session = second.heard[0]
    assert session.tls and len(session.contents) == 1
    assert session.client_certificate is not None


@pytest.mark.parametrize("manners, step", [
    ({}, "starttls"),
    ({"replies": {"STARTTLS": "454 4.7.0 TLS not available"}, "certificate": "good"}, "starttls"),
    ({"breaks_handshake": True, "certificate": "good"}, "handshake"),
    ({"greeting": "554 5.0.0 no"}, "starttls"),
    ({"replies": {"EHLO": "550 5.0.0 no"}}, "starttls"),
], ids=["not offered", "refused", "broken", "greeting 554", "EHLO 550"])
def test_a_partners_mail_never_goes_in_clear_and_does_not_bounce(
        home, sender, stand, fabrikam_ca, manners, step):
    """EX-13, EX-68, decision 4: whoever sits on the way can say 5xx or leave STARTTLS out; the
    mail waits, and the ladder names the step."""
    manners = dict(manners)
    if manners.get("certificate"):
        manners["certificate"], manners["key"], _ = fabrikam_ca.issue("mail.fabrikam.com")
    server = stand(66, **manners)
    enforce(home, "fabrikam.com")
    recipient = tried(home, sender(FABRIKAM))
    assert recipient["state"] == "waiting"
    assert first_failure(recipient)["step"] == step
    assert not any(session.said("MAIL") for session in server.heard)


def test_a_partner_that_cannot_be_reached_has_a_ladder_too(home, sender, fabrikam_ca):
    """EX-68: nobody listens: the step is tcp, and a fix is named."""
    enforce(home, "fabrikam.com")
    recipient = tried(home, sender(FABRIKAM))
    failure = first_failure(recipient)
    assert failure["step"] == "tcp" and failure["fix"] and failure["who"]
    assert [step["step"] for step in recipient["ladder"]] == ["policy", "dns", "tcp", "verdict"]
    assert "MX 10 mail.fabrikam.com" in recipient["ladder"][1]["evidence"]


def test_a_temporary_refusal_is_tried_again(home, sender, stand):
    """4yz: keep and retry."""
    server = stand(66, replies={"RCPT": ["451 4.3.0 later", "250 ok"]})
    gone(home, sender(FABRIKAM))
    assert len(server.heard) == 2
    assert len(server.contents()) == 1


def test_other_mail_exchangers_than_the_pinned_ones_are_an_event(home, sender, stand, fabrikam_ca):
    """CI-11: told at the next delivery, once; what must be proven is unchanged and mail goes on."""
    certificate, key, _ = fabrikam_ca.issue("mail.fabrikam.com")
    own = fabrikam_ca.issue("mail.contoso.com")
    home.show("mail.contoso.com", *own[:2])
    (home.path / "clients.pem").write_text(fabrikam_ca.pem())
    server = stand(66, certificate=certificate, key=key, client_ca=str(home.path / "clients.pem"))
    enforce(home, "fabrikam.com")
    home.append("etc/partners.d/fabrikam.toml", 'mx_known = ["old.fabrikam.com 192.0.2.9"]\n')
    for count in (1, 2):
        gone(home, sender(FABRIKAM))
        assert len(server.contents()) == count
    told = [line for line in (home.path / "log/valija.log").read_text().splitlines()
            if " partner.mx-changed " in line]
    assert told and len(told) == len(set(line.split(" text=")[1] for line in told)), told
    assert any("old.fabrikam.com" in line for line in told)
    assert any("mail.fabrikam.com" in line for line in told)
    assert all(" partner=fabrikam domain=fabrikam.com " in line for line in told)


def test_a_message_that_expires_is_reported(home, sender, stand, contoso):
    """EX-68: after queue.life the sender gets a report (RFC 3464) that says 4.4.7 and why."""
    stand(66, replies={"RCPT": "451 4.3.0 later"})
    home.write("etc/valija.toml",
               home.read("etc/valija.toml").replace("[queue]\n", '[queue]\nlife = "1s"\n'))
    local = f"eve-{uuid.uuid4()}"
    gone(home, sender(f"{local}@fabrikam.com", sender=contoso.mailbox_address))
    report = poll.until("the sender has a report", lambda: contoso.find_text(local))
    assert b"Status: 4.4.7" in report
    assert b"451 4.3.0 later" in report


def test_several_recipients_have_each_their_own_outcome(home, stand, contoso, serve):
    """A recipient that is refused does not take the others with it."""
    server = stand(66, replies={"RCPT": ["250 ok", "550 5.1.1 nobody here", "250 ok"]})
    home.append("etc/connectors.d/Inet.toml", 'relay_from = ["127.0.0.0/8"]\n')
    client = serve().client()
    mark = str(uuid.uuid4())
    assert client.mail(contoso.mailbox_address).code == 250
    for name in ("one", "two", "three"):
        assert client.rcpt(f"{name}@fabrikam.com").code == 250
    letter = letters.letter(contoso.mailbox_address, FABRIKAM, subject=mark)
    assert client.data(letter.content).code == 250
    report = poll.until("the sender has a report", lambda: contoso.find_text(mark))
    assert b"two@fabrikam.com" in report and b"Status: 5.1.1" in report
    assert b"one@fabrikam.com" not in report
    assert len(server.contents()) == 1


def test_what_a_partners_refusal_of_our_certificate_means_is_told(home, sender, stand, fabrikam_ca,
                                                                  tmp_path):
    """Exchange and Valija name the reason in the same words; our own ladder knows nothing of it."""
    certificate, key, _ = fabrikam_ca.issue("mail.fabrikam.com")
    enforce(home, "fabrikam.com")
    ca = tmp_path / "ca.pem"
    ca.write_text(fabrikam_ca.pem())
    home.show("mail.contoso.com", *fabrikam_ca.issue("mail.contoso.com")[:2])
    stand(66, certificate=certificate, key=key, client_ca=str(ca), replies={
        "MAIL": "454 4.7.5 Certificate validation failure, Reason:RevocationOffline"})
    queue_id = sender(FABRIKAM)
    assert "RevocationOffline" in tried(home, queue_id)["last"]
    said = home.valija("queue", "show", queue_id).out
    assert "what it means: the partner cannot fetch the list of our CA" in said, said
    spanish = home.valija("queue", "show", queue_id, "--lang", "es").out
    assert "qué significa: el socio no puede descargar la lista" in spanish
