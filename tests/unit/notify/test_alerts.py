"""When a price alert fires: on the way over its line, and not for standing beyond it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from tradewright.core.ids import UserId, WorkspaceId
from tradewright.core.instrument import InstrumentId
from tradewright.notify.alerts.model import Alert, NewAlert, judged, problems_of

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def asked(**changed) -> NewAlert:
    values = {
        "environment": "sim", "instrument": InstrumentId("linear", "BTCUSDT"), "price_by": "last",
        "direction": "above", "price": Decimal("100"), "repeats": False, "ends_at": None, "note": "",
    }  # fmt: skip
    return NewAlert(**(values | changed))


def alert(is_reached: bool | None, **changed) -> Alert:
    return Alert(
        id=UUID(int=1), workspace_id=WorkspaceId(UUID(int=2)), user_id=UserId(UUID(int=3)), version=1,
        asked=asked(direction=changed.pop("direction", "above")), is_reached=is_reached, **changed,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "was", "price", "expected"),
    [
        ("above", None, "99", "moved"), ("above", None, "101", "moved"), ("above", False, "99.9", "nothing"),
        ("above", False, "100", "fires"), ("above", False, "250", "fires"), ("above", True, "101", "nothing"),
        ("above", True, "99", "moved"), ("below", None, "101", "moved"), ("below", False, "100.1", "nothing"),
        ("below", False, "100", "fires"), ("below", True, "99", "nothing"), ("below", True, "101", "moved"),
    ],
)  # fmt: skip
def test_it_fires_on_the_way_over_its_line(direction, was, price, expected):
    assert judged(alert(was, direction=direction), Decimal(price), NOW) == expected


def test_a_price_that_trembles_about_the_line_is_left_alone_for_a_minute():
    fired = alert(True, fired_at=NOW)
    assert judged(fired, Decimal("99"), NOW + timedelta(seconds=59)) == "nothing"
    assert judged(fired, Decimal("99"), NOW + timedelta(seconds=60)) == "moved"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"price": Decimal(0)}, "alert.price"),
        ({"price": Decimal("-1")}, "alert.price"),
        ({"price": Decimal("100.05")}, "alert.tick"),
        ({"price_by": "mark"}, "alert.no_mark"),
        ({"ends_at": NOW}, "alert.ends_at"),
        ({"ends_at": NOW + timedelta(days=367)}, "alert.ends_at"),
    ],
)
def test_what_cannot_be_waited_for_is_refused_by_name(changed, code):
    found = problems_of(asked(**changed), NOW, tick=Decimal("0.1"), has_mark=False)
    assert [problem.code for problem in found] == [code]
    assert problems_of(asked(), NOW, tick=Decimal("0.1"), has_mark=False) == []
