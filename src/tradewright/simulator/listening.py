"""The exchange's port: taking it, serving on it, and what its addresses are."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass

from aiohttp import web

from tradewright.simulator.errors import AddressUnusable

SHUTDOWN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the exchange listens; the public address still needs its category, `/linear` or `/spot`."""

    rest: str
    ws_public: str
    ws_private: str
    ws_trade: str


def listen(host: str, port: int) -> socket.socket:
    """Raises `AddressUnusable`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except socket.gaierror:
        raise AddressUnusable(f"--host {host} is no address of this machine; 127.0.0.1 always is.") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error.strerror
        raise AddressUnusable(
            f"Port {port} of {host} cannot be used ({reason}); choose another with --port or --host."
        ) from None


async def serve_http(application: web.Application, listener: socket.socket, stop: contextlib.AsyncExitStack) -> None:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S, handler_cancellation=True)
    await runner.setup()
    stop.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()


def addresses_of(host: str, port: int) -> Addresses:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Addresses(
        rest=f"http://{place}",
        ws_public=f"ws://{place}/v5/public",
        ws_private=f"ws://{place}/v5/private",
        ws_trade=f"ws://{place}/v5/trade",
    )
