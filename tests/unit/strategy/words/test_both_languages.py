"""Whatever a spec can say there are words for, in both languages, and none of the other language in them."""

# ruff: noqa: SIM905  # the list is words

from __future__ import annotations

import re
import string
from dataclasses import fields, is_dataclass

import pytest

from support.specs import EXAMPLE, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.check.codes import WARNING_CODES
from tradewright.strategy.check.forms import OF_ALL, SpecForm
from tradewright.strategy.check.reading import DAYS, keys_of
from tradewright.strategy.check.rules import ObjectRule
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.program import FIELDS, POSITION_FIELDS, TIMES
from tradewright.strategy.timeframe import TIMEFRAMES
from tradewright.strategy.words import LANGUAGES, explain
from tradewright.strategy.words.language import Language

BOTH = pytest.mark.parametrize("language", LANGUAGES.values(), ids=list(LANGUAGES))
ENGLISH, RUSSIAN = LANGUAGES["en"], LANGUAGES["ru"]
# What Russian traders write in Latin letters themselves.
LATIN = frozenset(
    "SMA EMA WMA DEMA TEMA KAMA RMA HMA VWMA VWAP RSI ROC MOM CCI MFI ADX DI K D R MACD ATR NATR SAR OBV AD CMF HL "
    "HLC OHLC UTC".split()
)
# Keys that are said together with others, and so have no label of their own.
WITHIN = ("entry.", "size.", "protect.stop_loss.", "protect.take_profit.", "protect.trailing.", "grid.per_level.")
SAID_ELSEWHERE = ("version", "market", "rules", "protect", "limits", "grid", "dca")


