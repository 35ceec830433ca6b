"""The market of a run: one contract and its spot pair around 60 000, moved by chance twice a second.

Lives here: `LightMarket`. Not here: what orders make of it (the simulated exchange).
"""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

from support.scripted_market import SPOT, ScriptedMarket

STEP_S = 0.5
_HOME = Decimal(60_000)


class LightMarket(ScriptedMarket):
    """The price goes at most 0.2 % a step and is drawn back to where it began."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(spot=True)
        self._rng = rng

    async def move(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            for listing in ("BTCUSDT", SPOT):
                last = self.last_price(listing)
                pull = (_HOME - last) / 50
                price = (last + pull + Decimal(self._rng.randrange(-120, 121))).quantize(Decimal("0.1"))
                self.trade(str(price), "5.000", listing=listing, side=self._rng.choice(("Buy", "Sell")))
                self.quote(bid=str(price - Decimal("0.1")), ask=str(price + Decimal("0.1")), listing=listing)
                if listing == "BTCUSDT":
                    self.mark = price
                else:
                    self.index = price
