"""A burst of the exchange's reports: booked in one go, and never across a moment at which the stream went or came."""

from __future__ import annotations

from sim.facts import fill
from sim.virtual_time import in_virtual_time
from sim.world import World
from tradewright.exchange.ports import StreamDown, StreamUp


@in_virtual_time
async def test_reports_are_taken_in_one_go_up_to_where_the_stream_went_down_and_nothing_of_the_rest_is_lost() -> None:
    """What came after it went down is told after that, or the page would show a stream that is up as down."""
    world = World(1)
    session = world.start().session
    first, second, third, fourth = (fill(f"e-{number}", "0.1", sequence=number) for number in range(1, 5))
    down, up = StreamDown("closed"), StreamUp(2)
    for event in (second, down, third, up, fourth):
        session._events.put_nowait(event)
    assert session._drain([first]) == [first, second]
    assert await session._next_event(1.0) == down
    assert await session._next_event(1.0) == third
    assert session._drain([third]) == [third]
    assert await session._next_event(1.0) == up
    assert session._drain([]) == [fourth]
    await world.kill()


@in_virtual_time
async def test_no_more_than_two_hundred_reports_are_booked_in_one_transaction() -> None:
    world = World(1)
    session = world.start().session
    fills = [fill(f"e-{number}", "0.1", sequence=number) for number in range(1, 302)]
    for each in fills[1:]:
        session._events.put_nowait(each)
    assert session._drain(fills[:1]) == fills[:200]
    assert session._drain([]) == fills[200:]
    await world.kill()
