"""Strategies and bots as kept: versions are never changed, ids are used once, each deed has its row in the trail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import IDS, SPEC, Desk, new_desk
from tradewright.bots import commands, strategies, strategy_queries
from tradewright.bots.refusals import (
    BotChanged,
    BotHasRun,
    BotIsArchived,
    IdUsed,
    NameTaken,
    StrategyIsArchived,
)
from tradewright.bots.strategies import NewSpec
from tradewright.core.errors import InvalidInput, NotFound


async def actions(desk: Desk, kind: str) -> Sequence[str]:
    rows = await desk.rows(
        "SELECT action FROM audit_entries WHERE workspace_id = :workspace AND object_kind = :kind ORDER BY at, id",
        kind=kind,
    )
    return [row.action for row in rows]


def spec(text: str = SPEC, **changed: object) -> NewSpec:
    usual = NewSpec(version_id=IDS.new(), text=text, sha256="0" * 64, spec_name="EMA cross", author="user")
    return replace(usual, **changed)  # type: ignore[arg-type]


async def save(desk: Desk, strategy_id: UUID, new: NewSpec, name: str = "Mine") -> None:
    async with desk.engine.begin() as connection:
        await strategies.save_strategy(connection, desk.actor, strategy_id, name, new)


async def add(desk: Desk, strategy_id: UUID, new: NewSpec, parent: int | None = None) -> int:
    async with desk.engine.begin() as connection:
        return await strategies.add_version(connection, desk.actor, strategy_id, new, parent=parent)


async def test_a_strategy_keeps_every_version_with_where_it_came_from(engine: AsyncEngine) -> None:
    ann, strategy_id, first = await new_desk(engine), IDS.new(), spec()
    await save(ann, strategy_id, first)
    await save(ann, strategy_id, first)  # once more: a lost answer
    second = spec(SPEC + "\n# two", message="said why")
    assert await add(ann, strategy_id, second) == 2
    assert await add(ann, strategy_id, second) == 2
    assert await add(ann, strategy_id, spec(SPEC + "\n# two")) == 2  # the newest text again is no version
    assert await add(ann, strategy_id, spec(SPEC + "\n# three"), parent=1) == 3
    async with engine.connect() as connection:
        found = await strategy_queries.read_strategy(connection, ann.workspace_id, strategy_id)
        text = await strategy_queries.read_version(connection, ann.workspace_id, strategy_id, 2)
    told = [(each["number"], each["parent"], each["message"]) for each in found["versions"]]
    assert told == [(3, 1, ""), (2, 1, "said why"), (1, None, "")]
    assert (found["newest"]["number"], text["text"]) == (3, SPEC + "\n# two")
    assert await actions(ann, "strategy") == ["strategy.create"] * 2 + ["strategy.version"] * 2


async def test_an_id_that_was_used_for_another_thing_is_refused(engine: AsyncEngine) -> None:
    ann, bob = await new_desk(engine), await new_desk(engine)
    strategy_id, first = IDS.new(), spec()
    await save(ann, strategy_id, first)
    for desk, some_id, new in (
        (bob, strategy_id, spec()),
        (ann, strategy_id, spec()),
        (ann, IDS.new(), replace(first, text=SPEC + "\n# other")),
        (bob, IDS.new(), first),
    ):
        with pytest.raises(IdUsed):
            await save(desk, some_id, new)
    with pytest.raises(NotFound):
        await add(bob, strategy_id, spec())
    bot_id = await ann.add_bot("Mine")
    async with engine.begin() as connection:
        await commands.create_bot(connection, ann.actor, bot_id, "Mine", None)  # again: as it is
    for desk, name in ((ann, "Other"), (bob, "Mine")):
        with pytest.raises(IdUsed):
            async with engine.begin() as connection:
                await commands.create_bot(connection, desk.actor, bot_id, name, None)


async def test_an_archived_strategy_gets_no_version_and_comes_back(engine: AsyncEngine) -> None:
    ann, strategy_id = await new_desk(engine), IDS.new()
    await save(ann, strategy_id, spec())
    async with engine.begin() as connection:
        await strategies.archive_strategy(connection, ann.actor, strategy_id, archived=True)
    with pytest.raises(StrategyIsArchived):
        await add(ann, strategy_id, spec(SPEC + "\n# two"))
    async with engine.begin() as connection:
        listed, _ = await strategy_queries.list_strategies(
            connection, ann.workspace_id, archived=False, limit=10, before=None
        )
        assert str(strategy_id) not in [each["id"] for each in listed]
        await strategies.archive_strategy(connection, ann.actor, strategy_id, archived=False)
        await strategies.rename_strategy(connection, ann.actor, strategy_id, "Renamed")
    assert await add(ann, strategy_id, spec(SPEC + "\n# two")) == 2


async def test_many_versions_at_once_are_numbered_without_gaps(engine: AsyncEngine) -> None:
    ann, strategy_id = await new_desk(engine), IDS.new()
    await save(ann, strategy_id, spec())
    numbers = await asyncio.gather(*(add(ann, strategy_id, spec(f"{SPEC}\n# {n}")) for n in range(8)))
    assert sorted(numbers) == list(range(2, 10))


async def test_settings_make_versions_and_what_runs_keeps_its_own(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot("Mine")
    run_id = await ann.start(bot_id)

    async def edit(version: int, **changed: object) -> int:
        async with engine.begin() as connection:
            return await commands.edit_bot(connection, ann.actor, bot_id, ann.settings(**changed), version=version)

    assert await edit(1) == 1  # the settings it has
    assert await edit(1, capital=Decimal(2_000)) == 2
    with pytest.raises(BotChanged):
        await edit(1, capital=Decimal(3_000))
    assert await edit(1, capital=Decimal(2_000)) == 2  # a lost answer
    assert await edit(2, capital=Decimal(3_000)) == 3
    (run,) = await ann.rows(
        "SELECT v.number, v.capital FROM runs r JOIN bot_versions v ON v.id = r.bot_version_id"
        " WHERE r.id = :id AND r.workspace_id = :workspace",
        id=run_id,
    )
    assert (run.number, run.capital) == (1, 1_000)
    assert await actions(ann, "bot") == ["bot.create", "bot.version", "bot.version"]


async def test_names_are_told_apart_and_a_removed_ones_is_free(engine: AsyncEngine) -> None:
    ann, bob = await new_desk(engine), await new_desk(engine)
    bot_id = await ann.add_bot("Mine")
    await bob.add_bot("Mine")  # another workspace's names are its own
    with pytest.raises(NameTaken):
        await ann.add_bot("mine")
    other = await ann.add_bot("Other")
    async with engine.begin() as connection:
        with pytest.raises(NameTaken):
            await commands.rename_bot(connection, ann.actor, other, "Mine", version=1)
    async with engine.begin() as connection:
        await commands.remove_bot(connection, ann.actor, bot_id, "")  # it never ran: nothing is typed
    assert await ann.add_bot("Mine") != bot_id
    async with engine.begin() as connection:
        with pytest.raises(NotFound):
            await commands.restore_bot(connection, ann.actor, bot_id)


async def test_a_clone_has_the_settings_and_a_life_of_its_own(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id, new_id = await ann.add_bot("Mine", capital=Decimal(777)), IDS.new()
    for _ in range(2):
        async with engine.begin() as connection:
            await commands.clone_bot(connection, ann.actor, bot_id, new_id, "Copy")
    (row,) = await ann.rows(
        "SELECT b.state, v.capital, v.number FROM bots b JOIN bot_versions v ON v.bot_id = b.id"
        " WHERE b.id = :id AND b.workspace_id = :workspace",
        id=new_id,
    )
    assert (row.state, row.capital, row.number) == ("ready", 777, 1)


async def test_a_bot_with_a_run_is_neither_archived_nor_removed_and_with_runs_its_name_is_typed(
    engine: AsyncEngine,
) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot("My bot")
    run_id = await ann.start(bot_id)
    for command in (commands.archive_bot, lambda c, a, b: commands.remove_bot(c, a, b, "My bot")):
        with pytest.raises(BotHasRun):
            async with engine.begin() as connection:
                await command(connection, ann.actor, bot_id)
    await ann.do("UPDATE runs SET state = 'finished', ended_at = clock_timestamp() WHERE id = :id", id=run_id)
    async with engine.begin() as connection:
        await commands.archive_bot(connection, ann.actor, bot_id)
        with pytest.raises(BotIsArchived):
            await commands.edit_bot(connection, ann.actor, bot_id, ann.settings(capital=Decimal(5)), version=2)
        await commands.restore_bot(connection, ann.actor, bot_id)
    with pytest.raises(InvalidInput) as refused:
        async with engine.begin() as connection:
            await commands.remove_bot(connection, ann.actor, bot_id, "another")
    assert [each.code for each in refused.value.problems] == ["bot.name_not_typed"]
    async with engine.begin() as connection:
        await commands.remove_bot(connection, ann.actor, bot_id, " my BOT ")
    assert await ann.rows("SELECT 1 FROM runs WHERE bot_id = :bot AND workspace_id = :workspace", bot=bot_id)
