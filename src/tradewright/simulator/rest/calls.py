"""What a REST call is here: its endpoint, its parameters, and the rules every call passes before its handler.

Lives here: `Call`, `Endpoint`, `RateLimits`. Not here: HTTP itself (`http_server`), the handlers (`rest_market`,
`rest_trade`, `rest_account`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.fields import Body

Result = dict[str, Any]
SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A result with something beside it in `retExtInfo`: what became of each item of a batch."""

    result: Result
    extra: Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that passed its checks. `params` is the query of a GET or the JSON body of a POST; `now_ms` is wall
    time. `granted` is how many items of a batch the rate limit lets through.
    """

    params: Body
    now_ms: int
    key: ApiKey | None
    granted: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """`per_second` is Bybit's default budget of the endpoint per UID and `window_ms`; None where it publishes none.
    Spot has a budget of its own where `spot_per_second` is set. A `batch` spends one unit per item.
    """

    method: str
    path: str
    handle: Callable[[Call], Result | Answer]
    private: bool = False
    writes: bool = False
    per_second: int | None = None
    spot_per_second: int | None = None
    window_ms: int = SECOND_MS
    batch: bool = False

    def units(self, params: Body) -> int:
        """What a call costs of the budget."""
        items = params.get("request")
        return max(1, len(items)) if self.batch and isinstance(items, list) else 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What the rate-limit headers say, and how many of the units asked for were granted. `reset_ms` is now, or when
    limited the moment one unit fits again.
    """

    limit: int
    remaining: int
    reset_ms: int
    granted: int


class RateLimits:
    """A rolling window per UID and endpoint, on wall time."""

    def __init__(self) -> None:
        self._spent: dict[tuple[str, str, bool], deque[int]] = {}

    def spend(self, uid: str, endpoint: Endpoint, params: Body, *, now_ms: int) -> Budget | None:
        """Take what a call costs from the budget, as far as it goes. None if the endpoint has no budget."""
        of_spot = endpoint.spot_per_second is not None and params.get("category") == "spot"
        limit = endpoint.spot_per_second if of_spot else endpoint.per_second
        if limit is None:
            return None
        units = endpoint.units(params)
        spent = self._spent.setdefault((uid, endpoint.path, of_spot), deque(maxlen=limit))
        while spent and spent[0] <= now_ms - endpoint.window_ms:
            spent.popleft()
        granted = min(units, limit - len(spent))
        reset_ms = now_ms if granted == units else (spent[0] if spent else now_ms) + endpoint.window_ms
        spent.extend([now_ms] * granted)
        return Budget(limit, limit - len(spent), reset_ms, granted)


def too_many_visits() -> ApiError:
    return ApiError(RetCode.TOO_MANY_VISITS, "Too many visits!")
