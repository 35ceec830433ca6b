"""The kill switch on PostgreSQL: latches as rows, and what was done becoming intents, requests and audit rows, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from integration.trading.conftest import Desk
from sim.facts import fill, order_report
from tradewright.audit.spool import Spool
from tradewright.core.ids import IntentId, link_id_of
from tradewright.placement.rows import claim
from tradewright.system import SystemClock, SystemIds
from tradewright.trading import queries
from tradewright.trading.kill.board import LatchBoard
from tradewright.trading.kill.care import KillCare
from tradewright.trading.kill.entries import Answered, CancelBegun, Cause, CloseBegun, Entry, TakenDown, as_plain
from tradewright.trading.kill.folder import LatchFolder
from tradewright.trading.kill.latch import Latch, Scope
from tradewright.trading.kill.recorder import Recorder
from tradewright.trading.kill.store import KillStore
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Dispossessed

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def store_of(desk: Desk) -> KillStore:
    return KillStore(desk.engine, SystemClock(), SystemIds())


def latch_of(desk: Desk, *, close: bool = False, kind: Any = "account") -> Latch:
    scope = Scope(kind, {"account": desk.account_id, "workspace": desk.workspace_id}.get(kind))
    return Latch(id=uuid4(), scope=scope, close_positions=close, pulled_at=NOW, pulled_by=desk.home.user_id, via="api")


async def rows(desk: Desk, sql: str) -> list[tuple[Any, ...]]:
    async with desk.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(sql))]


def cancel_of(desk: Desk, exchange_order_id: str, link_id: str = "", cause: Cause | None = None) -> CancelBegun:
    return CancelBegun(
        id=uuid4(),
        at=NOW,
        account_id=desk.account_id,
        act_id=uuid4(),
        req_id=uuid4(),
        cause=cause or Cause(id=uuid4(), kind="latch", via="cli"),
        category="linear",
        symbol="BTCUSDT",
        exchange_order_id=exchange_order_id,
        link_id=link_id,
    )


def close_of(desk: Desk) -> CloseBegun:
    return CloseBegun(
        id=uuid4(),
        at=NOW,
        account_id=desk.account_id,
        act_id=uuid4(),
        req_id=uuid4(),
        cause=Cause(id=uuid4(), kind="latch", via="page", user_id=desk.home.user_id),
        category="linear",
        symbol="BTCUSDT",
        side="Buy",
        size=Decimal("0.5"),
        position_index=0,
    )


def answer_of(begun: CancelBegun | CloseBegun, outcome: Any = "acknowledged", **fields: Any) -> Answered:
    return Answered(
        id=uuid4(),
        at=NOW,
        account_id=begun.account_id,
        act_id=begun.act_id,
        req_id=begun.req_id,
        outcome=outcome,
        **fields,
    )


async def test_an_answer_that_names_no_order_leaves_the_name_that_is_known(desk: Desk) -> None:
    """By that name the order is found at the exchange."""
    close = close_of(desk)
    await store_of(desk).write(desk.home.account, [close, answer_of(close, exchange_order_id="x-5")])
    await store_of(desk).write(desk.home.account, [answer_of(close)])
    found = await rows(desk, "SELECT state, exchange_order_id FROM intents WHERE source = 'kill'")
    assert found == [("acknowledged", "x-5")]


async def test_what_was_done_is_there_once_however_often_it_is_brought(desk: Desk) -> None:
    """Both orders that we know and one that nobody ever reported; the close is found again by its client order id."""
    ours = await desk.place()
    await desk.acknowledge(ours, "x-1")
    await desk.order(ours, exchange_order_id="x-1")
    known, unheard, close = cancel_of(desk, "x-1", link_id_of(ours)), cancel_of(desk, "x-9"), close_of(desk)
    entries: list[Entry] = [
        known,
        unheard,
        answer_of(known),
        answer_of(unheard, "refused", ret_code=110001),
        close,
        answer_of(close, exchange_order_id="x-5"),
    ]
    for _ in range(3):
        await store_of(desk).write(desk.home.account, entries)
    killed = await rows(
        desk,
        "SELECT kind, state, target_id, link_id, exchange_order_id FROM intents WHERE source = 'kill' ORDER BY 1",
    )
    assert killed == [
        ("cancel", "acknowledged", ours, None, None),
        ("place", "acknowledged", None, link_id_of(IntentId(close.act_id)), "x-5"),
    ]
    requests = await rows(desk, "SELECT req_id, attempt, outcome FROM requests WHERE kind IN ('cancel', 'place')")
    assert {(known.req_id, 1, "acknowledged"), (close.req_id, 1, "acknowledged")} <= set(requests)
    audited = await rows(desk, "SELECT action, object_id, outcome FROM audit_entries WHERE after->>'source' = 'kill'")
    assert sorted(audited) == sorted(
        [
            ("order.cancel", str(ours), "asked"),
            ("order.cancel", "linear:BTCUSDT:x-9", "asked"),
            ("order.close", str(close.act_id), "asked"),
        ]
    )
    assert await rows(desk, "SELECT count(*) FROM intents WHERE state = 'proposed'") == [(0,)]


async def test_a_close_that_was_reported_while_it_waited_in_the_spool_is_ours_once_it_is_loaded(desk: Desk) -> None:
    """The database was away when it was written down, and back when the exchange told of it."""
    close = close_of(desk)
    intent_id = IntentId(close.act_id)
    link_id = link_id_of(intent_id)
    await desk.journal.book([order_report("filled", filled="0.5", order_id="x-5", link_id=link_id)], "stream")
    await desk.journal.book([fill("e-1", order_id="x-5", link_id=link_id)], "stream")
    assert await rows(desk, "SELECT intent_id FROM orders") == [(None,)]
    entries: list[Entry] = [close, answer_of(close, exchange_order_id="x-5")]
    for _ in range(2):
        await store_of(desk).write(desk.home.account, entries)
    assert await rows(desk, "SELECT id, intent_id, state FROM orders") == [(intent_id, intent_id, "filled")]
    assert await rows(desk, "SELECT order_id FROM executions") == [(intent_id,)]
    (told,) = await rows(desk, "SELECT state FROM intents")
    assert told == ("acknowledged",)
    (shown,), _ = await desk.read(queries.orders)
    assert (shown["id"], shown["source"]) == (str(intent_id), "kill")


@pytest.mark.parametrize("first", ["brought", "reported"])
async def test_a_close_that_is_brought_while_its_order_is_being_booked_is_ours_whoever_comes_first(
    desk: Desk, first: str
) -> None:
    """The kill switch does not wait for a slow database: neither transaction sees what the other has not committed."""
    close = close_of(desk)
    intent_id = IntentId(close.act_id)
    report = order_report("filled", filled="0.5", order_id="x-5", link_id=link_id_of(intent_id))

    async def bring() -> None:
        await store_of(desk).write(desk.home.account, [close, answer_of(close, exchange_order_id="x-5")])

    async def book() -> None:
        await desk.journal.book([report, fill("e-1", order_id="x-5", link_id=report.link_id)], "stream")

    async with desk.engine.begin() as slow:  # what every transaction of the account needs last
        await slow.execute(text("SELECT 1 FROM accounts WHERE id = :id FOR UPDATE"), {"id": desk.account_id})
        tasks = []
        for number, work in enumerate((bring, book) if first == "brought" else (book, bring), start=1):
            tasks.append(asyncio.ensure_future(work()))
            async with asyncio.timeout(30):
                while await waiting_for_locks(desk) < number:
                    await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    assert await rows(desk, "SELECT id, intent_id FROM orders") == [(intent_id, intent_id)]
    assert await rows(desk, "SELECT order_id FROM executions") == [(intent_id,)]
    assert await rows(desk, "SELECT state FROM intents") == [("acknowledged",)]
    assert await rows(desk, "SELECT kind FROM differences") == []


async def waiting_for_locks(desk: Desk) -> int:
    ((found,),) = await rows(
        desk,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return int(found)


@pytest.mark.parametrize("outcome", ["not_sent", "refused"])
async def test_a_close_that_did_not_happen_is_sent_again_by_its_id_and_its_order_is_no_surprise(
    desk: Desk, outcome: str
) -> None:
    close = replace_ids(close_of(desk), position_index=1)
    again = replace_ids(close)
    await store_of(desk).write(desk.home.account, [close, answer_of(close, outcome)])
    ended = await rows(desk, "SELECT state, position_index FROM intents")
    assert ended == [("expired" if outcome == "not_sent" else "rejected", 1)]
    await store_of(desk).write(desk.home.account, [again])
    assert await rows(desk, "SELECT state, reason FROM intents") == [("sending", None)]
    link_id = link_id_of(IntentId(close.act_id))
    await desk.journal.book([order_report("filled", filled="0.5", order_id="x-5", link_id=link_id)], "stream")
    await store_of(desk).write(desk.home.account, [answer_of(again, exchange_order_id="x-5")])
    assert await rows(desk, "SELECT state FROM intents") == [("acknowledged",)]
    assert await rows(desk, "SELECT attempt, outcome FROM requests ORDER BY 1") == [(1, outcome), (2, "acknowledged")]
    assert await rows(desk, "SELECT kind FROM differences") == []


def replace_ids(close: CloseBegun, **changes: Any) -> CloseBegun:
    return msgspec.structs.replace(close, id=uuid4(), req_id=uuid4(), **changes)


async def test_an_act_whose_outcome_nobody_knows_is_looked_for_by_the_session(desk: Desk) -> None:
    close = close_of(desk)
    await store_of(desk).write(desk.home.account, [close])  # the process ended before it heard
    await desk.journal.take_over()
    unknown = await desk.journal.unknowns()
    assert [each.intent.id for each in unknown] == [close.act_id]
    await store_of(desk).write(desk.home.account, [answer_of(close, exchange_order_id="x-5")])  # the spool knew it
    assert await desk.journal.unknowns() == []


async def test_why_the_exchange_refused_an_act_is_kept_with_its_own_words(desk: Desk) -> None:
    """A cancel of an order that it had ended; of one without a word nothing is made up."""
    said, mute = await desk.place(), await desk.place()
    for order, name in ((said, "x-1"), (mute, "x-2")):
        await desk.acknowledge(order, name)
        await desk.order(order, exchange_order_id=name)
    first, second = cancel_of(desk, "x-1", link_id_of(said)), cancel_of(desk, "x-2", link_id_of(mute))
    answers = [
        answer_of(first, "refused", ret_code=110001, ret_msg="order not exists"),
        answer_of(second, "refused", ret_code=110001),
    ]
    await store_of(desk).write(desk.home.account, [first, second, *answers])
    found = dict(await rows(desk, "SELECT target_id, reason FROM intents WHERE kind = 'cancel'"))
    told = {"code": "exchange.refused", "params": {}, "exchange_code": 110001}
    assert found[said] == told | {"exchange_text": "order not exists"}
    assert found[mute] == told | {"exchange_text": None}


async def test_a_spool_is_loaded_with_its_torn_line_left_out_and_stays_where_the_database_refuses(
    desk: Desk, tmp_path: Path
) -> None:
    spool, store, account = Spool(tmp_path / "spool"), store_of(desk), desk.home.account
    away = True

    async def write(owned: AccountRef, entries: Sequence[Entry]) -> None:
        if away:
            raise OSError("away")
        await store.write(owned, entries)

    recorder = Recorder(account, write, spool, SystemClock())
    close = close_of(desk)
    await recorder.record([close])
    file = tmp_path / "spool" / f"{account.id}.jsonl"
    with file.open("ab") as torn:
        torn.write(b'{"type":"answered","id":"')  # a crash in the middle of a line
    await recorder.record([answer_of(close)])
    with pytest.raises(OSError, match="away"):
        await recorder.load()
    assert recorder.has_spooled
    away = False
    again = Recorder(account, write, Spool(tmp_path / "spool"), SystemClock())
    await again.load()
    assert await rows(desk, "SELECT state FROM intents WHERE source = 'kill'") == [("acknowledged",)]
    assert not again.has_spooled
    assert [path.name for path in (tmp_path / "spool").iterdir() if path.suffix == ".jsonl"] == []
    kept = [path.suffix for path in (tmp_path / "spool").iterdir() if path.name != "reserve"]
    assert kept == [".unread"], "what could not be read is kept aside"


async def test_an_owner_that_was_replaced_writes_nothing_of_a_kill_nor_brings_its_spool(
    desk: Desk, tmp_path: Path
) -> None:
    worker_id = uuid4()
    async with desk.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO worker (id, host, process, version, capacity, began_at, beat)"
                " VALUES (:id, 'here', '1@1', '0', 1, now(), now())"
            ),
            {"id": worker_id},
        )
    old = replace(desk.home.account, epoch=await claimed(desk, worker_id))
    latch = latch_of(desk)
    await store_of(desk).pull(latch)
    before = await rows(desk, "SELECT count(*) FROM audit_entries")
    new = replace(desk.home.account, epoch=await claimed(desk, worker_id))
    cancel, close = cancel_of(desk, "x-1"), close_of(desk)
    done = TakenDown(id=uuid4(), at=NOW, account_id=desk.account_id, latch_id=latch.id, closed=False)
    for entry in (cancel, close, answer_of(close), done):
        with pytest.raises(Dispossessed):
            await store_of(desk).write(old, [entry])
    spool = Spool(tmp_path)
    spool.append(str(desk.account_id), [as_plain(cancel), as_plain(done)])
    with pytest.raises(Dispossessed):
        await Recorder(old, store_of(desk).write, spool, SystemClock()).load()
    assert await rows(desk, "SELECT count(*) FROM audit_entries") == before
    assert await rows(desk, "SELECT count(*) FROM intents WHERE source = 'kill'") == [(0,)]
    assert await rows(desk, "SELECT count(*) FROM kill_acts") == [(0,)]
    await Recorder(new, store_of(desk).write, spool, SystemClock()).load()
    assert await rows(desk, "SELECT count(*) FROM kill_acts") == [(1,)], "whoever is the owner brings it"


async def claimed(desk: Desk, worker_id: UUID) -> int:
    async with desk.engine.begin() as connection:
        return await claim(connection, worker_id, desk.account_id)


async def test_with_the_audit_table_gone_nothing_is_written_but_the_spool(desk: Desk, tmp_path: Path) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_entries RENAME TO audit_away"))
    with pytest.raises(SQLAlchemyError):
        await desk.place()
    recorder = Recorder(desk.home.account, store_of(desk).write, Spool(tmp_path), SystemClock())
    close = close_of(desk)
    await recorder.record([close])
    assert recorder.has_spooled
    assert await rows(desk, "SELECT count(*) FROM intents") == [(0,)]
    async with desk.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE audit_away RENAME TO audit_entries"))
    await recorder.load()
    assert await rows(desk, "SELECT id FROM audit_entries WHERE action = 'order.close'") == [(close.id,)]


async def test_the_api_token_of_a_stop_is_in_every_row_that_the_worker_writes(desk: Desk, tmp_path: Path) -> None:
    """The worker has the stop from a file or from its socket, and releases by a request with another token."""
    store, folder, pulled_with, released_with = store_of(desk), LatchFolder(tmp_path / "kill"), uuid4(), uuid4()
    latch = folder.write(replace(latch_of(desk), token_id=pulled_with))
    board = LatchBoard(folder, store, SystemClock())
    await board.start()
    (held,) = (await store.standing()).held
    assert held == latch, "also for a worker that knows the row alone"
    cause = Cause(id=latch.id, kind="latch", via="api", user_id=latch.pulled_by, token_id=held.token_id)
    await store.write(desk.home.account, [cancel_of(desk, "x-1", cause=cause)])
    care = KillCare(board, store.write, Spool(tmp_path), SystemClock(), SystemIds())
    by = {"by": str(desk.home.user_id), "token_id": str(released_with)}
    await care.answer({"op": "release", "scope": latch.scope.name, **by})
    told = await rows(desk, "SELECT action, token_id FROM audit_entries ORDER BY action")
    assert told == [("kill.pull", pulled_with), ("kill.release", released_with), ("order.cancel", pulled_with)]


async def test_a_latch_is_a_file_and_a_row_whichever_came_first_and_goes_only_by_a_release(
    desk: Desk, tmp_path: Path
) -> None:
    store, folder, account = store_of(desk), LatchFolder(tmp_path / "kill"), desk.home.account
    by_row, by_file = latch_of(desk, kind="workspace"), folder.write(latch_of(desk))
    await store.pull(by_row)
    board = LatchBoard(folder, store, SystemClock())
    await board.start()
    assert {latch.id for latch in board.covering(account)} == {by_row.id, by_file.id}
    assert {latch.id for latch in folder.read()} == {by_row.id, by_file.id}
    assert {latch.id for latch in (await store.standing()).held} == {by_row.id, by_file.id}
    (tmp_path / "kill" / f"{by_file.scope.name}.json").unlink()  # nobody releases by removing a file
    await asyncio.sleep(0)
    again = LatchBoard(folder, store, SystemClock())
    await again.start()
    assert again.blocks(account)
    for scope in (by_row.scope, by_file.scope):
        await again.release(scope, desk.home.user_id)
    assert not again.blocks(account)
    assert folder.read() == []
    trail = await rows(
        desk, "SELECT action, object_id, actor_id FROM audit_entries WHERE object_kind = 'kill' ORDER BY at"
    )
    assert sorted(trail) == sorted(
        (action, latch.scope.name, desk.home.user_id)
        for action in ("kill.pull", "kill.release")
        for latch in (by_row, by_file)
    )
    folder.write(by_file)  # a file of a released latch, from a machine that was away, holds nothing
    late = LatchBoard(folder, store, SystemClock())
    await late.start()
    assert not late.blocks(account)
    assert folder.read() == []


async def test_a_latch_that_gets_to_close_is_not_done_before_positions_are_closed_too(
    desk: Desk, tmp_path: Path
) -> None:
    store, folder, account = store_of(desk), LatchFolder(tmp_path / "kill"), desk.home.account
    latch = latch_of(desk)
    board = LatchBoard(folder, store, SystemClock())
    await board.start()
    await board.pull(latch)
    await store.pull(latch)
    done = TakenDown(id=uuid4(), at=NOW, account_id=account.id, latch_id=latch.id, closed=False)
    await store.write(account, [done, done])
    await board.start()
    assert board.is_done(latch, account)
    closing = await board.pull(latch_of(desk, close=True))
    assert closing.id == latch.id, "the same stop, which closes now"
    assert not board.is_done(closing, account)
    await board.start()
    assert [one.close_positions for one in (await store.standing()).held] == [True]


async def test_a_file_that_cannot_be_read_stops_what_its_name_says(desk: Desk, tmp_path: Path) -> None:
    folder = LatchFolder(tmp_path)
    (tmp_path / f"account-{desk.account_id}.json").write_bytes(b"{ torn")
    assert [(each.scope, each.close_positions) for each in folder.read()] == [
        (Scope("account", desk.account_id), False)
    ]
    (tmp_path / "what is this.json").write_bytes(b"")
    assert Scope("installation") in [each.scope for each in folder.read()]
    assert UUID(int=0) not in [each.id for each in folder.read()]
