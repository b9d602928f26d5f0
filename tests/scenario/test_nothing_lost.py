"""What got 250 arrives: over crashes, a full disk, damage, load, restarts, reloads."""

import os
import random
import re
import shutil
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from support import letters, load, poll, world

KILL_ROUNDS = int(os.environ.get("VALIJA_KILL_ROUNDS", "20"))
LOAD_MESSAGES = int(os.environ.get("VALIJA_LOAD_MESSAGES", "1000"))
BACKLOG = int(os.environ.get("VALIJA_BACKLOG", "5000"))
BOX = "box@contoso.com"
PAGE = 16384

# Bounds that only the optimised program keeps: AddressSanitizer makes everything larger and slower.
IS_SANITIZED = b"__asan_init" in world.PROGRAM.read_bytes() if world.PROGRAM.exists() else False


@pytest.fixture
def sink(lab, home):
    """Where the home's mail goes: a mailbox server that counts."""
    made = load.Sink(home.address)
    settings = home.settings(made.place)
    home.write("etc/valija.toml", settings.replace(
        "[queue]\n", '[queue]\nmemory_bound = "64K"\nreserve = "16M"\n'))
    yield made
    made.close()
    assert made.strange == [], "what arrived is what was sent"


def loaded(home, sessions, messages, **kind):
    return load.Load(home.address, home.port, sessions, messages, load.Kind(**kind))


def queued(home):
    """What `valija queue list` says."""
    done = home.valija("queue", "list", "--json")
    assert done.status == 0, done
    return done.json


def wait_for_all(home, sink, ids):
    poll.until("all that got 250 has arrived", lambda: sink.has(ids), 120)
    poll.until("the queue is empty", lambda: queued(home)["total_messages"] == 0)


def in_the_queue(home, scratch):
    """The ids of the load that lie in the queue of a server that is gone, read from a copy."""
    scratch.mkdir(exist_ok=True)
    for file in (home.path / "spool").glob("queue.db*"):
        shutil.copy2(file, scratch / file.name)
    found = set()
    with sqlite3.connect(scratch / "queue.db") as database:
        for number, in_file, content in database.execute(
                "SELECT m.id, in_file, bytes FROM message m LEFT JOIN body b ON b.id = m.id"):
            if in_file:
                content = (home.path / "spool/bodies" / f"{number:016X}").read_bytes()
            found.add(load.id_of(content))
    database.close()
    shutil.rmtree(scratch)
    return found


def log_of(home):
    return (home.path / "log/valija.log").read_text(errors="replace")


def memory(running):
    """Resident now and at its peak, in KiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) for name in ("VmRSS", "VmHWM")]


def faults(home):
    return [line for line in log_of(home).splitlines() if " server.fault " in line]


# --- killed

def test_killed_at_any_moment_nothing_is_lost(home, serve, sink, tmp_path):
    """250 only after it is durable; twice only what was under way when the power went."""
    chance = random.Random(20061)
    accepted, may_repeat = set(), {}
    for _ in range(KILL_ROUNDS):
        running = serve()
        work = loaded(home, 6, 1000, every_tenth=100_000)
        work.wait_for(chance.randrange(1, 120))
        running.kill()
        work.wait()
        assert work.refused == {}
        accepted |= work.accepted.keys()
        poll.until("the sink has seen the sessions break", sink.is_idle, pause=0.02)
        for identity in in_the_queue(home, tmp_path / "copy"):
            if sink.counts[identity]:
                may_repeat[identity] = may_repeat.get(identity, 0) + 1
    running = serve()
    wait_for_all(home, sink, accepted)
    assert running.end() == 0
    too_often = {one: count for one, count in sink.counts.items()
                 if count > 1 + may_repeat.get(one, 0)}
    assert too_often == {}, "what was settled before a kill is not delivered again"
    assert list((home.path / "spool/bodies").iterdir()) == []
    repeated = sum(count - 1 for count in sink.counts.values())
    print(f"{KILL_ROUNDS} kills, {len(accepted)} messages accepted, {repeated} delivered twice")


# --- a full disk

@pytest.fixture
def small_disk(home, serve, sink, tmp_path, monkeypatch):
    """Starts the server with its spool on a file system of 64 MiB that only it sees; `fill(left)`
    leaves so many bytes free. The sink's settings are in force."""
    del sink
    (home.path / "spool").mkdir()
    root = "" if os.geteuid() == 0 else "r"
    wrapper = tmp_path / "on-a-small-disk"
    wrapper.write_text(
        f'#!/bin/sh\nexec unshare -{root}m sh -c \'mount -t tmpfs -o size=64m small '
        f'"{home.path}/spool" && exec "{world.PROGRAM}" "$@"\' sh "$@"\n')
    wrapper.chmod(0o700)
    with monkeypatch.context() as patch:
        patch.setattr(world, "PROGRAM", wrapper)
        running = serve()
    disk = Path(f"/proc/{running.process.pid}/root{home.path}/spool")

    def fill(left):
        filler = disk / "filler"
        filler.unlink(missing_ok=True)
        space = os.statvfs(disk)
        count = space.f_bavail * space.f_frsize - left
        if count > 0:
            with open(filler, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, count)

    fill.running = running
    return fill


