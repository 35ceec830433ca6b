"""Endpoints that set a position up: its stops, its mode, the account's margin mode.

Lives here: the handlers of trading-stop, switch-mode and set-margin-mode. Not here: positions as rows and leverage
(`account`), the rules (`matching.trading_stop`, `matching.engine`).
"""

from __future__ import annotations

from collections.abc import Callable

from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.matching.commands import read_switch_mode
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.matching.trading_stop import read_trading_stop
from tradewright.simulator.rest.calls import Call, Endpoint, Result

MARGIN_MODES = ("ISOLATED_MARGIN", "REGULAR_MARGIN", "PORTFOLIO_MARGIN")


class PositionEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        def write(path: str, handle: Callable[[Call], Result], per_second: int) -> Endpoint:
            return Endpoint(method="POST", path=path, handle=handle, private=True, writes=True, per_second=per_second)

        return [
            write("/v5/position/trading-stop", self._trading_stop, 10),
            write("/v5/position/switch-mode", self._switch_mode, 10),
            write("/v5/account/set-margin-mode", self._set_margin_mode, 5),
        ]

    def _trading_stop(self, call: Call) -> Result:
        self._engine.set_trading_stop(read_trading_stop(call.params, self._engine.specs))
        return {}

    def _switch_mode(self, call: Call) -> Result:
        self._engine.set_position_mode(read_switch_mode(call.params, self._engine.specs))
        return {}

    def _set_margin_mode(self, call: Call) -> Result:
        """Cross margin, which the account has, is a success; the other modes fail with reasons, as on Bybit."""
        mode = text(call.params, "setMarginMode")
        if mode not in MARGIN_MODES:
            raise bad_parameter(f"params error: setMarginMode must be one of {', '.join(MARGIN_MODES)}")
        if mode != "REGULAR_MARGIN":
            reason = {
                "reasonCode": str(int(RetCode.MARGIN_MODE_FAILED)),
                "reasonMsg": "This exchange has cross margin.",
            }
            raise ApiError(RetCode.MARGIN_MODE_FAILED, "Set margin mode failed", result={"reasons": [reason]})
        return {"reasons": []}
