"""Play money on request, `/v5/account/demo-apply-money`: the endpoint that only the demo environment has.

Lives here: its limits and handler. Not here: what money is for (`account`). Taking away more than there is takes all;
the documentation does not say what Bybit does.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import decimal, text
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.calls import Call, Endpoint, Result

PER_REQUEST_MAX: Final = {"BTC": Decimal(15), "ETH": Decimal(200), "USDT": Decimal(100_000), "USDC": Decimal(100_000)}
MINUTE_MS = 60_000


class DemoMoney:
    """The handler; `all` lists it for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="POST",
                path="/v5/account/demo-apply-money",
                handle=self._apply,
                private=True,
                writes=True,
                per_second=1,
                window_ms=MINUTE_MS,
            )
        ]

    def _apply(self, call: Call) -> Result:
        """Pays in (adjustType 0) or takes away (1), all coins of the request or none."""
        kind = text(call.params, "adjustType") or "0"
        if kind not in ("0", "1"):
            raise bad_parameter("params error: adjustType must be 0 (add) or 1 (reduce)")
        items = call.params.get("utaDemoApplyMoney")
        if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
            raise bad_parameter("params error: utaDemoApplyMoney must be a list of coin and amountStr")
        amounts: dict[str, Decimal] = {}
        for item in items:
            coin, amount = text(item, "coin"), decimal(item, "amountStr", "amountStr invalid")
            if coin not in PER_REQUEST_MAX or coin in amounts:
                raise bad_parameter(
                    f"params error: coin [{coin}] must be one of {', '.join(PER_REQUEST_MAX)}, once each"
                )
            if not 0 < amount <= PER_REQUEST_MAX[coin]:
                raise bad_parameter(f"params error: amountStr [{amount}] of {coin} is at most {PER_REQUEST_MAX[coin]}")
            amounts[coin] = amount
        if kind == "1":
            amounts = {coin: -min(amount, self._free(coin)) for coin, amount in amounts.items()}
        self._engine.fund(amounts.items())
        return {}

    def _free(self, coin: str) -> Decimal:
        return max(Decimal(0), self._engine.floor.free_coins(coin))
