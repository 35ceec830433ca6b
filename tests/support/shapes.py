"""Shapes of JSON messages: which keys an object has and which JSON type each value is, nothing about the values.

Lives here: the form of a shape, comparing a message with one, and what of a shape no message has shown yet. Not here:
which shapes are documented (`documented_shapes`).

A shape is JSON itself:
    "string", "integer", "number", "boolean", "null"      a value of that type; "number" takes integers too
    {"key": shape, "key?": shape}                          an object with exactly these keys; `?` may be absent
    {"*": shape}                                           an object with any keys
    [shape]                                                an array of any length
    [shape, shape, …]                                      an array of exactly that many
    {"anyOf": [shape, …]}                                  one of them
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Shape = Any  # the JSON described above
ANY_OF = "anyOf"
MAP = "*"


def problems(shape: Shape, value: Any, where: str = "") -> list[str]:
    """Every difference as "path: what", path by path; empty when the value has the shape."""
    if isinstance(shape, str):
        return [] if _is(shape, value) else [f"{where}: is {type_of(value)}, documented as {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where}: is {type_of(value)}, documented as array"]
        if len(shape) > 1 and len(value) != len(shape):
            return [f"{where}: has {len(value)} elements, documented with {len(shape)}"]
        return [
            problem
            for place, item in enumerate(value)
            for problem in problems(shape[place if len(shape) > 1 else 0], item, f"{where}[{place}]")
        ]
    if ANY_OF in shape:
        attempts = [problems(one, value, where) for one in shape[ANY_OF]]
        return [] if not all(attempts) else attempts[_nearest(shape[ANY_OF], value)]
    if not isinstance(value, dict):
        return [f"{where}: is {type_of(value)}, documented as object"]
    return list(_object_problems(shape, value, where))


def _object_problems(shape: dict[str, Shape], value: dict[str, Any], where: str) -> Iterator[str]:
    if MAP in shape:
        for key, item in value.items():
            yield from problems(shape[MAP], item, f"{where}.{key}")
        return
    for name, inner in shape.items():
        key = name.removesuffix("?")
        if key in value:
            yield from problems(inner, value[key], f"{where}.{key}")
        elif key == name:
            yield f"{where}.{key}: missing"
    for key in value:
        if key not in shape and f"{key}?" not in shape:
            yield f"{where}.{key}: not documented"


def _nearest(shapes: list[Shape], value: Any) -> int:
    """The alternative to complain about: the object or array among them if the value is one, else the first."""
    for place, shape in enumerate(shapes):
        if isinstance(shape, type(value)) and isinstance(value, dict | list):
            return place
    return 0


def unshown(shape: Shape, values: Iterable[Any], where: str = "") -> list[str]:
    """The parts of a shape that none of the values has shown: arrays that were always empty, maps likewise. What is
    inside them is not listed again, nor are keys that may be absent.
    """
    held = list(values)
    if isinstance(shape, str):
        return []
    if isinstance(shape, list):
        arrays = [value for value in held if isinstance(value, list) and value]
        if not arrays:
            return [f"{where}[]"]
        if len(shape) > 1:
            return [
                part
                for place, one in enumerate(shape)
                for part in unshown(one, [array[place] for array in arrays], f"{where}[{place}]")
            ]
        return unshown(shape[0], [item for array in arrays for item in array], f"{where}[]")
    if ANY_OF in shape:
        return [
            part
            for one in shape[ANY_OF]
            if not isinstance(one, str)
            for part in unshown(one, [value for value in held if isinstance(value, type(one))], where)
        ]
    objects = [value for value in held if isinstance(value, dict)]
    if not objects and where:
        return [where]
    if MAP in shape:
        return [] if any(objects) else [f"{where}.*"]
    missing: list[str] = []
    for name, inner in shape.items():
        shown = [value[name.removesuffix("?")] for value in objects if name.removesuffix("?") in value]
        if shown or not name.endswith("?"):
            missing += unshown(inner, shown, f"{where}.{name}") if shown else [f"{where}.{name}"]
    return missing


def shape_of(value: Any) -> Shape:
    """The shape an example has; an empty array is `[]`, which `merged` fills from elsewhere."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list):
        if not value:
            return []
        shape = shape_of(value[0])
        for item in value[1:]:
            shape = merged(shape, shape_of(item))
        return [shape]
    return type_of(value)


def merged(first: Shape, second: Shape) -> Shape:
    """One shape with the keys of both. Where they name different types the second holds, but null is added to the
    other, an integer is a number, and an array whose length is known is more than one whose is not.
    """
    if first == second or second == []:
        return first
    if first == []:
        return second
    if isinstance(first, dict) and isinstance(second, dict):
        if ANY_OF in first or ANY_OF in second:
            return merged("null", merged(_beside_null(first), _beside_null(second)))
        if MAP in first or MAP in second:
            return first if MAP in first else second
        return {
            key: merged(first[key], second[key]) if key in first and key in second else first.get(key, second.get(key))
            for key in [*first, *(key for key in second if key not in first)]
        }
    if isinstance(first, list) and isinstance(second, list):
        longer = max(first, second, key=len)
        return longer if len(longer) > 1 else [merged(first[0], second[0])]
    if "null" in (first, second):
        if ANY_OF in first or ANY_OF in second:
            return second if first == "null" else first
        return {ANY_OF: ["null", second if first == "null" else first]}
    return "number" if {str(first), str(second)} == {"integer", "number"} else second


def _beside_null(shape: Shape) -> Shape:
    return next(one for one in shape[ANY_OF] if one != "null") if ANY_OF in shape else shape


def type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def _is(name: str, value: Any) -> bool:
    kind = type_of(value)
    return kind == name or (name == "number" and kind == "integer")
