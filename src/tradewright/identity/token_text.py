"""What an API token looks like: `tw_`, random letters, and a check. No I/O.

Lives here: making and recognising one. Not here: whose it is (`api_tokens`). Chance is from where `tokens` has it.
"""

from __future__ import annotations

import secrets
import zlib

PREFIX = "tw_"
ENDING_LENGTH = 4
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH = 43  # of 62 letters: 256 bits
_CHECK_LENGTH = 6  # CRC-32 in the same letters


def new_token_text() -> str:
    """`tw_`, 43 random letters and digits, and six that check them."""
    body = "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM_LENGTH))
    return f"{PREFIX}{body}{_check_of(body)}"


def is_well_formed(text: str) -> bool:
    """Whether it can be a token at all: a typo is known without a question, and so it is to a scanner for secrets."""
    body, check = text[len(PREFIX) : -_CHECK_LENGTH], text[-_CHECK_LENGTH:]
    return (
        text.startswith(PREFIX)
        and len(body) == _RANDOM_LENGTH
        and all(letter in _LETTERS for letter in body)
        and check == _check_of(body)
    )


def _check_of(body: str) -> str:
    number, letters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK_LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters = _LETTERS[place] + letters
    return letters
