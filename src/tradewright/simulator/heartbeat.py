"""The market in motion: where it starts, what moves it, and its saved state.

Lives here: opening the market a config asks for, the task that lets it follow the wall clock, and `market.json`.
Not here: prices (`market`), what orders make of them (`matching`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.config import SimulatorConfig
from tradewright.simulator.control.motion import pace_of, restore_pace
from tradewright.simulator.errors import StateUnusable
from tradewright.simulator.faults.bent_market import BentMarket
from tradewright.simulator.market import Category, Market, MarketSpecError, build_market, parse_time
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.mirror import Mirror, MirrorHosts, read_wish
from tradewright.simulator.streams.public import PublicStream

MARKET_FILE = "market.json"
PACE = "pace"  # beside the market's own state: pause and speed set by hand


async def open_market(
    config: SimulatorConfig, logs: Sequence[EventLog], *, wall_ms: Callable[[], int], stop: AsyncExitStack
) -> BentMarket:
    """The market asked for, going on from its saved state if there is one. Raises `MarketError`, `StateUnusable`.

    A crash loses up to a second of that state, but never what orders have met: the logs know how far it had come.
    """
    path = None if config.state is None else config.state / MARKET_FILE
    saved = None if path is None or not path.exists() else _read(path)
    pace = None if saved is None else saved.pop(PACE, None)
    mirrored = read_wish(config.market)
    if mirrored is None:
        behind: Market = build_market(
            config.market,
            seed=config.seed,
            speed=config.speed,
            from_ms=None if config.market_from is None else parse_time(config.market_from),
            wall_now_ms=wall_ms(),
            by_hand=pace is not None,
        )
    else:
        behind = await _open_mirror(config, mirrored, wall_ms=wall_ms, stop=stop)
    market = BentMarket(behind)
    if saved is None:
        return market
    market.restore(saved)
    for event_log in logs:
        if event_log.entries:
            market.advance(event_log.entries[-1].event.at.market_ms)
    if pace is not None:
        try:
            restore_pace(market.clock, pace, wall_ms=wall_ms(), market_ms=market.now_ms)
        except (KeyError, TypeError, ValueError) as error:
            raise StateUnusable(
                f"{path} has no usable {PACE} ({error!r}); remove it to start the market anew."
            ) from None
    return market


async def _open_mirror(
    config: SimulatorConfig,
    mirrored: Sequence[tuple[Category, str]],
    *,
    wall_ms: Callable[[], int],
    stop: AsyncExitStack,
) -> Market:
    """A mirror follows the real market: it has its pace and its place."""
    if config.speed != 1 or config.market_from is not None:
        raise MarketSpecError("a mirror follows the real market as it happens; leave --speed and --from away")
    hosts = MirrorHosts(rest=config.mirror_rest.rstrip("/"), stream=config.mirror_stream.rstrip("/"))
    mirror = Mirror(mirrored, hosts=hosts, wall_ms=wall_ms)
    stop.push_async_callback(mirror.close)
    return await mirror.open()


class Heartbeat:
    """Moves the market every `tick_ms` and then calls `watch`; `broken` fails when that fails."""

    def __init__(
        self,
        venue: Venue,
        public: PublicStream,
        config: SimulatorConfig,
        *,
        wall_ms: Callable[[], int],
        broken: asyncio.Future[None],
        watch: Callable[[], None],
    ) -> None:
        self._venue = venue
        self._watch = watch
        self._public = public
        self._config = config
        self._wall_ms = wall_ms
        self._broken = broken
        self._saving: asyncio.Future[None] | None = None
        self._one_write = asyncio.Lock()
        self._task = asyncio.create_task(self._beat(), name="market-heartbeat")
        self._task.add_done_callback(self._report)

    async def stop(self) -> None:
        """End the task and write the state down."""
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._config.state is not None:
            async with self._one_write:
                await self._written()
                _save(self._state(), self._config.state)

    async def keep(self) -> None:
        """Write the market's state down now, without blocking the loop."""
        if self._config.state is None:
            return
        async with self._one_write:
            await self._written()
            self._saving = asyncio.get_running_loop().run_in_executor(None, _save, self._state(), self._config.state)
            await asyncio.shield(self._saving)

    async def _written(self) -> None:
        """Until the last write is over, also one that nobody waits for any more: an older one must never land last."""
        if self._saving is not None:
            await asyncio.wait({self._saving})

    async def _beat(self) -> None:
        saved_ms = 0  # at once: a crash in the first second must not send the market back to its beginning
        arrived = True
        while True:
            await asyncio.sleep(self._config.tick_ms / 1000 if arrived else 0)
            now_ms = self._wall_ms()
            arrived = self._venue.catch_up()
            self._public.market_moved(self._venue.take_events(), now_ms=now_ms)
            self._watch()
            if self._config.state is not None and now_ms - saved_ms >= self._config.save_market_ms:
                saved_ms = now_ms
                await self.keep()

    def _state(self) -> dict[str, Any]:
        market = self._venue.market
        pace = pace_of(market.clock)
        return market.state() if pace is None else {**market.state(), PACE: pace}

    def _report(self, ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and not self._broken.done():
            error = ended.exception()
            assert error is not None, "the heartbeat only ends by failing or by being cancelled"
            self._broken.set_exception(error)


def _read(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise StateUnusable(f"{path} cannot be read ({error}); remove it to start the market anew.") from None


def _save(state: dict[str, Any], folder: Path) -> None:
    """Beside and rename: a crash leaves the old state or the new. Losing a second of it is harmless, so no fsync."""
    fresh = folder / f"{MARKET_FILE}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(state))
    fresh.replace(folder / MARKET_FILE)
