"""The list of functions beside the contract's sections 2.4, 2.6 and 2.7, typed off a second time."""

from __future__ import annotations

import pytest

from support.specs import signal
from tradewright.strategy.check import check_text
from tradewright.strategy.functions.table import FUNCTIONS, GROUPS

# Section 2.6, as it stands there.
SIGNATURES = {
    "averages": "sma(x, n) ema(x, n) wma(x, n) dema(x, n) tema(x, n) kama(x, n) rma(x, n) hma(x, n) vwma(x, n) vwap()",
    "momentum": (
        "rsi(x, n) roc(x, n) mom(x, n) cci(n) willr(n) mfi(n) adx(n) plus_di(n) minus_di(n) aroon_up(n) aroon_down(n) "
        "stoch_k(k, smooth, d) stoch_d(k, smooth, d) stochrsi_k(x, n, k, d) stochrsi_d(x, n, k, d) "
        "macd(x, fast, slow, signal) macd_signal(x, fast, slow, signal) macd_hist(x, fast, slow, signal)"
    ),
    "volatility": (
        "atr(n) natr(n) tr() stddev(x, n) bb_upper(x, n, k) bb_middle(x, n, k) bb_lower(x, n, k) bb_width(x, n, k) "
        "keltner_upper(n, k) keltner_lower(n, k) donchian_upper(n) donchian_lower(n)"
    ),
    "trend": "supertrend(n, k) supertrend_dir(n, k) psar(step, max) linreg_slope(x, n) linreg(x, n)",
    "volume": "obv() ad() cmf(n) volume_sma(n)",
    "windows": ("highest(x, n) lowest(x, n) sum(x, n) change(x, n) percent_rank(x, n) zscore(x, n) count(c, n)"),
    "events": (
        "crosses_above(a, b) crosses_below(a, b) crosses(a, b) rising(x, n) falling(x, n) bars_since(c) "
        "value_when(c, x) held(c, n)"
    ),
    "arithmetic": (
        "abs(x) min(x, …) max(x, …) round(x) floor(x) ceil(x) sqrt(x) log(x) exp(x) sign(x) clamp(x, lo, hi) "
        "if(c, a, b)"
    ),
}
# Section 2.7: the first known index with these arguments, worked out by hand.
LOOKBACKS = {
    **dict.fromkeys(("obv()", "ad()", "vwap()", "bars_since(close > open)", "value_when(close > open, close)"), 0),
    **dict.fromkeys(("abs(close)", "min(close, open)", "clamp(close, 1, 2)", "if(close > 1, 1, 2)", "close + 1"), 0),
    **dict.fromkeys(("tr()", "psar(0.02, 0.2)", "crosses(close, open)", "crosses_above(close, open)"), 1),
    **dict.fromkeys(("sma(close, 7)", "ema(close, 7)", "wma(close, 7)", "rma(close, 7)", "vwma(close, 7)"), 6),
    **dict.fromkeys(("stddev(close, 7)", "bb_upper(close, 7, 2)", "bb_width(close, 7, 2)", "linreg(close, 7)"), 6),
    **dict.fromkeys(("linreg_slope(close, 7)", "highest(close, 7)", "lowest(close, 7)", "sum(close, 7)"), 6),
    **dict.fromkeys(("count(close > 1, 7)", "held(close > 1, 7)", "volume_sma(7)", "cmf(7)", "donchian_upper(7)"), 6),
    **dict.fromkeys(("donchian_lower(7)", "zscore(close, 7)", "cci(7)", "willr(7)"), 6),
    **dict.fromkeys(("kama(close, 7)", "roc(close, 7)", "mom(close, 7)", "rsi(close, 7)", "mfi(7)", "atr(7)"), 7),
    **dict.fromkeys(("natr(7)", "plus_di(7)", "minus_di(7)", "aroon_up(7)", "aroon_down(7)", "change(close, 7)"), 7),
    **dict.fromkeys(("rising(close, 7)", "falling(close, 7)", "percent_rank(close, 7)", "keltner_upper(7, 2)"), 7),
    **dict.fromkeys(("keltner_lower(7, 2)", "supertrend(7, 3)", "supertrend_dir(7, 3)", "close[7]"), 7),
    "dema(close, 7)": 12,
    "tema(close, 7)": 18,
    "adx(7)": 13,
    "hma(close, 9)": 10,
    "hma(close, 7)": 8,  # ⌊2.65 + ½⌋ is 3
    "stoch_k(14, 3, 5)": 19,
    "stoch_d(14, 3, 5)": 19,
    "stochrsi_k(close, 14, 5, 3)": 20,
    "stochrsi_d(close, 14, 5, 3)": 20,
    "macd(close, 12, 26, 9)": 33,
    "macd_signal(close, 12, 26, 9)": 33,
    "macd_hist(close, 12, 26, 9)": 33,
}
# Beyond its lookback: 2.7, "warm_up_bars".
FADING = {
    *(
        "ema",
        "rma",
        "dema",
        "tema",
        "kama",
        "rsi",
        "stochrsi_k",
        "stochrsi_d",
        "atr",
        "natr",
        "adx",
        "plus_di",
        "minus_di",
    ),
    *("macd", "macd_signal", "macd_hist", "supertrend", "supertrend_dir", "keltner_upper", "keltner_lower"),
}
SINCE_THE_BEGINNING = {"obv", "ad", "psar", "bars_since", "value_when"}
AT_LEAST_TWO = {
    **{name: {"n"} for name in ("rsi", "cci", "willr", "mfi", "adx", "aroon_up", "aroon_down", "stddev", "bb_upper")},
    **{
        name: {"n"}
        for name in ("bb_middle", "bb_lower", "bb_width", "zscore", "linreg", "linreg_slope", "hma", "highest")
    },
    **{name: {"n"} for name in ("lowest", "sum", "donchian_upper", "donchian_lower", "stochrsi_k", "stochrsi_d")},
    **{name: {"fast", "slow"} for name in ("macd", "macd_signal", "macd_hist")},
}


