"""The session of an account, of the simulated exchange's own or of a connection's, put together.

Lives here: `session_factory`: gateways, streams, what stands beside. Not here: the way there (`ways`), the check of
keys (`key_checks`), running them (`worker`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.risk import WorkerRisk
from tradewright.app.ways import Way, way_to
from tradewright.bots.runner.keeper import RunKeeper
from tradewright.bots.runner.parts import RunnerParts
from tradewright.connections.boxes import box_stored_at, open_credentials
from tradewright.connections.model import Credentials
from tradewright.connections.rows import CHANNEL
from tradewright.core.environment import Environment
from tradewright.core.instrument import Category
from tradewright.exchange.bybit.environments import capabilities_of
from tradewright.exchange.bybit.limits import RequestBudgets
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.bybit.signing import Signer
from tradewright.market.instrument_store import ask_for_instruments
from tradewright.market.instruments import InstrumentLists
from tradewright.storage.engine import reading
from tradewright.trading.account_book import AccountBook
from tradewright.trading.account_notes import PostgresNotes
from tradewright.trading.budgets import BudgetTeller
from tradewright.trading.capabilities import CapabilityRule
from tradewright.trading.crash_points import Reach, nowhere
from tradewright.trading.differences.keeper import DifferenceKeeper
from tradewright.trading.differences.store import PostgresDifferences
from tradewright.trading.guardian.guardian import Guardian
from tradewright.trading.guardian.model import GuardSettings
from tradewright.trading.guardian.store import PostgresGuardReads
from tradewright.trading.keys import KeyFollower
from tradewright.trading.kill.board import LatchRule
from tradewright.trading.kill.care import KillCare
from tradewright.trading.kill.switch import Way as KillWay
from tradewright.trading.ledger.keeper import LedgerKeeper, kept_by
from tradewright.trading.ledger.store import PostgresLedger
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Ownership
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.risk.rule import RiskRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.stops import AccountStop
from tradewright.trading.store import PostgresJournal
from tradewright.trading.watching import WatchingRule
from tradewright.trading.worker import SessionFactory
from tradewright.vault.opening import Opener


def session_factory(
    ground: Ground,
    lists: InstrumentLists,
    places: ExchangePlaces,
    keyring: Opener,
    care: KillCare,
    *,
    ownership: Ownership,
    reach: Reach = nowhere,
    risk: WorkerRisk | None = None,
) -> SessionFactory:
    """How a session is built: from the account's connection, its own gateway, stream and journal; its kill switch knows
    the way from then on, and has brought what waited in the spool."""
    evidence = EvidenceRule(settling_margin=timedelta(seconds=float(ground.settings.settling_margin_s)))

    async def open_session(account: AccountRef) -> AccountSession:
        care.claimed(account)
        log = structlog.get_logger().bind(account_id=str(account.id))
        way = await way_to(ground, places, keyring, account)
        guard = GuardSettings(
            grace_s=float(ground.settings.protection_grace_s),
            flatten_after_s=float(ground.settings.protection_flatten_after_s),
            may_act=not way.is_read_only,
        )
        signer = Signer(way.key)
        budgets = RequestBudgets(ground.clock, places.address(account.environment, way.proxy))
        book = AccountBook()
        notes = PostgresNotes(ground.engine, account)
        stop = AccountStop(notes, ground.clock)

        def open_gateway(*, is_kill: bool = False) -> BybitOrderGateway:
            return BybitOrderGateway(
                way.endpoints,
                signer,
                clock=ground.clock,
                log=log,
                categories=way.categories,
                proxy=way.proxy,
                rng=ground.rng,
                gate=_gate(way, care.may_act if is_kill else lambda: ownership.lets_reduce),
                reach=reach,
                budgets=budgets,
                is_kill=is_kill,
                stopped=stop.note,
                batches=_batched(account.environment),
            )

        switch = await care.attach(
            KillWay(account, partial(open_gateway, is_kill=True), book, may_write=not way.is_read_only)
        )
        gateway = open_gateway()
        stream = BybitPrivateStream(
            way.endpoints,
            signer,
            server_time=gateway.server_time,
            clock=ground.clock,
            rng=ground.rng,
            log=log,
            proxy=way.proxy,
            address=places.address(account.environment, way.proxy),
        )
        guardian = Guardian(PostgresGuardReads(ground.engine, account), ground.clock, guard)
        differences = DifferenceKeeper(PostgresDifferences(ground.engine, account), ground.clock, ground.bus)
        ledger = LedgerKeeper(
            gateway,
            PostgresLedger(ground.engine, account),
            lists.of(account.environment).get,
            clock=ground.clock,
            kept=kept_by(account.environment),
        )
        parts = SessionParts(
            account=account,
            gateway=gateway,
            stream=stream,
            journal=PostgresJournal(ground.engine, account, clock=ground.clock, ids=ground.ids),
            instrument_of=lists.of(account.environment).get,
            clock=ground.clock,
            ids=ground.ids,
            rng=ground.rng,
            evidence=evidence,
            instruments_stale=partial(_ask_for_instruments, ground, account),
            book=book,
            rules=[
                *([WatchingRule()] if way.is_read_only else []),
                LatchRule(partial(care.board.blocks, account)),
                CapabilityRule(capabilities_of(account.environment, way.categories)),
                stop,
                guardian,
                differences,
            ],
            ownership=ownership,
            reach=reach,
            waits_beside=lambda: switch.recorder.has_spooled,
            companions=[
                guardian,
                stop,
                BudgetTeller(gateway.budget, notes, ground.clock),
                ledger,
                differences,
                *_key_followers(ground, keyring, way, signer, stream),
            ],
        )
        if risk is not None:
            parts = risk.added_to(parts, lambda: care.board.version)
            parts = _with_runs(ground, parts, risk, partial(care.board.blocks, account))
        return AccountSession(parts)

    return open_session


def _batched(environment: Environment) -> Sequence[Category]:
    """Of which categories the account's exchange takes several orders in one request."""
    can = capabilities_of(environment)
    categories: list[Category] = ["linear"] if can.can_batch_linear else []
    return [*categories, "spot"] if can.can_batch_spot else categories


