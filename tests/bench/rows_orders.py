"""An order: to its signed body and headers, and there and back over a loopback socket.

The first rows stop short of the HTTP library on both sides; ccxt does its part in an environment of its own and is told
how often through a pipe, which adds some 2 % to it. The last has everything but the durable intent; both clients talk
to the same bare server in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import structlog
import uvloop
from pybit.unified_trading import HTTP
from tests.bench.harness import Row

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' own helpers are imported from their folder
from support.peers import peers_python
from tradewright.core.clock import milliseconds
from tradewright.core.ids import LinkId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import NewOrder
from tradewright.exchange.bybit.order_bodies import create_body
from tradewright.exchange.bybit.orders import BybitOrderGateway
from tradewright.exchange.bybit.signing import Secret, Signer
from tradewright.exchange.ports import ApiKey, Endpoints
from tradewright.system import SystemClock

ORDERS = 50
KEY = ApiKey("bench-key-0123456789", "bench-secret-0123456789abcdef0123456789")
ORDER = NewOrder(
    link_id=LinkId("tw0123456789abcdef0123456789abcdef"),
    instrument=InstrumentId("linear", "BTCUSDT"),
    side="Buy",
    order_type="Limit",
    quantity=Decimal("0.010"),
    price=Decimal("60000.50"),
    time_in_force="GTC",
)
PYBIT_ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "0.010",
    "price": "60000.50",
    "timeInForce": "GTC",
    "orderLinkId": ORDER.link_id,
    "positionIdx": 0,
}


@contextmanager
def rows() -> Iterator[list[Row]]:
    """The rows, with the loopback server running for as long as they are measured."""
    command = [sys.executable, "-m", "tests.bench.loopback_exchange"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
        _ccxt() as ccxt,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}"
        gateway = runner.run(_gateway(address))
        session = _pybit(address)
        yield [
            Row(
                name="order to signed body and headers",
                ours=_sign_ours,
                peer=lambda: _sign_pybit(session),
                peer_name="pybit",
                operations=ORDERS,
                must=7,
                goal=15,
                floor=_sign_floor,
            ),
            Row(
                name="order to signed body and headers",
                ours=_sign_ours,
                peer=lambda: _sign_ccxt(ccxt),
                peer_name="ccxt",
                operations=ORDERS,
                must=5,
                goal=10,
                floor=_sign_floor,
            ),
            Row(
                name="order there and back on loopback",
                ours=lambda: runner.run(_place_ours(gateway)),
                peer=_place_pybit(session),
                peer_name="pybit",
                operations=ORDERS,
                must=1 / 0.6,
                goal=1 / 0.3,
            ),
        ]
        runner.run(gateway.close())
        session.client.close()
        server.communicate()


def _sign_ours() -> None:
    signer, clock = Signer(KEY), SystemClock()
    for _ in range(ORDERS):
        payload = msgspec.json.encode(create_body(ORDER))
        signer.rest_headers(milliseconds(clock.now()), payload)


def _sign_floor() -> None:
    """What no Python of ours can do without: the time, the JSON of a ready body, its HMAC."""
    clock, body, secret = SystemClock(), create_body(ORDER), Secret(KEY.secret)
    for _ in range(ORDERS):
        clock.now()
        secret.sign(msgspec.json.encode(body))


def _sign_pybit(session: HTTP) -> None:
    for _ in range(ORDERS):
        query = session._clean_query(dict(PYBIT_ORDER))
        session._prepare_headers(session.prepare_payload("POST", query), session.recv_window)


@contextmanager
def _ccxt() -> Iterator[subprocess.Popen[str]]:
    # Without compiled files ccxt would take half a minute to start each time.
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    script = str(Path(__file__).parent / "sign_ccxt.py")
    command = [str(peers_python()), script, ORDER.link_id, str(ORDER.price)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings) as running:
        try:
            assert running.stdout is not None
            first = running.stdout.readline()
            assert first == "ready\n", f"ccxt did not start: {first!r}"
            yield running
        finally:
            running.communicate()


def _sign_ccxt(running: subprocess.Popen[str]) -> None:
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(f"{ORDERS}\n")
    running.stdin.flush()
    assert running.stdout.readline() == "done\n"


async def _gateway(address: str) -> BybitOrderGateway:
    quiet = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(50))
    return BybitOrderGateway(lambda: Endpoints(address, "", ""), KEY, clock=SystemClock(), log=quiet)


async def _place_ours(gateway: BybitOrderGateway) -> None:
    for _ in range(ORDERS):
        await gateway.place(ORDER)


def _pybit(address: str) -> HTTP:
    session = HTTP(api_key=KEY.key, api_secret=KEY.secret)
    session.endpoint = address
    return session


def _place_pybit(session: HTTP) -> Callable[[], None]:
    def run() -> None:
        for _ in range(ORDERS):
            session.place_order(**PYBIT_ORDER)

    return run
