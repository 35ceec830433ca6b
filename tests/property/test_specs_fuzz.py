"""Made-up specs by the thousand: every one is answered, soon, and what is taken is whole.

`SPECS` says how many; `make fuzz-specs SPECS=50000` is the size that counts.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewright.strategy.check import Checked, check_text
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import FIELDS, POSITION_FIELDS, TIMES
from tradewright.strategy.timeframe import TIMEFRAMES

SPECS = int(os.environ.get("SPECS", "150"))
CPU_SECONDS_MAX = 2.0  # the contract's bound for a command; a warm process needs a twentieth
NAMES = ("n", "m", "fast", "s", "t", "u", "cond", "close", "N", "ema")
TEXTS = (
    "",
    "x",
    "now",
    "07:00-21:00",
    "2024-01-01",
    "on",
    "~",
    "0x10",
    "1_0",
    ".inf",
    "😀",
    "a\tb",
    "\u2028",
    "- a",
    "{",
    "é" * 130,
)
NUMBERS = (0, 1, -1, 2, 3.5, 14, 100, 1e9, 1e10, 0.1, -0.0, 1e-12, 5000, 5001, 10**30)
CHUNKS = (
    *(
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        ",",
        "- ",
        "\n",
        "\n  ",
        "\t",
        "'",
        '"',
        "#",
        " #",
        "&a ",
        "*a",
        "!!str ",
        "<<: ",
        "---\n",
    ),
    *(
        "...",
        "%YAML 1.2\n",
        "|",
        ">",
        "~",
        "null",
        "true",
        "NaN",
        "-Infinity",
        "1e999",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *(
        "(",
        ")",
        "(((((",
        "not ",
        "- - - ",
        "close",
        "[1]",
        "[5000]",
        "tf(4h, ",
        "tf=1d",
        "position.bars",
        " and ",
        "< 1 <",
        "**",
    ),
    *("\\u0041", "\\ud800", "{{{{{{{{{{{{{{{{{{{{{{", "- " * 30, "a" * 5000, "? ", "'' ", "�"),
)


def expressions() -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from((*FIELDS, *TIMES, *NAMES, "true", "false", "cloze", "position.size")),
        st.sampled_from(POSITION_FIELDS),
        st.sampled_from(("0", "1", "2.5", "14", "200", "5001", "1e16", "1.", ".5")),
    )

    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operator = st.sampled_from(("+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "and", "or", "<>"))
        timeframe = st.sampled_from(("", "", "", *(f"tf={each}" for each in (*TIMEFRAMES, "7m", "close"))))
        arguments = st.lists(st.one_of(inner, st.sampled_from(("3", "14", "n"))), max_size=4)
        return st.one_of(
            st.tuples(inner, operator, inner).map(" ".join),
            st.tuples(st.sampled_from(sorted(FUNCTIONS)), arguments, timeframe).map(_call),
            st.tuples(st.sampled_from(sorted(FUNCTIONS)), inner, st.integers(0, 60)).map(_fitting_call),
            st.tuples(inner, st.sampled_from(("0", "1", "n", "5000", "close", "1.5"))).map("({0[0]})[{0[1]}]".format),
            st.tuples(st.sampled_from(TIMEFRAMES), inner).map("tf({0[0]}, {0[1]})".format),
            inner.map("not ({})".format),
            inner.map("-({})".format),
            inner.map("({})".format),
        )

    return st.recursive(leaf, larger, max_leaves=10)


def _call(parts: tuple[str, list[str], str]) -> str:
    name, arguments, timeframe = parts
    return f"{name}({', '.join([*arguments, *([timeframe] if timeframe else [])])})"


def _fitting_call(parts: tuple[str, str, int]) -> str:
    """A call with the right number of arguments."""
    name, inner, length = parts
    given = {"length": str(length), "multiplier": "2", "condition": "close > open", "number": inner, "branch": inner}
    arguments = [given[parameter.kind] for parameter in FUNCTIONS[name].parameters]
    return f"{name}({', '.join(arguments * (2 if FUNCTIONS[name].variadic else 1))})"


RULES = (
    *("close > open", "hour < 3 and rsi(close, 14) < 30", "crosses_above(ema(close, 9), sma(close, 20))", "true"),
    *(
        "close > highest(high, 20)[1]",
        "tf(1d, close > open) or not held(low > low[1], 3)",
        "bars_since(volume > 5) < 9",
    ),
)
CONDITIONS = st.one_of(
    expressions(),
    st.tuples(expressions(), expressions()).map("({0[0]}) > ({0[1]})".format),
    st.sampled_from(("crosses_above(s, t)", "cond", "fast > m")),
    st.sampled_from(RULES),
    st.sampled_from(RULES),
    st.sampled_from(RULES),
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(NUMBERS),
    st.sampled_from(TEXTS),
    st.sampled_from(NAMES),
    st.booleans(),
    st.none(),
    st.just([]),
    st.just({}),
)


def _likely(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what belongs there, sometimes anything."""
    return st.integers(0, 79).flatmap(lambda dice: VALUES if dice == 0 else value)


