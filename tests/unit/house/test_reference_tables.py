"""The reference of the documentation says what the code does."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("reference_tables")


def test_the_reference_is_what_the_code_says(tables: ModuleType) -> None:
    assert tables.differing() == [], "run scripts/reference_tables.py"


def test_an_edited_page_is_noticed(tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, write in tables.PAGES.items():
        (tmp_path / name).write_text(write().replace("`unknown`", "`failed`", 1))
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    assert "errors.md" in tables.differing()


def test_final_states_of_an_order_have_no_move_and_live_ones_reach_every_end(tables: ModuleType) -> None:
    order_moves = importlib.import_module("reference.states").order_moves
    for state in ("filled", "cancelled", "rejected", "expired"):
        assert order_moves(state) == []
    assert {"filled", "cancelled", "expired", "rejected"} <= set(order_moves("working"))
