"""Candles and funding of the simulated exchange, fetched into the store before a backtest on them.

Lives here: running `tradewright data` in a process of its own. Not here: the download (`market.history`).
Only the simulated exchange is asked by itself: it is ours and at hand. Candles of Bybit are got by a person, for the
calls come out of the budget that orders live on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import msgspec

from tradewright.backtests.child import Child, plain_environment
from tradewright.core.clock import Clock
from tradewright.core.fault import Fault
from tradewright.market.history.series import Series
from tradewright.process.priority import lower_session

_LINE_BYTES_MAX = 1024 * 1024


class _Told(msgspec.Struct):
    ok: bool
    errors: list[dict[str, object]] = []


def start(
    series: Series,
    from_ms: int,
    to_ms: int,
    *,
    home: str,
    environment: Mapping[str, str],
    clock: Clock,
    is_last: bool,
    funding: bool = False,
) -> Child:
    """Of the series' candles, or with `funding` of its contract's rates. `is_last` as `Child` has it.

    Raises `OSError` where the system has no place for another process.
    """
    options = {
        "--symbol": series.symbol,
        **({} if funding else {"--category": series.category, "--timeframe": series.timeframe}),
        "--from": str(from_ms),
        "--to": str(to_ms),
        "--environment": "sim",
    }
    words = [word for option in options.items() for word in option]
    own = {name: value for name, value in environment.items() if name.startswith("TRADEWRIGHT_MARKET")}
    child = Child(
        [sys.executable, "-m", "tradewright", "data", "funding" if funding else "download", *words, "--json"],
        env=plain_environment(environment, TRADEWRIGHT_HOME=home, **own),
        given=b"",
        clock=clock,
        line_bytes_max=_LINE_BYTES_MAX,
        is_last=is_last,
    )
    lower_session(child.pid, os.getpriority(os.PRIO_PROCESS, 0))  # it has this process's place, in a new session
    return child


async def hear(child: Child) -> Fault | None:
    """Until it has ended; None where the candles are there."""
    told: _Told | None = None
    async for line in child.lines():
        try:
            told = msgspec.json.decode(line, type=_Told)
        except msgspec.MsgspecError:
            told = None
    gone = await child.gone()
    if gone.code == 0 and told is not None and told.ok:
        return None
    error = told.errors[0] if told is not None and told.errors else {}
    code = str(error.get("code", ""))
    if code == "conflict":
        return Fault("backtest.other_market", detail=str(error.get("message", "")))
    return Fault("backtest.not_fetched", detail=str(error.get("message") or f"the download ended with {gone.code}"))
