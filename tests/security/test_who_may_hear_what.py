"""The stream's socket × who asks × what is listened to: each has a declared answer, and a new kind of topic without one
fails (promise J1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import aiohttp

from integration.web.kit import PASSWORD, Site, User
from security.asked_with import furnished_bot
from security.askers import everybody
from tradewright.identity.scopes import SCOPES
from tradewright.web.stream import topics

# Of Olga's workspace, who hears it; everybody else who is let in is told that there is no such thing.
_MEMBERS = frozenset({"viewer", "trader", "owner", *SCOPES})
_SIGNED_IN = _MEMBERS | {"other", "operator"}
_SOME_ID = "0199d000-0000-7000-8000-000000000001"
HEARD_BY: Mapping[str, tuple[str, frozenset[str]]] = {
    "AccountTopic": ("account:{account_id}", _MEMBERS),
    "RunTopic": ("run:{run_id}", _MEMBERS),
    "RunsTopic": ("runs", _SIGNED_IN),  # each hears those of the own workspace
    "NotificationsTopic": ("notifications", _SIGNED_IN),  # each their own
    "TickerTopic": ("ticker:sim:linear:BTCUSDT", _SIGNED_IN),
    "CandleTopic": ("candle:sim:linear:BTCUSDT:1", _SIGNED_IN),
    "BookTopic": ("book:sim:linear:BTCUSDT", _SIGNED_IN),
    "TradesTopic": ("trades:sim:linear:BTCUSDT", _SIGNED_IN),
}


def test_every_kind_of_topic_has_its_row() -> None:
    assert set(HEARD_BY) == {kind.__name__ for kind in get_args(topics.Topic)}
    for name, (topic, _) in HEARD_BY.items():
        parsed = topics.parse_topic(topic.format(account_id=_SOME_ID, run_id=_SOME_ID))
        assert type(parsed).__name__ == name


async def test_everybody_hears_what_is_declared_and_nobody_is_let_in_without_a_name(site: Site, ann: User) -> None:
    olga = await site.second_user("owner", username="Olga")
    hashed = await site.parts.passwords.hash(PASSWORD)
    askers = await everybody(site, olga, ann, hashed=hashed, tag="heard")
    run_id = (await furnished_bot(olga))["run_id"]
    wrong = []
    for who, http in {**askers.people, **askers.tokens}.items():
        async with http.ws_connect("/api/v1/stream") as stream:
            if who == "nobody":
                await stream.receive(timeout=20)
                assert stream.close_code == 4401
                continue
            for kind, (topic, heard_by) in HEARD_BY.items():
                named = topic.format(account_id=olga.account["id"], run_id=run_id)
                code = await answer(stream, named)
                if code != (None if who in heard_by else "not_found"):
                    wrong.append((who, kind, code))
    assert wrong == []


async def answer(stream: aiohttp.ClientWebSocketResponse, topic: str) -> str | None:
    """The error that a subscription is answered with, if any: what comes before the answer to another that is none."""
    await stream.send_json({"op": "subscribe", "topics": [topic]})
    await stream.send_json({"op": "subscribe", "topics": ["no such topic"]})
    code: str | None = None
    while True:
        message: dict[str, Any] = await stream.receive_json(timeout=20)
        if message["type"] == "error" and message["topic"] == "no such topic":
            return code
        if message["type"] == "error" and message["topic"] == topic:
            code = message["code"]
