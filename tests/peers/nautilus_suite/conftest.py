"""nautilus_trader, unmodified, pointed at the exchange that `EXCHANGE` names. Runs in an environment of its own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from nautilus_trader.core import nautilus_pyo3 as nautilus

READY = json.loads(os.environ["EXCHANGE"])
KEY, SECRET = os.environ["EXCHANGE_KEY"], os.environ["EXCHANGE_SECRET"]
ACCOUNT = nautilus.AccountId("BYBIT-UNIFIED")
PATIENCE_S = 10.0
KINDS = {
    "linear": nautilus.BybitProductType.LINEAR,
    "inverse": nautilus.BybitProductType.INVERSE,
    "spot": nautilus.BybitProductType.SPOT,
    "option": nautilus.BybitProductType.OPTION,
}


@dataclass
class Venue:
    """The REST client after it read the instruments, as the adapter does first of all."""

    client: Any
    instruments: dict[str, dict[str, Any]]

    def address(self, name: str) -> str:
        return str(READY[name])

    def instrument(self, category: str, symbol: str) -> Any:
        """`symbol` as nautilus writes it: `BTCUSDT-LINEAR`, `BTCUSD-INVERSE`, `BTCUSDT-SPOT`."""
        return self.instruments[category][f"{symbol}.BYBIT"]

    def order(
        self, category: str, instrument: Any, side: str, size: str, price: float | None = None, **more: Any
    ) -> Any:
        """What an order is called with, at REST and at the socket."""
        named: dict[str, Any] = {
            "product_type": KINDS[category],
            "instrument_id": instrument.id,
            "client_order_id": nautilus.ClientOrderId(f"naut-{time.time_ns()}"),
            "order_side": getattr(nautilus.OrderSide, side),
            "order_type": nautilus.OrderType.MARKET if price is None else nautilus.OrderType.LIMIT,
            "quantity": instrument.make_qty(float(size)),
        }
        if price is not None:
            named |= {"price": instrument.make_price(price), "time_in_force": nautilus.TimeInForce.GTC}
        return named | more

    async def last(self, category: str, instrument: Any) -> float:
        (trade,) = await self.client.request_trades(KINDS[category], instrument.id, 1)
        return float(trade.price)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def venue() -> Venue:
    client = nautilus.BybitHttpClient(api_key=KEY, api_secret=SECRET, base_url=READY["rest"])
    instruments: dict[str, dict[str, Any]] = {}
    for category, kind in KINDS.items():
        found = await client.request_instruments(kind)
        for instrument in found:
            client.cache_instrument(instrument)
        instruments[category] = {str(instrument.id): instrument for instrument in found}
    return Venue(client, instruments)


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` finds as soon as it is something; the exchange acts a moment after it has answered."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await look()):
            await asyncio.sleep(0.05)
    return found


@pytest.fixture(scope="session", name="until")
def _until() -> Any:
    return until
