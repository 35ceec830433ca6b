"""What spot orders may still take: a fill counts until the wallet that has it is known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sim.facts import after, fill, order_report, wallet
from tradewright.core.instrument import InstrumentId
from tradewright.trading.risk.exposure import Exposure

SPOT = InstrumentId("spot", "BTCUSDT")


def test_a_spot_fill_is_counted_until_a_whole_wallet_of_a_later_moment_has_it() -> None:
    exposure = Exposure()
    exposure.take(
        [
            order_report("partially_filled", filled="0.4", quantity=Decimal(1), instrument=SPOT),
            replace(fill("e-1", "0.4"), instrument=SPOT, executed_at=after(5)),
        ]
    )
    assert exposure.open_quantity(SPOT, "Buy") == Decimal(1)
    exposure.take([replace(wallet("90000", at=4), is_whole=True)])
    assert exposure.open_quantity(SPOT, "Buy") == Decimal(1), "a wallet of before it says nothing of it"
    exposure.take([replace(wallet("50000", at=6), is_whole=True)])
    assert exposure.open_quantity(SPOT, "Buy") == Decimal("0.6")
