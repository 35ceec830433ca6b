"""A bot on the page: made in five steps, started, watched bar by bar, paused, stopped; and nothing of it is missing.

The market is a replay at sixty times its pace, so a simulated minute is a second. What the page shows of a run is held
against what the API tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from e2e.conftest import Terminal
from support.installation import Installation, installed, wait_for

SAMPLE = Path(__file__).parents[1] / "data/btcusdt-linear-1m-sample.csv.gz"
# In and out at every other close: there is something to see in each simulated minute.
SPEC = """\
version: 1
name: Every other bar
market: { category: linear, symbol: BTCUSDT, timeframe: 1m }
params:
  stop_pct: { default: 5, min: 1, max: 20, step: 1 }
rules:
  enter_long: close > open or close <= open
  exit_long: position.bars >= 1
size: { equity_pct: 20 }
protect:
  stop_loss: { pct: stop_pct }
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Installation]:
    with installed("--market", f"replay:{SAMPLE}@linear:BTCUSDT", "--speed", "60") as running:
        running.claim()
        running.widen_limits(running.account())
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


def make(terminal: Terminal, name: str, *, minutes: str, at_end: str) -> None:
    """A bot through all five steps, up to what speaks for and against its start."""
    terminal.page.goto(f"{terminal.base}/bots/new")
    terminal.part("source-text").click()
    terminal.part("wizard-text").fill(SPEC.replace("close > open", "closed > open"))
    expect(terminal.part("spec-fault").first).to_contain_text("closed")
    expect(terminal.part("wizard-next")).to_be_disabled()
    terminal.part("wizard-text").fill(SPEC)
    expect(terminal.part("spec-told")).to_have_attribute("data-ok", "true")
    terminal.part("wizard-next").click()
    expect(terminal.part("wizard-symbol")).to_have_value("BTCUSDT")
    terminal.part("wizard-next").click()
    terminal.part("param-stop_pct").fill("6")
    terminal.part("wizard-next").click()

    # Without a maximum loss there is no way on; what was typed outlives going back and reloading.
    expect(terminal.part("wizard-next")).to_be_disabled()
    terminal.part("duration-custom").click()
    terminal.part("limit-minutes").fill(minutes)
    terminal.part("limit-maxLoss").fill("500")
    terminal.part(f"end-{at_end}").click()
    terminal.part("wizard-back").click()
    expect(terminal.part("param-stop_pct")).to_have_value("6")
    terminal.page.reload()
    expect(terminal.part("param-stop_pct")).to_have_value("6")
    terminal.page.go_back()
    expect(terminal.part("limit-maxLoss")).to_have_value("500")
    terminal.part("wizard-next").click()
    terminal.part("wizard-name").fill(name)
    expect(terminal.part("read-back")).to_contain_text(name)
    expect(terminal.part("read-back")).to_contain_text("500")
    terminal.part("wizard-save").click()
    expect(terminal.part("start-check").first).to_be_visible()
    expect(terminal.page.locator("[data-testid=start-check][data-verdict=block]")).to_have_count(0)


def run_id(terminal: Terminal) -> str:
    terminal.page.wait_for_url(re.compile(r"/bots/[0-9a-f-]{36}/runs/[0-9a-f-]{36}"))
    return terminal.page.url.split("?")[0].rsplit("/", 1)[1]


def told(house: Installation, run: str) -> list[dict[str, Any]]:
    """Every event of the run, as the API pages them."""
    events: list[dict[str, Any]] = []
    while True:
        after = events[-1]["seq"] if events else 0
        status, page = house.request("GET", f"/api/v1/runs/{run}/events?after={after}&limit=500")
        assert status == 200, page
        events += page["events"]
        if page["next"] is None:
            return events


def state(terminal: Terminal, name: str) -> None:
    expect(terminal.part("run-state")).to_have_attribute("data-state", name)


def shown(terminal: Terminal) -> list[int]:
    """Numbers of all lines of the timeline, read by scrolling from its beginning to its end."""
    terminal.page.evaluate(
        """async () => {
          const list = document.querySelector('[data-testid=timeline]');
          const settle = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          window.__lines = new Set();
          const rows = () => list.querySelectorAll('[data-testid=event]');
          const note = () => rows().forEach((row) => window.__lines.add(+row.dataset.key));
          list.scrollTop = 0;
          for (let turn = 0; turn < 500; turn += 1) {
            await settle(); note();
            if (list.scrollTop + list.clientHeight >= list.scrollHeight - 2) break;
            list.scrollTop += list.clientHeight * 0.6;
          }
        }"""
    )
    lines: list[int] = terminal.page.evaluate("() => [...window.__lines].sort((a, b) => a - b)")
    return lines


