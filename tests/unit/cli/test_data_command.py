"""`tradewright data` as a person and a program meet it: what is said where, and the exit code."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tradewright.cli import data as cli_data
from tradewright.cli import data_funding
from tradewright.core.errors import ExchangeUnavailable
from tradewright.market.history.downloading import Downloaded, Progress
from tradewright.market.history.faults import BadCandles, CandleFault
from tradewright.market.history.funding_download import DownloadedFunding
from tradewright.market.history.funding_store import FundingStore
from tradewright.market.history.store import DataStore
from tradewright.process.lock import FileLock
from tradewright.system import SystemClock
from unit.market.history.trade_tapes import contracts_file, tape

DATA = Path(__file__).resolve().parents[2] / "data"
MINUTES = str(DATA / "btcusdt-linear-1m-sample.csv.gz")
QUARTERS = str(DATA / "ethusdt-linear-15m-sample.csv.gz")
TRADES = str(DATA / "btcusdt-linear-trades-sample.csv.gz")
Download = Callable[[cli_data.DownloadOptions, Callable[[Progress], None]], Downloaded]


class Desk:
    """The command with a store of its own; `download` stands for the exchange."""

    def __init__(self, root: Path) -> None:
        self.store = DataStore(root, SystemClock())
        self.asked: list[cli_data.DownloadOptions] = []
        self.answer: Downloaded | BaseException = Downloaded(added=0, was_there=0, absent=0, manifest=None)
        self._application = typer.Typer()
        self._application.callback()(lambda: None)
        group = cli_data.register(
            self._application, cli_data.DataParts(store=lambda: self.store, download=self._download)
        )
        rates = FundingStore(root)
        data_funding.register(group, data_funding.FundingParts(download=self._funding, path=rates.path))
        self.asked_funding: list[data_funding.FundingOptions] = []

    def run(self, *arguments: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(self._application, ["data", *arguments], input=stdin)

    def plain(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.exit_code == code, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["ok"] is (code == 0)
        return found

    def _funding(self, options: data_funding.FundingOptions) -> DownloadedFunding:
        self.asked_funding.append(options)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return DownloadedFunding(found=5, added=3)

    def _download(self, options: cli_data.DownloadOptions, tell: Callable[[Progress], None]) -> Downloaded:
        self.asked.append(options)
        tell(Progress(pages=1, pages_in_all=1, bars=1))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "data")


def test_funding_is_asked_for_by_contract_and_span_and_told_with_its_file(desk: Desk) -> None:
    done = desk.run("funding", "--symbol", "BTCUSDT", "--from", "2024-01-01", "--environment", "testnet")
    assert done.exit_code == 0
    path = desk.store.root / "testnet/linear/BTCUSDT/funding.csv"
    assert done.stdout.replace("\n", "") == f"3 rates came in, 2 were there: {path}"
    (asked,) = desk.asked_funding
    assert (asked.environment, asked.series.origin, asked.from_ms, asked.to_ms) == (
        "testnet",
        "testnet",
        1_704_067_200_000,
        None,
    )
    told = desk.plain("funding", "--symbol", "BTCUSDT", "--from", "0", "--to", "86400000")
    assert told == {"ok": True, "found": 5, "added": 3, "path": str(desk.store.root / "linear/BTCUSDT/funding.csv")}
    assert desk.run("funding", "--symbol", "BTCUSDT", "--from", "0", "--environment", "moon").exit_code == 64
    desk.answer = ExchangeUnavailable("no answer")
    assert desk.plain("funding", "--symbol", "BTCUSDT", "--from", "0", code=1)["errors"][0]["message"] == "no answer"


def test_an_empty_store_says_so(desk: Desk) -> None:
    assert "There are no candles yet" in desk.run("list").output
    assert desk.plain("list") == {"ok": True, "series": []}
    assert desk.plain("check") == {"ok": True, "series": []}


def test_what_was_imported_is_listed_from_when_to_when_with_its_gaps(desk: Desk) -> None:
    done = desk.run("import", QUARTERS, "--symbol", "ETHUSDT")
    assert done.exit_code == 0
    assert "8592 bars came in, 0 were there" in done.output
    again = desk.plain("import", QUARTERS, "--symbol", "ETHUSDT")
    assert (again["added"], again["equal"], again["conflicts"]) == (0, 8592, 0)
    (row,) = desk.plain("list")["series"]
    assert (row["category"], row["symbol"], row["timeframe"]) == ("linear", "ETHUSDT", "15m")
    assert (row["bars"], row["gaps"], row["missing_bars"]) == (8592, 12, 48)
    assert (row["from_ms"], row["to_ms"]) == (1_701_734_400_000, 1_709_510_400_000)
    assert Path(row["path"]).stat().st_size == row["file_bytes"]
    assert (
        "linear/ETHUSDT/15m  2023-12-05 00:00 to 2024-03-04 00:00  8592 bars  12 gaps (48 bars)"
        in desk.run("list").output
    )


def test_gaps_end_a_check_with_three_and_whole_candles_with_zero(desk: Desk) -> None:
    desk.run("import", MINUTES, "--symbol", "BTCUSDT")
    assert desk.run("check").exit_code == 0
    desk.run("import", QUARTERS, "--symbol", "ETHUSDT")
    checked = desk.plain("check", code=3)
    (fault,) = checked["series"][1]["faults"]
    assert (fault["code"], fault["count"], len(fault["times"])) == ("gap", 12, 12)
    assert checked["series"][0]["faults"] == []
    assert desk.run("check", "--symbol", "BTCUSDT").exit_code == 0


def test_damage_ends_a_check_with_three(desk: Desk) -> None:
    path = Path(desk.plain("import", MINUTES, "--symbol", "BTCUSDT")["series"]["path"])
    assert desk.plain("list")["series"][0]["looks_whole"] is True
    path.write_bytes(path.read_bytes()[:-1])
    assert desk.plain("list")["series"][0]["looks_whole"] is False
    assert "NOT AS IT WAS" in desk.run("list").output
    assert desk.plain("check", code=3)["series"][0]["faults"][0]["code"] == "bad_file"
    assert "is damaged" in desk.run("check").output


def test_a_contradiction_is_told_and_both_ways_out_of_it_work(desk: Desk, tmp_path: Path) -> None:
    desk.run("import", MINUTES, "--symbol", "BTCUSDT")
    header, first, *rows = gzip.decompress(Path(MINUTES).read_bytes()).decode().splitlines()
    cells = first.split(",")
    other = tmp_path / "other.csv"
    other.write_text("\n".join([header, ",".join([*cells[:5], "99", cells[6]]), *rows, ""]))
    refused = desk.plain("import", str(other), "--symbol", "BTCUSDT", code=3)
    assert [(one["code"], one["count"]) for one in refused["errors"]] == [("conflict", 1)]
    kept = desk.plain("import", str(other), "--symbol", "BTCUSDT", "--on-conflict", "keep")
    assert (kept["conflicts"], kept["equal"]) == (1, 4319)
    replaced = desk.plain("import", str(other), "--symbol", "BTCUSDT", "--on-conflict", "replace")
    assert replaced["conflicts"] == 1
    assert replaced["series"]["data_sha256"] != kept["series"]["data_sha256"]
    assert [source["replaced"] for source in replaced["series"]["sources"]] == [0, 1]


def test_what_is_no_candles_exits_three_and_what_is_no_file_sixty_four(desk: Desk) -> None:
    assert desk.plain("import", TRADES, "--symbol", "BTCUSDT", code=3)["errors"][0]["code"] == "bad_file"
    assert desk.plain("import", "not/there.csv", "--symbol", "BTCUSDT", code=64)["errors"][0]["code"] == "usage"
    assert desk.store.all() == []


def test_a_file_comes_in_by_standard_input(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    done = desk.run("import", "-", "--symbol", "BTCUSDT", stdin=Path(MINUTES).read_bytes())
    assert done.exit_code == 0, done.output
    assert desk.store.all()[0][1] is not None


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["import"],
        ["import", MINUTES],
        ["import", MINUTES, "--symbol", "btc/usdt"],
        ["import", MINUTES, "--symbol", "BTCUSDT", "--category", "inverse"],
        ["import", MINUTES, "--symbol", "BTCUSDT", "--timeframe", "8h"],
        ["import", MINUTES, "--symbol", "BTCUSDT", "--origin", "elsewhere"],
        ["import", MINUTES, "--symbol", "BTCUSDT", "--on-conflict", "guess"],
        ["check", "--symbol", "BTCUSDT"],
        ["download", "--symbol", "BTCUSDT", "--timeframe", "1m"],
        ["download", "--symbol", "BTCUSDT", "--timeframe", "2m", "--from", "0"],
        ["download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", "yesterday"],
        ["download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", "0", "--environment", "mars"],
        ["download", "--symbol", "BTCUSDT", "--from", "0", "--source", "somewhere"],
        ["download", "--symbol", "BTCUSDT", "--from", "0", "--source", "archive", "--environment", "testnet"],
        ["download", "--symbol", "BTCUSDT", "--from", "0", "--source", "archive", "--environment", "sim"],
        ["download", "--symbol", "BTCUSDT", "--from", "0", "--source", "archive", "--archive-address", "ftp://host"],
        ["download", "--symbol", "BTCUSDT", "--from", "0", "--archive-address", "http://host"],
    ],
)
def test_wrong_usage_exits_64_and_changes_nothing(arguments: list[str], desk: Desk) -> None:
    assert desk.run(*arguments).exit_code == 64
    assert desk.asked == []
    assert desk.store.all() == []


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1714521600000", 1_714_521_600_000),
        ("2024-05-01", 1_714_521_600_000),
        ("2024-05-01T00:00", 1_714_521_600_000),
        ("2024-05-01T02:00+02:00", 1_714_521_600_000),
        ("2024-05-01T00:00:00Z", 1_714_521_600_000),
    ],
)
def test_a_moment_is_milliseconds_or_iso_and_utc_unless_it_says_otherwise(text: str, ms: int, desk: Desk) -> None:
    assert desk.run("download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", text).exit_code == 0
    assert (desk.asked[0].from_ms, desk.asked[0].to_ms) == (ms, None)


@pytest.mark.parametrize(
    ("environment", "origin"), [("live", "bybit"), ("demo", "bybit"), ("testnet", "testnet"), ("sim", "sim")]
)
def test_prices_of_another_market_are_asked_for_and_kept_as_such(environment: str, origin: str, desk: Desk) -> None:
    desk.run("download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", "0", "--environment", environment)
    assert (desk.asked[0].environment, desk.asked[0].series.origin) == (environment, origin)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ExchangeUnavailable("the exchange is away"), 1),
        (OSError(28, "No space left on device"), 1),
        (BadCandles([CandleFault(code="bad_candle", message="a price is 0", times=(0,))]), 3),
        (ValueError("the span is empty"), 64),
    ],
)
def test_each_way_a_download_may_fail_has_its_exit_code(failure: Exception, code: int, desk: Desk) -> None:
    desk.answer = failure
    asked = ["download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", "0"]
    done = desk.run(*asked)
    assert (done.exit_code, "Traceback" in done.output) == (code, False)
    assert str(failure) in done.stderr
    assert str(failure) in desk.plain(*asked, code=code)["errors"][0]["message"]


def test_a_download_that_is_stopped_says_that_what_came_stays(desk: Desk) -> None:
    desk.answer = KeyboardInterrupt()
    done = desk.run("download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", "0")
    assert done.exit_code == 130
    assert "stopped; what came in stays" in done.stderr


def test_a_series_that_is_being_written_is_left_alone(desk: Desk) -> None:
    desk.run("import", MINUTES, "--symbol", "BTCUSDT")
    lock = FileLock(desk.store.root / "linear" / "BTCUSDT" / ".1m.lock")
    assert lock.take() is None
    done = desk.run("import", MINUTES, "--symbol", "BTCUSDT")
    lock.release()
    assert done.exit_code == 1
    assert "is being written by process" in done.stderr


def test_a_download_says_what_came_and_what_the_exchange_has_not(desk: Desk) -> None:
    desk.run("import", MINUTES, "--symbol", "BTCUSDT")
    ((_, manifest),) = desk.store.all()
    desk.answer = replace(Downloaded(added=5, was_there=7, absent=2, manifest=manifest))
    asked = ["download", "--symbol", "BTCUSDT", "--timeframe", "1m", "--from", "0"]
    assert "5 bars came in, 7 were there, 2 the exchange has not" in desk.run(*asked).output
    found = desk.plain(*asked)
    assert (found["added"], found["was_there"], found["absent"]) == (5, 7, 2)
    assert found["series"]["bars"] == 4320


def test_the_archive_is_asked_for_by_name_and_what_it_tells_is_said(desk: Desk) -> None:
    asked = ["download", "--symbol", "BTCUSDT", "--from", "0", "--source", "archive"]
    desk.answer = Downloaded(
        added=0, was_there=0, absent=1_440, manifest=None, notes=("1 days have no file",), days_without_file=(0,)
    )
    done = desk.run(*asked, "--archive-address", "http://127.0.0.1:8080/below")
    assert (done.exit_code, "note: 1 days have no file" in done.stderr) == (0, True)
    (options,) = desk.asked
    assert (options.source, options.archive_address) == ("archive", "http://127.0.0.1:8080/below")
    assert options.series.timeframe == "1m"
    found = desk.plain(*asked)
    assert (found["notes"], found["days_without_file"], found["series"]) == (["1 days have no file"], [0], None)
    assert desk.asked[1].archive_address is None


def test_a_file_of_trades_is_imported_as_candles_and_that_is_said(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT2024-01-01.csv.gz"
    path.write_bytes(contracts_file(tape(5)))
    done = desk.run("import", str(path), "--symbol", "BTCUSDT")
    assert done.exit_code == 0, done.output
    assert "note: candles of 1m were made of 2000 trades" in done.stderr
    assert desk.run("check").exit_code == 0
    hours = desk.plain("import", str(path), "--symbol", "BTCUSDT", "--timeframe", "1h")
    assert hours["series"]["bars"] == 24
    assert desk.plain("import", str(path), "--symbol", "ETHUSDT", code=3)["errors"][0]["code"] == "bad_file"
