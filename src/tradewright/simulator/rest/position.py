"""Endpoints that set a position up: its stops, its mode, the account's margin mode.

Lives here: the handlers of trading-stop, switch-mode and set-margin-mode. Not here: positions as rows and leverage
(`rest_account`), the rules (`trading_stop`). There is one-way mode and cross margin only.
"""

from __future__ import annotations

from collections.abc import Callable

from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.matching.commands import read_symbol, require_linear
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
        """One-way mode is what there is (110025); hedge mode is refused as Bybit refuses it for USDC contracts."""
        require_linear(call.params)
        if text(call.params, "symbol"):
            read_symbol(call.params, self._engine.specs)
        elif text(call.params, "coin") not in {spec.settle_coin for spec in self._engine.specs.values()} - {""}:
            raise bad_parameter("params error: symbol or coin is required, coin must be a settle coin")
        match text(call.params, "mode"):
            case "0":
                raise ApiError(RetCode.POSITION_MODE_UNCHANGED, "Position mode is not modified")
            case "3":
                raise ApiError(RetCode.HEDGE_MODE_UNSUPPORTED, "hedge mode is not supported by this exchange")
            case _:
                raise bad_parameter("params error: mode must be 0 (one-way) or 3 (hedge)")

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
