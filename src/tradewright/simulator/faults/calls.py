"""Calls between the wire and the exchange: what a fault makes of one, and its two records in the truth log.

Lives here: `CallGate`, which every REST call and every operation of the trade stream goes through. Not here: checking
and carrying out a call (`rest`, `streams.trade`), whether a fault strikes (`board`).
How Bybit's gateways write the body of a 429 or 5xx is not verified; here it is plain text.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import msgspec
import structlog
from aiohttp import web

from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.kinds import (
    Effect,
    HttpError,
    LateAccept,
    LostReply,
    LostRequest,
    Place,
    RetCodeError,
)
from tradewright.simulator.faults.maintenance import refusal_of
from tradewright.simulator.faults.truth import short_key
from tradewright.simulator.faults.visibility import Visibility
from tradewright.simulator.frames import Frame

log = structlog.get_logger()

_CREATES: Final = "/v5/order/create"  # and its batch: what a read or an amend names has been seen already
LINK_IDS_MAX: Final = 20  # of one batch, which has no more
TEXTS: Final = {
    10000: "Server Timeout",
    10006: "Too many visits!",
    10016: "Internal system error. Please try again later.",
    10019: "ws trade service is restarting, do not accept new request, but the request in the process is not affected. "
    "You can build new connection to be routed to normal service",
    10429: "System level frequency protection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A call as it came in, before anybody has checked it. `uid` is whose key it names, "" for nobody's."""

    way: str  # "rest" or "trade"
    method: str
    path: str
    uid: str
    key: str
    params: Any  # what could be read of its query or body
    content: bytes

    @property
    def items(self) -> list[dict[str, Any]]:
        """The call's own fields, or those of each item of a batch."""
        if not isinstance(self.params, dict):
            return []
        batch = self.params.get("request")
        rows = batch if isinstance(batch, list) else [self.params]
        return [row for row in rows[:LINK_IDS_MAX] if isinstance(row, dict)]

    @property
    def place(self) -> Place:
        return Place(path=self.path, uid=self.uid, symbols=_texts(self.items, "symbol"), stream=self.way)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call by its record in the truth log, and whose it is."""

    seq: int
    uid: str


class _Code(msgspec.Struct):
    retCode: int = 0


class _Result(msgspec.Struct):
    result: Any = None


class CallGate:
    """`wall_ms` is the exchange's wall clock, skewed as it may be."""

    def __init__(self, faults: Faults, visibility: Visibility, *, wall_ms: Callable[[], int]) -> None:
        self._faults = faults
        self._truth = faults.truth
        self._visibility = visibility
        self._wall_ms = wall_ms
        self._late: dict[asyncio.Task[web.Response], None] = {}  # in the order of their coming
        self._timers: dict[asyncio.TimerHandle, None] = {}

    async def call(self, request: web.Request, arrival: Arrival, process: Callable[[], web.Response]) -> web.Response:
        """A REST call: what `process` answers, or what a fault makes of it. May never return, but be cancelled."""
        asked = self._arrived(arrival)
        refused = self._refused_by_maintenance(arrival)
        if refused is not None:
            response = self._http(refused) if isinstance(refused, int) else self._envelope(*refused)
            self._answered(asked, processed=False, response=response)
            return response
        struck = self._faults.on_call(arrival.place)
        if struck is None:
            response = process()
            self._answered(asked, processed=True, response=response)
            return response
        self._faults.tell(struck[0], {"to": asked.seq, "path": arrival.path, "uid": asked.uid})
        return await self._meet(request, asked, struck[0].fault.effect, process)

    async def _meet(
        self, request: web.Request, asked: _Asked, effect: Effect, process: Callable[[], web.Response]
    ) -> web.Response:
        match effect:
            case LostRequest(hang=hang):
                self._answered(asked, processed=False, response=None)
                await _swallow(request, hang=hang)
            case LateAccept(delay_ms=delay_ms):
                # A task of its own: the call goes on when its client is gone, which cancels only the waiting.
                late = asyncio.create_task(self._later(asked, delay_ms, process))
                self._late[late] = None
                late.add_done_callback(lambda ended: self._late.pop(ended, None))
                return await asyncio.shield(late)
            case LostReply(hang=hang, hide_ms=hide_ms):
                response = process()
                makes = hide_ms and request.path.startswith(_CREATES)
                for order_id in _order_ids(response) if makes else ():
                    self._visibility.hide(order_id, until_ms=self._wall_ms() + hide_ms)
                self._answered(asked, processed=True, response=response, sent=False)
                log.info("exchange.reply_swallowed", path=request.path, hang=hang, hide_ms=hide_ms)
                await _swallow(request, hang=hang)
            case HttpError(status=status, processed=processed):
                return self._instead(asked, self._http(status), process if processed else None)
            case RetCodeError(code=code, processed=processed, reset_ms=reset_ms):
                limit_ms = self._wall_ms() + reset_ms if code == 10006 else None
                answer = self._envelope(code, TEXTS[code], limit_ms=limit_ms)
                return self._instead(asked, answer, process if processed else None)
        raise AssertionError(f"{effect} is no fault of calls")

    def frame(
        self,
        arrival: Arrival,
        *,
        process: Callable[[], Frame],
        refuse: Callable[[int, str], Frame],
        send: Callable[[Frame], None],
        drop: Callable[[], None],
    ) -> None:
        """An operation of the trade stream, the same way: `process` makes the answer, `refuse` one with a code,
        `drop` cuts the connection. Answers come in any order.
        """
        asked = self._arrived(arrival)
        refused = self._refused_by_maintenance(arrival)
        if refused is not None:
            assert not isinstance(refused, int), "a socket has no HTTP status"
            self._frame_answered(asked, refuse(*refused), send=send, processed=False)
            return
        struck = self._faults.on_call(arrival.place)
        if struck is None:
            self._frame_answered(asked, process(), send=send, processed=True)
            return
        self._faults.tell(struck[0], {"to": asked.seq, "path": arrival.path, "uid": asked.uid})
        match struck[0].fault.effect:
            case LostRequest(hang=hang):
                self._truth.record(
                    "reply", {"to": asked.seq, "uid": asked.uid, "processed": False, "code": None, "sent": False}
                )
                if not hang:
                    drop()
            case LateAccept(delay_ms=delay_ms):
                self._call_later(delay_ms, lambda: self._frame_answered(asked, process(), send=send, processed=True))
            case LostReply(hang=hang, hide_ms=hide_ms):
                answer = process()
                data = answer.get("data")
                makes = hide_ms and arrival.path.startswith(_CREATES)
                for order_id in _texts(_rows(data), "orderId") if makes else ():
                    self._visibility.hide(order_id, until_ms=self._wall_ms() + hide_ms)
                self._frame_answered(asked, answer, send=None, processed=True)
                if not hang:
                    drop()
            case HttpError(status=status, processed=processed):
                self._frame_instead(asked, 10429 if status == 429 else 10016, processed, process, refuse, send)
            case RetCodeError(code=code, processed=processed, reset_ms=reset_ms):
                limited = _limited(self._wall_ms() + reset_ms) if code == 10006 else {}

                def with_limit(code: int, text: str) -> Frame:
                    answer = refuse(code, text)
                    return {**answer, "header": {**limited, **answer["header"]}}

                self._frame_instead(asked, code, processed, process, with_limit, send)

    def close(self) -> None:
        """Forget what is still to be processed late."""
        for task in self._late:
            task.cancel()
        for timer in self._timers:
            timer.cancel()

    async def _later(self, asked: _Asked, delay_ms: int, process: Callable[[], web.Response]) -> web.Response:
        await asyncio.sleep(delay_ms / 1000)
        response = process()
        self._answered(asked, processed=True, response=response)
        return response

    def _call_later(self, delay_ms: int, call: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.pop(timer, None)
            call()

        timer = asyncio.get_running_loop().call_later(delay_ms / 1000, due)
        self._timers[timer] = None

    def _refused_by_maintenance(self, arrival: Arrival) -> tuple[int, str] | int | None:
        """A code with its text, an HTTP status, or None where the call goes through."""
        held = self._faults.maintenance
        if held is None:
            return None
        armed, effect = held
        refused = refusal_of(effect, path=arrival.path, way=arrival.way, method=arrival.method)
        if refused is None:
            return None
        self._faults.tell(armed, {"path": arrival.path, "uid": arrival.uid})
        return refused if refused == 503 else (refused, TEXTS[refused])

    def _arrived(self, arrival: Arrival) -> _Asked:
        fields = {
            "way": arrival.way,
            "method": arrival.method,
            "path": arrival.path,
            "uid": arrival.uid,
            "key": short_key(arrival.key),
            "body_sha256": hashlib.sha256(arrival.content).hexdigest(),
            "link_ids": _texts(arrival.items, "orderLinkId"),
        }
        return _Asked(self._truth.record("request", fields), arrival.uid)

    def _answered(self, asked: _Asked, *, processed: bool, response: web.Response | None, sent: bool = True) -> None:
        """`code` and `status` are what the exchange would answer; `sent` says whether it left."""
        known = {
            "to": asked.seq,
            "uid": asked.uid,
            "processed": processed,
            "code": None if response is None else _code(response),
            "status": None if response is None else response.status,
            "sent": sent and response is not None,
        }
        self._truth.record("reply", known)

    def _instead(self, asked: _Asked, answer: web.Response, process: Callable[[], web.Response] | None) -> web.Response:
        """An injected answer in the place of the true one, which is what the truth log tells first."""
        if process is not None:
            self._answered(asked, processed=True, response=process(), sent=False)
        self._answered(asked, processed=process is not None, response=answer)
        return answer

    def _frame_answered(
        self, asked: _Asked, answer: Frame, *, send: Callable[[Frame], None] | None, processed: bool
    ) -> None:
        known = {
            "to": asked.seq,
            "uid": asked.uid,
            "processed": processed,
            "code": answer.get("retCode"),
            "sent": send is not None,
        }
        self._truth.record("reply", known)
        if send is not None:
            send(answer)

    def _frame_instead(
        self,
        asked: _Asked,
        code: int,
        processed: bool,
        process: Callable[[], Frame],
        refuse: Callable[[int, str], Frame],
        send: Callable[[Frame], None],
    ) -> None:
        if processed:
            self._frame_answered(asked, process(), send=None, processed=True)
        self._frame_answered(asked, refuse(code, TEXTS[code]), send=send, processed=processed)

    def _http(self, status: int) -> web.Response:
        text = "Too Many Requests" if status == 429 else "upstream error"
        return web.Response(status=status, text=text)

    def _envelope(self, code: int, text: str, *, limit_ms: int | None = None) -> web.Response:
        """Bybit's envelope; with `limit_ms` the headers of an exhausted budget that is back then."""
        now_ms = self._wall_ms()
        headers = {"Traceid": uuid4().hex, "Timenow": str(now_ms)}
        if limit_ms is not None:
            headers |= _limited(limit_ms)
        body = {"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": now_ms}
        return web.Response(body=msgspec.json.encode(body), headers=headers, content_type="application/json")


def _limited(reset_ms: int) -> dict[str, str]:
    """What is said of an exhausted budget that is back then."""
    return {"X-Bapi-Limit": "10", "X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": str(reset_ms)}


async def _swallow(request: web.Request, *, hang: bool) -> None:
    """Returns only by the connection's end: aiohttp cancels the handler when the client goes or the server stops."""
    if not hang and request.transport is not None:
        request.transport.abort()
    await asyncio.Event().wait()


def _code(response: web.Response) -> int | None:
    try:
        return msgspec.json.decode(_body(response), type=_Code).retCode
    except msgspec.MsgspecError:
        return None


def _order_ids(response: web.Response) -> tuple[str, ...]:
    """The orders an answer names: its own, or those of a batch."""
    try:
        return _texts(_rows(msgspec.json.decode(_body(response), type=_Result).result), "orderId")
    except msgspec.MsgspecError:
        return ()


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


def _rows(data: Any) -> list[dict[str, Any]]:
    if not isinstance(data, dict):
        return []
    rows = data.get("list")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else [data]


def _texts(rows: list[dict[str, Any]], name: str) -> tuple[str, ...]:
    return tuple(str(row[name])[:64] for row in rows if isinstance(row.get(name), str | int) and row[name] != "")
