"""The worker's care for sessions: one for each account, hints to the right one, a failed one started anew."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
import pytest_asyncio
import structlog
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from contract.journal_worlds import make_home
from integration.trading.conftest import Desk
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.ids import AccountId
from tradewright.core.instrument import InstrumentId
from tradewright.exchange.bybit.proxy import BadProxy
from tradewright.storage.bus import Bus, notify
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.model import AccountRef
from tradewright.trading.provision import ACCOUNTS_CHANNEL
from tradewright.trading.session import AccountSession
from tradewright.trading.store import PostgresJournal
from tradewright.trading.wishes import WANTED_CHANNEL, Wish, payload_of
from tradewright.trading.worker import SessionKeeper

WAIT_S = 60.0


class Session:
    """A session that runs until it is cancelled, or fails at once with what the script says next."""

    def __init__(self, account: AccountRef, log: Log) -> None:
        self._account = account
        self._log = log

    async def run(self) -> None:
        self._log.opened[self._account.id] += 1
        failures = self._log.failures.get(self._account.id, [])
        if failures:
            raise failures.pop(0)
        try:
            await asyncio.Event().wait()
        finally:
            self._log.closed[self._account.id] += 1

    def wake(self) -> None:
        self._log.woken[self._account.id] += 1

    def want_reconcile(self) -> None:
        self._log.wanted.append((self._account.id, None))

    def want_symbol(self, instrument: InstrumentId) -> None:
        self._log.wanted.append((self._account.id, instrument))


class Log:
    def __init__(self) -> None:
        self.opened: Counter[AccountId] = Counter()
        self.closed: Counter[AccountId] = Counter()
        self.woken: Counter[AccountId] = Counter()
        self.wanted: list[tuple[AccountId, InstrumentId | None]] = []
        self.failures: dict[AccountId, list[Exception]] = {}
        self.pauses_s: list[float] = []


class NotingClock(SystemClock):
    """Every pause is over at once, and noted."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def sleep(self, seconds: float) -> None:
        self._log.pauses_s.append(seconds)
        await asyncio.sleep(0)


class EvenRng(SystemRng):
    def random(self) -> float:
        return 0.5


@pytest_asyncio.fixture
async def bus(database_url: str) -> AsyncIterator[Bus]:
    made = Bus(database_url, rng=SystemRng(), poll_s=3600)  # only real notifications
    await made.start()
    yield made
    await made.close()


def keeper(desk: Desk, bus: Bus, log: Log) -> SessionKeeper:
    def journal_of(account: AccountRef) -> PostgresJournal:
        return PostgresJournal(desk.engine, account, clock=SystemClock(), ids=SystemIds())

    async def open_session(account: AccountRef) -> AccountSession:
        return cast(AccountSession, Session(account, log))

    return SessionKeeper(desk.engine, bus, open_session, journal_of, clock=NotingClock(log), rng=EvenRng())


