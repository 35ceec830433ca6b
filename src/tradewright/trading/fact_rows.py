"""Facts of the exchange read back from our tables as they were told.

Lives here: `execution_of`. Not here: booking them (`booking`), how they are shown (`views`).
"""

from __future__ import annotations

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import Execution
from tradewright.trading.views import Row


def execution_of(row: Row) -> Execution:
    """A row of `executions`."""
    return Execution(
        exec_id=ExecutionId(row["exec_id"]),
        exchange_order_id=ExchangeOrderId(row["exchange_order_id"]),
        link_id=row["link_id"],
        instrument=InstrumentId(row["category"], row["symbol"]),
        side=row["side"],
        price=row["price"],
        quantity=row["quantity"],
        fee=row["fee"],
        fee_coin=row["fee_coin"],
        is_maker=row["is_maker"],
        exec_type=row["exec_type"],
        executed_at=row["executed_at"],
        sequence=row["sequence"],
    )