def test_a_bot_runs_its_time_and_its_page_has_no_holes(terminal: Terminal, house: Installation) -> None:
    name = f"Five minutes {terminal.page.evaluate('() => document.documentElement.lang')}"
    terminal.page.get_by_role("link", name=re.compile("^(Bots|Боты)$")).click()
    expect(terminal.page.get_by_role("heading", level=1)).to_contain_text(re.compile("^(Bots|Боты)$"))
    make(terminal, name, minutes="5", at_end="close")
    terminal.part("wizard-start").click()
    run = run_id(terminal)
    state(terminal, "finished")
    expect(terminal.part("run-reason")).to_contain_text(re.compile("Its time is over|Время вышло"))
    expect(terminal.part("run-position")).to_contain_text(re.compile("^(none|нет)$"))

    events = told(house, run)
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(1, len(numbers) + 1))
    bars = [event for event in events if event["kind"] == "bar"]
    assert len(bars) >= 4
    assert [event for event in events if event["kind"] == "fill"]
    wait_for(lambda: shown(terminal) == numbers or None, "the page shows every event")

    # Opened again there is nothing else, and each closed bar says why and why not.
    terminal.page.reload()
    state(terminal, "finished")
    expect(terminal.part("event").first).to_be_visible()
    wait_for(lambda: shown(terminal) == numbers or None, "the page that was opened again shows every event")
    terminal.part("kinds-bars").click()
    terminal.page.wait_for_url(re.compile("kinds=bars"))
    first = terminal.page.locator("[data-testid=event] [data-kind=bar]").first
    expect(first).to_be_visible()
    wait_for(lambda: shown(terminal) == [event["seq"] for event in bars] or None, "the filter leaves bars alone")
    opened = terminal.page.locator("[data-testid=event]", has=terminal.part("event-open")).first
    opened.get_by_test_id("event-open").click()
    expect(opened.get_by_test_id("why-open")).to_contain_text(re.compile("close > open|position.bars"))

    terminal.part("run-tab-trace").click()
    expect(terminal.part("chain").first).to_be_visible()
    terminal.part("run-tab-trades").click()
    expect(terminal.part("run-trade").first).to_be_visible()
    terminal.part("run-tab-stats").click()
    expect(terminal.part("run-stats")).to_be_visible()
    assert terminal.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")

    terminal.part("run-again").click()
    expect(terminal.part("wizard-start")).to_be_enabled()


def test_a_bot_is_paused_goes_on_and_is_stopped_and_closed(terminal: Terminal, house: Installation) -> None:
    name = f"<b>Long</b> {terminal.page.evaluate('() => document.documentElement.lang')}"
    make(terminal, name, minutes="600", at_end="keep")
    terminal.part("wizard-start").click()
    run = run_id(terminal)
    state(terminal, "running")
    expect(terminal.part("time-left")).to_contain_text(re.compile(r"\d:\d\d"))
    expect(terminal.part("bots-bar")).to_have_attribute("data-running", "1")
    expect(terminal.page.locator("[data-testid=event] [data-kind=fill]").first).to_be_visible()

    terminal.part("run-pause").click()
    state(terminal, "paused")
    terminal.part("run-resume").click()
    state(terminal, "running")

    # The page is closed while the run goes on; opened again it has every event of the time between.
    address = terminal.page.url
    terminal.page.goto("about:blank")
    seen = told(house, run)[-1]["seq"]
    wait_for(lambda: told(house, run)[-1]["seq"] > seen + 6 or None, "the run went on without the page")
    terminal.page.goto(address)
    state(terminal, "running")

    terminal.part("kill-open").click()
    expect(terminal.part("kill-bots")).to_have_attribute("data-count", "1")
    terminal.page.keyboard.press("Escape")

    terminal.part("run-stop").click()
    expect(terminal.part("stop-exists")).to_be_visible()
    terminal.part("stop-close").check()
    terminal.part("stop-confirm").click()
    state(terminal, "stopped")
    expect(terminal.part("run-position")).to_contain_text(re.compile("^(none|нет)$"))
    events = told(house, run)
    numbers = [event["seq"] for event in events]
    assert numbers == list(range(1, len(numbers) + 1))
    # At its upper end older events load by themselves.
    wait_for(lambda: shown(terminal) == numbers or None, "the page shows every event, also those while it was closed")

    terminal.page.goto(f"{terminal.base}/bots")
    row = terminal.page.locator(f"[data-testid=bot-row][data-name='{name}']")
    expect(row.get_by_test_id("run-state")).to_have_attribute("data-state", "stopped")
    row.get_by_test_id("bot-menu").click()
    terminal.part("bot-remove").click()
    expect(terminal.part("remove-confirm")).to_be_disabled()
    terminal.part("remove-typed").fill(name)
    terminal.part("remove-confirm").click()
    expect(row).to_have_count(0)


def test_a_strategy_is_kept_changed_and_compared_in_words(terminal: Terminal) -> None:
    name = f"Kept {terminal.page.evaluate('() => document.documentElement.lang')}"
    terminal.page.goto(f"{terminal.base}/strategies")
    terminal.part("strategy-text").fill(SPEC.replace("pct: stop_pct", "pct: stop"))
    expect(terminal.part("spec-fault").first).to_contain_text(re.compile("11|12|13"))
    terminal.part("strategy-text").fill(SPEC)
    terminal.part("strategy-name").fill(name)
    terminal.part("strategy-save").click()
    expect(terminal.part("spec-text")).to_contain_text("Every other bar")
    terminal.part("strategy-edit").click()
    terminal.part("strategy-text").fill(SPEC.replace("equity_pct: 20", "equity_pct: 10"))
    terminal.part("strategy-message").fill("smaller")
    terminal.part("strategy-save-version").click()
    expect(terminal.part("strategy-change").first).to_contain_text("10")
    expect(terminal.part("strategy-version")).to_have_count(2)
    terminal.part("strategy-use").click()
    expect(terminal.part("wizard-version")).to_have_value("2")
