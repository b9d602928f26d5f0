"""What operators count: `valija counters`, its recordings, and what Prometheus reads."""

import csv
import http.client
import os
import re
import signal
import socket
import subprocess

import pytest
from support import authority, letters, poll, server, world

BY_PARTNER = ["valija_domain_secure_messages_received_total",
              "valija_domain_secure_messages_sent_total",
              "valija_domain_secure_outbound_session_failures_total"]
SENDER, RECIPIENT = "berta@woodgrovebank.com", "berta@woodgrovebank.com"
RECEIVED, SENT, FAILED = (f'{name}{{partner="woodgrovebank",connector="{connector}"}}'
                          for name, connector in zip(BY_PARTNER, ("Inet", "Internet", "Internet")))


@pytest.fixture
def counting(home, lab):
    """A home with a certificate and Woodgrove in `enforce` both ways, whose metrics are served."""
    home.append("etc/valija.toml", f'\n[metrics]\nlisten = "{home.address}:0"\n')
    home.append("etc/connectors.d/Inet.toml", f'relay_from = ["{lab.contoso.inside}"]\n')
    home.show(lab.contoso.hostname, lab.contoso.certificate, lab.contoso.key)
    with open(lab.woodgrove.ca_certificate) as file:
        home.write("etc/anchors/woodgrove-root.pem", file.read())
    added = home.valija("partner", "add", "woodgrovebank", "--domain", "woodgrovebank.com",
                        "--trust", "woodgrove-root", "--crl", lab.woodgrove.crl_url,
                        "--send", "enforce", "--receive", "enforce")
    assert added.status == 0, added
    return home


def metrics_address(home):
    """Where the server that runs on `home` serves its metrics: (host, port)."""
    found = re.findall(r"metrics\.listening .*?listen=([0-9.]+):(\d+)",
                       (home.path / "log/valija.log").read_text())
    assert found, "the address of the metrics is not in the log"
    return found[-1][0], int(found[-1][1])


def ask(home, path="/metrics", method="GET"):
    """The answer to one HTTP request, with its body as text in `.text`."""
    connection = http.client.HTTPConnection(*metrics_address(home), timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        return answer
    finally:
        connection.close()


def series(text):
    """Every series of a Prometheus text with its value; partner before connector."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        name, labels, value = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line).groups()
        parts = re.findall(r'[a-z]+="(?:\\.|[^"\\])*"', labels or "")
        parts.sort(key=lambda part: not part.startswith("partner="))
        found[name + (f"{{{','.join(parts)}}}" if parts else "")] = float(value)
    return found


def count(home, name):
    return series(ask(home).text)[name]


def linted(text):
    """What promtool has to say about a text."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def list_is_there(home):
    lists = home.valija("crl", "list", "--json").json
    return lists and all(one["loaded"] for one in lists)


def recorded(file):
    """The rows of a recording, each as a dictionary by the header above it."""
    header, rows = None, []
    for row in csv.reader(file.read_text().splitlines()):
        if row[0] == "time":
            header = row
        else:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row[0]), row
            rows.append(dict(zip(header, row, strict=True)))
    return rows


def headers(file):
    return [row for row in csv.reader(file.read_text().splitlines()) if row[0] == "time"]


