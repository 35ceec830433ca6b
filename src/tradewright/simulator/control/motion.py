"""The market's motion by hand: pause, resume, step, jump, speed.

Lives here: the commands of `POST /sim/market`, their bounds and refusals, and what of them outlives a restart.
Not here: who may give them (`control`), the steady motion (`heartbeat`), prices (`market`).
Nothing is ever skipped: a step and a jump play all that lies between, so that resting orders meet it and the streams
tell it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tradewright.simulator.market import (
    MarketClock,
    MarketError,
    ReplayMarket,
    parse_time,
    recording_behind,
    step_end_ms,
    time_text,
)
from tradewright.simulator.matching.venue import Venue
from tradewright.simulator.streams.public import PublicStream

EVENTS_MAX: Final = 100_000
SYNTHETIC_STEP_S_MAX: Final = 3_600  # a longer one would be a standstill: see `synthetic.CATCH_UP_MS`
REPLAY_STEP_S_MAX: Final = 10_000 * 24 * 3_600
SLICE_MS: Final = 60_000  # of a synthetic market, between two looks at the streams
READERS_BEHIND_MAX: Final = 500  # frames; the bound of a connection is higher, and beyond it the reader is cut off
PATIENCE_S: Final = 2.0  # for readers that are behind, per slice; then they have to take what comes


class MotionRefused(ValueError):
    """The market cannot be moved so; nothing changed. The text is one sentence for a person."""


@dataclass(frozen=True, slots=True)
class Pause:
    pass


@dataclass(frozen=True, slots=True)
class Resume:
    pass


@dataclass(frozen=True, slots=True)
class StepSeconds:
    milliseconds: int


@dataclass(frozen=True, slots=True)
class StepEvents:
    count: int


@dataclass(frozen=True, slots=True)
class Jump:
    to_ms: int


@dataclass(frozen=True, slots=True)
class SetSpeed:
    speed: float


Command = Pause | Resume | StepSeconds | StepEvents | Jump | SetSpeed


class Motion:
    """Moves one exchange's market. `keep` writes the market's state down; the heartbeat brings it."""

    def __init__(self, venue: Venue, public: PublicStream, *, wall_ms: Callable[[], int]) -> None:
        self.keep: Callable[[], Awaitable[None]] | None = None
        self._venue = venue
        self._market = venue.market
        self._public = public
        self._wall_ms = wall_ms
        self._playing = asyncio.Lock()

    async def obey(self, command: Command) -> int:
        """Carry a command out; how many events of the market it played. Raises `MotionRefused`.

        On return the new motion is written down: a market that was paused is paused after a crash as well.
        """
        if self._playing.locked():
            raise MotionRefused(
                "the market is still playing what an earlier step or jump asked for; wait for its answer"
            )
        if self._market.clock.follows_real:
            raise MotionRefused(
                "this market mirrors a real one as it happens, which nobody here can pause, step, jump or speed up"
            )
        async with self._playing:
            played = await self._obey(command)
            if self.keep is not None:
                await self.keep()
        return played

    async def _obey(self, command: Command) -> int:
        match command:
            case Pause():
                self._venue.catch_up()
                self._go_on(paused=True)
            case Resume():
                self._go_on(paused=False)
            case SetSpeed(speed=speed):
                self._venue.catch_up()
                try:
                    self._go_on(speed=speed)
                except MarketError as error:
                    raise MotionRefused(str(error)) from None
            case StepSeconds(milliseconds=length_ms):
                return await self._step(self._step_target(length_ms))
            case StepEvents(count=count):
                return await self._step(self._replay("step by events", "step it by seconds").moment_after(count))
            case Jump(to_ms=to_ms):
                return await self._play(self._jump_target(to_ms))
        return 0

    def _step_target(self, length_ms: int) -> int:
        if recording_behind(self._market) is None and length_ms > SYNTHETIC_STEP_S_MAX * 1000:
            raise MotionRefused(
                f"seconds is {length_ms / 1000:g}; one step of a synthetic market is at most {SYNTHETIC_STEP_S_MAX}"
            )
        return self._market.now_ms + length_ms

    def _jump_target(self, to_ms: int) -> int:
        replay = self._replay("jump", "pause it and step it by seconds")
        end_ms = replay.clock.end_ms
        assert end_ms is not None, "a recording ends"
        if to_ms < replay.now_ms:
            raise MotionRefused(
                f"to is {time_text(to_ms)}, before the market's {time_text(replay.now_ms)}; a market only goes "
                "forward, because orders have met what is behind; to play it again, start with an empty state directory"
            )
        if to_ms > end_ms:
            raise MotionRefused(
                f"to is {time_text(to_ms)}, after the end of the recording at {time_text(end_ms)}; jump to that at most"
            )
        return to_ms

    def _replay(self, what: str, instead: str) -> ReplayMarket:
        replay = recording_behind(self._market)
        if replay is None:
            raise MotionRefused(f"a market that is no recording cannot {what}; {instead}")
        return replay

    async def _step(self, to_ms: int) -> int:
        """A step leaves the market paused, or it would run on before anybody could look."""
        self._go_on(paused=True)
        return await self._play(to_ms)

    async def _play(self, to_ms: int) -> int:
        """Play up to a moment, slice by slice, so that everybody else is served meanwhile."""
        end_ms = self._market.clock.end_ms
        target_ms = to_ms if end_ms is None else min(to_ms, end_ms)
        played = 0
        while True:
            slice_ms = step_end_ms(self._market, target_ms)
            if recording_behind(self._market) is None:
                slice_ms = min(slice_ms, self._market.now_ms + SLICE_MS)
            played += self._venue.play_to(slice_ms)
            self._go_on()
            await self._tell()
            if self._market.now_ms >= target_ms:
                return played

    async def _tell(self) -> None:
        """Give the streams what happened, and their readers time to take it."""
        self._public.market_moved(self._venue.take_events(), now_ms=self._wall_ms())
        waited_s = 0.0
        await asyncio.sleep(0)
        while self._public.frames_behind > READERS_BEHIND_MAX and waited_s < PATIENCE_S:
            await asyncio.sleep(0.005)
            waited_s += 0.005

    def _go_on(self, *, speed: float | None = None, paused: bool | None = None) -> None:
        self._market.clock.go_on(wall_ms=self._wall_ms(), market_ms=self._market.now_ms, speed=speed, paused=paused)


def read_command(body: Mapping[str, Any]) -> Command:
    """A command out of `{"do": …}`. Raises `MotionRefused` naming the field, the value and what is allowed."""
    fields = dict(body)
    do = fields.pop("do", None)
    match do:
        case "pause":
            command: Command = Pause()
        case "resume":
            command = Resume()
        case "speed":
            command = SetSpeed(float(_number(fields, "speed", most=Decimal(100_000))))
        case "step" if "events" in fields:
            command = StepEvents(_whole(fields, "events", most=EVENTS_MAX))
        case "step":
            seconds = _number(fields, "seconds", most=Decimal(REPLAY_STEP_S_MAX))
            if seconds * 1000 != int(seconds * 1000):
                raise MotionRefused(f"seconds is {seconds}; it must be whole milliseconds")
            command = StepSeconds(int(seconds * 1000))
        case "jump":
            command = Jump(_moment(fields.pop("to", None)))
        case _:
            raise MotionRefused(f"do is {do!r}; it must be one of pause, resume, step, jump, speed")
    if fields:
        raise MotionRefused(f"{do} does not know {', '.join(sorted(fields))}")
    return command


def pace_of(clock: MarketClock) -> dict[str, Any] | None:
    """What of a motion by hand outlives a restart; None where nobody has touched it."""
    if not clock.by_hand:
        return None
    return {"paused": clock.paused, "speed": clock.speed, "given_speed": clock.given_speed}


def restore_pace(clock: MarketClock, pace: Mapping[str, Any], *, wall_ms: int, market_ms: int) -> None:
    """Go on in the saved motion. A speed that the command line has changed since is the newer wish.

    Raises `MarketError` for a saved speed that is none.
    """
    speed = float(pace["speed"]) if pace["given_speed"] == clock.given_speed else clock.speed
    clock.go_on(wall_ms=wall_ms, market_ms=market_ms, speed=speed, paused=pace["paused"] is True)


def _number(fields: dict[str, Any], name: str, *, most: Decimal) -> Decimal:
    """A number above 0; decimals come as text, as all of the wire's do."""
    given = fields.pop(name, None)
    try:
        value = Decimal(str(given)) if isinstance(given, int | str) and not isinstance(given, bool) else Decimal(0)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and 0 < value <= most):
        raise MotionRefused(f"{name} is {given!r}; it must be a number above 0 and at most {most}")
    return value


def _whole(fields: dict[str, Any], name: str, *, most: int) -> int:
    value = _number(fields, name, most=Decimal(most))
    if value != int(value):
        raise MotionRefused(f"{name} is {value}; it must be a whole number")
    return int(value)


def _moment(given: Any) -> int:
    if not isinstance(given, int | str) or isinstance(given, bool):
        raise MotionRefused(f"to is {given!r}; write ISO 8601 such as 2022-01-15T12:00:00Z, or Unix milliseconds")
    try:
        return parse_time(str(given))
    except MarketError as error:
        raise MotionRefused(str(error).replace("from is", "to is", 1)) from None
