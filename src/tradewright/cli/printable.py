"""Names on a terminal: what anybody wrote moves no cursor, begins no line and turns no direction of reading.

Lives here: `printable`. JSON needs it not: there such letters are escaped.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Each letter that is not seen as itself becomes its escape, such as `\n`, `\x1b` or `\u202e`."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
