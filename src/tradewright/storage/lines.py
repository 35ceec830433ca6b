"""Lines: a few connections that are kept for single statements which an order waits for.

Lives here: `Statement`, and `Lines`, on which each statement is prepared once, takes one round trip and is a
transaction of its own. Not here: transactions of several statements, and what may take its time (`engine`).

SQLAlchemy and the driver's cursor cost ten times what libpq does for such a statement (decision 0026), and asking first
whether the connection lives costs as much again as the statement. So the driver connects, and its libpq is spoken to
directly. Values go and come as text, which the server checks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import pq
from sqlalchemy import exc

LINES_MAX = 6  # of an engine, beside its pool
_TURN_S = 10.0  # as the pool's
_ANSWER_S = 20.0  # a statement gives up its waiting for a lock after 10 s
_SETTLE_S = 2.0  # how long a cancelled caller waits for the answer, so that what it asked for is over
_NAME = re.compile(r"(?<![:\w]):([a-z_]+)")
_TYPES: Final[Mapping[str, int]] = {
    "bool": 16,
    "int8": 20,
    "int4": 23,
    "text": 25,
    "timestamptz": 1184,
    "interval": 1186,
    "numeric": 1700,
    "uuid": 2950,
    "jsonb": 3802,
}
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """SQL with `:names`, in the order in which they first appear."""

    sql: bytes
    names: tuple[str, ...]
    types: tuple[int, ...]

    @classmethod
    def of(cls, sql: str, types: Mapping[str, str]) -> Statement:
        """`types` gives each name its type in PostgreSQL; a name without one is a mistake of ours."""
        names = tuple(dict.fromkeys(_NAME.findall(sql)))
        numbered = _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
        return cls(numbered.encode(), names, tuple(_TYPES[types[name]] for name in names))


class Lines:
    """At most `LINES_MAX` connections, made when they are first needed and closed by `drop`."""

    def __init__(self, url: str, options: Mapping[str, Any], decode_json: Callable[[bytes], Any]) -> None:
        """`url` and `options` as psycopg takes them."""
        self._url = url
        self._options = dict(options)
        self._readers: dict[int, Callable[[bytes], Any]] = {**_READERS, 114: decode_json, 3802: decode_json}
        self._free: list[_Line] = []
        self._turns = asyncio.Semaphore(LINES_MAX)

    async def fetch(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        """The rows of one statement, committed. Raises what an engine raises (`sqlalchemy.exc.DBAPIError`), with
        `connection_invalidated` where nobody knows whether it was; `TimeoutError` of SQLAlchemy when no line is free.

        Cancelled, it waits a moment for the answer: what follows must not overtake it.
        """
        await self._turn()
        line: _Line | None = None
        try:
            line = await self._line()
            result = await line.ask(statement, [_written(values[name]) for name in statement.names])
        finally:
            self._turns.release()
            if line is not None and line.is_free:
                self._free.append(line)
        return self._rows(result)

    def drop(self) -> None:
        """Closes them; the next statement makes a new one."""
        for line in self._free:
            line.close(None)
        self._free.clear()

    async def _turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()  # which waits for nothing
            return
        try:
            async with asyncio.timeout(_TURN_S):
                await self._turns.acquire()
        except TimeoutError:
            raise exc.TimeoutError(f"all {LINES_MAX} lines to the database were busy for {_TURN_S:.0f} s") from None

    async def _line(self) -> _Line:
        while self._free:
            line = self._free.pop()
            if line.is_free:
                return line
        try:
            return _Line(await psycopg.AsyncConnection.connect(self._url, autocommit=True, **self._options))
        except psycopg.Error as error:
            raise _as_of_an_engine(error, lost=False) from error

    def _rows(self, result: pq.abc.PGresult) -> list[Row]:
        columns = [
            (number, (result.fname(number) or b"").decode(), self._readers[result.ftype(number)])
            for number in range(result.nfields)
        ]
        return [
            {
                name: None if (value := result.get_value(row, number)) is None else read(value)
                for number, name, read in columns
            }
            for row in range(result.ntuples)
        ]


class _Line:
    """One connection. Whoever asks must have it for himself."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection  # keeps libpq's alive, and is never asked anything
        self._pg = connection.pgconn
        self._socket = self._pg.socket
        self._loop = asyncio.get_running_loop()
        self._prepared: dict[Statement, bytes] = {}
        self._names = 0
        self._answer: asyncio.Future[pq.abc.PGresult] | None = None
        self._result: pq.abc.PGresult | None = None
        self._is_open = True
        self._loop.add_reader(self._socket, self._readable)  # also while nothing is asked: a server that ends is heard

    @property
    def is_free(self) -> bool:
        return self._is_open and self._answer is None

    async def ask(self, statement: Statement, values: Sequence[bytes | None]) -> pq.abc.PGresult:
        name = self._prepared.get(statement)
        if name is None:
            self._names += 1  # a cancelled caller may have prepared it all the same
            name = b"s%d" % self._names
            await self._exchange(lambda: self._pg.send_prepare(name, statement.sql, statement.types))
            self._prepared[statement] = name
        return await self._exchange(lambda: self._pg.send_query_prepared(name, values))

    async def _exchange(self, send: Callable[[], None]) -> pq.abc.PGresult:
        answer = self._answer = self._loop.create_future()
        try:
            send()
            self._flush()
            async with asyncio.timeout(_ANSWER_S):
                result: pq.abc.PGresult = await asyncio.shield(answer)
        except psycopg.Error as error:
            self.close(error)
            if answer.done():
                answer.exception()  # it is told from here: else the loop tells it once more, as nobody's
            raise _as_of_an_engine(error, lost=True) from error
        except TimeoutError:
            self.close(None)
            silent = psycopg.OperationalError(f"the database said nothing for {_ANSWER_S:.0f} s")
            raise _as_of_an_engine(silent, lost=True) from None
        except asyncio.CancelledError:
            await self._settle(answer)
            raise
        if result.status not in _DONE:
            raise _as_of_an_engine(_error_of(result), lost=False)
        return result

    async def _settle(self, answer: asyncio.Future[pq.abc.PGresult]) -> None:
        try:
            await asyncio.wait((answer,), timeout=_SETTLE_S)
        finally:
            if not answer.done():
                self.close(None)
            elif not answer.cancelled():
                answer.exception()  # it is nobody's any more

    def _flush(self) -> None:
        """Hands on what libpq could not write yet; it goes on when the socket takes more."""
        try:
            is_whole = self._pg.flush() == 0
        except psycopg.Error as error:
            self.close(error)
            return
        if is_whole:
            self._loop.remove_writer(self._socket)
        else:
            self._loop.add_writer(self._socket, self._flush)

    def _readable(self) -> None:
        try:
            self._pg.consume_input()
            while not self._pg.is_busy():
                result = self._pg.get_result()
                if result is None:
                    self._is_over()
                    return
                self._result = result
        except psycopg.Error as error:
            self.close(error)

    def _is_over(self) -> None:
        result, self._result = self._result, None
        answer, self._answer = self._answer, None
        if self._pg.status != pq.ConnStatus.OK:
            self._answer = answer
            self.close(psycopg.OperationalError("the connection to the database was lost"))
        elif answer is not None and result is not None:
            answer.set_result(result)

    def close(self, why: psycopg.Error | None) -> None:
        """Whoever waits for an answer gets `why`."""
        if self._is_open:
            self._is_open = False
            if not self._loop.is_closed():
                self._loop.remove_reader(self._socket)
                self._loop.remove_writer(self._socket)
            self._pg.finish()
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            if why is None:
                answer.cancel()
            else:
                answer.set_exception(why)


