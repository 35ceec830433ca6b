"""What the contract's example and the templates are said to do, sentence by sentence, written by hand."""

# ruff: noqa: E501  # sentences

from __future__ import annotations

import re
import time

import pytest

from support.specs import DCA, EXAMPLE, signal
from tradewright.strategy.check import check_text
from tradewright.strategy.templates import TEMPLATES, template_text
from tradewright.strategy.words import LANGUAGES, explain

ENGLISH, RUSSIAN = LANGUAGES["en"], LANGUAGES["ru"]


def sections(text: str, lang: str) -> dict[str, tuple[str, ...]]:
    checked = check_text(text)
    assert checked.errors == []
    return {section.key: section.lines for section in explain(checked, LANGUAGES[lang]).sections}


def rule(expression: str, lang: str = "en", *, more: str = "") -> str:
    """The words of one condition."""
    line = sections(signal(enter=expression, more=more), lang)["rules"][0]
    begin = {"en": "It enters long when ", "ru": "Входит в лонг, когда "}[lang]
    assert line.startswith(begin)
    return line.removeprefix(begin).removesuffix(".")


def test_the_contracts_example_in_english() -> None:
    told = sections(EXAMPLE, "en")
    assert told["market"] == (
        "“EMA cross with a trend filter”: a strategy of rules.",
        "Its author says: “optional, free text”",
        "It trades BTCUSDT, perpetual contracts (linear), on 15-minute bars with leverage 3.",
    )
    assert told["rules"][:4] == (
        "It enters long when the 12-bar [fast] average (EMA) of the close crosses above the 26-bar [slow] average (EMA) "
        "of the close and the close is above the 200-bar average (EMA) of the close on 4-hour bars.",
        "It closes a long when the 12-bar [fast] average (EMA) of the close crosses below the 26-bar [slow] average "
        "(EMA) of the close.",
        "It enters short when the 12-bar [fast] average (EMA) of the close crosses below the 26-bar [slow] average "
        "(EMA) of the close and the close is below the 200-bar average (EMA) of the close on 4-hour bars.",
        "It closes a short when the 12-bar [fast] average (EMA) of the close crosses above the 26-bar [slow] average "
        "(EMA) of the close.",
    )
    assert told["orders"] == (
        "An entry is a limit order 0.05 % from the close toward the passive side (a buy below it, a sell above), "
        "post-only; what has not filled after 3 bars is cancelled.",
        "An entry is worth 100 in the quote coin; this is the value of the order, not the margin. One that equity and "
        "leverage do not bear is not sent.",
    )
    assert told["protect"][:4] == (
        "Stop: 1.5 [stop_pct] % from the entry price, on the losing side.",
        "Target: 2 × the distance of the stop from the entry price, on the winning side.",
        "A trailing stop follows 1.2 % behind the best price since the entry, from the bar after the best price was 1 % "
        "better than the entry price. It moves at the close of a bar and never back.",
        "A position that was open at 96 closes is closed at the next open.",
    )
    assert told["protect"][-1] == (
        "With this leverage the exchange liquidates a position that is about 33.33 % under water, less its maintenance "
        "margin; where that is nearer than the stop, it comes first."
    )
    assert told["limits"] == (
        "At most 5 entries a day (UTC).",
        "After an exit no entry for 4 bars.",
        "When a day (UTC) has lost 3 % of the equity with which it began, the position is closed and nothing is entered "
        "until the next day.",
        "Entries only from 07:00 to 21:00 (UTC, the end not included).",
        "Entries only on Monday, Tuesday, Wednesday, Thursday, Friday (UTC).",
    )
    assert told["params"] == (
        "“fast” is 12; a search may vary it from 5 to 30 in steps of 1.",
        "“slow” is 26; a search may vary it from 20 to 80 in steps of 2.",
        "“stop_pct” is 1.5.",
    )
    assert told["facts"] == (
        "Before the first decision it reads 2199 bars of each kind: 15-minute, 4-hour.",
        "All that it may have open at once is worth 100 in the quote coin.",
        "At the stop 1.5 in the quote coin is lost, before costs, slippage and gaps.",
    )


