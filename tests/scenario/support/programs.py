"""Programs of others, run to their end; and processes of ours, as /proc tells them."""

import contextlib
import os
import subprocess


def run(*words, environment=None):
    """What it printed; it must succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, env=dict(os.environ) | (environment or {}), timeout=120)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def status(process, field):
    """The words of a line of /proc/PID/status."""
    with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].split()
    return []


def processes():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def below(parent):
    """The processes that this one started: {name: pid}."""
    found = {}
    for one in processes():
        with contextlib.suppress(OSError, IndexError):  # it may have just ended
            if status(one, "PPid") == [str(parent)]:
                found[status(one, "Name")[0]] = one
    return found


def working_in(directory):
    """The processes whose working directory it is."""
    found = []
    for one in processes():
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{one}/cwd") == str(directory):
                found.append(one)
    return found
