"""Endpoints of positions: which there are, their stops, their mode, the account's margin mode.

Lives here: the handlers of list, trading-stop, switch-mode and set-margin-mode. Not here: leverage (`account`), the
rows (`rows.trading`), the rules (`matching.trading_stop`, `matching.engine`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.model import Category, InstrumentSpec
from tradewright.simulator.matching.commands import WITH_POSITIONS, read_switch_mode, read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.margin_settings import margin_mode_refused
from tradewright.simulator.matching.trading_stop import read_trading_stop
from tradewright.simulator.paging import cut, read_page
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rows.trading import position_rows

MARGIN_MODES = ("ISOLATED_MARGIN", "REGULAR_MARGIN", "PORTFOLIO_MARGIN")


class PositionEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        def write(path: str, handle: Callable[[Call], Result], per_second: int) -> Endpoint:
            return Endpoint(method="POST", path=path, handle=handle, private=True, writes=True, per_second=per_second)

        return [
            Endpoint(method="GET", path="/v5/position/list", handle=self._list, private=True, per_second=50),
            write("/v5/position/trading-stop", self._trading_stop, 10),
            write("/v5/position/switch-mode", self._switch_mode, 10),
            write("/v5/account/set-margin-mode", self._set_margin_mode, 5),
        ]

    def _list(self, call: Call) -> Result:
        """A symbol gives its rows even when flat, in hedge mode two; without one only open positions are listed: of a
        base coin, of a settle coin, which linear contracts need, or all.
        """
        category = require_category(call.params, WITH_POSITIONS)
        page = read_page(call.params, highest=200, default=20)
        if text(call.params, "symbol"):
            specs = [read_symbol(call.params, self._engine.specs)]
        else:
            specs = self._open_listings(call.params, category)
        rows = [row for spec in specs for row in self._rows(spec)]
        if not text(call.params, "symbol"):
            rows = [row for row in rows if row["side"]]
        numbered = list(zip(range(len(rows), 0, -1), rows, strict=True))
        shown, cursor = cut(numbered, page, lambda numbered_row: numbered_row[0])
        return {"category": category, "list": [row for _, row in shown], "nextPageCursor": cursor}

    def _open_listings(self, params: Body, category: Category) -> list[InstrumentSpec]:
        base_coin, settle_coin = text(params, "baseCoin"), text(params, "settleCoin")
        if category == "linear" and not settle_coin:
            raise bad_parameter("Missing some parameters that must be filled in, symbol or settleCoin")
        held = {position.symbol: None for position in self._engine.account.positions.values() if position.size}
        found = (self._engine.specs[listing] for listing in held)
        return [
            spec
            for spec in found
            if spec.category == category and settle_coin in ("", spec.settle_coin) and base_coin in ("", spec.base_coin)
        ]

    def _rows(self, spec: InstrumentSpec) -> list[dict[str, Any]]:
        floor, live = self._engine.floor, self._engine.account.live.followers(spec.listing)
        return position_rows(
            floor.legs(spec.listing),
            floor.terms(spec.listing),
            floor.margin_now(),
            live,
            ticker=self._engine.market.ticker,
        )

    def _trading_stop(self, call: Call) -> Result:
        self._engine.set_trading_stop(read_trading_stop(call.params, self._engine.specs))
        return {}

    def _switch_mode(self, call: Call) -> Result:
        self._engine.set_position_mode(read_switch_mode(call.params, self._engine.specs))
        return {}

    def _set_margin_mode(self, call: Call) -> Result:
        """Cross and isolated margin; portfolio margin fails with a reason, as on Bybit where it is not to be had."""
        mode = text(call.params, "setMarginMode")
        match mode:
            case "REGULAR_MARGIN" | "ISOLATED_MARGIN":
                self._engine.set_margin_mode(mode)
            case "PORTFOLIO_MARGIN":
                raise margin_mode_refused("This exchange has no portfolio margin.")
            case _:
                raise bad_parameter(f"params error: setMarginMode must be one of {', '.join(MARGIN_MODES)}")
        return {"reasons": []}
