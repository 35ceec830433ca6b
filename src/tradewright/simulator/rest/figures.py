"""The market's figures, `/v5/market/*` too: funding, open interest, limits, risk tiers, deliveries, pools, notices.

Lives here: reading parameters and choosing what to show. Not here: prices, books and trades (`market`).
Ratios of long and short accounts are made up from names and time; historical volatility comes from hourly candles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise
from statistics import stdev
from typing import Any, Final

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS, MINUTE_MS
from tradewright.simulator.market.model import InstrumentSpec, Listing
from tradewright.simulator.market.price_bars import moments
from tradewright.simulator.market.risk_tiers import risk_tiers
from tradewright.simulator.market.synthetic.options_chain import COINS
from tradewright.simulator.market.ticker import one_sided
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.paging import read_limit, read_page, whole
from tradewright.simulator.rest.calls import Answer, Call, Endpoint, Result
from tradewright.simulator.rest.named import Named, category_of, one_of, part
from tradewright.simulator.rows.limits import price_limit_row
from tradewright.simulator.rows.market import risk_row
from tradewright.simulator.rows.pools import insurance_row, pools_of
from tradewright.simulator.texts import plain

RISK_SYMBOLS_PER_PAGE: Final = 15
HOURS_PER_CALL: Final = 1000
CONTRACTS: Final = ("linear", "inverse")
STEPS_MS: Final = {
    "5min": 5 * MINUTE_MS,
    "15min": 15 * MINUTE_MS,
    "30min": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": DAY_MS,
}
VOLATILITY_DAYS: Final = ("7", "14", "21", "30", "60", "90", "180", "270")
VOLATILITY_WINDOW_MS: Final = 30 * DAY_MS
NOTICE_STATES: Final = ("scheduled", "ongoing", "completed", "canceled")

_VOLATILITY_HOURS_MIN: Final = 24
_HOURS_PER_YEAR: Final = 24 * 365
_VOLATILITY_STEP: Final = Decimal("0.00000001")

Notices = Callable[[], list[dict[str, Any]]]


class FigureEndpoints:
    """The handlers; `all` lists them for the server. `notices` are the rows of system/status."""

    def __init__(self, venue: Venue, *, notices: Notices = list) -> None:
        self._venue = venue
        self._market = venue.market
        self._named = Named(venue.market, venue.specs)
        self._notices = notices

    def all(self) -> list[Endpoint]:
        handlers: dict[str, Callable[[Call], Result | Answer]] = {
            "market/funding/history": self._funding_history,
            "market/open-interest": self._open_interest,
            "market/account-ratio": self._account_ratio,
            "market/risk-limit": self._risk_limit,
            "market/price-limit": self._price_limit,
            "market/delivery-price": self._delivery_price,
            "market/insurance": self._insurance,
            "market/historical-volatility": self._volatility,
            "system/status": self._status,
        }
        return [Endpoint(method="GET", path=f"/v5/{name}", handle=handle) for name, handle in handlers.items()]

    def _funding_history(self, call: Call) -> Result:
        """What was due. A start needs an end, as on Bybit."""
        spec = self._named.spec(call.params, served=CONTRACTS)
        start_ms, end_ms = whole(call.params, "startTime"), whole(call.params, "endTime")
        if start_ms is not None and end_ms is None:
            raise bad_parameter("params error: startTime needs endTime")
        limit = read_limit(call.params, highest=200, default=200)
        rows = [
            {"symbol": spec.symbol, "fundingRate": plain(rate), "fundingRateTimestamp": str(ms)}
            for ms, rate in self._market.funding_history(spec.listing, start_ms, end_ms, limit)
        ]
        return {"category": spec.category, "list": rows}

    def _open_interest(self, call: Call) -> Result:
        """Base coin, of inverse contracts USD; the other field is that of one side."""
        spec = self._named.spec(call.params, served=CONTRACTS)
        step_ms = STEPS_MS[one_of("intervalTime", text(call.params, "intervalTime"), tuple(STEPS_MS))]
        start_ms, end_ms, limit = self._history(call.params, spec, most=200)
        found = self._market.open_interest(spec.listing, step_ms, start_ms, end_ms, limit)
        rows = [
            {
                "openInterest": format(interest, "f"),
                "singleOpenInterest": format(one_sided(spec, interest), "f"),
                "timestamp": str(ms),
            }
            for ms, interest in found
        ]
        return {
            "category": spec.category,
            "symbol": spec.symbol,
            "list": rows,
            "nextPageCursor": _cursor([ms for ms, _ in found], step_ms, start_ms, limit),
        }

    def _account_ratio(self, call: Call) -> Result:
        spec = self._named.spec(call.params, served=CONTRACTS)
        step_ms = STEPS_MS[one_of("period", text(call.params, "period"), tuple(STEPS_MS))]
        start_ms, end_ms, limit = self._history(call.params, spec, most=500)
        found = moments(step_ms, start_ms, end_ms, limit, self._market.now_ms)
        rows = [_ratio_row(spec, ms) for ms in found]
        return {"list": rows, "nextPageCursor": _cursor(found, step_ms, start_ms, limit)}

    def _history(self, params: Body, spec: InstrumentSpec, *, most: int) -> tuple[int, int | None, int]:
        """Window and limit of a history; it begins with the launch, so that its pages come to an end."""
        page = read_page(params, highest=most, default=50)
        start_ms, end_ms = whole(params, "startTime"), whole(params, "endTime")
        if page.before is not None:
            end_ms = page.before - 1 if end_ms is None else min(end_ms, page.before - 1)
        return max(start_ms or 0, spec.launch_ms), end_ms, page.limit

    def _risk_limit(self, call: Call) -> Result:
        """All tiers of one contract, or those of fifteen contracts that trade a page."""
        params, category = call.params, category_of(call.params, served=CONTRACTS)
        page = read_page(params, highest=1000, default=1000)
        if text(params, "symbol"):
            specs, cursor = [self._named.spec(params)], ""
        else:
            listed = [spec for spec in self._named.of(category) if spec.status == "Trading"]
            specs, cursor = part(listed, page.before or 0, RISK_SYMBOLS_PER_PAGE)
        rows = [risk_row(spec, tier) for spec in specs for tier in risk_tiers(spec)]
        return {"category": category, "list": rows, "nextPageCursor": cursor}

    def _price_limit(self, call: Call) -> Result:
        spec = self._named.spec(call.params, default="linear", served=("linear", "inverse", "spot"))
        return {**price_limit_row(self._market, spec, self._venue.premium(spec.listing)), "ts": str(call.now_ms)}

    def _delivery_price(self, call: Call) -> Result:
        """What was delivered of late, newest first. Coins are asked for where no symbol is: USDC, of options of BTC."""
        params, category = call.params, category_of(call.params, served=("linear", "inverse", "option"))
        if text(params, "symbol"):
            listed = [self._named.spec(params)]
        else:
            settle_coin = text(params, "settleCoin") or ("" if category == "inverse" else "USDC")
            base_coin = text(params, "baseCoin") or ("BTC" if category == "option" else "")
            listed = [
                spec
                for spec in self._named.of(category)
                if settle_coin in ("", spec.settle_coin) and (category != "option" or base_coin == spec.base_coin)
            ]
        delivered = [spec for spec in listed if 0 < spec.delivery_ms <= self._market.now_ms]
        delivered.sort(key=lambda spec: -spec.delivery_ms)
        page = read_page(params, highest=200, default=50)
        shown, cursor = part(delivered, page.before or 0, page.limit)
        rows = [
            {"symbol": spec.symbol, "deliveryPrice": format(price, "f"), "deliveryTime": str(spec.delivery_ms)}
            for spec in shown
            if (price := self._market.settlement_price(spec.listing)) is not None
        ]
        return {"category": category, "list": rows, "nextPageCursor": cursor}

    def _insurance(self, call: Call) -> Result:
        coin = text(call.params, "coin")
        pools = pools_of(self._market.instruments, self._market.now_ms)
        return {
            "updatedTime": str(max((pool.updated_ms for pool in pools), default=self._market.now_ms)),
            "list": [insurance_row(pool) for pool in pools if coin in ("", pool.coin)],
        }

    def _volatility(self, call: Call) -> Answer:
        """Of an option coin's contract, hour by hour; that of the last hour where no window is given. Hours of which
        too little is known are left out, and so are coins without options.
        """
        params = call.params
        category_of(params, served=("option",))
        base_coin = text(params, "baseCoin") or "BTC"
        days = int(one_of("period", text(params, "period") or VOLATILITY_DAYS[0], VOLATILITY_DAYS))
        start_ms, end_ms = whole(params, "startTime"), whole(params, "endTime")
        if (start_ms is None) != (end_ms is None):
            raise bad_parameter("params error: startTime and endTime go together")
        now_ms = self._market.now_ms
        if start_ms is None or end_ms is None:
            start_ms = end_ms = now_ms - now_ms % HOUR_MS
        elif not 0 <= end_ms - start_ms <= VOLATILITY_WINDOW_MS:
            raise bad_parameter("params error: endTime must be at most 30 days after startTime")
        coin = next(
            (coin for coin in COINS if coin.base == base_coin and self._named.of_coin("option", base_coin)), None
        )
        closes = {} if coin is None else self._hourly_closes(coin.leader, start_ms - days * DAY_MS, min(end_ms, now_ms))
        hours = moments(HOUR_MS, start_ms, end_ms, int(VOLATILITY_WINDOW_MS // HOUR_MS) + 1, now_ms)
        rows = [
            {"period": days, "value": f"{value:f}", "time": str(ms)}
            for ms in hours
            if (value := _volatility([close for at, close in closes.items() if ms - days * DAY_MS <= at < ms]))
        ]
        return Answer(rows, {}, beside={"category": "option"})

    def _hourly_closes(self, listing: Listing, start_ms: int, end_ms: int) -> dict[int, Decimal]:
        """Of the hours that begin in the window, oldest first."""
        found: dict[int, Decimal] = {}
        while rows := self._market.klines(listing, "60", start_ms, end_ms - 1, HOURS_PER_CALL):
            found |= {row.start_ms: row.close for row in rows}
            end_ms = rows[-1].start_ms
        return dict(sorted(found.items()))

    def _status(self, call: Call) -> Result:
        number, state = text(call.params, "id"), text(call.params, "state")
        if state:
            one_of("state", state, NOTICE_STATES)
        rows = [row for row in self._notices() if number in ("", row["id"]) and state in ("", row["state"])]
        return {"list": rows}


def _cursor(found: list[int], step_ms: int, start_ms: int, limit: int) -> str:
    """Of the page after these moments, newest first; "" when there is nothing before them."""
    return f"p{found[-1]}" if len(found) == limit and found[-1] - step_ms >= start_ms else ""


def _volatility(closes: Sequence[Decimal]) -> Decimal | None:
    """Standard deviation of hourly returns, per year; None of too few."""
    if len(closes) <= _VOLATILITY_HOURS_MIN:
        return None
    returns = [math.log(after / before) for before, after in pairwise(closes)]
    return Decimal(stdev(returns) * math.sqrt(_HOURS_PER_YEAR)).quantize(_VOLATILITY_STEP)


def _ratio_row(spec: InstrumentSpec, ms: int) -> dict[str, str]:
    """Between 45 and 55 of a hundred accounts are long."""
    digest = sha256(f"{spec.listing}:{ms}".encode()).digest()
    long = Decimal(4_500 + int.from_bytes(digest[:4]) % 1_000) / 10_000
    return {"symbol": spec.symbol, "buyRatio": f"{long:f}", "sellRatio": f"{1 - long:f}", "timestamp": str(ms)}
