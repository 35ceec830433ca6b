"""Every REST reply and every stream message of a served exchange has exactly the keys and JSON types of Bybit's
documentation. One session touches all of them; its lists are not empty, so that nothing is right by having no rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

import pytest

from support.documented_shapes import CATEGORIES, DEPARTURES, EVERY, kept
from support.documented_values import wrong_words
from support.shape_session import Frame, Key, Record, key_of, recorded_session
from support.shapes import MAP, Shape, problems, unshown

REST: Final = kept("rest")
STREAMS: Final = kept("streams")
CONTRACTS = ("linear", "inverse")
# Which categories have a public topic; "" is a message that belongs to none.
PUBLIC_CATEGORIES: Final = {
    "orderbook": CATEGORIES,
    "orderbook.rpi": ("linear", "inverse", "spot"),
    "orderbook.full": ("spot",),
    "publicTrade.linear": ("linear",),
    "publicTrade.inverse": ("inverse",),
    "publicTrade.spot": ("spot",),
    "publicTrade.option": ("option",),
    "tickers.perpetual.snapshot": CONTRACTS,
    "tickers.perpetual.delta": CONTRACTS,
    "tickers.dated.snapshot": CONTRACTS,
    "tickers.dated.delta": CONTRACTS,
    "tickers.spot.snapshot": ("spot",),
    "tickers.option.snapshot": ("option",),
    "kline": ("linear", "inverse", "spot"),
    "allLiquidation": CONTRACTS,
    "priceLimit": ("linear", "inverse", "spot"),
    "insurance": CONTRACTS,
    "adlAlert": CONTRACTS,
    "system.status": ("",),
}
# Parts that this exchange never has anything in, and why that is right; by the end of the path or by the endpoint.
NEVER_SHOWN: Final = {
    "GET /v5/asset/settlement-record": "contracts in USDC settle when they are closed, there are no sessions",
    "preListingInfo": "there is no contract before its market (null, as in the documented example)",
    "permissions": "a key of this exchange may not do everything that a key of Bybit's may",
    "extraFees": "extra fees are taxes of some countries",
    "failTopics": "a request with a bad topic fails as a whole",
    "[].uidSuffix[]": "a maintenance concerns everybody",
}


EACH_KIND: Final = {
    "execType": {"Trade", "Funding", "BustTrade", "Delivery", "Settle"},
    "orderStatus": {"New", "Untriggered", "Filled", "Cancelled", "Deactivated"},
    "stopOrderType": {
        "Stop",
        "TakeProfit",
        "StopLoss",
        "PartialTakeProfit",
        "PartialStopLoss",
        "TrailingStop",
        "tpslOrder",
    },
    "type": {"TRANSFER_IN", "TRADE", "SETTLEMENT", "DELIVERY", "LIQUIDATION"},
    "rejectReason": {"EC_NoError", "EC_PerCancelRequest", "EC_PostOnlyWillTakeLiquidity", "EC_NoImmediateQtyToFill"},
    "timeInForce": {"GTC", "IOC", "PostOnly"},
    "marginMode": {"REGULAR_MARGIN"},
}


def documented_replies() -> list[Key]:
    return [(name, category) for name, served in REST["categories"].items() for category in served or ("",)]


def documented_messages() -> list[tuple[str, str]]:
    public = [(topic, category) for topic in STREAMS["public"] for category in PUBLIC_CATEGORIES[topic]]
    return public + [(topic, "") for topic in STREAMS["private"]]


@pytest.fixture(scope="module")
def record() -> Record:
    return asyncio.run(recorded_session())


def reply_shape(name: str, category: str) -> Shape:
    variants = REST["results"][name]
    return variants.get(category, variants.get(EVERY))


def replies(record: Record, name: str, category: str) -> list[Any]:
    """The results of an endpoint's successful replies, and of the one failure that is documented with a result."""
    answers = record.answers.get((name, category), [])
    assert answers, f"the session never called {name} {category}"
    good = [answer["result"] for answer in answers if answer["retCode"] == 0]
    assert good, f"{name} {category} was refused: {answers[-1]['retCode']} {answers[-1]['retMsg']}"
    return good + [answer["result"] for answer in answers if answer["retCode"] and answer["result"]]


def without_reason(name: str, parts: list[str]) -> list[str]:
    return [part for part in parts if not any(known in f"{name} {part}" for known in NEVER_SHOWN)]


@pytest.mark.parametrize(("name", "category"), documented_replies())
def test_replies_have_the_documented_keys_and_types(record: Record, name: str, category: str) -> None:
    shape, results = reply_shape(name, category), replies(record, name, category)
    assert [problem for result in results for problem in problems(shape, result, "result")] == []
    assert without_reason(name, unshown(shape, results, "result")) == []


def messages(record: Record, topic: str, category: str) -> list[Frame]:
    """A private topic's shape is named after its category, whose rows the record keeps apart."""
    if topic in STREAMS["private"] and (topic, "") not in record.messages:
        topic, category = key_of(topic)
    found = record.messages.get((topic, category), [])
    assert found, f"no message came on {topic} {category}"
    return found


@pytest.mark.parametrize(("topic", "category"), documented_messages())
def test_messages_have_the_documented_keys_and_types(record: Record, topic: str, category: str) -> None:
    shape = STREAMS["public"].get(topic) or STREAMS["private"][topic]
    found = messages(record, topic, category)
    assert [problem for message in found for problem in problems(shape, message, topic)] == []
    assert without_reason(topic, unshown(shape, found, topic)) == []


