"""What a REST call is here: its endpoint, its parameters, and the rules every call passes before its handler.

Lives here: `Call`, `Endpoint`, `RateLimits`. Not here: HTTP itself (`http_server`), the handlers (`rest_market`,
`rest_trade`, `rest_account`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tradewright.simulator.commands import Body
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.keys import ApiKey

Result = dict[str, Any]
SECOND_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that passed its checks. `params` is the query of a GET or the JSON body of a POST; `now_ms` is wall
    time.
    """

    params: Body
    now_ms: int
    key: ApiKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`per_second` is Bybit's default budget of the endpoint per UID; None where it publishes none."""

    method: str
    path: str
    handle: Callable[[Call], Result]
    private: bool = False
    writes: bool = False
    per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What the rate-limit headers say. `reset_ms` is now, or when limited the moment one call fits again."""

    limit: int
    remaining: int
    reset_ms: int


class RateLimits:
    """A rolling one-second window per UID and endpoint, on wall time."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[int]] = {}

    def spend(self, uid: str, endpoint: Endpoint, *, now_ms: int) -> Budget | None:
        """Take one call from the budget; `remaining` is -1 if there was none left. None if the endpoint has no
        budget.
        """
        limit = endpoint.per_second
        if limit is None:
            return None
        calls = self._calls.setdefault((uid, endpoint.path), deque(maxlen=limit))
        while calls and calls[0] <= now_ms - SECOND_MS:
            calls.popleft()
        if len(calls) >= limit:
            return Budget(limit, -1, calls[0] + SECOND_MS)
        calls.append(now_ms)
        return Budget(limit, limit - len(calls), now_ms)


def too_many_visits() -> ApiError:
    return ApiError(RetCode.TOO_MANY_VISITS, "Too many visits!")
