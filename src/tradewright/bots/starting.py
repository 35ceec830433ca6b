"""Starting a run of a bot: its birth in the queue, and admission at once where there is room.

Lives here: `start_run`. Not here: what is looked at before (`start_facts`, `start_checks`), what is wished of a run
afterwards (`wishes`), what its account's owner does with it (`runner`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.bots.admission import Slots, admit
from tradewright.bots.commands import read_for_change
from tradewright.bots.deeds import Actor, tell
from tradewright.bots.model import RUNS_CHANNEL
from tradewright.bots.refusals import BotChanged, IdUsed, TooManyWaiting
from tradewright.bots.start_checks import WITHOUT_EVIDENCE, blocking, start_checks
from tradewright.bots.start_facts import StartFacts, read_start_facts
from tradewright.core.errors import InvalidInput, Problem
from tradewright.core.ids import AccountId
from tradewright.core.instrument import Instrument
from tradewright.storage.bus import notify
from tradewright.strategy.check import Checked

WAITING_MAX = 100  # queued runs of a workspace
AHEAD_MAX = timedelta(days=30)  # of a time to start at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """As asked. `id` is the caller's, `number` the bot version that the caller was shown; `start_at` None: at once. For
    real money alone: `confirmation` is the bot's name as it was typed, `untested` the words of `WITHOUT_EVIDENCE`."""

    id: UUID
    bot_id: UUID
    number: int
    start_at: datetime | None = None
    confirmation: str | None = None
    untested: str | None = None

    @property
    def says_untested(self) -> bool:
        return self.untested is not None and _folded(self.untested) in map(_folded, WITHOUT_EVIDENCE.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the caller looked up outside of the transaction: the check of the bot's spec with its params (milliseconds
    to a second), and its instrument. `facts` are those that it looked it up for."""

    facts: StartFacts
    checked: Checked
    instrument: Instrument | None


async def is_known_run(connection: AsyncConnection, actor: Actor, new: NewRun) -> bool:
    """Whether this run was started before by this id. Raises `IdUsed` where the id stands for another."""
    found = await connection.execute(
        text(
            "SELECT r.workspace_id, r.bot_id, r.start_at, v.number FROM runs r"
            " JOIN bot_versions v ON v.id = r.bot_version_id WHERE r.id = :id"
        ),
        {"id": new.id},
    )
    row = found.first()
    if row is None:
        return False
    asked_again = (actor.workspace_id, new.bot_id, new.number)
    if (row.workspace_id, row.bot_id, row.number) != asked_again or (
        row.start_at is not None and row.start_at != new.start_at
    ):
        raise IdUsed(f"the id {new.id} was used for something else; make a new one")
    return True


async def start_run(
    connection: AsyncConnection,
    actor: Actor,
    new: NewRun,
    looked: Looked,
    *,
    slots: Slots,
    real_trading: bool,
) -> None:
    """Queues a run of the bot's current version, and admits it where there is room. The same id again is the same run.

    Raises `NotFound`, `IdUsed`, `BotChanged` where the bot is another by now than the caller was shown, `BotIsDraft`,
    `BotIsArchived`, `TooManyWaiting`, and `InvalidInput` with everything that speaks against it.
    """
    await read_for_change(connection, actor, new.bot_id)  # one start of a bot at a time: its runs are numbered
    if await is_known_run(connection, actor, new):
        return
    facts = await read_start_facts(connection, actor.workspace_id, new.bot_id, real_trading=real_trading)
    if facts.number != new.number or facts.version_id != looked.facts.version_id:
        raise BotChanged(f"the bot {facts.bot_name!r} has other settings by now; read it again")
    start_at = await _time_to_start(connection, new.start_at)
    checks = start_checks(
        facts,
        looked.checked,
        looked.instrument,
        real_trading=real_trading,
        says_untested=new.says_untested,
    )
    problems = [*blocking(checks), *_unconfirmed(facts, new)]
    if problems:
        raise InvalidInput(problems)
    await _require_room(connection, actor)
    assert looked.checked.strategy is not None, "what is no strategy blocks"
    is_override = facts.environment == "live" and not facts.has_evidence
    number = await _insert(
        connection,
        actor,
        new,
        facts,
        timeframe=looked.checked.strategy.market.timeframe,
        start_at=start_at,
        override={"by": str(actor.user_id), "typed": new.untested} if is_override else None,
    )
    after = {
        "bot": facts.bot_name,
        "bot_version": facts.number,
        "number": number,
        "environment": facts.environment,
        "symbol": facts.settings.symbol,
        "capital": str(facts.settings.capital),
        "max_loss": str(facts.settings.limits.max_loss),
        "duration_ms": facts.settings.duration_ms,
        "at_end": facts.settings.at_end,
        "spec_sha256": facts.spec_sha256,
        "start_at": None if start_at is None else start_at.isoformat(),
        "untested": is_override,
    }
    account_id = AccountId(facts.settings.account_id)
    await tell(connection, actor, "run.start", "run", new.id, after=after, account_id=account_id)
    await notify(connection, RUNS_CHANNEL, str(new.id))
    await admit(connection, slots)


def _unconfirmed(facts: StartFacts, new: NewRun) -> list[Problem]:
    """Of real money the bot's name is typed; see UX.md §5."""
    if facts.environment != "live" or _folded(new.confirmation or "") == _folded(facts.bot_name):
        return []
    return [Problem("run.confirmation_needed", "confirmation", {"expected": facts.bot_name})]


