"""Every rule of the contract's sections 3, 5 and 6 on bars that were worked out by hand (`tests/data/backtests`)."""

from __future__ import annotations

import pytest

from support.backtests.tables import (
    Case,
    expected_trades,
    expected_warnings,
    read_cases,
    told_trades,
    told_warnings,
)

CASES = [case for name in ("signal.yaml", "dca.yaml", "grid.yaml") for case in read_cases(name)]


@pytest.mark.parametrize("case", CASES, ids=[case.promise for case in CASES])
def test_hand_worked_bars_give_these_trades(case: Case) -> None:
    result = case.play()
    assert told_trades(case, result) == expected_trades(case)
    assert told_warnings(case, result) == expected_warnings(case)
    if "equity" in case.expected:
        assert [f"{point:.10g}" for point in result.equity] == case.expected["equity"].split()
    if "bars_run" in case.expected:
        assert result.bars == int(case.expected["bars_run"])
    if "exposed" in case.expected:
        assert result.exposed == int(case.expected["exposed"])


@pytest.mark.parametrize("case", CASES, ids=[case.promise for case in CASES])
def test_equity_ends_as_capital_and_what_the_trades_made(case: Case) -> None:
    result = case.play()
    assert result.final_equity == result.capital + sum(trade.pnl for trade in result.trades)
    assert result.equity[-1] == pytest.approx(float(result.final_equity), rel=1e-12)
    assert len(result.equity) == len(result.close_times_ms) == result.bars


def test_no_promise_is_made_twice() -> None:
    promises = [case.promise for case in CASES]
    assert len(set(promises)) == len(promises)
