"""Coins as the private endpoints take them: which there are, and lists of them in a parameter.

Lives here: reading and refusing names of coins. Not here: what the account has of them (`account`).
"""

from __future__ import annotations

from tradewright.simulator.errors import ApiError, RetCode, bad_parameter
from tradewright.simulator.fields import Body, text
from tradewright.simulator.matching.engine import Engine


def coins_of(engine: Engine) -> set[str]:
    """Every coin that the account has or had, or that something listed is traded or settled in."""
    return {
        *engine.account.coins,
        *(
            coin
            for spec in engine.specs.values()
            for coin in (spec.base_coin, spec.quote_coin, spec.settle_coin)
            if coin and coin != "USD"  # inverse contracts are quoted in dollars, which nobody holds
        ),
    }


def read_coins(body: Body, name: str, known: set[str], *, most: int) -> list[str]:
    """The coins of a comma list, each once, at most so many; empty when absent. Raises `ApiError`: 182204 for a coin
    that there is not, 10001 for too many.
    """
    coins = [coin for coin in dict.fromkeys(text(body, name).split(",")) if coin]
    if len(coins) > most:
        raise bad_parameter(f"params error: {name} names {len(coins)} coins, at most {most} are allowed")
    for coin in coins:
        if coin not in known:
            raise unknown_coin(coin)
    return coins


def read_coin(body: Body, name: str, known: set[str]) -> str:
    """One coin, which must be given. Raises as `read_coins`."""
    coins = read_coins(body, name, known, most=1)
    if not coins:
        raise bad_parameter(f"params error: {name} is required")
    return coins[0]


def unknown_coin(coin: str) -> ApiError:
    """The code is of the range documented for such errors; which of them Bybit sends here is not verified."""
    return ApiError(RetCode.COIN_UNKNOWN, f"Coin does not exist: [{coin}]")
