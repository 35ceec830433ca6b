"""What the compiled loop is given and what it writes: arrays, and numbers in doubles. Constants name their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Whole = NDArray[np.int64]
    Small = NDArray[np.uint8]

UNSURE = -1  # the number of trades of a run that is left to the plain engine
NEAR = 1e-12  # prices worked out in doubles that differ by less, relatively, may be equal as decimals
DOUBT = 1e-15  # by how much of its terms a sum of money may err: several roundings of a double
DAY_MS = 86_400_000
RATIO_PARTS = 10**8
DIFFERENCE_MAX = 4e18  # of whole numbers: it has to fit in 64 bits
WHOLE_MAX = 1e15  # beyond it doubles cannot tell a whole number from what is beside it

LONG, SHORT = 1, 2  # bits of an entry flag
NONE, MARKET, LIMIT = 0, 1, 2  # what waits to be filled
# What exits are called; `tape` has the words.
HELD, EXIT_RULE, STOP_LOSS, TAKE_PROFIT, TRAILING, MAX_BARS, DAILY_LOSS, END_OF_DATA, LIQUIDATION = range(9)
BY_NOTHING, BY_PCT, BY_ATR, BY_PRICE, BY_RR = range(5)
BASE, QUOTE, EQUITY_PCT, RISK_PCT = range(4)

# Columns of `Tape.whole` and `Tape.doubles`.
SIDE, ENTRY_MS, EXIT_MS, REASON, BARS, AMBIGUOUS = range(6)
QUANTITY, ENTRY, EXIT, FEES, FUNDING, PNL, PNL_PCT = range(7)
# Places of `Tape.totals`.
CASH, DRAWDOWN_PCT, LAST_BAR, GAINS, LOSSES, WINS, FEES_SUM, FUNDING_SUM, PNL_PCT_SUM, EXPOSED = range(10)
TOTALS = 10


class Line(NamedTuple):
    """A level: the price at which it fills, and its `touch`: a candle's price there or beyond is at it or beyond.
    `doubt`: by how much that may err; -1: it is unsure altogether. NaN: there is no level."""

    price: float
    touch: float
    doubt: float


class Bars(NamedTuple):
    """`day`: which UTC day of the run a bar opens in, from 0. `shut`: 1 where hours and days let no entry be decided;
    empty: nowhere. `first`, `last`: the bars that are run. Funding is sorted by its bar."""

    open_ms: Whole
    open: Doubles
    high: Doubles
    low: Doubles
    close: Doubles
    day: Whole
    shut: Small
    funding_bar: Whole
    funding_ratio: Doubles
    length_ms: int
    first: int
    last: int


class Signals(NamedTuple):
    """By bar. `enter`: bits; exits: 1 where the rule is true, empty without one; stop and target: the ATR or the price,
    empty without one."""

    enter: Small
    exit_long: Small
    exit_short: Small
    stop: Doubles
    target: Doubles


class Terms(NamedTuple):
    """Numbers of the plan and the settings. Ratios are of 1; those that end in `_part` are the same as whole parts of
    `RATIO_PARTS`. Prices of candles and the tick are whole in units of 1 / `unit_parts` (0: they are not). A tick is
    `tick_whole` / `tick_parts`, a step of quantity likewise, all whole numbers; `tick_whole` 0: no tick. -1 or NaN:
    there is none."""

    unit_parts: int
    tick_units: int
    is_limit: bool
    offset_ratio: float
    offset_part: int
    expire_bars: int
    size_by: int
    size: float
    stop_by: int
    stop: float
    stop_part: int
    target_by: int
    target: float
    target_part: int
    trail_ratio: float
    trail_part: int
    activate_ratio: float
    activate_part: int
    max_bars: int
    liquidation_long_ratio: float
    liquidation_short_ratio: float
    leverage: float
    taker_ratio: float
    maker_ratio: float
    slippage_ratio: float
    slippage_part: int
    tick_whole: float
    tick_parts: float
    step_whole: float
    step_parts: float
    min_quantity: float
    min_notional: float
    capital: float
    max_entries: int
    cooldown_bars: int
    keep_ratio: float


class Tape(NamedTuple):
    """What a run writes: a row for each trade, the equity at the end of each day (`totals.summed` makes returns of
    them), totals."""

    whole: Whole
    doubles: Doubles
    daily: Doubles
    totals: Doubles
