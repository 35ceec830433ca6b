"""Fuzzed requests for every operation: no 5xx, no partial effect, no secret out, every answer in its shape.

`make fuzz BODIES=100000 [SEED=n]` runs a whole campaign in pieces, each with a world of its own; here a capped one runs
with each `make test`. What is drawn, and what must hold of every answer, is in `tests/fuzz`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fuzz.campaign import Report, run_piece
from fuzz.requests import operations_of
from fuzz.world import World, opened_world, unclaimed_world
from tradewright.connections.model import NewConnection
from tradewright.core.errors import InvalidInput, Problem
from tradewright.trading import asking, change_commands, commands, queries
from tradewright.web import intents, views_connections

LANES = 6
# At the control socket: without a worker it is a 503, as it should be. Who leaves is out of the world that is asked.
_NOT_ASKED = {"takeDown", "leaveWorkspace"}
MANY, SOME = 4_000, 500
FOUND = Path(__file__).parents[2] / "build/fuzz"


async def test_no_request_breaks_anything(
    engine: AsyncEngine, database_url: str, piece: tuple[int, str], record_property: Callable[[str, object], None]
) -> None:
    bodies, seed = piece
    async with opened_world(engine, database_url, lanes=LANES, seed=seed) as world:
        report = await run_piece(world, bodies, seed=seed)
        drawn = {each.partition(" ")[0] for each in report.operations}
        # A few hundred bodies may miss one of the rarer reads by chance, and the last piece may be of a few.
        wanted = [each for each in operations_of(world.document).items() if each[0] not in _NOT_ASKED]
        every = {name for name, one in wanted if bodies >= MANY or (one.body and bodies >= SOME)}
    record_property("fuzz", json.dumps(report.plain()))
    if report.faults:  # at once: a campaign goes on for long, and tells only at its end
        FOUND.mkdir(parents=True, exist_ok=True)
        (FOUND / f"{seed.replace('/', '-')}.txt").write_text(told(report, seed), errors="backslashreplace")
    assert not report.faults, told(report, seed)
    assert drawn >= every, f"seed {seed}: never asked: {every - drawn}"
    # A campaign that is refused at the door proves nothing about what is behind it.
    assert sum(report.accepted.values()) >= bodies // 100, (seed, report.accepted)


async def test_an_unclaimed_installation_is_claimed_once_or_not_at_all(engine: AsyncEngine, database_url: str) -> None:
    async with unclaimed_world(engine, database_url, lanes=2) as world:
        report = await run_piece(world, 120, seed="claim", only=frozenset({"claim", "login", "readSession"}))
        assert not report.faults, told(report, "claim")
        assert report.operations["claim 201"] == await world.site.count("users") == 1
        assert report.operations["claim 409"] > 0
        assert report.operations["claim 422"] > 20


def told(report: Report, seed: str) -> str:
    faults = "\n".join(f"- {each}" for each in report.faults.values())
    return f"seed {seed}: {report.fault_count} faults, the first of each kind:\n{faults}"


# What the fuzzer must find: one handler made wrong at a time, in a running world.


class Sabotage:
    """`spoil` puts the wrong part in; the fuzzer asks only for `operations` and must tell of `kind`."""

    def __init__(
        self, kind: str, *operations: str, spoil: Callable[[pytest.MonkeyPatch, World], None], bodies: int = 40
    ) -> None:
        self.kind, self.operations, self.spoil, self.bodies = kind, frozenset(operations), spoil, bodies


def _writes_before_it_checks(patch: pytest.MonkeyPatch, world: World) -> None:
    submit = intents._submit

    async def early(parts: Any, caller: Any, account_id: Any, body: Any, confirmation: Any, *, ip: Any) -> None:
        async with parts.engine.begin() as connection:
            await connection.execute(text("UPDATE accounts SET name = name || '.' WHERE id = :id"), {"id": account_id})
        await submit(parts, caller, account_id, body, confirmation, ip=ip)

    patch.setattr(intents, "_submit", early)


def _commits_in_the_middle(patch: pytest.MonkeyPatch, world: World) -> None:
    """A cancel-all whose refusal comes after its first part was committed."""

    async def half(asker: Any, body: Any) -> Any:
        await change_commands.audit(asker, "order.cancel_all", "cancel_all", str(body.id), {})
        await asker.connection.commit()
        raise InvalidInput([Problem("input.missing", "category")])

    patch.setattr(change_commands, "submit_cancel_all", half)


def _tells_the_owner_of_what_was_refused(patch: pytest.MonkeyPatch, world: World) -> None:
    require = queries.require_account

    async def loud(connection: Any, workspace_id: Any, account_id: Any) -> Any:
        await connection.execute(text("SELECT pg_notify('account_wanted', :id)"), {"id": str(account_id)})
        await connection.commit()
        return await require(connection, workspace_id, account_id)

    patch.setattr(queries, "require_account", loud)


def _forgets_what_was_asked(patch: pytest.MonkeyPatch, world: World) -> None:
    """The same id again is a new audit entry each time."""

    async def never(asker: Any, body: Any, scope: Any) -> None:
        return None

    patch.setattr(change_commands, "_asked_before", never)


def _keeps_no_record(patch: pytest.MonkeyPatch, world: World) -> None:
    async def nothing(*_: Any) -> None:
        return None

    patch.setattr(asking, "audit", nothing)


def _stumbles(patch: pytest.MonkeyPatch, world: World) -> None:
    def body_problems(*_: Any) -> Any:
        raise ZeroDivisionError

    patch.setattr(commands, "body_problems", body_problems)


def _answers_in_another_shape(patch: pytest.MonkeyPatch, world: World) -> None:
    view = intents.intent_answer
    patch.setattr("tradewright.web.routes_trading.intent_answer", lambda found: {**view(found), "status": "fine"})


def _repeats_the_key(patch: pytest.MonkeyPatch, world: World) -> None:
    view = views_connections.connection_view

    def open_view(connection: Any, rest_address: Any, now: Any) -> dict[str, Any]:
        return {**view(connection, rest_address, now), "key_shown": _last_key[0]}

    _last_key = [""]
    checked = NewConnection.checked_environment

    def remembering(asked: NewConnection, *, real_trading: bool) -> Any:
        _last_key[0] = asked.credentials.key
        return checked(asked, real_trading=real_trading)

    patch.setattr(NewConnection, "checked_environment", remembering)
    patch.setattr("tradewright.web.connection_answers.connection_view", open_view)


def _logs_the_secret(patch: pytest.MonkeyPatch, world: World) -> None:
    checked = NewConnection.checked_environment

    def chatty(asked: NewConnection, *, real_trading: bool) -> Any:
        structlog.get_logger().info("connection.asked", about=asked.credentials.secret.reveal())
        return checked(asked, real_trading=real_trading)

    patch.setattr(NewConnection, "checked_environment", chatty)


def _lets_viewers_trade(patch: pytest.MonkeyPatch, world: World) -> None:
    patch.setattr("tradewright.web.auth.require_role", lambda principal, needed: principal)


SABOTAGES = (
    Sabotage("partial effect", "postIntent", spoil=_writes_before_it_checks),
    Sabotage("partial effect", "cancelAll", spoil=_commits_in_the_middle),
    Sabotage("partial effect", "postIntent", spoil=_tells_the_owner_of_what_was_refused),
    Sabotage("done twice", "cancelAll", spoil=_forgets_what_was_asked, bodies=200),
    Sabotage("unaudited", "postIntent", spoil=_keeps_no_record),
    Sabotage("5xx", "postIntent", spoil=_stumbles),
    Sabotage("answer out of shape", "postIntent", spoil=_answers_in_another_shape),
    Sabotage("secret told", "postConnection", spoil=_repeats_the_key),
    Sabotage("secret logged", "postConnection", spoil=_logs_the_secret),
    Sabotage("let in", "previewOrder", "cancelAll", spoil=_lets_viewers_trade),
)


async def test_each_of_these_wrongs_would_be_found(
    engine: AsyncEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = []
    async with opened_world(engine, database_url, lanes=2, seed="sabotage") as world:
        assert not (await run_piece(world, 30, seed="sound")).faults
        for sabotage in SABOTAGES:
            with monkeypatch.context() as patch:
                sabotage.spoil(patch, world)
                report = await run_piece(world, sabotage.bodies, seed=sabotage.spoil.__name__, only=sabotage.operations)
            if not any(sabotage.kind in fault for fault in report.faults):
                missed.append((sabotage.spoil.__name__, list(report.faults)))
    assert not missed


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of an account that nobody reaches is answered after two seconds; a fifth of that tells as much."""
    monkeypatch.setattr(intents, "WAIT_S", 0.4)
    monkeypatch.setattr(intents, "RECONCILE_WAIT_S", 1.5)