@pytest.mark.parametrize("kind", STREAMS["frames"])
def test_answers_on_sockets_have_the_documented_keys_and_types(record: Record, kind: str) -> None:
    found = record.messages.get((kind, ""), []) or record.messages.get(key_of(kind), [])
    assert found, f"no {kind} was answered"
    assert [problem for frame in found for problem in problems(STREAMS["frames"][kind], frame, kind)] == []


def test_every_reply_refused_or_not_has_the_envelope(record: Record) -> None:
    envelope = REST["envelope"] | {"result": {MAP: "any"}, "retExtInfo": {MAP: "any"}}
    for (name, _), answers in record.answers.items():
        beside = REST["beside"].get(name, {})
        for answer in answers:
            bare = answer | {key: {} for key in ("result", "retExtInfo") if beside or isinstance(answer[key], dict)}
            assert problems(envelope | (beside if answer["retCode"] == 0 else {}), bare, name) == []
            items = REST["items"].get(name, {}) if answer["retCode"] == 0 else {}
            assert problems(items, answer["retExtInfo"], f"{name} retExtInfo") == []


def test_the_session_has_orders_and_fills_of_each_kind(record: Record) -> None:
    """So that a shape that only some of them have is seen."""
    seen: dict[str, set[str]] = {}

    def look(value: Any) -> None:
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, dict | list):
                look(item)
        for key, item in value.items() if isinstance(value, dict) else ():
            if isinstance(item, str):
                seen.setdefault(key, set()).add(item)

    look([*record.answers.values(), *record.messages.values()])
    for key, kinds in EACH_KIND.items():
        assert kinds <= seen[key], f"{key}: {kinds - seen[key]} never came"


def test_fields_hold_the_documented_words_and_none_that_known_clients_fail_on(record: Record) -> None:
    come = [(name, answer) for (name, _), answers in record.answers.items() for answer in answers]
    come += [(topic, message) for (topic, _), found in record.messages.items() for message in found]
    assert {wrong for name, frame in come for wrong in wrong_words(frame, name)} == set()
    wrong = {
        "execId": "1",
        "feeCurrency": "",
        "price": "1E-7",
        "rows": [{"triggerBy": "UNKNOWN"}],
        "nextPageCursor": "a%3D",
    }
    assert len(list(wrong_words(wrong))) == 4


def test_there_are_at_most_ten_departures_and_each_has_its_source() -> None:
    assert len(DEPARTURES) <= 10
    assert all("section" in departure.source for departure in DEPARTURES)


def test_a_planted_fault_is_found_wherever_it_is(record: Record) -> None:
    """In every reply and message that came, each key in turn is left out, given another type, or joined by one more."""
    planted = 0
    for name, category in documented_replies():
        for answer in record.answers.get((name, category), [])[:1]:
            if answer["retCode"] == 0:
                planted += plant_everywhere(reply_shape(name, category), shortened(answer["result"]))
    for topic, category in documented_messages():
        shape = STREAMS["public"].get(topic) or STREAMS["private"][topic]
        private = key_of(topic) if topic in STREAMS["private"] else ("", "")
        for message in (record.messages.get((topic, category)) or record.messages.get(private, []))[:1]:
            planted += plant_everywhere(shape, shortened(message))
    assert planted > 1_000


def shortened(value: Any) -> Any:
    """With two elements of each list of objects at most: the others differ in values only."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in (value[:2] if isinstance(value[0] if value else None, dict) else value)]
    return value


def plant_everywhere(shape: Shape, good: Any) -> int:
    """How many faults were planted and found; none in what is wrong already, which other tests tell."""
    planted = 0
    if problems(shape, good):
        return planted
    for path in paths(good):
        if is_map(shape, path):
            continue
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        for fault, expected in (
            (replaced(good, path, [{"another": "type"}]), f"{where}: is array"),
            (without(good, path) if not is_optional(shape, path) else None, f"{where}: missing"),
            (joined(good, path), f"{where}Extra: not documented"),
        ):
            if fault is not None:
                found = problems(shape, fault)
                assert any(expected in problem for problem in found) or wrong_inside(found, where), (expected, found)
                planted += 1
    return planted


def wrong_inside(found: list[str], where: str) -> bool:
    """An array in place of another array is wrong in what it holds."""
    return any(problem.startswith((f"{where}[0]", f"{where}: has")) for problem in found)


def paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of every key of every object; of an array only the first element is looked into."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*above, key)
            yield from paths(item, (*above, key))
    if isinstance(value, list) and value:
        yield from paths(value[0], (*above, 0))


def _along(shape: Shape, path: tuple[Any, ...]) -> Iterator[Shape]:
    for step in path:
        if isinstance(shape, dict) and "anyOf" in shape:
            shape = next(one for one in shape["anyOf"] if not isinstance(one, str))
        yield shape
        if isinstance(shape, list):
            shape = shape[step if len(shape) > 1 else 0]
        else:
            shape = shape.get(step, shape.get(f"{step}?", shape.get(MAP)))


def is_map(shape: Shape, path: tuple[Any, ...]) -> bool:
    return any(isinstance(one, dict) and MAP in one for one in _along(shape, path))


def is_optional(shape: Shape, path: tuple[Any, ...]) -> bool:
    parent = list(_along(shape, path))[-1]
    return f"{path[-1]}?" in parent


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    copy = deepcopy(value)
    _holder(copy, path)[path[-1]] = by
    return copy


def without(value: Any, path: tuple[Any, ...]) -> Any:
    copy = deepcopy(value)
    del _holder(copy, path)[path[-1]]
    return copy


def joined(value: Any, path: tuple[Any, ...]) -> Any:
    copy = deepcopy(value)
    _holder(copy, path)[f"{path[-1]}Extra"] = "0"
    return copy


def _holder(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value
