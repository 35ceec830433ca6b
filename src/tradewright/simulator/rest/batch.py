"""Orders by the dozen, `/v5/order/*-batch`: each item is a command of its own.

Lives here: taking a batch apart and putting the answers together. Not here: the commands (`rest_trade`).
The answer is index-aligned and its code 0 even if every item failed; an item's own outcome is in `retExtInfo`. Items
beyond the rate limit fail one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.matching.commands import read_category
from tradewright.simulator.matching.order_options import UNSET
from tradewright.simulator.rest.calls import Answer, Call, Endpoint, Result, too_many_visits
from tradewright.simulator.rest.trade import TradeEndpoints

ITEMS_MAX = {"linear": 20, "inverse": 20, "option": 20, "spot": 10}
NOT_IN_BATCH = {
    "create": ("slippageToleranceType", "slippageTolerance", "bboSideType"),
    "amend": ("triggerPrice",),
    "cancel": (),
}


class BatchEndpoints:
    """The three handlers; `all` lists them for the server. `categories` are those the environment takes batches of."""

    def __init__(self, trading: TradeEndpoints, *, categories: frozenset[str]) -> None:
        self._trading = trading
        self._categories = categories

    def all(self) -> list[Endpoint]:
        singles = {"create": self._trading.create, "amend": self._trading.amend, "cancel": self._trading.cancel}
        return [
            Endpoint(
                method="POST",
                path=f"/v5/order/{verb}-batch",
                handle=self._handler(verb, single),
                private=True,
                writes=True,
                per_second=10,
                spot_per_second=20,
                option_per_second=10,
                batch=True,
            )
            for verb, single in singles.items()
        ]

    def _handler(self, verb: str, single: Callable[[Call], Result]) -> Callable[[Call], Answer]:
        def handle(call: Call) -> Answer:
            category, items = self._read(call)
            rows: list[Result] = []
            outcomes: list[Result] = []
            for place, item in enumerate(items):
                row, outcome = {"category": category, "symbol": "", "orderId": "", "orderLinkId": ""}, (0, "OK")
                try:
                    row |= {name: text(item, name) for name in ("symbol", "orderLinkId")}
                    if place >= call.granted:
                        raise too_many_visits()
                    for name in NOT_IN_BATCH[verb]:
                        if text(item, name) not in UNSET:
                            raise bad_parameter(f"params error: {name} cannot be set in a batch")
                    row |= single(replace(call, params={**item, "category": category}))
                except ApiError as error:
                    outcome = (int(error.code), error.text)
                if verb == "create":
                    row["createAt"] = str(call.now_ms) if outcome[0] == 0 else ""
                rows.append(row)
                outcomes.append({"code": outcome[0], "msg": outcome[1]})
            return Answer({"list": rows}, {"list": outcomes})

        return handle

    def _read(self, call: Call) -> tuple[str, list[dict[str, Any]]]:
        """The category and the items. What is wrong with the batch as a whole refuses all of it."""
        category = read_category(call.params)
        if category not in self._categories:
            # What Bybit's demo says to a batch of spot is not known: the same guess as for a missing endpoint.
            text_of = f"route not found: the environment has no batches of category {category}"
            raise ApiError(RetCode.UNKNOWN_PATH, text_of, http_status=404)
        items = call.params.get("request")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise bad_parameter("params error: request must be a list of orders")
        if not 1 <= len(items) <= ITEMS_MAX[category]:
            raise bad_parameter(f"params error: request holds {len(items)} orders, 1 to {ITEMS_MAX[category]} allowed")
        return category, items
