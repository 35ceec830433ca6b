"""pybit, unmodified, pointed at an exchange of ours, and a box for what its callbacks are called with."""

from __future__ import annotations

import copy
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pybit._websocket_trading
import pybit.unified_trading
import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

from support.exchange_process import KEY, PATIENCE_S, SECRET, ExchangeProcess


def http(exchange: ExchangeProcess, *, key: str = KEY, secret: str = SECRET, **options: Any) -> HTTP:
    session = HTTP(testnet=False, api_key=key, api_secret=secret, **options)
    session.endpoint = exchange.rest
    return session


def redirect(exchange: ExchangeProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """pybit knows its streams by constants of its modules."""
    monkeypatch.setattr(pybit.unified_trading, "PUBLIC_WSS", exchange.ready["ws_public"] + "/{CHANNEL_TYPE}")
    monkeypatch.setattr(pybit.unified_trading, "PRIVATE_WSS", exchange.ready["ws_private"])
    monkeypatch.setattr(pybit._websocket_trading, "TRADE_WSS", exchange.ready["ws_trade"])


def public_stream(category: str) -> WebSocket:
    return WebSocket(testnet=False, channel_type=category)


def private_stream() -> WebSocket:
    return WebSocket(testnet=False, channel_type="private", api_key=KEY, api_secret=SECRET)


class _Expected(dict[str, Any]):
    """What pybit keeps its callbacks in. It sends first and only then writes down whom to call, so an answer over
    loopback can come before; the thread that reads waits here for the one that writes.
    """

    def pop(self, key: str, *default: Any) -> Any:
        end = time.monotonic() + PATIENCE_S
        while key not in self and time.monotonic() < end:
            time.sleep(0.001)
        return super().pop(key, *default)


def trade_stream() -> WebSocketTrading:
    stream = WebSocketTrading(testnet=False, api_key=KEY, api_secret=SECRET)
    once(lambda: stream.auth)
    stream.callback_directory = _Expected(stream.callback_directory)
    return stream


class Inbox:
    """What a callback was called with, one thing after another; copies, as pybit goes on changing what it hands out."""

    def __init__(self) -> None:
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()

    def __call__(self, message: dict[str, Any]) -> None:
        self._queue.put(copy.deepcopy(message))

    def next(self) -> dict[str, Any]:
        return self._queue.get(timeout=PATIENCE_S)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the messages to come, without end."""
        while True:
            yield from self.next()["data"]

    def row(self, **wanted: Any) -> dict[str, Any]:
        """The next row with these values."""
        seen = []
        try:
            for row in self.rows():
                if wanted.items() <= row.items():
                    return row
                seen.append({key: row.get(key) for key in wanted})
        except queue.Empty:
            raise AssertionError(f"no row with {wanted} came; seen: {seen}") from None
        raise AssertionError

    def waiting(self) -> list[dict[str, Any]]:
        """What has come and was not taken."""
        found = []
        while not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found


def refusal(call: Callable[..., Any], **arguments: Any) -> int:
    """The retCode with which a call is refused."""
    with pytest.raises(InvalidRequestError) as caught:
        call(**arguments)
    return int(caught.value.status_code)


def outcome(call: Callable[..., Any], **arguments: Any) -> int:
    """The retCode of a call that may be refused."""
    try:
        return int(call(**arguments)["retCode"])
    except InvalidRequestError as error:
        return int(error.status_code)


def rows(answer: dict[str, Any]) -> list[Any]:
    return list(answer["result"]["list"])


def once(look: Callable[[], Any], *, seconds: float = PATIENCE_S) -> Any:
    """What `look` finds as soon as it is something; the exchange acts a moment after it has answered."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.03)
    return found
