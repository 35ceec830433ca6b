"""What the supervisor is told of a child: how it is started, when it counts as ready, how it is stopped.

Lives here: values only. Not here: the one who acts on them (`process.keeper`).
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

POSTGRES = "postgres"  # the name under which the embedded database is waited for and logged


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyLine:
    """Ready once it has printed one JSON object as a line on stdout; `took` gets it, after every start."""

    took: Callable[[Mapping[str, Any]], None] = lambda _line: None
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyHttp:
    """Ready once `GET path` on this address answers with status 200."""

    host: str
    port: int
    path: str
    timeout_s: float = 60.0
    is_tls: bool = False  # its certificate says nothing here: it is our own child that is asked


@dataclass(frozen=True, slots=True)
class ReadyAtOnce:
    """Ready as soon as it runs; so a first start counts as done only when it has lived for `Restart.settled_s`."""


Ready = ReadyLine | ReadyHttp | ReadyAtOnce


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """How a child that ended is started again: after pauses that double, for ever once its first start is done.

    Before that there is an end: after `start_errors_max` ends in a row with an exit code of `StartError`, or
    `failures_max` of any kind, the whole run ends. After `settled_s` of being ready the pauses begin anew.
    """

    pause_s: float = 0.1
    pause_s_max: float = 5.0
    start_errors_max: int = 3
    failures_max: int = 5
    settled_s: float = 10.0

    def pause_after(self, failures: int) -> float:
        """Seconds to wait after this many ends in a row (1 is the first)."""
        return float(min(self.pause_s_max, self.pause_s * 2 ** min(failures - 1, 16)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child. `after` names the children (or `POSTGRES`) that must be ready before its first start."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    env_once: Mapping[str, str] = field(default_factory=dict)  # added to `env` at the first start alone
    ready: Ready = ReadyAtOnce()
    after: Sequence[str] = ()
    argv_again: Callable[[Mapping[str, Any]], Sequence[str]] | None = None  # from its last ready line, for a restart
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 2.5  # after it SIGKILL
    death_signal: signal.Signals = signal.SIGTERM  # what the kernel sends it when the supervisor ends
    restart: Restart = Restart()
    is_needed: bool = True  # else the run is ready without it, and goes on however often it cannot start
    silent_s: float | None = None  # once it has beaten (`process.beats`) and then not for so long, it is killed
