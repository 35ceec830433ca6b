"""Draws mutants with cosmic-ray: `python draw.py SEED N FILE…` prints one JSON line for each. Runs in its environment.

A file is drawn first, by its length, then a family of the tool's operators and one of it that finds a place there, then
the place. No two are the same. Not drawn: what stands in an import, a signature, a decorator or a type's name, which
changes nothing that runs or stops the module from being imported.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cosmic_ray.ast
import cosmic_ray.mutating
import cosmic_ray.plugins

_TRIES_MAX = 2_000
_WITHOUT_MEANING = ("import ", "from ", "->", "def ", "class ", "@")
_NEED_A_NAME = ("core/VariableReplacer", "core/VariableInserter")  # both want to be told which variable


def mutants(chance: random.Random, files: Sequence[Path]) -> Iterator[dict[str, object]]:
    families: dict[str, list[str]] = {}
    for name in sorted(set(cosmic_ray.plugins.operator_names()) - set(_NEED_A_NAME)):
        families.setdefault(name.split("_")[0], []).append(name)
    lengths = [len(file.read_text().splitlines()) for file in files]
    seen: set[tuple[str, int, str]] = set()
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
        if mutated is None or mutated == code:
            continue
        before, after = _changed(code, mutated)
        line = places[occurrence][0][0]
        if (
            (str(file), line, after) in seen
            or any(mark in before for mark in _WITHOUT_MEANING)
            or not _compiles(mutated)
        ):
            continue
        seen.add((str(file), line, after))
        yield {"file": str(file), "line": line, "operator": name, "before": before, "after": after, "code": mutated}


def _changed(code: str, mutated: str) -> tuple[str, str]:
    """The first line that differs, as it was and as it is."""
    for old, new in zip(code.splitlines(), mutated.splitlines(), strict=False):
        if old != new:
            return old.strip(), new.strip()
    return "", ""


def _is_idle(line: str) -> bool:
    return not line or line.startswith(("#", '"')) or any(mark in line for mark in _WITHOUT_MEANING)


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
