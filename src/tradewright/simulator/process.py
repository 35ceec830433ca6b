"""The exchange as a process: one JSON line when ready, a clean end on SIGTERM.

Lives here: signals, the ready line, exit codes. Not here: reading the command line (`cli.exchange`, `__main__`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any, TextIO

import structlog

from tradewright.simulator.config import SimulatorConfig, problem_of
from tradewright.simulator.errors import AddressUnusable, StateUnusable
from tradewright.simulator.market import MarketError
from tradewright.simulator.server import RunningSimulator, serve

EXIT_USAGE = 2
EXIT_PORT_IN_USE = 3
EXIT_NOT_WRITABLE = 4
EXIT_STATE_UNUSABLE = 11
PRIVATE_UMASK = 0o077

log = structlog.get_logger()


def run_exchange(config: SimulatorConfig) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit code; what went wrong is one sentence on stderr."""
    problem = problem_of(config)
    if problem is not None:
        return _fail(problem, EXIT_USAGE)
    os.umask(PRIVATE_UMASK)
    _log_to_stderr()
    try:
        asyncio.run(_serve_until_told(config, sys.stdout))
    except MarketError as error:
        return _fail(f"The market cannot be started: {error}.", EXIT_USAGE)
    except StateUnusable as error:
        return _fail(str(error), EXIT_STATE_UNUSABLE)
    except AddressUnusable as error:
        return _fail(str(error), EXIT_PORT_IN_USE)
    except OSError as error:
        return _fail(f"The state folder {config.state} cannot be used: {error}.", EXIT_NOT_WRITABLE)
    return 0


def ready_line(running: RunningSimulator) -> dict[str, object]:
    """What other programs need to find and use the exchange."""
    addresses, market = running.addresses, running.engine.market
    return {
        "rest": addresses.rest,
        "ws_public": addresses.ws_public,
        "ws_private": addresses.ws_private,
        "ws_trade": addresses.ws_trade,
        "market_clock": {"now_ms": market.now_ms, "speed": market.clock.speed},
        "uid": running.keys.uid,
        "keys_file": None if running.keys_file is None else str(running.keys_file),
    }


async def _serve_until_told(config: SimulatorConfig, output: TextIO) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    running = await serve(config)
    try:
        print(json.dumps(ready_line(running)), file=output, flush=True)
        if config.state is None and config.key is None:
            # Public data needs no key, so this is no error; but who wants to trade would look for keys in vain.
            log.warning("exchange.keys_unknown", hint="give --key and --secret, or a --state folder to keep keys in")
        stopping = asyncio.create_task(told.wait())
        ends: tuple[asyncio.Future[Any], ...] = (stopping, running.broken)
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if running.broken.done():
            # An exchange that half works would look alive to everybody: better to end loudly and be restarted.
            await running.broken
    finally:
        await running.close()


def _log_to_stderr() -> None:
    """Standard output carries the ready line and nothing else."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201 - a person started this
    return code
