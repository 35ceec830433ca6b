"""The committed sample is what its script writes."""

from __future__ import annotations

import gzip
import importlib.util
from types import ModuleType

from unit.simulator_market.samples import HEADER, ROOT, SAMPLE


def test_writing_the_sample_again_gives_the_committed_rows() -> None:
    made = _script().sample()

    assert gzip.decompress(made) == gzip.decompress(SAMPLE.read_bytes())


def test_the_sample_is_the_same_bytes_at_any_time_and_small() -> None:
    script = _script()
    made = script.sample()

    assert made == script.sample()
    assert made[4:8] == bytes(4)  # no time stamp in the gzip header
    assert len(SAMPLE.read_bytes()) <= 120_000


def test_the_sample_is_three_days_of_minutes_without_a_hole() -> None:
    header, *rows = gzip.decompress(SAMPLE.read_bytes()).decode().splitlines()
    opens = [int(row.split(",")[0]) for row in rows]

    assert header == HEADER
    assert opens == list(range(opens[0], opens[0] + 4320 * 60_000, 60_000))


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", ROOT / "scripts" / "make_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
