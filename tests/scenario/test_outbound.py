"""Mail to a partner under `enforce`, and what becomes of mail that cannot be delivered."""

import re
import shutil
from email import message_from_bytes
from pathlib import Path

import pytest
from support import authority, letters, poll


@pytest.fixture
def post(lab, dial, contoso):
    """Sends as a user of Contoso; gives the queue id."""

    def send(recipient, letter, sender=None):
        client = dial(contoso, source=contoso.inside)
        client.ehlo("client.contoso.com")
        reply = client.deliver(contoso.mailbox_address if sender is None else sender, recipient,
                               letter.content)
        assert reply.code == 250, reply
        return reply.queue_id

    return send


def letter_to(contoso, recipient):
    return letters.letter(contoso.mailbox_address, recipient)


def shown(organisation, queue_id):
    """The message in the queue, or None if it is no longer there."""
    done = organisation.valija("queue", "show", queue_id, "--json")
    assert done.status in (0, 1), done
    return done.json if done.status == 0 else None


def tried(organisation, queue_id):
    message = shown(organisation, queue_id)
    assert message is not None, "the message left the queue"
    return message if message["recipients"][0]["attempts"] > 0 else None


def is_gone(organisation, queue_id):
    return shown(organisation, queue_id) is None


@pytest.fixture
def server_certificate(woodgrove):
    """Gives Woodgrove's server another certificate (or none), and its own back."""
    files = [Path(woodgrove.certificate), Path(woodgrove.key)]
    saved = [(file, file.with_name(file.name + ".saved")) for file in files]
    for file, copy in saved:
        shutil.copy2(file, copy)

    def show(certificate, key):
        for file, new in zip(files, (certificate, key)):
            if new is None:
                file.unlink()
            else:
                file.write_bytes(Path(new).read_bytes())
        assert woodgrove.valija("reload").status == 0

    def mend():
        for file, copy in saved:
            if copy.exists():
                shutil.copy2(copy, file)
        assert woodgrove.valija("reload").status == 0

    show.mend = mend
    yield show
    mend()
    for _, copy in saved:
        copy.unlink()


def bad_certificate(kind, woodgrove, woodgrove_ca, directory):
    if kind == "no certificate":
        return None, None
    if kind == "another CA":
        stranger = authority.Authority.stranger(directory, woodgrove.crl_url)
        return stranger.issue(woodgrove.hostname)[:2]
    if kind == "expired":
        return woodgrove_ca.issue(woodgrove.hostname, start=-30 * authority.DAY,
                                  end=-authority.DAY)[:2]
    certificate, key, serial = woodgrove_ca.issue(woodgrove.hostname)
    woodgrove_ca.publish(woodgrove.crl_file, [serial])
    return certificate, key


@pytest.mark.parametrize("kind, step, reasons", [
    ("no certificate", "starttls", {"NoTls"}),
    ("another CA", "chain", {"UntrustedRoot", "IncompleteChain"}),
    ("expired", "dates", {"DateInvalid"}),
    ("revoked", "revocation", {"Revoked"}),
])
def test_mail_waits_until_the_path_is_proven(
        post, contoso, woodgrove, woodgrove_ca, server_certificate, tmp_path, kind, step, reasons):
    """EX-13, EX-27, EX-68, EX-82: never in clear, never unverified; the queue says which step
    failed, and the session is counted."""
    failures = counted(contoso, "valija_domain_secure_outbound_session_failures_total")
    server_certificate(*bad_certificate(kind, woodgrove, woodgrove_ca, str(tmp_path)))
    if kind == "revoked":
        before = revoked_entries(contoso)
        assert contoso.valija("crl", "fetch").status == 0
        poll.until("Contoso has the new list", lambda: revoked_entries(contoso) > before)
    letter = letter_to(contoso, woodgrove.mailbox_address)
    queue_id = post(woodgrove.mailbox_address, letter)
    message = poll.until("the delivery was tried", lambda: tried(contoso, queue_id))
    recipient = message["recipients"][0]
    failed = next(rung for rung in recipient["ladder"] if rung["state"] == "fail")
    assert failed["step"] == step
    assert failed["reason"] in reasons
    assert failed["evidence"] and failed["fix"] and failed["who"]
    assert recipient["state"] == "waiting"
    assert counted(contoso, "valija_domain_secure_outbound_session_failures_total") > failures
    assert woodgrove.find("Message-ID", letter.message_id) is None
    line = outcome_lines(contoso, "delivery.deferred", queue_id)[-1]
    assert f"partner=woodgrovebank remote={woodgrove.hostname}" in line
    assert f" verdict=fail step={step} status=4.7.5 " in line
    assert (" tls=clear " if step == "starttls" else " tls=TLSv1.3 ") in line

    server_certificate.mend()
    # Status 1: its own retry came first, and it is gone already.
    assert contoso.valija("queue", "retry", queue_id).status in (0, 1)
    arrived = woodgrove.receives(letter.message_id)
    assert b"x-domain-secured=pass" in arrived
    poll.until("the queue is done with it", lambda: is_gone(contoso, queue_id))
    line = outcome_lines(contoso, "delivery.delivered", queue_id)[-1]
    assert " tls=TLSv1.3 verdict=pass status=2.0.0 " in line


