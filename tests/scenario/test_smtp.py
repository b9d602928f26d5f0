"""The language, spoken badly: what a hostile or careless client gets."""

import re

import pytest
from support import letters, poll, smtp

OUTSIDER = "eve@fabrikam.com"


@pytest.fixture
def client(dial, contoso):
    session = dial(contoso)
    session.ehlo()
    return session


def arrives_only(contoso, expected, absent):
    """Waits for one message, then knows that the other, sent before it, is not coming."""
    contoso.receives(expected.message_id)
    assert contoso.find("Message-ID", absent.message_id) is None


def bodies(letter, smuggled, end):
    """A message that holds `end`, a look-alike of the end of data, and then a second message."""
    envelope = "MAIL FROM:<admin@fabrikam.com>\r\nRCPT TO:<anna@contoso.com>\r\nDATA\r\n".encode()
    return letter.content + b"tail" + end + envelope + smuggled.content + b".\r\n"


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r",
                                 b"\n.\r", b"\r\r\n.\r\r\n"], ids=repr)
def test_smuggling_is_refused(dial, contoso, client, end):
    """IR-03: bare CR and LF never end a message, and a message that has them is not taken."""
    outer = letters.letter(OUTSIDER, contoso.mailbox_address)
    smuggled = letters.letter(OUTSIDER, contoso.mailbox_address)
    assert client.mail(OUTSIDER).code == 250
    assert client.rcpt(contoso.mailbox_address).code == 250
    assert client.say("DATA").code == 354
    client.raw(bodies(outer, smuggled, end))
    reply = client.read()
    assert 500 <= reply.code < 600, reply
    after = letters.letter(OUTSIDER, contoso.mailbox_address)
    again = dial(contoso)
    again.ehlo()
    assert again.deliver(OUTSIDER, contoso.mailbox_address, after.content).code == 250
    arrives_only(contoso, after, outer)
    assert contoso.find("Message-ID", smuggled.message_id) is None


@pytest.mark.parametrize("command", [b"NOOP\nNOOP\r\n", b"NOOP\rNOOP\r\n", b"NOOP\n"], ids=repr)
def test_a_bare_line_end_in_a_command_ends_the_session(client, command):
    """IR-03: a command line ends in CRLF and nothing else."""
    client.raw(command)
    assert client.read().code in (500, 501, 521)
    assert client.is_closed()


def test_what_was_said_before_tls_does_not_count_after_it(client):
    """EX-08: plaintext behind STARTTLS (command injection) ends the session."""
    client.raw(b"STARTTLS\r\nMAIL FROM:<eve@fabrikam.com>\r\n")
    first = client.read()
    assert first.code in (220, 554)
    if first.code == 220:
        try:
            client.wrap()
            second = client.read()
        except (smtp.Closed, OSError):
            return
        assert second.code >= 500
    assert client.is_closed()


def test_tls_begins_a_new_session(client):
    """EX-08: after STARTTLS the client must greet anew."""
    assert client.mail(OUTSIDER).code == 250
    assert client.say("RSET").code == 250
    assert client.say("STARTTLS").code == 220
    client.wrap()
    assert client.mail(OUTSIDER).code == 503
    assert "STARTTLS" not in client.ehlo().text
    assert client.say("STARTTLS").code == 503


def test_starttls_inside_a_transaction_is_out_of_order(client):
    assert client.mail(OUTSIDER).code == 250
    assert client.say("STARTTLS").code == 503


def test_a_line_that_is_too_long_is_refused_and_the_session_goes_on(client):
    client.raw(b"NOOP " + b"x" * 5000 + b"\r\n")
    assert client.read().code == 500
    assert client.say("NOOP").code == 250


def test_a_line_without_end_does_not_grow_forever(client):
    chunk = b"x" * 65536
    try:
        for _ in range(64):
            client.raw(chunk)
        client.raw(b"\r\n")
        assert client.read().code == 500
    except (smtp.Closed, OSError):
        pass  # ending the session is as good


def test_reset_forgets_the_transaction(client, contoso):
    assert client.mail(OUTSIDER).code == 250
    assert client.rcpt(contoso.mailbox_address).code == 250
    assert client.say("RSET").code == 250
    assert client.say("DATA").code == 503
    assert client.rcpt(contoso.mailbox_address).code == 503


def test_a_second_mail_is_out_of_order(client):
    assert client.mail(OUTSIDER).code == 250
    assert client.mail(OUTSIDER).code == 503


def test_a_pipeline_in_one_packet_is_answered_in_order(client, contoso):
    """EX-91: PIPELINING is offered and kept."""
    client.raw(b"MAIL FROM:<eve@fabrikam.com>\r\nRCPT TO:<nobody@example.org>\r\n"
               b"RCPT TO:<anna@contoso.com>\r\nDATA\r\n")
    assert [client.read().code for _ in range(4)] == [250, 550, 250, 354]
    post = letters.letter(OUTSIDER, contoso.mailbox_address)
    client.raw(post.content + b".\r\nNOOP\r\nQUIT\r\n")
    assert [client.read().code for _ in range(3)] == [250, 250, 221]
    contoso.receives(post.message_id)


