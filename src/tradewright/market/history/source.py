"""Where the bytes of a file come from: a path, a stream, standard input; packed by gzip or not.

Lives here: opening, finding out by the first bytes what kind of file it is, and whole lines in bounded pieces.
Not here: what the bytes mean (`delimited`, `frames`).
"""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, cast

from tradewright.market.history.faults import CannotOpen, bad_file

Source = str | Path | BinaryIO
Kind = Literal["text", "parquet", "arrow"]

PIECE_BYTES = 1 << 20
LINE_BYTES_MAX = 1 << 16
FRAME_BYTES_MAX = 1 << 30  # of a Parquet or Feather file
_PEEK = 8
_GZIP = b"\x1f\x8b"
_MAGIC: dict[bytes, Kind] = {b"PAR1": "parquet", b"ARROW1": "arrow"}


def name_of(source: Source) -> str:
    """What to call it when talking to a person."""
    if isinstance(source, str | Path):
        return "standard input" if str(source) == "-" else str(source)
    return str(getattr(source, "name", "the stream"))


@contextlib.contextmanager
def opened(source: Source, *, name: str | None = None) -> Iterator[io.BufferedReader]:
    """The unpacked bytes. Raises `CannotOpen`; and `BadCandles` (`bad_file`) inside for a broken gzip file.

    `name`: what to call it in an error, where it is not its own. A stream that the caller gave, standard input
    included, stays open.
    """
    name = name or name_of(source)
    with contextlib.ExitStack() as stack:
        raw = _raw(source, stack)
        plain = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        if plain is not raw:
            stack.callback(plain.detach)
        if plain.peek(2)[:2] == _GZIP:
            unpacked = gzip.GzipFile(fileobj=plain)
            plain = io.BufferedReader(cast(io.RawIOBase, unpacked))
        try:
            yield plain
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise bad_file(f"{name} is not a whole gzip file ({error}); fetch it again") from None
        except OSError as error:
            raise CannotOpen(f"{name} cannot be read: {error.strerror or error}") from None


def kind_of(stream: io.BufferedReader) -> Kind:
    """By the first bytes, whatever the file is called."""
    begin = stream.peek(_PEEK)[:_PEEK]
    for magic, kind in _MAGIC.items():
        if begin.startswith(magic):
            return kind
    return "text"


def whole_lines(stream: io.BufferedReader, name: str) -> Iterator[bytes]:
    """Pieces of about a mebibyte that end with a line's end; the file's last line is given one if it has none."""
    rest = b""
    while piece := stream.read(PIECE_BYTES):
        cut = piece.rfind(b"\n") + 1
        if not cut:
            rest += piece
            if len(rest) > LINE_BYTES_MAX:
                raise bad_file(
                    f"{name} has a line of more than {LINE_BYTES_MAX} bytes; candles are CSV, Parquet or Feather"
                )
            continue
        yield rest + piece[:cut]
        rest = piece[cut:]
    if rest.strip():
        yield rest + b"\n"


def whole_frame(stream: io.BufferedReader, name: str) -> bytes:
    """The whole file, which a Parquet reader needs at once."""
    content = io.BytesIO()
    while piece := stream.read(PIECE_BYTES):  # asked for in one piece, room would be made for the most that it may be
        content.write(piece)
        if content.tell() > FRAME_BYTES_MAX:
            raise bad_file(f"{name} is larger than {FRAME_BYTES_MAX} bytes; split it")
    return content.getvalue()


def _raw(source: Source, stack: contextlib.ExitStack) -> BinaryIO:
    if not isinstance(source, str | Path):
        return source
    if str(source) == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(open(source, "rb"))
    except OSError as error:
        raise CannotOpen(f"{source} cannot be opened: {error.strerror or error}") from None
    except ValueError as error:  # a NUL in the name
        raise CannotOpen(f"{str(source)!r} is no name of a file: {error}") from None
