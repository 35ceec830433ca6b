"""The wallet, `/v5/account/wallet-balance`, as REST shows it and as the streams tell it.

Lives here: which coins are shown. Not here: their rows (`rows.wallet`), margin itself (`accounts.margin`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rest.coins import coins_of
from tradewright.simulator.rows.wallet import wallet_row


class AccountEndpoints:
    """The handler; `all` lists it for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        return [
            Endpoint(method="GET", path="/v5/account/wallet-balance", handle=self._wallet, private=True, per_second=50)
        ]

    def wallet(self) -> dict[str, Any]:
        """The wallet as it stands, every coin the account ever had."""
        return self._wallet_of(self._engine.account.coins)

    def _wallet_of(self, coins: Iterable[str]) -> dict[str, Any]:
        account = self._engine.account
        return wallet_row([account.coin(coin) for coin in coins], self._engine.margin_now(), account.settings)

    def _wallet(self, call: Call) -> Result:
        """Coins that are named are shown whether there are any or not, unknown ones are left out."""
        if text(call.params, "accountType") != "UNIFIED":
            raise bad_parameter("params error: accountType only support UNIFIED")
        row, known = self.wallet(), coins_of(self._engine)
        wanted = [coin for coin in dict.fromkeys(text(call.params, "coin").split(",")) if coin in known]
        if wanted:
            row["coin"] = self._wallet_of(wanted)["coin"]
        elif text(call.params, "coin"):
            row["coin"] = []
        else:
            row["coin"] = [coin for coin in row["coin"] if coin["equity"] != "0" or coin["borrowAmount"] != "0"]
        return {"list": [row]}
