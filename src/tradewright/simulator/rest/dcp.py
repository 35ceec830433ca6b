"""Disconnect-cancel-all: how long an account may be away before its orders are cancelled, per product.

Lives here: the settings and the endpoint that changes them. Not here: who is away (`streams.dcp`), the endpoint that
tells them (`rest.account`).
Bybit switches DCP on for institutional accounts only; here every account has it. The settings live as long as the
exchange runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.simulator.errors import bad_parameter
from tradewright.simulator.fields import text
from tradewright.simulator.paging import whole
from tradewright.simulator.rest.calls import Call, Endpoint, Result

# What each product covers. The order is that of the documented example, with options after it.
PRODUCTS = {"SPOT": ("spot",), "DERIVATIVES": ("linear", "inverse"), "OPTIONS": ("option",)}
DEFAULT_PRODUCT = "OPTIONS"
DEFAULT_WINDOW_S = 10
WINDOW_S_MIN, WINDOW_S_MAX = 3, 300
EFFECTIVE_AFTER_MS = 10_000  # Bybit says up to ten seconds; a client must be right with the longest


@dataclass(frozen=True, slots=True)
class _Window:
    """A setting that holds from a moment on (wall time), and the one before it."""

    seconds: int
    from_ms: int
    before: int


class DcpSettings:
    """The time window of each account (UID) and product; ten seconds where none was set."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str], _Window] = {}

    def set(self, uid: str, product: str, seconds: int, *, now_ms: int) -> None:
        """A new window takes effect `EFFECTIVE_AFTER_MS` later; until then the one of now goes on."""
        before = self.window_s(uid, product, now_ms=now_ms)
        self._windows[uid, product] = _Window(seconds, now_ms + EFFECTIVE_AFTER_MS, before)

    def window_s(self, uid: str, product: str, *, now_ms: int) -> int:
        """The window in force."""
        found = self._windows.get((uid, product))
        if found is None:
            return DEFAULT_WINDOW_S
        return found.seconds if now_ms >= found.from_ms else found.before

    def infos(self, uid: str) -> list[dict[str, str]]:
        """The rows of `dcpInfos` in GET /v5/account/query-dcp-info: what was set last, in force or not yet (not
        verified which of the two Bybit tells).
        """
        found = {product: self._windows.get((uid, product)) for product in PRODUCTS}
        return [
            {
                "product": product,
                "dcpStatus": "ON",
                "timeWindow": str(DEFAULT_WINDOW_S if window is None else window.seconds),
            }
            for product, window in found.items()
        ]


class DcpEndpoints:
    """POST /v5/order/disconnected-cancel-all."""

    def __init__(self, settings: DcpSettings) -> None:
        self._settings = settings

    def all(self) -> list[Endpoint]:
        return [
            Endpoint(
                method="POST",
                path="/v5/order/disconnected-cancel-all",
                handle=self._set,
                private=True,
                writes=True,
                per_second=5,
            )
        ]

    def _set(self, call: Call) -> Result:
        product = text(call.params, "product") or DEFAULT_PRODUCT
        if product not in PRODUCTS:
            raise bad_parameter(f"params error: product [{product}] is not one of {' '.join(PRODUCTS)}")
        seconds = whole(call.params, "timeWindow")
        if seconds is None or not WINDOW_S_MIN <= seconds <= WINDOW_S_MAX:
            shown = "" if seconds is None else seconds
            raise bad_parameter(
                f"params error: timeWindow [{shown}] must be a whole number from {WINDOW_S_MIN} to {WINDOW_S_MAX}"
            )
        assert call.key is not None, "the endpoint is private"
        self._settings.set(call.key.uid, product, seconds, now_ms=call.now_ms)
        return {}
