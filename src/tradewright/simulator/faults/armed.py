"""Faults on demand: replies that never come, and orders that show up late.

Lives here: what is armed and taking it. Not here: how a reply is swallowed (`http_server`), hiding (`visibility`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.paging import whole

COUNT_MAX = 10_000
HIDE_MS_MAX = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SwallowReply:
    """The next `count` calls of `path` are processed but never answered.

    `hang` keeps the socket open, else it is dropped. A created order stays invisible for `hide_ms` of wall time.
    """

    path: str
    count: int
    hide_ms: int
    hang: bool


class Faults:
    """What is armed, by path."""

    def __init__(self) -> None:
        self._armed: dict[str, SwallowReply] = {}

    def arm(self, fault: SwallowReply) -> None:
        """Replace what was armed for the same path; a count of 0 disarms it."""
        self._armed.pop(fault.path, None)
        if fault.count:
            self._armed[fault.path] = fault

    def take(self, path: str) -> SwallowReply | None:
        """The fault that meets this call, if any; each counts once."""
        fault = self._armed.get(path)
        if fault is not None:
            self.arm(replace(fault, count=fault.count - 1))
        return fault


def read_fault(body: Body) -> SwallowReply:
    """Raises `ApiError` 10001 for anything but a `swallow_reply`."""
    if text(body, "kind") != "swallow_reply":
        raise bad_parameter(f"fault kind [{text(body, 'kind')}] is not swallow_reply")
    path, count, hide_ms = text(body, "path"), whole(body, "count"), whole(body, "hide_ms") or 0
    if not path.startswith("/v5/"):
        raise bad_parameter(f"fault path [{path}] does not begin with /v5/")
    count = 1 if count is None else count
    if count > COUNT_MAX or hide_ms > HIDE_MS_MAX:
        raise bad_parameter(f"count may be at most {COUNT_MAX} and hide_ms at most {HIDE_MS_MAX}")
    hang = text(body, "hang") or "true"
    return SwallowReply(path=path, count=count, hide_ms=hide_ms, hang=hang == "true")
