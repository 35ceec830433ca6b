"""Every statement over rows that belong to a workspace names the workspace, or is listed here with its reason.

Lives here: two rules over the syntax tree of each file. Statements: SQLAlchemy's `select`, `insert`, `update`, `delete`
with the tables that they mention, and SQL as text. Routes: one that takes an id from its path uses who asks. Usage:
`python scripts/workspace_lint.py [ROOT]`; exit 1 when something is found, or a reason is listed that nothing needs.
Not here: whether the workspace that is named is the caller's; the tests with two tenants show that.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

STATEMENTS = frozenset({"select", "insert", "update", "delete", "exists"})
_IN_TEXT = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:ONLY\s+)?\"?([a-z_]+)\"?", re.I)
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH)\b")
OWNED = "workspace_id"
# A table of people: its column says what a session is about, not whose it is.
NOT_OWNED = frozenset({"sessions"})
# In these rooms a statement may name its account instead. The worker acts for accounts that it owns; a person's request
# has asked `require_account` for the account in its workspace, in the same transaction, before it gets there.
OF_ACCOUNTS = ("trading/", "placement/", "connections/", "app/")
_INSTALLATION = "of the whole installation, and only the installation's own processes or its operator ask"
_BY_KEY = "by the key of a row that was found by its account a moment before, in the same transaction"
REASONS: Mapping[str, str] = {
    "app/acceptance.py": "a command on the machine itself, which is above workspaces",
    "app/crash.py": _INSTALLATION,
    "audit/links.py::_LINKS": "verifying walks every chain of the installation, and only its own processes do",
    "backtests/queue.py": "the queue's own processes, which run everybody's; people ask in `queries` and `commands`",
    "bots/admission.py::Sweeper": _INSTALLATION,
    "bots/retention.py": _INSTALLATION,
    "connections/boxes.py::has_boxes": _INSTALLATION,
    "connections/change_store.py::waiting_changes": _INSTALLATION,
    "connections/changes.py::ask_change": "an id is used once over all workspaces, and nothing but that is asked",
    "connections/rewrapping.py": "a keyring is the installation's, and so is its rotation",
    "connections/store.py::waiting_for_check": _INSTALLATION,
    "identity/api_tokens.py::make_token": "how many a user has, and has no more, counts over all workspaces",
    "identity/members.py::ensure_a_workspace": "whether a person is in any workspace at all",
    "identity/users.py::all_users": "how many workspaces each is in, for the installation's operator, and no more",
    "trading/account_notes.py": _BY_KEY,
    "trading/change_commands.py::_must_be_free": _BY_KEY,
    "trading/drifts.py": _BY_KEY,
    "trading/environments.py": _INSTALLATION,
    "trading/guardian/store.py::keep_guarded": _BY_KEY,
    "trading/kill/store.py::KillStore": "of any scope, the installation's among them; `web.kill` asks who may",
    "trading/provision.py::follow_sim_market": _INSTALLATION,
    "trading/provision.py::reroute_account": _BY_KEY,
    "trading/provision.py::wake_account": _BY_KEY,
    "trading/risk/store.py": "by level and subject, of which the workspace is one; the caller has been asked for it",
}
ROUTES = "web/routes_"
_OF_ACCOUNT = re.compile(r"account_id\b|\baccount\b|accounts?\.id|:account")


@dataclass(frozen=True, slots=True)
class Finding:
    path: Path
    line: int
    function: str
    tables: tuple[str, ...]  # none: a route
    names_account: bool = False

    def __str__(self) -> str:
        what = f"asks {', '.join(self.tables)} and names no workspace" if self.tables else "never uses who asks"
        return f"{self.path}:{self.line}: workspace: {self.function} {what}"

    @property
    def reason(self) -> str | None:
        """The key in `REASONS` that lets it through, or the rule about accounts."""
        if self.names_account and self.path.as_posix().startswith(OF_ACCOUNTS):
            return "account"
        places = (self.path.as_posix(), *(f"{self.path.as_posix()}::{part}" for part in _heads(self.function)))
        return next((place for place in places if place in REASONS), None)


def _heads(function: str) -> Iterator[str]:
    parts = function.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


def owned_tables(root: Path) -> dict[str, str]:
    """SQL name → the name of the variable, of every table with a column `workspace_id`."""
    found = {}
    for path in sorted(root.rglob("tables.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Assign(targets=[ast.Name(id=variable)], value=ast.Call(func=ast.Name(id="Table")) as call):
                    match call.args:
                        case [ast.Constant(value=str(name)), *columns]:
                            if name not in NOT_OWNED and any(_is_owner(column) for column in columns):
                                found[name] = variable
                        case _:
                            pass
                case _:
                    pass
    return found


def _is_owner(column: ast.expr) -> bool:
    match column:
        case ast.Call(func=ast.Name(id="Column"), args=[ast.Constant(value="workspace_id"), *_]):
            return True
        case _:
            return False


def lint_source(source: str, path: Path, tables: Mapping[str, str]) -> Iterator[Finding]:
    tree = ast.parse(source)
    variables = {variable: name for name, variable in tables.items()}
    for function, node in _statements(tree):
        text = _text_of(node)
        if text is not None:
            mentioned = {name.lower() for name in _IN_TEXT.findall(text)} & set(tables)
            names_it, names_account = OWNED in text, _OF_ACCOUNT.search(text) is not None
        else:
            names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            names |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
            mentioned = {variables[name] for name in names & set(variables)}
            keywords = {part.arg for part in ast.walk(node) if isinstance(part, ast.keyword)}
            strings = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            names_it = OWNED in names | keywords | strings
            names_account = "account_id" in names | keywords or bool(names & {"account", "_account"})
        if mentioned and not names_it:
            yield Finding(path, node.lineno, function, tuple(sorted(mentioned)), names_account)


def _statements(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The whole of each statement, outermost chain first, with the function or name that it stands in."""
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    seen: set[ast.AST] = set()
    for node in ast.walk(tree):
        if _starts_one(node):
            top = _outermost(node, parents)
            if top not in seen and not any(part in seen for part in _above(top, parents)):
                seen.add(top)
                yield _place_of(top, parents), top
        elif _is_sql(node) and not isinstance(parents.get(node), ast.JoinedStr):
            yield _place_of(node, parents), node


