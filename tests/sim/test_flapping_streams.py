"""Streams that flap for hours open no more sockets than Bybit takes, and none while it blocks the address (C5, G3)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from tradewright.exchange.bybit import stream
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.stream import StreamRunner
from tradewright.exchange.bybit.stream_link import LinkEnd, StreamFailed
from tradewright.exchange.ports import StreamDown, StreamUp
from tradewright.lab.virtual_loop import VirtualClock, run_virtual

HOURS = 2
FIVE_MINUTES_S = 300.0
Lives = Callable[[random.Random], float | None]  # for how long a socket lives; None: it cannot be opened


class FlappingLink:
    """A socket as `StreamLink` is one: it opens or not, lives for a drawn time, and ends."""

    opened: list[float]
    lives: Lives
    rng: random.Random

    def __init__(self, _heard: Any, *, clock: VirtualClock) -> None:
        self._clock = clock

    async def connect(self, _url: str, **_options: Any) -> None:
        self.opened.append(self._clock.monotonic())
        self._life_s = type(self).lives(self.rng)
        if self._life_s is None:
            raise StreamFailed("refused", "link.unreachable")

    async def wait_closed(self) -> LinkEnd:
        assert self._life_s is not None
        await self._clock.sleep(self._life_s)
        return LinkEnd("link.lost", "the connection was lost")

    async def close(self) -> None: ...


class Speaker:
    def address(self) -> str:
        return "ws://exchange"

    async def open(self, _link: Any) -> None: ...
    def took(self, _raw: bytes) -> bool:
        return False

    def heard(self, _frame: Any, _raw: bytes) -> None: ...


def flap(
    monkeypatch: pytest.MonkeyPatch,
    lives: Lives,
    *,
    streams: int = 1,
    seconds: float = HOURS * 3600.0,
    ban_s: float = 0,
) -> tuple[list[float], list[Any]]:
    """(when sockets were opened, what the first reader was told)"""
    rng = random.Random(7)
    kind = type("Link", (FlappingLink,), {"opened": [], "lives": staticmethod(lives), "rng": rng})
    monkeypatch.setattr(stream, "StreamLink", kind)
    silent = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50))
    told: list[Any] = []

    async def run() -> None:
        clock = VirtualClock(asyncio.get_running_loop())
        address = Address(clock)
        runners = [
            StreamRunner[Any](Speaker(), clock=clock, rng=rng, log=silent, address=address) for _ in range(streams)
        ]

        async def read(runner: StreamRunner[Any], kept: list[Any]) -> None:
            async for event in runner.events():
                kept.append(event)

        readers = [
            asyncio.create_task(read(runner, told if number == 0 else [])) for number, runner in enumerate(runners)
        ]
        if ban_s:
            await clock.sleep(ban_s)
            address.block()
        await clock.sleep(seconds)
        for runner in runners:
            await runner.close()
        await asyncio.gather(*readers)

    run_virtual(run())
    opened: list[float] = kind.opened  # type: ignore[attr-defined]
    return opened, told


def most_in(opened: list[float], seconds: float) -> int:
    first, most = 0, 0
    for last, at in enumerate(opened):
        while opened[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(
    "lives",
    [
        lambda _rng: 0.0,
        lambda _rng: None,
        lambda rng: rng.choice([None, 0.0, 0.1, 1.0, 20.0]),
        lambda rng: rng.choice([0.0, 59.9, 60.1, 61.0]),
    ],
)
def test_a_stream_that_flaps_for_two_hours_opens_at_most_sixty_sockets_in_five_minutes(
    monkeypatch: pytest.MonkeyPatch, lives: Lives
) -> None:
    opened, _told = flap(monkeypatch, lives)
    assert len(opened) > 100, "else it gave up"
    assert most_in(opened, FIVE_MINUTES_S) <= 60


def test_twenty_accounts_that_flap_stay_together_within_what_bybit_takes_of_an_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, _told = flap(monkeypatch, lambda _rng: 0.0, streams=20, seconds=3600.0)
    assert 250 < most_in(opened, FIVE_MINUTES_S) <= 304


def test_pauses_are_drawn_so_that_many_do_not_come_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, _told = flap(monkeypatch, lambda rng: None, streams=10, seconds=120.0)
    later = [round(at, 2) for at in opened[10:]]
    assert len(set(later)) > 0.9 * len(later)


def test_while_the_address_is_blocked_no_socket_is_opened_and_the_reader_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, told = flap(monkeypatch, lambda _rng: 2.0, ban_s=100.0, seconds=1_000.0)
    assert not [at for at in opened if 100.0 < at < 700.0]
    assert [at for at in opened if at >= 700.0]
    downs = [event for event in told if isinstance(event, StreamDown)]
    assert downs
    assert isinstance(told[0], StreamUp)
