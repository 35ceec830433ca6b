"""Orders that exist but cannot be seen yet: the fault of a read that lags behind its acknowledgement.

Lives here: until when each order is hidden, in wall time. Not here: who asks (`rest_trade`, `telling`).
"""

from __future__ import annotations


class Visibility:
    """Which orders reads and streams do not show yet."""

    def __init__(self) -> None:
        self._until_ms: dict[str, int] = {}

    def hide(self, order_id: str, *, until_ms: int) -> None:
        self._until_ms[order_id] = until_ms

    def show_all(self) -> list[str]:
        """Nothing is hidden any more; the ids that were."""
        shown = list(self._until_ms)
        self._until_ms.clear()
        return shown

    def hidden_ms(self, order_id: str, *, now_ms: int) -> int:
        """For how many milliseconds from now the order stays hidden; 0 when it is visible."""
        left = self._until_ms.get(order_id, now_ms) - now_ms
        if left <= 0:
            self._until_ms.pop(order_id, None)
        return max(left, 0)
