"""From the words of the command line to a market.

Lives here: the grammar of `--market` and the defaults. Not here: the markets themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tradewright.simulator.market.candle_file import read_candle_file
from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.errors import MarketSpecError
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.model import InstrumentSpec, Market
from tradewright.simulator.market.replay import ReplayMarket, start_of
from tradewright.simulator.market.synthetic import SyntheticMarket
from tradewright.simulator.market.tape import Tape, fitted

_REPLAY: Final = "replay:"
_TARGET: Final = re.compile(r"(?P<path>.+)@(?P<category>[A-Za-z]+):(?P<symbol>[A-Za-z0-9-]+)")
_GRAMMAR: Final = "synthetic or replay:FILE@linear:SYMBOL"


def build_market(spec: Sequence[str], *, seed: int, speed: float, from_ms: int | None, wall_now_ms: int) -> Market:
    """The market that `spec` asks for: ["synthetic"], or one "replay:FILE@linear:SYMBOL" per recorded symbol.

    A synthetic market starts at `from_ms` or now; without `from_ms` and at speed 1 its time is wall time for good.
    Raises a `MarketError` (one sentence) when that is not possible.
    """
    if not spec:
        raise MarketSpecError(f"no market was given; it must be {_GRAMMAR}")
    if all(text.startswith(_REPLAY) for text in spec):
        return _replay(spec, speed=speed, from_ms=from_ms, wall_now_ms=wall_now_ms)
    if list(spec) == ["synthetic"]:
        start_ms = wall_now_ms if from_ms is None else from_ms
        clock = MarketClock(wall_ms=wall_now_ms, market_ms=start_ms, speed=speed)
        follows_wall = from_ms is None and speed == 1
        return SyntheticMarket(seed=seed, clock=clock, start_ms=start_ms, follows_wall=follows_wall)
    raise MarketSpecError(f"market is {' '.join(spec)!r}; it must be {_GRAMMAR}, and replays cannot be mixed with it")


def _replay(spec: Sequence[str], *, speed: float, from_ms: int | None, wall_now_ms: int) -> ReplayMarket:
    targets = [_target(text) for text in spec]
    symbols = [instrument.symbol for _, instrument in targets]
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise MarketSpecError(f"{symbol} is given {symbols.count(symbol)} recordings; a symbol has one")
    files = [read_candle_file(path) for path, _ in targets]
    clock = MarketClock(wall_ms=wall_now_ms, market_ms=start_of(files, from_ms), speed=speed)
    tapes = [Tape(fitted(instrument, file), file) for file, (_, instrument) in zip(files, targets, strict=True)]
    return ReplayMarket(tapes, clock=clock)


def _target(text: str) -> tuple[str, InstrumentSpec]:
    """File and contract of one "replay:FILE@linear:SYMBOL"; without a target the recording is BTCUSDT's."""
    rest = text.removeprefix(_REPLAY)
    match = _TARGET.fullmatch(rest)
    path, category, symbol = match.group("path", "category", "symbol") if match else (rest, "linear", "BTCUSDT")
    if not path:
        raise MarketSpecError(f"market is {text!r}; a file must follow {_REPLAY!r}: {_REPLAY}FILE@linear:SYMBOL")
    for instrument in LISTED:
        if (instrument.category, instrument.symbol) == (category, symbol):
            return path, instrument
    listed = ", ".join(f"{instrument.category}:{instrument.symbol}" for instrument in LISTED)
    raise MarketSpecError(f"market {text!r} asks for {category}:{symbol}; the simulated exchange lists {listed}")
