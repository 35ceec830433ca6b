"""A notification in words: whole in both languages, and nothing in it that hides."""

from __future__ import annotations

import pytest

from tradewright.notify.model import KINDS
from tradewright.notify.words import Told, body_of, title_of

PARAMS = {
    "account": "Main", "environment": "demo", "symbol": "BTCUSDT", "side": "Buy", "quantity": "1", "price": "60000",
    "status": "rejected", "code": "risk.leverage", "scope": "workspace", "closes": "yes", "news": "flattening",
    "stop": "59000", "count": "2", "what": "order.missing", "exchange_code": "10024", "state": "degraded",
    "away_s": "12", "bot": "Grid", "reason": "kill", "silent_s": "30", "direction": "above", "price_by": "last",
    "seen": "60001", "note": "",
}  # fmt: skip


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_kind_has_a_sentence_without_gaps(kind, language):
    told = Told(kind=kind, params=PARAMS, merged=2)
    assert "?" not in title_of(told, language) + body_of(told, language)


def test_one_fill_says_everything_in_its_title():
    told = Told(kind="fill", params=PARAMS, merged=1)
    assert title_of(told, "en") == "Filled: buy 1 BTCUSDT at 60000"
    assert body_of(told, "en") == "Main · DEMO"


def test_a_name_cannot_break_the_line_or_turn_its_direction():
    told = Told(kind="link_lost", params=PARAMS | {"account": "A\nB\u202eC"}, merged=1)
    assert body_of(told, "en").count("\n") == 1
    assert "\u202e" not in body_of(told, "en")


def test_what_is_not_known_leaves_a_sign_and_not_an_error():
    assert "?" in title_of(Told(kind="fill", params={}, merged=1), "en")
