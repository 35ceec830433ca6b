"""How a page of the reference is put down: its note, its tables, its lists of words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by scripts/reference_tables.py from the code; a test holds it. Do not edit. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"