def test_groups_names_and_parameters_are_the_contracts() -> None:
    listed = {group: [each for each in FUNCTIONS.values() if each.group == group] for group in GROUPS}
    for group, signatures in SIGNATURES.items():
        wanted = {each if each.endswith(")") else f"{each})" for each in signatures.split(") ")}
        assert {function.signature() for function in listed.pop(group)} == wanted
    assert not listed


def test_lengths_have_the_contracts_least_values() -> None:
    found = {
        function.name: {each.name for each in function.parameters if each.kind == "length" and each.least > 1}
        for function in FUNCTIONS.values()
    }
    assert {name: names for name, names in found.items() if names} == AT_LEAST_TWO


@pytest.mark.parametrize(("text", "lookback"), LOOKBACKS.items())
def test_a_functions_lookback_is_that_of_the_contracts_table(text: str, lookback: int) -> None:
    """Seen from outside: 5,000 bars are the most, so with so much history more than is left it is too long."""
    function = text.partition("(")[0]
    extra = 70 if function in FADING else 1000 if function in SINCE_THE_BEGINNING else 0
    longest = {"stochrsi_k": 140, "stochrsi_d": 140, "macd": 260, "macd_signal": 260, "macd_hist": 260, "hma": 0}
    checked = check_text(signal(enter=_condition(text)))
    assert checked.facts is not None, checked.errors
    extra = longest.get(function, extra)
    assert checked.facts.warm_up_bars == (96 if function == "vwap" else lookback + extra)
    fits = check_text(signal(enter=f"({_condition(text)})[{5000 - lookback}]"))
    assert [fault.code for fault in fits.errors] == []
    too_long = check_text(signal(enter=f"({_condition(text)})[{5000 - lookback}][1]"))
    assert [fault.code for fault in too_long.errors] == ["lookback_too_long"]


def test_every_function_is_among_those_that_are_looked_at() -> None:
    looked_at = {text.partition("(")[0] for text in LOOKBACKS}
    alike = {"crosses_below", "bb_middle", "bb_lower", *FUNCTIONS} - looked_at
    assert alike == {
        "crosses_below",
        "bb_middle",
        "bb_lower",
        "max",
        "round",
        "floor",
        "ceil",
        "sqrt",
        "log",
        "exp",
        "sign",
    }


def _condition(text: str) -> str:
    is_condition = FUNCTIONS[text.partition("(")[0]].result == "condition" if "(" in text else False
    return text if is_condition else f"{text} != 1"