def _gate(way: Way, gate: Callable[[], bool]) -> Callable[[], bool]:
    """Shut for good where the key may only read: nothing leaves, also what no rule was asked about."""
    return (lambda: False) if way.is_read_only else gate


async def _ask_for_instruments(ground: Ground, account: AccountRef) -> None:
    """The account's exchange refused an order by other rules than ours: whoever reads them reads them now."""
    async with ground.engine.begin() as connection:
        await ask_for_instruments(connection, account.environment)


def _with_runs(ground: Ground, parts: SessionParts, risk: WorkerRisk, is_killed: Callable[[], bool]) -> SessionParts:
    """The same session, beside which the runs of the account's bots are kept."""
    judge = next(rule for rule in parts.rules if isinstance(rule, RiskRule))
    running = RunnerParts(
        account=parts.account,
        engine=ground.engine,
        bus=ground.bus,
        clock=ground.clock,
        market=partial(risk.market, parts.account.environment),
        instrument_of=parts.instrument_of,
        is_killed=is_killed,
        warm=judge.warm,
        reach=parts.reach,
    )
    return replace(parts, companions=[*parts.companions, RunKeeper(running)])


def _key_followers(
    ground: Ground, keyring: Opener, way: Way, signer: Signer, stream: BybitPrivateStream
) -> Sequence[KeyFollower]:
    """Who hands the session another key of its connection; the simulated exchange's own account has no connection."""
    if way.access is None:
        return ()
    known = way.access.connection

    async def stored_at() -> datetime | None:
        async with reading(ground.engine) as connection:
            return await box_stored_at(connection, known.workspace_id, known.id)

    async def read() -> Credentials:
        async with reading(ground.engine) as connection:
            return await open_credentials(connection, keyring, known.workspace_id, known.id)

    async def use(credentials: Credentials) -> None:
        signer.take(credentials.api_key())
        await stream.renew()

    hints = partial(ground.bus.subscribe, CHANNEL)
    follower = KeyFollower(hints, str(known.id), stored_at=stored_at, read=read, use=use, known=way.access.credentials)
    return (follower,)