@pytest.fixture
def record():
    """Starts `valija counters --record`; what still runs is ended."""
    started = []

    def start(home, file, *words):
        started.append(subprocess.Popen(
            [str(world.PROGRAM), "counters", "--home", str(home.path), "--record", str(file),
             *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_every_series_is_served_at_zero_from_the_start(counting, serve):
    """EX-80..82: by partner and connector, before anything happened."""
    running = serve()
    answer = ask(counting)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    served = series(answer.text)
    for name in BY_PARTNER:
        for connector in ("Inet", "Internet"):
            assert served[f'{name}{{partner="woodgrovebank",connector="{connector}"}}'] == 0
    counters = {name: value for name, value in served.items() if "_total" in name}
    printed = counting.valija("counters", "--json").json
    assert len(counters) == len(printed)
    assert {name.split("{")[0] for name in counters} == {sample["name"] for sample in printed}
    assert set(counters.values()) == {0}
    assert running.end() == 0


def test_the_counters_follow_the_mail(counting, serve, lab, woodgrove_ca):
    """EX-80, EX-81: a message from the partner and one to it, each by a verified path."""
    running = serve()
    poll.until("the partner's list is there", lambda: list_is_there(counting))
    client = running.client()
    client.starttls(*woodgrove_ca.issue(lab.woodgrove.hostname)[:2])
    to = lab.contoso.mailbox_address
    reply = client.deliver(SENDER, to, letters.letter(SENDER, to).content)
    assert reply.code == 250, reply
    assert count(counting, RECEIVED) == 1
    reply = running.client(lab.contoso.inside).deliver(to, RECIPIENT,
                                                       letters.letter(to, RECIPIENT).content)
    assert reply.code == 250, reply
    poll.until("the message to the partner is counted", lambda: count(counting, SENT) == 1)
    served = series(ask(counting).text)
    assert served[FAILED] == 0
    assert served["valija_messages_received_total"] == 2
    assert running.end() == 0


def test_a_session_that_proves_nothing_is_counted(counting, serve, lab, tmp_path):
    """EX-82: the partner's server shows a certificate of a CA that we do not trust for it."""
    other = authority.Authority.stranger(str(tmp_path), lab.woodgrove.crl_url)
    counting.write("etc/anchors/woodgrove-root.pem", other.pem())
    running = serve()
    sender = lab.contoso.mailbox_address
    reply = running.client(lab.contoso.inside).deliver(sender, RECIPIENT,
                                                       letters.letter(sender, RECIPIENT).content)
    assert reply.code == 250, reply
    poll.until("the failed session is counted", lambda: count(counting, FAILED) >= 1)
    served = series(ask(counting).text)
    assert served[SENT] == 0
    assert served["valija_queue_messages"] == 1
    poll.until("the message in the queue has an age",
               lambda: count(counting, "valija_queue_oldest_message_age_seconds") > 0)
    assert running.end() == 0


def test_promtool_has_nothing_to_say(counting, serve, lab):
    """EX-83: names, help and types as Prometheus wants them; certificates and lists with dates."""
    running = serve()
    poll.until("the partner's list is there", lambda: list_is_there(counting))
    text = ask(counting).text
    assert linted(text) == (0, "")
    served = series(text)
    now = authority.now().timestamp()
    name = f'valija_certificate_not_after_timestamp_seconds{{certificate="{lab.contoso.hostname}"}}'
    assert served[name] > now
    assert served["valija_crl_next_update_timestamp_seconds"
                  f'{{url="{lab.woodgrove.crl_url}"}}'] > now
    assert served["valija_queue_messages"] == 0
    assert served["valija_queue_oldest_message_age_seconds"] == 0
    assert running.end() == 0


def test_what_is_amiss_with_our_certificates_is_a_gauge(counting, serve, lab, tmp_path):
    """EX-25, EX-34, EX-49..51: 12014 and 12018 as metrics; a renewal and a mended name end them."""
    own = authority.Authority.stranger(str(tmp_path), lab.woodgrove.crl_url)

    def renew(days):
        made = own.issue(lab.contoso.hostname, end=days * authority.DAY)
        counting.show(lab.contoso.hostname, *made[:2])

    def name(certificate):
        words = ("partner", "set", "woodgrovebank", f"certificate={certificate}")
        assert counting.valija(*words).status == 0

    renew(5)
    name("gone.contoso.com")
    running = serve()
    text = ask(counting).text
    assert linted(text) == (0, "")
    served = series(text)
    trouble = 'valija_certificate_trouble{{certificate="{}",event="certificate.{}"}}'
    soon, missing = trouble.format(lab.contoso.hostname, "expires-soon"), trouble.format(
        "gone.contoso.com", "missing")
    within = f'valija_certificate_expires_within_seconds{{certificate="{lab.contoso.hostname}"}}'
    assert served[soon] == 1 and served[within] == 7 * 86400 and served[missing] == 1
    log = (counting.path / "log/valija.log").read_text()
    assert re.search(r"certificate.missing .*partner=woodgrovebank name=gone.contoso.com\n", log)

    renew(90)
    name("")
    assert counting.valija("reload").status == 0
    served = series(ask(counting).text)
    assert not {soon, within, missing} & set(served)
    assert running.end() == 0


def test_a_reload_does_not_end_what_is_still_true(counting, serve, lab, tmp_path):
    """EX-34: lists are asked for anew, and what was known of our own stays known, told once."""
    own = authority.Authority.stranger(str(tmp_path), "http://127.0.0.1:9/own.crl")
    counting.write("etc/anchors/own.pem", own.pem())
    assert counting.valija("partner", "set", "woodgrovebank", "trust=woodgrove-root,own").status == 0
    made = own.issue(lab.contoso.hostname, end=90 * authority.DAY)
    counting.show(lab.contoso.hostname, *made[:2])
    running = serve()
    trouble = (f'valija_certificate_trouble{{certificate="{lab.contoso.hostname}",'
               'event="certificate.unverifiable"}')
    poll.until("the missing list is told", lambda: trouble in series(ask(counting).text), 60)
    assert counting.valija("reload").status == 0
    assert trouble in series(ask(counting).text)
    assert (counting.path / "log/valija.log").read_text().count("certificate.unverifiable") == 1
    assert running.end() == 0


def test_promtool_would_complain():
    """That nothing is said means something."""
    status, said = linted("# TYPE valija_messages counter\nvalija_messages 0\n")
    assert status != 0
    assert "_total" in said and "help" in said


def test_only_metrics_are_served(counting, serve):
    running = serve()
    assert ask(counting, "/").status == 404
    head = ask(counting, method="HEAD")
    assert head.status == 200 and head.text == ""
    assert int(head.headers["Content-Length"]) > 0
    post = ask(counting, method="POST")
    assert (post.status, post.headers["Allow"]) == (405, "GET, HEAD")
    assert running.end() == 0


def test_without_the_setting_nothing_listens(home, serve):
    running = serve()
    assert "metrics.listening" not in (home.path / "log/valija.log").read_text()
    assert running.end() == 0


@pytest.mark.parametrize("address", ["0.0.0.0:9475", "[::]:9475", "192.0.2.1:9475"])
def test_another_address_than_loopback_is_refused(home, address):
    """Metrics have no password: other machines must not reach them."""
    home.append("etc/valija.toml", f'[metrics]\nlisten = "{address}"\n')
    line = home.read("etc/valija.toml").splitlines().index(f'listen = "{address}"') + 1
    for command in (("config", "check"), ("serve",)):
        done = home.valija(*command)
        assert done.status == 78, done
        assert f"etc/valija.toml:{line}:1: \"metrics.listen\"" in done.out + done.err
        assert "is not a loopback address" in done.out + done.err


def test_two_servers_do_not_share_a_port(counting, serve):
    """Their counters would be mixed into one series."""
    with socket.socket() as other:
        other.bind((counting.address, 0))
        other.listen()
        taken = other.getsockname()[1]
        counting.write("etc/valija.toml", counting.read("etc/valija.toml").replace(
            f'listen = "{counting.address}:0"', f'listen = "{counting.address}:{taken}"'))
        done = counting.valija("serve")
        assert done.status == 71, done
        assert f"serving metrics at {counting.address}:{taken}: Address already in use" in done.err


def test_two_servers_do_not_share_an_smtp_port(lab, home, tmp_path, serve):
    """Each would take a part of the other's mail, by chance."""
    serve()
    second = server.Home(tmp_path / "second", lab, home.address)
    second.write("etc/connectors.d/Inet.toml", home.read("etc/connectors.d/Inet.toml"))
    done = second.valija("serve")
    assert done.status == 71, done
    assert f"listening on {home.address}:{home.port}: Address already in use" in done.err


def test_hostile_requests_do_not_hurt_the_mail(counting, serve, lab):
    """Garbage, an endless header, and more connections than there are places, all at once."""
    running = serve()
    address = metrics_address(counting)
    hostile = [socket.create_connection(address, 30) for _ in range(25)]
    try:
        for number, one in enumerate(hostile):
            try:
                one.sendall([b"GET /metr", b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 6000,
                             b""][number % 3])
            except ConnectionError:
                pass  # one of those too many
        turned_away = poll.until("those too many are turned away", lambda: [
            one for one in hostile if is_over(one)])
        assert len(turned_away) >= 5
        to = lab.contoso.mailbox_address
        reply = running.client().deliver("eve@fabrikam.com", to,
                                         letters.letter("eve@fabrikam.com", to).content)
        assert reply.code == 250, reply
    finally:
        for one in hostile:
            one.close()
    poll.until("metrics are served again", lambda: served_again(counting))
    for garbage in (os.urandom(20000), b"\r\n" * 5000, b"GET " + b"/" * 20000, b"\0" * 20000):
        with socket.create_connection(address, 30) as one:
            answer = said_to(one, garbage)
        assert answer == b"" or re.match(rb"HTTP/1\.1 4(00|31) ", answer), answer
    assert count(counting, "valija_messages_received_total") == 1
    assert running.client().say("NOOP").code == 250
    assert "server.fault" not in (counting.path / "log/valija.log").read_text()
    assert running.end() == 0


def is_over(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def served_again(home):
    try:
        return ask(home).status == 200
    except (ConnectionError, http.client.HTTPException):
        return False


def said_to(connection, data):
    """The answer until the server ends the connection; b"" if it ends with a reset."""
    answer = b""
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(4096):
            answer += piece
    except ConnectionError:
        pass
    return answer


def test_a_recording_ends_after_so_many_rows(counting, serve, record, tmp_path):
    """EX-83: header, then a row a sample, each with its time."""
    running = serve()
    file = tmp_path / "counters.csv"
    process = record(counting, file, "--every", "1s", "--count", "3")
    assert process.wait(60) == 0, process.stdout.read()
    assert len(headers(file)) == 1
    rows = recorded(file)
    assert len(rows) == 3
    assert [row["time"] for row in rows] == sorted({row["time"] for row in rows})
    for row in rows:
        assert (row[RECEIVED], row[SENT], row[FAILED]) == ("0", "0", "0")
        assert row["valija_messages_received_total"] == "0"
    printed = counting.valija("counters", "--json").json
    assert len(rows[0]) == 1 + len(printed)
    assert running.end() == 0


def test_a_recording_shows_mail_gaps_and_new_partners(counting, serve, record, lab, tmp_path):
    """EX-83: nothing in between is hidden, and the file stays readable."""
    file = tmp_path / "counters.csv"
    process = record(counting, file, "--every", "1s")
    poll.until("a gap is recorded", lambda: file.exists() and recorded(file))
    assert list(recorded(file)[0]) == ["time"]
    running = serve()
    poll.until("a sample is recorded", lambda: recorded(file)[-1].get(RECEIVED) == "0")
    to = lab.contoso.mailbox_address
    reply = running.client().deliver("eve@fabrikam.com", to,
                                     letters.letter("eve@fabrikam.com", to).content)
    assert reply.code == 250, reply
    poll.until("the message is recorded",
               lambda: recorded(file)[-1]["valija_messages_received_total"] == "1")
    added = counting.valija("partner", "add", "fabrikam", "--domain", "fabrikam.com")
    assert added.status == 0, added
    new = RECEIVED.replace("woodgrovebank", "fabrikam")
    poll.until("the new partner has its columns", lambda: recorded(file)[-1].get(new) == "0")
    assert running.end() == 0
    poll.until("a second gap is recorded", lambda: recorded(file)[-1][new] == "")
    assert set(list(recorded(file)[-1].values())[1:]) == {""}
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    said = process.stdout.read()
    assert said.count("recording a gap") == 2 and said.count("answers again") == 1
    assert len(headers(file)) == 3


def test_a_recording_is_gone_on_with(counting, serve, record, tmp_path):
    """One header for two recordings of the same series; a row that was cut short stays alone."""
    running = serve()
    file = tmp_path / "counters.csv"
    assert record(counting, file, "--count", "1").wait(60) == 0
    with open(file, "a") as cut:
        cut.write("2026-11-02T10:0")
    assert record(counting, file, "--count", "1").wait(60) == 0
    lines = file.read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("time,") and lines[2] == "2026-11-02T10:0"
    assert lines[3].count(",") == lines[1].count(",")
    assert running.end() == 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_ends_at_a_signal(counting, serve, record, tmp_path, ending):
    """However long the pause is."""
    running = serve()
    file = tmp_path / "counters.csv"
    process = record(counting, file, "--every", "1d")
    poll.until("the first row is there", lambda: file.exists() and recorded(file))
    process.send_signal(ending)
    assert process.wait(20) == 0
    assert len(recorded(file)) == 1
    assert running.end() == 0


def test_a_recording_ends_while_it_waits_for_the_server(counting, serve, record, tmp_path):
    running = serve()
    running.process.send_signal(signal.SIGSTOP)
    try:
        file = tmp_path / "counters.csv"
        process = record(counting, file)
        poll.until("the file is open", file.exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        running.process.send_signal(signal.SIGCONT)
    assert running.end() == 0


@pytest.mark.parametrize("file, why", [("missing/counters.csv", "No such file or directory"),
                                       (".", "Is a directory"),
                                       ("home/etc/valija.toml", "no recording of counters")])
def test_a_file_that_cannot_take_a_recording_is_refused(counting, tmp_path, file, why):
    """Before the first sample, and untouched."""
    before = counting.read("etc/valija.toml")
    done = counting.valija("counters", "--record", tmp_path / file, "--count", "1")
    assert done.status == 1, done
    assert why in done.err and done.err.startswith("valija: writing the recording ")
    assert counting.read("etc/valija.toml") == before


@pytest.mark.parametrize("words", [
    ("--record", "x.csv", "--every", "999ms"), ("--record", "x.csv", "--every", "25h"),
    ("--record", "x.csv", "--every", "often"), ("--record", "x.csv", "--count", "0"),
    ("--record", "x.csv", "--count", "-1"), ("--record", "x.csv", "--count", "3x"),
    ("--record", "x.csv", "--json"), ("--every", "10s"), ("--count", "3"), ("--record",)])
def test_a_recording_that_makes_no_sense_is_refused(counting, words):
    done = counting.valija("counters", *words)
    assert done.status == 64, done
    assert re.search("--(every|count|record)", done.err)
