"""One thing broken: in a body's tree, in its text, in its bytes.

Lives here: `spoil_tree`, and `encoded`, from a tree to bytes that may be no JSON any more.
Not here: what the values are broken with (`values.nasty`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from fuzz.values import Values, nested

_Path = tuple[Any, ...]


def spoil_tree(values: Values, body: Any) -> Any:
    """A copy of the body with one value, name or level changed. It may still be valid: a name that was optional."""
    rng = values.rng
    path = rng.choice(_paths(body))
    if not path:
        return rng.choice(([body], {"body": body}, None, "", [], {}, values.nasty(), json.dumps(body), [body] * 3))
    found = _at(body, path)
    if isinstance(path[-1], str):
        name = path[-1]
        point = rng.random()
        if point < 0.15:
            return _changed(body, path[:-1], lambda inner: {k: v for k, v in inner.items() if k != name})
        if point < 0.3:
            extra = rng.choice(
                (name.upper(), name + " ", "_" + name, "__proto__", "constructor", "", "$where", values.nasty_text())
            )
            return _changed(body, path[:-1], lambda inner: {**inner, extra: values.nasty(1)})
        if point < 0.36:
            return _changed(
                body, path[:-1], lambda inner: {(k.title() if k == name else k): v for k, v in inner.items()}
            )
    return _changed(body, path, lambda _: _other(values, found))


def _other(values: Values, found: Any) -> Any:
    """Something in the place of a value: the same in another type, near it, or anything."""
    rng = values.rng
    point = rng.random()
    if isinstance(found, str) and point < 0.5:
        near: list[Any] = [
            found + "\0",
            found + " ",
            " " + found,
            found + "\n",
            found.lower(),
            found[:-1],
            found * 40,
            [found],
        ]
        near += [found[::-1], {"value": found}, found.replace("-", ""), f"urn:uuid:{found}", "{" + found + "}"]
        if _is_number(found):
            near += [
                float(found),
                int(float(found)),
                "+" + found,
                found + "e0",
                "-" + found,
                found + "0" * 30,
                "0" + found,
                found.replace(".", ","),
            ]
        return rng.choice(near)
    if isinstance(found, bool) and point < 0.5:
        return rng.choice((int(found), str(found).lower(), "on", None))
    return values.nasty()


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < 1e15
    except ValueError:
        return False


def encoded(values: Values, body: Any, *, breaks: bool) -> bytes:
    """The body as JSON in one of many spellings; with `breaks` something is wrong with its text or bytes."""
    rng = values.rng
    text = json.dumps(
        body,
        ensure_ascii=rng.random() < 0.6,
        indent=rng.choice((None, None, None, 1)),
        separators=rng.choice(((",", ":"), (", ", ": "))),
    )
    if rng.random() < 0.03:
        text = _doubled(rng, body, text)
    data = text.encode("utf-8", "surrogatepass")  # a lone surrogate goes out as bytes that are no UTF-8
    return _broken(rng, data) if breaks else data


def _doubled(rng: random.Random, body: Any, text: str) -> str:
    """A name twice in one object: JSON leaves open which one counts."""
    if not isinstance(body, dict) or not body:
        return text
    name = rng.choice(list(body))
    again = rng.choice((body[name], None, "x", "0.5", 7))
    return text.rstrip()[:-1] + f",{json.dumps(name)}:{json.dumps(again)}}}"


def _broken(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    match rng.randrange(12):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes([rng.randrange(256)]) + data[at:]
        case 2:
            return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
        case 3:
            return (
                data[:at]
                + rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x00", b"\x80"))
                + data[at:]
            )
        case 4:
            return rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\x1f\x8b", b"//\n")) + data
        case 5:
            return data + rng.choice((b"x", b"{}", b"\x00", b",", b"]", data))
        case 6:
            return data.decode("utf-8", "replace").encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-7")))
        case 7:
            return rng.choice(
                (b"", b" ", b"null", b"true", b"0", b"-", b'"', b"{", b"NaN", b"-Infinity", b"1e999999", b"9" * 5000)
            )
        case 8:
            return rng.choice((b"[", b'{"a":', b'[{"a":')) * rng.choice((10, 500, 5_000, 30_000))
        case 9:
            return json.dumps(nested(rng.choice((50, 400, 900)))).encode()
        case 10:
            return rng.randbytes(rng.randrange(200))
        case _:
            return data.replace(b'"', b"'") if rng.random() < 0.5 else data.replace(b":", b"=")


def _paths(body: Any, path: _Path = ()) -> list[_Path]:
    inner: list[_Path] = [path]
    if isinstance(body, dict):
        for name, value in body.items():
            inner += _paths(value, (*path, name))
    elif isinstance(body, list):
        for n, value in enumerate(body[:5]):
            inner += _paths(value, (*path, n))
    return inner


def _at(body: Any, path: _Path) -> Any:
    for step in path:
        body = body[step]
    return body


def _changed(body: Any, path: _Path, change: Callable[[Any], Any]) -> Any:
    if not path:
        return change(body)
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = _changed(copy[path[0]], path[1:], change)
    return copy
