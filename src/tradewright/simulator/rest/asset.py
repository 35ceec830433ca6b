"""Asset endpoints, `/v5/asset/*`: coins and their chains, what can be transferred, option greeks, what was delivered;
and `/v5/account/withdrawal`, which asks the same of the unified account.

Lives here: the handlers. Not here: how a delivery comes about (`matching`), the wallet (`account`).
There is one wallet, the unified one: the funding account is empty, and nothing moves between accounts or by a chain.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tradewright.simulator.accounts.account import Execution
from tradewright.simulator.accounts.past import entry_price
from tradewright.simulator.accounts.positions import ZERO
from tradewright.simulator.accounts.settings import borrowed
from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.matching.commands import read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.paging import DAY_MS, cut, read_page, read_window
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rest.coins import coins_of, read_coin, read_coins
from tradewright.simulator.rows.greeks import coin_greeks
from tradewright.simulator.texts import average_text, plain

ACCOUNT_TYPES: Final = ("UNIFIED", "FUND")
COINS_MAX: Final = 10
WITHDRAWAL_COINS_MAX: Final = 20
MONTH_MS: Final = 30 * DAY_MS
DELIVERIES: Final = ("Delivery", "Settle")  # execTypes


class AssetEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine, *, uid: str) -> None:
        self._engine = engine
        self._uid = uid

    def all(self) -> list[Endpoint]:
        def read(path: str, handle: Callable[[Call], Result], per_second: int) -> Endpoint:
            return Endpoint(method="GET", path=f"/v5/asset/{path}", handle=handle, private=True, per_second=per_second)

        return [
            Endpoint(
                method="GET",
                path="/v5/account/withdrawal",
                handle=self._withdrawal,
                private=True,
                per_second=50,
            ),
            read("coin/query-info", self._coin_info, 5),
            read("transfer/query-account-coins-balance", self._balances, 5),
            read("transfer/query-account-coin-balance", self._balance, 450),
            read("coin-greeks", self._greeks, 50),
            read("delivery-record", self._deliveries, 50),
            read("settlement-record", self._settlements, 50),
        ]

    def _coin_info(self, call: Call) -> Result:
        """The coins there are. Known clients take the precision of a coin from its chains, so each has one, which
        takes nothing in and lets nothing out.
        """
        wanted = text(call.params, "coin")
        return {"rows": [_coin_row(coin) for coin in sorted(coins_of(self._engine)) if wanted in ("", coin)]}

    def _withdrawal(self, call: Call) -> Result:
        """What is free of each coin; the first one's figure is told beside the others."""
        coins = read_coins(call.params, "coinName", coins_of(self._engine), most=WITHDRAWAL_COINS_MAX)
        if not coins:
            raise bad_parameter("params error: coinName is required")
        free = {coin: plain(self._free(coin)) for coin in coins}
        return {"availableWithdrawal": free[coins[0]], "availableWithdrawalMap": free}

    def _free(self, coin: str) -> Decimal:
        """Without what is borrowed, which is for trading only."""
        floor = self._engine.floor
        return max(floor.free_coins(coin) - borrowed(floor.account.settings, coin), ZERO)

    def _balances(self, call: Call) -> Result:
        """UNIFIED needs the coins named, at most ten; FUND gives all."""
        kind = _account_type(call.params)
        known = coins_of(self._engine)
        named = read_coins(call.params, "coin", known, most=COINS_MAX)
        if kind == "UNIFIED" and not named:
            raise bad_parameter("params error: coin is required for the account type UNIFIED")
        return {
            "accountType": kind,
            "memberId": self._member(call.params),
            "balance": [self._transferable(kind, coin, call.params) for coin in named or sorted(known)],
        }

    def _balance(self, call: Call) -> Result:
        """The amounts that would be safe to transfer are told when asked for; here that is all that is free."""
        kind, coin = _account_type(call.params), read_coin(call.params, "coin", coins_of(self._engine))
        row = self._transferable(kind, coin, call.params)
        for field, wish in (
            ("transferSafeAmount", "withTransferSafeAmount"),
            ("ltvTransferSafeAmount", "withLtvTransferSafeAmount"),
        ):
            row[field] = row["transferBalance"] if _wish(call.params, wish) else ""
        member = self._member(call.params)
        return {"accountType": kind, "bizType": 1, "accountId": member, "memberId": member, "balance": row}

    def _transferable(self, kind: str, coin: str, body: Body) -> Result:
        is_unified = kind == "UNIFIED"
        held = self._engine.account.coin(coin).balance if is_unified else ZERO
        free = self._free(coin) if is_unified else ZERO
        return {
            "coin": coin,
            "walletBalance": plain(held),
            "transferBalance": plain(free),
            "bonus": "0" if _wish(body, "withBonus") else "",
        }

    def _member(self, body: Body) -> str:
        """An account has no sub-accounts to ask for."""
        member = text(body, "memberId")
        if member not in ("", self._uid):
            raise bad_parameter(f"params error: memberId [{member}] is not of this account, which has no others")
        return self._uid

    def _greeks(self, call: Call) -> Result:
        """Sums over the option positions of each base coin, by the market's greeks of now."""
        wanted, market = text(call.params, "baseCoin"), self._engine.market
        rows = coin_greeks(self._engine.account.positions.values(), self._engine.specs, market.ticker)
        return {"list": [row for row in rows if wanted in ("", row["baseCoin"])]}

    def _deliveries(self, call: Call) -> Result:
        """Dated contracts and options that ended with a position of the account; newest first, thirty days per call.

        Whether Bybit tells the side of the position or of what closed it is not verified: here it is the position's.
        """
        category = require_category(call.params, ("linear", "inverse", "option"))
        page = read_page(call.params, highest=50, default=20)
        window = read_window(call.params, now_ms=call.now_ms, default_ms=MONTH_MS, longest_ms=MONTH_MS)
        named = read_symbol(call.params, self._engine.specs).listing if text(call.params, "symbol") else None
        expiry = text(call.params, "expDate")
        found = []
        for execution in reversed(self._engine.account.executions):
            fill, spec = execution.fill, self._engine.specs[execution.fill.symbol]
            if fill.exec_type not in DELIVERIES or spec.category != category or named not in (None, spec.listing):
                continue
            is_inside = window.start_ms <= fill.at.wall_ms <= window.end_ms
            if is_inside and (not expiry or f"-{expiry.upper()}" in spec.symbol):
                found.append(execution)
        shown, cursor = cut(found, page, lambda execution: execution.seq)
        rows = [_delivery_row(execution, self._engine.specs[execution.fill.symbol]) for execution in shown]
        return {"category": category, "list": rows, "nextPageCursor": cursor}

    def _settlements(self, call: Call) -> Result:
        """USDC contracts settle their profits only when they are closed here, not at the end of sessions: none."""
        category = require_category(call.params, ("linear",))
        read_page(call.params, highest=50, default=20)
        read_window(call.params, now_ms=call.now_ms, default_ms=MONTH_MS, longest_ms=MONTH_MS)
        if text(call.params, "symbol"):
            read_symbol(call.params, self._engine.specs)
        return {"category": category, "list": [], "nextPageCursor": ""}


