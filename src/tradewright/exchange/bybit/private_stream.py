"""The account's private stream: `exchange.ports.PrivateStream` on Bybit V5.

Lives here: authentication, the four topics, their rows. Not here: staying connected (`stream`), row types (`codec`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, Rng, milliseconds
from tradewright.core.order import Execution, RemoteOrder, RemotePosition, Wallet
from tradewright.exchange.bybit import codec
from tradewright.exchange.bybit.address import Address
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.signing import Signer, signer_of
from tradewright.exchange.bybit.stream import StreamRunner
from tradewright.exchange.bybit.stream_link import StreamFailed, StreamLink
from tradewright.exchange.bybit.values import Unreadable, decode, words
from tradewright.exchange.bybit.wire import ExecutionRow, Millis, OrderRow, PositionRow, StreamFrame, WalletRow
from tradewright.exchange.ports import ApiKey, EndpointSource, PrivateEvent

TOPICS = ("order", "execution", "position", "wallet")
AUTH_VALID_MS = 10_000
_UNKNOWN_WORDS_MAX = 100  # told of; a healthy exchange has none

_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_Report = RemoteOrder | Execution | RemotePosition | Wallet
# A reader gets a row and its message's creation time.
_READERS: Mapping[str, tuple[msgspec.json.Decoder[Any], Callable[[Any, Millis], _Report | None]]] = {
    "order": (msgspec.json.Decoder(OrderRow), lambda row, _created: codec.order(row, "")),
    "execution": (msgspec.json.Decoder(ExecutionRow), lambda row, _created: codec.execution(row, "")),
    "position": (msgspec.json.Decoder(PositionRow), lambda row, _created: codec.position(row, "")),
    "wallet": (msgspec.json.Decoder(WalletRow), codec.wallet),
}


class BybitPrivateStream:
    """`server_time` gives the exchange's clock, e.g. `BybitOrderGateway.server_time`: the sign-in expires by it."""

    def __init__(
        self,
        endpoints: EndpointSource,
        key: ApiKey | Signer,
        *,
        server_time: Callable[[], Awaitable[datetime]],
        clock: Clock,
        rng: Rng,
        log: FilteringBoundLogger,
        use_aiofastnet: bool | None = None,
        proxy: Proxy | None = None,
        address: Address | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._signer = signer_of(key)
        self._server_time = server_time
        self._unknown_words: set[str] = set()
        self._log = log.bind(component="bybit.private_stream")
        self._runner: StreamRunner[_Report] = StreamRunner(
            self, clock=clock, rng=rng, log=self._log, use_aiofastnet=use_aiofastnet, proxy=proxy, address=address
        )

    def events(self) -> AsyncIterator[PrivateEvent]:
        return self._runner.events()

    def last_frame_age_seconds(self) -> float | None:
        """Seconds since any frame (pong included) was received; None before the first."""
        return self._runner.last_frame_age_seconds()

    async def renew(self) -> None:
        """Signs in anew, with the key that the signer has now, on a second connection that then takes the first one's
        place: nothing is missed, and what both tell is told twice. Where that fails the first one is dropped."""
        await self._runner.renew()

    async def close(self) -> None:
        await self._runner.close()

    def address(self) -> str:
        return self._endpoints().private_stream

    async def open(self, link: StreamLink) -> None:
        expires_ms = milliseconds(await self._server_time()) + AUTH_VALID_MS
        signature = self._signer.stream_signature(expires_ms)
        reply = await link.ask({"op": "auth", "args": [self._signer.key, expires_ms, signature]}, "auth")
        if not reply.success:
            raise StreamFailed(f"sign-in refused: {words(reply.ret_msg) or 'no reason given'}", "link.refused")
        reply = await link.ask({"op": "subscribe", "args": list(TOPICS)}, "subscribe")
        if not reply.success and "already subscribed" not in reply.ret_msg:
            raise StreamFailed(f"subscription refused: {words(reply.ret_msg) or 'no reason given'}", "link.refused")

    def took(self, raw: bytes) -> bool:
        return False  # messages are few here, and each may carry rows of several kinds of instruments

    def heard(self, frame: StreamFrame, raw: bytes) -> None:
        if not frame.topic:
            return
        reader = _READERS.get(frame.topic.partition(".")[0])
        if reader is None:
            self._log.warning("stream.unknown_topic", topic=words(frame.topic))
            return
        decoder, convert = reader
        for raw in decode(_ROWS, frame.data):
            # Row by row: one that cannot be read must not take its neighbours with it.
            try:
                report = convert(decode(decoder, raw), frame.creationTime)
            except Unreadable as problem:
                self._runner.report_unreadable(problem, raw)
            else:
                if report is not None:
                    self._warn_of_unknown(report)
                    self._runner.emit(report)

    def _warn_of_unknown(self, report: _Report) -> None:
        """A status of the future is no failure, but somebody should know: once for each word."""
        if isinstance(report, RemoteOrder) and report.state == "unrecognised":
            word = report.raw_status
            if word not in self._unknown_words and len(self._unknown_words) < _UNKNOWN_WORDS_MAX:
                self._unknown_words.add(word)
                self._log.error("stream.status_unknown", status=word, order_id=report.exchange_order_id)
