"""Insurance pools and the alerts of auto-deleveraging: figures that clients may look at and nothing here depends on.

Lives here: `pools_of` and the rows of REST and streams. Not here: liquidation (`accounts`, `matching`), which never
draws on a pool. Balances are made up from the names and the time, the same for everybody who asks at one moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import msgspec

from tradewright.simulator.market.intervals import HOUR_MS, MINUTE_MS
from tradewright.simulator.market.model import InstrumentSpec
from tradewright.simulator.texts import plain

Row = dict[str, Any]
_SHARED: Final = frozenset({"BTC", "ETH"})  # coins whose contracts share a pool
_STEP: Final = Decimal("0.00000001")
_TRIGGER_RATIO: Final = "-0.3"
_STOP_RATIO: Final = "-0.25"
_TRIGGER_BALANCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Pool:
    """`balance` is in `coin`; a shared pool backs several contracts."""

    group: str  # as the topics name it: USDT, USDC or inverse
    coin: str
    symbols: tuple[str, ...]
    balance: Decimal
    value: Decimal  # in USD
    updated_ms: int

    @property
    def is_shared(self) -> bool:
        return len(self.symbols) > 1


def pools_of(instruments: Iterable[InstrumentSpec], now_ms: int) -> list[Pool]:
    """The pools behind all contracts that trade, shared ones first; balances change once a minute of market time."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for spec in instruments:
        if spec.category not in ("linear", "inverse") or spec.status != "Trading":
            continue
        group = "inverse" if spec.is_inverse else spec.settle_coin
        own = "" if spec.base_coin in _SHARED or group == "USDC" else spec.symbol
        together.setdefault((group, spec.settle_coin, own), []).append(spec.symbol)
    found = [_pool(group, coin, tuple(symbols), now_ms) for (group, coin, _), symbols in together.items()]
    return sorted(found, key=lambda pool: (pool.group, pool.coin, not pool.is_shared))


def insurance_row(pool: Pool) -> Row:
    """As in REST."""
    return {
        "coin": pool.coin,
        "symbols": ",".join(pool.symbols),
        "balance": plain(pool.balance),
        "value": plain(pool.value),
    }


def told_pool(pool: Pool) -> Row:
    """As on the stream."""
    return {
        "coin": pool.coin,
        "symbols": ",".join(pool.symbols),
        "balance": plain(pool.balance),
        "updateTime": str(pool.updated_ms),
    }


def alert_rows(pool: Pool, now_ms: int) -> list[Row]:
    """The alert of each contract of a pool, as on the stream: numbers, not texts. Nothing is ever near its trigger."""
    balance = _number(pool.balance)
    return [
        {
            "c": pool.coin,
            "s": symbol,
            "b": balance,
            "mb": balance,
            "i_pr": _number(Decimal(_TRIGGER_RATIO)),
            "pr": _number(_share(symbol, now_ms // HOUR_MS) / 1000),
            "adl_tt": _TRIGGER_BALANCE,
            "adl_sr": _number(Decimal(_STOP_RATIO)),
        }
        for symbol in pool.symbols
    ]


def _pool(group: str, coin: str, symbols: tuple[str, ...], now_ms: int) -> Pool:
    dollars = 20_000 + 180_000 * _share(group, *symbols)
    minute = now_ms // MINUTE_MS
    value = (dollars * len(symbols) * (1 + _share(*symbols, minute) / 1000)).quantize(_STEP)
    # Of inverse contracts the pool is in the coin; a round price will do for a made-up figure.
    price = {"BTC": 65_000, "ETH": 3_200}.get(coin, 100) if group == "inverse" else 1
    return Pool(group, coin, symbols, (value / price).quantize(_STEP), value, minute * MINUTE_MS)


def _share(*place: object) -> Decimal:
    """A fraction in [0, 1) with six places, which the place decides."""
    digest = sha256(":".join(map(str, place)).encode()).digest()
    return Decimal(int.from_bytes(digest[:4]) % 1_000_000) / 1_000_000


def _number(value: Decimal) -> msgspec.Raw:
    return msgspec.Raw(plain(value).encode())
