"""Starting a child that cannot outlive its parent.

Lives here: `spawn`, and the few lines that run in the child between fork and exec. Not here: who restarts what
(`tradewright.supervisor`).

A child leads a session of its own, so the terminal's Ctrl-C reaches the parent alone, and on Linux the kernel sends
it `death_signal` when the parent ends, however that ends. Elsewhere there is no such signal; a child then sees its
parent's end only by its own means (for PostgreSQL: the next start stops what was left).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from tradewright.process.user import User

_PR_SET_PDEATHSIG = 1


def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    death_signal: signal.Signals = signal.SIGTERM,
    user: User | None = None,
    cwd: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    pass_fds: Sequence[int] = (),
    before_exec: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` as the leader of a session; it gets `death_signal` when this process ends. As `user`: needs root.

    `before_exec` runs in the child between fork and exec: a system call or two, and nothing that could take a lock.
    Call it from the main thread: the kernel counts the end of the *thread* that forked as the parent's end.
    Raises `OSError` when the program cannot be started.
    """
    assert threading.current_thread() is threading.main_thread(), "the death signal follows the forking thread"
    return subprocess.Popen(  # noqa: S603 - our own programs, never a shell
        [os.fspath(part) for part in argv],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        umask=0o077,
        pass_fds=pass_fds,
        preexec_fn=death_notice(death_signal, before_exec),
    )


def death_notice(death_signal: signal.Signals, before: Callable[[], None] | None = None) -> Callable[[], None]:
    """`before`, and then what the child runs last before exec: after the change of user, which clears the request."""
    parent = os.getpid()
    prctl = _libc_prctl()

    def ask() -> None:
        if before is not None:
            before()
        # The parent's handlers are the child's until exec: they would swallow a signal that comes before it.
        if death_signal != signal.SIGKILL:  # nobody can handle that one
            signal.signal(death_signal, signal.SIG_DFL)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it ended between fork and the request, and no signal will come
            os._exit(1)

    return ask


def _libc_prctl() -> Callable[..., int] | None:
    """Looked up before the fork: the child must not load libraries or take locks."""
    if sys.platform != "linux":
        return None
    function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    return function
