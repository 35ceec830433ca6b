"""Reading strategies for those who ask over the API: how much each may ask, and where the work is done.

Lives here: `SpecDesk`. Not here: what is said of a spec (`strategy`), the routes (`routes_specs`), backtests, which run
in processes of their own (`backtests`).

A check takes milliseconds, a hostile one at most a second or so. All of them share one thread beside the loop that
serves orders, so whatever is sent, the loop waits for its turn only as long as Python lets a thread run, and never for
the end of a check. Counted is in this process's memory alone: it is this process's time that is shared out.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tradewright.core.clock import Clock
from tradewright.core.ids import UserId
from tradewright.strategy.check import check_text
from tradewright.strategy.templates import TEMPLATES, template_text
from tradewright.web.errors import NotReady, TooManyRequests
from tradewright.web.views_specs import template_view

WINDOW_S = 60.0
CALLS_MAX = 120  # of one user in a window
CPU_S_MAX = 10.0  # of one user in a window
WAITING_MAX = 50  # of all users
_USERS_MAX = 10_000

_Found = TypeVar("_Found")


class SpecDesk:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="specs")
        self._spent: OrderedDict[UserId, deque[tuple[float, float]]] = OrderedDict()
        self._waiting = 0
        self._templates: list[dict[str, Any]] = []

    async def ask(self, user_id: UserId, clock: Clock, work: Callable[[], _Found]) -> _Found:
        """Does the work in the thread and counts it.

        Raises `TooManyRequests` for a user who has asked 120 times or had ten seconds of work within a minute, and
        `NotReady` where too many wait already.
        """
        now_s = clock.monotonic()
        spent = self._spent_by(user_id, now_s)
        if len(spent) >= CALLS_MAX or sum(cost_s for _, cost_s in spent) >= CPU_S_MAX:
            wait_s = max(1, round(spent[0][0] + WINDOW_S - now_s + 0.5))
            raise TooManyRequests(
                f"strategies were read {len(spent)} times within a minute; {CALLS_MAX} times and {CPU_S_MAX:g} seconds"
                f" of work are allowed: try again in {wait_s} s",
                retry_after_s=wait_s,
            )
        if self._waiting >= WAITING_MAX:
            raise NotReady(f"{self._waiting} strategies wait to be read already; try again shortly")
        self._waiting += 1
        spent.append((now_s, 0.0))
        try:
            found, cost_s = await asyncio.get_running_loop().run_in_executor(self._thread, _measured, work)
        finally:
            self._waiting -= 1
        spent.append((now_s, cost_s))
        with contextlib.suppress(ValueError):  # it waited so long that its asking does not count any more
            spent.remove((now_s, 0.0))
        return found

    async def templates(self, user_id: UserId, clock: Clock) -> list[dict[str, Any]]:
        """Each template as `web.schemas.specs.SpecTemplate`; worked out once."""
        if not self._templates:
            self._templates = await self.ask(user_id, clock, _all_templates)
        return self._templates

    def _spent_by(self, user_id: UserId, now_s: float) -> deque[tuple[float, float]]:
        """What counts of a user now."""
        spent = self._spent.pop(user_id, deque())
        while spent and spent[0][0] <= now_s - WINDOW_S:
            spent.popleft()
        self._spent[user_id] = spent
        while len(self._spent) > _USERS_MAX:
            self._spent.popitem(last=False)
        return spent


def _measured(work: Callable[[], _Found]) -> tuple[_Found, float]:
    began_s = time.thread_time()
    found = work()
    return found, time.thread_time() - began_s


def _all_templates() -> list[dict[str, Any]]:
    texts = {name: template_text(name) for name in TEMPLATES}
    return [template_view(name, text, check_text(text)) for name, text in texts.items()]
