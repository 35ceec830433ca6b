"""Dated contracts: which there are at a moment, what they are called, and when they end.

Lives here: the rule of the quarters and the specs. Not here: their prices (`following_contract`), what becomes of
positions in them (`matching`). The rule needs no seed: inverse contracts of each coin are listed for the next two
quarters to end, linear ones for the next, and all since the market's first moment stay known. A quarter ends on the
last Friday of March, June, September and December, 08:00 UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tradewright.simulator.market.instruments import BTCUSDT, ETHUSDT
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.market.relatives import inverse_future, linear_future

QUARTERS_AHEAD: Final = 2
_CODES: Final = {3: "H", 6: "M", 9: "U", 12: "Z"}
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FRIDAY: Final = 4
_DELIVERY_HOUR: Final = 8
_LISTED_AHEAD_MS: Final = 182 * 86_400_000
_FIRST_ID: Final = 10_000  # + quarters since 1970 times 10 + place: no two are alike


def dated_contracts(first_ms: int, now_ms: int) -> tuple[InstrumentSpec, ...]:
    """All that have been listed by `now_ms` in a market that began at `first_ms`, the earliest end first.

    Those that have ended are among them, because somebody may hold them still.
    """
    found: list[InstrumentSpec] = []
    ahead = 0
    for end in _quarter_ends(first_ms):
        found += _of_quarter(end, linear=not ahead)
        ahead += _ms(end) > now_ms
        if ahead == QUARTERS_AHEAD:
            break
    return tuple(found)


def closed(spec: InstrumentSpec, now_ms: int) -> InstrumentSpec:
    """The contract as it is told at a moment: `Closed` once it has ended."""
    return replace(spec, status="Closed") if spec.delivery_ms <= now_ms else spec


def day_name(end: date) -> str:
    """As Bybit writes the day in a symbol: 25DEC26, and 5JAN27 without a zero."""
    return f"{end.day}{_MONTHS[end.month - 1]}{end.year % 100:02d}"


def _of_quarter(end: datetime, *, linear: bool) -> list[InstrumentSpec]:
    end_ms = _ms(end)
    launch_ms = end_ms - _LISTED_AHEAD_MS
    first_id = _FIRST_ID + 10 * (4 * (end.year - 1970) + end.month // 3)
    found: list[InstrumentSpec] = []
    for place, usdt in enumerate((BTCUSDT, ETHUSDT)):
        coin, number = usdt.base_coin, first_id + 3 * place
        code = f"{coin}USD{_CODES[end.month]}{end.year % 100:02d}"
        found.append(inverse_future(usdt, number, symbol=code, launch_ms=launch_ms, end_ms=end_ms))
        if not linear:
            continue
        day = day_name(end)
        found += [
            linear_future(
                usdt, number + 1, symbol=f"{usdt.symbol}-{day}", coin="USDT", launch_ms=launch_ms, end_ms=end_ms
            ),
            linear_future(usdt, number + 2, symbol=f"{coin}-{day}", coin="USDC", launch_ms=launch_ms, end_ms=end_ms),
        ]
    return found


def _quarter_ends(after_ms: int) -> Iterator[datetime]:
    """Without end: the moments at which quarters end, from the first after `after_ms`."""
    year = datetime.fromtimestamp(after_ms / 1000, UTC).year
    while True:
        for month in _CODES:
            end = _quarter_end(year, month)
            if _ms(end) > after_ms:
                yield end
        year += 1


def _quarter_end(year: int, month: int) -> datetime:
    following = date(year + month // 12, month % 12 + 1, 1)
    last = following - timedelta(days=1)
    friday = last - timedelta(days=(last.weekday() - _FRIDAY) % 7)
    return datetime(friday.year, friday.month, friday.day, _DELIVERY_HOUR, tzinfo=UTC)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
