"""Another key, region or proxy for a connection: what is asked, and how it is written into its box.

Lives here: `AskedChange`, `Changed` (what the worker opens) and putting it together with what is in force. No I/O.
The API cannot open what is stored, so a change holds only what is new; the worker adds the rest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tradewright.connections.model import (
    Connection,
    Credentials,
    credential_problems,
    key_shown,
    proxy_problems,
    region_problems,
)
from tradewright.core.errors import Conflict, InvalidInput, Problem
from tradewright.core.secret import SecretText


class ChangeConflict(Conflict):
    """The id of the change was used for another connection."""

    code = "connection.change_conflict"


class NothingChanged(Conflict):
    """Neither key nor region nor proxy was given."""

    code = "connection.nothing_changed"


@dataclass(frozen=True, slots=True)
class NewKey:
    """Key and secret as they were typed."""

    key: str
    secret: SecretText

    def __repr__(self) -> str:
        return f"NewKey(…{key_shown(self.key)})"


@dataclass(frozen=True, slots=True)
class NewProxy:
    """Another proxy; None: direct."""

    proxy: SecretText | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What is new; None: it stays."""

    key: NewKey | None
    proxy: NewProxy | None

    def as_bytes(self) -> bytes:
        fields: dict[str, Any] = {}
        if self.key is not None:
            fields |= {"key": self.key.key, "secret": self.key.secret.reveal()}
        if self.proxy is not None:
            fields["proxy"] = None if self.proxy.proxy is None else self.proxy.proxy.reveal()
        return json.dumps(fields).encode()

    def applied_to(self, current: Credentials | None) -> Credentials | None:
        """What holds once it is taken; None when that needs a key that is not there any more."""
        proxy = self.proxy.proxy if self.proxy is not None else None if current is None else current.proxy
        if self.key is not None:
            return Credentials(self.key.key, self.key.secret, proxy)
        return None if current is None else Credentials(current.key, current.secret, proxy)


def read_change(content: bytes) -> Changed:
    """What `as_bytes` made."""
    fields = json.loads(content)
    key = NewKey(fields["key"], SecretText(fields["secret"])) if "key" in fields else None
    proxy = None
    if "proxy" in fields:
        proxy = NewProxy(None if fields["proxy"] is None else SecretText(fields["proxy"]))
    return Changed(key=key, proxy=proxy)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedChange:
    """A change as asked; the id is made by who asks. `region` None: it stays."""

    id: UUID
    changed: Changed
    region: str | None

    @property
    def key_shown(self) -> str | None:
        return None if self.changed.key is None else key_shown(self.changed.key.key)

    def check(self, known: Connection) -> None:
        """Raises `InvalidInput` with every fault, none of which repeats a secret, and `NothingChanged`."""
        key, proxy = self.changed.key, self.changed.proxy
        problems: list[Problem] = []
        if key is not None:
            problems += credential_problems(key.key, key.secret.reveal())
        if proxy is not None and proxy.proxy is not None:
            problems += proxy_problems(proxy.proxy.reveal())
        if self.region is not None:
            problems += region_problems(known.environment, self.region)
        if problems:
            raise InvalidInput(problems)
        if key is None and proxy is None and self.region in (None, known.region):
            raise NothingChanged(
                f"nothing of {known.name} would change; give a key with its secret, a region or a proxy"
            )
