"""Waiting for a fact, with a deadline. The only place where a scenario passes time."""

import time


def until(what, question, deadline=60.0, pause=0.1):
    """Asks until the answer is truthy and returns it; fails after `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise AssertionError(f"after {deadline:g} s still not so: {what}")
        time.sleep(pause)
