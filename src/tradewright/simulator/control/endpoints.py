"""The simulator's own endpoints, `/sim/*`: its clock, its market's motion, its log, its faults. Bybit has none of them.

Lives here: handlers for whoever holds the trading key, on the loopback. Not here: the faults themselves (`faults`),
what moving the market means (`motion`).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from tradewright.simulator.accounts.keys import KeyRing
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.control.motion import Motion, read_command
from tradewright.simulator.errors import ApiError
from tradewright.simulator.faults.armed import Faults, read_fault
from tradewright.simulator.frames import read_object
from tradewright.simulator.market.model import Market
from tradewright.simulator.paging import whole

LOG_PAGE = 1_000
KEY_HEADER = "X-Sim-Key"


class ControlEndpoints:
    """`GET /sim/clock`, `POST /sim/market`, `GET /sim/log?since=N`, `POST /sim/faults`."""

    def __init__(
        self,
        *,
        market: Market,
        motion: Motion,
        event_log: EventLog,
        faults: Faults,
        keys: KeyRing,
        wall_ms: Callable[[], int],
    ) -> None:
        self._market = market
        self._motion = motion
        self._log = event_log
        self._faults = faults
        self._keys = keys
        self._wall_ms = wall_ms

    def add_to(self, application: web.Application) -> None:
        application.router.add_get("/sim/clock", self._clock)
        application.router.add_post("/sim/market", self._move)
        application.router.add_get("/sim/log", self._entries)
        application.router.add_post("/sim/faults", self._arm)

    async def _clock(self, request: web.Request) -> web.Response:
        """The market's time is public, like the candles that tell it anyway."""
        return _json(self._now())

    def _now(self) -> dict[str, Any]:
        """`speed` is what holds while it runs, `paused` says whether it does; `from_ms` and `to_ms` are the bounds of
        a recording, null where there is none.
        """
        clock = self._market.clock
        return {
            "market_now_ms": self._market.now_ms,
            "speed": clock.speed,
            "paused": clock.paused,
            "wall_now_ms": self._wall_ms(),
            "from_ms": clock.first_ms,
            "to_ms": clock.end_ms,
            "ended": self._market.ended,
            "notice": self._market.notice,
        }

    async def _move(self, request: web.Request) -> web.Response:
        """`{"do": "pause"}`, `resume`, `step` with `events` or `seconds`, `jump` with `to`, `speed` with `speed`.

        The answer comes when it has been done: the clock, and in `events` how much of the market was played for it.
        """
        self._check_caller(request)
        try:
            played = await self._motion.obey(read_command(read_object(await request.read())))
        except ValueError as error:
            return _json({"error": str(error)}, status=400)
        return _json({**self._now(), "events": played})

    async def _entries(self, request: web.Request) -> web.Response:
        """Entries after `since`, oldest first; `last` is the log's newest sequence number."""
        self._check_caller(request)
        try:
            since = whole(request.query, "since") or 0
        except ApiError as error:
            return _json({"error": error.text}, status=400)
        entries = self._log.since(since, limit=LOG_PAGE)
        return _json({"entries": entries, "last": len(self._log.entries)})

    async def _arm(self, request: web.Request) -> web.Response:
        self._check_caller(request)
        try:
            self._faults.arm(read_fault(read_object(await request.read())))
        except (ValueError, ApiError) as error:
            return _json({"error": str(error)}, status=400)
        return _json({"armed": True})

    def _check_caller(self, request: web.Request) -> None:
        """Only from this machine, only with the trading key."""
        given = request.headers.get(KEY_HEADER, "")
        from_here = request.remote is not None and ipaddress.ip_address(request.remote).is_loopback
        if not from_here or not hmac.compare_digest(given.encode(), self._keys.trading.key.encode()):
            raise web.HTTPForbidden(text=f"Needs the header {KEY_HEADER} with the trading key, from this machine.")


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