def _coin_row(coin: str) -> Result:
    return {
        "name": coin,
        "coin": coin,
        "remainAmount": "0",
        "chains": [
            {
                "chain": "SIM",
                "chainType": "Simulated",
                "confirmation": "1",
                "withdrawFee": "",
                "depositMin": "0",
                "withdrawMin": "0",
                "minAccuracy": "8",
                "chainDeposit": "0",
                "chainWithdraw": "0",
                "withdrawPercentageFee": "0",
                "contractAddress": "",
                "safeConfirmNumber": "1",
                "withdrawMax": "0",
            }
        ],
    }


def _delivery_row(execution: Execution, spec: InstrumentSpec) -> Result:
    fill = execution.fill
    return {
        "symbol": spec.symbol,
        "side": "Buy" if fill.side == "Sell" else "Sell",
        "deliveryTime": fill.at.wall_ms,
        "strike": "" if spec.strike is None else plain(spec.strike),
        "fee": plain(fill.fee),
        "position": plain(fill.closed_quantity),
        "entryPrice": average_text(spec, entry_price(fill)),
        "deliveryPrice": plain(fill.price),
        "deliveryRpl": plain(fill.realised - fill.fee),
    }


def _account_type(body: Body) -> str:
    kind = text(body, "accountType")
    if kind not in ACCOUNT_TYPES:
        raise bad_parameter(f"params error: accountType [{kind}] must be one of {', '.join(ACCOUNT_TYPES)}")
    return kind


def _wish(body: Body, name: str) -> bool:
    wish = text(body, name)
    if wish not in ("", "0", "1"):
        raise bad_parameter(f"params error: {name} [{wish}] must be 0 or 1")
    return wish == "1"
