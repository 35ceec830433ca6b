"""What each of Bybit's environments can do, as data: the exchange may play any of them.

Lives here: `Environment` and the four there are. Not here: what is served (`rest_*`, `ws_*`); the server asks here what
of it to leave out.
Demo is the one that lacks things. What its host answers to the endpoints the documentation does not list is not known;
here they are routes that do not exist (HTTP 404 with 10017), and a client must take any refusal as "not there".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tradewright.simulator.errors import ApiError, RetCode
from tradewright.simulator.market.model import CATEGORIES
from tradewright.simulator.rest.calls import Call, Endpoint, Result

DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`private_paths` None is all there are; `order_memory_ms` None is for ever. `gives_money` is the endpoint
    demo-apply-money. `absent_status` and `absent_code` are how an endpoint answers that is not there.
    """

    name: str
    private_paths: frozenset[str] | None
    batch_categories: frozenset[str]
    private_topics: frozenset[str]
    takes_orders_by_stream: bool
    order_memory_ms: int | None
    gives_money: bool
    absent_status: int = 404
    absent_code: RetCode = RetCode.UNKNOWN_PATH

    def shape(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint as it is here: itself, or a refusal. Market data is the same everywhere."""
        if not endpoint.private or self.private_paths is None or endpoint.path in self.private_paths:
            return endpoint
        return replace(endpoint, handle=self._refuse)

    def _refuse(self, call: Call) -> Result:
        text = f"route not found: the environment {self.name} does not have it"
        raise ApiError(self.absent_code, text, http_status=self.absent_status)


_TOPICS: Final = frozenset({"order", "execution", "position", "wallet", "greeks"})
_DCP_TOPICS: Final = frozenset({"dcp.future", "dcp.spot", "dcp.option"})


def _whole(name: str) -> Environment:
    return Environment(
        name=name,
        private_paths=None,
        batch_categories=frozenset(CATEGORIES),
        # `strategy` never speaks: it is about orders of Bybit's own website.
        private_topics=_TOPICS | _DCP_TOPICS | {"execution.fast", "strategy"},
        takes_orders_by_stream=True,
        order_memory_ms=None,
        gives_money=False,
    )


# As listed on Bybit's page "Demo Trading Service" of July 2026, without spot-margin-trade, which this exchange has not.
_DEMO_PATHS: Final = frozenset(
    {
        "/v5/order/create",
        "/v5/order/amend",
        "/v5/order/cancel",
        "/v5/order/cancel-all",
        "/v5/order/realtime",
        "/v5/order/history",
        "/v5/order/create-batch",
        "/v5/order/amend-batch",
        "/v5/order/cancel-batch",
        "/v5/execution/list",
        "/v5/position/list",
        "/v5/position/set-leverage",
        "/v5/position/switch-mode",
        "/v5/position/trading-stop",
        "/v5/position/set-auto-add-margin",
        "/v5/position/add-margin",
        "/v5/position/closed-pnl",
        "/v5/account/wallet-balance",
        "/v5/account/borrow-history",
        "/v5/account/set-collateral-switch",
        "/v5/account/collateral-info",
        "/v5/account/info",
        "/v5/account/transaction-log",
        "/v5/account/set-margin-mode",
        "/v5/account/set-hedging-mode",
        "/v5/account/demo-apply-money",
        "/v5/asset/coin-greeks",
        "/v5/asset/delivery-record",
        "/v5/asset/settlement-record",
        "/v5/user/query-api",
    }
)

ENVIRONMENTS: Final = {
    "sim": _whole("sim"),
    "testnet": _whole("testnet"),
    "live": _whole("live"),
    "demo": Environment(
        name="demo",
        private_paths=_DEMO_PATHS,
        batch_categories=frozenset({"linear", "option"}),
        private_topics=_TOPICS,
        takes_orders_by_stream=False,
        order_memory_ms=7 * DAY_MS,
        gives_money=True,
    ),
}


def environment_of(name: str) -> Environment:
    """Raises `ValueError` with a sentence for a person."""
    found = ENVIRONMENTS.get(name)
    if found is None:
        raise ValueError(f"--environment {name!r} is not one of {', '.join(ENVIRONMENTS)}.")
    return found
