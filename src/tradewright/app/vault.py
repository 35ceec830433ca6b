"""Where the keyrings of this installation are, the worker's, and the work of `tradewright vault`.

Lives here: `trading_source`, `worker_keyring`, `follow_keyring`, `run_rotation`, `vault_state`, `new_keys`. Not here:
generations (`vault.rotation`), rows (`connections.rewrapping`), words (`cli.vault`). The API never imports this.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.app.ground import Ground, direct_database_url
from tradewright.app.service_vault import new_service_keys, rotate_service, service_source, service_states
from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.cli.vault import Generations, GenerationState, RotationOptions, RotationReport
from tradewright.connections.boxes import has_boxes
from tradewright.connections.rewrapping import Reach, Rewrapped, needed_ids, rewrap_all
from tradewright.core.errors import StartError
from tradewright.settings import Settings, load
from tradewright.storage.bus import notify
from tradewright.storage.engine import create_engine
from tradewright.storage.keyring_locks import hold_keyring, rotating
from tradewright.system import SystemClock, SystemIds
from tradewright.vault.generations import keyring_text, new_generation
from tradewright.vault.opening import PRIVATE_FILE, LiveKeyring, TradingKeyring, generations_of, open_keyring
from tradewright.vault.rotation import add_generation, is_needed, retire
from tradewright.vault.sources import FileSource, KeySource, source_of

CHANNEL = "vault"


def trading_source(settings: Settings) -> KeySource:
    return source_of(settings.vault_keys, settings.vault_home / PRIVATE_FILE)


async def worker_keyring(ground: Ground) -> LiveKeyring:
    """The keyring of this installation; made where no key is stored yet. A new one beside stored keys would open none
    of them, and what is added meanwhile would be lost when the old one comes back."""
    source, folder = trading_source(ground.settings), ground.settings.vault_home
    keyring = LiveKeyring(source, folder)
    if source.is_there() or not await has_boxes(ground.engine):
        await asyncio.to_thread(open_keyring, folder, source)
        await asyncio.to_thread(keyring.read_again)
        return keyring
    structlog.get_logger().error(
        "worker.keyring_missing",
        sentence=f"exchange keys are stored, but {source.name} has no keyring that opens them, so their accounts are"
        " not looked after: restore HOME/vault from a backup or start with the right HOME, then check the keys again;"
        " to begin anew, remove every connection, start again and add the keys again",
    )
    return keyring


async def follow_keyring(ground: Ground, keyring: LiveKeyring) -> None:
    """Until cancelled: reads the source anew when somebody says that it changed. A file is looked at by itself."""
    hints = ground.bus.subscribe(CHANNEL)
    while True:
        if await hints.get() is None:
            continue
        try:
            await asyncio.to_thread(keyring.read_again)
        except (StartError, OSError) as error:
            structlog.get_logger().error("worker.keyring_unread", error=str(error))


def run_rotation(options: RotationOptions) -> RotationReport:
    """A new generation, every row under it, and the end of generations that no row needs; of the service keyring where
    the options say so. Raises `StartError`."""
    return asyncio.run(_rotate(load(), options))


async def _rotate(settings: Settings, options: RotationOptions) -> RotationReport:
    engine = create_engine(direct_database_url(settings), application="tradewright-vault", pool_size=2)
    try:
        if options.service:
            return await rotate_service(engine, service_source(settings), options)
        return await rotate(engine, trading_source(settings), settings, options)
    finally:
        await engine.dispose()


async def rotate(
    engine: AsyncEngine,
    source: KeySource,
    settings: Settings,
    options: RotationOptions,
    reach: Reach = lambda _point: None,
) -> RotationReport:
    """Interrupted anywhere, the next call goes on: with `only_rewrap` under the generation that there is by then."""
    folder = settings.vault_home
    async with rotating(engine, "trading"):
        async with engine.begin() as connection:
            await hold_keyring(connection, "trading", alone=True)
            if options.only_rewrap:
                keyring = TradingKeyring(generations_of(source))
            else:
                keyring = add_generation(source, folder, reach)
            await notify(connection, CHANNEL, "changed")
        found = await rewrap_all(engine, keyring, reach)
        retired = await _retire(engine, source, settings, reach) if options.retire else 0
        await _record(engine, keyring, found, retired)
    return RotationReport(
        done=found.done,
        unopenable=sorted(str(each) for each in found.unopenable),
        retired=retired,
        generations=await _states(engine, source),
    )


async def _retire(engine: AsyncEngine, source: KeySource, settings: Settings, reach: Reach) -> int:
    if not isinstance(source, FileSource):
        return 0
    async with engine.begin() as connection:
        await hold_keyring(connection, "trading", alone=True)
        generations = generations_of(source)
        needed = await needed_ids(connection, [each.wrap_id for each in generations])
        retired = retire(source, settings.vault_home, needed, reach)
        await notify(connection, CHANNEL, "changed")
    return retired


async def _record(engine: AsyncEngine, keyring: TradingKeyring, found: Rewrapped, retired: int) -> None:
    ids, clock = SystemIds(), SystemClock()
    after = {"rewrapped": found.done, "unopenable": len(found.unopenable), "retired": retired}
    async with engine.begin() as connection:
        entry = AuditEntry(
            id=ids.new(),
            at=clock.now(),
            actor_kind="system",
            action="vault.rotate",
            object_kind="keyring",
            object_id=keyring.ring.active.key_id.hex(),
            outcome="done" if not found.unopenable else "partly",
            after=after,
        )
        await record(connection, entry)


def vault_state(service: bool) -> Generations:
    """The generations of the trading keyring, or of the service keyring, and how many rows need each; ids alone,
    nothing secret."""
    settings = load()

    async def look() -> Generations:
        engine = create_engine(direct_database_url(settings), application="tradewright-vault", pool_size=1)
        try:
            if service:
                return await service_states(engine, service_source(settings))
            return await _states(engine, trading_source(settings))
        finally:
            await engine.dispose()

    return asyncio.run(look())


async def _states(engine: AsyncEngine, source: KeySource) -> Generations:
    generations = generations_of(source)
    async with engine.connect() as connection:
        needed = await needed_ids(connection, [each.wrap_id for each in generations])
    known = {each.seal_id for each in generations} | {each.wrap_id for each in generations}
    return Generations(
        source=source.name,
        generations=[
            GenerationState(
                seal_id=each.seal_id.hex(),
                wrap_id=each.wrap_id.hex(),
                rows=needed.get(each.seal_id, 0) + needed.get(each.wrap_id, 0),
                is_active=each is generations[-1],
                may_go=each is not generations[-1] and not is_needed(each, needed),
            )
            for each in generations
        ],
        foreign_rows=sum(count for key, count in needed.items() if key not in known),
    )


def new_keys(first: bool, service: bool) -> str:
    """The text of a keyring with a fresh generation, for a source that is kept by hand. Secret.

    `first`: there is none yet. Without it one that cannot be read is a failure: its generations would be lost.
    """
    if service:
        return new_service_keys(service_source(load()), first=first)
    return keyring_text([*([] if first else generations_of(trading_source(load()))), new_generation()])
