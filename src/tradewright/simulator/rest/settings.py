"""What kind of account it is and how it is set up, `/v5/account/*`.

Lives here: account info, and the switches that move no money, read and set. Not here: what the switches mean
(`accounts.settings`), the margin mode's own endpoint (`position`), money (`account`).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tradewright.simulator.accounts.collateral import ratio_of
from tradewright.simulator.accounts.events import SettingChanged
from tradewright.simulator.accounts.settings import (
    ALWAYS_COLLATERAL,
    REFUSES_CONTRACTS,
    REFUSES_SPOT,
    SPOT_HEDGING,
    borrowed,
    collateral_switch,
    is_collateral,
    price_action,
    setting,
)
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, flag, text
from tradewright.simulator.matching.commands import require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.borrowing import borrowing_power, can_borrow_of
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rest.coins import coins_of, unknown_coin
from tradewright.simulator.rest.dcp import DcpSettings
from tradewright.simulator.texts import plain

UTA_2 = 5  # unifiedMarginStatus
DCP_WINDOW_S = 10  # of the deprecated fields of account/info, which say nothing of DCP any more


class SettingEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine, dcp: DcpSettings, *, uid: str, started_ms: int) -> None:
        self._engine = engine
        self._dcp = dcp
        self._uid = uid
        self._started_ms = started_ms

    def all(self) -> list[Endpoint]:
        def read(path: str, handle: Callable[[Call], Result], per_second: int) -> Endpoint:
            return Endpoint(
                method="GET", path=f"/v5/account/{path}", handle=handle, private=True, per_second=per_second
            )

        def write(path: str, handle: Callable[[Call], Result], per_second: int | None) -> Endpoint:
            return Endpoint(
                method="POST",
                path=f"/v5/account/{path}",
                handle=handle,
                private=True,
                writes=True,
                per_second=per_second,
            )

        return [
            read("info", self._info, 50),
            read("user-setting-config", self._config, 50),
            read("smp-group", self._smp_group, 5),
            read("query-dcp-info", self._dcp_info, 5),
            read("collateral-info", self._collateral, 50),
            write("set-limit-px-action", self._set_price_action, 10),
            write("set-collateral-switch", self._set_collateral, None),
            write("set-hedging-mode", self._set_hedging, None),
        ]

    def _info(self, call: Call) -> Result:
        account = self._engine.account
        return {
            "unifiedMarginStatus": UTA_2,
            "marginMode": account.margin_mode,
            "isMasterTrader": False,
            "spotHedgingStatus": setting(account.settings, SPOT_HEDGING),
            "updatedTime": str(self._started_ms),
            "dcpStatus": "OFF",
            "timeWindow": DCP_WINDOW_S,
            "smpGroup": 0,
        }

    def _config(self, call: Call) -> Result:
        """`deltaEnable`, `smsef` and `fmsef` are switches of products that are not here."""
        settings = self._engine.account.settings
        return {
            "lpaSpot": setting(settings, REFUSES_SPOT) == "true",
            "lpaPerp": setting(settings, REFUSES_CONTRACTS) == "true",
            "deltaEnable": False,
            "smsef": False,
            "fmsef": False,
        }

    def _smp_group(self, call: Call) -> Result:
        """Accounts of this exchange are in no group; orders of one account meet each other by `smpType` alone."""
        return {"smpGroup": 0}

    def _dcp_info(self, call: Call) -> Result:
        return {"dcpInfos": self._dcp.infos(self._uid)}

    def _collateral(self, call: Call) -> Result:
        """What each coin backs, and what can be borrowed of it (`borrowing`), without interest."""
        wanted = text(call.params, "currency")
        coins = coins_of(self._engine)
        if wanted and wanted not in coins:
            raise unknown_coin(wanted)
        power = borrowing_power(self._engine)
        return {"list": [self._collateral_row(coin, power) for coin in sorted(coins) if wanted in ("", coin)]}

    def _collateral_row(self, coin: str, power: Decimal) -> Result:
        account = self._engine.account
        can_borrow = plain(can_borrow_of(self._engine, coin, power))
        owed = max(-account.coin(coin).balance, borrowed(account.settings, coin))
        return {
            "currency": coin,
            "hourlyBorrowRate": "0",
            "maxBorrowingAmount": can_borrow,
            "freeBorrowingLimit": "0",
            "freeBorrowAmount": "0",
            "borrowAmount": plain(owed),
            "otherBorrowAmount": "0",
            "availableToBorrow": can_borrow,
            "borrowable": ratio_of(coin) > 0,
            "freeBorrowingAmount": "",
            "borrowUsageRate": "0",
            "marginCollateral": ratio_of(coin) > 0,
            "collateralSwitch": is_collateral(account.settings, coin),
            "collateralRatio": plain(ratio_of(coin)),
        }

    def _set_price_action(self, call: Call) -> Result:
        """See `accounts.settings` for which way round it is."""
        category = require_category(call.params, ("linear", "inverse", "spot"))
        may_modify = _required_flag(call.params, "modifyEnable")
        self._change(price_action(category), "false" if may_modify else "true")
        return {}

    def _set_collateral(self, call: Call) -> Result:
        coin, switch = text(call.params, "coin"), _on_or_off(call.params, "collateralSwitch")
        if coin not in coins_of(self._engine):
            raise unknown_coin(coin)
        if not ratio_of(coin):
            raise bad_parameter(f"params error: coin [{coin}] backs nothing, whatever its switch says")
        if coin in ALWAYS_COLLATERAL and switch == "OFF":
            raise bad_parameter(f"params error: coin [{coin}] is always collateral, it cannot be switched off")
        if switch == "OFF" and self._engine.floor.needs_collateral(coin):
            raise ApiError(RetCode.NOT_ENOUGH_MARGIN, f"{coin} backs positions or orders that nothing else covers")
        self._change(collateral_switch(coin), switch)
        return {}

    def _set_hedging(self, call: Call) -> Result:
        """Spot hedging is part of portfolio margin, which this exchange has not got: the switch is only told."""
        self._change(SPOT_HEDGING, _on_or_off(call.params, "setHedgingMode"))
        return {}

    def _change(self, name: str, value: str) -> None:
        floor = self._engine.floor
        if floor.account.settings.get(name) != value:
            floor.commit([SettingChanged(at=floor.moment(), name=name, value=value)])


def _on_or_off(body: Body, name: str) -> str:
    value = text(body, name)
    if value not in ("ON", "OFF"):
        raise bad_parameter(f"params error: {name} [{value}] must be ON or OFF")
    return value


def _required_flag(body: Body, name: str) -> bool:
    if not text(body, name):
        raise bad_parameter(f"params error: {name} is required, true or false")
    return flag(body, name)
