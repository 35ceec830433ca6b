"""The account's switches and what it has borrowed: their names in the log, what they are before anybody sets them, and
what they mean. None of them moves money.

Lives here: reading `Account.settings`. Not here: the endpoints that change them (`rest.settings`), what obeys them.
Bybit's pages contradict each other about `modifyEnable` and `lpaSpot`/`lpaPerp`. Here `lpa…` is true where a limit
price beyond the limits is refused and false where it is moved to the limit, as the page that reads them says, and
`modifyEnable` is the opposite of it, by its name; not verified.
What is borrowed is owed at once, so a coin's balance stays what it is, net of debts: borrowing only lets it be spent
below zero. No interest is charged.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, Literal

from tradewright.simulator.accounts.collateral import ratio_of
from tradewright.simulator.market.model import Category

SPOT_HEDGING: Final = "spotHedgingStatus"  # "ON" or "OFF"
REFUSES_SPOT: Final = "lpaSpot"  # "true" or "false"
REFUSES_CONTRACTS: Final = "lpaPerp"
DEFAULTS: Final[Mapping[str, str]] = {SPOT_HEDGING: "OFF", REFUSES_SPOT: "true", REFUSES_CONTRACTS: "false"}
BORROWED: Final = "borrowed."
ALWAYS_COLLATERAL: Final = ("USDT", "USDC")  # cannot be switched off

Settings = Mapping[str, str]
Switch = Literal["ON", "OFF"]


def setting(settings: Settings, name: str) -> str:
    """A switch as it stands."""
    return settings.get(name, DEFAULTS[name])


def price_action(category: Category) -> str:
    """The name of the switch that says what becomes of a limit price beyond the limits of this category."""
    return REFUSES_SPOT if category == "spot" else REFUSES_CONTRACTS


def refuses_beyond_limits(settings: Settings, category: Category) -> bool:
    """Whether a limit price beyond the limits is refused instead of moved to the limit."""
    return setting(settings, price_action(category)) == "true"


def collateral_switch(coin: str) -> str:
    """The name of the switch that says whether a coin backs contracts."""
    return f"collateralSwitch.{coin}"


def is_collateral(settings: Settings, coin: str) -> bool:
    """Whether the account lets this coin back its contracts, of those that may at all; it does unless told not to."""
    return ratio_of(coin) > 0 and settings.get(collateral_switch(coin), "ON") == "ON"


def borrowing(coin: str) -> str:
    """The name of what is borrowed of a coin; its value is the amount."""
    return f"{BORROWED}{coin}"


def borrowed(settings: Settings, coin: str) -> Decimal:
    """How much of a coin is borrowed: by so much its balance may be below zero, and its wallet is above its balance."""
    return Decimal(settings.get(borrowing(coin), "0"))
