"""Bybit's environments as data: where each is and what it can do.

Lives here: addresses by environment and region, capabilities, and which of them Bybit's documentation leaves open.
Not here: what a setting puts in their place (`app.exchanges`), what a key adds to or takes from them (`connections`).
A key belongs to exactly one environment and is refused by every other one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from tradewright.core.environment import Environment
from tradewright.core.instrument import Category
from tradewright.exchange.ports import Endpoints

RemoteEnvironment = Literal["demo", "testnet", "live"]  # those that are Bybit's
USUAL_REGION = "global"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an account can do; each name is also what the page says of a control that is disabled."""

    can_trade_linear: bool = True
    can_trade_spot: bool = True
    can_amend: bool = True
    can_place_conditional: bool = True
    can_attach_exits: bool = True
    can_set_leverage: bool = True
    can_trail_stops: bool = True
    can_set_margin_mode: bool = True
    can_set_position_mode: bool = True
    can_batch_linear: bool = True  # several orders in one request
    can_batch_spot: bool = True
    has_fee_rates: bool = True
    has_trade_stream: bool = True  # order entry by WebSocket


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFacts:
    """`regions` by their name, the usual one first; `uncertain`: capabilities that nobody has seen yet, by name."""

    regions: Mapping[str, Endpoints]
    capabilities: Capabilities = Capabilities()
    uncertain: tuple[str, ...] = ()


def _places(rest: str, stream: str, public_stream: str | None = None) -> Endpoints:
    return Endpoints(f"https://{rest}", f"wss://{public_stream or stream}/v5/public", f"wss://{stream}/v5/private")


_LIVE = _places("api.bybit.com", "stream.bybit.com")
_TESTNET = _places("api-testnet.bybit.com", "stream-testnet.bybit.com")

# Accounts registered with a regional company must use its hosts. Where the documentation names no stream of a region,
# the usual one stands.
_LIVE_REGIONS: Mapping[str, Endpoints] = MappingProxyType(
    {
        USUAL_REGION: _LIVE,
        "bytick": replace(_LIVE, rest="https://api.bytick.com"),  # the alternative name of the usual host
        "ae": replace(_LIVE, rest="https://api.bybit.ae"),
        "eu": _places("api.bybit.eu", "stream.bybit.eu"),
        "ge": _places("api.bybitgeorgia.ge", "stream.bybitgeorgia.ge"),
        "id": _places("api.bybit.id", "stream.bybit.id"),
        "jp": _places("api.manepa.jp", "stream.manepa.jp"),
        "kz": _places("api.bybit.kz", "stream.bybit.kz"),
        "nl": replace(_LIVE, rest="https://api.bybit.nl"),
        "tr": _places("api.bybit.tr", "stream.bybit.tr"),
    }
)

ENVIRONMENTS: Mapping[RemoteEnvironment, EnvironmentFacts] = MappingProxyType(
    {
        # Play money on real prices: no public stream of its own, no order entry by WebSocket, and `account/fee-rate`,
        # batches of spot orders are not in its list. What it answers to those, nobody has seen.
        "demo": EnvironmentFacts(
            regions=MappingProxyType(
                {USUAL_REGION: _places("api-demo.bybit.com", "stream-demo.bybit.com", "stream.bybit.com")}
            ),
            capabilities=Capabilities(has_fee_rates=False, can_batch_spot=False, has_trade_stream=False),
            uncertain=("has_fee_rates", "can_batch_spot"),
        ),
        "testnet": EnvironmentFacts(
            regions=MappingProxyType(
                {USUAL_REGION: _TESTNET, "jp": replace(_TESTNET, rest="https://api-testnet.manepa.jp")}
            ),
        ),
        "live": EnvironmentFacts(regions=_LIVE_REGIONS),
    }
)

SIMULATED_CAPABILITIES = Capabilities()


def capabilities_of(environment: Environment, categories: Sequence[Category] | None = None) -> Capabilities:
    """What an account here can do with a key that may trade `categories`; None: a key that lacks nothing."""
    usual = SIMULATED_CAPABILITIES if environment == "sim" else ENVIRONMENTS[environment].capabilities
    if categories is None:
        return usual
    return replace(
        usual,
        can_trade_linear=usual.can_trade_linear and "linear" in categories,
        can_trade_spot=usual.can_trade_spot and "spot" in categories,
        can_set_leverage=usual.can_set_leverage and "linear" in categories,
        can_trail_stops=usual.can_trail_stops and "linear" in categories,
        can_set_margin_mode=usual.can_set_margin_mode and "linear" in categories,
        can_set_position_mode=usual.can_set_position_mode and "linear" in categories,
        can_batch_linear=usual.can_batch_linear and "linear" in categories,
        can_batch_spot=usual.can_batch_spot and "spot" in categories,
    )
