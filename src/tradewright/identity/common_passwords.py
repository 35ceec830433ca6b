"""Passwords that are tried first, refused when one is chosen.

Lives here: `is_common`. Refused is what is one thing that guessers begin with and little beside it: a password of the
30,000 most common (zxcvbn's list, which is made of leaked ones), the user's name, the product's, a run of the keyboard
or the alphabet, a repetition; alone, twice or more, or with digits and signs around it; letters written as digits and
signs count as the letters. What is left of a password must be at least `REST_MIN` characters that are none of these.
Not covered: the hundreds of millions of leaked passwords that no list of this size holds, and what others know of the
person. Nothing is asked of the network.
"""

from __future__ import annotations

import unicodedata

REST_MIN = 5  # characters beside the common thing: three words or so, or a few random ones
_PIECE_MIN = 4
_LOOKED_AT_MAX = 64  # what is longer and no repetition has enough beside any one thing
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "!@#$%^&*()",
)
_PLAIN_LETTERS = str.maketrans("4301!5$7@", "aeoiissta")
# Whole ones beyond that list which every guesser has.
_FAMOUS = frozenset({"correcthorsebatterystaple", "correct horse battery staple", "tobeornottobe", "changemenow"})
# What this program's own people would type first, and Russian ones that the list has only in Latin letters.
_OWN = ("tradewright", "bybit", "bitcoin", "ethereum", "trading", "trader", "admin", "administrator")
_RUSSIAN = ("пароль", "привет", "любовь", "наташа", "максим", "солнышко", "россия", "спартак", "администратор")


def is_common(password: str, username: str) -> bool:
    """Whether it is one of those that are tried first."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    listed = frozenset(FREQUENCY_LISTS["passwords"])
    typed = unicodedata.normalize("NFKC", password).casefold()
    own = frozenset(each for each in (*_OWN, *_RUSSIAN, *_names(username)) if len(each) >= 3)
    return any(
        one in listed or one in _FAMOUS or _rest(one, listed, own) < REST_MIN
        for one in {typed, typed.translate(_PLAIN_LETTERS), "".join(each for each in typed if each.isalnum())}
    )


def _names(username: str) -> list[str]:
    name = unicodedata.normalize("NFKC", username).casefold()
    parts = "".join(each if each.isalnum() else " " for each in name).split()
    return [name, "".join(parts), *parts]


def _rest(text: str, listed: frozenset[str], own: frozenset[str]) -> int:
    """How many characters are left once the common thing, its repetitions, digits and signs are taken away."""
    period = _period(text)
    if period < len(text):
        text = text[:period]  # "abcabcabcabc" is worth what "abc" is
    if len(text) > _LOOKED_AT_MAX:
        return len(text)
    rests = [_beside(text, piece) for piece in _pieces(text, listed, own)]
    return min([sum(not each.isspace() for each in _without_runs(text)), *rests])


def _pieces(text: str, listed: frozenset[str], own: frozenset[str]) -> set[str]:
    """The common things in it: of those at one place the longest."""
    found = {each for each in own if each in text}
    for start in range(len(text)):
        for end in range(min(len(text), start + 32), start + _PIECE_MIN - 1, -1):
            if text[start:end] in listed:
                found.add(text[start:end])
                break
    return found


def _beside(text: str, piece: str) -> int:
    """Letters beside the piece, and digits and signs at a third of their number: people put a year or `!` behind it."""
    rest = _without_runs(text.replace(piece, " "))
    letters = sum(each.isalpha() for each in rest)
    others = sum(not each.isalpha() and not each.isspace() for each in rest)
    return letters + others // 3


def _without_runs(text: str) -> str:
    """Without four or more characters in a row of the keyboard, the alphabet or one another, forwards or backwards."""
    out, place = "", 0
    while place < len(text):
        length = max(_run_length(text, place), _same_length(text, place))
        if length >= _PIECE_MIN:
            place += length
        else:
            out += text[place]
            place += 1
    return out


def _run_length(text: str, place: int) -> int:
    longest = 1
    for run in _RUNS:
        for line in (run, run[::-1]):
            length = 1
            while place + length < len(text) and text[place : place + length + 1] in line:
                length += 1
            longest = max(longest, length)
    return longest


def _same_length(text: str, place: int) -> int:
    length = 1
    while place + length < len(text) and text[place + length] == text[place]:
        length += 1
    return length


def _period(text: str) -> int:
    """The length of what the text is a repetition of; its own where it is none."""
    doubled = (text + text).find(text, 1)
    return doubled if 0 < doubled < len(text) else len(text)
