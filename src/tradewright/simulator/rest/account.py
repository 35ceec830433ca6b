"""Account, user, asset and position endpoints.

Lives here: the handlers of wallet, account info, fees, key info, coins, positions, leverage. Not here: margin itself
(`margin`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tradewright.simulator.accounts.keys import KeyRing
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.matching.commands import read_category, read_leverage, read_symbol
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rows.wallet import wallet_row
from tradewright.simulator.texts import plain

CREATED_AT = "2025-01-01T00:00:00Z"


class AccountEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine, keys: KeyRing, *, started_ms: int) -> None:
        self._engine = engine
        self._keys = keys
        self._started_ms = started_ms

    def all(self) -> list[Endpoint]:
        reads = {
            "/v5/account/wallet-balance": (self._wallet, 50),
            "/v5/account/info": (self._info, 50),
            "/v5/account/fee-rate": (self._fee_rate, 5),
            "/v5/user/query-api": (self._query_api, 10),
            "/v5/asset/coin/query-info": (self._coin_info, 5),
        }
        return [
            *(
                Endpoint(method="GET", path=path, handle=handle, private=True, per_second=budget)
                for path, (handle, budget) in reads.items()
            ),
            Endpoint(
                method="POST",
                path="/v5/position/set-leverage",
                handle=self._set_leverage,
                private=True,
                writes=True,
                per_second=10,
            ),
        ]

    def wallet(self) -> dict[str, Any]:
        """The wallet as it stands, every coin the account ever had."""
        return self._wallet_of(self._engine.account.coins)

    def _wallet_of(self, coins: Iterable[str]) -> dict[str, Any]:
        account, engine = self._engine.account, self._engine
        return wallet_row(
            [account.coin(coin) for coin in coins],
            engine.margin_now(),
        )

    def _wallet(self, call: Call) -> Result:
        if text(call.params, "accountType") != "UNIFIED":
            raise bad_parameter("params error: accountType only support UNIFIED")
        row = self.wallet()
        wanted = [coin for coin in dict.fromkeys(text(call.params, "coin").split(",")) if coin in self._coins()]
        if wanted:
            row["coin"] = self._wallet_of(wanted)["coin"]
        elif text(call.params, "coin"):
            row["coin"] = []
        else:
            row["coin"] = [coin for coin in row["coin"] if coin["equity"] != "0"]
        return {"list": [row]}

    def _coins(self) -> set[str]:
        """Every coin that is held or that something listed is traded in."""
        specs = self._engine.specs.values()
        return {*self._engine.account.coins, *(coin for spec in specs for coin in (spec.base_coin, spec.quote_coin))}

    def _info(self, call: Call) -> Result:
        return {
            "unifiedMarginStatus": 5,
            "marginMode": "REGULAR_MARGIN",
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "updatedTime": str(self._started_ms),
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
        }

    def _fee_rate(self, call: Call) -> Result:
        category = read_category(call.params)
        named = text(call.params, "symbol")
        listed = [spec for spec in self._engine.specs.values() if spec.category == category]
        specs = [read_symbol(call.params, self._engine.specs)] if named else listed
        rows = [
            {
                "symbol": spec.symbol,
                "takerFeeRate": plain(spec.taker_fee_rate),
                "makerFeeRate": plain(spec.maker_fee_rate),
            }
            for spec in specs
        ]
        return {"category": category, "list": rows} if category == "spot" else {"list": rows}

    def _query_api(self, call: Call) -> Result:
        """The key that asks, and what it may do."""
        assert call.key is not None, "a private endpoint has a key"
        return {
            "id": self._keys.uid,
            "note": "read only" if call.key.read_only else "withdrawing" if call.key.may_withdraw else "trading",
            "apiKey": call.key.key,
            "readOnly": int(call.key.read_only),
            "secret": "",
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": ["SpotTrade"],
                "Wallet": ["AccountTransfer", "Withdraw"] if call.key.may_withdraw else [],
                "Options": [],
                "Derivatives": ["DerivativesTrade"],
                "CopyTrading": [],
                "BlockTrade": [],
                "Exchange": [],
                "NFT": [],
                "Affiliate": [],
                "Earn": [],
            },
            "ips": ["*"],
            "type": 1,
            "deadlineDay": -2,
            "expiredAt": "1970-01-01T00:00:00Z",
            "createdAt": CREATED_AT,
            "unified": 0,
            "uta": 1,
            "userID": int(self._keys.uid),
            "userIDInt64": self._keys.uid,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    def _coin_info(self, call: Call) -> Result:
        """The coins there are. Play money comes and goes by no chain."""
        wanted = text(call.params, "coin")
        coins = [coin for coin in sorted(self._coins()) if wanted in ("", coin)]
        return {"rows": [{"name": coin, "coin": coin, "remainAmount": "", "chains": []} for coin in coins]}

    def _set_leverage(self, call: Call) -> Result:
        self._engine.set_leverage(read_leverage(call.params, self._engine.specs))
        return {}
