"""`valija lab`: the whole set-up on one machine, without root, leaving nothing behind."""

import re

from support import world


def last_line(done):
    return done.out.strip().splitlines()[-1]


def test_the_scenes_can_be_listed(program):
    """IR-10: what the lab can show is listed without building a world."""
    done = world.valija("lab", "--list")
    assert done.status == 0, done
    assert re.search(r"^\s*path\b", done.out, re.MULTILINE), done.out


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


def test_an_unknown_scene_is_a_usage_error(program):
    done = world.valija("lab", "--scenes", "no-such-scene")
    assert done.status == 64
    assert "no-such-scene" in done.err
