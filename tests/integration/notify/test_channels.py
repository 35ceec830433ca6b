"""By a person's rules what happened goes on to their channels: merged, held at night, tried again, escalated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from integration.notify.kit import Place, make_place
from integration.notify.receiver import Receiver, receiving
from integration.notify.test_following import desk_of
from sim.facts import fill
from tradewright.core.errors import InvalidInput, NotFound
from tradewright.identity.audited import By
from tradewright.notify.alive import Alive
from tradewright.notify.centre import Whose, mark_read
from tradewright.notify.deliveries import Deliveries
from tradewright.notify.dispatching import ATTEMPTS_MAX, Dispatcher
from tradewright.notify.preferences import (
    CHANNELS_OF_USER_MAX,
    JustTested,
    Preferences,
    Rule,
    SettingsMoved,
    TooManyChannels,
    add_channel,
    begin_test,
    read_preferences,
    remove_channel,
    set_preferences,
)
from tradewright.notify.sending import Sending
from tradewright.trading.model import Reason
from tradewright.vault.service import LiveServiceKeyring
from tradewright.vault.sources import FileSource


class Carrier:
    """A place with channels: what is written is carried, what is due is sent."""

    def __init__(self, place: Place, receiver: Receiver, home: Path) -> None:
        self.place, self.receiver = place, receiver
        self.keyring = LiveServiceKeyring(FileSource(home / "service.keys"))
        self.carry = Deliveries(place.clock, place.ids).carry
        self.dispatcher = Dispatcher(place.engine, place.clock, self.keyring, Sending(receiver.allowed))

    def by(self, whose: Whose) -> By:
        return By(user_id=whose.user_id, ip=None, now=self.place.clock.now(), ids=self.place.ids)

    async def channel(self, whose: Whose, path: str = "", name: str = "Phone") -> UUID:
        address = self.receiver.address + path
        async with self.place.engine.begin() as connection:
            return await add_channel(
                connection, whose, self.by(whose), self.keyring, name=name, service="json", address=address
            )

    async def prefer(self, whose: Whose, **changed: Any) -> Preferences:
        async with self.place.engine.begin() as connection:
            known = await read_preferences(connection, whose)
            return await set_preferences(connection, whose, replace(known, **changed), self.by(whose))

    async def fills(self, *names: str) -> None:
        await self.place.journal.book([fill(name) for name in names], "stream")
        await self.place.follow(self.carry)

    async def refused(self, code: str = "risk.daily_loss") -> None:
        await desk_of(self.place).place()
        (intent,) = await self.place.journal.proposed()
        await self.place.journal.refuse(intent, Reason(code))
        await self.place.follow(self.carry)

    async def send(self, after_s: float = 0) -> list[dict[str, Any]]:
        """What arrives by a moment that many seconds on."""
        self.place.clock.shift_s += after_s
        had = len(self.receiver.got)
        while await self.dispatcher.begin():
            await self.dispatcher.idle()
        return self.receiver.got[had:]

    async def states(self) -> list[str]:
        return list((await self.place.scalar("SELECT array_agg(state ORDER BY due_at, id) FROM deliveries")) or ())


@pytest_asyncio.fixture
async def carrier(place: Place, tmp_path: Path) -> AsyncIterator[Carrier]:
    async with receiving() as receiver:
        yield Carrier(place, receiver, tmp_path)


async def test_fills_that_belong_together_are_one_message(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    await carrier.prefer(ann, rules=[Rule(kind="fill", channel_ids=(channel,))])
    for n in range(14):
        await carrier.fills(f"e-{n}")
    assert await carrier.send() == []  # they are still gathered
    (told,) = await carrier.send(6)
    assert told["title"] == "Filled: buy 7 BTCUSDT at 60000"
    assert "14 fills" in told["message"]
    assert await carrier.send(60) == []
    assert await carrier.states() == ["sent"]


async def test_who_has_no_rule_for_a_kind_is_told_on_the_page_alone(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    await carrier.prefer(ann, rules=[Rule(kind="kill", channel_ids=(channel,))])
    await carrier.fills("e-1")
    assert await carrier.states() == []
    assert len(await carrier.place.told(ann)) == 1


async def test_what_was_read_on_the_page_is_not_sent_any_more(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    await carrier.prefer(ann, rules=[Rule(kind="fill", channel_ids=(channel,))])
    await carrier.fills("e-1")
    (told,) = await carrier.place.told(ann)
    async with carrier.place.engine.begin() as connection:
        await mark_read(connection, ann, UUID(told["id"]))
    assert await carrier.send(10) == []
    assert await carrier.states() == ["dropped"]


async def test_at_night_only_what_is_critical_is_sent_and_the_rest_in_the_morning(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    minute = _minute(carrier.place.clock.now())
    rules = [Rule(kind=kind, channel_ids=(channel,)) for kind in ("fill", "limit_hit")]
    await carrier.prefer(ann, rules=rules, quiet=((minute - 60) % 1440, (minute + 60) % 1440))
    await carrier.fills("e-1")
    await carrier.refused()
    assert [each["title"] for each in await carrier.send(10)] == ["Limit reached: risk.daily_loss"]
    assert [each["title"][:6] for each in await carrier.send(3600)] == ["Filled"]


async def test_below_the_wanted_severity_nothing_leaves_the_page(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    await carrier.prefer(ann, minimal_severity="warning", rules=[Rule(kind="fill", channel_ids=(channel,))])
    await carrier.fills("e-1")
    assert await carrier.states() == []


async def test_what_nobody_reads_goes_to_the_next_channel(carrier):
    ann = await carrier.place.member("ann")
    first, second = await carrier.channel(ann, "/first"), await carrier.channel(ann, "/second")
    rule = Rule(kind="limit_hit", channel_ids=(first,), escalate_minutes=5, escalate_channel_id=second)
    await carrier.prefer(ann, rules=[rule])
    await carrier.refused()
    assert len(await carrier.send()) == 1
    assert await carrier.send(4 * 60) == []
    (told,) = await carrier.send(61)
    assert told["title"].startswith("Still unread: ")
    await carrier.refused("risk.leverage")
    for each in await carrier.place.told(ann):
        async with carrier.place.engine.begin() as connection:
            await mark_read(connection, ann, UUID(each["id"]))
    assert await carrier.send(301) == []


async def test_a_service_that_fails_is_tried_again_further_and_further_off_and_then_given_up(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    await carrier.prefer(ann, rules=[Rule(kind="limit_hit", channel_ids=(channel,))])
    carrier.receiver.status = 503
    await carrier.refused()
    pauses = [0, 11, 41, 161, 641]
    assert len(pauses) == ATTEMPTS_MAX
    for pause in pauses:
        assert len(await carrier.send(pause)) == 1
        assert await carrier.send() == []
    assert await carrier.states() == ["failed"]
    assert await carrier.send(100_000) == []
    (shown,) = (await _preferences(carrier, ann)).channels
    assert shown["failure"] == {"code": "channel.failed", "params": {"status": "503"}}


async def test_a_message_whose_sender_was_killed_is_found_and_sent(carrier):
    ann = await carrier.place.member("ann")
    channel = await carrier.channel(ann)
    await carrier.prefer(ann, rules=[Rule(kind="limit_hit", channel_ids=(channel,))])
    await carrier.refused()
    await carrier.place.run("UPDATE deliveries SET state = 'sending', attempts = 1, tried_at = now()")
    assert await carrier.send(60) == []
    assert len(await carrier.send(300)) == 1


async def test_the_daily_message_is_sent_once_a_day_from_its_minute_on(carrier):
    ann = await carrier.place.member("ann", language="ru")
    channel = await carrier.channel(ann)
    now = carrier.place.clock.now()
    carrier.place.clock.shift_s += (
        datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1) - now
    ).total_seconds()
    await carrier.prefer(ann, alive_at=9 * 60, alive_channel_id=channel)
    alive = Alive(carrier.place.engine, carrier.place.clock, carrier.place.ids)
    await alive.look()
    assert await carrier.send(8 * 3600) == []
    carrier.place.clock.shift_s += 3700
    for _ in range(3):
        await alive.look()
    (told,) = await carrier.send()
    assert told["title"] == "Tradewright работает"
    carrier.place.clock.shift_s += 86_400
    await alive.look()
    assert len(await carrier.send()) == 1


async def test_an_address_is_sealed_for_its_row_and_given_back_by_nothing(carrier):
    ann = await carrier.place.member("ann")
    one, two = await carrier.channel(ann, "/SECRET"), await carrier.channel(ann)
    assert "SECRET" not in str(await _preferences(carrier, ann))
    stored = await carrier.place.scalar("SELECT address FROM notification_channels WHERE id = :id", id=one)
    assert b"SECRET" not in bytes(stored)
    audit = await carrier.place.scalar("SELECT string_agg(audit_entries::text, ' ') FROM audit_entries")
    assert "notify.channel_add" in audit
    assert "SECRET" not in audit
    # Moved to another row it does not open, and the message says so.
    await carrier.place.run(
        "UPDATE notification_channels SET address = (SELECT address FROM notification_channels WHERE id = :one)"
        " WHERE id = :two", one=one, two=two,
    )  # fmt: skip
    await carrier.prefer(ann, rules=[Rule(kind="limit_hit", channel_ids=(two,))])
    await carrier.refused()
    assert await carrier.send() == []
    failures = [each["failure"] for each in (await _preferences(carrier, ann)).channels]
    assert failures == [None, {"code": "channel.sealed", "params": {}}]


async def test_nobody_uses_sees_or_removes_the_channel_of_another(carrier):
    ann = await carrier.place.member("ann")
    bob = await carrier.place.member("bob")
    other = await make_place(carrier.place.engine, carrier.place.url, uid="2")
    stranger = await other.member("stranger")
    channel = await carrier.channel(ann)
    for whose in (bob, stranger):
        assert (await _preferences(carrier, whose)).channels == []
        with pytest.raises(InvalidInput):
            await carrier.prefer(whose, rules=[Rule(kind="fill", channel_ids=(channel,))])
        async with carrier.place.engine.begin() as connection:
            with pytest.raises(NotFound):
                await remove_channel(connection, whose, carrier.by(whose), channel)
        async with carrier.place.engine.begin() as connection:
            with pytest.raises(NotFound):
                await begin_test(connection, whose, carrier.by(whose), carrier.keyring, channel)


async def test_settings_that_were_changed_meanwhile_are_not_overwritten(carrier):
    ann = await carrier.place.member("ann")
    known = await _preferences(carrier, ann)
    await carrier.prefer(ann, minimal_severity="critical")
    async with carrier.place.engine.begin() as connection:
        with pytest.raises(SettingsMoved):
            await set_preferences(connection, ann, known, carrier.by(ann))


async def test_there_are_ten_channels_at_most_and_a_test_every_ten_seconds(carrier):
    ann = await carrier.place.member("ann")
    channels = [await carrier.channel(ann, name=f"C{n}") for n in range(CHANNELS_OF_USER_MAX)]
    with pytest.raises(TooManyChannels):
        await carrier.channel(ann)
    async with carrier.place.engine.begin() as connection:
        by = carrier.by(ann)
        assert await begin_test(connection, ann, by, carrier.keyring, channels[0]) == carrier.receiver.address
        for seconds, is_soon in ((9, True), (10, False)):
            later = replace(by, now=by.now + timedelta(seconds=seconds))
            with pytest.raises(JustTested) if is_soon else nullcontext():
                await begin_test(connection, ann, later, carrier.keyring, channels[0])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"time_zone": "Nowhere/City"}, "notify.time_zone"),
        ({"quiet": (0, 1440)}, "input.range"),
        ({"alive_at": 5}, "notify.alive_whole"),
        ({"rules": [Rule(kind="nothing")]}, "notify.kind"),
        ({"rules": [Rule(kind="fill"), Rule(kind="fill")]}, "notify.kind"),
        ({"rules": [Rule(kind="fill", escalate_minutes=5)]}, "notify.escalation_whole"),
    ],
)
async def test_settings_that_make_no_sense_are_refused_by_name(carrier, changed, code):
    ann = await carrier.place.member("ann")
    with pytest.raises(InvalidInput) as caught:
        await carrier.prefer(ann, **changed)
    assert code in [problem.code for problem in caught.value.problems]


async def _preferences(carrier: Carrier, whose: Whose) -> Preferences:
    async with carrier.place.engine.connect() as connection:
        return await read_preferences(connection, whose)


def _minute(now: datetime) -> int:
    return now.hour * 60 + now.minute
