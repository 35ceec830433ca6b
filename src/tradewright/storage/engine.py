"""The engine: SQLAlchemy on psycopg 3, with money as Decimal, times in UTC and JSON through msgspec.

Lives here: `create_engine`, `reading`, `lines_of`, `driver_url`, JSON. Not here: which URL is used (settings,
`storage.embedded`), nor who commits when (the edges: a request, a job, the session's writer).
"""

from __future__ import annotations

import select
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from tradewright.core.errors import StartError
from tradewright.storage.lines import Lines

DRIVER = "postgresql+psycopg"
_POOL_SIZE = 8  # of each process; two processes and the bus stay far below the server's 50 connections
_POOL_OVERFLOW = 4
_LINES = "tradewright_lines"
_READS = "tradewright_reads"


def driver_url(url: str) -> URL:
    """The URL as SQLAlchemy wants it. Accepts `postgres://`, `postgresql://` and `postgresql+psycopg://`.

    Raises `StartError` (exit code 9) for anything else, without repeating the URL, which holds a password.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StartError(
            "TRADEWRIGHT_DATABASE_URL cannot be read as a URL; it must look like postgresql://user:password@host/database",
            exit_code=9,
        ) from None
    if parsed.drivername not in {"postgres", "postgresql", DRIVER}:
        raise StartError(
            f"TRADEWRIGHT_DATABASE_URL begins with {parsed.drivername}://; only postgresql:// is served",
            exit_code=9,
        )
    return parsed.set(drivername=DRIVER)


def create_engine(url: str, *, pool_size: int = _POOL_SIZE, application: str = "tradewright") -> AsyncEngine:
    """An engine on `url`; no connection is made yet. `application` shows in the server's list of connections.

    Sessions run in UTC. A statement that waits for a lock gives up after 10 s, and a transaction that was left open is
    ended by the server after 60 s, so one stuck process cannot hold the others for ever.

    Beside its pool it has its lines (`lines_of`), which are closed when it is disposed of.
    """
    options = " ".join(
        (
            "-c timezone=UTC",
            "-c lock_timeout=10s",
            "-c idle_in_transaction_session_timeout=60s",
        )
    )
    address = driver_url(url)
    connect_args = {"application_name": application, "options": options, "connect_timeout": 10}
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    lines = Lines(plain, connect_args, decode_json)
    engine = create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=10,
        hide_parameters=True,  # an error's text must not carry hashes of passwords and tokens into a log
        json_serializer=encode_json,
        json_deserializer=decode_json,
        connect_args=connect_args,
        execution_options={_LINES: lines},
    )
    event.listen(engine.sync_engine, "engine_disposed", lambda _engine: lines.drop())
    event.listen(engine.sync_engine, "checkout", _require_alive)
    engine.sync_engine.update_execution_options(**{_READS: engine.execution_options(isolation_level="AUTOCOMMIT")})
    return engine


def _require_alive(connection: Any, _record: Any, _fairy: Any) -> None:
    """Has the pool connect anew where the server has ended what lay in it. A server says something to who asks nothing
    when it goes, and its end closes the socket: to look costs nothing, to ask is a round trip at each transaction."""
    driven = connection.driver_connection
    if driven.closed or _is_readable(driven.pgconn.socket):
        raise InvalidatePoolError


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def reading(engine: AsyncEngine) -> AsyncConnection:
    """A connection of an engine of `create_engine` for reads, used with `async with`: no transaction is begun and ended
    around them, which would be two round trips. Each statement sees what is committed when it begins, as it does in a
    transaction too (READ COMMITTED). What is written is committed at once: for writes it is the wrong one."""
    reads = engine.sync_engine.get_execution_options()[_READS]
    assert isinstance(reads, AsyncEngine)
    return reads.connect()


def lines_of(engine: AsyncEngine) -> Lines:
    """The lines of an engine of `create_engine`, for single statements that an order waits for."""
    lines = engine.sync_engine.get_execution_options()[_LINES]
    assert isinstance(lines, Lines)
    return lines


def encode_json(value: Any) -> str:
    """JSON text of plain values, msgspec structs, dataclasses, UUIDs and aware times; a Decimal becomes a string."""
    return _ENCODER.encode(value).decode()


def decode_json(text: str | bytes) -> Any:
    """Plain values from JSON text; a number with a point becomes a Decimal, so money never passes through a float."""
    return _DECODER.decode(text)


def _unknown(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form here; convert it to a plain value first")


_ENCODER = msgspec.json.Encoder(enc_hook=_unknown, decimal_format="string")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
