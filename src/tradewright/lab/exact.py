"""The exact backtest: a strategy's run through the live core, on the simulated exchange, in virtual time.

Lives here: `run_exact`, the one way in. Not here: what a run does (`signal_run`), the account it trades on (`account`).
The same arguments give the same result, to the last byte of its report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from tradewright.backtest.engine import read_until
from tradewright.backtest.feed import Feed
from tradewright.backtest.result import NoBars, Result
from tradewright.backtest.run import Watch
from tradewright.backtest.settings import BASIS_POINT, BadSettings, Settings
from tradewright.core.money import exactly
from tradewright.lab.account import opened
from tradewright.lab.dca_run import DcaRun
from tradewright.lab.desk import Desk
from tradewright.lab.even_wire import EvenWire
from tradewright.lab.grid_run import GridRun
from tradewright.lab.instrument import held, listed
from tradewright.lab.network import run_networked
from tradewright.lab.played_market import PlayedMarket
from tradewright.lab.played_run import PlayedRun, Stage
from tradewright.lab.signal_run import SignalRun
from tradewright.strategy.candles import Candles
from tradewright.strategy.evaluate.fields import Bar
from tradewright.strategy.model import Dca, Grid, Signal, Strategy
from tradewright.strategy.prices import decimal_of


def check_exact(strategy: Strategy) -> None:
    """Raises `BadSettings` for what the exact mode cannot run yet."""
    if strategy.market.category != "linear":
        raise BadSettings("--engine exact runs linear contracts; leave it out to run this strategy on spot")


def run_exact(strategy: Strategy, candles: Candles, settings: Settings, *, watch: Watch | None = None) -> Result:
    """As `backtest.engine.run`. Raises `LabFault` beside what that raises: a fault of ours."""
    from tradewright.strategy.evaluate.arrays import evaluate

    settings.check(strategy)
    check_exact(strategy)
    read = read_until(candles, settings.to_ms)
    if not len(read):
        raise NoBars("there is no bar between the times asked for")
    with exactly():
        feed = Feed(read, evaluate(strategy.program, read), settings)
        played: PlayedRun = run_networked(_played(strategy, feed, _bars(read), settings, watch), EvenWire())
        return played.result()


async def _played(
    strategy: Strategy, feed: Feed, bars: Sequence[Bar], settings: Settings, watch: Watch | None
) -> PlayedRun:
    spec = listed(strategy, settings)
    market = PlayedMarket(
        spec,
        decimal_of(feed.open[feed.first]),
        settings.slippage_bps * BASIS_POINT,
        int(feed.times[feed.first]),
    )
    async with opened(market, held(spec)) as account:
        stage = Stage(
            strategy=strategy,
            feed=feed,
            bars=bars,
            settings=settings,
            watch=watch,
            desk=Desk(account),
            tick=spec.tick_size,
        )
        run = _run_of(stage)
        await run.play()
        return run


def _run_of(stage: Stage) -> PlayedRun:
    plan = stage.strategy.plan
    match plan:
        case Signal():
            return SignalRun(stage, plan)
        case Dca():
            return DcaRun(stage, plan)
        case Grid():
            return GridRun(stage, plan)
        case _:
            assert_never(plan)


def _bars(candles: Candles) -> list[Bar]:
    columns = (
        candles.open_time_ms,
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        candles.volume,
        candles.turnover,
    )
    return [Bar(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
