"""An exchange that only counts, as Bybit says that it counts, and checks timestamps; for the client's HTTP transport.

Lives here: `CountingExchange` and `Way`, one client's connection to it in virtual time. Not here: orders, markets.
It counts a call when it arrives: per address over 5 seconds (one too many is a ban of ten minutes), per account and
path over 1 second (10006). Its clock may be ahead, drift and jump. What it breaks is counted in its fields.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tradewright.exchange.bybit.http import HttpAnswer, HttpTransport, NoAnswer, NotConnected
from tradewright.exchange.bybit.limits import DOCUMENTED_PER_SECOND

SERVER_S = 1_700_000_000.0
RECV_WINDOW_MS = 5_000
AHEAD_MS = 1_000


@dataclass(slots=True)
class CountingExchange:
    """`now_s` is virtual time. `fails`: what every call ends in while it is set."""

    now_s: Callable[[], float]
    address_most: int = 600
    ahead_s: float = 0.0
    shows_ahead_s: float = 0.0  # how much it tells of its time beyond what it judges by
    ahead_ms: list[float] = field(default_factory=lambda: [0.0])  # of what was accepted: signed later than it arrived
    drift: float = 1.0
    fails: str | None = None
    asked: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)  # the fullest that each window ever was
    during_ban: int = 0
    wrong_window: int = 0
    arrived: list[tuple[float, str]] = field(default_factory=list)
    banned_until_s: float = -1.0
    closed_until_s: dict[str, float] = field(default_factory=dict)
    _address: deque[float] = field(default_factory=deque)
    _paths: dict[tuple[str, str], deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def clock_ms(self) -> int:
        return round((SERVER_S + self.ahead_s + self.now_s() * self.drift) * 1000)

    def arrive(self, uid: str, path: str, signed_ms: int | None) -> tuple[int, dict[str, str], dict[str, Any]]:
        now_s = self.now_s()
        self.asked[path] += 1
        self.arrived.append((now_s, path))
        if now_s < self.banned_until_s:
            self.during_ban += 1
            return 403, {}, {}
        if self._full(self._address, 5.0, self.address_most, "address"):
            self.banned_until_s = now_s + 600.0
            return 403, {}, {}
        if self.fails == "500":
            return 502, {}, {}
        if path == "/v5/market/time":
            return 200, {}, self._envelope(0)
        if signed_ms is not None and not -AHEAD_MS < self.clock_ms() - signed_ms <= RECV_WINDOW_MS:
            self.wrong_window += 1
            return 200, {}, self._envelope(10002)
        if signed_ms is not None:
            self.ahead_ms.append(signed_ms - self.clock_ms())
        return self._counted(uid, path, now_s)

    def _counted(self, uid: str, path: str, now_s: float) -> tuple[int, dict[str, str], dict[str, Any]]:
        most = DOCUMENTED_PER_SECOND.get(path)
        if most is None:
            return 200, {}, self._envelope(0)
        closed_s = self.closed_until_s.get(path, 0.0)
        if now_s < closed_s:
            self.breaches["closed"] += 1
        taken = self._paths[uid, path]
        if self.fails == "10006" or now_s < closed_s or self._full(taken, 1.0, most, path):
            resets_ms = self.clock_ms() + (1_000 if self.fails else max(20, round((closed_s - now_s) * 1000)))
            return 200, _limits(most, 0, resets_ms), self._envelope(10006)
        return 200, _limits(most, most - len(taken), self.clock_ms()), self._envelope(0)

    def _full(self, taken: deque[float], length_s: float, most: int, name: str) -> bool:
        now_s = self.now_s()
        while taken and taken[0] <= now_s - length_s:
            taken.popleft()
        if len(taken) >= most:
            self.breaches[name] += 1
            return True
        taken.append(now_s)
        self.most[name] = max(self.most[name], len(taken))
        return False

    def _envelope(self, code: int) -> dict[str, Any]:
        result = {"orderId": "1", "orderLinkId": "2"} if code == 0 else {}
        return {
            "retCode": code,
            "retMsg": "",
            "result": result,
            "retExtInfo": {},
            "time": self.clock_ms() + round(self.shows_ahead_s * 1000),
        }


def _limits(limit: int, remaining: int, resets_ms: int) -> dict[str, str]:
    return {
        "X-Bapi-Limit": str(limit),
        "X-Bapi-Limit-Status": str(remaining),
        "X-Bapi-Limit-Reset-Timestamp": str(resets_ms),
    }


class Way(HttpTransport):
    """Each call is on its way for a drawn time, there and back."""

    def __init__(
        self,
        exchange: CountingExchange,
        uid: str,
        sleep: Callable[[float], Any],
        rng: random.Random,
        slow_s: float = 0.3,
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._uid = uid
        self._sleep = sleep
        self._rng = rng
        self._slow_s = slow_s

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, *_: Any) -> HttpAnswer:
        if self._exchange.fails == "no connection":
            self._exchange.asked["refused"] += 1
            raise NotConnected("refused")
        await self._sleep(self._delay_s())
        signed = headers.get("X-BAPI-TIMESTAMP")
        path = url.removeprefix("http://exchange").split("?")[0]
        status, said, envelope = self._exchange.arrive(self._uid, path, None if signed is None else int(signed))
        if self._exchange.fails == "no answer":
            await self._sleep(5.0)
            raise NoAnswer("timed out")
        await self._sleep(self._delay_s())
        return HttpAnswer(status, said, json.dumps(envelope).encode())

    def _delay_s(self) -> float:
        return 0.003 + self._slow_s * self._rng.random() ** 4
