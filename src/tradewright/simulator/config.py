"""What a simulated exchange is started with. Values only; defaults are those of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Literal

QueueModel = Literal["through", "queue"]

PORT_MAX: Final = 65_535
ORDER_DELAY_MS_MAX: Final = 600_000
FUND_MAX: Final = Decimal(10) ** 15
FUND_DECIMALS_MAX: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """One simulated exchange and its first account; others are opened while it runs.

    `port` 0 takes a free one. `state` keeps keys, orders and market across restarts; None keeps all in memory.
    `market` is `synthetic` alone, one `replay:FILE@category:SYMBOL` per recording, or `mirror` or one
    `mirror@category:SYMBOL` per listing, with `mirror_rest` and `mirror_stream` where its data comes from;
    `market_from` is where it begins (ISO 8601 or Unix ms).
    `funds` are paid in once, on the very first start of a state folder. `environment` is one of
    `environments.ENVIRONMENTS`.
    """

    environment: str = "sim"
    host: str = "127.0.0.1"
    port: int = 0
    state: Path | None = None
    market: tuple[str, ...] = ("synthetic",)
    market_from: str | None = None
    mirror_rest: str = "https://api.bybit.com"
    mirror_stream: str = "wss://stream.bybit.com/v5/public"  # without the category
    seed: int = 1
    speed: float = 1.0  # market seconds per wall second
    key: str | None = None
    secret: str | None = None
    funds: tuple[tuple[str, Decimal], ...] = (("USDT", Decimal(100_000)),)
    ip_limit: int = 600  # calls of one address per five seconds, 0 for no limit; one more is a ban
    ip_ban_s: int = 600
    limit_factor: int = 1  # times Bybit's default budgets per account and endpoint, 0 for no limit
    new_connections: int = 500  # sockets one address may open per five minutes; no limit with 0, or without `ip_limit`
    public_connections: int = 1_000  # public sockets of one category that one address may hold, 0 for no limit
    order_delay_ms: int = 30  # from the acknowledgement of a command to its effect and its private messages
    fault_seed: int | None = None  # draws faults on purpose; None for none
    queue: QueueModel = "through"  # when resting orders fill; see `matching.queue`
    tick_ms: int = 50  # how often the market moves, in wall time
    partial_fills: bool = False  # resting orders fill only as much as the trade that went through them
    save_market_ms: int = 1_000  # how often the market's state is written down, in wall time


def parse_fund(text: str) -> tuple[str, Decimal]:
    """`USDT=100000` as coin and amount. Raises `ValueError` with a sentence for a person."""
    coin, _, amount_text = text.partition("=")
    try:
        amount = Decimal(amount_text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (coin.isascii() and coin.isalnum() and coin.isupper() and amount.is_finite() and amount >= 0):
        raise ValueError(f"--fund {text!r} is not COIN=AMOUNT, for example USDT=100000.")
    # Sums of such amounts are exact: they stay within the digits that a decimal is counted with.
    if amount > FUND_MAX or amount != round(amount, FUND_DECIMALS_MAX):
        raise ValueError(f"--fund {text!r} must be at most {FUND_MAX} with at most {FUND_DECIMALS_MAX} decimals.")
    return coin, amount


def problem_of(config: SimulatorConfig) -> str | None:
    """What cannot be meant, as one sentence for a person; what the market or the disk refuse is found by them."""
    if not 0 <= config.port <= PORT_MAX:
        return f"--port {config.port} is not from 0 to {PORT_MAX}."
    for option, limit in (("--ip-limit", config.ip_limit), ("--limit-factor", config.limit_factor)):
        if limit < 0:
            return f"{option} {limit} is below 0; 0 is for no limit."
    if not 0 <= config.order_delay_ms <= ORDER_DELAY_MS_MAX:
        return f"--order-delay {config.order_delay_ms} is not from 0 to {ORDER_DELAY_MS_MAX} milliseconds."
    if (config.key is None) != (config.secret is None):
        return "--key and --secret belong together."
    for option, given in (("--key", config.key), ("--secret", config.secret)):
        # They travel in headers. The value is not repeated: a secret has no place on a screen.
        if given is not None and not (given.isascii() and given.isprintable() and given and " " not in given):
            return f"{option} must be letters, digits and signs of ASCII without spaces, at least one of them."
    return None
