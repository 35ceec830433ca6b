"""Bybit's REST: commands and reads, signed with the exchange's own clock, each ending in one of a few typed errors.

Lives here: `RestClient`: query and body bytes, signature, envelope, rate-limit headers, the silence after HTTP 403.
Not here: which calls there are (`orders`, `market_data`), the connection (`http`), the table of codes (`errors`),
waiting for a turn (`limits`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote

import msgspec
from structlog.typing import FilteringBoundLogger

from tradewright.core.clock import Clock, Rng, from_milliseconds
from tradewright.core.errors import (
    AccountStopped,
    ClockRejected,
    ExchangeUnavailable,
    NotSent,
    OutcomeUnknown,
    ReadRefused,
    Trace,
)
from tradewright.exchange.bybit.address import IP_BAN, Address
from tradewright.exchange.bybit.clock_offset import ServerClock
from tradewright.exchange.bybit.errors import VERDICTS, ProxyUnavailable, command_error, is_judged, stops_account
from tradewright.exchange.bybit.http import (
    HeldBack,
    HttpAnswer,
    HttpTransport,
    LastWord,
    NoAnswer,
    NotConnected,
    ProxyFailed,
)
from tradewright.exchange.bybit.limits import BudgetSpent, RequestBudgets
from tradewright.exchange.bybit.outage import Outage
from tradewright.exchange.bybit.priority import Priority, priority_of
from tradewright.exchange.bybit.proxy import Proxy
from tradewright.exchange.bybit.rolling import Turn
from tradewright.exchange.bybit.signing import RECV_WINDOW_MS, Signer
from tradewright.exchange.bybit.values import Unreadable, decode, millis, words
from tradewright.exchange.bybit.wire import EMPTY_OBJECT, Envelope, Millis, RefusalResult
from tradewright.exchange.ports import EndpointSource, MayGo, RateBudget, always

_ENVELOPE = msgspec.json.Decoder(Envelope)
_REFUSAL = msgspec.json.Decoder(RefusalResult)
_LIMIT_REST_S = 1.0  # after a refusal that does not say until when
_CURSOR = re.compile(r"[\x21-\x7e]{1,1000}")
Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What the exchange last said of one path's budget; None where it said nothing readable."""

    limit: int | None
    remaining: int | None
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reply:
    """An accepted call: `result` is the JSON of the envelope's result, not yet decoded."""

    result: msgspec.Raw
    trace: Trace
    time: Millis = ""  # the envelope's, by the exchange's clock, not yet checked
    # Of a batch: what became of each item.
    details: msgspec.Raw = field(default_factory=lambda: EMPTY_OBJECT)


