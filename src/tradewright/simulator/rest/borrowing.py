"""Borrowing coins for spot: borrow, repay, what was borrowed, and how much could be traded with it.

Lives here: the four handlers. Not here: what a debt is (`accounts.settings`), what coins back (`accounts.margin`).
No interest is charged, so repaying takes exactly what is owed. Bybit lends by its own limits per coin and level; here
an account may borrow what its free margin covers once, of coins that are collateral.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Final

from tradewright.simulator.accounts.collateral import ratio_of
from tradewright.simulator.accounts.contracts import CENT
from tradewright.simulator.accounts.events import SettingChanged
from tradewright.simulator.accounts.settings import BORROWED, borrowed, borrowing
from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import decimal, text
from tradewright.simulator.matching.commands import read_symbol, require_category
from tradewright.simulator.matching.engine import Engine
from tradewright.simulator.paging import cut, read_page, read_window
from tradewright.simulator.rest.calls import Call, Endpoint, Result
from tradewright.simulator.rest.coins import coins_of, read_coin, read_coins
from tradewright.simulator.texts import plain

ZERO: Final = Decimal(0)
DAY_MS: Final = 24 * 3_600_000
REPAYMENT_TYPES: Final = ("", "ALL", "FIXED", "FLEXIBLE")
MONTH_MS: Final = 30 * DAY_MS


class BorrowingEndpoints:
    """The handlers; `all` lists them for the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Endpoint]:
        def one(method: str, path: str, handle: Callable[[Call], Result], per_second: int) -> Endpoint:
            return Endpoint(
                method=method,
                path=path,
                handle=handle,
                private=True,
                writes=method == "POST",
                per_second=per_second,
            )

        return [
            one("POST", "/v5/account/borrow", self._borrow, 1),
            one("POST", "/v5/account/no-convert-repay", self._repay, 1),
            one("GET", "/v5/account/borrow-history", self._history, 50),
            one("GET", "/v5/order/spot-borrow-check", self._spot_check, 50),
        ]

    def _borrow(self, call: Call) -> Result:
        """Raises `ApiError` 182204 for an unknown coin, 110007 beyond what the free margin covers."""
        coin = read_coin(call.params, "coin", coins_of(self._engine))
        amount = decimal(call.params, "amount", "params error: amount must be a positive number")
        if not amount:
            raise bad_parameter("params error: amount [0] must be above 0")
        most = can_borrow_of(self._engine, coin, borrowing_power(self._engine))
        if amount > most:
            raise ApiError(
                RetCode.NOT_ENOUGH_MARGIN, f"Borrowing {plain(amount)} {coin} is not covered: at most {plain(most)}"
            )
        self._owe(coin, self._owed(coin) + amount)
        return {"coin": coin, "amount": plain(amount)}

    def _repay(self, call: Call) -> Result:
        """Pays back by the coin itself, never by another: at most what is there and what is owed. `SU` also when
        nothing was owed: a known client repays after every purchase. `FA` when there is nothing to pay with.
        """
        coin = read_coin(call.params, "coin", coins_of(self._engine))
        kind = text(call.params, "repaymentType")
        if kind not in REPAYMENT_TYPES:
            raise bad_parameter(f"params error: repaymentType [{kind}] must be one of {' '.join(REPAYMENT_TYPES[1:])}")
        owed = self._owed(coin)
        wanted = owed
        if text(call.params, "amount"):
            wanted = min(owed, decimal(call.params, "amount", "params error: amount must be a positive number"))
        paid = min(wanted, max(self._engine.floor.free_coins(coin), ZERO))
        if wanted and not paid:
            return {"resultStatus": "FA"}
        if paid:
            self._owe(coin, owed - paid)
        return {"resultStatus": "SU"}

    def _history(self, call: Call) -> Result:
        """Each borrowing, newest first; thirty days per call unless told less. Bybit has a row per hour of interest."""
        wanted = read_coins(call.params, "currency", coins_of(self._engine), most=1)
        page = read_page(call.params, highest=50, default=20)
        window = read_window(call.params, now_ms=call.now_ms, default_ms=MONTH_MS, longest_ms=MONTH_MS)
        rows: list[tuple[int, int, Result]] = []
        before: dict[str, Decimal] = {}
        for entry in self._engine.floor.entries:
            event = entry.event
            if not isinstance(event, SettingChanged) or not event.name.startswith(BORROWED):
                continue
            coin, amount = event.name.removeprefix(BORROWED), Decimal(event.value)
            if amount > before.get(coin, ZERO) and coin in (wanted or (coin,)):
                rows.append((entry.seq, event.at.wall_ms, _history_row(coin, amount, event.at.wall_ms)))
            before[coin] = amount
        inside = [row for row in reversed(rows) if window.start_ms <= row[1] <= window.end_ms]
        shown, cursor = cut(inside, page, lambda row: row[0])
        return {"list": [row for _, _, row in shown], "nextPageCursor": cursor}

    def _spot_check(self, call: Call) -> Result:
        """How much of a pair could be traded with what is there, and with what could be borrowed beside it."""
        require_category(call.params, ("spot",))
        spec, side = read_symbol(call.params, self._engine.specs), text(call.params, "side")
        if side not in ("Buy", "Sell"):
            raise ApiError(RetCode.SPOT_BAD_SIDE, f"Invalid side: [{side}]")
        coin = spec.quote_coin if side == "Buy" else spec.base_coin
        own = max(self._engine.floor.free_coins(coin), ZERO)
        both = own + can_borrow_of(self._engine, coin, borrowing_power(self._engine))
        price = self._engine.market.last_price(spec.listing)

        def quantities(amount: Decimal) -> tuple[str, str]:
            """In the base coin by whole steps, and in the quote coin."""
            base, quote = (amount / price, amount) if side == "Buy" else (amount, amount * price)
            return plain(base.quantize(spec.qty_step, ROUND_DOWN)), plain(quote.quantize(CENT, ROUND_DOWN))

        max_qty, max_amount = quantities(both)
        own_qty, own_amount = quantities(own)
        return {
            "symbol": spec.symbol,
            "side": side,
            "maxTradeQty": max_qty,
            "maxTradeAmount": max_amount,
            "spotMaxTradeQty": own_qty,
            "spotMaxTradeAmount": own_amount,
            "borrowCoin": coin,
        }

    def _owed(self, coin: str) -> Decimal:
        return borrowed(self._engine.account.settings, coin)

    def _owe(self, coin: str, amount: Decimal) -> None:
        floor = self._engine.floor
        floor.commit([SettingChanged(at=floor.moment(), name=borrowing(coin), value=plain(amount))])


def borrowing_power(engine: Engine) -> Decimal:
    """What can be borrowed in all, in dollars: the free margin; nothing in isolated margin, where each coin stands for
    itself.
    """
    if engine.account.margin_mode == "ISOLATED_MARGIN":
        return ZERO
    return max(engine.margin_now().available, ZERO)


def can_borrow_of(engine: Engine, coin: str, power: Decimal) -> Decimal:
    """What that covers of a coin, rounded down to eight places; 0 of one that is no collateral."""
    price = engine.floor.usd_price(coin) if ratio_of(coin) else ZERO
    return (power / price).quantize(CENT, ROUND_DOWN) if price else ZERO


def _history_row(coin: str, amount: Decimal, at_ms: int) -> Result:
    return {
        "currency": coin,
        "createdTime": at_ms,
        "borrowCost": "0",
        "hourlyBorrowRate": "0",
        "InterestBearingBorrowSize": plain(amount),
        "costExemption": "0",
        "borrowAmount": plain(amount),
        "unrealisedLoss": "0",
        "freeBorrowedAmount": "0",
    }
