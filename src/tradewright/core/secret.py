"""Text that is typed once and never shown: not in a repr, a format, a log, a pickle or a comparison's timing.

Lives here: `SecretText`. Not here: where it is kept (`vault`), what signs with one (`exchange.bybit.signing`).
"""

from __future__ import annotations

import hmac

MASK = "***"


class SecretText:
    """Holds the text; only `reveal` gives it. It is no `str` on purpose: what is written somewhere by mistake is the
    mask, and what needs the text says so."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"SecretText({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a key of a dictionary would be shown with it

    def __reduce__(self) -> str:
        raise TypeError("a secret is not to be pickled or copied out of the process")
