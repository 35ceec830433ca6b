"""Endpoints about the margin of one position: its leverage, adding to it, and what a new risk limit asks for.

Lives here: the handlers of set-leverage, add-margin, set-auto-add-margin, symbol-info, confirm-pending-mmr. Not here:
what margin is (`accounts.margin`, `accounts.isolated`), the account's margin mode and stops (`position`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from tradewright.simulator.accounts.events import PositionIndex
from tradewright.simulator.accounts.positions import Position
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.commands import CONTRACTS, read_leverage, read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rows.trading import position_rows
from tradewright.simulator.texts import plain

MARGIN: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,4})?")
# What the answer of add-margin shows of a position.
SHOWN: Final = (
    "symbol",
    "positionIdx",
    "riskId",
    "riskLimitValue",
    "size",
    "avgPrice",
    "liqPrice",
    "bustPrice",
    "markPrice",
    "positionValue",
    "leverage",
    "autoAddMargin",
    "positionStatus",
    "positionIM",
    "positionMM",
    "takeProfit",
    "stopLoss",
    "trailingStop",
    "unrealisedPnl",
    "cumRealisedPnl",
    "createdTime",
    "updatedTime",
)


class MarginEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        def write(path: str, handle: Callable[[Call], Result]) -> Endpoint:
            return Endpoint(
                method="POST", path=f"/v5/position/{path}", handle=handle, private=True, writes=True, per_second=10
            )

        return [
            write("set-leverage", self._set_leverage),
            write("add-margin", self._add_margin),
            write("set-auto-add-margin", self._set_auto_add_margin),
            write("confirm-pending-mmr", self._confirm_pending_mmr),
            Endpoint(method="GET", path="/v5/position/symbol-info", handle=self._symbol_info, private=True),
        ]

    def _set_leverage(self, call: Call) -> Result:
        self._engine.set_leverage(read_leverage(call.params, self._engine.specs))
        return {}

    def _add_margin(self, call: Call) -> Result:
        """Adds margin to an isolated position, or takes it away (negative); answers with the position."""
        require_category(call.params, CONTRACTS)
        spec = read_symbol(call.params, self._engine.specs)
        amount = text(call.params, "margin")
        if not MARGIN.fullmatch(amount):
            raise bad_parameter(f"params error: margin [{amount}] must be a number with at most 4 decimals")
        index = self._index(call.params, spec)
        self._engine.add_margin(spec.listing, index, Decimal(amount))
        row = self._rows(spec)[index]
        return {"category": spec.category, **{name: row[name] for name in SHOWN}}

    def _set_auto_add_margin(self, call: Call) -> Result:
        require_category(call.params, ("linear",))
        spec, wish = read_symbol(call.params, self._engine.specs), text(call.params, "autoAddMargin")
        if wish not in ("0", "1"):
            raise bad_parameter(f"params error: autoAddMargin [{wish}] must be 0 or 1")
        self._engine.set_auto_add_margin(spec.listing, self._index(call.params, spec), on=wish == "1")
        return {}

    def _confirm_pending_mmr(self, call: Call) -> Result:
        """Risk limits never change here, so that no position ever waits for this: there is nothing to lift."""
        require_category(call.params, CONTRACTS)
        read_symbol(call.params, self._engine.specs)
        return {}

    def _symbol_info(self, call: Call) -> Result:
        """The leverage that isolated positions of each contract have; `side` says nothing. Bybit refuses this in
        portfolio margin, which this exchange has not got.
        """
        category = require_category(call.params, CONTRACTS)
        if text(call.params, "symbol"):
            specs = [read_symbol(call.params, self._engine.specs)]
        else:
            specs = [spec for spec in self._engine.specs.values() if spec.category == category]
        rows = [
            {
                "symbol": spec.symbol,
                "leverage": plain(leg.leverage),
                "side": leg.side or "",
                "positionIdx": leg.index,
            }
            for spec in specs
            for leg in self._legs(spec)
        ]
        return {"category": category, "list": rows}

    def _legs(self, spec: InstrumentSpec) -> list[Position]:
        return self._engine.floor.legs(spec.listing)

    def _index(self, body: Body, spec: InstrumentSpec) -> PositionIndex:
        """The position that is meant: one-way mode has one, hedge mode has two. Raises `ApiError` 10001."""
        legs = {str(leg.index): leg.index for leg in self._legs(spec)}
        given = text(body, "positionIdx") or "0"
        if given not in legs:
            raise bad_parameter("position idx not match position mode")
        return legs[given]

    def _rows(self, spec: InstrumentSpec) -> dict[PositionIndex, dict[str, Any]]:
        floor, legs = self._engine.floor, self._legs(spec)
        live = self._engine.account.live.followers(spec.listing)
        ticker = self._engine.market.ticker
        rows = position_rows(legs, floor.terms(spec.listing), floor.margin_now(), live, ticker=ticker)
        return {leg.index: row for leg, row in zip(legs, rows, strict=True)}
