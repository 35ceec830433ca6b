"""How an account is reached: a session of the simulated exchange's account, one of a connection's, and the key check.

Lives here: `session_factory`, `key_checker`: gateways, streams, keys put together. Not here: their running (`worker`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import Ground
from tradewright.app.risk import WorkerRisk
from tradewright.connections.checks import KeyChecker
from tradewright.connections.model import AlreadyConnected, Connection, Credentials
from tradewright.connections.store import GoodKey, access_of
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeUnavailable
from tradewright.core.ids import AccountId
from tradewright.core.instrument import CATEGORIES, Category
from tradewright.exchange.bybit.environments import capabilities_of
from tradewright.exchange.bybit.errors import ProxyUnavailable
from tradewright.exchange.bybit.limits import RequestBudgets
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.bybit.proxy import BadProxy, Proxy, proxy_or_none
from tradewright.exchange.ports import ApiKey, EndpointSource
from tradewright.installation import read_private
from tradewright.market.instrument_store import ask_for_instruments
from tradewright.market.instruments import InstrumentLists
from tradewright.settings import Settings
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
from tradewright.trading.kill.board import LatchRule
from tradewright.trading.kill.care import KillCare
from tradewright.trading.kill.switch import Way as KillWay
from tradewright.trading.ledger.keeper import LedgerKeeper, kept_by
from tradewright.trading.ledger.store import PostgresLedger
from tradewright.trading.model import AccountRef
from tradewright.trading.ownership import Ownership
from tradewright.trading.provision import connect_account, rest_account_of
from tradewright.trading.resolution import EvidenceRule
from tradewright.trading.session import AccountSession
from tradewright.trading.session_parts import SessionParts
from tradewright.trading.stops import AccountStop
from tradewright.trading.store import PostgresJournal
from tradewright.trading.worker import SessionFactory
from tradewright.vault.opening import Opener


@dataclass(frozen=True, slots=True)
class _Way:
    """To one account: where, with which key, through what, and what may be traded there."""

    endpoints: EndpointSource
    key: ApiKey
    proxy: Proxy | None
    categories: Sequence[Category]


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
    guard = GuardSettings(
        grace_s=float(ground.settings.protection_grace_s),
        flatten_after_s=float(ground.settings.protection_flatten_after_s),
    )

    async def open_session(account: AccountRef) -> AccountSession:
        care.claimed(account)
        log = structlog.get_logger().bind(account_id=str(account.id))
        if account.environment == "sim":
            way = _simulated_way(ground.settings, places, account)
        else:
            way = await _connected_way(ground, places, keyring, account)
        budgets = RequestBudgets(ground.clock, places.address(account.environment, way.proxy))
        book = AccountBook()
        notes = PostgresNotes(ground.engine, account)
        stop = AccountStop(notes, ground.clock)

        def open_gateway(*, is_kill: bool = False) -> BybitOrderGateway:
            return BybitOrderGateway(
                way.endpoints,
                way.key,
                clock=ground.clock,
                log=log,
                categories=way.categories,
                proxy=way.proxy,
                rng=ground.rng,
                gate=care.may_act if is_kill else lambda: ownership.lets_reduce,
                reach=reach,
                budgets=budgets,
                is_kill=is_kill,
                stopped=stop.note,
                batches=_batched(account.environment),
            )

        switch = await care.attach(KillWay(account, partial(open_gateway, is_kill=True), book))
        gateway = open_gateway()
        stream = BybitPrivateStream(
            way.endpoints,
            way.key,
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
                LatchRule(partial(care.board.blocks, account)),
                CapabilityRule(capabilities_of(account.environment, way.categories)),
                stop,
                guardian,
                differences,
            ],
            ownership=ownership,
            reach=reach,
            waits_beside=lambda: switch.recorder.has_spooled,
            companions=[guardian, stop, BudgetTeller(gateway.budget, notes, ground.clock), ledger, differences],
        )
        return AccountSession(parts if risk is None else risk.added_to(parts, lambda: care.board.version))

    return open_session


def _batched(environment: Environment) -> Sequence[Category]:
    """Of which categories the account's exchange takes several orders in one request."""
    can = capabilities_of(environment)
    categories: list[Category] = ["linear"] if can.can_batch_linear else []
    return [*categories, "spot"] if can.can_batch_spot else categories


