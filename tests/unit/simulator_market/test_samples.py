"""The committed samples are what their script writes."""

from __future__ import annotations

import gzip
import importlib.util
from types import ModuleType

from unit.simulator_market.samples import DATA, HEADER, QUARTERS, ROOT, SAMPLE

BYTES_MAX = 300_000


def test_writing_the_samples_again_gives_the_committed_rows() -> None:
    made = {name: make() for name, make in _script().SAMPLES.items()}

    assert sorted(made) == sorted(path.name for path in DATA.glob("*-sample.*"))
    for name, content in made.items():
        assert gzip.decompress(content) == gzip.decompress((DATA / name).read_bytes()), name
        assert content[4:8] == bytes(4)  # no time stamp in the gzip header


def test_the_samples_are_small() -> None:
    assert sum(path.stat().st_size for path in DATA.glob("*-sample.*")) <= BYTES_MAX


def test_the_minutes_are_three_days_without_a_hole() -> None:
    header, *rows = gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()
    opens = [int(row.split(",")[0]) for row in rows]

    assert header == HEADER
    assert opens == list(range(opens[0], opens[0] + 4320 * 60_000, 60_000))


def test_the_quarter_hours_are_ninety_days_with_holes() -> None:
    rows = gzip.decompress(QUARTERS.read_bytes()).decode().splitlines()[1:]
    opens = [int(row.split(",")[0]) for row in rows]

    assert opens[-1] - opens[0] == (90 * 96 - 1) * 900_000
    assert 8_500 < len(rows) < 90 * 96


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "scripts" / "make_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
