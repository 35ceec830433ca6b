"""Which faults strike: filters, counts, spans, chance by seed; and what cannot be armed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tradewright.simulator.faults.board import Faults
from tradewright.simulator.faults.kinds import (
    BrokenSocket,
    Fault,
    HttpError,
    LostReply,
    LostRequest,
    Match,
    Place,
    SilentSocket,
)
from tradewright.simulator.faults.plan import drawn
from tradewright.simulator.faults.reading import FaultRefused, fault_row, read_fault
from tradewright.simulator.faults.truth import TruthLog
from tradewright.simulator.market import BTCUSDT, ETHUSDT

NOW_MS = 1_800_000_000_000
SPECS = {"BTCUSDT": BTCUSDT, "ETHUSDT": ETHUSDT, "spot:BTCUSDT": replace(BTCUSDT, category="spot")}
CREATE = Place(path="/v5/order/create", uid="7", symbols=("BTCUSDT",))


class World:
    def __init__(self, *, seed: int = 0) -> None:
        self.now_ms = NOW_MS
        self.truth = TruthLog(lambda: self.now_ms)
        self.faults = Faults(now_ms=lambda: self.now_ms, truth=self.truth, seed=seed)

    def arm(self, **body: Any) -> int:
        return self.faults.arm(read_fault(body, now_ms=self.now_ms, specs=SPECS))

    def kinds(self, place: Place, *, calls: int) -> list[str]:
        """What meets so many calls at a place, "" for nothing."""
        met = [self.faults.on_call(place) for _ in range(calls)]
        return ["" if struck is None else struck[0].fault.effect.name for struck in met]


def test_a_fault_strikes_once_unless_it_is_told_otherwise() -> None:
    world = World()
    world.arm(kind="lost_request", path="/v5/order/create")
    assert world.kinds(CREATE, calls=3) == ["lost_request", "", ""]
    world.arm(kind="lost_request", path="/v5/order/create", count=2)
    assert world.kinds(CREATE, calls=3) == ["lost_request", "lost_request", ""]
    world.arm(kind="lost_request", path="/v5/order/create", for_ms=1_000)
    assert world.kinds(CREATE, calls=3) == ["lost_request"] * 3
    world.now_ms += 1_000
    assert world.kinds(CREATE, calls=1) == [""]
    assert world.faults.armed == []


@pytest.mark.parametrize(
    ("body", "hit"),
    [
        ({"path": "/v5/order/create"}, True),
        ({"path": "/v5/order/*"}, True),
        ({"path": "/v5/order/cancel"}, False),
        ({"uid": "7", "symbol": "BTCUSDT"}, True),
        ({"uid": "8"}, False),
        ({"symbol": "ETHUSDT"}, False),
        ({}, True),
    ],
)
def test_a_fault_meets_only_what_its_filters_say(body: dict[str, str], hit: bool) -> None:
    world = World()
    world.arm(kind="lost_request", **body)
    assert world.kinds(CREATE, calls=1) == ["lost_request" if hit else ""]


def test_the_oldest_fault_comes_first_and_arming_the_same_again_replaces_it() -> None:
    world = World()
    world.arm(kind="http_error", status=503)
    world.arm(kind="lost_reply")
    world.arm(kind="http_error", status=500, count=2)
    assert world.kinds(CREATE, calls=4) == ["lost_reply", "http_error", "http_error", ""]
    world.arm(kind="lost_reply")
    assert world.arm(kind="lost_reply", count=0) == 0
    assert world.kinds(CREATE, calls=1) == [""]


def test_chance_hangs_on_the_seed_and_the_place_and_not_on_other_calls() -> None:
    def run(seed: int, *, others: int) -> list[str]:
        world = World(seed=seed)
        world.arm(kind="lost_request", probability="0.5")
        met = []
        for _ in range(64):
            world.kinds(Place(path="/v5/order/realtime"), calls=others)
            met += world.kinds(CREATE, calls=1)
        return met

    assert run(1, others=0) == run(1, others=3)
    assert run(1, others=0) != run(2, others=0)
    assert 16 < run(1, others=0).count("lost_request") < 48


def test_a_silent_socket_may_still_answer_pings() -> None:
    world = World()
    private = Place(stream="private", uid="7", topics=frozenset({"order"}))
    world.arm(kind="silent_socket", stream="private", pongs=True)
    assert world.faults.on_frame(private, is_pong=True) is None
    assert world.faults.on_frame(private, is_pong=False) == SilentSocket(pongs=True)
    assert world.faults.on_frame(replace(private, stream="public"), is_pong=False) is None
    world.faults.disarm()
    world.arm(kind="broken_socket", topic="order")
    assert world.faults.on_frame(replace(private, topics=frozenset({"wallet"})), is_pong=False) is None
    assert world.faults.on_frame(private, is_pong=False) == BrokenSocket()


def test_events_are_delayed_doubled_mixed_and_lost() -> None:
    world = World()
    order = Place(topic="order", uid="7", symbols=("BTCUSDT",))
    assert world.faults.on_event(order) == ([0], "")
    world.arm(kind="delayed_event", topic="order", delay_ms=250)
    assert world.faults.on_event(replace(order, topic="wallet")) == ([0], "")
    assert world.faults.on_event(order) == ([250], "delayed_event")
    world.arm(kind="duplicated_event", delay_ms=40)
    assert world.faults.on_event(order) == ([0, 40], "duplicated_event")
    world.arm(kind="lost_event")
    assert world.faults.on_event(order) == ([], "lost_event")
    world.arm(kind="reordered_event", delay_ms=100, count=50)
    delays = [world.faults.on_event(order)[0][0] for _ in range(50)]
    assert all(0 <= delay <= 100 for delay in delays)
    assert len(set(delays)) > 20


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "kind is None; it must be one of lost_request, late_accept"),
        ({"kind": ["lost_reply"]}, "kind is ['lost_reply']"),
        ({"kind": "lost_reply", "path": "/elsewhere"}, "path is '/elsewhere'; it must begin with /v5/"),
        ({"kind": "lost_reply", "topic": "order"}, "lost_reply does not know topic"),
        ({"kind": "lost_reply", "count": -1}, "count is -1; it must be a whole number from 0 to 10000"),
        ({"kind": "lost_reply", "count": True}, "count is True"),
        ({"kind": "lost_reply", "hang": 1}, "hang is 1; it must be true or false"),
        ({"kind": "lost_reply", "uid": 7}, "uid is 7; it must be text"),
        ({"kind": "lost_reply", "probability": "1.5"}, "probability is 1.5; it must be above 0 and at most 1"),
        ({"kind": "lost_reply", "probability": "much"}, "probability is 'much'; it must be a number"),
        ({"kind": "lost_reply", "for_ms": 0}, "for_ms is 0; it must be a whole number from 1"),
        ({"kind": "late_accept", "delay_ms": 700_000}, "delay_ms is 700000"),
        ({"kind": "http_error", "status": 404}, "status is 404; it must be one of 429, 500"),
        ({"kind": "ret_code", "code": 110007}, "code is 110007; it must be one of 10000"),
        ({"kind": "ret_code", "code": 10006, "processed": True}, "limited by 10006 is never processed"),
        ({"kind": "delayed_event", "topic": "orders"}, "topic is 'orders'; it must be one of order"),
        ({"kind": "silent_socket", "stream": "all"}, "stream is 'all'; it must be one of private, public, trade"),
        ({"kind": "clock_skew"}, "skew_ms is None; it must be a whole number from -86400000"),
        ({"kind": "halted", "symbol": "NOPE"}, "category 'linear' has no symbol 'NOPE' here"),
        ({"kind": "price_jump", "symbol": "BTCUSDT"}, "fraction is None"),
        ({"kind": "price_jump", "symbol": "BTCUSDT", "fraction": "-0.95"}, "fraction is '-0.95'"),
        ({"kind": "price_jump", "base_coin": "XYZ", "fraction": "0.1"}, "base_coin is 'XYZ'"),
    ],
)
def test_what_cannot_be_armed_is_refused_by_name(body: dict[str, Any], complaint: str) -> None:
    with pytest.raises(FaultRefused) as refused:
        read_fault(body, now_ms=NOW_MS, specs=SPECS)
    assert complaint in str(refused.value)


def test_a_listed_fault_says_what_it_was_armed_with_and_what_is_left() -> None:
    world = World()
    world.arm(kind="swallow_reply", path="/v5/order/create", count=3, hide_ms=5, hang="false", uid="7")
    world.kinds(CREATE, calls=1)
    assert fault_row(world.faults.armed[0]) == {
        "fault": 1,
        "kind": "lost_reply",
        "path": "/v5/order/create",
        "uid": "7",
        "hang": False,
        "hide_ms": 5,
        "count": 2,
        "probability": 1.0,
        "since_ms": NOW_MS,
        "until_ms": None,
        "struck": 1,
    }


def test_a_jump_of_a_coin_means_all_its_listings() -> None:
    fault = read_fault({"kind": "price_jump", "base_coin": "BTC", "fraction": "0.1"}, now_ms=NOW_MS, specs=SPECS)
    assert getattr(fault.effect, "listings", ()) == ("BTCUSDT", "spot:BTCUSDT")


def test_a_seed_draws_its_own_mixture_and_always_the_same() -> None:
    plans = [drawn(seed, SPECS) for seed in range(200)]
    assert plans == [drawn(seed, SPECS) for seed in range(200)]
    mixtures = {frozenset(fault.effect.name for fault in plan.constant) for plan in plans}
    assert len(mixtures) > 100
    for kind in (LostRequest, LostReply, HttpError):
        having = sum(any(isinstance(fault.effect, kind) for fault in plan.constant) for plan in plans)
        assert 60 < having < 190
    everything = {moment.fault.effect.name for plan in plans for moment in plan.moments}
    assert everything == {"silent_socket", "drop_sockets", "clock_skew", "halted", "price_jump", "maintenance"}
    assert all(0.005 <= fault.probability <= 0.2 for plan in plans for fault in plan.constant)
    times = [moment.after_ms for moment in plans[0].moments]
    assert times == sorted(times)


def test_no_more_than_a_thousand_may_be_armed() -> None:
    world = World()
    for number in range(1_000):
        world.faults.arm(Fault(effect=LostRequest(), match=Match(uid=str(number))))
    with pytest.raises(ValueError, match="1000 faults are armed"):
        world.faults.arm(Fault(effect=LostRequest()))
