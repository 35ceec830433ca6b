"""Which services a channel may be of, and what is fixed about them. No I/O, and no import of Apprise.

Lives here: `SERVICES`, `service_of`. Apprise knows many more; those that run programs, write files, speak to the
desktop or to the local network have no place here, so a name that is not listed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

# fixed: to hosts of the service itself, over TLS · own: to the host that the address names, over TLS · plain: likewise
# without TLS, so the operator must have named the host.
Way = Literal["fixed", "own", "plain"]

SERVICES: Mapping[str, Way] = {
    "tgram": "fixed",
    "discord": "fixed",
    "slack": "fixed",
    "pover": "fixed",
    "pbul": "fixed",
    "gchat": "fixed",
    "ifttt": "fixed",
    "twilio": "fixed",
    "wxteams": "fixed",
    "mailtos": "own",
    "ntfys": "own",
    "gotifys": "own",
    "jsons": "own",
    "matrixs": "own",
    "mmosts": "own",
    "rockets": "own",
    "ntfy": "plain",
    "gotify": "plain",
    "json": "plain",
}
ADDRESS_LENGTH_MAX = 1_000
_SCHEMA = re.compile(r"([a-z]{3,10})://[\x21-\x7e]+")


def service_of(address: str) -> str | None:
    """The service of an address such as `tgram://token/chat`; None for what is not one of those allowed."""
    found = _SCHEMA.fullmatch(address)
    if found is None or len(address) > ADDRESS_LENGTH_MAX:
        return None
    return found[1] if found[1] in SERVICES else None
