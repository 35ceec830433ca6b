"""Running a piece of a test as another user, and waiting with a bound."""

from __future__ import annotations

import os
import pickle
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0  # against hanging only: a machine may be doing ten other things


def as_user(uid: int, gid: int, work: Callable[[], T]) -> T:
    """Run `work` in a fork that has given up root for this user; its result, or its exception as a RuntimeError.

    A fork and not a new interpreter: the interpreter itself may lie where that user cannot go.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            answer = pickle.dumps((True, work()))
        except BaseException:
            answer = pickle.dumps((False, traceback.format_exc()))
        os.write(write_end, answer)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    worked, value = pickle.loads(answer)
    if not worked:
        raise RuntimeError(value)
    return value


def wait_until(condition: Callable[[], bool], *, what: str, within_s: float = PATIENCE_S) -> float:
    """Seconds until the condition held; fails after `within_s`."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(0.01)
    return time.monotonic() - began
