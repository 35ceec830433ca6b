"""Our own lints for the costly mistakes: raw clock, raw chance, raw ids, floats where money is, swallowed cancels.

Lives here: the rules, over the syntax tree of each file. Usage: `python scripts/house_lints.py [ROOT]`; exit 1 when
something is found. An exception needs a comment on its line: `# lint: allow raw-clock: why`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOMS = ("core", "trading", "exchange", "bots")
RAW_CALLS = {
    "time.time": "raw-clock",
    "time.time_ns": "raw-clock",
    "time.monotonic": "raw-clock",
    "time.monotonic_ns": "raw-clock",
    "time.perf_counter": "raw-clock",
    "time.sleep": "raw-clock",
    "time.clock_gettime": "raw-clock",
    "asyncio.sleep": "raw-clock",
    "datetime.now": "raw-clock",
    "datetime.utcnow": "raw-clock",
    "datetime.today": "raw-clock",
    "date.today": "raw-clock",
    "os.urandom": "raw-chance",
}
# Until Python 3.12 it may swallow the cancel of its caller, who then waits for ever: `asyncio.timeout` does not.
SWALLOWS_CANCEL = {"asyncio.wait_for": "wait-for"}
EVERYWHERE = frozenset(SWALLOWS_CANCEL.values())
RAW_MODULES = {"random": "raw-chance", "secrets": "raw-chance"}
RAW_IDS = {"uuid1", "uuid3", "uuid4", "uuid5", "uuid6", "uuid7", "uuid8", "getnode"}
# A float may carry a span of time or a ratio, and its name must say so; nothing comes back from there to money.
FLOAT_NAMES = re.compile(r"(^|_)(s|ms|us|seconds|ratio|monotonic|jitter|backoff)(_(min|max|first|p\d+))?$", re.I)
_ALLOWED = re.compile(r"# lint: allow (?P<rule>[a-z-]+): \S+")


@dataclass(frozen=True, slots=True)
class Finding:
    path: Path
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def lint_source(source: str, path: Path) -> list[Finding]:
    """Every finding of one file, in the order of its lines."""
    lines = source.splitlines()
    found = []
    for line, rule, text in _findings(ast.parse(source)):
        comment = _ALLOWED.search(lines[line - 1])
        if comment is None or comment["rule"] != rule:
            found.append(Finding(path, line, rule, text))
    return sorted(found, key=lambda finding: finding.line)


def lint_tree(root: Path) -> list[Finding]:
    """Findings of all rooms below `root` (the package's folder); a room that is not built yet is passed over."""
    found: list[Finding] = []
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            found += lint_source(path.read_text(), path)
    for path in sorted(root.rglob("*.py")):
        found += [finding for finding in lint_source(path.read_text(), path) if finding.rule in EVERYWHERE]
    return sorted(set(found), key=lambda finding: (finding.path, finding.line))


def _findings(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if name.name in RAW_MODULES:
                        yield node.lineno, RAW_MODULES[name.name], f"import {name.name}: take the Rng port instead"
            case ast.ImportFrom(module=module, names=names):
                yield from _import_findings(node.lineno, module or "", [name.name for name in names])
            case ast.Call(func=function):
                yield from _call_findings(node, ast.unparse(function))
            case ast.arg(arg=name, annotation=annotation) if annotation is not None:
                yield from _float_findings(node.lineno, name, annotation)
            case ast.AnnAssign(target=target, annotation=annotation):
                yield from _float_findings(node.lineno, ast.unparse(target), annotation)
            case ast.Assign(targets=[target], value=ast.Constant(value=float())):
                name = ast.unparse(target)
                if not FLOAT_NAMES.search(name):
                    yield node.lineno, "float-money", f"{name} is a float; money is Decimal, a time or ratio says so"
            case _:
                pass


def _import_findings(line: int, module: str, names: list[str]) -> Iterator[tuple[int, str, str]]:
    if module in RAW_MODULES:
        yield line, RAW_MODULES[module], f"from {module} import …: take the Rng port instead"
    for name in names:
        if module == "uuid" and name in RAW_IDS:
            yield line, "raw-id", f"from uuid import {name}: take the Ids port instead"
        if f"{module}.{name}" in SWALLOWS_CANCEL:
            yield line, SWALLOWS_CANCEL[f"{module}.{name}"], f"from {module} import {name}: use asyncio.timeout"
        if f"{module}.{name}" in RAW_CALLS:
            yield line, RAW_CALLS[f"{module}.{name}"], f"from {module} import {name}: take the Clock port instead"


def _call_findings(node: ast.Call, function: str) -> Iterator[tuple[int, str, str]]:
    last_two = ".".join(function.split(".")[-2:])
    if last_two in SWALLOWS_CANCEL:
        yield node.lineno, SWALLOWS_CANCEL[last_two], f"{function}(): use asyncio.timeout"
    if last_two in RAW_CALLS:
        yield node.lineno, RAW_CALLS[last_two], f"{function}(): take it through the port"
    if function.split(".")[0] == "uuid" and function.split(".")[-1] in RAW_IDS:
        yield node.lineno, "raw-id", f"{function}(): take the Ids port instead"
    if function == "float":
        yield node.lineno, "float-money", "float(): money and quantities stay Decimal"


def _float_findings(line: int, name: str, annotation: ast.expr) -> Iterator[tuple[int, str, str]]:
    names = {part.id for part in ast.walk(annotation) if isinstance(part, ast.Name)}
    if "float" in names and not FLOAT_NAMES.search(name):
        yield line, "float-money", f"{name}: float; money is Decimal, a time or ratio says so in its name"


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).parent.parent / "src/tradewright"
    found = lint_tree(root)
    for finding in found:
        print(finding)
    print(f"house lints: {len(found)} found" if found else "house lints: clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
