"""What a manifest says of a stored series, as JSON beside it.

Lives here: its fields, reading and writing. Not here: when it is written, and whether it is true (`store`).
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from tradewright.market.history.faults import bad_file

VERSION = 1
SOURCES_MAX = 50  # the newest
_BYTES_MAX = 1 << 20


class AddedFrom(msgspec.Struct, frozen=True, kw_only=True):
    """One import or download. `at`: ISO 8601, UTC."""

    name: str
    at: str
    added: int
    replaced: int = 0


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`from_ms` is the first bar's open time and `to_ms` the last one's close. `file_sha256` is of the Parquet file's
    bytes, `data_sha256` of what is in it (see `hashing`). `previous_sha256` is of the file before the last change:
    after a crash between the two the old file is still there, whole."""

    version: int
    category: str
    symbol: str
    timeframe: str
    origin: str
    bars: int
    from_ms: int
    to_ms: int
    gaps: int
    missing_bars: int
    file_bytes: int
    file_sha256: str
    data_sha256: str
    previous_sha256: str | None = None
    sources: tuple[AddedFrom, ...] = ()


def read_manifest(path: Path) -> Manifest | None:
    """None when there is none. Raises `BadCandles` (`bad_file`) for one that cannot be read."""
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(_BYTES_MAX), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise bad_file(f"{path} cannot be read ({error}); remove it with its Parquet file, and import again") from None
    if found.version != VERSION:
        raise bad_file(
            f"{path} has version {found.version}, and this program knows {VERSION}; it was written by another"
        )
    return found


def manifest_bytes(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
