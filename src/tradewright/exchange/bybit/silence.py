"""The silence after HTTP 403: Bybit blocks an address, not a key, so whoever goes through that address keeps it.

Lives here: `AddressSilence`, of one address that requests come from, and `Silences`, all of a process's, by proxy.
Not here: when it begins and what is held back (`rest`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tradewright.exchange.bybit.proxy import Proxy


@dataclass(slots=True)
class AddressSilence:
    """Shared by every client that reaches Bybit from one address."""

    until_s: float | None = None  # by the process's monotonic clock


@dataclass(slots=True)
class Silences:
    """One for each proxy, and one without: Bybit counts an address over all its hosts together."""

    _known: dict[Proxy | None, AddressSilence] = field(default_factory=dict)

    def of(self, proxy: Proxy | None) -> AddressSilence:
        return self._known.setdefault(proxy, AddressSilence())
