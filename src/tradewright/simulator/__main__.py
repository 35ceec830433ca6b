"""`python -m tradewright.simulator`: the exchange alone, with nothing else of Tradewright loaded."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, get_args

from tradewright.simulator.config import QueueModel, SimulatorConfig, parse_fund
from tradewright.simulator.environments import ENVIRONMENTS
from tradewright.simulator.process import EXIT_USAGE, run_exchange

OPTIONAL = ("mirror_rest", "mirror_stream", "fault_seed", "queue", "ip_limit", "limit_factor", "order_delay_ms")


class _Options(argparse.ArgumentParser):
    """Says what is wrong in one sentence. All options at once would hide it; `--help` has them."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; --help lists the options.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; `arguments` are those of the command line if not given. Returns the exit code."""
    try:
        config = _config_of(arguments)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a person started this
        return EXIT_USAGE
    return run_exchange(config)


def _config_of(arguments: Sequence[str] | None) -> SimulatorConfig:
    """Raises `ValueError` with a sentence for a person."""
    parser = _Options(prog="python -m tradewright.simulator", description=__doc__)
    parser.add_argument("--environment", choices=list(ENVIRONMENTS), default="sim")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9300, help="0 takes a free one")
    parser.add_argument("--state", type=Path, help="folder that keeps keys, orders and the market")
    parser.add_argument(
        "--market",
        action="append",
        help="synthetic or synthetic:600, replay:FILE@category:SYMBOL once per recording, or mirror (Bybit's prices)",
    )
    parser.add_argument("--from", dest="market_from", help="where the market begins: ISO 8601 or Unix milliseconds")
    parser.add_argument("--mirror-rest", help="where a mirror reads public data")
    parser.add_argument("--mirror-stream", help="where a mirror listens, without the category")
    parser.add_argument(
        "--fault-seed", type=int, help="draws faults on purpose: lost calls, late answers, dead sockets"
    )
    parser.add_argument("--queue", choices=get_args(QueueModel), help="when resting orders fill")
    parser.add_argument("--ip-limit", type=int, help="calls of one address per five seconds; 0 for no limit")
    parser.add_argument("--limit-factor", type=int, help="times Bybit's budgets per account; 0 for no limit")
    parser.add_argument("--order-delay", type=int, dest="order_delay_ms", help="milliseconds from answer to effect")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds per wall second")
    parser.add_argument("--key")
    parser.add_argument("--secret")
    parser.add_argument("--fund", action="append", help="COIN=AMOUNT, paid in on the first start")
    given = parser.parse_args(arguments)
    return SimulatorConfig(
        environment=given.environment,
        host=given.host,
        port=given.port,
        state=given.state,
        market=tuple(given.market or ["synthetic"]),
        market_from=given.market_from,
        seed=given.seed,
        speed=given.speed,
        key=given.key,
        secret=given.secret,
        funds=tuple(parse_fund(text) for text in given.fund or ["USDT=100000"]),
        **{name: getattr(given, name) for name in OPTIONAL if getattr(given, name) is not None},
    )


if __name__ == "__main__":
    sys.exit(main())
