"""Faults as the admin port takes and shows them: flat JSON objects.

Lives here: reading one with clear refusals, and the row that lists it. Not here: what faults do.
`{"kind": "lost_reply", "path": "/v5/order/create", "count": 1}`: the kind, whom it meets (`path`, `topic`, `stream`,
`uid`, `symbol`), how often (`count`, `probability`, `for_ms`), and what the kind itself takes.
Without a count a fault strikes once; with a probability or a span, and where it holds for a time, it has no end but
that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from tradewright.simulator.faults.board import Armed
from tradewright.simulator.faults.kinds import (
    CALLS,
    EVENTS,
    KINDS,
    SOCKETS,
    BrokenSocket,
    ClockSkew,
    DelayedEvent,
    DropSockets,
    DuplicatedEvent,
    Effect,
    Fault,
    Halted,
    HttpError,
    LateAccept,
    LostEvent,
    LostReply,
    LostRequest,
    Maintenance,
    Match,
    PriceJump,
    ReorderedEvent,
    RetCodeError,
    ShowOrders,
    SilentSocket,
)
from tradewright.simulator.market.model import InstrumentSpec, Listing, listing_of

Specs = Mapping[Listing, InstrumentSpec]

COUNT_MAX: Final = 10_000
SPAN_MS_MAX: Final = 86_400_000
DELAY_MS_MAX: Final = 600_000
SKEW_MS_MAX: Final = 86_400_000
STATUSES: Final = (429, 500, 502, 503, 504)
CODES: Final = (10000, 10006, 10016, 10019, 10429)
STREAMS: Final = ("private", "public", "trade")
TOPICS: Final = ("order", "execution", "execution.fast", "position", "wallet", "greeks")
FRACTION_MIN, FRACTION_MAX = Decimal("-0.9"), Decimal(9)
_OLD_NAMES: Final = {"swallow_reply": LostReply.name}
_MATCHES: Final[dict[type[Effect], frozenset[str]]] = {
    **dict.fromkeys(CALLS, frozenset({"path", "uid", "symbol"})),
    **dict.fromkeys(EVENTS, frozenset({"topic", "uid", "symbol"})),
    **dict.fromkeys((*SOCKETS, DropSockets), frozenset({"stream", "topic", "uid"})),
    Maintenance: frozenset(),
    ClockSkew: frozenset(),
    Halted: frozenset(),
    ShowOrders: frozenset(),
    PriceJump: frozenset(),
}


class FaultRefused(ValueError):
    """It cannot be armed; nothing changed. The text names the field, the value and what is allowed."""


def read_fault(body: Mapping[str, Any], *, now_ms: int, specs: Specs) -> Fault:
    """`now_ms` is real wall time, `specs` are those of the market. Raises `FaultRefused`."""
    left = dict(body)
    given = left.pop("kind", None)
    kind = KINDS.get(_OLD_NAMES.get(given, given)) if isinstance(given, str) else None
    if kind is None:
        raise FaultRefused(f"kind is {given!r}; it must be one of {', '.join(KINDS)}")
    effect = _effect(kind, left, specs)
    match = _match(kind, left)
    lasting = isinstance(effect, SilentSocket | ClockSkew | Maintenance | Halted)
    probability = _probability(left)
    for_ms = _whole(left, "for_ms", most=SPAN_MS_MAX, least=1)
    endless = lasting or for_ms is not None or probability < 1
    count = _whole(left, "count", most=COUNT_MAX)
    if left:
        raise FaultRefused(f"{given} does not know {', '.join(sorted(left))}")
    return Fault(
        effect=effect,
        match=match,
        count=count if count is not None else None if endless else 1,
        probability=probability,
        until_ms=None if for_ms is None else now_ms + for_ms,
    )


def fault_row(armed: Armed) -> dict[str, Any]:
    """An armed fault as it is listed; `count` is what is left, `until_ms` real wall time."""
    fault = armed.fault
    match = {each.name: getattr(fault.match, each.name) for each in fields_of(Match)}
    return {
        "fault": armed.number,
        "kind": fault.effect.name,
        **{name: value for name, value in match.items() if value},
        **{each.name: getattr(fault.effect, each.name) for each in fields_of(fault.effect)},  # numbers, texts, flags
        "count": armed.left,
        "probability": fault.probability,
        "since_ms": armed.since_ms,
        "until_ms": fault.until_ms,
        "struck": armed.struck,
    }


def _effect(kind: type[Effect], left: dict[str, Any], specs: Specs) -> Effect:
    def span(name: str, *, usual: int) -> int:
        value = _whole(left, name, most=DELAY_MS_MAX)
        return usual if value is None else value

    match kind.name:
        case LostRequest.name:
            return LostRequest(hang=_flag(left, "hang", usual=True))
        case LateAccept.name:
            return LateAccept(delay_ms=span("delay_ms", usual=1_000))
        case LostReply.name:
            return LostReply(hang=_flag(left, "hang", usual=True), hide_ms=span("hide_ms", usual=0))
        case HttpError.name:
            return HttpError(
                status=_one_of(left, "status", STATUSES, usual=502), processed=_flag(left, "processed", usual=False)
            )
        case RetCodeError.name:
            code, processed = _one_of(left, "code", CODES, usual=10000), _flag(left, "processed", usual=False)
            if code == 10006 and processed:
                raise FaultRefused("processed is true; a call that is limited by 10006 is never processed")
            return RetCodeError(code=code, processed=processed, reset_ms=span("reset_ms", usual=1_000))
        case DelayedEvent.name:
            return DelayedEvent(delay_ms=span("delay_ms", usual=1_000))
        case DuplicatedEvent.name:
            return DuplicatedEvent(delay_ms=span("delay_ms", usual=0))
        case ReorderedEvent.name:
            return ReorderedEvent(delay_ms=span("delay_ms", usual=500))
        case LostEvent.name:
            return LostEvent()
        case SilentSocket.name:
            return SilentSocket(pongs=_flag(left, "pongs", usual=False))
        case BrokenSocket.name:
            return BrokenSocket()
        case DropSockets.name:
            return DropSockets()
        case ShowOrders.name:
            return ShowOrders()
        case ClockSkew.name:
            return ClockSkew(skew_ms=_skew(left))
        case Maintenance.name:
            return Maintenance(http=_flag(left, "http", usual=False))
        case Halted.name:
            return Halted(listing=_listing(left, specs))
        case _:
            return PriceJump(listings=_listings(left, specs), fraction=_fraction(left))


def _match(kind: type[Effect], left: dict[str, Any]) -> Match:
    known = _MATCHES[kind]
    checks: dict[str, Callable[[str], str]] = {"path": _check_path, "stream": _check_stream}
    found: dict[str, str] = {}
    for name in sorted(known & left.keys()):
        value = left.pop(name)
        if not isinstance(value, str) or len(value) > 200:
            raise FaultRefused(f"{name} is {value!r}; it must be text")
        complaint = checks[name](value) if value and name in checks else ""
        if not complaint and name == "topic" and kind in EVENTS and value not in ("", *TOPICS):
            complaint = f"must be one of {', '.join(TOPICS)}"
        if complaint:
            raise FaultRefused(f"{name} is {value!r}; it {complaint}")
        found[name] = value
    return Match(**found)


def _check_path(value: str) -> str:
    return "" if value.startswith("/v5/") else "must begin with /v5/"


def _check_stream(value: str) -> str:
    return "" if value in STREAMS else f"must be one of {', '.join(STREAMS)}"


def _whole(left: dict[str, Any], name: str, *, most: int, least: int = 0) -> int | None:
    value = left.pop(name, None)
    if value is None:
        return None
    given = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise FaultRefused(f"{name} is {given!r}; it must be a whole number from {least} to {most}")
    return value


def _flag(left: dict[str, Any], name: str, *, usual: bool) -> bool:
    value = left.pop(name, usual)
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise FaultRefused(f"{name} is {value!r}; it must be true or false")
    return value


def _one_of(left: dict[str, Any], name: str, allowed: tuple[int, ...], *, usual: int) -> int:
    value = left.pop(name, usual)
    if isinstance(value, bool) or value not in allowed:
        raise FaultRefused(f"{name} is {value!r}; it must be one of {', '.join(map(str, allowed))}")
    return int(value)


def _decimal(left: dict[str, Any], name: str) -> Decimal | None:
    """Decimals come as text: that is how the exchange reads JSON."""
    value = left.pop(name, None)
    if value is None:
        return None
    try:
        number = Decimal(value) if isinstance(value, int | str) and not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise FaultRefused(f"{name} is {value!r}; it must be a number")
    return number


def _probability(left: dict[str, Any]) -> float:
    value = _decimal(left, "probability")
    if value is None:
        return 1.0
    if not 0 < value <= 1:
        raise FaultRefused(f"probability is {value}; it must be above 0 and at most 1")
    return float(value)


def _skew(left: dict[str, Any]) -> int:
    value = left.pop("skew_ms", None)
    given = value
    if isinstance(value, str) and value.lstrip("-").isdigit() and len(value) <= 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > SKEW_MS_MAX:
        raise FaultRefused(f"skew_ms is {given!r}; it must be a whole number from -{SKEW_MS_MAX} to {SKEW_MS_MAX}")
    return value


def _listing(left: dict[str, Any], specs: Specs) -> Listing:
    category, symbol = left.pop("category", "linear"), left.pop("symbol", None)
    listing = listing_of(category, symbol) if isinstance(category, str) and isinstance(symbol, str) else ""
    if listing not in specs:
        raise FaultRefused(f"category {category!r} has no symbol {symbol!r} here")
    return listing


def _listings(left: dict[str, Any], specs: Specs) -> tuple[Listing, ...]:
    """One by `category` and `symbol`, or with `base_coin` all of that coin but options."""
    if "base_coin" in left:
        coin = left.pop("base_coin")
        found = tuple(listing for listing, spec in specs.items() if spec.base_coin == coin and not spec.is_option)
        if not found:
            raise FaultRefused(f"base_coin is {coin!r}; no instrument here is of that coin")
        return found
    listing = _listing(left, specs)
    if specs[listing].is_option:
        raise FaultRefused(f"symbol is {specs[listing].symbol!r}; an option's price follows from its underlying")
    return (listing,)


def _fraction(left: dict[str, Any]) -> Decimal:
    value = _decimal(left, "fraction")
    if value is None or not FRACTION_MIN <= value <= FRACTION_MAX or not value:
        raise FaultRefused(
            f"fraction is {None if value is None else str(value)!r}; it must be a number from {FRACTION_MIN} to "
            f"{FRACTION_MAX} and not 0: 0.1 is up by ten per cent"
        )
    return value
