"""What `tradewright accept` is made of: a connection's key, its account at rest, the relay, the stage, and the report.

The account rests while the steps run, because one process sends for an account at a time; afterwards its session starts
again. Should this process die in the middle, "Check again" on the page of accounts wakes it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.acceptance.model import Finding
from tradewright.acceptance.recorder import Recorder
from tradewright.acceptance.relay import Relay
from tradewright.acceptance.report import Report, write_report
from tradewright.acceptance.stage import Stage
from tradewright.acceptance.steps import run_steps
from tradewright.app.exchanges import ExchangePlaces
from tradewright.app.ground import direct_database_url, installed_version
from tradewright.app.vault import trading_source
from tradewright.cli.accept import Accepted, AcceptOptions
from tradewright.connections.boxes import Access, access_of
from tradewright.core.errors import NotFound, StartError
from tradewright.core.ids import AccountId, WorkspaceId
from tradewright.exchange.bybit.http import connector_through
from tradewright.exchange.bybit.market_data import BybitMarketGateway
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.private_stream import BybitPrivateStream
from tradewright.exchange.bybit.proxy import proxy_or_none
from tradewright.exchange.bybit.public_stream import BybitPublicStream
from tradewright.exchange.bybit.rest import RestClient
from tradewright.exchange.bybit.signing import Signer
from tradewright.exchange.ports import Endpoints
from tradewright.settings import Settings, load
from tradewright.storage.bus import notify
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock, SystemIds, SystemRng
from tradewright.trading.provision import ACCOUNTS_CHANNEL, held_name, wake_account
from tradewright.trading.resolution import EvidenceRule
from tradewright.vault.opening import read_keyring
from tradewright.vault.wrapping import Unopenable

log = structlog.get_logger()

_REST_SECONDS_MAX = 30.0
_LOOK_SECONDS = 0.2


def accept(options: AcceptOptions, tell: Callable[[Finding], None]) -> Accepted:
    """Runs the steps against one connection's account. Raises `StartError` with the next step when it cannot begin."""
    settings = load()
    return asyncio.run(_accept(settings, options, tell))


@dataclass(frozen=True, slots=True)
class _Target:
    workspace_id: WorkspaceId
    account_id: AccountId
    access: Access


async def _accept(settings: Settings, options: AcceptOptions, tell: Callable[[Finding], None]) -> Accepted:
    engine = create_engine(direct_database_url(settings), application="tradewright-accept", pool_size=3)
    try:
        target = await _target(engine, settings, options.connection)
        async with _at_rest(engine, target):
            return await _run(settings, options, target, tell)
    finally:
        await engine.dispose()


async def _target(engine: AsyncEngine, settings: Settings, connection_id: UUID) -> _Target:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT workspace_id, account_id, environment, state, name FROM connections WHERE id = :id"),
            {"id": connection_id},
        )
        row = found.first()
        if row is None:
            known = await connection.execute(text("SELECT id, name FROM connections WHERE state = 'ok' ORDER BY name"))
            listed = "; ".join(f"{each.id} ({each.name})" for each in known) or "none yet"
            raise StartError(f"there is no connection {connection_id}; those with a good key are {listed}", exit_code=2)
        if row.environment == "live":
            raise StartError("acceptance places orders and is not run with real money; use a demo account", exit_code=2)
        if row.state != "ok" or row.account_id is None:
            raise StartError(f"the key of {row.name} is {row.state}; it must be good first", exit_code=2)
        workspace_id, account_id = WorkspaceId(row.workspace_id), AccountId(row.account_id)
        try:
            access = await access_of(
                connection, read_keyring(settings.vault_home, trading_source(settings)), workspace_id, account_id
            )
        except (NotFound, Unopenable) as error:
            raise StartError(f"the key of {row.name} cannot be used: {error}", exit_code=2) from error
    return _Target(workspace_id, account_id, access)


@contextlib.asynccontextmanager
async def _at_rest(engine: AsyncEngine, target: _Target) -> AsyncIterator[None]:
    """The account's session has ended before this begins, and is wanted again after it; one acceptance at a time."""
    async with engine.connect() as holding:
        await holding.execution_options(isolation_level="AUTOCOMMIT")  # held for minutes, and not in a transaction
        lock = {"name": held_name(target.account_id)}
        if not await holding.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))"), lock):
            raise StartError("an acceptance of this account is under way already; wait for its end", exit_code=2)
        try:
            await _let_rest(engine, target)
            try:
                await _wait_closed(engine, target.account_id)
                yield
            finally:
                async with engine.begin() as connection:
                    # Not one that was removed or refused meanwhile: that was somebody's decision.
                    await wake_account(connection, target.account_id, target.access.connection.id)
        finally:
            await holding.execute(text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))"), lock)


