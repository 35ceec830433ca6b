"""A report in words for a person at a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def summary_of(report: dict[str, Any], name: str) -> str:
    """Several lines, English. `name`: the strategy's."""
    metrics, settings = report["metrics"], report["settings"]
    held = report["buy_and_hold"]
    factor = metrics["profit_factor"]
    lines = [
        f"{name}: {report['bars']} bars, {_moment(report['from'])} – {_moment(report['to'])} UTC",
        "",
        f"  net profit       {_short(metrics['net_profit'])} ({metrics['net_profit_pct']:+.2f} %)"
        f" of {settings['equity']}",
        f"  buy and hold     {held['net_profit_pct']:+.2f} %, deepest drawdown {held['max_drawdown_pct']:.2f} %",
        f"  max drawdown     {metrics['max_drawdown_pct']:.2f} %",
        f"  trades           {metrics['trades']}, {100 * metrics['win_rate']:.1f} % won, "
        f"profit factor {'–' if factor is None else f'{factor:.2f}'}",
        f"  average trade    {metrics['avg_trade_pct']:+.3f} %, expectancy {_short(metrics['expectancy'])}",
        f"  fees, funding    {_short(metrics['fees'])}, {_short(metrics['funding'])}",
        f"  Sharpe, Sortino  {metrics['sharpe']:.2f}, {metrics['sortino']:.2f}",
        f"  in the market    {metrics['exposure_pct']:.1f} % of the closes",
    ]
    exits = _counted(trade["exit_reason"] for trade in report["trades"])
    if exits:
        lines.append("  exits            " + ", ".join(f"{reason} {count}" for reason, count in exits))
    for warning in report["warnings"]:
        when = "" if warning["first_time"] is None else f", first at {_moment(warning['first_time'])}"
        lines.append(f"  warning          {warning['code']} ({warning['count']}×{when}): {warning['message']}")
    return "\n".join(lines)


def _counted(reasons: Any) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _short(money: str) -> str:
    """At most four decimals: the report has all of them."""
    whole, point, fraction = money.partition(".")
    return f"{whole}{point}{fraction[:4]}"
