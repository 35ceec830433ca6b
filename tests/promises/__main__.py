"""Writes `docs/promises.md`, or says whether it is what rows and figures say: `python -m promises [--check]`."""

from __future__ import annotations

import sys

from promises import table
from promises.figures import ROOT
from promises.held import problems
from promises.rows import OWED, PROMISES


def main(arguments: list[str]) -> int:
    wrong = problems(PROMISES, OWED, ROOT)
    if "--check" in arguments:
        wrong += ["docs/promises.md is not what the rows say; run make reference"] if table.differs() else []
    else:
        table.FILE.write_text(table.page())
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
