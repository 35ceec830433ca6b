"""The contract of the port `Placement`: one owner at a time, epochs that only rise, and a gate that shuts in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from contract.placement_worlds import MemoryPlacementWorld, PlacementWorld, SingleOwnerWorld, kept
from tradewright.core.errors import StartError
from tradewright.placement.gate import Timing
from tradewright.storage.engine import create_engine
from tradewright.trading.ownership import Dispossessed


@pytest_asyncio.fixture(params=["memory", "lock"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[PlacementWorld]:
    if request.param == "memory":
        yield MemoryPlacementWorld()
        return
    url = request.getfixturevalue("database_url")
    engine = create_engine(url, pool_size=2)
    made = await SingleOwnerWorld.open(engine, url)
    yield made
    await made.close()
    await engine.dispose()


async def test_while_one_owns_another_is_refused_after_a_while(world: PlacementWorld) -> None:
    first = await world.begin()
    second = asyncio.create_task(world.begin())
    async with kept(first):
        await world.clock.advance(4)
        assert not second.done()
        await world.clock.advance(3)
        with pytest.raises(StartError, match="another worker owns the accounts") as refused:
            await second
    assert refused.value.exit_code == 10
    assert first.is_open


async def test_each_claim_has_a_higher_epoch_whoever_makes_it(world: PlacementWorld) -> None:
    first = await world.begin()
    epochs = [await first.claim(world.account_id), await first.claim(world.account_id)]
    await world.end(first)
    second = await world.begin()
    epochs.append(await second.claim(world.account_id))
    assert epochs == [1, 2, 3]
    (placed,) = await second.where()
    assert (placed.account_id, placed.owner, placed.epoch) == (world.account_id, second.worker_id, 3)
    assert placed.is_alive


async def test_the_gate_is_open_only_for_its_time_after_the_last_good_look_began(world: PlacementWorld) -> None:
    owner = await world.begin()
    assert (owner.is_open, owner.why_shut) == (True, None)
    await world.clock.advance(5.9)
    assert owner.is_open
    await world.clock.advance(0.2)
    assert (owner.is_open, owner.lets_reduce, owner.why_shut) == (False, False, "unseen")
    async with kept(owner):
        await world.clock.advance(1.5)
        assert owner.is_open
        await world.clock.advance(20)
        assert owner.is_open


async def test_after_an_owner_that_ended_in_good_order_the_next_begins_at_once(world: PlacementWorld) -> None:
    first = await world.begin()
    await world.end(first)
    assert not first.is_open
    second = await asyncio.wait_for(world.begin(), 5)
    assert second.is_open


async def test_the_next_owner_begins_only_when_nothing_of_one_that_may_live_can_arrive(world: PlacementWorld) -> None:
    """The first is stopped, and does not know that it owns nothing any more: its gate has to shut by itself, and its
    last request to run out of time."""
    first = await world.begin()
    await world.cut(first)
    assert first.is_open, "it knows nothing"
    second = asyncio.create_task(world.begin())
    await world.clock.advance(5.5)
    assert (first.is_open, second.done()) == (True, False)
    await world.clock.advance(5)
    assert (first.is_open, second.done()) == (False, False)
    await world.clock.advance(2)
    assert (await second).is_open
    assert not first.is_open


async def test_one_that_is_certain_to_have_ended_is_not_waited_for(world: PlacementWorld) -> None:
    first = await world.begin()
    await world.cut(first)
    second = await asyncio.wait_for(world.begin(others_have_ended=True), 5)
    assert second.is_open


async def test_who_lost_it_to_another_is_told_and_its_gate_is_shut_for_good(world: PlacementWorld) -> None:
    first = await world.begin()
    await world.cut(first)
    second = await world.begin(others_have_ended=True)
    async with kept(first) as keeping:
        await world.clock.advance(4)
        with pytest.raises(Dispossessed):
            await keeping
    assert (first.is_open, first.lets_reduce, first.why_shut) == (False, False, "dispossessed")
    assert second.is_open


async def test_who_lost_it_to_nobody_takes_it_again_and_must_claim_anew(world: PlacementWorld) -> None:
    owner = await world.begin()
    epoch = await owner.claim(world.account_id)
    over = asyncio.create_task(owner.until_over(world.account_id, epoch))
    async with kept(owner):
        await world.clock.advance(2)
        assert not over.done()
        await world.cut(owner)
        await world.clock.advance(3)
        assert over.done()
        assert owner.is_open
        again = await owner.claim(world.account_id)
        assert again == epoch + 1
        await asyncio.wait_for(owner.until_over(world.account_id, epoch), 1)


async def test_after_standing_still_the_gate_is_shut_until_everybody_knows(world: PlacementWorld) -> None:
    owner = await world.begin()
    told = asyncio.create_task(owner.until_stood_still())
    async with kept(owner):
        await world.clock.advance(3)
        assert not told.done()
        await world.clock.jump(3600)
        assert (owner.is_open, owner.why_shut) == (False, "unseen"), "at once, by its bound"
        await world.clock.advance(1)
        assert told.done()
        assert (owner.is_open, owner.why_shut) == (False, "slept")
        owner.go_on()
        assert owner.is_open
    await world.end(owner)


@pytest.mark.parametrize(("gate_s", "lease_s"), [(6.1, 12.0), (2.0, 7.9), (30.0, 12.0)])
def test_a_gate_that_lets_an_old_request_arrive_after_a_takeover_is_refused(gate_s: float, lease_s: float) -> None:
    with pytest.raises(StartError, match="TRADEWRIGHT_LEASE_S") as refused:
        Timing(gate_s=gate_s, lease_s=lease_s)
    assert refused.value.exit_code == 2
    Timing(gate_s=gate_s, lease_s=gate_s + 6)


async def test_while_the_database_answers_nobody_the_gate_lets_what_reduces_through(
    database_url: str, engine: AsyncEngine
) -> None:
    world = await SingleOwnerWorld.open(engine, database_url)
    owner = await world.begin()
    try:
        async with kept(owner):
            async with engine.connect() as plain:
                admin = await plain.execution_options(isolation_level="AUTOCOMMIT")
                name = (await admin.execute(text("SELECT current_database()"))).scalar_one()
                await admin.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0'))
                await admin.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
                await world.clock.advance(3)
                assert (owner.is_open, owner.lets_reduce, owner.why_shut) == (False, True, "database_away")
                await world.clock.advance(20)
                assert (owner.is_open, owner.lets_reduce, owner.why_shut) == (False, True, "database_away")
                await world.clock.jump(12)
                assert (owner.lets_reduce, owner.why_shut) == (False, "unseen"), "it stood still: replaced, perhaps"
                await world.clock.advance(3)
                assert (owner.lets_reduce, owner.why_shut) == (False, "unseen"), "whatever it finds afterwards"
                await admin.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1'))
            await world.clock.advance(3)
            assert (owner.is_open, owner.why_shut) == (True, None)
    finally:
        await world.close()


async def test_claims_that_wait_for_a_transaction_of_the_epoch_before_do_not_cost_the_lock(database_url: str) -> None:
    """Of many accounts one may be slow: were a look at the lock behind all their claims, it would count as lost, and
    every session would be built anew, with as many claims again."""
    engine = create_engine(database_url, pool_size=2)
    world = await SingleOwnerWorld.open(engine, database_url)
    owner = await world.begin()
    before = await owner.claim(world.account_id)
    async with kept(owner), engine.begin() as writing:
        await writing.execute(
            text("SELECT 1 FROM account_owner WHERE account_id = :id FOR SHARE"), {"id": world.account_id}
        )
        claims = [asyncio.create_task(owner.claim(world.account_id)) for _ in range(3)]
        await world.clock.advance(1)  # the next look begins behind the first of them
        failures = await asyncio.gather(*claims, return_exceptions=True)
        assert [type(failure) for failure in failures] == [OperationalError] * 3
        assert owner.is_open
    assert await owner.claim(world.account_id) == before + 1
    over = asyncio.create_task(owner.until_over(world.account_id, before + 1))
    await world.clock.settle()
    assert not over.done(), "the lock was never lost"
    over.cancel()
    await world.close()
    await engine.dispose()
