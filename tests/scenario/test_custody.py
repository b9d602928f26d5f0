"""The private keys live in a process of their own: what it may do, and what its crash costs."""

import os
import signal
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from support import poll, world

NAME = "mail.contoso.com"


def status(process, field):
    for line in open(f"/proc/{process}/status", encoding="ascii", errors="replace"):
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].split()
    return []


def below(parent):
    """The processes that this one started: {name: pid}."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if status(entry, "PPid") == [str(parent)]:
                found[status(entry, "Name")[0]] = int(entry)
        except (OSError, IndexError):  # it has just ended
            continue
    return found


def guardian_of(server):
    return below(server.process.pid)["valija-guard"]


def worker_of(server):
    return below(guardian_of(server)).get("valija-keys")


def is_there(process):
    """As more than an entry that waits for its parent."""
    try:
        return status(process, "State")[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def own(home):
    """Our certificate, made by the command."""
    made = home.valija("certificate", "new", "--domain", NAME, "--json")
    assert made.status == 0, made
    return made.json


def secret_of(home):
    (file,) = (home.path / "keys").glob("*.key")
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    number = key.private_numbers().private_value
    return [number.to_bytes(32, "big"), number.to_bytes(32, "little")]


def has_in_memory(process, patterns):
    """Whether one of them is anywhere in the memory that the process may write."""
    with open(f"/proc/{process}/maps", encoding="ascii") as maps:
        ranges = [line.split()[0].split("-") for line in maps if line.split()[1].startswith("rw")]
    with open(f"/proc/{process}/mem", "rb", 0) as memory:
        for first, last in ((int(one, 16), int(other, 16)) for one, other in ranges):
            if last - first > 1 << 30:  # the sanitizer's shadow
                continue
            try:
                memory.seek(first)
                content = memory.read(last - first)
            except (OSError, OverflowError, ValueError):
                continue
            if any(pattern in content for pattern in patterns):
                return True
    return False


def shake(server):
    session = server.client()
    session.starttls()
    return session


@pytest.mark.skipif(os.geteuid() != 0, reason="reads the memory of other processes")
def test_the_key_is_in_the_memory_of_its_custody_alone(home, serve, own):
    """EX-48: the server that faces the network never has it, also after it has used it."""
    running = serve()
    shake(running).say("QUIT")
    secret = secret_of(home)
    assert has_in_memory(worker_of(running), secret), "else this looks in the wrong way"
    assert not has_in_memory(running.process.pid, secret)
    assert not has_in_memory(guardian_of(running), secret)


def test_the_custody_has_given_up_what_it_does_not_need(serve, own):
    """No new rights, a filter on its system calls, no core, and no descriptor of the network."""
    worker = worker_of(serve())
    assert status(worker, "NoNewPrivs") == ["1"]
    assert status(worker, "Seccomp") == ["2"]
    if os.geteuid() == 0:  # others may not look: it is not dumpable
        limits = open(f"/proc/{worker}/limits", encoding="ascii").read()
        assert limits.split("Max core file size")[1].split()[:2] == ["0", "0"]
        links = [os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")]
        inet = subprocess.run(["ss", "-Htuanp"], capture_output=True, text=True, check=False)
        assert f"pid={worker}," not in inet.stdout
        assert len([one for one in links if one.startswith("socket:")]) >= 4, links


def test_a_crash_of_the_custody_costs_a_moment(home, serve, own):
    """Open sessions go on, the next handshake succeeds with another process, an event tells."""
    running = serve()
    open_session = shake(running)
    first = worker_of(running)
    os.kill(first, signal.SIGKILL)
    poll.until("another worker", lambda: worker_of(running) not in (None, first))
    assert open_session.say("NOOP").code == 250
    assert shake(running).say("NOOP").code == 250
    poll.until("the event", lambda: "custody.restarted" in home.read("log/valija.log"))


def test_while_the_custody_is_away_handshakes_fail_for_the_time_being(home, serve, own):
    """Nothing but the handshake: the server goes on, and so do sessions without TLS."""
    running = serve()
    in_clear = running.client()
    guardian = guardian_of(running)
    os.kill(guardian, signal.SIGKILL)
    os.kill(below_any("valija-keys", guardian, running), signal.SIGKILL)
    session = running.client()
    assert session.say("STARTTLS").code == 220
    with pytest.raises((ssl.SSLError, ConnectionError)):
        session.wrap(None, None, None)
    assert in_clear.say("NOOP").code == 250
    assert running.end() == 0


def below_any(name, guardian, server):
    """The orphan of a guardian that was killed: still the only one with this server's group."""
    group = os.getpgid(server.process.pid)
    for entry in os.listdir("/proc"):
        try:
            if (entry.isdigit() and status(entry, "Name") == [name]
                    and os.getpgid(int(entry)) == group
                    and os.readlink(f"/proc/{entry}/cwd") == str(server.home.path / "keys")):
                return int(entry)
        except OSError:
            continue
    raise AssertionError(f"no {name} of guardian {guardian}")


def test_killed_the_server_leaves_no_process_behind(serve, own):
    running = serve()
    others = [guardian_of(running), worker_of(running)]
    running.kill()
    for one in others:
        poll.until(f"{one} has ended", lambda process=one: not is_there(process))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_started_as_root_it_is_a_user_of_its_own(home, tmp_path, own):
    """With a user valija-keys on the machine: the process and the keys are that user's, though
    nobody but root may pass the directories above."""
    users = tmp_path / "passwd"
    users.write_text(open("/etc/passwd", encoding="utf-8").read()
                     + "valija-keys:x:64021:64021::/nonexistent:/usr/sbin/nologin\n")
    home.path.chmod(0o700)
    made = subprocess.run(
        ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"', users,
         world.PROGRAM, "certificate", "new", "--domain", "edge.contoso.com", "--home", home.path],
        capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    owners = {file.name: file.stat().st_uid for file in (home.path / "keys").iterdir()}
    keys = [name for name in owners if name.endswith(".key")]
    assert len(keys) == 2 and all(owners[name] == 64021 for name in keys), owners
    assert home.valija("certificate", "list").status == 0


def test_a_custody_that_cannot_begin_stops_the_server_with_a_sentence(home):
    (home.path / "keys").rmdir()
    home.write("keys", "in the way")
    refused = home.valija("serve")
    assert refused.status == 71
    assert "keys" in refused.err and "custody" in refused.err
