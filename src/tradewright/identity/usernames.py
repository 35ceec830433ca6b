"""Usernames: which are allowed, and when two are the same. No I/O."""

from __future__ import annotations

import re
import unicodedata

from tradewright.core.errors import Problem

LENGTH_MIN = 2
LENGTH_MAX = 64
_ALLOWED = re.compile(r"[^\W_][\w.@+\- ]*[^\W_]")


def username_key(username: str) -> str:
    """What makes a name unique: compatibility forms and case are folded, so look-alike spellings are one name."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold()).strip()


def username_problems(username: str) -> list[Problem]:
    """Faults of a new name: 2–64 letters, digits and . _ - @ + or spaces between, a letter or digit at both ends."""
    if not LENGTH_MIN <= len(username) <= LENGTH_MAX or not _ALLOWED.fullmatch(username):
        params = {
            "minimum": str(LENGTH_MIN),
            "maximum": str(LENGTH_MAX),
            "allowed": "letters, digits and . _ - @ + space",
        }
        return [Problem("username.invalid", "username", params)]
    return []