def test_the_contracts_example_in_russian() -> None:
    told = sections(EXAMPLE, "ru")
    assert told["market"][2] == "Торгует BTCUSDT, бессрочные контракты, на 15-минутных барах с плечом 3."
    assert told["rules"][:2] == (
        "Входит в лонг, когда 12-барная [fast] средняя (EMA) цены закрытия поднимается выше 26-барной [slow] средней "
        "(EMA) цены закрытия и цена закрытия выше 200-барной средней (EMA) цены закрытия на 4-часовых барах.",
        "Закрывает лонг, когда 12-барная [fast] средняя (EMA) цены закрытия опускается ниже 26-барной [slow] средней "
        "(EMA) цены закрытия.",
    )
    assert told["orders"] == (
        "Вход — лимитная заявка в 0,05 % от цены закрытия в пассивную сторону (покупка ниже, продажа выше), только "
        "мейкером; что не исполнилось за 3 бара, отменяется.",
        "Один вход — 100 в валюте котировки; это стоимость заявки, а не залог. Если капитал и плечо её не выдерживают, "
        "заявка не отправляется.",
    )
    assert told["protect"][:4] == (
        "Стоп: 1,5 [stop_pct] % от цены входа в убыточную сторону.",
        "Цель: 2 × расстояние от цены входа до стопа, в прибыльную сторону.",
        "Скользящий стоп идёт в 1,2 % за лучшей ценой с момента входа, начиная с бара после того, как лучшая цена стала "
        "на 1 % лучше цены входа. Он сдвигается на закрытии бара и никогда не назад.",
        "Когда позиция была открыта на 96 закрытиях, она закрывается на следующем открытии.",
    )
    assert told["limits"] == (
        "Не более 5 входов в день (UTC).",
        "После выхода пауза: 4 бара без входов.",
        "Если за день (UTC) потеряно 3 % капитала на начало дня, позиция закрывается, и до следующего дня входов нет.",
        "Входы только с 07:00 до 21:00 (UTC, конец не входит).",
        "Дни для входов (UTC): понедельник, вторник, среда, четверг, пятница.",
    )
    assert told["facts"] == (
        "До первого решения читает 2199 баров каждого вида: 15-минутных, 4-часовых.",
        "Всё, что может быть открыто сразу, стоит 100 в валюте котировки.",
        "На стопе теряется 1,5 в валюте котировки, без комиссий, проскальзывания и разрывов цены.",
    )


def test_a_stop_that_follows_by_an_expression_in_both_languages() -> None:
    """The template `atr_momentum`."""
    english, russian = (sections(template_text("atr_momentum"), lang) for lang in ("en", "ru"))
    assert english["rules"][0] == (
        "It enters long when the 24-bar [back] change in per cent (ROC) of the close is above 1 [threshold_pct] and the "
        "close is above the 50-bar average (EMA) of the close."
    )
    assert russian["rules"][2] == (
        "Входит в шорт, когда 24-барное [back] изменение в процентах (ROC) цены закрытия ниже −(1 [threshold_pct]) и "
        "цена закрытия ниже 50-барной средней (EMA) цены закрытия."
    )
    assert english["protect"][0] == (
        "Stop at the price the close − 3 [distance] × the 14-bar average true range (ATR) × the position's side (1 long, "
        "−1 short). It is worked out anew at every close and moves only in the position's favour."
    )
    assert russian["protect"][0] == (
        "Стоп по цене: цена закрытия − 3 [distance] × 14-барный средний истинный диапазон (ATR) × направление позиции "
        "(1 лонг, −1 шорт). Она пересчитывается на каждом закрытии, и стоп сдвигается только в пользу позиции."
    )
    assert (english["protect"][1], russian["protect"][1]) == ("There is no target.", "Цели нет.")
    assert english["orders"][1].startswith("An entry is of such a size that about 0.5 % of equity is lost if the stop")


