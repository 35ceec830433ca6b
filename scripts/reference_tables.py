"""The reference tables of the documentation, written from the code that they describe.

    .venv/bin/python scripts/reference_tables.py          # writes docs/reference
    .venv/bin/python scripts/reference_tables.py --check  # says which file is not what the code says

Lives here: which pages there are, writing and checking. A test runs the check.
Not here: the pages (`reference`, a module each), the table of promises (`tests/promises`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reference.errors import errors
from reference.limits import limits
from reference.states import states
from reference.strategy import strategy
from reference.tokens import tokens

FOLDER = Path(__file__).parents[1] / "docs/reference"
PAGES = {"states.md": states, "errors.md": errors, "limits.md": limits, "strategy.md": strategy, "tokens.md": tokens}


def differing() -> list[str]:
    """The pages that are not what the code says."""
    return [
        name for name, write in PAGES.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != write()
    ]


def main(arguments: Sequence[str]) -> int:
    if "--check" in arguments:
        wrong = differing()
        for name in wrong:
            print(f"docs/reference/{name} is not what the code says; run scripts/reference_tables.py")
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
