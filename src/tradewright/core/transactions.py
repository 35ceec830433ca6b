"""What the exchange keeps of an account's money: its transaction log and its closed profits, as values.

Lives here: `Transaction`, `ClosedPnl`. Not here: reading them (`exchange`), our own entries (`core.ledger`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradewright.core.ids import ExchangeOrderId, ExecutionId
from tradewright.core.instrument import InstrumentId, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One movement of one coin of the wallet. A spot fill is two of them, with the same `exec_id`.

    `funding` is positive when received, `fee` when paid; `change` = `cash_flow` + `funding` − `fee`; `balance` is the
    wallet's after it.
    """

    exchange_id: str  # the exchange's own; not unique, see `key`
    kind: str  # the exchange's word: TRADE, SETTLEMENT, TRANSFER_IN, … about a hundred exist
    coin: str
    at: datetime
    funding: Decimal
    fee: Decimal
    cash_flow: Decimal
    change: Decimal
    balance: Decimal
    instrument: InstrumentId | None = None  # None too for what we do not trade
    category: str = ""  # as told, cut; "" where there is none
    side: Side | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    exec_id: ExecutionId | None = None
    exchange_order_id: ExchangeOrderId | None = None

    @property
    def key(self) -> str:
        """What it is known by: the exchange gives one id to a fill and to the funding of its position alike."""
        return "|".join((self.exchange_id, self.kind, self.coin, self.exec_id or "", str(self.change)))

    @property
    def is_of_execution(self) -> bool:
        """It should stand in the list of executions too."""
        return self.exec_id is not None and self.instrument is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedPnl:
    """What one order closed of a position, so far. `profit` has both fees taken off; a fee that is not told is None."""

    instrument: InstrumentId
    exchange_order_id: ExchangeOrderId
    side: Side  # of the closing order
    closed_quantity: Decimal
    profit: Decimal
    open_fee: Decimal | None
    close_fee: Decimal | None
    created_at: datetime
    updated_at: datetime

    @property
    def gross(self) -> Decimal | None:
        """Without fees; None where the exchange does not say what they were."""
        if self.open_fee is None or self.close_fee is None:
            return None
        return self.profit + self.open_fee + self.close_fee
