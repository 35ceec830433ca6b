"""What maintenance refuses, and what system/status says of it.

Lives here: pure answers. Not here: whether there is any (`board`), the endpoint (`rest.market`).
Bybit documents the codes and the row; which calls fail during a maintenance is not verified. Here all that writes to
orders, positions and the account does, and reads go on, so that a client can find out what became of its orders.
"""

from __future__ import annotations

from typing import Any, Final

from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.kinds import Maintenance

UNANNOUNCED_END_MS: Final = 3_600_000
TRADING_SERVICES: Final = [1, 2, 3]  # trading, over HTTP, over WebSocket
PRODUCTS: Final = [1, 2, 3, 4]


def refusal_of(effect: Maintenance, *, path: str, way: str, method: str) -> int | None:
    """The code, or 503 for that HTTP status, that a call meets; None where it goes through."""
    if way == "trade":
        return 10019
    if method != "POST" or not path.startswith(("/v5/order/", "/v5/position/", "/v5/account/")):
        return None
    return 503 if effect.http else 10016


def status_rows(faults: Faults, *, skew_ms: int) -> list[dict[str, Any]]:
    """The rows of `GET /v5/system/status`; times by the exchange's own clock. An end that nobody set is an hour on."""
    held = faults.maintenance
    if held is None:
        return []
    armed, _ = held
    until_ms = armed.fault.until_ms
    end_ms = armed.since_ms + UNANNOUNCED_END_MS if until_ms is None else until_ms
    return [
        {
            "id": f"sim-maintenance-{armed.number}",
            "title": "Maintenance of the simulated exchange",
            "state": "ongoing",
            "begin": str(armed.since_ms + skew_ms),
            "end": str(end_ms + skew_ms),
            "href": "",
            "serviceTypes": TRADING_SERVICES,
            "product": PRODUCTS,
            "uidSuffix": [],
            "maintainType": 1,
            "env": 1,
        }
    ]
