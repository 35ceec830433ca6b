"""A statement that forgets its workspace is found however it is written, and the tree has none (promise J3)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
TABLES = {"connections": "connections", "backtests": "backtests", "orders": "orders", "accounts": "accounts"}


@pytest.fixture(scope="module")
def lint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("workspace_lint", ROOT / "scripts/workspace_lint.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["workspace_lint"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


FORGETS = [
    "def f(c):\n    return c.execute(select(connections).where(connections.c.id == 1))",
    "def f(c):\n    return c.execute(select(connections.c.name).order_by(connections.c.id).limit(1))",
    "def f(c):\n    return c.execute(update(connections).where(connections.c.id == i).values(name='x'))",
    "def f(c):\n    return c.execute(delete(connections).where(connections.c.id == i))",
    "def f(c):\n    return c.execute(insert(connections).values(id=i, name='x'))",
    "def f(c):\n    return c.scalar(select(exists().where(backtests.c.id == i)))",
    "def f(c):\n    query = select(orders).join(accounts, accounts.c.id == orders.c.account)\n    return query",
    "def f(c):\n    return c.execute(text('SELECT * FROM connections WHERE id = :id'))",
    "def f(c):\n    return c.execute(text('UPDATE connections SET name = :n WHERE id = :id'))",
    "def f(c):\n    return c.execute(text('DELETE FROM connections WHERE id = :id'))",
    "def f(c):\n    return c.execute(text('INSERT INTO connections (id) VALUES (:id)'))",
    "def f(c):\n    return c.execute(text('SELECT 1 FROM users JOIN connections ON true'))",
    "QUERY = f'SELECT {WHAT} FROM connections WHERE id = :id'",
    "class Store:\n    async def read(self, c):\n        await c.execute(text('''SELECT *\n FROM connections'''))",
]


@pytest.mark.parametrize("source", FORGETS)
def test_a_statement_that_forgets_its_workspace_is_found(lint: ModuleType, source: str) -> None:
    for path in ("web/connections.py", "backtests/queries.py", "identity/members.py"):
        found = list(lint.lint_source(source, Path(path), TABLES))
        assert [finding.reason for finding in found] == [None], (path, source)


@pytest.mark.parametrize(
    "source",
    [
        "def f(c):\n    return c.execute(select(connections).where(connections.c.workspace_id == w))",
        "def f(c):\n    return c.execute(insert(connections).values(id=i, workspace_id=w))",
        "def f(c):\n    return c.execute(text('SELECT * FROM connections WHERE workspace_id = :workspace'))",
        "def f(c):\n    return c.execute(select(users).where(users.c.id == i))",
        "def f(c):\n    return c.execute(text('SELECT * FROM workers'))",
    ],
)
def test_one_that_names_it_passes_and_so_does_what_no_workspace_owns(lint: ModuleType, source: str) -> None:
    assert list(lint.lint_source(source, Path("web/connections.py"), TABLES)) == []


def test_the_account_in_its_place_is_enough_for_who_acts_for_accounts_and_for_nobody_else(lint: ModuleType) -> None:
    source = "def f(c):\n    return c.execute(text('SELECT * FROM orders WHERE account_id = :account'))"
    for path, is_enough in (("trading/booking.py", True), ("web/exports.py", False), ("identity/members.py", False)):
        (found,) = lint.lint_source(source, Path(path), TABLES)
        assert (found.reason is not None) == is_enough


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("async def read(parts: Parts, _caller: Reader, thing_id: UUID): return await find(parts, thing_id)", True),
        ("async def read(parts: Parts, thing_id: UUID): return await find(parts, thing_id)", True),
        ("async def read(parts: Parts, caller: Reader, thing_id: UUID): return await find(caller, thing_id)", False),
        ("async def read(parts: Parts, _caller: Reader): return await every(parts)", False),
    ],
)
def test_a_route_that_takes_an_id_and_never_uses_who_asks_is_found(
    lint: ModuleType, source: str, is_found: bool
) -> None:
    assert bool(list(lint.lint_routes(source, Path("web/routes_x.py")))) == is_found


def test_the_tables_are_read_from_the_tree_and_the_tree_is_clean(
    lint: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = lint.owned_tables(ROOT / "src/tradewright")
    assert {"accounts", "orders", "connections", "backtests", "audit_entries", "api_tokens"} <= set(tables)
    assert lint.main([]) == 0, capsys.readouterr().out
