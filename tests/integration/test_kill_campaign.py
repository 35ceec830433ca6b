"""Two small cycles of the kill campaign; `make kill` runs the whole one, over every named point."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from campaigns.kill import Plan, run
from contract.journal_worlds import make_home
from tradewright.app.crash import require_no_money
from tradewright.core.errors import StartError
from tradewright.settings import Settings
from tradewright.system import SystemClock, SystemIds
from tradewright.trading.crash_points import CRASH_POINTS, nowhere

_PLAN = Plan(
    cycles=2,
    accounts=3,
    times_each=1,
    points=("request.handed",),
    restarts_s=(8.0, 20.0),
    counted_min=1,
    settled_within_s=90.0,  # `make kill` holds it to 30 s, on a machine of its own
)


async def test_killed_workers_place_nothing_twice_lose_nothing_and_agree_with_the_exchange_afterwards(
    open_home: Path,
) -> None:
    tally = await run(_PLAN, open_home, seed="make test")
    print(tally.line(_PLAN))
    assert tally.problems(_PLAN) == []
    assert tally.orders > 0


def test_a_campaign_deals_every_point_as_often_as_it_promises() -> None:
    dealt = [point for cycle in Plan(15, 20).dealt(random.Random(1)) for point in cycle]
    assert {point: dealt.count(point) for point in CRASH_POINTS} == dict.fromkeys(CRASH_POINTS, 5)


@pytest.mark.parametrize(
    ("environment", "host", "refused"),
    [
        ("sim", None, False),
        ("demo", None, True),
        ("demo", "https://api-demo.bybit.com", True),
        ("demo", "http://127.0.0.1.example.com", True),
        ("demo", "http://127.0.0.1:9300", False),
        ("live", None, True),
    ],
)
async def test_a_wish_to_be_killed_is_refused_beside_an_account_that_is_not_on_this_machine(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, environment: str, host: str | None, refused: bool
) -> None:
    await make_home(engine, SystemIds(), SystemClock())
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE accounts SET environment = :name"), {"name": environment})
    if host is not None:
        monkeypatch.setenv("TRADEWRIGHT_HOSTS__DEMO__REST", host)
    settings = Settings()
    await require_no_money(engine, nowhere, settings)
    if not refused:
        await require_no_money(engine, lambda _point: None, settings)
        return
    with pytest.raises(StartError, match="1 accounts that are not simulated"):
        await require_no_money(engine, lambda _point: None, settings)