@contextlib.asynccontextmanager
async def kept(desk: Desk, bus: Bus, log: Log) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(keeper(desk, bus, log).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not so():
        assert time.monotonic() < deadline, f"not so within {WAIT_S} s"
        await asyncio.sleep(0.01)


async def test_every_account_has_one_session_also_one_that_is_made_later(desk: Desk, bus: Bus) -> None:
    log = Log()
    async with kept(desk, bus, log):
        await until(lambda: log.opened[desk.account_id])
        later = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
        await until(lambda: log.opened[later.account.id])
        assert log.opened == {desk.account_id: 1, later.account.id: 1}
    assert log.closed == {desk.account_id: 1, later.account.id: 1}


async def test_the_session_of_an_account_that_rests_ends_is_told_and_comes_back_when_it_wakes(
    desk: Desk, bus: Bus
) -> None:
    log = Log()
    other = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")

    async def rest(resting: bool) -> None:
        async with desk.engine.begin() as connection:
            await connection.execute(
                text("UPDATE accounts SET resting = :resting WHERE id = :id"),
                {"resting": resting, "id": desk.account_id},
            )
            await notify(connection, ACCOUNTS_CHANNEL, str(desk.account_id))

    async def told() -> Any:
        async with desk.engine.connect() as connection:
            found = await connection.execute(
                text("SELECT session_state, session_reason FROM accounts WHERE id = :id"), {"id": desk.account_id}
            )
            return found.one()

    async with kept(desk, bus, log):
        await until(lambda: len(log.opened) == 2)
        await rest(True)
        await until(lambda: log.closed[desk.account_id] == 1)
        async with asyncio.timeout(WAIT_S):
            while (await told()).session_state != "closed":
                await asyncio.sleep(0.01)
        assert (await told()).session_reason["code"] == "session.resting"
        assert log.closed[other.account.id] == 0
        while log.opened[desk.account_id] == 1:  # until it has looked after the end
            await rest(False)
            await asyncio.sleep(0.01)
        assert log.opened[other.account.id] == 1


async def test_a_key_that_may_trade_something_else_by_now_gets_a_session_of_its_own(desk: Desk, bus: Bus) -> None:
    log = Log()
    async with kept(desk, bus, log):
        await until(lambda: log.opened[desk.account_id])
        async with desk.engine.begin() as connection:
            await connection.execute(
                text("""UPDATE accounts SET categories = '["linear"]' WHERE id = :id"""), {"id": desk.account_id}
            )
            await notify(connection, ACCOUNTS_CHANNEL, str(desk.account_id))
        await until(lambda: log.opened[desk.account_id] == 2)
        assert log.closed[desk.account_id] == 1


async def test_while_the_accounts_cannot_be_read_every_session_goes_on_and_the_next_look_finds_the_new_one(
    desk: Desk, bus: Bus
) -> None:
    log = Log()

    async def run(statement: str) -> None:
        async with desk.engine.begin() as connection:
            await connection.execute(text(statement))

    async with kept(desk, bus, log) as task:
        await until(lambda: log.opened[desk.account_id])
        await run("ALTER TABLE accounts RENAME TO accounts_elsewhere")
        with structlog.testing.capture_logs() as told:
            while not any(line["event"] == "worker.accounts_unread" for line in told):  # until the bus listens
                assert not task.done(), task
                async with desk.engine.begin() as connection:
                    await notify(connection, ACCOUNTS_CHANNEL, str(desk.account_id))
                await asyncio.sleep(0.01)
        await run("ALTER TABLE accounts_elsewhere RENAME TO accounts")
        later = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
        await until(lambda: log.opened[later.account.id])
        assert log.closed[desk.account_id] == 0


async def test_a_new_intent_wakes_the_session_of_its_account_and_no_other(desk: Desk, bus: Bus) -> None:
    other = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
    log = Log()
    async with kept(desk, bus, log):
        await until(lambda: len(log.opened) == 2)
        while not log.woken[desk.account_id]:  # until the bus listens
            await desk.place()
            await asyncio.sleep(0.01)
        before = log.woken.copy()
        await desk.place()
        await until(lambda: log.woken[desk.account_id] > before[desk.account_id])
        assert log.woken[other.account.id] == before[other.account.id]


async def test_what_is_wanted_of_an_account_is_asked_of_its_session_and_of_no_other(desk: Desk, bus: Bus) -> None:
    other = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
    log = Log()
    btc = InstrumentId("spot", "BTCUSDT")

    async def want(payload: str) -> None:
        async with desk.engine.begin() as connection:
            await notify(connection, WANTED_CHANNEL, payload)

    async with kept(desk, bus, log):
        await until(lambda: len(log.opened) == 2)
        while not log.wanted:  # until the bus listens
            await want(payload_of(Wish(account_id=other.account.id, whole=True, instrument=None)))
            await asyncio.sleep(0.01)
        before = len(log.wanted)
        await want("nonsense")
        await want(payload_of(Wish(account_id=AccountId(SystemIds().new()), whole=True, instrument=None)))
        await want(payload_of(Wish(account_id=desk.account_id, whole=True, instrument=btc)))
        await until(lambda: (desk.account_id, btc) in log.wanted)
        later = [wish for wish in log.wanted[before:] if wish[0] != other.account.id]
        assert later == [(desk.account_id, None), (desk.account_id, btc)]


async def test_a_failed_session_is_told_and_started_anew_with_growing_pauses(desk: Desk, bus: Bus) -> None:
    log = Log()
    log.failures[desk.account_id] = [ExchangeUnavailable(f"failure {n}") for n in range(7)]
    async with kept(desk, bus, log):
        await until(lambda: log.opened[desk.account_id] == 8)
    assert log.pauses_s == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    async with desk.engine.connect() as connection:
        told = await connection.execute(text("SELECT payload FROM account_events WHERE kind = 'session' ORDER BY seq"))
        sessions = [row.payload["account"]["session"] for row in told]
    assert ("closed", "failure 0") in [
        (session["state"], session["reason"] and session["reason"]["detail"]) for session in sessions
    ]


async def test_the_reason_that_is_told_of_a_database_error_holds_no_statement(desk: Desk, bus: Bus) -> None:
    log = Log()
    secret = OperationalError("SELECT secret", {"name": "canary"}, Exception("canary"))
    log.failures[desk.account_id] = [secret, OSError("canary")]
    async with kept(desk, bus, log):
        await until(lambda: log.opened[desk.account_id] == 3)
    async with desk.engine.connect() as connection:
        told = list(await connection.execute(text("SELECT payload::text AS payload FROM account_events ORDER BY seq")))
    assert "OperationalError" in " ".join(row.payload for row in told)
    assert not [row for row in told if "canary" in row.payload or "SELECT" in row.payload]


async def test_a_bug_in_one_session_is_told_waits_long_and_leaves_the_other_accounts_alone(
    desk: Desk, bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    other = await make_home(desk.engine, SystemIds(), SystemClock(), uid="2")
    log.failures[desk.account_id] = [
        ZeroDivisionError("canary"),
        ExceptionGroup("both", [BadProxy("canary"), ExchangeUnavailable("away")]),
    ]
    async with kept(desk, bus, log) as task:
        await until(lambda: log.opened[desk.account_id] == 3 and log.opened[other.account.id] == 1)
        assert not task.done()
        assert log.closed[other.account.id] == 0
    assert log.pauses_s == [15.0, 15.0], "a bug is not tried again and again"
    async with desk.engine.connect() as connection:
        told = await connection.execute(text("SELECT payload FROM account_events WHERE kind = 'session' ORDER BY seq"))
        reasons = [row.payload["account"]["session"]["reason"] for row in told]
    said = [(reason["code"], reason["params"].get("error")) for reason in reasons if reason is not None]
    assert ("session.bug", "ZeroDivisionError") in said
    assert ("session.bug", "BadProxy") in said
    assert not [reason for reason in reasons if "canary" in str(reason)], "its text is for the log"
    assert "ZeroDivisionError" in capsys.readouterr().out, "with its traceback"
