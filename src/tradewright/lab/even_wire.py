"""A network on which nothing goes wrong: every byte takes the same time, in order.

Lives here: `EvenWire`, for `network.NetworkLoop`. Not here: connections themselves (`network`).
"""

from __future__ import annotations

from typing import Final

from tradewright.lab.network import End, Link

WAY_S: Final = 0.001


class EvenWire:
    """All spans are virtual seconds."""

    def connecting(self) -> float:
        return WAY_S

    def opened(self, link: Link) -> None:
        return None

    def carries(self, end: End, data: bytes) -> None:
        end.deliver(data, WAY_S)

    def delay_s(self) -> float:
        return WAY_S
