"""What a run warns of: each code once, with how often and when first."""

from __future__ import annotations

from tradewright.backtest.result import Warned

MESSAGES = {
    "protect_unknown": "No order was sent: a stop or target that it needs was not known yet, or not positive.",
    "protect_wrong_side": "No order was sent: its stop or target would have been on the wrong side of the price.",
    "size_capped": "The order was cut down to what equity and leverage allow.",
    "insufficient_balance": "No order was sent: it was worth more than equity and leverage allow.",
    "below_minimum": "An order was left out: smaller than the instrument's minimum.",
    "entry_conflict": "enter_long and enter_short were true at the same close: neither was followed.",
    "levels_collide": "The grid did not start: two of its levels fall on the same tick.",
    "ruined": "The equity was used up. The run ends there.",
    "liquidation_before_safety": (
        "A bar passed the liquidation level on its way to a safety order that the backtest filled first. "
        "On the exchange the position would have been gone."
    ),
}


class Notes:
    def __init__(self) -> None:
        self._found: dict[str, tuple[int, int]] = {}

    def add(self, code: str, time_ms: int) -> None:
        """`time_ms`: the close at which it was decided."""
        assert code in MESSAGES, f"a warning without words: {code}"
        count, first = self._found.get(code, (0, time_ms))
        self._found[code] = (count + 1, first)

    def warnings(self) -> list[Warned]:
        """In the order in which they first came up."""
        return [Warned(code, MESSAGES[code], count, first) for code, (count, first) in self._found.items()]