def test_a_grid_in_both_languages() -> None:
    """The template `grid_neutral`."""
    english, russian = (sections(template_text("grid_neutral"), lang) for lang in ("en", "ru"))
    assert english["grid"] == (
        "Levels from 52000 [lower] to 70000 [upper]: 25 levels, the steps equal in per cent (geometric). Two neighbours "
        "make a cell: it opens at one and closes at the other, again and again.",
        "Neutral: cells at or below the price at the start are long, the others short. All of them wait for their price.",
        "Each order is worth 300 in the quote coin.",
        "If the price falls to 50000 [stop_below], everything is closed and the grid has ended.",
        "If the price rises to 72000 [stop_above], everything is closed and the grid has ended.",
        "It starts at the open of the first bar that opens within the levels.",
    )
    assert russian["grid"] == (
        "Уровни от 52000 [lower] до 70000 [upper]: 25 уровней, шаги равные в процентах (геометрические). Два соседних "
        "уровня — ячейка: на одном она открывается, на другом закрывается, снова и снова.",
        "Нейтральная: ячейки не выше цены на старте длинные, остальные короткие. Все ждут своей цены.",
        "Каждая заявка — 300 в валюте котировки.",
        "Если цена упадёт до 50000 [stop_below], всё закрывается, и сетка закончена.",
        "Если цена вырастет до 72000 [stop_above], всё закрывается, и сетка закончена.",
        "Начинает на открытии первого бара, который открывается внутри уровней.",
    )
    assert english["facts"][0] == "It decides from the first bar on and reads one kind of bars: 15-minute."


def test_a_position_in_steps_in_both_languages() -> None:
    """The template `dca_long`."""
    english, russian = (sections(template_text("dca_long"), lang) for lang in ("en", "ru"))
    assert english["dca"] == (
        "It buys.",
        "At a close, if none is running, a cycle starts when the 14-bar RSI of the close is below 35 [dip].",
        "The base order is worth 200 in the quote coin and goes to the market at the next open.",
        "With it, against the position: 5 orders more. The first is worth 200 in the quote coin and lies 1 % from the "
        "first fill; each next distance between them is 1.3 times the one before, each next value 1.4 times.",
        "Target: 1.2 [target_pct] % from the average price of what is held; it follows that average.",
        "Stop: 12 % from the price of the first fill; it stays there.",
        "After a cycle another one may start.",
    )
    assert russian["dca"] == (
        "Покупает.",
        "На закрытии, если другой цикл не идёт, начинается новый, когда 14-барный RSI цены закрытия ниже 35 [dip].",
        "Первая заявка — 200 в валюте котировки, по рынку на следующем открытии.",
        "Вместе с ней против позиции: ещё 5 заявок. Первая из них — 200 в валюте котировки, в 1 % от первого "
        "исполнения; каждое следующее расстояние между ними — прежнее × 1,3, каждая следующая сумма — прежняя × 1,4.",
        "Цель: 1,2 [target_pct] % от средней цены позиции; цель сдвигается вместе с ней.",
        "Стоп: 12 % от цены первого исполнения; он остаётся на месте.",
        "После цикла может начаться новый.",
    )


@pytest.mark.parametrize(
    ("expression", "english", "russian"),
    [
        (
            "not close > open or close == high",
            "it is not so that (the close is above the open) or the close is exactly the high",
            "неверно, что (цена закрытия выше цены открытия) или цена закрытия = максимум бара",
        ),
        (
            "(close > open or hour < 3) and weekday != 5",
            "(the close is above the open or the hour of the bar's close (UTC) is less than 3) and the weekday of the "
            "bar's close (UTC, Monday is 0) is anything but 5",
            "(цена закрытия выше цены открытия или час закрытия бара (UTC) меньше 3) и день недели закрытия бара (UTC, "
            "понедельник — 0) ≠ 5",
        ),
        (
            "close > highest(high, 20)[1]",
            "the close is above (the 20-bar highest value of the high) 1 bar earlier",
            "цена закрытия выше (20-барного наибольшего значения максимума бара) 1 бар назад",
        ),
        (
            "sma(close, 5)[2] > sma(close[2], 5)",
            "(the 5-bar average (SMA) of the close) 2 bars earlier is above the 5-bar average (SMA) of (the close 2 bars "
            "earlier)",
            "(5-барная средняя (SMA) цены закрытия) 2 бара назад выше 5-барной средней (SMA) (цены закрытия 2 бара "
            "назад)",
        ),
        (
            "tf(1d, close > open)[1] and ema(close, 9, tf=4h)[1] > 3",
            "((the close is above the open) on daily bars) 1 bar earlier and (the 9-bar average (EMA) of the close on "
            "4-hour bars) 1 bar earlier is above 3",
            "((цена закрытия выше цены открытия) на дневных барах) 1 бар назад и (9-барная средняя (EMA) цены закрытия "
            "на 4-часовых барах) 1 бар назад выше 3",
        ),
        (
            "close - (open - low) * 2 > ema(close - open, 3)",
            "the close − (the open − the low) × 2 is above the 3-bar average (EMA) of (the close − the open)",
            "цена закрытия − (цена открытия − минимум бара) × 2 выше 3-барной средней (EMA) значения (цена закрытия − "
            "цена открытия)",
        ),
        (
            "bars_since(close > open) >= 4 and held(rising(close, 2), 3)",
            "the number of bars since (the close is above the open) is at least 4 and (the close has risen 2 bars in a "
            "row) at each of the last 3 bars",
            "число баров с момента, когда (цена закрытия выше цены открытия) не меньше 4 и (цена закрытия растёт 2 бара "
            "подряд) 3 бара подряд",
        ),
        ("true", "it is always so", "это всегда верно"),
        (
            "if(close > open, high, low) <= min(open, 2 * close)",
            "((the high) if (the close is above the open), otherwise (the low)) is at or below the smallest of (the "
            "open; 2 × the close)",
            "((максимум бара), если (цена закрытия выше цены открытия), иначе (минимум бара)) не выше наименьшего из "
            "(цена открытия; 2 × цена закрытия)",
        ),
    ],
)
def test_expressions_are_said_with_brackets_where_they_could_be_read_in_two_ways(
    expression: str, english: str, russian: str
) -> None:
    assert rule(expression) == english
    assert rule(expression, "ru") == russian


