"""What a backtest over the API is: what was asked, which states it has, how many there may be.

Not here: the rows (`tables`), the engine's settings (`backtest.settings`), which these become in `settings_of`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from tradewright.backtest.settings import BadSettings, Settings
from tradewright.core.clock import Clock, Ids
from tradewright.core.errors import Conflict, InvalidInput, Problem
from tradewright.core.ids import UserId, WorkspaceId
from tradewright.market.history.series import Origin, Series
from tradewright.strategy.model import Strategy
from tradewright.strategy.prices import Filters
from tradewright.strategy.timeframe import Timeframe, length_ms

CHANNEL = "backtests"  # something to take, or to cancel
State = Literal["queued", "running", "finished", "failed", "cancelled"]
TRIES_MAX = 3  # of a backtest whose process ends without a word
SIM_BARS_MAX = 100_000  # that are fetched of the simulated exchange for one backtest
SIM_BARS_USUAL = 10_000  # where nobody says from when


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may be told beside the strategy, as decimal text; None: the engine's own default."""

    equity: str | None = None
    fee_taker_bps: str | None = None
    fee_maker_bps: str | None = None
    slippage_bps: str | None = None
    tick_size: str | None = None
    qty_step: str | None = None
    min_qty: str | None = None
    min_notional: str | None = None
    maintenance_margin_pct: str | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """As it was asked for. `from_ms` and `to_ms` None: whatever candles there are.

    `fine`: the timeframe of finer candles that tell what happens inside a bar; None: the bars alone. `funding`: the
    stored rates are paid.
    """

    text: str
    params: dict[str, str] = {}
    origin: Origin = "bybit"
    from_ms: int | None = None
    to_ms: int | None = None
    fill_gaps: bool = False
    fine: Timeframe | None = None
    funding: bool = False
    settings: Given = Given()

    def digest(self) -> bytes:
        """Equal for, and only for, what is equal."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).digest()

    def series(self, strategy: Strategy) -> Series:
        """Raises `ValueError` for a listing that no candles are kept of."""
        market = strategy.market
        return Series(category=market.category, symbol=market.symbol, timeframe=market.timeframe, origin=self.origin)

    def fine_series(self, strategy: Strategy) -> Series | None:
        """The finer candles; None where none are asked for."""
        return None if self.fine is None else replace(self.series(strategy), timeframe=self.fine)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBacktest:
    """What is to be queued. `id` is the caller's. `asked` has its bounds filled in where they were left open;
    `digest` is of what the caller sent."""

    id: UUID
    asked: Asked
    digest: bytes
    strategy: Strategy
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much may be asked for. A day is the last 24 hours; its CPU time counts also of what was removed since."""

    waiting_of_user: int = 5
    waiting_of_workspace: int = 20
    kept_of_workspace: int = 200
    cpu_s_a_day_of_user: int = 3_600
    cpu_s_a_day_of_workspace: int = 4 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, in which workspace, and what an audit entry needs beside."""

    workspace_id: WorkspaceId
    user_id: UserId
    ip: str | None
    clock: Clock
    ids: Ids


class IdUsed(Conflict):
    """The id was used for another backtest."""

    code = "backtest.id_used"


class TooManyWaiting(Conflict):
    """The user has as many waiting or running as one may have."""

    code = "backtest.too_many_waiting"


class WorkspaceBusy(Conflict):
    """The workspace has as many waiting or running as it may have."""

    code = "backtest.workspace_busy"


class DayUsedUp(Conflict):
    """The computing time of the last 24 hours is used up."""

    code = "backtest.day_used_up"


class TooManyKept(Conflict):
    """The workspace keeps as many as it may; one has to be removed first."""

    code = "backtest.too_many_kept"


class StillRuns(Conflict):
    """It waits or runs: it can be removed once it has ended."""

    code = "backtest.still_runs"


class NoReport(Conflict):
    """There is a report only of one that finished."""

    code = "backtest.no_report"


def settings_of(asked: Asked) -> Settings:
    """As the engine takes them; what was not given is its default."""
    given, usual, filters = asked.settings, Settings(), Filters()
    return Settings(
        equity=_or(given.equity, usual.equity),
        fee_taker_bps=_or_none(given.fee_taker_bps),
        fee_maker_bps=_or_none(given.fee_maker_bps),
        slippage_bps=_or(given.slippage_bps, usual.slippage_bps),
        filters=Filters(
            tick_size=_or_none(given.tick_size),
            quantity_step=_or(given.qty_step, filters.quantity_step),
            min_quantity=_or(given.min_qty, filters.min_quantity),
            min_notional=_or(given.min_notional, filters.min_notional),
        ),
        maintenance_margin_pct=_or(given.maintenance_margin_pct, usual.maintenance_margin_pct),
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
    )


def require_settings(asked: Asked, strategy: Strategy) -> None:
    """Raises `InvalidInput` naming the setting that this strategy cannot be run with."""
    try:
        settings_of(asked).check(strategy, has_funding=asked.funding, has_fine=asked.fine is not None)
    except BadSettings as error:
        option, _, rest = str(error).partition(" ")  # told as of the command's option: `--equity is -1; …`
        name = option.removeprefix("--").replace("-", "_")
        params = {"name": name, "text": rest}
        field = name if name in ("fine", "funding") else f"settings.{name}"
        raise InvalidInput([Problem("backtest.setting_refused", field, params)]) from None
    base = strategy.market.timeframe
    if asked.fine is not None and (length_ms(asked.fine) >= length_ms(base) or length_ms(base) % length_ms(asked.fine)):
        raise InvalidInput([Problem("backtest.fine_unfit", "fine", {"value": asked.fine, "timeframe": base})])


def _or(text: str | None, usual: Decimal) -> Decimal:
    return usual if text is None else Decimal(text)


def _or_none(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
