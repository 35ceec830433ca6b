"""Whatever the server can say in codes, the page says in words, in both languages.

Lives here: the collection of the codes from the source, and which catalogue each of them is looked up in.
Not here: the codes of the rules that page and server share (`frontend/src/i18n/codes.test.ts`), the completeness of one
language beside the other (the page's build).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from tradewright.exchange.ports import LinkFault

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src/tradewright"
CATALOGUES = ROOT / "frontend/src/i18n"
LANGUAGES = ("en", "ru")
CODE = re.compile(r"[a-z]+\.[a-z_]+")
PLACEHOLDER = re.compile(r"{{\s*(\w+)")
# The simulated exchange speaks as an exchange does; the command line and the acceptance report are no page.
ELSEWHERE = ("simulator/", "acceptance/", "cli/")
# Where each of our values ends on the page. A reason is a chip's few words and a whole sentence.
CATALOGUES_OF = {
    "Problem": ("problems",),
    "Fault": ("faults",),
    "Reason": ("problems", "reasons"),
    "problem_answer": ("problems",),
    "error_message": ("problems",),
    "_fault": ("problems",),
    "StreamFailed": ("faults",),
    "LinkEnd": ("faults",),
}
# Codes of errors that end before they reach a page, each with the place where it does.
NEVER_ON_A_PAGE = {
    "start.failed",  # on the terminal that started the program
    "bus.closed",  # inside one process
    "session.dispossessed",  # the process ends at once, and says so in its log
    "link.proxy",  # becomes the cause of a fault; checked with the faults of links
}
# Tables from an exchange's answers to our codes: module, table, catalogues.
TABLES = (
    ("connections/verdicts.py", "_REFUSALS", ("faults",)),
    ("trading/submission.py", "_KNOWN", ("problems", "reasons")),
    ("web/errors.py", "_KINDS", ("problems",)),
)


class Said(NamedTuple):
    """One code at one place. `params` are what it brings along, where the source writes them out."""

    code: str
    catalogues: tuple[str, ...]
    where: str
    params: frozenset[str] | None


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if not name.startswith(ELSEWHERE):
            yield name, ast.parse(path.read_text())


@cache
def everything_said() -> tuple[Said, ...]:
    return tuple(collected())


def collected() -> Iterator[Said]:
    for name, tree in modules():
        for node in ast.walk(tree):
            where = f"{name}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Call) and called(node) in CATALOGUES_OF:
                for argument in [*node.args, *(each.value for each in node.keywords)]:
                    for code in codes_of(argument):
                        yield Said(code, CATALOGUES_OF[called(node)], where, params_of(node))
                    if code_of(argument):
                        break
            elif isinstance(node, ast.ClassDef) and (own := code_of_class(node)) and own not in NEVER_ON_A_PAGE:
                yield Said(own, ("problems",), where, None)
        for module, table, catalogues in TABLES:
            if module == name:
                yield from (Said(code, catalogues, f"{name} {table}", None) for code in codes_in_table(tree, table))
    yield from (Said(code, ("faults",), "exchange/ports.py LinkFault", None) for code in get_args(LinkFault))
    # Made of an error's code, or in SQL: no call names them.
    yield Said("connection.address_blocked", ("faults",), "connections/model.py", None)
    yield Said("connection.already_owned", ("faults",), "app/key_checks.py", None)
    yield Said("connection.other_account", ("faults",), "connections/change_store.py", None)
    yield Said("connection.account_held", ("faults",), "trading/provision.py", None)
    yield Said("vault.unopenable", ("faults",), "app/ways.py", None)
    yield Said("session.no_worker", ("faults",), "trading/ownership.py", None)


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def code_of(node: ast.expr) -> str | None:
    is_code = isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    return str(node.value) if is_code and isinstance(node, ast.Constant) else None


def codes_of(node: ast.expr) -> list[str]:
    either = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return [code for each in either if (code := code_of(each))]


def code_of_class(node: ast.ClassDef) -> str | None:
    """`code = "…"` in the body of an error's class."""
    if not any(isinstance(base, ast.Name) for base in node.bases):
        return None
    for line in node.body:
        is_code = (
            isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id == "code"
        )
        if isinstance(line, ast.Assign) and is_code and isinstance(line.value, ast.Constant):
            return str(line.value.value)
    return None


def params_of(call: ast.Call) -> frozenset[str] | None:
    """Names of the params of a `Problem(code, field, {…})` that writes them out; empty without any."""
    if called(call) != "Problem":
        return None
    if len(call.args) == 2 and not call.keywords:
        return frozenset()
    if len(call.args) == 3 and isinstance(call.args[2], ast.Dict) and None not in call.args[2].keys:
        return frozenset(str(key.value) for key in call.args[2].keys if isinstance(key, ast.Constant))
    return None


def codes_in_table(tree: ast.Module, table: str) -> list[str]:
    for node in ast.walk(tree):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        named = [each.id for each in targets if isinstance(each, ast.Name)]
        if table in named and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return [code for each in ast.walk(node.value) if isinstance(each, ast.expr) and (code := code_of(each))]
    raise AssertionError(f"there is no table {table}: change TABLES above")


def words(language: str, catalogue: str) -> dict[str, str]:
    flat: dict[str, str] = {}

    def walk(tree: dict[str, object], prefix: str) -> None:
        for key, value in tree.items():
            if isinstance(value, dict):
                walk(value, f"{prefix}{key}.")
            else:
                flat[f"{prefix}{key}"] = str(value)

    walk(json.loads((CATALOGUES / language / f"{catalogue}.json").read_text()), "")
    return flat


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_words_for_every_code_of_the_server(language: str) -> None:
    said = everything_said()
    assert len({each.code for each in said}) > 120  # the collection found them at all
    known = {catalogue: words(language, catalogue) for catalogue in ("problems", "faults", "reasons")}
    missing = {
        f"{catalogue}.{each.code} ({each.where})"
        for each in said
        for catalogue in each.catalogues
        if not known[catalogue].get(each.code, "").strip()
    }
    assert sorted(missing) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_names_a_number_that_its_problem_does_not_bring(language: str) -> None:
    known = words(language, "problems")
    wrong = {
        f"{each.code} ({each.where}): {{{{{name}}}}}"
        for each in everything_said()
        if each.params is not None
        for name in set(PLACEHOLDER.findall(known.get(each.code, ""))) - each.params
    }
    assert sorted(wrong) == []
