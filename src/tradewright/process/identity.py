"""What names a process for good, so that another one can tell whether it has ended.

Lives here: `ProcessIdentity`, `this_process`, `has_ended`. Standard library only. A process number alone is used again;
with the moment of its start, the machine's boot and the space its number is counted in, it is not.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from tradewright.process.inspect import birth_of, is_alive


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """`host` is equal for processes that see each other's numbers, until the machine starts anew."""

    host: str
    process: str  # its number and its start

    @property
    def pid(self) -> int:
        return int(self.process.partition("@")[0])


def this_process() -> ProcessIdentity:
    return ProcessIdentity(_host(), _named(os.getpid()))


def has_ended(identity: ProcessIdentity) -> bool:
    """Whether it is certain that it runs no more. False of another machine's or another container's: who knows."""
    if identity.host != _host():
        return False
    return not is_alive(identity.pid) or _named(identity.pid) != identity.process


def _named(pid: int) -> str:
    return f"{pid}@{birth_of(pid)}"


def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()}/{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()
