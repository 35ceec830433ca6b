"""The language seen through what a spec becomes: names, types, constants, timeframes, params, and the program."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.specs import DCA, EXAMPLE, GRID, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.model import Dca, Grid, Level, LimitEntry, MarketEntry, Signal, Strategy
from tradewright.strategy.program import Program, Step


def strategy(text: str, **settings: str) -> Strategy:
    checked = check_text(text, settings=settings)
    assert checked.strategy is not None, checked.errors
    return checked.strategy


def program(rule: str, more: str = "", timeframe: str = "15m") -> Program:
    return strategy(signal(enter=rule, leave=None, more=more, timeframe=timeframe)).program


def shown(program: Program, output: str) -> str:
    """What an output is made of, written out."""

    def show(index: int) -> str:
        step = program.steps[index]
        parts = [show(each) for each in step.arguments] + [f"{each:g}" for each in step.constants]
        name = f"{step.name}@{step.timeframe}" if step.timeframe != program.base else step.name
        return f"{name}({', '.join(parts)})" if parts else name

    return show(program.outputs[output])


def codes(text: str, **settings: str) -> list[tuple[str, str]]:
    return [(fault.code, fault.path) for fault in check_text(text, settings=settings).errors]


def test_a_program_names_steps_and_each_part_is_one_step_however_often_it_is_named() -> None:
    made = program("ema(close, 9) > s and ema(close, 9) < t", "series: {s: 'ema(close, 9) + 1', t: s + 1}")
    assert [step for step in made.steps if step.name == "ema"] == [Step("ema", "15m", (0,), (9.0,))]
    assert shown(made, "series.t") == "+(+(ema(close, 9), constant(1)), constant(1))"
    assert set(made.outputs) == {"rules.enter_long", "series.s", "series.t"}
    assert all(max(step.arguments, default=-1) < index for index, step in enumerate(made.steps))


def test_a_function_reads_the_fields_that_it_needs_behind_its_series() -> None:
    assert shown(program("atr(14) > 1"), "rules.enter_long") == ">(atr(high, low, close, 14), constant(1))"
    assert "vwma(open, volume, 5)" in shown(program("vwma(open, 5) > 1"), "rules.enter_long")
    assert "vwap@1d(hlc3@1d, volume@1d, open_time@1d)" in shown(program("vwap(tf=1d) > 1"), "rules.enter_long")


@pytest.mark.parametrize(
    ("rule", "made"),
    [
        ("close[2][3] > 1", ">(history(close, 5), constant(1))"),
        ("close[0] > 1", ">(close, constant(1))"),
        ("-close[1] > 1", ">(neg(history(close, 1)), constant(1))"),
        ("not close > 1", "not(>(close, constant(1)))"),
        ("-close * 2 > 1", ">(*(neg(close), constant(2)), constant(1))"),
        ("close - 1 - 2 > 1", ">(-(-(close, constant(1)), constant(2)), constant(1))"),
        (
            "close > 1 or open > 1 and high > 1",
            "or(>(close, constant(1)), and(>(open, constant(1)), >(high, constant(1))))",
        ),
        ("tf(4h, close[1]) > 1", ">(resample(history@4h(close@4h, 1)), constant(1))"),
        ("tf(4h, close)[1] > 1", ">(history(resample(close@4h), 1), constant(1))"),
        ("ema(close, 9, tf=4h) > 1", ">(resample(ema@4h(close@4h, 9)), constant(1))"),
        ("ema(close, 9, tf=15m) > 1", ">(ema(close, 9), constant(1))"),
        ("tf(4h, ema(close, 9, tf=1d)) > 1", ">(resample(resample@4h(ema@1d(close@1d, 9))), constant(1))"),
        ("tf(4h, hour) > 1", ">(resample(hour@4h), constant(1))"),
        ("tf(1h, close + 1) > 1", ">(resample(+@1h(close@1h, constant@1h(1))), constant(1))"),
        ("bb_upper(close, 2 * 10, 5 / 2) > 1", ">(bb_upper(close, 20, 2.5), constant(1))"),
        ("close[7 % 4] > 1", ">(history(close, 3), constant(1))"),
        ("close[-7 % 4] > 1", ">(history(close, 1), constant(1))"),  # % has the sign of its right side
        ("close[round(2.5)] > 1", ">(history(close, 3), constant(1))"),
        ("close[abs(floor(-1.5)) + ceil(0.2)] > 1", ">(history(close, 3), constant(1))"),
        ("close[min(4, max(1, 2))] > 1", ">(history(close, 2), constant(1))"),
        ("if(close > open, close, 1) > 1", ">(if(>(close, open), close, constant(1)), constant(1))"),
        ("value_when(close > open, low) > 1", ">(value_when(>(close, open), low), constant(1))"),
        ("true", "constant(1)"),
    ],
)
def test_what_an_expression_becomes(rule: str, made: str) -> None:
    assert shown(program(rule), "rules.enter_long") == made


def test_a_series_is_a_macro_evaluated_on_the_bars_around_its_name() -> None:
    made = program("tf(4h, s) > s", "series: {s: 'ema(close, 9)'}")
    assert shown(made, "rules.enter_long") == ">(resample(ema@4h(close@4h, 9)), ema(close, 9))"


def test_series_may_refer_to_each_other_in_any_order() -> None:
    assert shown(program("c > 1", "series: {c: b + 1, b: a + 1, a: close}"), "series.c") == (
        "+(+(close, constant(1)), constant(1))"
    )


def test_a_condition_series_keeps_its_type() -> None:
    assert codes(signal(enter="up and close > 1", more="series: {up: close > open}")) == []
    assert codes(signal(enter="up > 1", more="series: {up: close > open}")) == [("type_mismatch", "/rules/enter_long")]
    assert codes(signal(enter="held(up, 3)", more="series: {up: 'if(close > open, true, close > 1)'}")) == []


def test_series_of_a_circle_are_told_and_those_beside_it_are_not() -> None:
    more = "series: {a: b, b: c + 1, c: a, d: a + 1, e: close, f: f > 1}"
    assert codes(signal(enter="d > e", more=more)) == [("cycle", f"/series/{name}") for name in "abcf"]


def test_timeframes_longer_than_the_base_fit_only_if_they_are_whole_multiples() -> None:
    def fits(base: str, longer: str) -> bool:
        return codes(signal(enter=f"ema(close, 9, tf={longer}) > 1", timeframe=base)) == []

    assert fits("1m", "3m")
    assert fits("4h", "12h")
    assert fits("1d", "1w")
    assert fits("1w", "1w")
    assert not fits("3m", "1m")
    assert not fits("4h", "6h")
    assert not fits("1w", "1d")
    assert fits("30m", "6h")


def test_a_series_with_a_timeframe_that_does_not_fit_where_it_is_named_is_told_there() -> None:
    more = "series: {s: 'ema(close, 9, tf=1h)', u: s + 1}"
    assert codes(signal(enter="s > 1", more=more)) == []
    assert codes(signal(enter="tf(4h, u) > 1", more=more)) == [("tf_not_multiple", "/rules/enter_long")]
    # Named without `tf` in a series, the series itself is right on its own bars; who takes it to 4h is told.
    assert codes(signal(enter="tf(1h, u) > 1 and tf(4h, close) > 1", more=more)) == []


def test_lookback_counts_through_series_on_each_timeframe_by_itself() -> None:
    more = "series: {s1: 'close[3000]', s2: 's1[2000]'}"
    assert codes(signal(enter="s2 > 1", more=more)) == []
    assert codes(signal(enter="tf(4h, s2) > s2", more=more)) == []
    assert codes(signal(enter="tf(4h, s2)[5000] > 1", more=more)) == []
    assert codes(signal(enter="sma(close[4999], 2) > 1")) == []
    assert codes(signal(enter="s2[1] > 1", more=more)) == [("lookback_too_long", "/rules/enter_long")]
    assert codes(signal(enter="sma(s2, 2) > 1", more=more)) == [("lookback_too_long", "/rules/enter_long")]


def test_position_may_be_named_in_exits_and_prices_only() -> None:
    price = "if(position.best_pnl_pct >= 1, position.entry_price, position.entry_price * (1 - 0.02 * position.side))"
    made = strategy(signal(leave="position.bars > 3", more=f"protect: {{stop_loss: {{price: '{price}'}}}}"))
    assert isinstance(made.plan, Signal)
    assert made.plan.protect.stop_loss == Level(by="price", amount=Decimal(0))
    assert made.program.outputs["protect.stop_loss.price"] in made.program.of_position()
    assert made.program.outputs["rules.exit_long"] in made.program.of_position()
    assert made.program.outputs["rules.enter_long"] not in made.program.of_position()
    assert codes(signal(leave="min(position.bars, 3) + abs(position.pnl_pct) > 3")) == []
    assert codes(signal(leave="highest(position.pnl_pct, 3) > 3")) == [("position_not_allowed", "/rules/exit_long")]


def test_constants_are_checked_at_every_value_of_each_ranged_param_in_turn() -> None:
    params = "params: {n: {default: 10, min: 2, max: 20, step: 2}, m: {default: 3, min: 1, max: 5, step: 0.5}}"
    for rule in ("ema(close, n / 2) > m", "ema(close, 2 * m) > n", "close[n - 2] > m", "bb_upper(close, n, m) > 1"):
        assert codes(signal(enter=rule, more=params)) == [], rule
    for rule in ("ema(close, n - 2) > m", "ema(close, m) > n", "ema(close, n / 4) > m", "close[n - 3] > m"):
        assert codes(signal(enter=rule, more=params)) == [("bad_length", "/rules/enter_long")], rule
    # n at 20 against a slow of 2 · 10: one param in turn, the other at its default.
    crossed = "macd(close, n, 2 * k, 9) > 0"
    more = "params: {n: {default: 10, min: 2, max: 20, step: 2}, k: {default: 10, min: 8, max: 40, step: 1}}"
    assert codes(signal(enter=crossed, more=more)) == [("bad_length", "/rules/enter_long")]
    assert codes(signal(enter=crossed, more=more.replace("max: 20", "max: 18"))) == []
    (told,) = check_text(signal(enter=crossed, more=more)).errors
    assert "with n = 20" in told.message


def test_a_param_stands_for_a_number_and_fits_with_its_default_and_both_ends() -> None:
    params = "params: {p: {default: 1, min: 0.5, max: 40, step: 0.5}}\n"
    assert codes(signal(more=params + "protect: {stop_loss: {pct: p}}")) == []
    assert codes(signal(more=params + "protect: {trailing: {pct: p}}")) == []
    assert codes(signal(more=params + "entry: {type: limit, offset_pct: p}")) == [("out_of_range", "/entry/offset_pct")]
    assert codes(signal(more=params + "protect: {max_bars: p}")) == [("out_of_range", "/protect/max_bars")]
    whole = params.replace("0.5, max", "1, max")
    assert codes(signal(more=whole + "protect: {max_bars: p}")) == [("not_whole", "/protect/max_bars")]
    assert codes(signal(more=whole.replace("0.5", "1") + "protect: {max_bars: p}")) == []
    one = "params: {p: {default: 5, min: 5, max: 5.4, step: 0.5}}\n"  # a range of one value, which is whole
    assert codes(signal(more=one + "protect: {max_bars: p}")) == []


def test_what_holds_between_two_numbers_holds_at_the_ends_of_their_params_too() -> None:
    text = (
        GRID.replace("lower: 90000", "lower: p")
        + "params: {p: {default: 90000, min: 89000, max: 109000, step: 1000}}\n"
    )
    assert codes(text) == []
    assert codes(text.replace("max: 109000", "max: 110000")) == [("out_of_range", "/grid/upper")]
    assert codes(text.replace("min: 89000", "min: 88000")) == [("out_of_range", "/grid/stop_below")]
    both = text.replace("upper: 110000", "upper: p")
    assert codes(both) == [("out_of_range", "/grid/upper")]


def test_a_value_that_is_set_takes_the_defaults_place_in_the_whole_check() -> None:
    assert strategy(EXAMPLE, fast="7", stop_pct="2").params == {
        "fast": Decimal(7),
        "slow": Decimal(26),
        "stop_pct": Decimal(2),
    }
    made = strategy(EXAMPLE, stop_pct="2.5")
    assert isinstance(made.plan, Signal)
    assert made.plan.protect.stop_loss == Level(by="pct", amount=Decimal("2.5"))
    assert strategy(EXAMPLE, slow="31").params["slow"] == 31  # between two steps
    assert codes(EXAMPLE, fast="31") == [("out_of_range", "/params/fast")]
    assert codes(EXAMPLE, fast="12.5") == [("bad_length", "/series/ema_fast")]
    assert codes(EXAMPLE, stop_pct="100") == [("out_of_range", "/protect/stop_loss/pct")]
    assert codes(EXAMPLE, stop_pct="1e10") == [("out_of_range", "/params/stop_pct")]
    assert codes(EXAMPLE, fast="ten") == [("wrong_type", "/params/fast")]
    assert codes(EXAMPLE, fast="") == [("wrong_type", "/params/fast")]
    assert codes(EXAMPLE, fats="10") == [("unknown_param", "/params/fats")]
    (told,) = check_text(EXAMPLE, settings={"fats": "10"}).errors
    assert told.place is None
    assert told.hint == "did you mean `fast`?"
    assert told.plain()["line"] is None


def test_defaults_stand_where_a_key_is_absent() -> None:
    made = strategy(signal())
    assert made.leverage == 1
    assert made.description == ""
    assert isinstance(made.plan, Signal)
    assert made.plan.entry == MarketEntry()
    assert made.plan.limits.cooldown_bars == 0
    limit = strategy(signal(more="entry: {type: limit}")).plan
    assert isinstance(limit, Signal)
    assert limit.entry == LimitEntry(offset_pct=Decimal(0), post_only=True, expire_bars=1)
    atr = strategy(signal(more="protect: {stop_loss: {atr: 2.5}, trailing: {pct: 1}}"))
    assert isinstance(atr.plan, Signal)
    assert atr.plan.protect.stop_loss == Level(by="atr", amount=Decimal("2.5"), length=14)
    assert atr.plan.protect.trailing is not None
    assert atr.plan.protect.trailing.activate_pct == 0
    assert shown(atr.program, "protect.stop_loss.atr") == "atr(high, low, close, 14)"


def test_the_three_plans_are_what_their_files_say() -> None:
    grid = strategy(GRID).plan
    assert isinstance(grid, Grid)
    assert (grid.lower, grid.upper, grid.levels, grid.side) == (Decimal(90000), Decimal(110000), 21, "neutral")
    assert (grid.stop_below, grid.stop_above) == (Decimal(88000), Decimal(112000))
    dca = strategy(DCA).plan
    assert isinstance(dca, Dca)
    assert not dca.starts_now
    assert dca.safety is not None
    assert (dca.safety.count, dca.safety.step_scale) == (5, Decimal("1.2"))
    now = strategy(DCA.replace('"rsi(close, 14) < 35"', "now"))
    assert isinstance(now.plan, Dca)
    assert now.plan.starts_now
    assert now.program.outputs == {}
    example = strategy(EXAMPLE).plan
    assert isinstance(example, Signal)
    assert (example.limits.max_entries_per_day, example.limits.cooldown_bars) == (5, 4)
    assert (example.limits.max_daily_loss_pct, example.limits.trade_minutes) == (3, (420, 1260))
    assert (example.protect.max_bars, example.size.amount, example.entry) == (
        96,
        100,
        LimitEntry(offset_pct=Decimal("0.05"), post_only=True, expire_bars=3),
    )
    hours = strategy(signal(more="limits: {trade_hours_utc: 22:00-24:00, trade_days: [sun]}")).plan
    assert isinstance(hours, Signal)
    assert hours.limits.trade_minutes == (1320, 1440)
    assert hours.limits.trade_days == {"sun"}


def test_every_fault_is_told_in_file_order_up_to_a_hundred() -> None:
    text = "\n".join(f"k{number}: 1" for number in range(150))
    told = check_text(text).errors
    assert len(told) == 100
    places = [fault.place for fault in told]
    assert places == sorted(places, key=lambda place: (place.line, place.column) if place else (0, 0))
    several = check_text(signal(enter="EMA(close, 3) > cloze and ema(open) > 1", more="foo: 1\nleverage: 0"))
    assert [fault.code for fault in several.errors] == [
        "unknown_function",
        "unknown_name",
        "wrong_arguments",
        "unknown_key",
        "out_of_range",
    ]


def test_a_fault_in_a_folded_block_is_told_on_its_own_line() -> None:
    (told,) = check_text(signal(enter="close > open and\n    cloze > 1")).errors
    assert told.place is not None
    assert (told.place.line, told.place.column) == (8, 5)


def test_more_nodes_than_allowed_are_told_once_where_they_begin() -> None:
    wide = " + ".join(["1"] * 900)  # 1,799 nodes
    (told,) = check_text(signal(more=f"series:\n  a: {wide}\n  b: {wide}\n  c: {wide}\n")).errors
    assert (told.code, told.path) == ("too_many_nodes", "/series/b")
    assert check_text(signal(more=f"series:\n  a: {wide}\n  b: {' + '.join(['1'] * 98)}\n")).errors == []
    (told,) = check_text(signal(more=f"series:\n  a: {wide}\n  b: {' + '.join(['1'] * 99)}\n")).errors
    assert told.code == "too_many_nodes"


def test_texts_names_and_nesting_have_bounds() -> None:
    assert codes(signal(more=f"series: {{a: '{'1' + ' ' * 4000}'}}")) == [("expr_too_long", "/series/a")]
    assert codes(signal(more=f"series: {{a: '{'1' + ' ' * 3999}'}}")) == []
    for count, told in ((64, []), (65, ["too_many"])):
        many = ", ".join(f"p{number}: {number}" for number in range(count))
        assert [code for code, _ in codes(signal(more=f"params: {{{many}}}"))] == told
        assert [code for code, _ in codes(signal(more=f"series: {{{many}}}"))] == told
    for nested, told in ((64, []), (65, ["too_deep"])):
        deep = ("(" * nested + "1" + ")" * nested, "-" * nested + "1", "abs(" * nested + "1" + ")" * nested)
        for text in deep:
            assert [code for code, _ in codes(signal(more=f"series: {{a: '{text}'}}"))] == told
    assert codes(signal(enter="(" * 64 + "close[(1)]" + ")" * 63 + " > 1)")) == [("too_deep", "/rules/enter_long")]


def test_a_faulty_timeframe_or_kind_silences_what_hangs_on_it() -> None:
    assert codes(signal(timeframe="7m", enter="ema(close, 3, tf=1h) > 1")) == [("bad_choice", "/market/timeframe")]
    assert codes(signal(more="kind: signals")) == [("bad_choice", "/kind")]
    assert codes(signal(more="params: {N: 1, k: [2]}\nlimits: {cooldown_bars: k}\nseries: {s: 'ema(close, k)'}")) == [
        ("bad_name", "/params/N"),
        ("wrong_type", "/params/k"),
    ]
