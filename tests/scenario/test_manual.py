"""The manual page: made from the same table as `--help`, and clean to groff."""

import re
import subprocess

from support.world import PROGRAM


def run(*words):
    return subprocess.run([str(PROGRAM), *words], capture_output=True, text=True, timeout=20,
                          check=True).stdout


def test_groff_has_nothing_to_say():
    said = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8"], input=run("help", "--man"),
                          capture_output=True, text=True, timeout=20)
    assert (said.returncode, said.stderr) == (0, "")


def test_every_command_of_the_help_is_in_the_manual():
    manual = run("help", "--man")
    listed = re.findall(r"^  ([a-z]+(?: [a-z-]+)?)  ", run("--help").split("\nFirst steps")[0], re.M)
    assert len(listed) > 10
    for command in listed:
        name = command.replace("-", r"\-")
        assert f"\n.SS {name}\n" in manual, command
