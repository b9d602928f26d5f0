"""The private keys live in a process of their own: what it may do, and what its crash costs."""

import json
import os
import shutil
import signal
import ssl
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from support import poll, server, world
from support.programs import below, status

NAME = "mail.contoso.com"


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
    worker = worker_of(running)
    os.kill(guardian_of(running), signal.SIGSTOP)  # who would start another one
    os.kill(worker, signal.SIGKILL)
    session = running.client()
    assert session.say("STARTTLS").code == 220
    with pytest.raises((ssl.SSLError, ConnectionError)):
        session.wrap(None, None, None)
    assert in_clear.say("NOOP").code == 250
    assert running.end() == 0


def test_without_a_guardian_the_server_ends_and_says_why(home, serve, own):
    """Nothing could be signed ever again: a service manager must see it."""
    running = serve()
    worker = worker_of(running)
    os.kill(guardian_of(running), signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    session = running.client()
    assert session.say("STARTTLS").code == 220
    with pytest.raises((ssl.SSLError, ConnectionError)):
        session.wrap(None, None, None)
    assert running.process.wait(30) == 71
    assert "custody.lost" in home.read("log/valija.log")


def test_killed_the_server_leaves_no_process_behind(serve, own):
    running = serve()
    others = [guardian_of(running), worker_of(running)]
    running.kill()
    for one in others:
        poll.until(f"{one} has ended", lambda process=one: not is_there(process))


USERS = {"valija": 64020, "valija-keys": 64021}


@pytest.fixture
def with_users(home, lab):
    """A prefix of commands that run where those users exist; the way to `home` is closed to all
    but root and the server's group."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="valija-users-"))
    folder.chmod(0o711)
    for file in ("passwd", "group"):
        kept = Path("/etc", file).read_text(encoding="utf-8")
        tail = {"passwd": "::/nonexistent:/usr/sbin/nologin\n", "group": ":\n"}[file]
        lines = [f"{name}:x:{number}:{number}{tail}" if file == "passwd" else
                 f"{name}:x:{number}{tail}" for name, number in USERS.items()]
        (folder / file).write_text(kept + "".join(lines))
    shutil.move(home.path, folder / "home")
    home.path = folder / "home"
    home.path.chmod(0o700)
    yield ["unshare", "-m", "sh", "-c",
           f'mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group '
           '&& exec "$@"', "sh"]
    shutil.rmtree(folder)


def test_started_as_root_it_leaves_root(home, with_users):
    """Server and custody are users of their own: the one cannot read keys, the other has nothing
    else; low ports, reloads, commands of root and a restart go on working."""
    def as_root(*words):
        done = subprocess.run([*with_users, world.PROGRAM, *words, "--home", home.path],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    as_root("certificate", "new", "--domain", NAME)
    for _ in range(2):
        running = server.Server(home, prefix=with_users)
        try:
            assert status(running.process.pid, "Uid") == ["64020"] * 4
            assert int(status(running.process.pid, "CapEff")[0], 16) == 1 << 10, "low ports"
            assert status(worker_of(running), "Uid") == ["64021"] * 4
            assert int(status(worker_of(running), "CapEff")[0], 16) == 0
            shake(running).say("QUIT")
            made = as_root("certificate", "new", "--domain", NAME, "--json")
            assert json.loads(made)["server"] == "reloaded"
            shake(running).say("QUIT")
            assert as_root("queue", "list") is not None
        finally:
            assert running.end() == 0
    keys = home.path / "keys"
    for file in keys.glob("*.key"):
        facts = file.stat()
        assert (facts.st_uid, stat.S_IMODE(facts.st_mode)) == (64021, 0o600), file
    read = subprocess.run(["setpriv", "--reuid", "64020", "--regid", "64020", "--clear-groups",
                           "cat", *keys.glob("*.key")], capture_output=True, check=False)
    assert read.returncode == 1 and read.stdout == b""


def test_a_server_that_cannot_reach_its_home_says_so(home, with_users):
    """Before anything is served; the sentence has the user, the directory and what to do."""
    home.path.parent.chmod(0o700)
    refused = subprocess.run([*with_users, world.PROGRAM, "serve", "--home", home.path],
                             capture_output=True, text=True, check=False)
    assert refused.returncode == 71
    assert "the user valija now, who cannot reach" in refused.stderr
    assert "pass through the directories above" in refused.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_descriptors_that_the_caller_closed_do_not_matter(home, own, closed):
    """As some service managers do: no file and no channel takes their place."""
    done = subprocess.run(["sh", "-c", f'exec "$0" "$@" {closed}', world.PROGRAM, "certificate",
                           "list", "--home", home.path], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done
    assert done.stderr == ""


def test_a_custody_that_cannot_begin_stops_the_server_with_a_sentence(home):
    (home.path / "keys").rmdir()
    home.write("keys", "in the way")
    refused = home.valija("serve")
    assert refused.status == 71
    assert "keys" in refused.err and "custody" in refused.err
