"""`python -m tradewright.simulator`: the exchange alone, with nothing else of Tradewright loaded."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tradewright.simulator.config import SimulatorConfig, parse_fund
from tradewright.simulator.environments import ENVIRONMENTS
from tradewright.simulator.process import EXIT_USAGE, run_exchange


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tradewright.simulator", description=__doc__)
    parser.add_argument("--environment", choices=list(ENVIRONMENTS), default="sim")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9300, help="0 takes a free one")
    parser.add_argument("--state", type=Path, help="folder that keeps keys, orders and the market")
    parser.add_argument(
        "--market", action="append", help="synthetic or replay:FILE@category:SYMBOL, once per recording"
    )
    parser.add_argument("--from", dest="market_from", help="where the market begins: ISO 8601 or Unix milliseconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds per wall second")
    parser.add_argument("--key")
    parser.add_argument("--secret")
    parser.add_argument("--fund", action="append", help="COIN=AMOUNT, paid in on the first start")
    given = parser.parse_args()
    try:
        funds = tuple(parse_fund(text) for text in given.fund or ["USDT=100000"])
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a person started this
        return EXIT_USAGE
    return run_exchange(
        SimulatorConfig(
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
            funds=funds,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
