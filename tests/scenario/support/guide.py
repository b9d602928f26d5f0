"""The console blocks of docs/guide/*.md: what they say, and a shell that runs them.

docs/guide/README.md tells writers of pages how a block is read.
"""

import os
import queue
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "=== the command ended with "


@dataclass
class Step:
    """One command and the lines that the page shows below it."""

    line: int
    command: str
    shown: list = field(default_factory=list)


def steps_of(page):
    """The commands of a page, in order."""
    text = page.read_text()
    steps = []
    for block in BLOCK.finditer(text):
        number = text.count("\n", 0, block.start(1)) + 1
        goes_on = False
        for offset, line in enumerate(block[1].splitlines()):
            if goes_on:
                steps[-1].command += "\n" + line
            elif line.startswith("$ "):
                steps.append(Step(number + offset, line[2:]))
            elif offset == 0:
                raise ValueError(f"{page.name}:{number}: a console block begins with `$ `")
            else:
                steps[-1].shown.append(line)
                continue
            goes_on = is_unfinished(steps[-1].command)
    return steps


def is_unfinished(command):
    """Whether the next line belongs to the command: a backslash at the end, or `<<WORD`."""
    document = re.search(r"<<'?(\w+)'?", command)
    return command.endswith("\\") or (document is not None and
                                      not command.endswith("\n" + document[1]))


def links_of(page):
    """The files of this tree that a document links to."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target.split("#")[0] for target in targets
            if "://" not in target and not target.startswith("#")]


def fits(shown, printed):
    """Whether the printed lines are those shown; … within a line is anything, alone any lines."""
    if not shown:
        return not printed
    if shown[0].strip() == "…":
        return any(fits(shown[1:], printed[at:]) for at in range(len(printed) + 1))
    pattern = ".*".join(re.escape(part) for part in shown[0].split("…"))
    return bool(printed and re.fullmatch(pattern, printed[0]) and fits(shown[1:], printed[1:]))


class Shell:
    """A bash that lives as long as its page; its children end with it."""

    def __init__(self, directory, variables):
        # No startup files, and nothing of the tester's own environment but the way to programs.
        environment = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=directory, env=environment | variables,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True)
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def run(self, command, deadline=60):
        """(exit status, lines printed); None for the status if it did not end in time."""
        self.process.stdin.write(f"{{ {command}\n}} < /dev/null\nprintf '{END}%d\\n' $?\n")
        self.process.stdin.flush()
        printed = []
        timer = threading.Timer(deadline, self._lines.put, [None])
        timer.start()
        try:
            while (line := self._lines.get()) is not None:
                before, mark, status = line.partition(END)
                if before or not mark:
                    printed.append(before)
                if mark:
                    return int(status), printed
        finally:
            timer.cancel()
        return None, printed

    def close(self):
        """Ends what the page started and did not end."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._reader.join(20)
        self.process.stdout.close()
