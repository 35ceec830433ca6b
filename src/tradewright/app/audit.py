"""What `tradewright audit` is made of: the database, the file of exported heads, and one look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.app.ground import database_url
from tradewright.audit.chain import INSTALLATION
from tradewright.audit.heads import ExportedHeads, Head, HeadsUnreadable, read_exported
from tradewright.audit.links import read_heads, verify_chains
from tradewright.cli.audit import AuditFinding, AuditHead, AuditReport
from tradewright.cli.printable import printable
from tradewright.core.errors import StartError
from tradewright.settings import Settings, load
from tradewright.storage.engine import create_engine
from tradewright.system import SystemClock

_Found = TypeVar("_Found")


class AuditCommands:
    """Of the installation in force."""

    def verify(self, heads: Path | None) -> AuditReport:
        """Raises `StartError`: exit code 1 where the database does not answer, 2 where the file is no file of heads."""
        settings = load()
        file = heads or settings.audit_heads_file
        path: Path | None = file
        try:
            exported = read_exported(file)
        except FileNotFoundError:
            if heads is not None:
                raise StartError(f"there is no file {heads}; give one of exported heads", exit_code=2) from None
            exported, path = ExportedHeads(), None
        except OSError as error:
            raise StartError(f"the file {file} cannot be read: {error.strerror}", exit_code=2) from None
        except HeadsUnreadable as error:
            raise StartError(str(error), exit_code=2) from None
        return asyncio.run(_asked(settings, lambda connection: _verify(connection, exported, path)))

    def heads(self) -> Sequence[AuditHead]:
        return asyncio.run(_asked(load(), _heads))


async def _verify(connection: AsyncConnection, exported: ExportedHeads, path: Path | None) -> AuditReport:
    verified = await verify_chains(connection, exported.hashes)
    names = await _names(connection)
    return AuditReport(
        chains=verified.chains,
        entries=verified.entries,
        heads_compared=verified.compared,
        heads_file=None if path is None else str(path),
        heads_newest=None if exported.newest is None else exported.newest.isoformat(timespec="seconds"),
        found=verified.found,
        findings=[
            AuditFinding(
                code=each.code,
                chain=str(each.chain),
                subject=names.get(each.chain, f"chain {each.chain}"),
                sequence=each.sequence,
                entry_id=None if each.entry_id is None else str(each.entry_id),
            )
            for each in verified.findings
        ],
    )


async def _heads(connection: AsyncConnection) -> Sequence[AuditHead]:
    now = SystemClock().now()
    return [AuditHead(**Head(*row).as_json(now)) for row in await read_heads(connection)]  # type: ignore[arg-type]


async def _names(connection: AsyncConnection) -> dict[UUID, str]:
    """Whose each chain is, for a person; of those that are still known."""
    found = await connection.execute(
        text(
            "SELECT id, 'account ' || name || ' (' || id || ')' AS name FROM accounts UNION ALL"
            " SELECT id, 'workspace ' || name || ' (' || id || ')' FROM workspaces"
        )
    )
    return {INSTALLATION: "the installation", **{row.id: printable(row.name) for row in found}}


async def _asked(settings: Settings, ask: Callable[[AsyncConnection], Awaitable[_Found]]) -> _Found:
    async with _one_moment(settings) as connection:
        return await ask(connection)


@asynccontextmanager
async def _one_moment(settings: Settings) -> AsyncIterator[AsyncConnection]:
    """The database as of one moment, only to be read. Raises `StartError` (exit code 1) when it does not answer."""
    engine = create_engine(database_url(settings), application="tradewright-cli", pool_size=1)
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                yield connection
    except (SQLAlchemyError, OSError) as error:
        raise StartError(
            f"the database does not answer ({type(error).__name__}); is the installation running?", exit_code=1
        ) from None
    finally:
        await engine.dispose()
