"""CSV that a spreadsheet can open without running any of it: RFC 4180, UTF-8, no cell that is a formula.

Lives here: `csv_line`. Not here: which columns a table has (`web.exports`).
Notes, names and symbols are what anybody wrote. A spreadsheet takes a cell for a formula by its first character, and
where its locale separates by semicolons it honours no quotes of ours: so what follows a foreign separator or a line's
end inside a cell counts as a cell, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the local code page
LINE_END = "\r\n"

_STARTS = "=+-@"
_MINUS = "\u2212"  # a number's own sign, which no compatibility form leads to
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")
_PARTS = re.compile(r"([;\t|\r\n\v\f\x85\u2028\u2029])")  # separators of other locales, and every end of a line


def csv_line(cells: Sequence[str | None]) -> str:
    """One record with its line end. None is an empty cell; a plain decimal stays a number; all else is text."""
    return ",".join(map(_cell, cells)) + LINE_END


def _cell(text: str | None) -> str:
    if not text:
        return ""
    if _PLAIN_NUMBER.fullmatch(text) or _NEEDS_NO_QUOTES.fullmatch(text):
        return text
    if text[0] in "\t\r\n":
        text = f"'{text}"
    return '"' + "".join(map(_neutral, _PARTS.split(text))).replace('"', '""') + '"'


def _neutral(part: str) -> str:
    """With an apostrophe before it when a spreadsheet might run it: then it is text, and shown as it is."""
    for character in part:
        if character in _STARTS or character == _MINUS or unicodedata.normalize("NFKC", character)[:1] in _STARTS:
            return f"'{part}"
        if character != '"' and unicodedata.category(character)[0] not in "ZC":
            return part  # the first that is seen, and it starts no formula
    return part