def _starts_one(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STATEMENTS


def _is_sql(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr) and bool(_SQL.search(_text_of(node) or ""))


def _text_of(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                each.value if isinstance(each, ast.Constant) else f"{{{ast.unparse(each)}}}" for each in values
            )
        case _:
            return None


def _outermost(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.expr:
    """Up the chain of methods, and out of subqueries: the statement that the node is a part of."""
    top = node
    while isinstance(
        parent := parents.get(top),
        ast.Attribute
        | ast.Call
        | ast.keyword
        | ast.Compare
        | ast.BinOp
        | ast.BoolOp
        | ast.UnaryOp
        | ast.Tuple
        | ast.List
        | ast.Starred,
    ):
        if isinstance(parent, ast.Call) and ast.unparse(parent.func).endswith(
            (".execute", ".scalar", ".scalars", ".stream")
        ):
            break
        top = parent
    assert isinstance(top, ast.expr)
    return top


def _above(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while (node := parents.get(node)) is not None:  # type: ignore[assignment]
        yield node


def _place_of(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> str:
    names = [
        part.name
        for part in _above(node, parents)
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    if names:
        return ".".join(reversed(names))
    for part in _above(node, parents):
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            return part.targets[0].id
    return "module"


def lint_routes(source: str, path: Path) -> Iterator[Finding]:
    """A route that takes an id from its path, and neither takes nor uses who asks."""
    for node in ast.parse(source).body:
        if not isinstance(node, ast.AsyncFunctionDef):
            continue
        ids = [
            each.arg
            for each in node.args.args
            if each.arg.endswith("_id") and isinstance(each.annotation, ast.Name) and each.annotation.id == "UUID"
        ]
        used = {part.id for statement in node.body for part in ast.walk(statement) if isinstance(part, ast.Name)}
        if ids and not used & {"caller", "puller", "principal"}:
            yield Finding(path, node.lineno, node.name, ())


def lint_tree(root: Path) -> list[Finding]:
    """Everything, what is let through among it."""
    tables = owned_tables(root)
    found: list[Finding] = []
    for path in sorted(root.rglob("*.py")):
        relative = path.relative_to(root)
        if "migrations" in relative.parts or relative.parts[0] == "simulator":
            continue
        source = path.read_text()
        found += lint_source(source, relative, tables)
        if relative.as_posix().startswith(ROUTES):
            found += lint_routes(source, relative)
    return found


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).parent.parent / "src/tradewright"
    found = lint_tree(root)
    wrong = [finding for finding in found if finding.reason is None]
    idle = set(REASONS) - {finding.reason for finding in found}
    for finding in wrong:
        print(finding)
    for place in sorted(idle):
        print(f"{place}: workspace: a reason that nothing needs")
    print(f"workspace lint: {len(wrong) + len(idle)} found" if wrong or idle else "workspace lint: clean")
    return 1 if wrong or idle else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
