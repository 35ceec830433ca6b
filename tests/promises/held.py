"""Whether the table of promises is true of the tree: its tests are there and run, its campaigns are targets.

Lives here: reading test files (by their syntax, without importing them) and the Makefile. Not here: the rows.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

from promises.campaigns import CAMPAIGNS
from promises.model import Owed, Promise, order

_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_NEVER_RUNS = ("mark.skip", "mark.xfail")  # `mark.skipif` says where it does run


def problems(promises: Iterable[Promise], owed: Iterable[Owed], root: Path) -> list[str]:
    """All that is wrong with the rows, in plain sentences."""
    found = []
    promises, owed = list(promises), list(owed)
    ids = [promise.id for promise in promises]
    found += [f"{twice} is promised twice" for twice in sorted({one for one in ids if ids.count(one) > 1})]
    for each in [*ids, *(one.id for one in owed)]:
        try:
            order(each)
        except ValueError as error:
            found.append(str(error))
    named = set(re.findall(_TARGET, (root / "Makefile").read_text()))
    found += [f"{name} is no target of the Makefile" for name in CAMPAIGNS if name not in named]
    tree = Tree(root)
    for promise in promises:
        found += [f"{promise.id}: {problem}" for problem in _problems_of(promise, tree)]
    found += [f"{one.id} is owed and nobody says {word}" for one in owed for word in _unsaid(one)]
    return found


def _unsaid(owed: Owed) -> list[str]:
    return [word for word, text in (("what", owed.what), ("why", owed.why)) if not text.strip()]


def _problems_of(promise: Promise, tree: Tree) -> Iterator[str]:
    if not promise.says.strip() or promise.says.rstrip().endswith("."):
        yield "a promise is one sentence, without its full stop"
    if not promise.tests:
        yield "no test holds it: it is owed"
    if len(set(promise.tests)) < len(promise.tests):
        yield "it names a test twice"
    for test in promise.tests:
        wrong = tree.wrong_with(test)
        if wrong is not None:
            yield f"{test} {wrong}"
    for campaign in promise.campaigns:
        if campaign not in CAMPAIGNS:
            yield f"{campaign} is no campaign"


class Tree:
    """The files of tests below a folder, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tests: dict[Path, dict[str, bool]] = {}

    def wrong_with(self, test: str) -> str | None:
        """What is wrong with a name of a test; None where it is one that `make test` runs."""
        path, _, name = test.partition("::")
        file = self._root / path
        if not file.is_file():
            return "is no file"
        if path.startswith("frontend/"):
            if not path.endswith((".test.ts", ".test.tsx")):
                return "is no file of tests"
            return None if not name or f'("{name}"' in file.read_text() else "has no test of that title"
        if not path.startswith("tests/") or not file.name.startswith("test_") or file.suffix != ".py":
            return "is no file of tests"
        if file not in self._tests:
            self._tests[file] = tests_of(file.read_text())
        tests = self._tests[file]
        if not name:
            return None if any(tests.values()) else "has no test that runs"
        if name not in tests:
            return "has no test of that name"
        return None if tests[name] else "has that test and never runs it"


def tests_of(source: str) -> dict[str, bool]:
    """The tests of a file, and whether each is run; what is defined inside of something else is no test."""
    return {node.name: not _is_never_run(node) for node in ast.parse(source).body if _is_test(node)}


def _is_test(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def _is_never_run(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    marks = [ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list]
    return any(mark.endswith(_NEVER_RUNS) for mark in marks)
