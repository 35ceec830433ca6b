"""What the owner's journal tells becomes notifications: once for each member, without a hole, in few lines."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from integration.notify.kit import Place, kinds, listening, make_place
from integration.trading.conftest import Desk
from sim.facts import fill, order_report
from tradewright.core.errors import Trace
from tradewright.core.ids import RequestId, link_id_of
from tradewright.notify import following
from tradewright.notify.centre import count_unread, mark_all_read, mark_read, until_of
from tradewright.notify.keeping import NotifyKeeper
from tradewright.notify.leading import Leader
from tradewright.notify.looks import Links, Looks, kills, unknown_orders
from tradewright.storage.engine import create_engine
from tradewright.trading.journal import AnsweredUnknown
from tradewright.trading.model import Reason


def desk_of(place: Place) -> Desk:
    return Desk(place.engine, place.home, place.journal)


async def test_fills_that_follow_each_other_are_one_notification_with_their_mean_price(place):
    ann = await place.member("ann")
    await place.journal.book([fill(f"e-{n}", quantity="0.1", price=str(60_000 + n)) for n in range(14)], "stream")
    await place.follow()
    (told,) = await place.told(ann)
    assert (told["kind"], told["merged"], told["severity"]) == ("fill", 14, "info")
    assert told["params"]["quantity"] == "1.4"
    assert told["params"]["price"] == "60006.5"


async def test_a_follower_that_starts_again_tells_nothing_twice_and_leaves_nothing_out(place):
    ann, bob = await place.member("ann"), await place.member("bob")
    for n in range(5):
        await place.journal.book([fill(f"e-{n}")], "stream")
        await place.follow()
        await place.follow()
    for whose in (ann, bob):
        (told,) = await place.told(whose)
        assert told["merged"] == 5


async def test_two_followers_at_once_tell_each_fact_once(place, monkeypatch):
    monkeypatch.setattr(following, "BATCH", 3)
    ann = await place.member("ann")
    await place.journal.book([fill(f"e-{n}") for n in range(40)], "stream")
    await asyncio.gather(*(place.follow() for _ in range(4)))
    assert sum(each["merged"] for each in await place.told(ann)) == 40


async def test_a_journal_from_a_backup_is_read_again_and_tells_only_what_is_new(place):
    ann = await place.member("ann")
    await place.journal.book([fill("e-1")], "stream")
    await place.follow()
    await place.run("UPDATE notification_cursors SET seq = seq + 1000")
    await place.journal.book([fill("e-2")], "stream")
    await place.follow()
    (told,) = await place.told(ann)
    assert told["merged"] == 2


async def test_an_order_that_was_refused_by_a_limit_is_told_as_a_limit(place):
    ann = await place.member("ann")
    desk = desk_of(place)
    await desk.place()
    (intent,) = await place.journal.proposed()
    await place.journal.refuse(intent, Reason("risk.order_notional", {"value": "30000", "allowed": "1000"}))
    await desk.place()
    (intent,) = await place.journal.proposed()
    await place.journal.refuse(intent, Reason("session.degraded"))
    await place.follow()
    told = await place.told(ann)
    assert kinds(told) == ["limit_hit", "order_failed"]
    assert told[1]["params"]["symbol"] == "BTCUSDT"
    assert told[1]["params"]["code"] == "risk.order_notional"
    assert told[1]["link"]["account_id"] == str(place.home.account.id)


async def test_an_order_of_which_nothing_is_known_for_a_minute_is_told_once(place):
    ann = await place.member("ann")
    await desk_of(place).place()
    (intent,) = await place.journal.proposed()
    request = await place.journal.open_request(intent, RequestId(uuid4()))
    await place.journal.answer(intent, request, AnsweredUnknown(Reason("exchange.unknown"), Trace()))
    looks = Looks(place.engine, place.clock, place.ids, [unknown_orders])
    await looks.once(unknown_orders)
    assert await place.told(ann) == []
    await place.run("UPDATE intents SET updated_at = now() - interval '61 seconds'")
    await looks.once(unknown_orders)
    await looks.once(unknown_orders)
    (told,) = await place.told(ann)
    assert (told["kind"], told["severity"], told["merged"]) == ("order_unknown", "critical", 1)


async def test_a_link_that_stays_away_is_told_once_and_its_return_with_how_long(place):
    ann = await place.member("ann")
    links = Links(place.clock)
    looks = Looks(place.engine, place.clock, place.ids, [links.look])
    await looks.once(links.look)
    place.clock.shift_s += 6
    await looks.once(links.look)
    assert await place.told(ann) == []  # the installation has just started
    place.clock.shift_s += 30
    await looks.once(links.look)
    assert kinds(await place.told(ann)) == ["link_lost"]
    again = Links(place.clock)  # another process leads from here on
    place.clock.shift_s += 60
    await looks.once(again.look)
    assert kinds(await place.told(ann)) == ["link_lost"]
    await place.run("UPDATE lost_links SET lost_at = now() - interval '42 seconds'")
    await _ready(place)
    await looks.once(again.look)
    await looks.once(again.look)
    told = await place.told(ann)
    assert kinds(told) == ["link_lost", "link_restored"]
    assert told[0]["params"]["away_s"] == "47"


async def _ready(place: Place) -> None:
    await place.run("UPDATE accounts SET session_state = 'ready'")


async def test_a_kill_is_told_to_the_workspace_that_it_stops_and_to_no_other(place):
    ann = await place.member("ann")
    other = await make_place(place.engine, place.url, uid="2")
    stranger = await other.member("stranger")
    await place.run(
        "INSERT INTO kill_latches (id, scope, scope_id, workspace_id, close_positions, pulled_at, via)"
        " VALUES (gen_random_uuid(), 'workspace', :workspace, :workspace, false, now(), 'page')",
        workspace=place.home.workspace_id,
    )
    looks = Looks(place.engine, place.clock, place.ids, [kills])
    await looks.once(kills)
    await looks.once(kills)
    await place.run("UPDATE kill_latches SET released_at = now()")
    await looks.once(kills)
    assert kinds(await place.told(ann)) == ["kill", "kill_released"]
    assert await place.told(stranger) == []


async def test_what_was_read_is_left_alone_and_the_next_begins_a_new_line(place):
    ann = await place.member("ann")
    await place.journal.book([fill("e-1")], "stream")
    await place.follow()
    (first,) = await place.told(ann)
    async with place.engine.begin() as connection:
        assert (await mark_read(connection, ann, first["id"]))["read_ms"] is not None
    await place.journal.book([fill("e-2")], "stream")
    await place.follow()
    newest, oldest = await place.told(ann)
    assert (newest["merged"], oldest["merged"]) == (1, 1)
    async with place.engine.begin() as connection:
        assert await count_unread(connection, ann) == 1
        await mark_all_read(connection, ann, until_of(newest["at_ms"]))
        assert await count_unread(connection, ann) == 0


async def test_one_of_two_processes_leads_and_the_other_takes_over(place, database_url):
    began: list[str] = []

    def keeper(name: str) -> tuple[NotifyKeeper, object]:
        async def part() -> None:
            began.append(name)
            await asyncio.Event().wait()

        engine = create_engine(database_url, pool_size=1)
        return NotifyKeeper(place.engine, Leader(engine, place.clock), place.clock, {"part": part}), engine

    (one, engine_one), (two, engine_two) = keeper("one"), keeper("two")
    first = asyncio.create_task(one.run())
    await _until(lambda: began == ["one"])
    second = asyncio.create_task(two.run())
    await asyncio.sleep(1.5)
    assert began == ["one"]
    await place.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await _until(lambda: len(began) == 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await _until(lambda: began[-1] == "two")
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    for engine in (engine_one, engine_two):
        await engine.dispose()


async def test_who_waits_on_the_bus_hears_of_it(place):
    ann = await place.member("ann")
    with listening(place.url, "notifications") as connection:
        await place.journal.book([fill("e-1")], "stream")
        await place.follow()
        heard = [each.payload for each in connection.notifies(timeout=5, stop_after=1)]
    assert heard == [f"{ann.workspace_id}:{ann.user_id}"]


async def test_an_order_that_the_exchange_rejects_is_told_with_its_words(place):
    ann = await place.member("ann")
    desk = desk_of(place)
    intent_id = await desk.place()
    await desk.acknowledge(intent_id)
    await place.journal.book(
        [order_report("rejected", link_id=link_id_of(intent_id), reject_reason="EC_PostOnlyWillTakeLiquidity")],
        "stream",
    )
    await place.follow()
    (told,) = await place.told(ann)
    assert told["kind"] == "order_failed"
    assert told["params"]["status"] == "rejected"


async def _until(holds) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.05)