def _folded(typed: str) -> str:
    return " ".join(typed.split()).casefold()


async def _time_to_start(connection: AsyncConnection, asked: datetime | None) -> datetime | None:
    """By the database's clock; what is over already is at once. Raises `InvalidInput` for one too far ahead."""
    if asked is None:
        return None
    now = await connection.scalar(text("SELECT clock_timestamp()"))
    assert isinstance(now, datetime), "a time"
    if asked > now + AHEAD_MAX:
        raise InvalidInput([Problem("run.start_too_far", "start_at_ms", {"days": str(AHEAD_MAX.days)})])
    return asked if asked > now else None


async def _require_room(connection: AsyncConnection, actor: Actor) -> None:
    waiting = await connection.scalar(
        text("SELECT count(*) FROM runs WHERE workspace_id = :workspace AND state = 'queued'"),
        {"workspace": actor.workspace_id},
    )
    if waiting is not None and waiting >= WAITING_MAX:
        raise TooManyWaiting(f"{waiting} runs of this workspace wait; {WAITING_MAX} may: stop one, or wait for one")


async def _insert(
    connection: AsyncConnection,
    actor: Actor,
    new: NewRun,
    facts: StartFacts,
    *,
    timeframe: str,
    start_at: datetime | None,
    override: dict[str, Any] | None,
) -> int:
    """The number that the run got. The bot's row is held, so no other gets the same."""
    settings = facts.settings
    made = await connection.execute(
        text(
            "INSERT INTO runs (id, workspace_id, bot_id, bot_version_id, number, account_id, environment, category,"
            " symbol, timeframe, state, started_by, created_at, start_at, duration_ms, override)"
            " SELECT :id, :workspace, :bot, :version, 1 + coalesce(max(number), 0), :account, :environment, :category,"
            " :symbol, :timeframe, 'queued', :user, clock_timestamp(), CAST(:start_at AS timestamptz), :duration,"
            " :override FROM runs WHERE bot_id = :bot AND workspace_id = :workspace"
            " ON CONFLICT (id) DO NOTHING RETURNING number"
        ).bindparams(bindparam("override", type_=JSONB(none_as_null=True))),
        {
            "id": new.id,
            "workspace": actor.workspace_id,
            "bot": new.bot_id,
            "version": facts.version_id,
            "account": settings.account_id,
            "environment": facts.environment,
            "category": settings.category,
            "symbol": settings.symbol,
            "timeframe": timeframe,
            "user": actor.user_id,
            "start_at": start_at,
            "duration": settings.duration_ms,
            "override": override,
        },
    )
    row = made.first()
    if row is None:  # another workspace was quicker with the same id
        raise IdUsed(f"the id {new.id} was used for something else; make a new one")
    return int(row.number)
