"""Which options are listed at a moment: coins, expiries and strikes, as a function of market time.

Lives here: the calendar and the specs. Not here: what they are worth (`options_pricing`), their books (`options`).
Options of a coin expire at 08:00 UTC: on the next two days, the next two Fridays and the last Fridays of the next two
months. Each is listed when the second one of its kind before it expires. Strikes lie around the usual price of the coin
and are the same for all expiries, so that a restart finds the same options again. The filters are of the size of
Bybit's, but nobody compared them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Final

from tradewright.simulator.market.intervals import DAY_MS, HOUR_MS, WEEK_MS
from tradewright.simulator.market.model import InstrumentSpec, Listing, OptionType

EXPIRY_MS: Final = 8 * HOUR_MS  # of the day
DELIVERY_FEE_RATE: Final = Decimal("0.00015")
KEPT_MS: Final = WEEK_MS  # a delivered option stays known for so long, as Closed
_AHEAD: Final = 2  # of each kind
_FIRST_FRIDAY_MS: Final = DAY_MS  # 1970-01-02
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_STRIKE_RATIOS: Final = tuple(map(Decimal, ("0.8", "0.88", "0.94", "0.97", "1", "1.03", "1.06", "1.12", "1.2")))


@dataclass(frozen=True)
class Coin:
    """Options of one coin. `leader` is the contract whose index they follow; `volatility` is per year."""

    base: str
    leader: Listing
    usual_price: Decimal
    strike_step: Decimal
    tick_size: Decimal
    qty_step: Decimal
    max_qty: Decimal
    volatility: float

    @cached_property
    def strikes(self) -> tuple[Decimal, ...]:
        steps = ((self.usual_price * ratio / self.strike_step).to_integral_value() for ratio in _STRIKE_RATIOS)
        return tuple(step * self.strike_step for step in steps)


def _coin(base: str, price: str, strike_step: str, tick: str, qty_step: str, most: str, volatility: float) -> Coin:
    return Coin(
        base=base,
        leader=f"{base}USDT",
        usual_price=Decimal(price),
        strike_step=Decimal(strike_step),
        tick_size=Decimal(tick),
        qty_step=Decimal(qty_step),
        max_qty=Decimal(most),
        volatility=volatility,
    )


COINS: Final = (
    _coin("BTC", "65000", "500", "5", "0.01", "500", 0.48),
    _coin("ETH", "3200", "25", "0.1", "0.1", "5000", 0.62),
)
"""The coins whose contract lives through every trade (`walk`): their index is known second by second."""


@dataclass(frozen=True, slots=True)
class Expiry:
    at_ms: int
    listed_ms: int


def expiries(now_ms: int) -> tuple[Expiry, ...]:
    """Of the options that trade at `now_ms`, nearest first. An option trades until its delivery."""
    found: dict[int, int] = {}
    for ends in (_days, _fridays, _last_fridays):
        before: list[int] = []
        for at_ms in ends(now_ms - 3 * 31 * DAY_MS):
            before.append(at_ms)
            if at_ms <= now_ms:
                continue
            listed_ms = before[-1 - _AHEAD]
            if listed_ms > now_ms:
                break
            found[at_ms] = min(listed_ms, found.get(at_ms, listed_ms))
    return tuple(Expiry(at_ms, listed_ms) for at_ms, listed_ms in sorted(found.items()))


def next_expiry_ms(now_ms: int) -> int:
    """When the list changes next: the first 08:00 UTC after `now_ms`."""
    return now_ms - (now_ms - EXPIRY_MS) % DAY_MS + DAY_MS


def delivered(now_ms: int) -> tuple[Expiry, ...]:
    """Expiries of the last `KEPT_MS`, nearest (latest) first: all that ever traded at those moments."""
    newest_ms = next_expiry_ms(now_ms) - DAY_MS
    moments = range(newest_ms, newest_ms - KEPT_MS, -DAY_MS)
    return tuple(next(each for each in expiries(ms - 1) if each.at_ms == ms) for ms in moments)


def chain(coin: Coin, expiry: Expiry) -> Iterator[InstrumentSpec]:
    """All options of one coin and expiry, lowest strike first, each call before its put."""
    day = _EPOCH + timedelta(milliseconds=expiry.at_ms)
    for strike in coin.strikes:
        kinds: tuple[tuple[OptionType, str], ...] = (("Call", "C"), ("Put", "P"))
        for kind, letter in kinds:
            symbol = f"{coin.base}-{day.day}{_MONTHS[day.month - 1]}{day.year % 100:02}-{strike:f}-{letter}-USDT"
            yield _spec(coin, expiry, symbol, kind, strike)


def _spec(coin: Coin, expiry: Expiry, symbol: str, kind: OptionType, strike: Decimal) -> InstrumentSpec:
    """Price limits are those of the instrument table's farthest contracts: options have no documented band."""
    return InstrumentSpec(
        category="option",
        symbol=symbol,
        symbol_id=int.from_bytes(sha256(symbol.encode()).digest()[:3]) + 1_000_000,
        base_coin=coin.base,
        quote_coin="USDT",
        settle_coin="USDT",
        price_scale=len(f"{coin.tick_size:f}".partition(".")[2]),
        tick_size=coin.tick_size,
        min_price=coin.tick_size,
        max_price=coin.tick_size * 222_000,
        qty_step=coin.qty_step,
        min_qty=coin.qty_step,
        max_limit_qty=coin.max_qty,
        max_market_qty=coin.max_qty,
        min_notional=Decimal(0),
        min_leverage=Decimal(1),
        max_leverage=Decimal(1),
        leverage_step=Decimal(1),
        maker_fee_rate=Decimal("0.0002"),
        taker_fee_rate=Decimal("0.0003"),
        maintenance_margin_rate=Decimal("0.03"),
        price_limit_ratio_x=Decimal("0.5"),
        price_limit_ratio_y=Decimal(1),
        upper_funding_rate=Decimal(0),
        lower_funding_rate=Decimal(0),
        funding_interval_min=0,
        launch_ms=expiry.listed_ms,
        delivery_ms=expiry.at_ms,
        option_type=kind,
        strike=strike,
    )


def _days(from_ms: int) -> Iterator[int]:
    at_ms = next_expiry_ms(from_ms)
    while True:
        yield at_ms
        at_ms += DAY_MS


def _fridays(from_ms: int) -> Iterator[int]:
    return (at_ms for at_ms in _days(from_ms) if _is_friday(at_ms))


def _last_fridays(from_ms: int) -> Iterator[int]:
    return (at_ms for at_ms in _fridays(from_ms) if _month(at_ms) != _month(at_ms + WEEK_MS))


def _is_friday(at_ms: int) -> bool:
    return (at_ms - EXPIRY_MS - _FIRST_FRIDAY_MS) % WEEK_MS == 0


def _month(at_ms: int) -> int:
    return (_EPOCH + timedelta(milliseconds=at_ms)).month