def test_a_declared_size_beyond_the_limit_is_refused_at_once(client):
    assert "SIZE " in client.ehlo().text
    assert client.say(f"MAIL FROM:<{OUTSIDER}> SIZE={1 << 40}").code == 552
    assert client.say(f"MAIL FROM:<{OUTSIDER}> SIZE=99999999999999999999999999").code in (501, 552)
    assert client.mail(OUTSIDER).code == 250


def test_a_message_that_turns_out_too_large_is_refused(client, contoso):
    limit = int(re.search(r"^SIZE (\d+)", client.ehlo().text, re.MULTILINE)[1])
    post = letters.letter(OUTSIDER, contoso.mailbox_address)
    assert client.mail(OUTSIDER).code == 250
    assert client.rcpt(contoso.mailbox_address).code == 250
    assert client.say("DATA").code == 354
    line = b"x" * 998 + b"\r\n"
    try:
        client.raw(post.content)
        for _ in range(limit // len(line) + 1):
            client.raw(line)
        client.raw(b".\r\n")
    except OSError:
        pass  # the server may stop listening; its reply is there all the same
    assert client.read().code == 552
    assert contoso.find("Message-ID", post.message_id) is None


def test_too_many_errors_end_the_session(client):
    codes = []
    while not codes or codes[-1] != 421:
        codes.append(client.say("NONSENSE").code)
        assert len(codes) <= 100
    assert set(codes[:-1]) == {500}
    assert client.is_closed()


@pytest.mark.parametrize("command", [b"NO\0OP\r\n", b"\0\r\n",
                                     b"MAIL FROM:<a\0b@fabrikam.com>\r\n"], ids=repr)
def test_a_nul_in_a_command_is_refused(client, command):
    client.raw(command)
    assert 500 <= client.read().code < 600


def test_a_nul_in_the_content_is_refused(client, contoso):
    post = letters.letter(OUTSIDER, contoso.mailbox_address, body="one\0two")
    assert 500 <= client.deliver(OUTSIDER, contoso.mailbox_address, post.content).code < 600


@pytest.mark.parametrize("address", ["a@b@c", "@contoso.com", "anna@", "anna", "an na@contoso.com",
                                     "anna@contoso..com", "anna@[300.0.0.1]", "<anna@contoso.com>"])
def test_a_malformed_recipient_is_refused(client, address):
    assert client.mail(OUTSIDER).code == 250
    assert 500 <= client.rcpt(address).code < 600


def test_commands_before_a_greeting_are_out_of_order(dial, contoso):
    session = dial(contoso)
    assert session.mail(OUTSIDER).code == 503
    assert session.say("STARTTLS").code == 503
    assert session.say("NOOP").code == 250


def test_postmaster_needs_no_domain(client):
    assert client.mail(OUTSIDER).code == 250
    assert client.say("RCPT TO:<Postmaster>").code == 250


def test_a_client_that_leaves_in_the_middle_of_data_leaves_nothing(dial, contoso):
    """Nothing is queued of a message that was not ended."""
    cut = letters.letter(OUTSIDER, contoso.mailbox_address)
    session = dial(contoso)
    session.ehlo()
    assert session.mail(OUTSIDER).code == 250
    assert session.rcpt(contoso.mailbox_address).code == 250
    assert session.say("DATA").code == 354
    session.raw(cut.content)
    session.socket.close()
    whole = letters.letter(OUTSIDER, contoso.mailbox_address)
    again = dial(contoso)
    again.ehlo()
    assert again.deliver(OUTSIDER, contoso.mailbox_address, whole.content).code == 250
    arrives_only(contoso, whole, cut)


def test_many_clients_at_once_are_all_served(dial, contoso):
    """Sessions do not wait for each other."""
    sessions = [dial(contoso) for _ in range(40)]
    for session in sessions:
        session.raw(b"EHLO client.fabrikam.com\r\n")
    assert {session.read().code for session in sessions} == {250}
    posts = [letters.letter(OUTSIDER, contoso.mailbox_address) for _ in sessions]
    for session, post in zip(sessions, posts):
        session.raw(b"MAIL FROM:<eve@fabrikam.com>\r\nRCPT TO:<anna@contoso.com>\r\nDATA\r\n")
    for session, post in zip(sessions, posts):
        assert [session.read().code for _ in range(3)] == [250, 250, 354]
        session.raw(post.content + b".\r\n")
    assert {session.read().code for session in sessions} == {250}
    for post in posts:
        poll.until("each has arrived", lambda: contoso.find("Message-ID", post.message_id))
