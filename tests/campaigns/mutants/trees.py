"""Copies of one commit, in which mutants and probes are put; the working tree stays out of it.

Lives here: `Trees`, which exports the commit once and gives out copies of it, and `probed`, which makes a function tell
that it was reached. Not here: what is asked of a copy (`stages`).
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

TRADING = Path("src/tradewright/trading")
NOT_MUTATED = ("tables.py", "__init__.py")
_PROBE = Path("src/tradewright/reached_probe.py")
_PROBE_CODE = '''"""Tells which functions were reached in which test; one line for each."""
import os

told = os.open(os.environ["MUTANTS_REACHED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
current = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" (")[0]
seen = set()


def begin(test):
    global current
    current = test
    seen.clear()


def hit(function):
    if function not in seen:
        seen.add(function)
        os.write(told, f"{function}\\t{current}\\n".encode())
'''


class Trees:
    """`folder` is what is left behind by nobody: the caller's temporary folder. `commit` is what is tested."""

    def __init__(self, root: Path, folder: Path, commit: str) -> None:
        self.commit = _git(root, "rev-parse", commit)
        listed = [line.split(None, 3)[2:] for line in _git(root, "ls-tree", "-r", self.commit).splitlines()]
        self._blobs = {path: blob for blob, path in listed}
        parts = [(path, blob) for path, blob in self._blobs.items() if _is_run_by_tests(path)]
        self.program = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]  # of everything but the tests themselves
        self._folder = folder
        self.base = folder / "base"
        self.base.mkdir()
        packed = subprocess.run(["git", "archive", self.commit], cwd=root, check=True, capture_output=True).stdout
        subprocess.run(["tar", "x", "-C", str(self.base)], input=packed, check=True)
        compiled = [sys.executable, "-m", "compileall", "-q", "src", "tests/sim", "tests/support"]
        subprocess.run(compiled, cwd=self.base, check=True)  # once, and not in every copy

    def blob(self, file: str) -> str:
        """What git calls the file's content; "" of what is no file."""
        return self._blobs.get(file, "")

    def files(self) -> list[str]:
        """What may be mutated, in a fixed order."""
        found = (self.base / TRADING).rglob("*.py")
        return sorted(str(file.relative_to(self.base)) for file in found if file.name not in NOT_MUTATED)

    @contextmanager
    def mutated(self, code: Mapping[str, str]) -> Iterator[Path]:
        """A copy in which these files read otherwise."""
        with TemporaryDirectory(prefix="copy-", dir=self._folder, ignore_cleanup_errors=True) as made:
            tree = Path(made) / "tree"
            shutil.copytree(self.base, tree, copy_function=os.link)
            for folder in (Path(made), tree):
                folder.chmod(0o755)  # as root, PostgreSQL runs as another user
            for name, text in code.items():
                (tree / name).unlink(missing_ok=True)  # a link: writing through it would change the base
                (tree / name).write_text(text)
            yield tree

    def probed(self) -> dict[str, str]:
        """Every file that may be mutated with a probe in each of its functions, and the probe itself."""
        code = {name: ast.unparse(_Probes(name).visit(self._parsed(name))) for name in self.files()}
        return code | {str(_PROBE): _PROBE_CODE}

    def function_at(self, file: str, line: int) -> str | None:
        """The innermost function whose body holds the line, as the probes call it; None for what an import runs."""
        around = [
            node
            for node in ast.walk(self._parsed(file))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body[0].lineno <= line <= (node.end_lineno or 0)
        ]
        return f"{file}:{max(around, key=lambda node: node.lineno).lineno}" if around else None

    def _parsed(self, name: str) -> ast.Module:
        return ast.parse((self.base / name).read_text())


class _Probes(ast.NodeTransformer):
    def __init__(self, file: str) -> None:
        self._file = file

    def visit_Module(self, node: ast.Module) -> ast.AST:
        future = [
            at for at, part in enumerate(node.body) if isinstance(part, ast.ImportFrom) and part.module == "__future__"
        ]
        node.body[max(future, default=-1) + 1 : max(future, default=-1) + 1] = ast.parse(
            "from tradewright import reached_probe as _reached_probe"
        ).body
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._with_probe(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._with_probe(node)

    def _with_probe(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        probe = ast.parse(f"_reached_probe.hit({f'{self._file}:{node.lineno}'!r})").body[0]
        self.generic_visit(node)
        node.body.insert(1 if ast.get_docstring(node) is not None else 0, probe)
        return node


def _is_run_by_tests(path: str) -> bool:
    if path.startswith("tests/"):
        return not (Path(path).name.startswith("test_") or path.startswith("tests/campaigns/mutants/"))
    return path.startswith("src/") or path == "pyproject.toml"


def _git(root: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=root, text=True).strip()
