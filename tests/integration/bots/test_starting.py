"""A start is refused with everything that speaks against it, and the same start again is the same run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from integration.bots.kit import IDS, Desk, checked, new_desk
from integration.web.kit import instrument
from tradewright.bots.model import Limits
from tradewright.bots.refusals import BotChanged, BotIsArchived, BotIsDraft, IdUsed, TooManyWaiting
from tradewright.bots.start_checks import blocking, start_checks
from tradewright.bots.start_facts import read_start_facts
from tradewright.bots.starting import WAITING_MAX, NewRun
from tradewright.core.errors import InvalidInput, NotFound


async def refused(desk: Desk, bot_id: UUID, **how: Any) -> set[str]:
    """The codes of the refusal."""
    said = {name: how.pop(name) for name in ("confirmation", "untested", "start_at") if name in how}
    new = NewRun(id=IDS.new(), bot_id=bot_id, number=1, **said)
    with pytest.raises(InvalidInput) as found:
        async with desk.engine.begin() as connection:
            await desk.start_in(connection, new, **how)
    assert await desk.rows("SELECT 1 FROM runs WHERE workspace_id = :workspace") == []
    return {problem.code for problem in found.value.problems}


async def state(desk: Desk, run_id: UUID) -> str:
    (row,) = await desk.rows("SELECT state FROM runs WHERE id = :id AND workspace_id = :workspace", id=run_id)
    return str(row.state)


async def test_a_start_is_admitted_at_once_and_the_same_again_is_the_same(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id, run_id = await ann.add_bot(), IDS.new()
    await asyncio.gather(*(ann.start(bot_id, id=run_id) for _ in range(4)))
    rows = await ann.rows(
        "SELECT id, number, state, environment, timeframe, duration_ms, admitted_at, override FROM runs"
        " WHERE workspace_id = :workspace"
    )
    assert [(row.id, row.number, row.state) for row in rows] == [(run_id, 1, "starting")]
    assert (rows[0].environment, rows[0].timeframe, rows[0].duration_ms) == ("sim", "15m", 3_600_000)
    assert rows[0].admitted_at is not None
    assert rows[0].override is None
    told = await ann.rows(
        "SELECT after, account_id FROM audit_entries WHERE workspace_id = :workspace AND action = 'run.start'"
    )
    assert [(row.after["number"], row.after["max_loss"], row.account_id) for row in told] == [(1, "50", ann.account_id)]
    with pytest.raises(IdUsed):
        await ann.start(await ann.add_bot(), id=run_id)


async def test_the_second_run_of_a_symbol_waits_for_the_first(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    first, second = await ann.start(await ann.add_bot()), await ann.start(await ann.add_bot())
    other = await ann.start(await ann.add_bot(symbol="ETHUSDT"))
    assert [await state(ann, run_id) for run_id in (first, second, other)] == ["starting", "queued", "starting"]


async def test_what_stands_against_a_start_is_named_all_at_once(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot()
    assert await refused(ann, bot_id, spec="version: 1") == {"run.spec_wrong"}
    assert await refused(ann, bot_id, listed=False) == {"bot.symbol_not_listed"}
    await ann.do("UPDATE accounts SET resting = true WHERE workspace_id = :workspace")
    await ann.do(
        "INSERT INTO symbol_modes (account_id, category, symbol, workspace_id, hedge)"
        " VALUES (:account, 'linear', 'BTCUSDT', :workspace, true)",
        account=ann.account_id,
    )
    await ann.do(
        "INSERT INTO kill_latches (id, scope, scope_id, workspace_id, close_positions, pulled_at, via)"
        " VALUES (:id, 'account', :account, :workspace, false, clock_timestamp(), 'web')",
        id=IDS.new(),
        account=ann.account_id,
    )
    assert await refused(ann, bot_id) == {"run.account_resting", "run.hedge_mode", "run.killed"}


async def test_an_account_that_may_only_read_or_holds_the_symbol_by_hand_is_refused(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot()
    await ann.do(
        "INSERT INTO positions (account_id, category, symbol, position_index, workspace_id, side, size, unrealised_pnl,"
        " realised_pnl, initial_margin, sequence, exchange_updated_at, updated_at) VALUES (:account, 'linear',"
        " 'BTCUSDT', 0, :workspace, 'Buy', 0.01, 0, 0, 0, 1, clock_timestamp(), clock_timestamp())",
        account=ann.account_id,
    )
    await ann.do("UPDATE accounts SET read_only = true WHERE workspace_id = :workspace")
    assert await refused(ann, bot_id) == {"run.account_read_only", "run.symbol_in_use"}


async def test_a_kind_or_a_category_that_no_machine_runs_is_refused(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot()
    async with engine.connect() as connection:
        facts = await read_start_facts(connection, ann.workspace_id, bot_id, real_trading=False)
    for runs, code in (
        ({"kinds": {"grid"}, "categories": {"linear"}}, "run.kind_not_runnable"),
        ({"kinds": {"signal"}, "categories": {"spot"}}, "run.category_not_runnable"),
    ):
        checks = start_checks(facts, checked(), instrument("BTCUSDT"), real_trading=False, **runs)
        assert [problem.code for problem in blocking(checks)] == [code]


async def test_a_maximum_loss_above_the_accounts_daily_limit_is_refused_with_the_tighter_one(
    engine: AsyncEngine,
) -> None:
    """10 % of 10,000 by default; whoever sets 1 % leaves 100."""
    ann = await new_desk(engine)
    bot_id = await ann.add_bot(capital=Decimal(5_000), limits=Limits(max_loss=Decimal(101)))
    await ann.do(
        "INSERT INTO risk_limits (level, subject_id, name, workspace_id, value, updated_at, updated_by)"
        " VALUES ('account', :account, 'daily_loss', :workspace, 1, clock_timestamp(), :user)",
        account=ann.account_id,
        user=ann.user_id,
    )
    new = NewRun(id=IDS.new(), bot_id=bot_id, number=1)
    with pytest.raises(InvalidInput) as found:
        async with engine.begin() as connection:
            await ann.start_in(connection, new)
    (problem,) = found.value.problems
    told = {"value": "101", "maximum": "100", "percent": "1", "level": "account"}
    assert (problem.code, problem.params) == ("run.max_loss_above_daily", told)
    await ann.do("UPDATE accounts SET total_equity = 10100 WHERE workspace_id = :workspace")
    await ann.start(bot_id)


async def test_real_money_needs_arming_the_typed_name_and_a_finished_trial(engine: AsyncEngine) -> None:
    ann = await new_desk(engine, environment="live")
    bot_id = await ann.add_bot("Slow and steady", limits=Limits(max_loss=Decimal(10)))
    everything = {"account.real_trading_off", "run.untested", "run.confirmation_needed"}
    assert await refused(ann, bot_id) == everything
    unarmed = {"run.not_armed", "run.untested", "run.confirmation_needed"}
    assert await refused(ann, bot_id, real_trading=True) == unarmed
    said = {"confirmation": "slow  AND steady", "untested": "untested"}
    assert await refused(ann, bot_id, real_trading=True, **said) == {"run.not_armed"}
    assert await refused(ann, bot_id, real_trading=True, **said | {"untested": "sure"}) == {
        "run.not_armed",
        "run.untested",
    }
    # A finished trial of the same version counts, one that was stopped does not.
    trial = await new_desk(engine, workspace=ann)
    trial.version_id = ann.version_id
    tried = await trial.start(await trial.add_bot("Trial"))
    await ann.do("UPDATE runs SET state = 'stopped', ended_at = clock_timestamp() WHERE id = :id", id=tried)
    new = NewRun(id=IDS.new(), bot_id=bot_id, number=1, confirmation="Slow and steady")
    for end, expected in (("stopped", {"run.not_armed", "run.untested"}), ("finished", {"run.not_armed"})):
        await ann.do("UPDATE runs SET state = :end WHERE id = :id", id=tried, end=end)
        with pytest.raises(InvalidInput) as found:
            async with engine.begin() as connection:
                await ann.start_in(connection, new, real_trading=True)
        assert {problem.code for problem in found.value.problems} == expected


async def test_a_bot_that_moved_on_is_not_started_as_it_was_shown(engine: AsyncEngine) -> None:
    ann, bob = await new_desk(engine), await new_desk(engine)
    bot_id = await ann.add_bot()
    with pytest.raises(BotChanged):
        await ann.start(bot_id, number=2)
    with pytest.raises(NotFound):
        await bob.start(bot_id)
    await ann.do("UPDATE bots SET state = 'archived', archived_at = clock_timestamp() WHERE id = :id", id=bot_id)
    with pytest.raises(BotIsArchived):
        await ann.start(bot_id)
    await ann.do(
        "UPDATE bots SET state = 'draft', archived_at = NULL, current_version = NULL WHERE id = :id", id=bot_id
    )
    with pytest.raises(BotIsDraft):
        await ann.start(bot_id)


async def test_a_time_to_start_is_kept_and_one_that_is_over_is_now(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    later, past = datetime.now(UTC) + timedelta(hours=2), datetime.now(UTC) - timedelta(hours=2)
    bot_id, run_id = await ann.add_bot(), IDS.new()
    for _ in range(2):
        await ann.start(bot_id, id=run_id, start_at=later)
    assert await state(ann, run_id) == "queued"
    assert await state(ann, await ann.start(bot_id, start_at=past)) == "starting"
    with pytest.raises(InvalidInput):
        await ann.start(bot_id, start_at=later + timedelta(days=31))


async def test_so_many_may_wait_and_no_more(engine: AsyncEngine) -> None:
    ann = await new_desk(engine)
    bot_id = await ann.add_bot()
    await ann.start(bot_id)
    for _ in range(WAITING_MAX):
        await ann.start(bot_id)
    with pytest.raises(TooManyWaiting):
        await ann.start(bot_id)
