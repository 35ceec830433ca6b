"""Endpoints about the margin of one position: its leverage, adding to it, and what a new risk limit asks for.

Lives here: the handlers of set-leverage, symbol-info, confirm-pending-mmr. Not here:
what margin is (`accounts.margin`, `accounts.isolated`), the account's margin mode and stops (`position`).
"""

from __future__ import annotations

from collections.abc import Callable

from tradewright.simulator.accounts.positions import Position
from tradewright.simulator.fields import text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.commands import CONTRACTS, read_leverage, read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.texts import plain


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
            write("confirm-pending-mmr", self._confirm_pending_mmr),
            Endpoint(method="GET", path="/v5/position/symbol-info", handle=self._symbol_info, private=True),
        ]

    def _set_leverage(self, call: Call) -> Result:
        self._engine.set_leverage(read_leverage(call.params, self._engine.specs))
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
        return self._engine.account.positions_of(spec.listing, spec.settle_coin)