def test_a_length_made_of_params_says_its_value_and_how_it_comes_about() -> None:
    more = "params: {n: {default: 10, min: 5, max: 20, step: 1}}\n"
    assert rule("close > sma(close, max(2 * n + 1, 5))", more=more) == (
        "the close is above the 21-bar [max(2 × n + 1; 5)] average (SMA) of the close"
    )


def test_a_long_series_is_named_where_it_is_used_and_said_once() -> None:
    more = "series: {push: 'sma(close - open, 5) / atr(14) * 100 - 1', up: 'push > 0'}\n"
    told = sections(signal(enter="up and push > 2", more=more), "en")
    assert told["rules"][0] == "It enters long when “up” is true and “push” is above 2."
    assert told["values"] == (
        "“push”: (the 5-bar average (SMA) of (the close − the open)) ÷ the 14-bar average true range (ATR) × 100 − 1.",
        "“up”: “push” is above 0.",
    )


def test_what_is_absent_is_said() -> None:
    told = sections(signal(leave=None, more="protect: {max_bars: 3}\n"), "en")
    assert "No rule closes a long." in told["rules"]
    assert {"There is no stop-loss.", "There is no target."} <= set(told["protect"])
    assert told["limits"] == ("It has no brakes of its own; the limits of the account hold all the same.",)
    start = DCA.index("       base")
    bare = DCA[:start] + "       base: {quote: 50}, take_profit_pct: 1.5 }\n"
    assert {"There are no safety orders.", "There is no stop-loss."} <= set(sections(bare, "en")["dca"])


def test_the_notes_tell_of_what_the_spec_uses_and_of_nothing_else() -> None:
    plain = sections(signal(), "en")["notes"]
    assert len(plain) == 1  # on what is unknown
    used = sections(signal(enter="hour < 3 and close[1] > ema(close, 9, tf=4h)"), "en")["notes"]
    assert any("has hour 0 of the next day" in note for note in used)
    assert any("still forming is never seen" in note for note in used)
    assert len(used) == 5


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_explained_and_its_russian_has_no_english_but_names(name: str) -> None:
    checked = check_text(template_text(name))
    assert explain(checked, ENGLISH).text()
    russian = explain(checked, RUSSIAN).text()
    bare = re.sub(r"\[[^\]]*\]|«[^»]*»|BTCUSDT", "", russian)
    assert {word for word in re.findall("[A-Za-z]+", bare) if not word.isupper()} == set()


def test_a_spec_of_two_thousand_terms_is_explained_soon() -> None:
    """No recursion, and no text that doubles: 998 operators with as many names behind one comparison."""
    checked = check_text(
        signal(enter=" + ".join(["c"] * 990) + " > 1", leave=None, more="series: {c: 'sma(close, 3)'}\n")
    )
    assert checked.errors == []
    begun = time.process_time()
    text = explain(checked, ENGLISH).text()
    assert time.process_time() - begun < 2
    assert text.count("the 3-bar average (SMA) of the close") == 991
