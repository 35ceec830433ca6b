"""What a REST call is here: its endpoint, its parameters, and the rules every call passes before its handler.

Lives here: `Call`, `Endpoint`. Not here: HTTP itself (`server`), budgets (`limits`), the handlers (`market`, `trade`,
`account` …).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from tradewright.simulator.accounts.keys import ApiKey
from tradewright.simulator.auth import KeyBook
from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.fields import Body

Result = dict[str, Any]
SECOND_MS = 1_000
Route = tuple[str, str]  # method and path


@dataclass(frozen=True, slots=True)
class Answer:
    """A result with something beside it: in `retExtInfo` what became of each item of a batch, and `beside` in the
    envelope itself, which one endpoint has whose result is a list.
    """

    result: Result | list[Result]
    extra: Result
    beside: Result = field(default_factory=dict)


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
    Spot and options have a budget of their own where theirs is set; linear and inverse share one. A `batch` spends one
    unit per item, of options one per request.
    """

    method: str
    path: str
    handle: Callable[[Call], Result | Answer]
    private: bool = False
    writes: bool = False
    per_second: int | None = None
    spot_per_second: int | None = None
    option_per_second: int | None = None
    window_ms: int = SECOND_MS
    batch: bool = False

    def budget(self, params: Body) -> tuple[str, int | None]:
        """Which of its budgets a call draws on, and how much that allows per window."""
        match params.get("category"):
            case "spot" if self.spot_per_second is not None:
                return "spot", self.spot_per_second
            case "option" if self.option_per_second is not None:
                return "option", self.option_per_second
            case _:
                return "", self.per_second

    def items(self, params: Body) -> int:
        """How many commands a call holds."""
        items = params.get("request")
        return max(1, len(items)) if self.batch and isinstance(items, list) else 1

    def units(self, params: Body) -> int:
        """What a call costs of the budget."""
        return 1 if params.get("category") == "option" else self.items(params)


class Accounts(KeyBook, Protocol):
    """Whose private endpoints are served; see `members.Members`."""

    def serves(self, route: Route) -> bool: ...

    def endpoint(self, route: Route, key: ApiKey | None) -> Endpoint: ...


def too_many_visits() -> ApiError:
    return ApiError(RetCode.TOO_MANY_VISITS, "Too many visits!")