def test_on_a_full_disk_mail_is_deferred_and_nothing_is_lost(home, small_disk, sink):
    """452 4.3.1 while there is no room; what was accepted is delivered out of the reserve."""
    everything = 1 << 40
    sink.hold()
    before = loaded(home, 4, 25, every_tenth=100_000).wait()
    assert len(before.accepted) == 100, before.refused
    small_disk(left=8 << 20)
    refused = loaded(home, 2, 10, every_tenth=100_000).wait()
    assert refused.accepted == {} and refused.broken == []
    assert all(reply.startswith("452 4.3.1 ") for reply in refused.refused.values())
    assert len(refused.refused) == 20
    sink.release()
    wait_for_all(home, sink, before.accepted)

    small_disk(left=0)
    refused = loaded(home, 2, 10, size=70_000).wait()
    assert refused.accepted == {} and refused.broken == []
    assert all(reply.startswith("452 4.3.1 ") for reply in refused.refused.values())

    small_disk(left=everything)
    after = loaded(home, 4, 25, every_tenth=100_000).wait()
    assert len(after.accepted) == 100, after.refused
    wait_for_all(home, sink, after.accepted)
    assert set(sink.counts) == before.accepted.keys() | after.accepted.keys()
    assert set(sink.counts.values()) == {1}
    assert small_disk.running.end() == 0


def test_a_disk_that_fills_while_outcomes_are_recorded_costs_time_only(home, small_disk, sink):
    """Without a byte left for the record the lease stays held; nothing is sent a second time."""
    sink.hold()
    work = loaded(home, 4, 10).wait()
    assert len(work.accepted) == 40
    poll.until("deliveries are under way", lambda: sink.sessions > 0)
    small_disk(left=0)
    sink.release()
    poll.until("an outcome could not be recorded", lambda: faults(home))
    small_disk(left=1 << 40)
    wait_for_all(home, sink, work.accepted)
    assert set(sink.counts.values()) == {1}
    assert small_disk.running.end() == 0


# --- damage

def filled(home, serve, sink, sessions, messages, **kind):
    """A stopped home with that many messages in its queue; ids by queue id."""
    sink.hold()
    running = serve()
    work = loaded(home, sessions, messages, **kind).wait(120 + sessions * messages / 100)
    assert len(work.accepted) == sessions * messages, (work.refused, work.broken)
    running.kill()
    sink.release()
    poll.until("the sink has seen the sessions break", sink.is_idle, pause=0.02)
    sink.counts.clear()
    return {queue_id: identity for identity, queue_id in work.accepted.items()}


def test_damaged_records_are_set_aside_and_the_rest_goes_on(home, serve, sink):
    """A body with another byte, a body file cut short, a row that makes no sense."""
    ids = filled(home, serve, sink, 4, 20, every_tenth=100_000)
    spool = home.path / "spool"
    in_files = sorted(path.name for path in (spool / "bodies").iterdir())
    small = sorted(ids.keys() - set(in_files))
    cut, body, row = in_files[0], small[3], small[7]
    os.truncate(spool / "bodies" / cut, 50_000)
    with sqlite3.connect(spool / "queue.db") as database:
        database.execute("UPDATE body SET bytes = CAST(replace(bytes, 'xxx', 'xxy') AS BLOB) "
                         "WHERE id = ?", (int(body, 16),))
        database.execute("UPDATE recipient SET domain = 'Contoso .com' WHERE message = ?",
                         (int(row, 16),))
    database.close()
    damaged = {cut, body, row}

    running = serve()
    whole = {identity for queue_id, identity in ids.items() if queue_id not in damaged}
    poll.until("the rest has arrived", lambda: sink.has(whole))
    poll.until("the damaged ones are set aside",
               lambda: {line[:16] for line in queued(home)["set_aside"]} == damaged)
    poll.until("nothing else is left", lambda: queued(home)["total_messages"] == len(damaged))
    assert set(sink.counts) == whole, "no part of a damaged message counts as delivered"
    for queue_id in damaged:
        assert log_of(home).count(f" queue.record-set-aside id={queue_id} ") == 1
    shown = home.valija("queue", "list").out
    assert all(f"set aside: {queue_id}: " in shown for queue_id in damaged)
    assert running.end() == 0
    running = serve()
    assert {line[:16] for line in queued(home)["set_aside"]} == damaged, "after a restart too"
    assert running.end() == 0


