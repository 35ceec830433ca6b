"""Which unprivileged user a server runs as when we are root, and what that user can reach.

Lives here: `User`, `unprivileged_user`, `can_enter`, `can_run`. They ask the system by trying, as that user, instead
of reading mode bits: access lists, mount options and containers count too. No user is added and no mode is changed.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_NAMES = ("postgres", "nobody")  # the first that exists
_TRY_TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class User:
    name: str
    uid: int
    gid: int


def unprivileged_user() -> User | None:
    """An existing user without privileges, or None if the system has none of the usual ones."""
    for name in _NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return User(name, entry.pw_uid, entry.pw_gid)
    return None


def user_of(uid: int) -> User | None:
    """The user with this uid, or None for root and for a uid without an entry."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid) if uid != 0 else None


def can_enter(directory: Path, user: User) -> bool:
    """Whether `user` gets into `directory`, through all that lies above it."""
    return _succeeds(["/bin/sh", "-c", 'cd -- "$1"', "sh", os.fspath(directory)], user)


def can_run(program: Path, user: User) -> bool:
    """Whether `user` can start `program` (called with `--version`) with the libraries it needs."""
    return _succeeds([os.fspath(program), "--version"], user)


def _succeeds(argv: Sequence[str], user: User) -> bool:
    try:
        ended = subprocess.run(  # noqa: S603 - our own programs, no shell text from outside
            argv,
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TRY_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0