class RestClient:
    """Calls to one exchange with one key, or none for public reads. Close it at the end."""

    def __init__(
        self,
        endpoints: EndpointSource,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        signer: Signer | None = None,
        proxy: Proxy | None = None,
        address: Address | None = None,
        rng: Rng | None = None,
        gate: MayGo = always,
        reach: Callable[[str], None] = lambda _point: None,
        budgets: RequestBudgets | None = None,
        stopped: Callable[[Trace], None] = lambda _trace: None,
    ) -> None:
        """`address` is where requests come from, shared with all others who come from there; `rng` is for jitter;
        `budgets` are those of the account, where several clients ask for it: their address holds, then.

        While `gate` says no, no command leaves, whatever it is: the account may have another owner. `reach` is told
        when a command is signed and when its bytes are the kernel's. `stopped` is told of each command that was refused
        for the key or the account itself, and of each signed read that says so.
        """
        self._endpoints = endpoints
        self._clock = clock
        self._log = log.bind(component="bybit.rest")
        self._signer = signer
        self._http = HttpTransport(proxy)
        self._budgets = budgets or RequestBudgets(clock, address or Address(clock))
        self._address = self._budgets.address
        self._outage = Outage(clock, rng)
        self._gate = gate
        self._reach = reach
        self._stopped = stopped
        self.server_clock = ServerClock(self._read_server_ms, clock=clock, log=self._log)
        self.limits: dict[str, RateLimit] = {}  # by path, of which there are about a dozen

    def budget(self) -> RateBudget:
        """What is left of what may be asked."""
        return self._budgets.use()

    async def command(
        self,
        path: str,
        body: Mapping[str, object],
        may_go: MayGo = always,
        *,
        priority: Priority | None = None,
        units: int = 1,
    ) -> Reply:
        """A signed POST that may have an effect; sent once, never repeated here. A batch holds `units` orders.

        Signed first, with the exchange's time; then the gate and `may_go` are asked; then the bytes go, and nothing
        else happens in between. Whatever stops this process there, its signature dies by the exchange's window; one
        that has died before does not go.
        Raises `NotSent`, `Refused` (also `RateLimited`, `ClockRejected`), `DuplicateLinkId`, else `OutcomeUnknown`.
        After `ClockRejected` the clock has been measured anew, so the caller may sign another attempt.
        """
        if priority is None:
            priority = priority_of(path, is_command=True)
        async with self._turn(path, priority, units, NotSent) as turn:
            return await self._command(path, body, may_go, turn)

    async def _command(self, path: str, body: Mapping[str, object], may_go: MayGo, turn: Turn) -> Reply:
        clock_token = self.server_clock.token()
        try:
            now_ms = await self.server_clock.now_ms()
        except ExchangeUnavailable as problem:
            raise NotSent(f"the exchange's clock could not be read: {problem}", problem.trace) from problem
        if not self._gate() or (turn.has_waited and not may_go()):  # asked here too: it must not cost a connection
            raise NotSent(f"{path}: it waited for its turn until it might not go any more; nothing was sent")
        self._budgets.leaves(turn)
        payload = msgspec.json.encode(body)
        trace = Trace(signed_at=from_milliseconds(now_ms))
        dies_s = self._clock.monotonic() + RECV_WINDOW_MS / 1000
        headers = self._signed(now_ms, payload) | {"Content-Type": "application/json"}
        self._reach("request.signed")
        last_word = LastWord(lambda: self._passes(may_go, dies_s), lambda: self._reach("request.handed"))
        try:
            answer = await self._http.call("POST", self._endpoints().rest + path, headers, payload, last_word)
        except HeldBack as problem:
            raise NotSent(f"{path}: signed, and then it might not go any more; nothing was sent", trace) from problem
        except (NotConnected, ExchangeUnavailable) as problem:
            # No connection, or nobody knows where to connect to: no byte left.
            raise NotSent(f"{path}: no connection: {problem}", trace) from problem
        except NoAnswer as problem:
            raise OutcomeUnknown(f"{path}: no answer: {problem}; the outcome must be asked", trace) from problem
        trace = self._traced(trace, path, str(body.get("category", "")), answer)
        try:
            envelope = _envelope(answer)
        except Unreadable as problem:
            if answer.status != 200:
                raise command_error(trace, retry_at=None) from problem
            self._log.error("rest.unreadable", path=path, error=str(problem), raw=problem.raw)
            raise OutcomeUnknown(f"{path}: {problem}; the outcome must be asked", trace) from problem
        trace = replace(trace, ret_code=envelope.retCode, ret_msg=words(_told(envelope), 300))
        if answer.status == 200 and envelope.retCode == 0:
            return Reply(envelope.result, trace, envelope.time, envelope.retExtInfo)
        error = command_error(trace, retry_at=self.limits[path].resets_at)
        self._mind_limit(trace, path)
        self._log.warning("rest.command_failed", path=path, outcome=error.code, ret_code=envelope.retCode)
        if isinstance(error, ClockRejected):
            await self._resync(clock_token)
        if isinstance(error, AccountStopped):
            self._stopped(error.trace)
        raise error

    def _passes(self, may_go: MayGo, dies_s: float) -> bool:
        if not (self._clock.monotonic() < dies_s and self._gate() and may_go()):
            return False
        self._reach("request.passed")
        return True

    async def read(self, path: str, params: Params = (), *, signed: bool = False) -> Reply:
        """A GET. Raises `ExchangeUnavailable` for everything but an accepted answer, `ReadRefused` where the question
        was judged and turned down.

        One that is rejected for its timestamp is signed anew once, after the clock was measured.
        """
        clock_token = self.server_clock.token()
        reply = await self._read_once(path, params, signed=signed)
        if isinstance(reply, Reply):
            return reply
        if signed and VERDICTS.get(reply.ret_code or 0) == "clock":
            await self._resync(clock_token)
            reply = await self._read_once(path, params, signed=signed)
            if isinstance(reply, Reply):
                return reply
        error = ReadRefused if is_judged(reply) else ExchangeUnavailable
        raise error(f"{path}: Bybit answered {reply.ret_code}: {reply.ret_msg}", reply)

    async def read_plain(self, path: str) -> bytes | None:
        """Body of an unsigned GET outside the V5 envelope; None when the peer does not have it (no HTTP 200)."""
        async with self._turn(path, Priority.READ, 1, ExchangeUnavailable):
            answer = await self._get(path, "", {}, Trace())
        return answer.body if answer.status == 200 else None

    async def close(self) -> None:
        await self._http.close()

    async def _read_once(self, path: str, params: Params, *, signed: bool) -> Reply | Trace:
        """The reply, or the trace of an answer with another `retCode` than 0."""
        async with self._turn(path, priority_of(path, is_command=False), 1, ExchangeUnavailable) as turn:
            return await self._ask(path, params, turn, signed=signed)

    async def _ask(self, path: str, params: Params, turn: Turn, *, signed: bool) -> Reply | Trace:
        query = query_string(params)
        headers: dict[str, str] = {}
        trace = Trace()
        if signed:
            now_ms = await self.server_clock.now_ms()
            trace = Trace(signed_at=from_milliseconds(now_ms))
            headers = self._signed(now_ms, query.encode())
            self._budgets.leaves(turn)
        answer = await self._get(path, query, headers, trace)
        trace = self._traced(trace, path, dict(params).get("category", ""), answer)
        if answer.status != 200:
            trace = _judged(trace, answer)
            self._mind_stop(trace, signed=signed)
            raise ExchangeUnavailable(f"{path}: Bybit answered HTTP {answer.status}", trace)
        try:
            envelope = _envelope(answer)
        except Unreadable as problem:
            self._log.error("rest.unreadable", path=path, error=str(problem), raw=problem.raw)
            raise ExchangeUnavailable(f"{path}: {problem}", trace) from problem
        trace = replace(trace, ret_code=envelope.retCode, ret_msg=words(envelope.retMsg, 300))
        self._mind_limit(trace, path)
        self._mind_stop(trace, signed=signed)
        return Reply(envelope.result, trace, envelope.time) if envelope.retCode == 0 else trace

    async def _get(self, path: str, query: str, headers: Mapping[str, str], trace: Trace) -> HttpAnswer:
        url = self._endpoints().rest + path + (f"?{query}" if query else "")
        try:
            return await self._http.call("GET", url, headers, None)
        except ProxyFailed as problem:
            raise ProxyUnavailable(f"{path}: {problem}", trace) from problem
        except (NotConnected, NoAnswer) as problem:
            raise ExchangeUnavailable(f"{path}: {problem}", trace) from problem

    async def _read_server_ms(self) -> int:
        turn = self._address.take_at_once()
        try:
            reply = await self._get("/v5/market/time", "", {}, Trace())
        finally:
            self._budgets.answered(turn)
        try:
            return millis(_envelope(reply).time, "time")
        except Unreadable as problem:
            raise ExchangeUnavailable(f"/v5/market/time: {problem}") from problem

    async def _resync(self, clock_token: object) -> None:
        try:
            await self.server_clock.resync(older_than=clock_token)
        except ExchangeUnavailable as problem:
            self._log.warning("clock.resync_failed", error=str(problem))

    def _signed(self, now_ms: int, payload: bytes) -> dict[str, str]:
        assert self._signer is not None, "a signed call needs a client that was built with a signer"
        return self._signer.rest_headers(now_ms, payload)

    @contextlib.asynccontextmanager
    async def _turn(
        self, path: str, priority: Priority, units: int, error: type[NotSent] | type[ExchangeUnavailable]
    ) -> AsyncIterator[Turn]:
        """Begins once the budgets have room for it. Raises `error` when it would take too long, after a 403, and where
        the exchange answers nobody and it is not this call's turn to try."""
        self._check_silence(error)
        try:
            turn = await self._budgets.take(path, priority, units)
        except BudgetSpent as problem:
            raise error(f"{path}: {problem}") from problem
        try:
            self._check_silence(error)
            async with self._outage.attempt(priority, error):
                yield turn
        finally:
            self._budgets.answered(turn)

    def _mind_stop(self, trace: Trace, *, signed: bool) -> None:
        if signed and stops_account(trace):
            self._stopped(trace)

    def _mind_limit(self, trace: Trace, path: str) -> None:
        """After a refusal for the limit, or once nothing remains of it, the path rests until the time that is said."""
        limited = trace.ret_code is not None and VERDICTS.get(trace.ret_code) == "rate_limited"
        said = self.limits[path]
        if limited or said.remaining == 0:
            rest_s = _LIMIT_REST_S if limited else 0.0
            if said.resets_at is not None and trace.signed_at is not None:
                rest_s = (said.resets_at - trace.signed_at).total_seconds()
            self._budgets.close(path, rest_s)

    def _check_silence(self, error: type[NotSent] | type[ExchangeUnavailable]) -> None:
        left_s = self._address.silent_for_s()
        if left_s > 0:
            raise error(f"Bybit blocked this address (HTTP 403): nothing is sent for another {left_s:.0f} s")

    def _traced(self, trace: Trace, path: str, category: str, answer: HttpAnswer) -> Trace:
        """Books what the headers say; the silence after HTTP 403 starts here."""
        if answer.status == 403:
            self._address.block()
            self._log.error("rest.address_blocked", path=path, silent_for_s=IP_BAN.total_seconds())
        resets_ms = _count(answer.headers.get("X-Bapi-Limit-Reset-Timestamp"))
        self.limits[path] = RateLimit(
            limit=_count(answer.headers.get("X-Bapi-Limit")),
            remaining=_count(answer.headers.get("X-Bapi-Limit-Status")),
            resets_at=None if resets_ms is None else from_milliseconds(resets_ms),
        )
        self._budgets.learn(path, category, self.limits[path].limit)
        trace_id = words(answer.headers.get("Traceid", ""), 64)
        return replace(trace, answered_at=self._clock.now(), http_status=answer.status, trace_id=trace_id)


