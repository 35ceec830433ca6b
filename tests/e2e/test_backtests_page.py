"""A newcomer's first backtest in a browser: a template on the simulated exchange; wrong things are told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.installation import Installation, installed


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installed() as running:
        running.claim()
        running.account()
        yield running


@pytest.fixture(params=["en", "ru"])
def terminal(request: pytest.FixtureRequest, browser: Browser, house: Installation) -> Iterator[Terminal]:
    locale = "ru-RU" if request.param == "ru" else "en-US"
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=locale)
    opened = Terminal(context, house.base)
    opened.log_in()
    yield opened
    context.close()
    assert [fault for fault in opened.faults if "status of 422" not in fault] == []  # what is wrong is answered so


def test_a_template_is_run_read_and_removed(terminal: Terminal) -> None:
    terminal.page.get_by_role("link", name=re.compile("^(Backtests|Бэктесты)$")).click()
    expect(terminal.part("backtests-empty")).to_be_visible()
    terminal.part("backtest-template").select_option("rsi_reversion")
    text = terminal.part("backtest-text").input_value()

    terminal.part("backtest-text").fill(text.replace("rsi(", "rsy("))
    terminal.part("backtest-submit").click()
    expect(terminal.part("backtest-error")).to_contain_text("rsy")

    terminal.part("backtest-text").fill(text)
    terminal.part("backtest-origin").select_option("bybit")
    terminal.part("backtest-submit").click()
    expect(terminal.part("backtest-error")).to_contain_text("tradewright data download --symbol BTCUSDT")

    terminal.part("backtest-origin").select_option("sim")
    terminal.part("backtest-capital").fill("5000")
    terminal.part("backtest-submit").click()
    expect(terminal.part("backtest-state")).to_have_attribute("data-state", "finished")
    expect(terminal.part("backtest-report")).to_contain_text(re.compile(r"[0-9]\.[0-9]{2} %|[0-9],[0-9]{2} %"))
    path = terminal.page.locator("svg.equity path").get_attribute("d")
    assert path is not None
    assert path.startswith("M0.0 ")
    assert path.count("L") > 100
    assert terminal.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")

    terminal.part("backtest-remove").click()
    expect(terminal.part("backtests-empty")).to_be_visible()
