"""`--market`: what can be asked for, and one sentence for what cannot."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tradewright.simulator.market import MarketError, MarketSpecError, RecordingError, build_market
from tradewright.simulator.market.instruments import LISTED
from tradewright.simulator.market.synthetic.many import made_up
from unit.simulator_market.samples import MINUTE, NOON, SAMPLE, TRADES, recording

ROWS = [f"{minute * 60_000},10,10,10,10,1,10" for minute in range(1, 11)]


def test_the_synthetic_market_starts_now_at_the_given_speed() -> None:
    market = build_market(["synthetic"], seed=1, speed=1, from_ms=None, wall_now_ms=NOON + 4_321)

    assert [spec.listing for spec in market.instruments[:2]] == ["BTCUSDT", "ETHUSDT"]
    assert market.now_ms == market.clock.market_ms(NOON + 4_321) == NOON + 4_321
    assert not market.ended
    assert market.notice == ""


def test_the_synthetic_market_may_start_at_another_time_and_run_faster() -> None:
    market = build_market(["synthetic"], seed=1, speed=10, from_ms=NOON, wall_now_ms=5)

    assert market.clock.market_ms(1_005) == NOON + 10_000


def test_the_filters_are_bybits_own() -> None:
    market = build_market(["synthetic"], seed=1, speed=1, from_ms=None, wall_now_ms=NOON)
    bitcoin, ether = market.instruments[:2]

    assert [str(value) for value in (bitcoin.tick_size, bitcoin.min_price, bitcoin.max_price)] == [
        "0.10",
        "0.10",
        "1999999.80",
    ]
    quantities = (bitcoin.qty_step, bitcoin.min_qty, bitcoin.max_limit_qty, bitcoin.max_market_qty)
    assert [str(value) for value in quantities] == [
        "0.001", "0.001", "1190.000", "500.000",
    ]  # fmt: skip
    assert [str(value) for value in (ether.tick_size, ether.qty_step, ether.min_qty, ether.max_limit_qty)] == [
        "0.01", "0.01", "0.01", "7240.00",
    ]  # fmt: skip
    assert bitcoin.min_notional == ether.min_notional == 5
    assert bitcoin.funding_interval_min == 480


def test_a_recording_is_bitcoins_unless_it_says_otherwise() -> None:
    market = build_market([f"replay:{SAMPLE}"], seed=1, speed=60, from_ms=None, wall_now_ms=0)

    assert [spec.symbol for spec in market.instruments] == ["BTCUSDT"]


def test_two_recordings_play_on_one_clock_in_time_order(tmp_path: Path) -> None:
    bitcoin = recording(tmp_path, ROWS, name="a@home.csv.gz")
    ether = recording(tmp_path, [row.replace(",10", ",3") for row in ROWS[4:]], name="b.csv.gz")

    market = build_market(
        [f"replay:{bitcoin}@linear:BTCUSDT", f"replay:{ether}@linear:ETHUSDT"],
        seed=1, speed=1, from_ms=None, wall_now_ms=0,
    )  # fmt: skip
    events = market.advance(10**9)

    assert market.clock.start_ms == 480_000  # where the later one has its middle
    assert [event.time_ms for event in events] == sorted(event.time_ms for event in events)
    assert {event.symbol for event in events} == {"BTCUSDT", "ETHUSDT"}
    assert market.ended


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ([], "no market was given"),
        (["bybit"], "market is 'bybit'; it must be synthetic, synthetic:N or replay:FILE@category:SYMBOL"),
        ([""], "market is ''"),
        (["synthetic", "synthetic"], "replays cannot be mixed"),
        (["synthetic:"], "market is 'synthetic:'; it must be"),
        (["synthetic:24"], "market is 'synthetic:24'; the number of linear perpetuals must be from 25 to 2025"),
        (["synthetic:2026"], "from 25 to 2025"),
        (["synthetic", "replay:x@linear:BTCUSDT"], "replays cannot be mixed"),
        (["replay:"], "a file must follow 'replay:'"),
        (["replay:x@spot:btcusdt"], "asks for spot:btcusdt; symbols are written BTCUSDT"),
        (["replay:x@option:BTCUSDT"], "asks for option:BTCUSDT; the category must be linear, inverse or spot"),
        ([f"replay:{SAMPLE}@spot:BTCEUR"], "'BTCEUR' ends in no coin that prices are told in; it must end in USDT,"),
        ([f"replay:{SAMPLE}@inverse:BTCUSDT"], "'BTCUSDT' is asked for as inverse; such a symbol must end in USD"),
        ([f"replay:{TRADES}@inverse:BTCUSD"], "(trades), whose turnover would be told in USD instead of coin"),
        ([f"replay:{SAMPLE}@linear:ETHBTC"], "'ETHBTC' is asked for as linear; contracts of the simulated exchange"),
        ([f"replay:{SAMPLE}@linear:BTCUSDT"] * 2, "a symbol has one recording of each kind, and one book"),
        ([f"replay:{SAMPLE}"] * 101, "market names 101 recordings; at most 100"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_sentence(spec: list[str], complaint: str) -> None:
    with pytest.raises(MarketSpecError) as raised:
        build_market(spec, seed=1, speed=1, from_ms=None, wall_now_ms=0)

    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_refusal_is_a_market_error() -> None:
    with pytest.raises(RecordingError) as raised:
        build_market(["replay:/nowhere.csv.gz@linear:BTCUSDT"], seed=1, speed=1, from_ms=None, wall_now_ms=0)

    assert isinstance(raised.value, MarketError)
    assert isinstance(raised.value, ValueError)


def test_as_many_contracts_as_are_asked_for_each_with_a_name_and_an_id_of_its_own() -> None:
    market = build_market(["synthetic:60"], seed=1, speed=1, from_ms=NOON, wall_now_ms=NOON)
    perpetuals = [
        spec
        for spec in market.instruments
        if spec.category == "linear" and spec.is_perpetual and spec.status == "Trading"
    ]

    assert len({spec.symbol for spec in perpetuals}) == len({spec.symbol_id for spec in perpetuals}) == 60
    many = [spec for spec, _ in made_up(2000)]
    known = {spec.symbol for spec in LISTED}
    assert len({spec.symbol for spec in many} - known) == len({spec.symbol_id for spec in many}) == 2000
    events = market.advance(NOON + MINUTE)
    assert {spec.listing for spec in perpetuals} <= {event.symbol for event in events}
    for spec in perpetuals[25:]:
        price = market.last_price(spec.listing)
        assert spec.tick_size / price < Decimal("0.0005")
        assert price % spec.tick_size == 0
        assert spec.min_qty * price < 10 < 100_000 < spec.max_limit_qty * price


def test_a_recording_may_be_of_an_inverse_contract(tmp_path: Path) -> None:
    rows = [f"{minute * 60_000},20000.5,20001,20000,20000.5,1000,0.05" for minute in range(1, 11)]
    path = recording(tmp_path, rows)
    known, derived = (
        build_market([f"replay:{path}@inverse:{symbol}"], seed=1, speed=1, from_ms=None, wall_now_ms=0)
        for symbol in ("BTCUSD", "ABCUSD")
    )

    for market, coin in ((known, "BTC"), (derived, "ABC")):
        (spec,) = market.instruments
        assert (spec.category, spec.base_coin, spec.quote_coin, spec.settle_coin) == ("inverse", coin, "USD", coin)
        assert (spec.qty_step, spec.contract_type) == (1, "InversePerpetual")
        market.advance(10**9)
        (row,) = market.klines(spec.listing, "1", None, None, 1)
        assert (row.volume, row.turnover) == (1000, Decimal("0.05"))  # USD and coin, as Bybit tells them
        (bar,) = market.price_bars("mark", spec.listing, "1", None, None, 1)
        assert (bar.high, bar.low) == (20001, 20000)
        assert market.price_bars("premium", spec.listing, "1", None, None, 1)[0].close == 0