def query_string(params: Params) -> str:
    """The query as it is signed and sent. A cursor goes back as it came: Bybit hands it out already escaped."""
    return "&".join(f"{name}={value if name == 'cursor' else quote(value, safe='')}" for name, value in params)


def checked_cursor(text: str) -> str:
    """A cursor that may stand in a query; "" on the last page. Raises `Unreadable`."""
    if text and (not _CURSOR.fullmatch(text) or any(mark in text for mark in "&#?")):
        raise Unreadable(f"nextPageCursor: {text[:80]!r} cannot be sent back in a query")
    return text


def _judged(trace: Trace, answer: HttpAnswer) -> Trace:
    """An HTTP 401 may hold the exchange's own envelope; without one, somebody in between may have said it."""
    if answer.status != 401:
        return trace
    try:
        envelope = _envelope(answer)
    except Unreadable:
        return trace
    return replace(trace, ret_code=envelope.retCode, ret_msg=words(envelope.retMsg, 300))


def _envelope(answer: HttpAnswer) -> Envelope:
    return decode(_ENVELOPE, answer.body)


def _told(envelope: Envelope) -> str:
    """The answer's text, with the reasons of a refusal where it gives some in its result."""
    if envelope.retCode == 0:
        return envelope.retMsg
    try:
        reasons = [reason.reasonMsg for reason in decode(_REFUSAL, envelope.result).reasons if reason.reasonMsg]
    except Unreadable:
        return envelope.retMsg  # a refusal's result may be anything, and is then no part of it
    return f"{envelope.retMsg}: {' '.join(reasons)}" if reasons else envelope.retMsg


def _count(text: str | None) -> int | None:
    """A header's number up to the year 2100 in ms; None for anything else, because a header is no reason to fail."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 13 and int(text) < 4_102_444_800_000):
        return None
    return int(text)
