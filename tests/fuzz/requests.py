"""Requests for every operation of the contract document, from right ones to noise.

Lives here: `Operation`, `operations_of`, `Request`, `Draw`. Not here: values (`values`, `sensible`, `spoiling`),
sending (`lanes`), what must hold of an answer (`judging`).
"""

from __future__ import annotations

import json
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, quote_from_bytes

from fuzz.sensible import sensible_body
from fuzz.spoiling import encoded, spoil_tree
from fuzz.values import Known, Schema, Values

Who = Literal["trader", "viewer", "stranger", "nobody"]  # a stranger owns another workspace
Manner = Literal["sensible", "valid", "spoiled", "noise", "broken", "again", "changed", "odd"]

_BODY_OPERATIONS: Mapping[str, float] = {
    "postIntent": 50, "previewOrder": 16, "postConnection": 11, "cancelAll": 3, "removeConnection": 4, "login": 5,
    "claim": 4, "reconcileAccount": 2, "setLimits": 3, "armAccount": 2, "kill": 2, "releaseKill": 3, "takeDown": 0,
    "renameConnection": 2, "changeConnection": 3, "topUp": 2,
    "decideDifference": 2, "checkSpec": 2, "explainSpec": 2, "diffSpecs": 2, "postBacktest": 3, "postToken": 2,
    "stepUp": 2, "chooseWorkspace": 2, "createWorkspace": 2, "renameWorkspace": 2, "changeRole": 2, "invite": 2,
    "readInvitation": 2, "joinAsNew": 2, "acceptInvitation": 2, "setProfile": 2, "changePassword": 2,
    "loginSecond": 2, "askLoginPasskey": 2, "loginByPasskey": 2, "confirmTotp": 2, "addPasskey": 2,
    "renamePasskey": 2, "setPasswordByLink": 2, "setQuota": 2, "postStrategy": 4, "postSpecVersion": 2,
    "renameStrategy": 2, "postBot": 4, "editBot": 2, "renameBot": 2, "cloneBot": 2, "removeBot": 2,
    "startRun": 4, "extendRun": 2, "stopRun": 2, "digestSensitiveValue": 2, "postChannel": 2,
    "setNotificationSettings": 2, "readAllNotifications": 2, "postAlert": 3, "changeAlert": 2,
}  # fmt: skip
_READ_OFTEN = {"readOrders": 4.0, "readPositions": 6.0, "readFills": 2.0, "readIntent": 2.0, "logout": 0.8} | {
    "endOtherSessions": 0.8,
    "leaveWorkspace": 0.0,  # who leaves is out of the world that is asked
}
_JSON = b"application/json"
_ODD_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b""),
    (b"content-type", b"text/plain"),
    (b"content-type", b"application/json; charset=utf-16"),
    (b"content-type", b"multipart/form-data; boundary=x"),
    (b"content-type", b"application/x-www-form-urlencoded"),
    (b"content-type", b"application/problem+json"),
    (b"content-type", b"\xff/\x00"),
    (b"content-type", b"APPLICATION/JSON"),
    (b"content-length", b"-1"),
    (b"content-length", b"9999999999"),
    (b"content-length", b"x"),
    (b"content-encoding", b"gzip"),
    (b"transfer-encoding", b"chunked"),
    (b"expect", b"100-continue"),
    (b"host", b"evil.example"),
    (b"origin", b"https://evil.example"),
    (b"origin", b"null"),
    (b"accept", b"text/html"),
    (b"accept-language", b"\xff" * 300),
    (b"user-agent", b"\xf0\x9f\x92\xa9" * 200),
    (b"x-forwarded-for", b"6.6.6.6"),
    (b"x-http-method-override", b"DELETE"),
    (b"cookie", b"=;;=\xff;tradewright_=1"),
    (b"range", b"bytes=0-1"),
    (b"if-none-match", b"*"),
    (b"authorization", b"Bearer x"),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document. `body` is its schema; None: it takes none."""

    id: str
    method: str
    path: str
    parameters: Sequence[Schema]
    body: Schema | None


def operations_of(document: Schema) -> dict[str, Operation]:
    found = {}
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            content = entry.get("requestBody", {}).get("content", {})
            schema = content["application/json"]["schema"] if content else None
            operation = Operation(entry["operationId"], method.upper(), path, entry.get("parameters", ()), schema)
            found[operation.id] = operation
    return found


@dataclass(frozen=True, slots=True)
class Request:
    """`path` and `query` as they go over the wire. `intended` is the body before it became bytes, where it had a tree;
    `again` says that exactly this was accepted before."""

    operation: Operation
    who: Who
    manner: Manner
    path: str
    query: bytes = b""
    method: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | None = None
    intended: Any = None
    address: str | None = "127.0.0.1"

    def __str__(self) -> str:
        sent = "" if self.body is None else f" {len(self.body)} bytes: {self.body[:1500]!r}"
        url = self.path + (f"?{self.query.decode('latin-1')}" if self.query else "")
        return (
            f"{self.method} {url[:600]} ({self.operation.id}, {self.manner}, as {self.who}, {dict(self.headers)}){sent}"
        )


@dataclass(slots=True)
class Draw:
    """Draws requests. `accepted` are those to send again, or again with another body."""

    document: Schema
    rng: random.Random
    known: Known
    only: frozenset[str] = frozenset()  # operations; empty: all
    accepted: deque[Request] = field(default_factory=lambda: deque(maxlen=40))
    values: Values = field(init=False)
    operations: dict[str, Operation] = field(init=False)

    def __post_init__(self) -> None:
        self.values = Values(self.document, self.rng, self.known)
        every = operations_of(self.document)
        missing = {name for name, one in every.items() if one.body is not None} - set(_BODY_OPERATIONS)
        assert not missing, f"how often is {missing} to be drawn? Say it in _BODY_OPERATIONS"
        self.operations = {name: one for name, one in every.items() if not self.only or name in self.only}

    def request(self) -> Request:
        rng = self.rng
        with_body = [one for one in self.operations.values() if one.body is not None]
        without = [one for one in self.operations.values() if one.body is None]
        if with_body and (not without or rng.random() < 0.78):
            if self.accepted and rng.random() < 0.04:
                return self._again(rng.choice(self.accepted))
            weights = [_BODY_OPERATIONS[one.id] for one in with_body]
            return self._with_body(rng.choices(with_body, weights)[0])
        weights = [_READ_OFTEN.get(one.id, 1.0) for one in without]
        return self._without_body(rng.choices(without, weights)[0])

    def _who(self) -> Who:
        if not self.known.is_claimed:
            return "nobody"
        point = self.rng.random()
        if point < 0.82:
            return "trader"
        return "viewer" if point < 0.89 else "stranger" if point < 0.95 else "nobody"

    def _with_body(self, operation: Operation) -> Request:
        rng, values = self.rng, self.values
        assert operation.body is not None, "it has a body"
        manner: Manner = rng.choices(
            ("sensible", "valid", "spoiled", "noise", "broken", "odd"), (26, 14, 38, 7, 10, 5)
        )[0]  # type: ignore[assignment]
        tree: Any
        if manner == "noise":
            tree = values.nasty()
        else:
            tree = sensible_body(values, operation.id) if manner != "valid" and rng.random() < 0.75 else None
            tree = values.draw(operation.body) if tree is None else tree
        if manner == "spoiled":
            for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
                tree = spoil_tree(values, tree)
        data = encoded(values, tree, breaks=manner == "broken")
        path, query = self._address(operation, is_odd=manner == "odd")
        return Request(
            operation=operation,
            who=self._who(),
            manner=manner,
            path=path,
            query=query,
            method=operation.method if manner != "odd" else self._method(operation),
            headers=self._headers(data, is_odd=manner == "odd"),
            body=data,
            intended=tree,
            address=self._client(operation),
        )

    def _without_body(self, operation: Operation) -> Request:
        is_odd = self.rng.random() < 0.5
        path, query = self._address(operation, is_odd=is_odd)
        data = None
        if self.rng.random() < 0.05:
            data = encoded(self.values, self.values.nasty(), breaks=False)
        return Request(
            operation=operation,
            who=self._who(),
            manner="odd" if is_odd else "valid",
            path=path,
            query=query,
            method=self._method(operation) if is_odd and self.rng.random() < 0.1 else operation.method,
            headers=self._headers(data, is_odd=is_odd and self.rng.random() < 0.3),
            body=data,
            address=self._client(operation),
        )

    def _again(self, before: Request) -> Request:
        """What was accepted, once more; or its id with another body."""
        rng = self.rng
        if rng.random() < 0.5:
            data = json.dumps(before.intended, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
            return self._like(before, "again", before.intended, data)
        drawn = sensible_body(self.values, before.operation.id) or self.values.draw(before.operation.body or {})
        tree = {**drawn, "id": before.intended["id"]}
        return self._like(before, "changed", tree, json.dumps(tree).encode("utf-8", "surrogatepass"))

    def _like(self, before: Request, manner: Manner, tree: Any, data: bytes) -> Request:
        return Request(
            operation=before.operation,
            who=before.who,
            manner=manner,
            path=before.path,
            method=before.method,
            headers=((b"content-type", _JSON), (b"content-length", str(len(data)).encode())),
            body=data,
            intended=tree,
        )

    # The address line.

    def _address(self, operation: Operation, *, is_odd: bool) -> tuple[str, bytes]:
        rng = self.rng
        spoiled = rng.choice([each["name"] for each in operation.parameters]) if is_odd and operation.parameters else ""
        path, query = operation.path, []
        for parameter in operation.parameters:
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "path":
                value = self.values.nasty_text() if name == spoiled else self._path_value(name, schema)
                path = path.replace(f"{{{name}}}", quote(value, safe="", errors="surrogatepass")[:3_000])
            elif name == spoiled or parameter.get("required") or rng.random() < 0.4:
                values = [self.values.nasty_text() if name == spoiled else self.values.draw(schema, name)]
                if is_odd and rng.random() < 0.2:
                    values.append(self.values.draw(schema, name))
                flat = [each for value in values for each in (value if isinstance(value, list) else [value])]
                query += [(name, value) for value in flat if value is not None]
        text = "&".join(f"{name}={_quoted(str(value))}" for name, value in query).encode()
        if is_odd and rng.random() < 0.1:
            text += rng.choice((b"&", b"&x=1", b"%", b"&%zz=%ff", b"=&=", quote_from_bytes(rng.randbytes(20)).encode()))
        return path, text

    def _path_value(self, name: str, schema: Schema) -> str:
        if name != "account_id":
            return str(self.values.draw(schema, name))
        point, known = self.rng.random(), self.known
        if point < 0.9:
            return known.account
        if point < 0.905:
            return known.away_account
        return known.foreign_account if point < 0.95 else self.values.id_of(name)

    def _method(self, operation: Operation) -> str:
        if self.rng.random() < 0.6:
            return operation.method
        return self.rng.choice(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X"))

    def _headers(self, body: bytes | None, *, is_odd: bool) -> tuple[tuple[bytes, bytes], ...]:
        headers = [] if body is None else [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
        if is_odd:
            other = self.rng.choice(_ODD_HEADERS)
            headers = [each for each in headers if each[0] != other[0]] + [other]
        return tuple(headers)

    def _client(self, operation: Operation) -> str | None:
        """Logins are counted by address: one address alone would be refused after twenty."""
        if operation.id not in ("login", "claim"):
            return "127.0.0.1"
        rng = self.rng
        return rng.choice(
            (
                f"10.{rng.randrange(256)}.{rng.randrange(256)}.1",
                f"fe80::{rng.randrange(9999)}%eth0",
                "::1",
                "unix",
                None,
                f"2001:db8:{rng.randrange(9999):x}::1",
            )
        )


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")[:3_500]
