"""The exchange's clock: measured by the midpoint, independent of our wall clock, and never asked in a loop."""

from __future__ import annotations

import pytest

from tradewright.core.errors import ExchangeUnavailable
from tradewright.exchange.bybit.clock_offset import GOOD_ROUND_TRIP_S, RESYNC_AFTER_S, ServerClock
from unit.exchange.fakes import FakeClock, KeptLogs

SERVER_MS = 1_700_000_000_000


class Exchange:
    """A server whose answers take as long as the test says; its clock may be ahead and may drift."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._born_at = clock.monotonic()
        self.ahead_ms = 0.0
        self.drift = 1.0
        self.takes_s: list[tuple[float, float]] = []
        self.reads = 0
        self.away = False

    def true_ms(self) -> float:
        return SERVER_MS + self.ahead_ms + (self._clock.monotonic() - self._born_at) * 1000 * self.drift

    async def read_ms(self) -> int:
        self.reads += 1
        if self.away:
            raise ExchangeUnavailable("away")
        there_s, back_s = self.takes_s.pop(0) if self.takes_s else (0.01, 0.01)
        await self._clock.advance(there_s)
        answer = int(self.true_ms())
        await self._clock.advance(back_s)
        return answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def exchange(clock: FakeClock) -> Exchange:
    return Exchange(clock)


@pytest.fixture
def server(clock: FakeClock, exchange: Exchange) -> ServerClock:
    return ServerClock(exchange.read_ms, clock=clock, log=KeptLogs().log)


@pytest.mark.parametrize("ahead_ms", [-5_000, 0, 5_000, 3_600_000])
async def test_any_skew_is_measured_with_one_request(server: ServerClock, exchange: Exchange, ahead_ms: int) -> None:
    exchange.ahead_ms = ahead_ms
    assert abs(await server.now_ms() - exchange.true_ms()) <= 2
    assert exchange.reads == 1
    await server.now_ms()
    assert exchange.reads == 1


async def test_an_uneven_way_is_wrong_by_at_most_half_the_round_trip(server: ServerClock, exchange: Exchange) -> None:
    exchange.takes_s = [(GOOD_ROUND_TRIP_S * 0.9, 0.0)]
    error_ms = await server.now_ms() - exchange.true_ms()
    assert abs(error_ms) <= GOOD_ROUND_TRIP_S * 500 + 1


async def test_a_slow_answer_is_asked_once_more_and_the_quicker_one_counts(
    server: ServerClock, exchange: Exchange
) -> None:
    exchange.takes_s = [(3.0, 0.0), (0.02, 0.02)]
    assert abs(await server.now_ms() - exchange.true_ms()) <= 2
    assert exchange.reads == 2
    exchange.takes_s = [(3.0, 0.0), (4.0, 0.0)]
    await server.resync(older_than=server.token())
    assert exchange.reads == 4, "two slow ones are enough"


async def test_drift_is_caught_by_the_periodic_measurement(
    server: ServerClock, exchange: Exchange, clock: FakeClock
) -> None:
    exchange.drift = 1.001
    for _ in range(20):
        await server.now_ms()
        await clock.advance(RESYNC_AFTER_S / 2)
        assert abs(await server.now_ms() - exchange.true_ms()) < RESYNC_AFTER_S * 1.1


async def test_a_step_of_the_exchanges_clock_is_followed_after_one_rejection(
    server: ServerClock, exchange: Exchange
) -> None:
    await server.now_ms()
    exchange.ahead_ms = 7_000
    token = server.token()
    await server.resync(older_than=token)
    assert abs(await server.now_ms() - exchange.true_ms()) <= 2
    await server.resync(older_than=token)
    assert exchange.reads == 2, "the second rejection of the same age asks nothing"


async def test_old_offset_serves_while_the_exchange_is_away(
    server: ServerClock, exchange: Exchange, clock: FakeClock
) -> None:
    exchange.away = True
    with pytest.raises(ExchangeUnavailable):
        await server.now_ms()
    exchange.away = False
    await server.now_ms()
    exchange.away = True
    await clock.advance(RESYNC_AFTER_S * 2)
    assert abs(await server.now_ms() - exchange.true_ms()) <= 2
