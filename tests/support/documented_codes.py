"""Bybit's codes with the action that its documentation leaves for each, as REFERENCE.md, section 10, sums it up.

Lives here: reading that section where it is present, and the committed result. Not here: what we do (`errors`).
"""

from __future__ import annotations

import re
from pathlib import Path

from support.documented_shapes import documentation

COMMITTED = Path(__file__).parents[1] / "data/bybit_codes.txt"
_ROW = re.compile(r"\|\s*[*\u2212-]*\d")


def committed() -> dict[int, str]:
    """Code → action, such as `F`, `Q / R`, `D for cancel`."""
    lines = (line.split(" ", 1) for line in COMMITTED.read_text().splitlines() if line and not line.startswith("#"))
    return {int(code): action for code, action in lines}


def documented() -> dict[int, str] | None:
    """The same from the documentation itself; None where it is not present."""
    folder = documentation()
    path = None if folder is None else folder / "REFERENCE.md"
    return None if path is None or not path.exists() else read(path.read_text())


def read(reference: str) -> dict[int, str]:
    """Raises `ValueError` for a row that it does not understand, rather than leave codes out."""
    section = reference[reference.index("## 10. Errors") : reference.index("## 11.")]
    found: dict[int, str] = {}
    for line in section.splitlines():
        if _ROW.match(line):
            codes, _meaning, action = (cell.strip() for cell in line.strip("|").split("|"))
            found |= {code: action.replace("\u2013", "-") for code in _codes(codes) if code != 0}
    return found


def _codes(cell: str) -> list[int]:
    plain = re.sub(r"\(.*?\)", "", cell.replace("**", "").replace("\u2212", "-").replace("-class", ""))
    codes: list[int] = []
    for part in re.split(r"[,/]", plain):
        first, _, last = part.strip().partition("\u2013")
        until = first[: len(first) - len(last)] + last if last else first  # 110051–53
        codes += range(int(first), int(until) + 1)
    return codes
