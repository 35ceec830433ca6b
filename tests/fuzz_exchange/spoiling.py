"""One change that a careless or hostile client makes to a valid request: in its fields, or in its bytes.

Lives here: the changes. Each takes the draw that decides everything, so a seed repeats them.
"""

from __future__ import annotations

import copy
import json
import random
from typing import Any
from urllib.parse import quote

Fields = dict[str, Any]
NASTY: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 10**30, 0.1, 1e308, -0.0, [], {}, [[]], [None],
    {"a": {"b": []}},
    "", " ", "0", "-0", "-1", "00", "1e5", "1E-7", "NaN", "Infinity", "+1", "1,5", "0x10", "0.0000000000000000000001",
    "9" * 20, "9" * 21, "9" * 400, "1." + "0" * 400, "٠.١", "½", "null", "true", "undefined", "\x00", "a\x00b",
    "\u202e",
    "\ud83d\ude00", "é" * 40, "x" * 37, "x" * 5_000, "../../etc", "%00", "%ff", "'; DROP", "<b>", "a b", "linear ",
    "LINEAR", "btcusdt", "BTC/USDT", "spot:BTCUSDT", "inverse:BTCUSD", "999999999999999", "253402300799999",
    "1700000000000",
)  # fmt: skip
USUAL: tuple[Any, ...] = (
    "linear", "spot", "inverse", "option", "BTCUSDT", "ETHUSDT", "BTCUSD", "USDT", "USDC", "BTC", "Buy",
    "Sell", "Limit",
    "Market", "GTC", "PostOnly", "LastPrice", "MarkPrice", "Full", "Partial", "StopOrder", "tpslOrder",
    "Order", "UNIFIED",
    "0", "1", "2", "0.01", "100", "61000", "p1", "1", "60", "D", "M", "Trade", "Filled", "Cancelled", "baseCoin", "ON",
)  # fmt: skip
NAMES = (
    "category", "symbol", "side", "orderType", "qty", "price", "timeInForce", "orderLinkId", "orderId", "reduceOnly",
    "closeOnTrigger", "marketUnit", "isLeverage", "positionIdx", "buyLeverage", "sellLeverage",
    "settleCoin", "baseCoin",
    "limit", "cursor", "startTime", "endTime", "start", "end", "interval", "openOnly", "orderFilter", "orderStatus",
    "execType", "triggerPrice", "triggerDirection", "triggerBy", "takeProfit", "stopLoss", "tpTriggerBy", "slTriggerBy",
    "tpslMode", "tpSize", "slSize", "tpOrderType", "slOrderType", "tpLimitPrice", "slLimitPrice", "trailingStop",
    "activePrice", "slippageToleranceType", "slippageTolerance", "smpType", "bboSideType", "bboLevel",
    "request", "mode",
    "coin", "setMarginMode", "margin", "accountType", "type", "status", "symbolType", "expDate", "optionType", "period",
)  # fmt: skip


def spoil(fields: Fields, draw: random.Random) -> Fields:
    """A copy of the fields with one to three of them wrong: gone, nasty, another's, too many, or one level deeper."""
    spoiled = copy.deepcopy(fields)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        place = _place(spoiled, draw)
        name = draw.choice(sorted(place)) if place and draw.random() < 0.8 else draw.choice(NAMES)
        match draw.randrange(6):
            case 0:
                place.pop(name, None)
            case 1 | 2:
                place[name] = copy.deepcopy(draw.choice(NASTY))
            case 3:
                place[name] = draw.choice(USUAL)
            case 4:
                place[draw.choice(NAMES)] = copy.deepcopy(draw.choice((*NASTY, *USUAL)))
            case _:
                place[name] = draw.choice(([place.get(name)], {name: place.get(name)}, str(place.get(name)) + "0"))
    return spoiled


def _place(fields: Fields, draw: random.Random) -> Fields:
    """The fields themselves, or an object somewhere within."""
    inner = [value for value in fields.values() if isinstance(value, dict)]
    inner += [item for value in fields.values() if isinstance(value, list) for item in value if isinstance(item, dict)]
    if not inner or draw.random() < 0.3:
        return fields
    return _place(draw.choice(inner), draw)


def as_json(fields: Any) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode(errors="replace")


def as_query(fields: Fields, draw: random.Random) -> bytes:
    """Written as clients do: escaped or not, whatever is no text as JSON."""
    texts = [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in fields.items()
    ]
    safe = draw.choice(("", ",:", ",:/ "))
    written = "&".join(f"{quote(name, errors='replace')}={quote(text, safe, errors='replace')}" for name, text in texts)
    return written.replace(" ", "+").encode()


def spoil_bytes(content: bytes, draw: random.Random) -> bytes:
    """A few bytes turned, doubled, cut or put in."""
    spoiled = bytearray(content)
    for _ in range(draw.choice((1, 2, 8))):
        at = draw.randrange(len(spoiled) + 1)
        match draw.randrange(4):
            case 0 if at < len(spoiled):
                spoiled[at] = draw.randrange(256)
            case 1:
                spoiled[at:at] = draw.choice(
                    (b"\x00", b"\xff\xfe", b"{", b"]", b'"', b"\\ud800", b"%", b"&=&", b"[" * 2_000, b"9" * 5_000)
                )
            case 2:
                del spoiled[at : at + draw.randrange(1, 9)]
            case _:
                spoiled[at:at] = spoiled[: draw.randrange(40)]
    return bytes(spoiled)