@pytest.mark.parametrize("tree", ["message", "recipient", "body", "recipient_due"])
def test_a_damaged_database_is_salvaged_into_a_new_file(home, serve, sink, tree):
    """Pages in its middle overwritten: what lies elsewhere is delivered, the rest is listed."""
    ids = filled(home, serve, sink, 8, 100)
    file = home.path / "spool/queue.db"
    sqlite3.connect(file).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
    damage_a_leaf(file, tree)

    running = serve()

    def is_settled():
        listed = queued(home)
        return (listed["total_messages"] == len(listed["set_aside"])
                and sink.has(ids[one] for one in ids
                             if one not in {line[:16] for line in listed["set_aside"]}))

    poll.until("each message is delivered or set aside", is_settled)
    aside = {line[:16] for line in queued(home)["set_aside"]}
    delivered = {queue_id for queue_id, identity in ids.items() if sink.counts[identity]}
    assert delivered | aside == ids.keys()
    assert delivered & aside == set()
    assert set(sink.counts.values()) == {1}
    assert len(aside) < len(ids) // 2
    assert (len(aside) == 0) == (tree == "recipient_due"), "an index holds nothing of its own"
    kept = list((home.path / "spool").glob("queue.db.damaged-*"))
    assert len(kept) == 1
    line = next(line for line in log_of(home).splitlines() if " queue.salvaged " in line)
    assert f"set_aside={len(aside)}" in line and kept[0].name in line
    more = loaded(home, 1, 5).wait()
    wait = more.accepted.keys()
    poll.until("new mail goes on", lambda: sink.has(wait))
    assert running.end() == 0


def damage_a_leaf(file, tree):
    """Overwrites a page in the middle of a table or index: one that is no root and has its ids."""
    with sqlite3.connect(file) as database:
        root = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?",
                                (tree,)).fetchone()[0]
    database.close()
    data = bytearray(file.read_bytes())

    def page(number):
        return data[(number - 1) * PAGE:number * PAGE]

    top = page(root)
    assert top[0] in (2, 5), f"{tree} has more than one page"
    count = int.from_bytes(top[3:5], "big")
    cells = [int.from_bytes(top[12 + 2 * i:14 + 2 * i], "big") for i in range(count)]
    children = [int.from_bytes(top[at:at + 4], "big") for at in cells]
    victim = children[len(children) // 2]
    data[(victim - 1) * PAGE:victim * PAGE] = b"\xa5" * PAGE
    file.write_bytes(data)


# --- load

@pytest.fixture
def partner_shown(home, woodgrove, woodgrove_ca, contoso):
    """Woodgrove is an enforced partner of the home, as far as revocation; what it shows us."""
    home.write("etc/anchors/woodgrove.pem", Path(woodgrove.ca_certificate).read_text())
    home.show("mail.contoso.com", contoso.certificate, contoso.key)
    added = home.valija("partner", "add", "woodgrovebank", "--domain", "woodgrovebank.com",
                        "--trust", "woodgrove", "--receive", "enforce", "--crl", woodgrove.crl_url)
    assert added.status == 0, added
    certificate, key, _ = woodgrove_ca.issue(woodgrove.hostname)
    return load.Shown(certificate, key, "mail.contoso.com")


def open_files(running):
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))


