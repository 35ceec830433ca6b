"""Where the service keyring of this installation is, who reads it anew, and the work of `tradewright vault --service`.

Lives here: `service_source`, `follow_service_keyring`, `rotate_service`, `service_states`, `new_service_keys`.
Not here: the keyring of exchange keys (`vault`), which the API never imports; keys (`vault.service_rotation`), rows
(`vault.service_boxes`), words (`cli.vault`).
"""

from __future__ import annotations

import asyncio
import os

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewright.audit.model import AuditEntry
from tradewright.audit.store import record
from tradewright.cli.vault import Generations, GenerationState, RotationOptions, RotationReport
from tradewright.core.errors import StartError
from tradewright.settings import Settings
from tradewright.storage.bus import Bus, notify
from tradewright.storage.keyring_locks import hold_keyring, rotating
from tradewright.system import SystemClock, SystemIds
from tradewright.vault.service import SERVICE_FILE, LiveServiceKeyring, ServiceKeyring, service_keys, service_text
from tradewright.vault.service_boxes import Reach, RewrappedSecrets, needed_service_ids, rewrap_service
from tradewright.vault.service_rotation import add_service_key, retire_service_keys
from tradewright.vault.sources import FileSource, KeySource, source_of
from tradewright.vault.wrapping import KEY_BYTES, KeyEncryptionKey

CHANNEL = "vault_service"


def service_source(settings: Settings) -> KeySource:
    return source_of(settings.vault_service_keys, settings.vault_home / SERVICE_FILE)


async def follow_service_keyring(bus: Bus, keyring: LiveServiceKeyring) -> None:
    """Until cancelled: reads the source anew when somebody says that it changed. A file is looked at by itself."""
    hints = bus.subscribe(CHANNEL)
    while True:
        if await hints.get() is None:
            continue
        try:
            await asyncio.to_thread(keyring.read_again)
        except (StartError, OSError) as error:
            structlog.get_logger().error("api.service_keyring_unread", error=str(error))


async def rotate_service(
    engine: AsyncEngine, source: KeySource, options: RotationOptions, reach: Reach = lambda _point: None
) -> RotationReport:
    """A new key, every row under it, and the end of keys that no row needs. Interrupted anywhere, the next call goes
    on: with `only_rewrap` under the key that there is by then. Raises `StartError`."""
    if not source.is_there():
        raise StartError(
            f"there is no service keyring at {source.name}: it is made with the first secret that is stored, such as an"
            " authenticator's; where secrets are stored already, restore it from a backup",
            exit_code=2,
        )
    async with rotating(engine, "service"):
        async with engine.begin() as connection:
            await hold_keyring(connection, "service", alone=True)
            if options.only_rewrap:
                keyring = ServiceKeyring(service_keys(source.read(), source.name))
            else:
                keyring = add_service_key(source, reach)
            await notify(connection, CHANNEL, "changed")
        found = await rewrap_service(engine, keyring, reach)
        retired = await _retire(engine, source, reach) if options.retire else 0
        await _record(engine, keyring, found, retired)
    return RotationReport(
        done=found.done,
        unopenable=sorted(found.unopenable),
        retired=retired,
        generations=await service_states(engine, source),
    )


async def _retire(engine: AsyncEngine, source: KeySource, reach: Reach) -> int:
    if not isinstance(source, FileSource):
        return 0
    async with engine.begin() as connection:
        await hold_keyring(connection, "service", alone=True)
        needed = await needed_service_ids(connection, _ids(source))
        retired = retire_service_keys(source, needed, reach)
        await notify(connection, CHANNEL, "changed")
    return retired


async def _record(engine: AsyncEngine, keyring: ServiceKeyring, found: RewrappedSecrets, retired: int) -> None:
    entry = AuditEntry(
        id=SystemIds().new(),
        at=SystemClock().now(),
        actor_kind="system",
        action="vault.rotate",
        object_kind="keyring",
        object_id=keyring.ring.active.key_id.hex(),
        outcome="done" if not found.unopenable else "partly",
        after={"rewrapped": found.done, "unopenable": len(found.unopenable), "retired": retired, "keyring": "service"},
    )
    async with engine.begin() as connection:
        await record(connection, entry)


async def service_states(engine: AsyncEngine, source: KeySource) -> Generations:
    """The keys and how many rows need each; ids alone, nothing secret. None where there is no keyring yet."""
    ids = _ids(source) if source.is_there() else []
    async with engine.connect() as connection:
        needed = await needed_service_ids(connection, ids)
    return Generations(
        source=source.name,
        generations=[
            GenerationState(
                seal_id=None,
                wrap_id=each.hex(),
                rows=needed.get(each, 0),
                is_active=each == ids[-1],
                may_go=each != ids[-1] and each not in needed,
            )
            for each in ids
        ],
        foreign_rows=sum(count for key, count in needed.items() if key not in ids),
    )


def new_service_keys(source: KeySource, *, first: bool) -> str:
    """The text of the keyring with a fresh key, for a source that is kept by hand. Secret.

    `first`: there is none yet. Without it one that cannot be read is a failure: its keys would be lost.
    """
    known = [] if first else service_keys(source.read(), source.name)
    return service_text([*known, os.urandom(KEY_BYTES)])


def _ids(source: KeySource) -> list[bytes]:
    return [KeyEncryptionKey(key).key_id for key in service_keys(source.read(), source.name)]
