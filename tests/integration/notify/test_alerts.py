"""Price alerts over a market hub and PostgreSQL: fired once, by whoever judges, also for what was missed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from integration.web.kit import BTC, Site, User, started_site
from tradewright.core.errors import NotFound
from tradewright.core.ids import UserId
from tradewright.core.instrument import InstrumentId
from tradewright.identity.audited import By
from tradewright.notify.alerts import commands
from tradewright.notify.alerts.keeping import AlertKeeper
from tradewright.notify.alerts.model import (
    ALERTS_OF_USER_MAX,
    INSTRUMENTS_OF_USER_MAX,
    AlertMoved,
    NewAlert,
    TooManyAlerts,
)
from tradewright.notify.centre import Whose, read_page

ASKED = NewAlert(
    environment="sim",
    instrument=BTC,
    price_by="last",
    direction="above",
    price=Decimal("61000"),
    repeats=False,
    ends_at=None,
    note="tell me",
)


@dataclass
class Bench:
    site: Site
    ann: User

    @property
    def whose(self) -> Whose:
        return whose_of(self.ann)

    async def add(self, **changed: Any) -> dict[str, Any]:
        async with self.site.parts.engine.begin() as connection:
            return await commands.add_alert(
                connection, self.whose, by(self.site, self.whose), replace(ASKED, **changed)
            )

    async def alert(self, alert_id: str) -> dict[str, Any]:
        async with self.site.parts.engine.connect() as connection:
            return await commands.read_alert(connection, self.whose, UUID(alert_id))

    async def reached(self, alert_id: str) -> bool | None:
        async with self.site.parts.engine.connect() as connection:
            found = await connection.scalar(
                text("SELECT is_reached FROM price_alerts WHERE id = :id"), {"id": alert_id}
            )
            return found if found is None else bool(found)

    async def told(self) -> list[dict[str, Any]]:
        async with self.site.parts.engine.connect() as connection:
            return (await read_page(connection, self.whose, kind="price_alert"))[0]

    def keeper(self) -> AlertKeeper:
        parts = self.site.parts
        return AlertKeeper(parts.engine, parts.bus, parts.markets, parts.clock, parts.ids)

    @asynccontextmanager
    async def kept(self, count: int = 1) -> AsyncIterator[None]:
        """While that many processes judge."""
        tasks = [asyncio.create_task(self.keeper().run()) for _ in range(count)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def price(self, price: str, alert_id: str, *, reached: bool) -> None:
        """Until the alert has been judged by it."""
        async with asyncio.timeout(20):
            while await self.reached(alert_id) is not reached:
                self.site.public.ticker(price)
                await asyncio.sleep(0.05)


def whose_of(user: User) -> Whose:
    return Whose(workspace_id=user.workspace_id, user_id=UserId(UUID(user.session["user"]["id"])))


def by(site: Site, whose: Whose) -> By:
    return By(user_id=whose.user_id, ip=None, now=site.clock.now(), ids=site.parts.ids)


@pytest.fixture
async def bench(engine, database_url):
    async with started_site(engine, database_url) as site:
        yield Bench(site, await site.claim())


async def test_a_line_that_is_crossed_is_told_once_with_two_who_judge(bench):
    made = await bench.add()
    async with bench.kept(2):
        await bench.price("60999.9", made["id"], reached=False)
        assert await bench.told() == []
        await bench.price("61000", made["id"], reached=True)
        for price in ("60000", "62000", "60000", "62000"):
            bench.site.public.ticker(price)
            await asyncio.sleep(0.05)
    (told,) = await bench.told()
    assert told["merged"] == 1
    assert told["params"] | {"seen": "61000", "price": "61000", "note": "tell me"} == told["params"]
    alert = await bench.alert(made["id"])
    assert (alert["state"], alert["fired_count"], alert["fired_price"]) == ("fired", 1, "61000")
    async with bench.site.parts.engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM intents")) == 0


async def test_a_line_that_was_crossed_while_nobody_looked_is_told_on_return(bench):
    made = await bench.add()
    async with bench.kept():
        await bench.price("60000", made["id"], reached=False)
    async with bench.kept():
        await bench.price("65000", made["id"], reached=True)
    assert len(await bench.told()) == 1


async def test_a_price_that_is_there_from_the_first_is_no_crossing(bench):
    made = await bench.add(direction="below")
    async with bench.kept():
        await bench.price("60000", made["id"], reached=True)
    assert await bench.told() == []
    assert (await bench.alert(made["id"]))["state"] == "waiting"


async def test_one_that_repeats_waits_again_and_fires_a_minute_later_at_the_earliest(bench):
    made = await bench.add(repeats=True)
    async with bench.kept():
        await bench.price("60000", made["id"], reached=False)
        await bench.price("61500", made["id"], reached=True)
        bench.site.clock.offset += timedelta(seconds=61)
        await bench.price("60000", made["id"], reached=False)
        await bench.price("61500", made["id"], reached=True)
    alert = await bench.alert(made["id"])
    assert (alert["state"], alert["fired_count"]) == ("waiting", 2)
    assert sum(each["merged"] for each in await bench.told()) == 2


async def test_one_that_is_paused_changed_or_past_its_end_does_not_fire(bench):
    paused, changed, ended = (
        await bench.add(),
        await bench.add(),
        await bench.add(ends_at=bench.site.clock.now() + timedelta(days=1)),
    )
    async with bench.kept():
        for made in (paused, changed, ended):
            await bench.price("60000", made["id"], reached=False)
        async with bench.site.parts.engine.begin() as connection:
            await commands.pause_alert(connection, bench.whose, by(bench.site, bench.whose), UUID(paused["id"]))
            await commands.change_alert(
                connection, bench.whose, by(bench.site, bench.whose), UUID(changed["id"]), changed["version"],
                replace(ASKED, price=Decimal("90000")),
            )  # fmt: skip
            await connection.execute(
                text("UPDATE price_alerts SET ends_at = now() WHERE id = :id"), {"id": ended["id"]}
            )
        await bench.price("62000", changed["id"], reached=False)
        bench.site.public.ticker("62001")
        await asyncio.sleep(0.2)
    assert await bench.told() == []
    states = [(await bench.alert(made["id"]))["state"] for made in (paused, changed)]
    assert states == ["paused", "waiting"]


async def test_a_change_of_what_was_changed_meanwhile_is_refused(bench):
    made = await bench.add()
    async with bench.site.parts.engine.begin() as connection:
        with pytest.raises(AlertMoved):
            await commands.change_alert(
                connection, bench.whose, by(bench.site, bench.whose), UUID(made["id"]), made["version"] + 1, ASKED
            )


async def test_an_alert_is_its_owners_alone(bench):
    made = await bench.add()
    bob = whose_of(await bench.site.second_user("owner", workspace=bench.ann.workspace_id))
    eve = whose_of(await bench.site.second_user("owner", username="Eve"))
    for other in (bob, eve):
        for deed in (commands.pause_alert, commands.resume_alert, commands.remove_alert):
            async with bench.site.parts.engine.begin() as connection:
                with pytest.raises(NotFound):
                    await deed(connection, other, by(bench.site, other), UUID(made["id"]))
        async with bench.site.parts.engine.connect() as connection:
            assert await commands.list_alerts(connection, other) == []
    async with bench.kept():
        await bench.price("60000", made["id"], reached=False)
        await bench.price("61500", made["id"], reached=True)
    for other in (bob, eve):
        async with bench.site.parts.engine.connect() as connection:
            assert (await read_page(connection, other))[0] == []


async def test_there_are_bounds_on_alerts_and_on_their_instruments(bench):
    for number in range(INSTRUMENTS_OF_USER_MAX):
        await bench.add(instrument=InstrumentId("linear", f"X{number}USDT"))
    with pytest.raises(TooManyAlerts):
        await bench.add()
    for _ in range(ALERTS_OF_USER_MAX - INSTRUMENTS_OF_USER_MAX):
        await bench.add(instrument=InstrumentId("linear", "X0USDT"))
    with pytest.raises(TooManyAlerts):
        await bench.add(instrument=InstrumentId("linear", "X0USDT"))
