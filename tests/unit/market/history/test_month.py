"""The committed month of minutes is what its script writes, and a month without a fault."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path
from types import ModuleType

from tradewright.market.history.files import read_candles
from tradewright.market.history.funding import read_funding

ROOT = Path(__file__).resolve().parents[4]
DATA = ROOT / "tests" / "data"
CANDLES = DATA / "btcusdt-linear-1m-month.csv.gz"
FUNDING = DATA / "btcusdt-linear-funding-month.csv.gz"
BYTES_MAX = 1_000_000
A_DAY_AND_ITS_HEADER = 1_441


def test_writing_the_month_again_begins_with_the_committed_day() -> None:
    script = _script()
    written = gzip.decompress(CANDLES.read_bytes()).decode()
    assert written.startswith(script.text_of(script.minutes(), A_DAY_AND_ITS_HEADER))
    assert script.text_of(script.funding()) == gzip.decompress(FUNDING.read_bytes()).decode()


def test_the_month_is_whole_and_small() -> None:
    candles, funding = read_candles(CANDLES, "1m"), read_funding(FUNDING)
    assert len(candles) == 31 * 1_440
    assert funding.time_ms[0] == candles.open_time_ms[0]
    assert funding.time_ms[-1] == candles.open_time_ms[-1] + 60_000
    assert CANDLES.stat().st_size + FUNDING.stat().st_size <= BYTES_MAX


def _script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_month", ROOT / "scripts" / "make_month.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
