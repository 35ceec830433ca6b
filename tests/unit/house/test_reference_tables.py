"""The reference of the documentation says what the code does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_tables", ROOT / "scripts/reference_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says(tables: ModuleType) -> None:
    assert tables.differing() == [], "run scripts/reference_tables.py"


def test_an_edited_page_is_noticed(tables: ModuleType, tmp_path: Path) -> None:
    for name, write in tables.PAGES.items():
        (tmp_path / name).write_text(write().replace("`unknown`", "`failed`", 1))
    tables.FOLDER = tmp_path
    assert "errors.md" in tables.differing()


def test_final_states_of_an_order_have_no_move_and_live_ones_reach_every_end(tables: ModuleType) -> None:
    for state in ("filled", "cancelled", "rejected", "expired"):
        assert tables.order_moves(state) == []
    assert {"filled", "cancelled", "expired", "rejected"} <= set(tables.order_moves("working"))
