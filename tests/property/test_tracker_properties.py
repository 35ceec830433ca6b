"""The order tracker under any order of arrival: reports of one life, shuffled and repeated, end in its end."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sim.facts import fill, order_report, position
from tradewright.core.money import ZERO
from tradewright.core.order import FINAL_STATES, OrderState, RemoteOrder, TrackedOrder, apply
from tradewright.trading.journal import signed_quantity

_FINALS: tuple[OrderState, ...] = ("filled", "cancelled", "expired")
_STEP = Decimal("0.001")


@st.composite
def lives(draw: st.DrawFn) -> list[RemoteOrder]:
    """A consistent life of an order of 0.5: its fills grow, its times never fall, it ends once or not at all."""
    total = 500
    cuts = sorted(draw(st.sets(st.integers(1, total - 1), max_size=4)))
    at = 1.0
    reports = [order_report("working", at=at)]
    for cut in cuts:
        at += draw(st.sampled_from((0.0, 0.001, 1.0)))
        reports.append(order_report("partially_filled", at=at, filled=str(cut * _STEP)))
    end = draw(st.sampled_from((*_FINALS, None)))
    if end is not None:
        at += draw(st.sampled_from((0.0, 0.001, 1.0)))
        done = total if end == "filled" else (cuts[-1] if cuts else 0)
        reports.append(order_report(end, at=at, filled=str(done * _STEP)))
    return reports


def track(reports: list[RemoteOrder]) -> list[TrackedOrder]:
    """What is held after each report that changed something."""
    held: list[TrackedOrder] = []
    for report in reports:
        following = apply(held[-1] if held else None, report)
        if following is not None:
            held.append(following)
    return held


@given(lives(), st.data())
def test_any_order_of_arrival_with_repeats_ends_in_the_last_report(
    life: list[RemoteOrder], data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(life), max_size=6))
    arrived = data.draw(st.permutations([*life, *repeats]))
    held = track(arrived)[-1]
    assert held == track([life[-1]])[-1]


@given(lives(), st.data())
def test_the_filled_quantity_never_shrinks_and_a_final_state_is_never_left(
    life: list[RemoteOrder], data: st.DataObject
) -> None:
    arrived = data.draw(st.lists(st.sampled_from(life), min_size=1, max_size=12))
    steps = track(arrived)
    for before, later in pairwise(steps):
        assert later.filled_quantity >= before.filled_quantity
        assert before.state not in FINAL_STATES


@given(lives(), st.data())
def test_a_lost_report_changes_the_way_but_not_the_end(life: list[RemoteOrder], data: st.DataObject) -> None:
    kept = [report for report in life[:-1] if data.draw(st.booleans())]
    assert track([*kept, life[-1]])[-1] == track(life)[-1]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.sampled_from(("Buy", "Sell")), st.randoms())
def test_any_partition_of_a_quantity_into_fills_moves_the_position_by_the_same(
    parts: list[int], side: str, chance: object
) -> None:
    whole = fill("whole", str(sum(parts) * _STEP), side=side)  # type: ignore[arg-type]
    fills = [fill(f"e-{number}", str(part * _STEP), side=side) for number, part in enumerate(parts)]  # type: ignore[arg-type]
    chance.shuffle(fills)  # type: ignore[attr-defined]
    assert sum((signed_quantity(one) for one in fills), ZERO) == signed_quantity(whole)
    assert abs(signed_quantity(whole)) == position(str(sum(parts) * _STEP)).size