def _object(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: _likely(value) for name, value in keys.items()})


def _some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """All keys, each with something likely."""
    return st.fixed_dictionaries({name: _likely(value) for name, value in keys.items()})


GOOD = st.sampled_from((1, 2, 5, 10))
NUMBER = st.one_of(GOOD, GOOD, GOOD, GOOD, GOOD, st.sampled_from(NUMBERS), st.sampled_from(("n", "m", "fast")))
PARAM = st.one_of(
    st.sampled_from((1, 2, 14, 0.5)),
    st.sampled_from(({"default": 5, "min": 1, "max": 9, "step": 1}, {"default": 2, "min": 0.5, "max": 3, "step": 0.5})),
    _object(
        default=st.sampled_from(NUMBERS), min=st.sampled_from(NUMBERS), max=st.sampled_from(NUMBERS), step=st.just(1)
    ),
)
SIZE = st.sampled_from(("quote", "base", "equity_pct", "risk_pct")).flatmap(
    lambda name: st.fixed_dictionaries({name: NUMBER})
)
LEVEL = st.one_of(
    st.fixed_dictionaries({"pct": NUMBER}),
    st.fixed_dictionaries({"atr": NUMBER}, optional={"length": NUMBER}),
    st.fixed_dictionaries({"price": expressions()}),
    st.fixed_dictionaries({"rr": NUMBER}),
)
LIMITS = _object(
    max_entries_per_day=NUMBER,
    cooldown_bars=NUMBER,
    max_daily_loss_pct=NUMBER,
    trade_hours_utc=st.sampled_from(("07:00-21:00", "22:00-24:00", "x")),
    trade_days=st.lists(st.sampled_from(("mon", "tue", "sun", "someday")), max_size=3),
)
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "version": st.just(1),
    "name": st.sampled_from(("x", "A strategy")),
    "market": _some(
        category=st.sampled_from(("linear", "linear", "spot")),
        symbol=st.sampled_from(("BTCUSDT", "ETHUSDT")),
        timeframe=st.sampled_from(("1m", "15m", "1h", "1d")),
    ),
}
NAMED = {
    "params": st.dictionaries(st.sampled_from(("n", "m", "fast", "N", "close")), PARAM, max_size=3),
    "series": st.dictionaries(st.sampled_from(("s", "t", "u", "cond", "ema")), expressions(), max_size=3),
    "leverage": st.sampled_from((1, 3, 0, 101)),
}
SIGNAL = st.fixed_dictionaries(
    {
        **{name: _likely(value) for name, value in COMMON.items()},
        "rules": _likely(
            st.fixed_dictionaries(
                {"enter_long": CONDITIONS},
                optional=dict.fromkeys(("exit_long", "enter_short", "exit_short"), CONDITIONS),
            )
        ),
        "size": _likely(SIZE),
    },
    optional={
        **{name: _likely(value) for name, value in NAMED.items()},
        "entry": _object(type=st.just("limit"), offset_pct=NUMBER, post_only=st.booleans(), expire_bars=NUMBER),
        "protect": _object(
            stop_loss=LEVEL, take_profit=LEVEL, trailing=_object(pct=NUMBER, activate_pct=NUMBER), max_bars=NUMBER
        ),
        "limits": LIMITS,
        "foo": VALUES,
    },
)
SMALL = st.fixed_dictionaries(
    {
        "version": st.just(1),
        "name": st.just("x"),
        "market": st.just({"category": "linear", "symbol": "BTCUSDT", "timeframe": "15m"}),
        "rules": st.fixed_dictionaries({"enter_long": st.sampled_from(RULES), "exit_long": CONDITIONS}),
        "size": st.fixed_dictionaries({"quote": GOOD}),
    },
    optional={
        "protect": st.fixed_dictionaries({"stop_loss": LEVEL}),
        "series": st.dictionaries(st.sampled_from(("s", "t", "u", "cond")), expressions(), max_size=1),
    },
)
GRID = st.fixed_dictionaries(
    {
        **{name: _likely(value) for name, value in COMMON.items()},
        "kind": st.just("grid"),
        "grid": _some(
            lower=st.sampled_from((90, 80, "n")),
            upper=st.sampled_from((110, 85)),
            levels=st.sampled_from((2, 5, 200, 201)),
            spacing=st.sampled_from(("arithmetic", "geometric")),
            side=st.sampled_from(("long", "short", "neutral")),
            per_level=st.sampled_from(({"quote": 5}, {"base": 1}, {"quote": "n"}, {})),
        ),
    },
    optional={name: _likely(value) for name, value in NAMED.items()},
)
DCA = st.fixed_dictionaries(
    {
        **{name: _likely(value) for name, value in COMMON.items()},
        "kind": st.just("dca"),
        "dca": st.fixed_dictionaries(
            {
                "side": st.sampled_from(("long", "short")),
                "start": st.one_of(st.just("now"), CONDITIONS),
                "base": st.fixed_dictionaries({"quote": NUMBER}),
                "take_profit_pct": NUMBER,
            },
            optional={
                "safety": _some(count=NUMBER, quote=NUMBER, step_pct=NUMBER, step_scale=NUMBER, size_scale=NUMBER),
                "stop_loss_pct": NUMBER,
                "repeat": st.booleans(),
            },
        ),
    },
    optional={**{name: _likely(value) for name, value in NAMED.items()}, "limits": LIMITS},
)


