"""The simulator's own endpoints, `/sim/*`: clock, motion of the market, accounts, logs, faults. Bybit has none of them.

Lives here: handlers for whoever holds the first account's trading key, on the loopback. Not here: the faults themselves
and the truth log (`faults`), what moving the market means (`motion`).
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec
from aiohttp import web

from tradewright.simulator.accounts.keys import KeyRing
from tradewright.simulator.accounts.log import EventLog
from tradewright.simulator.config import parse_fund
from tradewright.simulator.control.motion import Motion, read_command
from tradewright.simulator.errors import ApiError, bad_parameter
from tradewright.simulator.faults.desk import FaultDesk
from tradewright.simulator.faults.truth import TruthLog
from tradewright.simulator.frames import read_object
from tradewright.simulator.market.model import Market
from tradewright.simulator.paging import whole

LOG_PAGE: Final = 1_000
TRUTH_PAGE: Final = 10_000
ACCOUNTS_MAX: Final = 1_000
KEY_HEADER: Final = "X-Sim-Key"


class Account(Protocol):
    """What is told here of an account; see `members.Member`."""

    @property
    def uid(self) -> str: ...

    @property
    def keys(self) -> KeyRing: ...

    @property
    def log(self) -> EventLog: ...


class Accounts(Protocol):
    """See `members.Members`."""

    @property
    def first(self) -> Account: ...

    def by_uid(self, uid: str) -> Account | None: ...

    def as_rows(self) -> list[dict[str, Any]]: ...


class ControlEndpoints:
    """`GET /sim/clock` is public. With the key: `POST /sim/market`, `GET` and `POST /sim/accounts`,
    `GET /sim/log?since=N&uid=`, `GET /sim/truth?after=N&limit=M&uid=`, and `GET`, `POST` and `DELETE /sim/faults`.

    What is refused is HTTP 400 with `{"error": …}`.
    """

    def __init__(
        self,
        *,
        market: Market,
        motion: Motion,
        desk: FaultDesk,
        truth: TruthLog,
        members: Accounts,
        add_account: Callable[[Iterable[tuple[str, Decimal]]], Account],
        wall_ms: Callable[[], int],
    ) -> None:
        self._market = market
        self._motion = motion
        self._desk = desk
        self._truth = truth
        self._members = members
        self._add_account = add_account
        self._wall_ms = wall_ms

    def add_to(self, application: web.Application) -> None:
        router = application.router
        router.add_get("/sim/clock", self._clock)
        router.add_post("/sim/market", self._move)
        router.add_get("/sim/accounts", self._accounts)
        router.add_post("/sim/accounts", self._open_account)
        router.add_get("/sim/log", self._entries)
        router.add_get("/sim/truth", self._records)
        router.add_get("/sim/faults", self._armed)
        router.add_post("/sim/faults", self._arm)
        router.add_delete("/sim/faults", self._disarm)

    async def _clock(self, request: web.Request) -> web.Response:
        """The market's time is public, like the candles that tell it anyway."""
        return _json(self._now())

    def _now(self) -> dict[str, Any]:
        """`speed` is what holds while it runs, `paused` says whether it does; `from_ms` and `to_ms` are the bounds of
        a recording, null where there is none.
        """
        clock = self._market.clock
        return {
            "market_now_ms": self._market.now_ms,
            "speed": clock.speed,
            "paused": clock.paused,
            "wall_now_ms": self._wall_ms(),
            "from_ms": clock.first_ms,
            "to_ms": clock.end_ms,
            "ended": self._market.ended,
            "notice": self._market.notice,
        }

    async def _move(self, request: web.Request) -> web.Response:
        """`{"do": "pause"}`, `resume`, `step` with `events` or `seconds`, `jump` with `to`, `speed` with `speed`.

        The answer comes when it has been done: the clock, and in `events` how much of the market was played for it.
        """
        self._check_caller(request)
        try:
            played = await self._motion.obey(read_command(read_object(await request.read())))
        except ValueError as error:
            return _refused(error)
        return _json({**self._now(), "events": played})

    async def _accounts(self, request: web.Request) -> web.Response:
        """The uid of every account and how many entries its log has, in the order they were opened. No keys."""
        self._check_caller(request)
        return _json({"accounts": self._members.as_rows()})

    async def _open_account(self, request: web.Request) -> web.Response:
        """`{"funds": {"USDT": "1000"}}` opens another account; the answer has its uid and, this once, its keys."""
        self._check_caller(request)
        try:
            funds = _read_funds(read_object(await request.read() or b"{}"))
            if len(self._members.as_rows()) >= ACCOUNTS_MAX:
                raise ValueError(f"there are {ACCOUNTS_MAX} accounts, which is the most there may be")
        except ValueError as error:
            return _refused(error)
        opened = self._add_account(funds)
        keys = opened.keys
        pairs = {"trading": keys.trading, "read_only": keys.read_only}
        return _json(
            {
                "uid": opened.uid,
                "keys": {name: {"key": pair.key, "secret": pair.secret} for name, pair in pairs.items()},
            }
        )

    async def _entries(self, request: web.Request) -> web.Response:
        """Entries after `since`, oldest first, of the account `uid` or of the first one; `last` is its log's newest
        sequence number.
        """
        self._check_caller(request)
        try:
            since = whole(request.query, "since") or 0
            log = self._account(request).log
        except (ApiError, ValueError) as error:
            return _refused(error)
        return _json({"entries": log.since(since, limit=LOG_PAGE), "last": len(log.entries)})

    async def _records(self, request: web.Request) -> web.Response:
        """Records of the truth log after `after`, oldest first, at most `limit`; with `uid` those of an account only.

        `next` is what to ask `after` for what follows, `last` the newest sequence number there is.
        """
        self._check_caller(request)
        try:
            after, limit = whole(request.query, "after") or 0, whole(request.query, "limit") or LOG_PAGE
            if limit > TRUTH_PAGE:
                raise bad_parameter(f"limit is {limit}; it may be at most {TRUTH_PAGE}")
            uid = self._account(request).uid if "uid" in request.query else ""
        except (ApiError, ValueError) as error:
            return _refused(error)
        page = self._truth.page(after, limit=limit, uid=uid)
        return _json({"records": page.records, "next": page.next, "last": self._truth.last})

    async def _armed(self, request: web.Request) -> web.Response:
        """`seed` is what all chance hangs on, `armed` the faults that may still strike."""
        self._check_caller(request)
        return _json(self._desk.rows())

    async def _arm(self, request: web.Request) -> web.Response:
        """See `faults.reading` for what is understood."""
        self._check_caller(request)
        try:
            done = self._desk.arm(read_object(await request.read()))
        except ValueError as error:
            return _refused(error)
        return _json(done)

    async def _disarm(self, request: web.Request) -> web.Response:
        """The fault with the number `fault`; all of them without, and what the seed still had before it too."""
        self._check_caller(request)
        try:
            number = whole(request.query, "fault")
        except ApiError as error:
            return _refused(error)
        return _json({"cleared": self._desk.clear(number)})

    def _account(self, request: web.Request) -> Account:
        """The one that `uid` names, else the first. Raises `ValueError`."""
        uid = request.query.get("uid")
        if uid is None:
            return self._members.first
        found = self._members.by_uid(uid)
        if found is None:
            raise ValueError(f"uid is {uid[:40]!r}; there is no such account, GET /sim/accounts lists them")
        return found

    def _check_caller(self, request: web.Request) -> None:
        """Only from this machine, only with the trading key."""
        given = request.headers.get(KEY_HEADER, "")
        from_here = request.remote is not None and ipaddress.ip_address(request.remote).is_loopback
        trading = self._members.first.keys.trading
        if not from_here or not hmac.compare_digest(given.encode(errors="replace"), trading.key.encode()):
            raise web.HTTPForbidden(text=f"Needs the header {KEY_HEADER} with the trading key, from this machine.")


def _read_funds(body: dict[str, Any]) -> list[tuple[str, Decimal]]:
    """Coins and amounts. Raises `ValueError` naming what is wrong."""
    unknown = sorted(body.keys() - {"funds"})
    if unknown:
        raise ValueError(f"an account is opened with funds only, not with {', '.join(unknown)}")
    funds = body.get("funds", {})
    if not isinstance(funds, dict):
        raise ValueError(f'funds is {funds!r}; write coins and amounts, such as {{"USDT": "1000"}}')
    return [_fund(coin, amount) for coin, amount in funds.items()]


def _fund(coin: str, amount: Any) -> tuple[str, Decimal]:
    try:
        return parse_fund(f"{coin}={amount}")
    except ValueError:
        raise ValueError(
            f'funds has {coin!r}: {amount!r}; write a coin and an amount, such as "USDT": "1000"'
        ) from None


def _refused(error: ApiError | ValueError) -> web.Response:
    return _json({"error": error.text if isinstance(error, ApiError) else str(error)}, status=400)


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
