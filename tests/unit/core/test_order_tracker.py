"""The order tracker, scene by scene: which report moves an order on, and which changes nothing (promises B8, H2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest

from sim.facts import after, order_report
from tradewright.core.order import OrderState, RemoteOrder, TrackedOrder, apply, exposed_quantity


@dataclass(frozen=True)
class Scene:
    name: str
    reports: tuple[RemoteOrder, ...]
    moved: tuple[bool, ...]  # for each report, whether it changed anything
    state: OrderState
    filled: str


WORKING = order_report("working", at=1)
PART = order_report("partially_filled", at=2, filled="0.2")
FILLED = order_report("filled", at=3, filled="0.5")
CANCELLED = order_report("cancelled", at=3, filled="0.2")

SCENES = (
    Scene("as it should be", (WORKING, PART, FILLED), (True, True, True), "filled", "0.5"),
    Scene("the fill comes before the acknowledgement", (FILLED, WORKING), (True, False), "filled", "0.5"),
    Scene("a part comes before the acknowledgement", (PART, WORKING), (True, False), "partially_filled", "0.2"),
    Scene("a cancel after a part", (WORKING, PART, CANCELLED), (True, True, True), "cancelled", "0.2"),
    Scene("a late part after the cancel", (WORKING, CANCELLED, PART), (True, True, False), "cancelled", "0.2"),
    Scene(
        "a cancel told before the part it knows of keeps the part",
        (PART, order_report("cancelled", at=3, filled="0.1")),
        (True, True),
        "cancelled",
        "0.2",
    ),
    Scene(
        "a cancel that came too late: filled stays filled",
        (WORKING, FILLED, order_report("cancelled", at=4, filled="0.5")),
        (True, True, False),
        "filled",
        "0.5",
    ),
    Scene("a repeat", (WORKING, WORKING, PART, PART), (True, False, True, False), "partially_filled", "0.2"),
    Scene("a stale report", (PART, order_report("working", at=1.5)), (True, False), "partially_filled", "0.2"),
    Scene(
        "a later report that has forgotten a fill",
        (PART, order_report("working", at=5)),
        (True, False),
        "partially_filled",
        "0.2",
    ),
    Scene(
        "at the same moment the state further along wins, whichever comes first",
        (order_report("partially_filled", at=1, filled="0.2"), order_report("working", at=1, filled="0.2")),
        (True, False),
        "partially_filled",
        "0.2",
    ),
    Scene(
        "at the same moment the state further along wins, in order",
        (WORKING, order_report("partially_filled", at=1, filled="0.2")),
        (True, True),
        "partially_filled",
        "0.2",
    ),
    Scene(
        "a final state is taken whatever its time",
        (PART, order_report("filled", at=0.5, filled="0.5")),
        (True, True),
        "filled",
        "0.5",
    ),
    Scene(
        "final absorbs",
        (order_report("rejected", at=1), WORKING, PART, FILLED),
        (True, False, False, False),
        "rejected",
        "0",
    ),
    Scene(
        "a trigger that fires",
        (order_report("waiting_trigger", at=1), order_report("working", at=2), FILLED),
        (True, True, True),
        "filled",
        "0.5",
    ),
    Scene(
        "a trigger at the same moment as the book",
        (order_report("working", at=1), order_report("waiting_trigger", at=1)),
        (True, False),
        "working",
        "0",
    ),
    Scene(
        "an unknown word, then one we know",
        (order_report("unrecognised", at=1), order_report("working", at=1)),
        (True, True),
        "working",
        "0",
    ),
    Scene("an amended price", (WORKING, order_report("working", at=2, price=Decimal(1))), (True, True), "working", "0"),
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_tracker_moves_as_the_scene_says(scene: Scene) -> None:
    known: TrackedOrder | None = None
    moved = []
    for report in scene.reports:
        following = apply(known, report)
        moved.append(following is not None)
        known = following or known
    assert known is not None
    assert tuple(moved) == scene.moved
    assert (known.state, known.filled_quantity) == (scene.state, Decimal(scene.filled))


def test_an_amended_price_and_quantity_are_taken() -> None:
    known = apply(None, WORKING)
    amended = apply(known, order_report("working", at=2, price=Decimal(59000), quantity=Decimal("0.4")))
    assert amended is not None
    assert (amended.price, amended.quantity, amended.updated_at) == (Decimal(59000), Decimal("0.4"), after(2))


@pytest.mark.parametrize(
    ("state", "exposed"),
    [
        ("waiting_trigger", "0.3"),
        ("working", "0.3"),
        ("partially_filled", "0.3"),
        ("unrecognised", "0.3"),
        ("filled", "0"),
        ("cancelled", "0"),
        ("rejected", "0"),
        ("expired", "0"),
    ],
)
def test_what_may_still_be_filled(state: OrderState, exposed: str) -> None:
    assert exposed_quantity(state, Decimal("0.5"), Decimal("0.2")) == Decimal(exposed)
