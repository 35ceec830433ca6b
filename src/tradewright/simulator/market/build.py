"""From the words of the command line to a market.

Lives here: the grammar of `--market` and the defaults. Not here: the markets themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tradewright.simulator.market.clock import MarketClock
from tradewright.simulator.market.errors import MarketSpecError
from tradewright.simulator.market.instruments import CONTRACTS, LISTED
from tradewright.simulator.market.model import Category, InstrumentSpec, Market, listing_of
from tradewright.simulator.market.recorded.book_file import BookFile
from tradewright.simulator.market.recorded.recording import AnyFile, read_recording, together
from tradewright.simulator.market.recorded.replay import ReplayMarket, start_of
from tradewright.simulator.market.recorded.spec import CATEGORIES, spec_for
from tradewright.simulator.market.recorded.tape import Tape
from tradewright.simulator.market.synthetic.habits import Habits
from tradewright.simulator.market.synthetic.many import MADE_UP_MAX, made_up
from tradewright.simulator.market.synthetic.market import SyntheticMarket
from tradewright.simulator.market.synthetic.past import PAST_DAYS

_REPLAY: Final = "replay:"
_TARGET: Final = re.compile(r"(?P<path>.+)@(?P<category>[A-Za-z]+):(?P<symbol>[A-Za-z0-9-]{1,40})")
_SYNTHETIC: Final = re.compile(r"synthetic(?::(?P<contracts>\d{1,6}))?")
_GRAMMAR: Final = "synthetic, synthetic:N or replay:FILE@category:SYMBOL"
RECORDINGS_MAX: Final = 100


def build_market(
    spec: Sequence[str], *, seed: int, speed: float, from_ms: int | None, wall_now_ms: int, by_hand: bool = False
) -> Market:
    """The market that `spec` asks for: ["synthetic"], ["synthetic:600"] with so many linear perpetuals in all, or
    "replay:FILE@category:SYMBOL" once per recording.

    A symbol may be given several recordings of different kinds (trades and quotes, candles and funding).
    A synthetic market starts at `from_ms` or now; without `from_ms` and at speed 1 its time is wall time for good,
    unless it is one whose motion was changed `by_hand` before it was saved.
    Raises a `MarketError` (one sentence) when that is not possible.
    """
    if not spec:
        raise MarketSpecError(f"no market was given; it must be {_GRAMMAR}")
    if all(text.startswith(_REPLAY) for text in spec):
        return _replay(spec, speed=speed, from_ms=from_ms, wall_now_ms=wall_now_ms)
    asked = _SYNTHETIC.fullmatch(spec[0]) if len(spec) == 1 else None
    if asked is not None:
        more = _made_up(spec[0], asked["contracts"])
        start_ms = wall_now_ms if from_ms is None else from_ms
        market = SyntheticMarket(
            seed=seed,
            clock=MarketClock(wall_ms=wall_now_ms, market_ms=start_ms, speed=speed),
            start_ms=start_ms,
            follows_wall=from_ms is None and speed == 1 and not by_hand,
            past_days=PAST_DAYS,
            listed=(*LISTED, *(spec for spec, _ in more)),
            habits={spec.listing: habits for spec, habits in more},
            dated=True,
            options=True,
        )
        if more:
            for listed in market.instruments:
                market.ticker(listed.listing)  # a day of hundreds takes seconds: at the start rather than at a request
        return market
    raise MarketSpecError(f"market is {' '.join(spec)!r}; it must be {_GRAMMAR}, and replays cannot be mixed with it")


def _made_up(text: str, contracts: str | None) -> Sequence[tuple[InstrumentSpec, Habits]]:
    """The made-up contracts that bring the linear perpetuals to the number asked for."""
    least, most = len(CONTRACTS), len(CONTRACTS) + MADE_UP_MAX
    count = least if contracts is None else int(contracts)
    if not least <= count <= most:
        raise MarketSpecError(f"market is {text!r}; the number of linear perpetuals must be from {least} to {most}")
    return made_up(count - least)


def _replay(spec: Sequence[str], *, speed: float, from_ms: int | None, wall_now_ms: int) -> ReplayMarket:
    if len(spec) > RECORDINGS_MAX:
        raise MarketSpecError(f"market names {len(spec)} recordings; at most {RECORDINGS_MAX} are played at once")
    files: dict[tuple[Category, str], list[AnyFile]] = {}
    for path, category, symbol in map(_target, spec):
        file = read_recording(path)
        if isinstance(file, BookFile) and file.symbol != symbol:
            raise MarketSpecError(
                f"{path} holds the order book of {file.symbol}, but is given to {category}:{symbol}; "
                f"write {_REPLAY}{path}@{category}:{file.symbol}"
            )
        files.setdefault((category, symbol), []).append(file)
    recordings = {target: together(listing_of(*target), found) for target, found in files.items()}
    tapes = [Tape(spec_for(*target, found), found) for target, found in recordings.items()]
    start_ms = start_of(list(recordings.values()), from_ms)
    return ReplayMarket(tapes, clock=MarketClock(wall_ms=wall_now_ms, market_ms=start_ms, speed=speed))


def _target(text: str) -> tuple[str, Category, str]:
    """File, category and symbol of one "replay:FILE@category:SYMBOL"; without a target the recording is BTCUSDT's."""
    rest = text.removeprefix(_REPLAY)
    match = _TARGET.fullmatch(rest)
    path, asked, symbol = match.group("path", "category", "symbol") if match else (rest, "linear", "BTCUSDT")
    if not path:
        raise MarketSpecError(f"market is {text!r}; a file must follow {_REPLAY!r}: {_REPLAY}FILE@category:SYMBOL")
    category = next((known for known in CATEGORIES if known == asked), None)
    if category is None:
        raise MarketSpecError(f"market {text!r} asks for {asked}:{symbol}; the category must be {_either(CATEGORIES)}")
    if symbol != symbol.upper():
        raise MarketSpecError(f"market {text!r} asks for {category}:{symbol}; symbols are written {symbol.upper()}")
    return path, category, symbol


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