def holes(text: str) -> set[str]:
    """What is filled into a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def all_keys(form: type = SpecForm, above: str = "") -> list[str]:
    found = []
    for name, key in keys_of(form).items():
        found.append(above + name)
        if isinstance(key.rule, ObjectRule):
            found += all_keys(key.rule.form, f"{above}{name}.")
    return found


def test_both_tables_have_the_same_entries_with_the_same_holes() -> None:
    for table in ("names", "functions", "says", "nouns", "days", "bars_of"):
        english, russian = getattr(ENGLISH, table), getattr(RUSSIAN, table)
        assert english.keys() == russian.keys() - {"on_close"}, table  # a case that English has no word for
        for name in english:
            if table in ("functions", "says"):
                assert holes(english[name]) == holes(russian[name]), name
    assert ENGLISH.counted == RUSSIAN.counted


@BOTH
def test_every_function_name_timeframe_day_warning_and_key_has_words(language: Language) -> None:
    assert language.functions.keys() == FUNCTIONS.keys()
    assert language.names.keys() == {*FIELDS, *TIMES, *POSITION_FIELDS}
    assert language.bars_of.keys() == set(TIMEFRAMES)
    assert language.days.keys() == set(DAYS)
    assert {f"warning.{code}" for code in WARNING_CODES} <= language.says.keys()
    for key in all_keys():
        is_within = key.startswith((*WITHIN, "dca.base.", "dca.safety."))
        if not is_within and key not in SAID_ELSEWHERE:
            assert f"label.{key}" in language.says, key


@BOTH
def test_the_words_of_a_function_name_each_of_its_arguments(language: Language) -> None:
    for name, function in FUNCTIONS.items():
        wanted = {"items"} if function.variadic else {parameter.name for parameter in function.parameters}
        assert holes(language.functions[name]) == wanted, name


def test_no_two_functions_names_or_labels_of_a_kind_share_their_words() -> None:
    for language in LANGUAGES.values():
        told = [*language.functions.values(), *language.names.values()]
        assert len(told) == len(set(told))
        assert len(set(language.bars_of.values())) == len(TIMEFRAMES)


def test_russian_has_no_english_in_it_and_english_no_russian() -> None:
    for table in ("names", "functions", "says", "days", "bars_of", "nouns"):
        for name, text in getattr(RUSSIAN, table).items():
            words = " ".join(text) if isinstance(text, tuple) else text
            bare = re.sub(r"\{[^}]*\}", " ", words)
            assert set(re.findall("[A-Za-z]+", bare)) <= LATIN, (table, name)
        for name, text in getattr(ENGLISH, table).items():
            assert not re.search("[А-Яа-яЁё]", str(text)), (table, name)


def test_a_fault_of_the_table_is_found_where_english_stands_in_russian() -> None:
    """The walk above can fail: what it looks for is found in English."""
    assert set(re.findall("[A-Za-z]+", ENGLISH.names["close"])) - LATIN


@pytest.mark.parametrize(
    ("count", "subject", "genitive"),
    [
        (0, "0 баров", "0 баров"),
        (1, "1 бар", "1 бара"),
        (2, "2 бара", "2 баров"),
        (4, "4 бара", "4 баров"),
        (5, "5 баров", "5 баров"),
        (11, "11 баров", "11 баров"),
        (12, "12 баров", "12 баров"),
        (14, "14 баров", "14 баров"),
        (21, "21 бар", "21 бара"),
        (22, "22 бара", "22 баров"),
        (111, "111 баров", "111 баров"),
        (121, "121 бар", "121 бара"),
        (1001, "1001 бар", "1001 бара"),
    ],
)
def test_russian_numbers_take_their_nouns(count: int, subject: str, genitive: str) -> None:
    number = RUSSIAN.number(float(count))
    assert (f"{number:bar}", f"{number:bar/of}") == (subject, genitive)


@pytest.mark.parametrize(
    ("value", "english", "russian"),
    [
        (1.5, "1.5", "1,5"),
        (-0.25, "−0.25", "−0,25"),
        (-0.0, "0", "0"),
        (1e15, "1000000000000000", "1000000000000000"),
        (1e-7, "0.0000001", "0,0000001"),
        (1e-300, "1e−300", "1e−300"),
        (100.0, "100", "100"),
    ],
)
def test_numbers_keep_all_their_digits(value: float, english: str, russian: str) -> None:
    assert (f"{ENGLISH.number(value)}", f"{RUSSIAN.number(value)}") == (english, russian)


ARGUMENTS = {"number": "close", "condition": "close > open", "length": "21", "multiplier": "2", "branch": "high"}


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_said_in_a_rule_without_a_hole_or_an_ending_left_over(language: Language, name: str) -> None:
    function = FUNCTIONS[name]
    given = [ARGUMENTS[parameter.kind] for parameter in function.parameters] * (2 if function.variadic else 1)
    if name.startswith("macd"):
        given[1:] = ["9", "21", "5"]
    call = f"{name}({', '.join(given)})"
    condition = call if function.result == "condition" else f"close > {call} and sma({call}, 2)[1] != 1"
    checked = check_text(signal(enter=condition))
    assert checked.errors == []
    text = explain(checked, language).text()
    assert not re.search(r"[{}<>|]", text)
    rule = text.split("\n")[text.split("\n").index(language.says["section.rules"]) + 1]
    if language is RUSSIAN:
        assert set(re.findall("[A-Za-z]+", rule)) <= LATIN
    if "n" in {parameter.name for parameter in function.parameters}:
        assert "21" in rule


WARNED = {
    "unused_param": signal(more="params: {left: 3}\n"),
    "exit_without_enter": signal(leave=None, more="  exit_short: close > 1\nprotect: {max_bars: 5}\n"),
    "no_exit": signal(leave=None),
    "unprotected": signal(more="protect: {trailing: {pct: 1, activate_pct: 2}}\n"),
    "never_true": signal(enter="rsi(close, 14) > 100"),
    "history_dependent": signal(enter="obv() > 5"),
}
TOLD = {
    "unused_param": ("Nothing uses the param “left”.", "Параметр «left» нигде не используется."),
    "exit_without_enter": (
        "There is rule exit_short and nothing that enters on that side.",
        "Есть правило выхода из шорта, но входа в эту сторону нет.",
    ),
    "no_exit": (
        "Nothing ever closes what rule enter_long opens: no rule, stop, target, trailing stop or time limit.",
        "То, что открывает правило входа в лонг, ничто не закроет: нет ни правила, ни стопа, ни цели, ни скользящего "
        "стопа, ни предела времени.",
    ),
    "unprotected": (
        "Until the trailing stop is active there is no stop at all.",
        "Пока скользящий стоп не включился, стопа нет вовсе.",
    ),
    "never_true": (
        "Rule enter_long can never be true.",
        "Правило входа в лонг никогда не может быть верно.",
    ),
    "history_dependent": (
        "Rule enter_long uses “obv”, whose value depends on where history begins.",
        "Правило входа в лонг: значение «obv» зависит от того, где начинается история.",
    ),
}


@pytest.mark.parametrize("code", WARNING_CODES)
def test_every_warning_is_told_in_both_languages(code: str) -> None:
    checked = check_text(WARNED[code])
    assert [fault.code for fault in checked.warnings] == [code]
    for language, wanted in zip(LANGUAGES.values(), TOLD[code], strict=True):
        sections = {section.key: section.lines for section in explain(checked, language).sections}
        assert sections["warnings"] == (wanted,)


def test_a_warning_on_the_price_of_a_stop_says_whose_price_it_is() -> None:
    checked = check_text(signal(more="protect: {stop_loss: {price: 'psar(0.02, 0.2)'}}\n"))
    (section,) = [each for each in explain(checked, ENGLISH).sections if each.key == "warnings"]
    assert section.lines == ("Stop uses “psar”, whose value depends on where history begins.",)


def test_a_spec_with_errors_is_not_explained() -> None:
    with pytest.raises(ValueError, match="errors"):
        explain(check_text(EXAMPLE.replace("version: 1", "version: 2")), ENGLISH)


def test_all_keys_of_all_kinds_were_walked() -> None:
    assert {key.split(".")[0] for key in all_keys()} >= {*OF_ALL, "rules", "entry", "size", "protect", "limits"}
    assert is_dataclass(SpecForm)
    assert len(fields(SpecForm)) == len([key for key in all_keys() if "." not in key])