@st.composite
def texts(draw: st.DrawFn) -> str | bytes:
    """A file: a made-up spec, as JSON or YAML, sometimes with something torn out, put in or doubled."""
    spec = draw((SMALL, SMALL, SMALL, SIGNAL, GRID, DCA)[draw(st.integers(0, 5))])
    text = json.dumps(spec) if draw(st.booleans()) else yaml.safe_dump(spec, allow_unicode=True)
    for _ in range(draw(st.sampled_from((0, 0, 0, 0, 1, 2, 3)))):
        place = draw(st.integers(0, len(text)))
        kind = draw(st.integers(0, 2))
        if kind == 0:
            text = text[:place] + draw(st.sampled_from(CHUNKS)) + text[place:]
        elif kind == 1:
            text = text[:place] + text[place + draw(st.integers(1, 8)) :]
        else:
            text = text[:place] + text[max(0, place - draw(st.integers(1, 60))) :]
    if draw(st.integers(0, 39)) == 0:
        return text.encode(errors="replace") + draw(st.binary(max_size=4))
    return text


def judge(text: str | bytes) -> Checked:
    """What must hold of every answer."""
    begun = time.process_time()
    checked = check_text(text)
    took_s = time.process_time() - begun
    assert took_s < CPU_SECONDS_MAX, took_s
    plain = checked.plain()
    assert json.loads(json.dumps(plain)) == plain
    assert len(checked.errors) <= 100
    assert bool(checked.errors) == (checked.strategy is None) == (checked.facts is None)
    lines = text.decode(errors="replace") if isinstance(text, bytes) else text
    count = lines.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for fault in (*checked.errors, *checked.warnings):
        assert fault.place is not None
        assert 1 <= fault.place.line <= count + 1
        assert fault.place.column >= 1
        assert fault.path == "" or fault.path.startswith("/")
        assert fault.message
    if checked.strategy is not None and checked.facts is not None:
        steps = checked.strategy.program.steps
        assert all(argument < index for index, step in enumerate(steps) for argument in step.arguments)
        assert 0 <= checked.facts.warm_up_bars <= 5_000 + 10 * 5_000
        assert checked.facts.timeframes[0] == checked.strategy.market.timeframe
    return checked


SEEN: Counter[str] = Counter()


@settings(max_examples=SPECS, suppress_health_check=list(HealthCheck))
@given(text=texts())
def test_no_spec_crashes_the_check_and_none_hangs_it(text: str | bytes) -> None:
    checked = judge(text)
    SEEN.update({fault.code for fault in (*checked.errors, *checked.warnings)})
    SEEN["right"] += checked.strategy is not None


def test_the_made_up_specs_reach_most_codes_and_some_are_right() -> None:
    """Runs behind the one above and says what that one saw."""
    print(f"fuzz-specs specs={SPECS} right={SEEN['right']} codes={len(SEEN)}")
    if SEEN:
        assert SEEN["right"] > SPECS / 200
        assert len(SEEN) > min(SPECS / 10, 30)
