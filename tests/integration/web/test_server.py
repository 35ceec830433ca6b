"""What uvicorn is told, as a client sees it."""

from __future__ import annotations

import socket
import time

import pytest

from integration.web.kit import Site
from tradewright.web.server import listening_socket


async def test_an_answer_does_not_wait_for_a_delayed_acknowledgement(site: Site) -> None:
    http, took = site.browser(), []
    for _ in range(15):
        began = time.perf_counter()
        async with http.get("/healthz") as response:
            await response.read()
        took.append(time.perf_counter() - began)
    # A quarter of them, for the machine may be busy; with Nagle's algorithm on nearly all take 40 ms and more.
    assert sorted(took)[len(took) // 4] < 0.035


def test_a_taken_port_is_an_os_error_and_leaves_nothing_open() -> None:
    with listening_socket("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            listening_socket("127.0.0.1", first.getsockname()[1])
        assert first.proto == socket.IPPROTO_TCP
