"""`valija lab`: the whole set-up on one machine, without root, leaving nothing behind."""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from support import world


def last_line(done):
    return done.out.strip().splitlines()[-1]


def test_the_scenes_can_be_listed(program):
    """IR-10: what the lab can show is listed without building a world."""
    done = world.valija("lab", "--list")
    assert done.status == 0, done
    for group in ("path", "trust", "certificates"):
        assert re.search(rf"^\s*{group}\b", done.out, re.MULTILINE), done.out


def test_every_scene_goes_as_expected(program):
    """EX-12, IR-10: every fault that the lab can make is named by the right step."""
    done = world.valija("lab", "--scenes", "all", deadline=900)
    found = re.fullmatch(r"scenes: (\d+) as expected, 0 not.*", last_line(done))
    assert found and int(found[1]) > 0, done.out[-4000:] + done.err[-4000:]
    assert done.status == 0


def test_without_words_the_lab_shows_the_path(program):
    """EX-12: the first thing anybody runs."""
    done = world.valija("lab", deadline=300)
    assert re.fullmatch(r"scenes: [1-9]\d* as expected, 0 not.*", last_line(done)), done
    assert done.status == 0


def test_two_labs_stand_side_by_side(lab):
    """EX-12: a lab takes no fixed address or port."""
    second = world.Lab()
    try:
        assert second.root != lab.root
        assert second.contoso.address != lab.contoso.address
        assert second.contoso.valija("counters").status == 0
        assert lab.contoso.valija("counters").status == 0
    finally:
        status, said = second.stop()
    assert status == 0, said
    assert not second.root.exists()


def command_line(process):
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def place():
    """A TMPDIR of the test's own, through which the mailboxes' user can pass."""
    directory = Path(tempfile.mkdtemp(prefix="valija-place."))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


def test_stop_takes_a_kept_lab_down_and_leaves_nothing(program, place):
    """EX-12: also what a lab left that was killed."""
    here = {"TMPDIR": str(place)}
    kept = world.Lab(here)
    assert kept.root.parent == place
    stopped = world.valija("lab", "--stop", environment=here)
    assert stopped.status == 0 and str(kept.root) in stopped.out, stopped
    assert kept.stop()[0] == 0
    assert list(place.iterdir()) == []
    killed = world.Lab(here)
    killed.process.kill()
    killed.process.wait()
    assert world.valija("lab", "--stop", environment=here).status == 0
    assert killed.stop()[0] != 0
    assert list(place.iterdir()) == []
    left = [entry.name for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and str(place).encode() in command_line(entry)]
    assert left == []
    nothing = world.valija("lab", "--stop", environment=here)
    assert (nothing.status, nothing.out) == (0, "No lab is up.\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's mailboxes run as somebody else")
def test_a_place_that_is_closed_to_the_mailboxes_is_named(program, place):
    place.chmod(0o700)
    done = world.valija("lab", "--scenes", "none", environment={"TMPDIR": str(place)})
    assert done.status == 2
    assert f"{place} is closed to the mailboxes' user" in done.err
    assert list(place.iterdir()) == []


def test_an_unknown_scene_is_a_usage_error(program):
    done = world.valija("lab", "--scenes", "no-such-scene")
    assert done.status == 64
    assert "no-such-scene" in done.err