def test_a_hundred_sessions_with_mutual_tls(home, serve, sink, partner_shown):
    """No error, no loss, nothing leaks, and memory is bounded."""
    running = serve()
    partner = {"sender": "berta@woodgrovebank.com", "shown": partner_shown}
    poll.until("the partner's list is there", lambda: loaded(home, 1, 1, **partner).wait().accepted)
    poll.until("the first sessions are gone", sink.is_idle)
    files = open_files(running)
    resident = [memory(running)[0]]
    for messages in (LOAD_MESSAGES // 100, LOAD_MESSAGES // 200):
        began = time.monotonic()
        work = loaded(home, 100, messages, **partner).wait(600)
        took = time.monotonic() - began
        assert work.broken == [] and work.refused == {}
        assert len(work.accepted) == messages * 100
        wait_for_all(home, sink, work.accepted)
        poll.until("all sessions are gone", lambda: open_files(running) <= files)
        resident.append(memory(running)[0])
        print(f"{len(work.accepted)} messages over 100 mutual-TLS sessions in {took:.1f} s "
              f"({len(work.accepted) / took:.0f}/s)")
    assert set(sink.counts.values()) == {1}
    assert faults(home) == []
    peak = memory(running)[1]
    print("resident before and after each, KiB:", *resident, "at its peak:", peak)
    if not IS_SANITIZED:
        assert peak < 64 * 1024, "below 64 MiB at its peak"
        assert resident[2] < resident[1] + 4 * 1024, "the second time it does not grow"
    assert running.end() == 0, "and the sanitizer found no leak"


def test_a_restart_with_a_backlog_takes_mail_at_once(home, serve, sink):
    """Below two seconds from the start of the program to 250 for MAIL, and soon for a message."""
    ids = filled(home, serve, sink, 10, BACKLOG // 10)
    sink.hold()
    began = time.monotonic()
    running = serve()
    with running.client() as client:
        assert client.mail("eve@fabrikam.com").code == 250
        took = time.monotonic() - began
        assert client.rcpt(BOX).code == 250
        assert client.data(letters.letter("eve@fabrikam.com", BOX).content).code == 250
        took_whole = time.monotonic() - began
    resident = memory(running)[0]
    print(f"with {len(ids)} queued messages: MAIL after {took:.2f} s, a whole message after "
          f"{took_whole:.2f} s, {resident // 1024} MiB resident")
    if not IS_SANITIZED:
        assert took < 2 and took_whole < 4
        assert resident < 64 * 1024
    assert queued(home)["total_messages"] == len(ids) + 1
    running.kill()


# --- told to end, told to reload

def test_sigterm_under_load_finishes_what_is_under_way(home, serve, sink):
    """Exit status 0; what got 250 is at the sink or in the queue, and nothing goes twice."""
    running = serve()
    work = loaded(home, 10, 10_000, every_tenth=100_000)
    work.wait_for(100)
    assert running.end() == 0
    work.wait()
    assert work.refused == {}
    assert list((home.path / "spool/bodies").glob("*.part")) == []
    serve()
    wait_for_all(home, sink, work.accepted)
    assert set(sink.counts.values()) == {1}


def test_sigterm_defers_what_the_next_hop_does_not_answer(home, serve, sink):
    """Sessions that would never end are ended; their messages wait for the next start."""
    running = serve()
    sink.hold()
    work = loaded(home, 10, 10).wait()
    assert len(work.accepted) == 100
    poll.until("deliveries are under way", lambda: sink.sessions > 0)
    assert running.end() == 0
    sink.release()
    poll.until("the sink has seen the sessions break", sink.is_idle, pause=0.02)
    sink.counts.clear()
    serve()
    wait_for_all(home, sink, work.accepted)
    assert set(sink.counts.values()) == {1}


def test_reloads_under_load_lose_no_session(home, serve, sink):
    """SIGHUP and `valija reload` again and again; twenty sessions go on as if nothing were."""
    running = serve()
    work = loaded(home, 20, 25)
    commands = 0
    for count in range(10, 500, 35):
        assert work.wait_for(count) >= count, (work.refused, work.broken)
        running.process.send_signal(signal.SIGHUP)
        done = home.valija("reload")
        assert done.status == 0, done
        commands += 1
    work.wait()
    assert work.broken == [] and work.refused == {}
    assert len(work.accepted) == 500
    wait_for_all(home, sink, work.accepted)
    assert set(sink.counts.values()) == {1}
    assert faults(home) == []
    reloads = log_of(home).count(" configuration.reloaded ")
    assert reloads > commands > 10, "each command, and the signals"
    assert running.end() == 0
