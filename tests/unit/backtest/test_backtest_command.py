"""`tradewright backtest`: exit codes, the error object, the report's keys and texts, the summary."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tradewright.cli import backtest as cli_backtest

HOUR_MS = 3_600_000
MONDAY_MS = 1_704_067_200_000
SPEC = """
version: 1
name: Volume says so
market: { category: linear, symbol: BTCUSDT, timeframe: 1h }
params: { lot: { default: 1, min: 1, max: 5, step: 1 }, idle: 3 }
rules: { enter_long: volume == 1, exit_long: volume == 2 }
size: { base: lot }
"""
BARS = ["100,101,99,100,1", "100,103,99,102,0", "102,104,101,103,2", "110,111,109,110,0"]
TOP_KEYS = ["spec_sha256", "bars", "from", "to", "metrics", "trades", "equity", "warnings"]
METRICS = [
    "net_profit", "net_profit_pct", "max_drawdown_pct", "sharpe", "sortino", "profit_factor", "win_rate", "trades",
    "fees", "funding", "exposure_pct", "avg_trade_pct", "expectancy", "buy_and_hold_pct",
]  # fmt: skip
TRADE = [
    "side", "qty", "entry_time", "entry_price", "entry_reason", "exit_time", "exit_price", "exit_reason", "fees",
    "funding", "pnl", "pnl_pct", "bars", "ambiguous",
]  # fmt: skip
MONEY = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]{0,17}[1-9])?")


class Desk:
    """A folder with a spec and candles, and the command run in this process."""

    def __init__(self, folder: Path) -> None:
        self.spec, self.candles, self.out = folder / "spec.yaml", folder / "candles.csv", folder / "out.json"
        self.folder = folder
        self.spec.write_text(SPEC)
        self.write(BARS)
        application = typer.Typer()
        application.callback()(lambda: None)
        cli_backtest.register(application)
        self._application = application

    def write(self, bars: list[str], path: Path | None = None, step_ms: int = HOUR_MS) -> None:
        lines = [f"{MONDAY_MS + number * step_ms},{bar}" for number, bar in enumerate(bars) if bar]
        (path or self.candles).write_text("\n".join(["open_time_ms,open,high,low,close,volume", *lines]) + "\n")

    def run(
        self, *options: str, spec: str | None = None, candles: str | None = None, given: bytes | None = None
    ) -> Any:
        arguments = ["backtest", spec or str(self.spec), "--candles", candles or str(self.candles), *options]
        return CliRunner().invoke(self._application, arguments, input=given)

    def report(self, *options: str, code: int = 0) -> dict[str, Any]:
        done = self.run("--json", str(self.out), *options)
        assert done.exit_code == code, done.output
        report: dict[str, Any] = json.loads(self.out.read_text())
        return report


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_report_has_the_keys_of_the_contract_in_its_order(desk: Desk) -> None:
    report = desk.report()
    assert list(report)[: len(TOP_KEYS)] == TOP_KEYS
    assert list(report["metrics"]) == METRICS
    assert list(report["trades"][0]) == TRADE
    assert report["bars"] == 4
    assert (report["from"], report["to"]) == (MONDAY_MS, MONDAY_MS + 4 * HOUR_MS)


def test_a_run_worked_out_by_hand_with_the_default_costs(desk: Desk) -> None:
    report = desk.report()
    # In at 100 x 1.0001, out at 110 x 0.9999, 5.5 basis points of each: 0.0550055 and 0.06049395.
    assert report["trades"] == [
        {
            "side": "long", "qty": "1", "entry_time": MONDAY_MS + HOUR_MS, "entry_price": "100.01",
            "entry_reason": "enter_long", "exit_time": MONDAY_MS + 3 * HOUR_MS, "exit_price": "109.989",
            "exit_reason": "exit_long", "fees": "0.11549945", "funding": "0", "pnl": "9.86350055",
            "pnl_pct": pytest.approx(9.862514, abs=1e-6), "bars": 2, "ambiguous": False,
        }
    ]  # fmt: skip
    assert report["metrics"]["net_profit"] == "9.86350055"
    assert report["metrics"]["fees"] == "0.11549945"
    assert report["metrics"]["exposure_pct"] == 50
    assert report["metrics"]["buy_and_hold_pct"] == pytest.approx(10)
    points = [10_000, 10_000, 10_000 + 1.99 - 0.0550055, 10_000 + 2.99 - 0.0550055, 10_009.86350055]
    assert report["equity"] == [
        [MONDAY_MS + number * HOUR_MS, pytest.approx(point, rel=1e-12)] for number, point in enumerate(points)
    ]


def test_money_is_plain_decimal_text(desk: Desk) -> None:
    report = desk.report("--set", "lot=3", "--equity", "12345.678")
    trade = report["trades"][0]
    for text in (
        *(trade[key] for key in ("qty", "entry_price", "exit_price", "fees", "funding", "pnl")),
        *(report["metrics"][key] for key in ("net_profit", "fees", "funding", "expectancy")),
    ):
        assert MONEY.fullmatch(text), text
    assert trade["qty"] == "3"


def test_what_a_report_was_made_of_stands_in_it(desk: Desk) -> None:
    report = desk.report("--tick-size", "0.5", "--fee-maker-bps", "1.5", "--set", "lot=2")
    assert report["engine"]["name"] == "fast"
    assert report["engine"]["version"]
    assert re.fullmatch("[0-9a-f]{64}", report["data"]["sha256"])
    assert report["settings"]["tick_size"] == "0.5"
    assert report["settings"]["fee_maker_bps"] == "1.5"
    assert report["settings"]["fee_taker_bps"] == "5.5"
    assert report["settings"]["params"] == {"idle": "3", "lot": "2"}


def test_set_values_do_not_change_the_specs_hash_and_the_same_run_gives_the_same_bytes(desk: Desk) -> None:
    first = desk.report()
    text = desk.out.read_bytes()
    assert desk.report() == first
    assert desk.out.read_bytes() == text
    assert desk.report("--set", "lot=2")["spec_sha256"] == first["spec_sha256"]


def test_warnings_of_the_check_come_first_and_ours_last(desk: Desk) -> None:
    codes = [warning["code"] for warning in desk.report("--equity", "50")["warnings"]]
    assert codes == ["unused_param", "insufficient_balance", "few_trades"]
    assert desk.report()["warnings"][0]["first_time"] is None


def test_without_json_a_summary_for_people_is_printed(desk: Desk) -> None:
    done = desk.run()
    assert done.exit_code == 0
    assert "Volume says so: 4 bars, 2024-01-01 00:00 – 2024-01-01 04:00 UTC" in done.output
    assert "net profit       9.8635 (+0.10 %) of 10000" in done.output
    assert "exit_long 1" in done.output
    assert "few_trades" in done.output


def test_a_dash_is_standard_output_and_standard_input(desk: Desk) -> None:
    done = desk.run("--json", "-", candles="-", given=desk.candles.read_bytes())
    assert done.exit_code == 0
    assert json.loads(done.stdout)["bars"] == 4


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (str(MONDAY_MS + HOUR_MS), str(MONDAY_MS + 3 * HOUR_MS)),
        ("2024-01-01T01:00", "2024-01-01T03:00Z"),
        ("2024-01-01T02:00+01:00", "2024-01-01 02:00:00.001"),
    ],
)
def test_from_and_to_are_milliseconds_or_iso_8601(desk: Desk, begin: str, end: str) -> None:
    report = desk.report("--from", begin, "--to", end)
    assert (report["bars"], report["from"], report["to"]) == (2, MONDAY_MS + HOUR_MS, MONDAY_MS + 3 * HOUR_MS)


def test_a_wrong_spec_exits_2_with_the_errors_in_place_of_the_report(desk: Desk) -> None:
    desk.spec.write_text(SPEC.replace("size: { base: lot }", "size: { base: lots }"))
    report = desk.report(code=2)
    assert report["ok"] is False
    assert [(error["path"], error["code"]) for error in report["errors"]] == [("/size/base", "unknown_param")]
    done = desk.run()
    assert done.exit_code == 2
    assert re.search(r"spec\.yaml:7:\d+: /size/base: unknown_param", done.stderr)


@pytest.mark.parametrize("value", ["lot=9", "nothing=1", "lot=abc"])
def test_a_wrong_set_exits_2_and_names_the_param(desk: Desk, value: str) -> None:
    report = desk.report("--set", value, code=2)
    assert report["errors"][0]["path"] == f"/params/{value.partition('=')[0]}"


def test_a_gap_exits_3_unless_it_is_to_be_filled(desk: Desk) -> None:
    desk.write([BARS[0], "", BARS[1], BARS[2]])
    report = desk.report(code=3)
    assert report == {
        "ok": False,
        "errors": [
            {"code": "gap", "message": report["errors"][0]["message"], "count": 1, "times": [MONDAY_MS + HOUR_MS]}
        ],
    }
    filled = desk.report("--fill-gaps")
    assert filled["bars"] == 4
    assert {"gaps_filled": 1}.items() <= {one["code"]: one["count"] for one in filled["warnings"]}.items()


def test_candles_of_another_timeframe_and_none_at_all_exit_3(desk: Desk) -> None:
    assert desk.report("--from", "2030-01-01", code=3)["errors"][0]["code"] == "no_candles"
    desk.write(BARS, step_ms=2 * HOUR_MS)
    assert desk.report(code=3)["errors"][0]["code"] == "wrong_timeframe"
    desk.candles.write_text("open_time_ms,open,high,low,close,volume\n")
    assert desk.report(code=3)["errors"][0]["code"] == "no_candles"


def test_funding_that_cannot_be_read_exits_3(desk: Desk) -> None:
    rates = desk.folder / "funding.csv"
    rates.write_text(f"funding_time_ms,funding_rate\n{MONDAY_MS + 2 * HOUR_MS},0.001\n")
    assert desk.report("--funding", str(rates))["metrics"]["funding"] == "0.102"
    rates.write_text(f"funding_time_ms,funding_rate\n{MONDAY_MS},2.5\n")
    assert desk.report("--funding", str(rates), code=3)["errors"][0]["code"] == "bad_candle"


def test_finer_candles_are_walked(desk: Desk) -> None:
    fine = desk.folder / "fine.csv"
    desk.write([BARS[0]] * 4, fine, step_ms=HOUR_MS // 4)
    assert desk.report("--fine", str(fine))["settings"]["fine_ms"] == HOUR_MS // 4


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--equity", "0"), "--equity"),
        (("--equity", "much"), "--equity"),
        (("--equity", "1e99"), "--equity"),
        (("--equity", "NaN"), "--equity"),
        (("--slippage-bps", "-1"), "--slippage-bps"),
        (("--fee-taker-bps", "10000"), "--fee-taker-bps"),
        (("--tick-size", "0"), "--tick-size"),
        (("--qty-step", "0"), "--qty-step"),
        (("--min-qty", "-1"), "--min-qty"),
        (("--maintenance-margin-pct", "100"), "--maintenance-margin-pct"),
        (("--from", "yesterday"), "--from"),
        (("--engine", "quick"), "--engine"),
        (("--set", "lot"), "--set"),
        (("--candles", "-", "--fine", "-"), "standard input"),
        (("--fine", "nowhere.csv"), "nowhere.csv"),
        (("--json", "/nowhere/at/all.json"), "/nowhere/at/all.json"),
        (("--colour", "blue"), "--colour"),
    ],
)
def test_wrong_usage_exits_64_and_names_what_is_wrong(desk: Desk, options: tuple[str, ...], named: str) -> None:
    done = desk.run(*options)
    assert done.exit_code == 64, done.output
    assert named in done.stderr


def test_files_that_are_not_there_exit_64(desk: Desk) -> None:
    assert desk.run(spec="nowhere.yaml").exit_code == 64
    assert desk.run(candles="nowhere.csv").exit_code == 64


@pytest.mark.parametrize(
    ("spec", "options", "named"),
    [
        (SPEC.replace("linear", "spot"), ("--funding", "rates.csv"), "--funding"),
        (
            "version: 1\nkind: grid\nname: g\nmarket: {category: linear, symbol: BTCUSDT, timeframe: 1h}\n"
            "grid: {lower: 90, upper: 110, levels: 3, spacing: arithmetic, side: long, per_level: {base: 1}}\n",
            ("--fine", "fine.csv"),
            "--fine",
        ),
    ],
)
def test_options_that_do_not_fit_the_strategy_exit_64_before_their_file_is_read(
    desk: Desk, spec: str, options: tuple[str, ...], named: str
) -> None:
    desk.spec.write_text(spec)
    done = desk.run(*options)
    assert done.exit_code == 64
    assert named in done.stderr


def test_the_command_as_a_process_of_its_own(desk: Desk) -> None:
    program = Path(sys.executable).with_name("tradewright")
    done = subprocess.run(
        [str(program), "backtest", str(desk.spec), "--candles", str(desk.candles), "--json", "-"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["trades"] == 1


def test_the_exact_mode_says_the_same_and_its_bytes_hang_on_nothing_but_what_it_was_given(desk: Desk) -> None:
    options = ["--candles", str(desk.candles), "--tick-size", "0.1", "--json", "-"]
    command = [sys.executable, "-m", "tradewright", "backtest", str(desk.spec), *options]
    told = [
        subprocess.run(
            [*command, "--engine", engine], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for engine, seed in (("exact", "1"), ("exact", "2"), ("fast", "1"))
    ]
    assert told[0] == told[1]
    exact, fast = json.loads(told[0]), json.loads(told[2])
    assert exact.pop("engine")["name"] == "exact"
    assert fast.pop("engine")["name"] == "fast"
    assert exact == fast
    assert len(exact["trades"]) == 1


def test_the_exact_mode_names_what_it_cannot_run(desk: Desk) -> None:
    desk.spec.write_text(SPEC.replace("linear", "spot"))
    done = desk.run("--engine", "exact")
    assert done.exit_code == 64
    assert "spot" in done.stderr
