"""How much may be asked: budgets per account and endpoint, and the bound on one address that ends in a ban.

Lives here: `RollingWindow`, `RateLimits`, `IpLimit` and the door that turns banned addresses away. Not here: which
endpoint has which budget (`Endpoint`), limits of open sockets (`streams.connections`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from tradewright.simulator.fields import Body
from tradewright.simulator.rest.calls import SECOND_MS, Endpoint

IP_WINDOW_MS = 5 * SECOND_MS
RESET_AHEAD_MS = 20
KEYS_MAX = 10_000  # remembered addresses
CONTROL = "/sim/"


class RollingWindow:
    """At most `most` within any `window_ms`, on wall time."""

    def __init__(self, most: int, window_ms: int) -> None:
        self.most = most
        self._window_ms = window_ms
        self._taken: deque[int] = deque(maxlen=most)

    def take(self, units: int, *, now_ms: int) -> int:
        """Take up to `units`; how many there was room for."""
        self._forget(now_ms)
        granted = min(units, self.most - len(self._taken))
        self._taken.extend([now_ms] * granted)
        return granted

    def left(self, *, now_ms: int) -> int:
        self._forget(now_ms)
        return self.most - len(self._taken)

    def room_at_ms(self, *, now_ms: int) -> int:
        """When one more fits: now, or the moment the oldest is forgotten."""
        self._forget(now_ms)
        return self._taken[0] + self._window_ms if len(self._taken) >= self.most else now_ms

    def _forget(self, now_ms: int) -> None:
        """What is older than the window, and what lies ahead because the clock was set back."""
        while self._taken and not now_ms - self._window_ms < self._taken[0] <= now_ms:
            self._taken.popleft()


class Windows:
    """One rolling window per key, made when it is first asked for. A `most` of 0 is no limit."""

    def __init__(self, most: int, window_ms: int) -> None:
        self._most = most
        self._window_ms = window_ms
        self._by_key: dict[str, RollingWindow] = {}

    def admits(self, key: str, *, now_ms: int) -> bool:
        """Whether one more of this key fits; if it does, it counts."""
        if not self._most:
            return True
        window = self._by_key.pop(key, None) or RollingWindow(self._most, self._window_ms)
        self._by_key[key] = window  # at the end: who has not come for longest is forgotten first
        if len(self._by_key) > KEYS_MAX:
            del self._by_key[next(iter(self._by_key))]
        return window.take(1, now_ms=now_ms) == 1


@dataclass(frozen=True, slots=True)
class Budget:
    """What the rate-limit headers say, and how many items of the call were granted. `reset_ms` is now, or when limited
    the moment one unit fits again.
    """

    limit: int
    remaining: int
    reset_ms: int
    granted: int

    def headers(self) -> dict[str, str]:
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.remaining),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class RateLimits:
    """A rolling window per UID, endpoint and kind of category; HTTP and the trade socket draw on the same.

    `factor` multiplies Bybit's default budgets, as an upgraded account has them; 0 is no limits at all.
    """

    def __init__(self, *, factor: int = 1) -> None:
        self._factor = factor
        self._windows: dict[tuple[str, str, str], RollingWindow] = {}

    def spend(self, uid: str, endpoint: Endpoint, params: Body, *, now_ms: int) -> Budget | None:
        """Take what a call costs from the budget, as far as it goes. None if the endpoint has no budget."""
        pool, per_window = endpoint.budget(params)
        if per_window is None or not self._factor:
            return None
        limit = per_window * self._factor
        key = (uid, endpoint.path, pool)
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = RollingWindow(limit, endpoint.window_ms)
        units = endpoint.units(params)
        got = window.take(units, now_ms=now_ms)
        granted = endpoint.items(params) if got == units else got
        # Known clients sleep until then and cannot sleep into the past: it must still lie ahead when they look.
        reset_ms = now_ms if got == units else max(window.room_at_ms(now_ms=now_ms), now_ms + RESET_AHEAD_MS)
        return Budget(limit, window.left(now_ms=now_ms), reset_ms, granted)


class IpLimit:
    """So many calls per five seconds of one address, whatever they ask for; one too many bans it for `ban_ms`.

    Calls made during a ban do not prolong it. `most` 0 is no limit.
    """

    def __init__(self, *, most: int, ban_ms: int) -> None:
        self._windows = Windows(most, IP_WINDOW_MS)
        self._ban_ms = ban_ms
        self._banned_until_ms: dict[str, int] = {}

    def admits(self, address: str, *, now_ms: int) -> bool:
        until_ms = self._banned_until_ms.get(address)
        if until_ms is not None:
            if now_ms < until_ms:
                return False
            del self._banned_until_ms[address]
        if self._windows.admits(address, now_ms=now_ms):
            return True
        self._banned_until_ms = {who: ms for who, ms in self._banned_until_ms.items() if ms > now_ms}
        self._banned_until_ms[address] = now_ms + self._ban_ms
        return False


def door(limit: IpLimit, wall_ms: Callable[[], int]) -> Middleware:
    """Middleware that answers banned addresses with HTTP 403, handshakes of sockets too. The simulator's own endpoints
    have no limit: whoever controls the exchange must always get in.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        is_control = request.path.startswith(CONTROL)
        if is_control or limit.admits(request.remote or "", now_ms=wall_ms()):
            return await handler(request)
        return web.Response(status=403, text="access too frequent")

    return guard