def counted(organisation, name):
    samples = organisation.valija("counters", "--json").json
    return sum(sample["value"] for sample in samples if sample["name"] == name)


def outcome_lines(organisation, event, queue_id):
    return [line for line in organisation.log().splitlines()
            if f" {event} id={queue_id} " in line]


def revoked_entries(organisation):
    return sum(one["entries"] for one in organisation.valija("crl", "list", "--json").json)


def test_mail_to_a_partner_is_counted(post, contoso, woodgrove):
    """EX-80, EX-81: domain-secured messages sent and received."""
    sent, received = ("valija_domain_secure_messages_sent_total",
                      "valija_domain_secure_messages_received_total")
    before = counted(contoso, sent), counted(woodgrove, received)
    letter = letter_to(contoso, woodgrove.mailbox_address)
    queue_id = post(woodgrove.mailbox_address, letter)
    woodgrove.receives(letter.message_id)
    poll.until("the queue is done with it", lambda: is_gone(contoso, queue_id))
    assert (counted(contoso, sent), counted(woodgrove, received)) == (before[0] + 1, before[1] + 1)


def report_about(organisation, letter):
    """The report in the sender's mailbox: (message, its fields per message, per recipient)."""
    found = poll.until("the sender has a report", lambda: organisation.find_text(letter.message_id))
    report = message_from_bytes(found)
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    words, status, original = report.get_payload()
    assert words.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    assert original.get_content_type() in ("text/rfc822-headers", "message/rfc822")
    assert letter.message_id in original.as_string()
    blocks = [block for block in status.get_payload() if block.keys()]
    assert len(blocks) == 2, status.as_string()
    return report, *blocks


def test_an_unknown_mailbox_of_ours_is_reported(post, contoso):
    """A permanent refusal of the mailbox server ends in a report to the sender (RFC 3464)."""
    letter = letter_to(contoso, "nobody@contoso.com")
    post("nobody@contoso.com", letter)
    report, message, recipient = report_about(contoso, letter)
    assert contoso.mailbox_address in report["To"]
    assert report["Return-Path"] in ("<>", "<MAILER-DAEMON>")
    assert report["Auto-Submitted"].startswith("auto-")
    assert message["Reporting-MTA"] == f"dns; {contoso.hostname}"
    assert recipient["Final-Recipient"] == "rfc822; nobody@contoso.com"
    assert recipient["Action"] == "failed"
    assert re.fullmatch(r"5\.\d+\.\d+", recipient["Status"])
    assert "550" in recipient["Diagnostic-Code"]


def test_an_unknown_mailbox_of_the_partner_is_reported_by_them(post, contoso):
    """The partner took the message over, so the partner reports, over the verified path."""
    letter = letter_to(contoso, "nobody@woodgrovebank.com")
    post("nobody@woodgrovebank.com", letter)
    _, message, recipient = report_about(contoso, letter)
    assert message["Reporting-MTA"] == "dns; mail.woodgrovebank.com"
    assert recipient["Action"] == "failed"


def test_a_domain_that_takes_no_mail_is_reported_at_once(post, contoso):
    """RFC 7505: null MX."""
    letter = letter_to(contoso, "eve@nullmx.fabrikam.com")
    queue_id = post("eve@nullmx.fabrikam.com", letter)
    _, _, recipient = report_about(contoso, letter)
    assert recipient["Status"] == "5.1.10"
    poll.until("the queue is done with it", lambda: is_gone(contoso, queue_id))


def test_a_message_without_sender_is_never_reported(post, contoso):
    """RFC 5321 6.1: a failure of a report makes no report."""
    letter = letters.letter("MAILER-DAEMON@fabrikam.com", "nobody@contoso.com")
    queue_id = post("nobody@contoso.com", letter, sender="")
    poll.until("the queue gave up", lambda: is_gone(contoso, queue_id))
    poll.until("the event says so", lambda: queue_id in "".join(
        line for line in contoso.log().splitlines() if "delivery.report-dropped" in line))
    assert contoso.find_text(letter.message_id) is None


def test_what_was_accepted_survives_a_crash(lab, home, serve, contoso):
    """250 only after it is durable: killed without warning, all arrives after the restart."""
    home.write("etc/valija.toml", home.settings("127.0.0.1:9"))  # a mailbox server that is down
    running = serve()
    accepted = [letters.letter("eve@fabrikam.com", contoso.mailbox_address, body="x" * size)
                for size in (10, 1000, 100_000, 400_000, 1_000_000) for _ in range(4)]
    client = running.client()
    for letter in accepted:
        content = letter.content.replace(b"x" * 900, b"x" * 898 + b"\r\n")
        reply = client.deliver("eve@fabrikam.com", contoso.mailbox_address, content)
        assert reply.code == 250, reply
    running.kill()

    home.write("etc/valija.toml", home.settings(contoso.lmtp))
    running = serve()
    for letter in accepted:
        contoso.receives(letter.message_id)
    poll.until("the queue is empty",
               lambda: home.valija("queue", "list", "--json").json["messages"] == [])
    assert running.end() == 0


def test_a_second_server_on_the_same_home_is_refused(home, serve):
    """Two servers on one queue would deliver everything twice."""
    running = serve()
    second = home.valija("serve", deadline=30)
    assert second.status not in (0, None)
    assert second.err.strip()
    assert running.client().say("NOOP").code == 250
    assert running.end() == 0