def _written(value: Any) -> bytes | None:
    write = _WRITERS.get(type(value))
    if write is None:
        write = next((each for kind, each in _WRITERS.items() if isinstance(value, kind)), None)
    if write is None:
        raise TypeError(f"{type(value).__name__} has no text for the database here; give it one in `_WRITERS`")
    return write(value)


def _as_text(value: int | Decimal) -> bytes:
    return str(value).encode()


# Found by the very type, because an order has forty values.
_WRITERS: Final[Mapping[type, Callable[[Any], bytes | None]]] = {
    type(None): lambda _value: None,
    str: str.encode,
    bool: lambda value: b"t" if value else b"f",
    int: _as_text,
    Decimal: _as_text,
    UUID: lambda value: b"%032x" % value.int,
    datetime: lambda value: value.isoformat().encode(),
    timedelta: lambda value: b"%d microseconds" % (value // timedelta(microseconds=1)),
}


def _moment(value: bytes) -> datetime:
    return datetime.fromisoformat(value.decode())


# By the types' numbers in PostgreSQL, which never change. One that is missing is a mistake of ours.
_READERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    16: lambda value: value == b"t",
    20: int,
    21: int,
    23: int,
    25: bytes.decode,
    701: float,  # seconds; money is numeric
    1043: bytes.decode,
    1184: _moment,
    1700: lambda value: Decimal(value.decode()),
    2278: lambda _value: None,  # void
    2950: lambda value: UUID(value.decode()),
}


def _error_of(result: pq.abc.PGresult) -> psycopg.Error:
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    kind: type[psycopg.Error] = psycopg.DatabaseError
    with suppress(KeyError):
        kind = psycopg.errors.lookup(state)
    # The first line alone: the next ones may repeat values.
    said = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
    return kind(said)


def _as_of_an_engine(error: psycopg.Error, *, lost: bool) -> Exception:
    """Whoever asks the database knows one family of errors, whichever way it was asked."""
    known = exc.DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost)
    assert isinstance(known, Exception)
    return known
