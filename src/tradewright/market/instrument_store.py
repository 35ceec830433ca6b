"""Instruments in the database: one list for each environment and category, replaced whole.

Lives here: the SQL, the form of the rules in a row, and the two channels of the bus that speak of lists. Not here: when
a list is read from the exchange (`instrument_refresher`), what readers keep of it (`instruments`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tradewright.core.environment import Environment
from tradewright.core.errors import AppError
from tradewright.core.instrument import Category, Instrument
from tradewright.storage.bus import notify

INSTRUMENTS_CHANNEL = "instruments"  # the payload is an environment whose lists were read anew
INSTRUMENTS_WANTED_CHANNEL = "instruments_wanted"  # the payload is an environment whose rules are in doubt


class UnreadableRules(AppError):
    """Rows of another version of this program: their list counts as not read, until it is read anew."""

    code = "instruments.unreadable"


@dataclass(frozen=True, slots=True)
class ListFacts:
    """`age_s` is how long ago the exchange was asked, by the database's clock."""

    environment: Environment
    category: Category
    version: int
    age_s: float


async def ask_for_instruments(connection: AsyncConnection, environment: Environment) -> None:
    """Has the lists of an environment read at once, as soon as the caller commits; e.g. after a filter rejection."""
    await notify(connection, INSTRUMENTS_WANTED_CHANNEL, environment)


async def list_facts(connection: AsyncConnection) -> Sequence[ListFacts]:
    found = await connection.execute(
        text(
            "SELECT environment, category, version,"
            " CAST(extract(epoch FROM clock_timestamp() - read_at) AS double precision) AS age_s FROM instrument_lists"
        )
    )
    return [ListFacts(row.environment, row.category, row.version, max(0.0, row.age_s)) for row in found]


async def read_instruments(
    connection: AsyncConnection, environment: Environment, category: Category
) -> Sequence[Instrument]:
    """By symbol. Raises `UnreadableRules`."""
    found = await connection.execute(
        text(
            "SELECT symbol, status, rules FROM instruments WHERE environment = :environment AND category = :category"
            ' ORDER BY symbol COLLATE "C"'
        ),
        {"environment": environment, "category": category},
    )
    try:
        return [_instrument(category, row.symbol, row.status, row.rules) for row in found]
    except msgspec.ValidationError as error:
        raise UnreadableRules(f"rules of {environment} {category} cannot be read: {error}") from error


async def replace_list(
    connection: AsyncConnection,
    environment: Environment,
    category: Category,
    rows: Sequence[Instrument],
    *,
    asked_s_ago: float,
) -> int:
    """Puts what the exchange lists in the place of what is there, and tells the readers once the caller commits.

    What is listed no more goes. Returns the list's version, which is a new one when anything changed.
    """
    key: dict[str, Any] = {"environment": environment, "category": category}
    # The row is locked from here on: two that replace the same list at once do it one after the other.
    await connection.execute(
        text(
            "INSERT INTO instrument_lists (environment, category, version, read_at)"
            " VALUES (:environment, :category, 0, now() - make_interval(secs => :ago))"
            " ON CONFLICT (environment, category) DO UPDATE SET read_at = excluded.read_at"
        ),
        {**key, "ago": asked_s_ago},
    )
    found = await connection.execute(
        text("SELECT symbol, status, rules FROM instruments WHERE environment = :environment AND category = :category"),
        key,
    )
    known = {row.symbol: (row.status, row.rules) for row in found}
    listed = {row.id.symbol: (row.status, _rules(row)) for row in rows}
    changed = [symbol for symbol, row in listed.items() if known.get(symbol) != row]
    gone = sorted(set(known) - set(listed))
    if changed:
        await connection.execute(
            text(
                "INSERT INTO instruments (environment, category, symbol, status, rules, changed_at) SELECT"
                " environment, category, :symbol, :status, CAST(:rules AS jsonb), read_at FROM instrument_lists"
                " WHERE environment = :environment AND category = :category"
                " ON CONFLICT (environment, category, symbol) DO UPDATE SET"
                " status = excluded.status, rules = excluded.rules, changed_at = excluded.changed_at"
            ),
            [
                {
                    **key,
                    "symbol": symbol,
                    "status": listed[symbol][0],
                    "rules": msgspec.json.encode(listed[symbol][1]).decode(),
                }
                for symbol in changed
            ],
        )
    if gone:
        await connection.execute(
            text(
                "DELETE FROM instruments WHERE environment = :environment AND category = :category"
                " AND symbol = ANY(:symbols)"
            ),
            {**key, "symbols": gone},
        )
    version = await connection.scalar(
        text(
            "UPDATE instrument_lists SET version = version + CASE WHEN :changed OR version = 0 THEN 1 ELSE 0 END"
            " WHERE environment = :environment AND category = :category RETURNING version"
        ),
        {**key, "changed": bool(changed or gone)},
    )
    await notify(connection, INSTRUMENTS_CHANNEL, environment)
    return int(version or 0)


def _rules(row: Instrument) -> dict[str, Any]:
    """Everything but the key and the status, decimals as text, as JSON gives it back."""
    rules = msgspec.json.decode(msgspec.json.encode(row))
    del rules["id"], rules["status"]
    assert isinstance(rules, dict)
    return rules


def _instrument(category: Category, symbol: str, status: str, rules: dict[str, Any]) -> Instrument:
    return msgspec.convert(
        {**rules, "id": {"category": category, "symbol": symbol}, "status": status}, Instrument, strict=True
    )
