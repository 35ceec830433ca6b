"""The engine: SQLAlchemy on psycopg 3, with money as Decimal, times in UTC and JSON through msgspec.

Lives here: `create_engine`, `lines_of`, `driver_url`, JSON. Not here: which URL is used (settings, `storage.embedded`),
nor who commits when (the edges: a request, a job, the session's writer).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tradewright.core.errors import StartError
from tradewright.storage.lines import Lines

DRIVER = "postgresql+psycopg"
_POOL_SIZE = 8  # of each process; two processes and the bus stay far below the server's 50 connections
_POOL_OVERFLOW = 4
_LINES = "tradewright_lines"


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
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,  # an error's text must not carry hashes of passwords and tokens into a log
        json_serializer=encode_json,
        json_deserializer=decode_json,
        connect_args=connect_args,
        execution_options={_LINES: lines},
    )
    event.listen(engine.sync_engine, "engine_disposed", lambda _engine: lines.drop())
    return engine


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