async def _ask_for_instruments(ground: Ground, account: AccountRef) -> None:
    """The account's exchange refused an order by other rules than ours: whoever reads them reads them now."""
    async with ground.engine.begin() as connection:
        await ask_for_instruments(connection, account.environment)


def key_checker(ground: Ground, places: ExchangePlaces, keyring: Opener) -> KeyChecker:
    """The check of keys that were added; an account is made here of what was found good."""

    def open_reader(connection: Connection, credentials: Credentials) -> BybitOrderGateway:
        proxy = _proxy_of(places, connection, credentials)
        return BybitOrderGateway(
            places.endpoints(connection.environment, connection.region),
            credentials.api_key(),
            clock=ground.clock,
            log=structlog.get_logger().bind(connection_id=str(connection.id)),
            proxy=proxy,
            address=places.address(connection.environment, proxy),
            rng=ground.rng,
        )

    async def provision(transaction: AsyncConnection, good: GoodKey, now: datetime) -> AccountId:
        account_id = await connect_account(
            transaction,
            connection_id=good.connection.id,
            workspace_id=good.connection.workspace_id,
            environment=good.connection.environment,
            uid=good.facts.uid,
            name=good.connection.name,
            categories=good.categories,
            now=now,
            ids=ground.ids,
        )
        if account_id is None:
            raise AlreadyConnected(f"the exchange account {good.facts.uid} is connected in this installation already")
        return account_id

    return KeyChecker(
        ground.engine,
        ground.bus,
        keyring,
        open_reader,
        provision=provision,
        rest_account=rest_account_of,
        clock=ground.clock,
        rng=ground.rng,
        ids=ground.ids,
    )


async def _connected_way(ground: Ground, places: ExchangePlaces, keyring: Opener, account: AccountRef) -> _Way:
    async with reading(ground.engine) as connection:
        access = await access_of(connection, keyring, account.workspace_id, account.id)
    return _Way(
        endpoints=places.endpoints(access.connection.environment, access.connection.region),
        key=access.credentials.api_key(),
        proxy=_proxy_of(places, access.connection, access.credentials),
        categories=access.categories,
    )


def _simulated_way(settings: Settings, places: ExchangePlaces, account: AccountRef) -> _Way:
    keys = _sim_keys(settings)
    if keys["uid"] != account.uid:
        raise ExchangeUnavailable(
            f"the simulated exchange that runs has the account {keys['uid']}, not {account.uid}; it rests until its"
            f" own market runs again"
        )
    key = ApiKey(keys["trading"]["key"], keys["trading"]["secret"])
    return _Way(places.endpoints("sim"), key, None, CATEGORIES)


def _sim_keys(settings: Settings) -> dict[str, Any]:
    """The running simulated exchange's keys and UID. Raises `StartError` while it has not said where they are."""
    ready = read_private(settings.exchange_ready_file, "the simulated exchange's address")
    return read_private(Path(ready["keys_file"]), "the simulated exchange's key file")


def _proxy_of(places: ExchangePlaces, connection: Connection, credentials: Credentials) -> Proxy | None:
    """The connection's own proxy, else its environment's. Raises `ProxyUnavailable` for an address that is none."""
    try:
        return proxy_or_none(credentials.proxy or places.proxy(connection.environment))
    except BadProxy as fault:  # it was one when it was added, by the rules of another version
        raise ProxyUnavailable(f"the connection's proxy: {fault}; remove the connection and add it anew") from fault
