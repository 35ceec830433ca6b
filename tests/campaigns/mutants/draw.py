"""Draws mutants with cosmic-ray: `python draw.py SEED N FILE…` prints one JSON line for each. Runs in its environment.

A file is drawn first, by its length, then a family of the tool's operators and one of it that finds a place there, then
the place. No two are the same. Nothing is chosen: the seed decides. Not drawn is only what changes nothing that runs:
imports, annotations, decorators, docstrings, calls of the log, what stands for type checkers.
"""

from __future__ import annotations

import ast
import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cosmic_ray.ast
import cosmic_ray.mutating
import cosmic_ray.plugins

_TRIES_MAX = 2_000
_NEED_A_NAME = ("core/VariableReplacer", "core/VariableInserter")  # both want to be told which variable


def mutants(chance: random.Random, files: Sequence[Path]) -> Iterator[dict[str, object]]:
    families: dict[str, list[str]] = {}
    for name in sorted(set(cosmic_ray.plugins.operator_names()) - set(_NEED_A_NAME)):
        families.setdefault(name.split("_")[0], []).append(name)
    lengths = [len(file.read_text().splitlines()) for file in files]
    seen: set[tuple[str, str]] = set()
    for _ in range(_TRIES_MAX):
        file = chance.choices(files, lengths)[0]
        name = chance.choice(families[chance.choice(sorted(families))])
        code = file.read_text()
        operator = cosmic_ray.plugins.get_operator(name)()
        nodes = cosmic_ray.ast.ast_nodes(cosmic_ray.ast.get_ast(code))
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        if not places:
            continue
        occurrence = chance.randrange(len(places))
        mutated = cosmic_ray.mutating.mutate_code(code, operator, occurrence)
        if mutated is None or not _compiles(mutated):
            continue
        runs = what_runs(mutated)
        if (str(file), runs) in seen or runs == what_runs(code):
            continue
        seen.add((str(file), runs))
        before, after = _changed(code, mutated)
        line = places[occurrence][0][0]
        place = {"file": str(file), "line": line, "function": _function(code, line), "operator": name}
        yield place | {"before": before, "after": after, "code": mutated}


def what_runs(code: str) -> str:
    """The program without what changes nothing that runs: two codes with the same are no two programs."""
    return ast.dump(_WithoutTheIdle().visit(ast.parse(code)))


class _WithoutTheIdle(ast.NodeTransformer):
    """Takes out imports, annotations, decorators, docstrings, calls of the log, and what only type checkers read."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        names = {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)}
        return None if "TYPE_CHECKING" in names else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):
            return None
        return None if isinstance(node.value, ast.Call) and _is_log(node.value.func) else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns, node.decorator_list = None, []
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns, node.decorator_list = None, []
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = []
        return self.generic_visit(node)


def _is_log(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id in ("log", "_log")
    )


def _function(code: str, line: int) -> str:
    """The name of the innermost function or class around the line; "" outside of any."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    around = [node for node in ast.walk(ast.parse(code)) if isinstance(node, kinds)]
    around = [node for node in around if node.lineno <= line <= (node.end_lineno or 0)]
    return max(around, key=lambda node: node.lineno).name if around else ""


def _changed(code: str, mutated: str) -> tuple[str, str]:
    """The first line that differs, as it was and as it is."""
    for old, new in zip(code.splitlines(), mutated.splitlines(), strict=False):
        if old != new:
            return old.strip(), new.strip()
    return "", ""


def _compiles(code: str) -> bool:
    try:
        compile(code, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def main(seed: str, count: str, *files: str) -> None:
    drawn = mutants(random.Random(int(seed)), [Path(file) for file in files])
    for _ in range(int(count)):
        print(json.dumps(next(drawn)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
