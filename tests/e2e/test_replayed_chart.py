"""The chart of a replayed recording shows the file's own rows, those of history and those that were played alike."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from e2e.conftest import Terminal
from support.installation import Installation, installed, wait_for

SAMPLE = Path(__file__).parents[1] / "data/btcusdt-linear-1m-sample.csv.gz"
HISTORY = 1_500
PLAYED = 3
Row = tuple[Decimal, ...]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with installed("--market", f"replay:{SAMPLE}@linear:BTCUSDT", "--speed", "60") as running:
        yield running


def rows_of_file() -> dict[int, Row]:
    with gzip.open(SAMPLE, "rt") as file:
        return {
            int(row["open_time_ms"]): tuple(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume"))
            for row in csv.DictReader(file)
        }


def rows_of_table(desk: Terminal) -> dict[int, Row]:
    """The closed bars of the chart's data table, by their opening."""
    found: dict[int, Row] = {}
    for row in desk.part("bar-row").all():
        time_text, *numbers = row.locator("th, td").all_inner_texts()
        if "forming" in time_text:
            continue
        moment = datetime.strptime(re.sub(r"\s+", " ", time_text).strip()[:16], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        found[int(moment.timestamp() * 1000)] = tuple(Decimal(re.sub(r"[^\d.]", "", text)) for text in numbers)
    return found


def test_the_chart_shows_the_file_row_for_row(terminal: Terminal, installation: Installation) -> None:
    terminal.claim(installation.greeted_link())
    expect(terminal.page.get_by_text("Replay btcusdt-linear-1m-sample").first).to_be_visible()
    expect(terminal.part("market-time")).to_be_visible()
    expected = rows_of_file()
    begins = sorted(expected)[HISTORY]

    def shown() -> dict[int, Row] | None:
        terminal.part("chart-data-table").click()
        expect(terminal.part("bar-row").first).to_be_visible()
        rows = rows_of_table(terminal)
        terminal.page.keyboard.press("Escape")
        return rows if sum(opened >= begins for opened in rows) >= PLAYED else None

    rows = wait_for(shown, f"{PLAYED} played rows are on the chart")
    assert len(rows) > 40
    assert any(opened < begins for opened in rows), "history is on the chart too"
    assert rows == {opened: expected[opened] for opened in rows}