async def _let_rest(engine: AsyncEngine, target: _Target) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE accounts SET resting = true WHERE id = :id"), {"id": target.account_id})
        await notify(connection, ACCOUNTS_CHANNEL, str(target.account_id))


async def _wait_closed(engine: AsyncEngine, account_id: AccountId) -> None:
    """Its owner has said that it ended because it rests; an older failure is no such word."""
    deadline = SystemClock().monotonic() + _REST_SECONDS_MAX
    while True:
        async with engine.connect() as connection:
            found = await connection.execute(
                text("SELECT session_state, session_reason->>'code' AS code FROM accounts WHERE id = :id"),
                {"id": account_id},
            )
            state = found.one()
        if (state.session_state, state.code) == ("closed", "session.resting"):
            return
        if SystemClock().monotonic() > deadline:
            raise StartError(
                f"the account's session did not end within {_REST_SECONDS_MAX:g} s (it is {state.session_state}); is"
                " `tradewright run` of this HOME running? Its worker must answer",
                exit_code=2,
            )
        await SystemClock().sleep(_LOOK_SECONDS)


async def _run(
    settings: Settings, options: AcceptOptions, target: _Target, tell: Callable[[Finding], None]
) -> Accepted:
    clock, ids, rng = SystemClock(), SystemIds(), SystemRng()
    known, credentials = target.access.connection, target.access.credentials
    places = ExchangePlaces(settings)
    private, public = places.endpoints(known.environment, known.region)(), places.public_endpoints(known.environment)()
    upstream = Endpoints(private.rest, public.public_stream, private.private_stream)
    begun_at = clock.now().astimezone(UTC)
    folder = options.folder or settings.home / "acceptance" / f"{known.environment}-{begun_at:%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True, exist_ok=True)
    recordings = folder / "recordings.jsonl"
    key = credentials.api_key()
    uid = "" if known.facts is None else known.facts.uid
    recorder = Recorder(recordings, secrets=(key.key, key.secret, uid), clock=clock)
    proxy = proxy_or_none(credentials.proxy_text or places.proxy(known.environment))
    relay = Relay(upstream, recorder, connector_through(proxy))
    await relay.start()

    def endpoints() -> Endpoints:
        return relay.endpoints

    gateway = BybitOrderGateway(endpoints, key, clock=clock, log=log, categories=target.access.categories)
    stage = Stage(
        environment=known.environment,
        gateway=gateway,
        rest=RestClient(endpoints, clock=clock, log=log, signer=Signer(key)),
        market=BybitMarketGateway(endpoints, clock=clock, log=log),
        private=BybitPrivateStream(endpoints, key, server_time=gateway.server_time, clock=clock, rng=rng, log=log),
        public=BybitPublicStream(endpoints, "linear", clock=clock, rng=rng, log=log),
        relay=relay,
        clock=clock,
        ids=ids,
        symbol=options.symbol,
        evidence_total=EvidenceRule(settling_margin=timedelta(seconds=float(settings.settling_margin_s))).total,
        even_if_in_use=options.even_if_in_use,
    )
    listening = asyncio.create_task(stage.listen())
    left: list[str] = []
    try:
        findings = await run_steps(stage, recorder, tell)
    finally:
        recorder.step = 0
        try:
            left = await stage.clean_up()
        except Exception as error:
            log.exception("acceptance.cleaning_failed")
            left = [f"what could not be looked at: {type(error).__name__}"]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        for part in (stage.private, stage.public, gateway, stage.market, stage.rest, relay):
            await part.close()
        recorder.close()
    report = Report(
        environment=known.environment,
        host=private.rest,
        symbol=options.symbol,
        version=installed_version(),
        begun_at=begun_at.isoformat(timespec="seconds"),
        findings=findings,
        left=left,
        recordings=recordings.name,
        recorded_lines=recorder.lines,
    )
    return Accepted(page=write_report(folder, report), report=report)
