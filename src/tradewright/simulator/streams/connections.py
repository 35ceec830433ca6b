"""Who may connect and for how long: new connections, connections of one address, and those that have gone quiet.

Lives here: `Connections`, which every socket of the exchange goes through. Not here: frames (`sockets`), what streams
say. One exchange is one WebSocket domain: public, private and trade sockets count together.
How Bybit refuses a connection that is one too many is not documented; here the handshake gets HTTP 403.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable

import structlog
from aiohttp import web

from tradewright.simulator.rest.limits import Windows
from tradewright.simulator.streams.sockets import Connection

log = structlog.get_logger()

NEW_WINDOW_MS = 5 * 60_000
IDLE_MS = 10 * 60_000
IDLE_MS_MIN, IDLE_MS_MAX = 30_000, 600_000
SCAN_MS = 30_000
ACTIVE_TIME = "max_active_time"
_LASTING = re.compile(r"([0-9]{1,4})(s|m)")
_UNIT_MS = {"s": 1_000, "m": 60_000}


class Connections:
    """All open sockets. `new_max` is how many an address may open per five minutes, `public_max` how many public ones
    of a category it may hold; 0 is no limit.
    """

    def __init__(self, *, wall_ms: Callable[[], int], new_max: int, public_max: int) -> None:
        self._wall_ms = wall_ms
        self._new = Windows(new_max, NEW_WINDOW_MS)
        self._public_max = public_max
        self._public: Counter[tuple[str, str]] = Counter()  # by address and category
        self._quiet_ms: dict[Connection, int] = {}  # since when nothing was pinged or sent, as the last scan saw it
        self._scanned_ms = 0

    @contextlib.asynccontextmanager
    async def accept(self, request: web.Request, *, category: str = "") -> AsyncIterator[Connection]:
        """An open connection, closed at the end. `category` is that of a public stream; the others take
        `max_active_time`. Raises `web.HTTPBadRequest` and `web.HTTPForbidden` instead of the handshake.
        """
        address = request.remote or ""
        idle_ms = IDLE_MS if category else read_active_time(request.query.get(ACTIVE_TIME))
        place = (address, category)
        if category and self._public_max and self._public[place] >= self._public_max:
            raise web.HTTPForbidden(text=f"too many {category} connections: {self._public_max} per address allowed")
        if not self._new.admits(address, now_ms=self._wall_ms()):
            raise web.HTTPForbidden(text="too many new connections in five minutes")
        connection = Connection(request, idle_ms=idle_ms)
        await connection.open()
        self._public[place] += 1
        self._quiet_ms[connection] = self._wall_ms()
        try:
            yield connection
        finally:
            self._quiet_ms.pop(connection, None)
            self._public[place] -= 1
            if not self._public[place]:
                del self._public[place]
            await connection.close()

    def cut_idle(self, *, now_ms: int) -> list[Connection]:
        """Drop the connections that were neither pinged nor told anything for longer than they may. Looks only every
        `SCAN_MS`, as Bybit does, so an end comes up to that much late.
        """
        if now_ms - self._scanned_ms < SCAN_MS:
            return []
        self._scanned_ms = now_ms
        idle = []
        for connection, quiet_ms in self._quiet_ms.items():
            if connection.take_stirred():
                self._quiet_ms[connection] = now_ms
            elif now_ms - quiet_ms >= connection.idle_ms:
                idle.append(connection)
        for connection in idle:
            log.info("exchange.idle_connection_cut", idle_s=connection.idle_ms // 1_000)
            connection.abort()
        return idle


def read_active_time(text: str | None) -> int:
    """`max_active_time` in milliseconds: `30s` to `600s`, `1m` to `10m`; ten minutes where there is none.

    Raises `web.HTTPBadRequest` for anything else.
    """
    if text is None:
        return IDLE_MS
    found = _LASTING.fullmatch(text)
    lasting_ms = int(found[1]) * _UNIT_MS[found[2]] if found else 0
    if not IDLE_MS_MIN <= lasting_ms <= IDLE_MS_MAX:
        raise web.HTTPBadRequest(text=f"{ACTIVE_TIME} [{text[:20]}] must be 30s to 600s or 1m to 10m")
    return lasting_ms
