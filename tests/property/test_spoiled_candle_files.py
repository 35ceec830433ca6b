"""A spoiled file of candles is read or refused, and nothing else happens. SPOILED=20000 tries more of them."""

from __future__ import annotations

import gzip
import io
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars

from tradewright.market.history.faults import BadCandles
from tradewright.market.history.files import read_candles
from tradewright.market.history.funding import read_funding
from tradewright.market.history.importing import read_foreign

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "btcusdt-linear-1m-sample.csv.gz"
ROWS = 150
SPOILED = int(os.environ.get("SPOILED", "250"))
READERS: tuple[Callable[[io.BytesIO], object], ...] = (
    lambda file: read_candles(file, "1m", fill_gaps=True),
    read_foreign,
    read_funding,
)


def files() -> dict[str, bytes]:
    plain = b"\n".join(gzip.decompress(SAMPLE.read_bytes()).split(b"\n")[: ROWS + 1]) + b"\n"
    table = polars.read_csv(plain)
    table.write_parquet(parquet := io.BytesIO())
    table.write_ipc(feather := io.BytesIO())
    return {
        "csv": plain,
        "gzip": gzip.compress(plain),
        "parquet": parquet.getvalue(),
        "feather": feather.getvalue(),
    }


def spoiled(content: bytes, rng: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 3, 20])):
        what, at = rng.random(), rng.randrange(len(found) + 1)
        if what < 0.6:
            found[at : at + 1] = bytes([rng.randrange(256)])
        elif what < 0.75:
            del found[at : at + rng.randrange(1, 50)]
        elif what < 0.9:
            found[at:at] = rng.randbytes(rng.randrange(1, 9))
        else:
            del found[at:]
    return bytes(found)


def refusal(read: Callable[[io.BytesIO], object], content: bytes) -> BadCandles | None:
    try:
        read(io.BytesIO(content))
    except BadCandles as bad:
        return bad
    return None


def test_a_spoiled_file_is_read_or_refused_and_nothing_else_happens() -> None:
    rng, made = random.Random(1), files()
    seen: Counter[str] = Counter()
    for _ in range(SPOILED):
        kind = rng.choice(sorted(made))
        content = spoiled(made[kind], rng)
        for read in READERS:
            bad = refusal(read, content)
            seen[f"{kind} {'read' if bad is None else 'refused'}"] += 1
            if bad is not None:
                assert bad.message
                assert len(bad.times) <= min(20, bad.count)
    assert {f"{kind} refused" for kind in made} <= set(seen)
    assert {"csv read", "parquet read", "feather read"} <= set(seen)
