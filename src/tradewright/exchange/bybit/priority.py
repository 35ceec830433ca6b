"""Who goes first when not everything may go at once.

Lives here: `Priority` and which of it a path has by itself. Not here: the waiting (`limits`), how much is kept free for
whom (`limits`, `address`).
"""

from __future__ import annotations

from enum import IntEnum


class Priority(IntEnum):
    """The smaller, the earlier. What takes exposure away comes before what adds some, and both before reading; what is
    read to know where orders and positions stand comes before what is read to be looked at."""

    KILL = 0
    CANCEL = 1
    REDUCE = 2
    PLACE = 3  # orders, amends, settings
    SAFETY = 4  # resolution and reconciliation
    READ = 5


_OF_PATH = {
    "/v5/market/time": Priority.KILL,  # without it nothing can be signed
    "/v5/order/cancel": Priority.CANCEL,
    "/v5/order/cancel-all": Priority.CANCEL,
    "/v5/order/cancel-batch": Priority.CANCEL,
    "/v5/position/trading-stop": Priority.REDUCE,
    "/v5/order/realtime": Priority.SAFETY,
    "/v5/order/history": Priority.SAFETY,
    "/v5/execution/list": Priority.SAFETY,
    "/v5/position/list": Priority.SAFETY,
    "/v5/account/wallet-balance": Priority.SAFETY,
    "/v5/account/info": Priority.SAFETY,
}


def priority_of(path: str, *, is_command: bool) -> Priority:
    """Of a call of which no more than its path is known."""
    return _OF_PATH.get(path, Priority.PLACE if is_command else Priority.READ)
