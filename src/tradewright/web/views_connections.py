"""Connections and environments as the API shows them. Nothing secret can be here: `Connection` holds none.

Not here: the shapes that are declared (`schemas.connections`), the rows (`connections`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tradewright.connections.model import Connection, ShownChange, ShownFacts, refusal_of
from tradewright.connections.top_ups import TopUp
from tradewright.connections.verdicts import warnings_of
from tradewright.core.clock import milliseconds
from tradewright.core.environment import Environment
from tradewright.core.errors import ExchangeUnavailable
from tradewright.exchange.bybit.environments import ENVIRONMENTS, capabilities_of

RestAddress = Callable[[Environment, str], str]


def environment_view(environment: Environment, rest_address: RestAddress, *, real_trading: bool) -> dict[str, Any]:
    """What an environment is and can do; `regions` is empty where there is nothing to choose."""
    facts = None if environment == "sim" else ENVIRONMENTS[environment]
    refusal = refusal_of(environment, real_trading=real_trading)
    return {
        "environment": environment,
        "refusal": None if refusal is None else refusal.as_json(),
        "capabilities": asdict(capabilities_of(environment)),
        "regions": []
        if facts is None
        else [{"id": region, "rest": rest_address(environment, region)} for region in facts.regions],
        "uncertain": [] if facts is None else list(facts.uncertain),
    }


def connection_view(connection: Connection, rest_address: RestAddress, now: datetime) -> dict[str, Any]:
    facts, is_taken = connection.facts, connection.state in ("ok", "checking")
    warnings = warnings_of(facts, connection.environment, now) if facts is not None and is_taken else ()
    return {
        "id": str(connection.id),
        "environment": connection.environment,
        "name": connection.name,
        "state": connection.state,
        "reason": None if connection.reason is None else connection.reason.as_json(),
        "account_id": None if connection.account_id is None else str(connection.account_id),
        "key_shown": connection.key_shown,
        "region": connection.region,
        "host": _host(connection, rest_address),
        "proxy_shown": connection.proxy_shown,
        "key_facts": None if facts is None else _facts(facts),
        "warnings": [each.as_json() for each in warnings],
        "change": None if connection.change is None else _change(connection.change),
        "created_ms": milliseconds(connection.created_at),
        "checked_ms": None if connection.checked_at is None else milliseconds(connection.checked_at),
    }


def _host(connection: Connection, rest_address: RestAddress) -> str:
    try:
        return rest_address(connection.environment, connection.region)
    except ExchangeUnavailable:  # a region that a later version does not know any more
        return connection.region


def top_up_view(found: TopUp) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "coin": found.coin,
        "amount": found.amount,
        "state": found.state,
        "reason": None if found.reason is None else found.reason.as_json(),
        "created_ms": milliseconds(found.created_at),
    }


def _change(change: ShownChange) -> dict[str, Any]:
    return {
        "id": str(change.id),
        "state": change.state,
        "reason": None if change.reason is None else change.reason.as_json(),
        "key_shown": change.key_shown,
        "region": change.region,
        "created_ms": milliseconds(change.created_at),
    }


def _facts(facts: ShownFacts) -> dict[str, Any]:
    return {
        "uid": facts.uid,
        "read_only": facts.read_only,
        "permissions": {group: list(names) for group, names in facts.permissions.items() if names},
        "ips": list(facts.ips),
        "expires_ms": None if facts.expires_at is None else milliseconds(facts.expires_at),
    }
