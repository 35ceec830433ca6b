"""What the kill campaign judges by: each way to be wrong is found, and what is right is not."""

from __future__ import annotations

import pytest

from campaigns.verdict import Placed, Verdict, judged

_FINE = {
    "a": Placed("acknowledged", requests=1, orders=1),
    "b": Placed("acknowledged", requests=2, orders=1),  # not sent the first time
    "c": Placed("not_placed", requests=1, orders=0),
    "d": Placed("rejected", requests=1, orders=0),
    "e": Placed("refused", requests=0, orders=0),
}
_ARRIVED = {"a": 1, "b": 1, "d": 1}
_ACCEPTED = {"a": 1, "b": 1}


def test_a_night_without_a_fault_is_clean() -> None:
    assert judged(_FINE, _ARRIVED, _ACCEPTED) == Verdict([], [], [], [])


@pytest.mark.parametrize(
    ("placed", "arrived", "accepted", "wrong"),
    [
        ({}, {}, {"a": 2}, Verdict(["a"], [], [], [])),
        ({"a": Placed("not_placed", 1, 1)}, {}, {}, Verdict(["a"], [], [], [])),
        ({"c": Placed("acknowledged", 1, 1)}, {}, {}, Verdict([], ["c"], [], [])),
        ({"a": Placed("acknowledged", 1, 0)}, {}, {}, Verdict([], ["a"], [], [])),
        ({}, {"a": 2}, {}, Verdict([], [], ["a"], [])),
        ({}, {"x": 1}, {}, Verdict([], [], ["x"], [])),
    ],
    ids=[
        "accepted twice",
        "accepted and told as never placed",
        "told as placed and never accepted",
        "accepted and shown nowhere",
        "sent more often than requests were committed",
        "sent for nobody",
    ],
)
def test_each_way_to_be_wrong_is_found(
    placed: dict[str, Placed], arrived: dict[str, int], accepted: dict[str, int], wrong: Verdict
) -> None:
    assert judged(_FINE | placed, _ARRIVED | arrived, _ACCEPTED | accepted) == wrong
