"""What a search found, as JSON and in words for a person.

Lives here: keys, texts, and the warning that the best of many is luck until shown otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tradewright.backtest.report import ENGINE, ENGINE_VERSION, settings_of
from tradewright.backtest.result import Warned
from tradewright.backtest.search.deflated import Deflated
from tradewright.backtest.search.figures import Figures
from tradewright.backtest.search.space import Space
from tradewright.backtest.search.sweep import Sweep
from tradewright.backtest.search.trial import Outcome
from tradewright.backtest.search.walk_forward import Step, Walked
from tradewright.backtest.search.window import Window
from tradewright.backtest.settings import Settings
from tradewright.core.money import plain
from tradewright.strategy.model import Strategy

Report = dict[str, Any]
BEST_TOLD = 10
LUCK = (
    "The best of {tries} tries on the same candles is the luckiest of them until shown otherwise: try it on candles it "
    "has not seen (tradewright walk-forward)."
)
_MONEY_PLACES = 9
_SKIPPED_TOLD = 3


def sweep_report(
    sweep: Sweep, strategy: Strategy, settings: Settings, *, data: Mapping[str, str], seed: int | None,
    program_version: str, warnings: Sequence[Warned],
) -> Report:  # fmt: skip
    """`results` are all sets in their order; `best` the first of the ranking."""
    worth = sweep.worth()
    return {
        "spec_sha256": strategy.sha256,
        "metric": sweep.metric,
        "space": _space(sweep.space, seed),
        "tries": sweep.tries,
        "skipped": len(sweep.skipped),
        "path": _path([sweep]),
        "deflated_sharpe": None if worth is None else _worth(worth),
        "best": [
            {"rank": place, **_set(sweep.space.values(number), sweep.outcomes[number])}
            for place, number in enumerate(sweep.ranking[:BEST_TOLD], 1)
        ],
        "results": [_set(sweep.space.values(number), outcome) for number, outcome in enumerate(sweep.outcomes)],
        "warnings": [_warned(one) for one in [*warnings, *luck(sweep.tries)]],
        **_made_of(strategy, settings, data, program_version),
    }


def walked_report(
    walked: Walked, space: Space, strategy: Strategy, settings: Settings, *, metric: str, mode: str,
    data: Mapping[str, str], seed: int | None, program_version: str, warnings: Sequence[Warned],
) -> Report:  # fmt: skip
    """`equity` is that out of sample: [from, capital], then each close's."""
    first = walked.steps[0].pair.outside.from_ms
    moments = walked.moments
    return {
        "spec_sha256": strategy.sha256,
        "metric": metric,
        "mode": mode,
        "space": _space(space, seed),
        "tries": walked.tries,
        "path": _path([step.sweep for step in walked.steps]),
        "out_of_sample": {
            "net_profit": _money(float(walked.final_equity - walked.capital)),
            "net_profit_pct": float(100 * (walked.final_equity / walked.capital - 1)),
            "max_drawdown_pct": walked.max_drawdown_pct,
            "sharpe": moments.sharpe,
            "sortino": moments.sortino,
            "trades": walked.trades,
            "days": moments.days,
        },
        "efficiency_ratio": walked.efficiency_ratio,
        "windows": [_step(step, space) for step in walked.steps],
        "params": [
            {"name": one.name, "chosen": [plain(value) for value in one.chosen], "spread_ratio": one.spread_ratio}
            for one in walked.steadiness
        ],
        "equity": [
            (first, float(walked.capital)),
            *zip(walked.times_ms.tolist(), walked.equity.tolist(), strict=True),
        ],
        "warnings": [_warned(one) for one in warnings],
        **_made_of(strategy, settings, data, program_version),
    }


def sweep_summary(report: Report, name: str) -> str:
    """For a person. `name`: the strategy's."""
    skipped = [result for result in report["results"] if result["metrics"] is None]
    lines = [f"{name}: {report['tries']} tries, best by {report['metric']}", ""]
    lines += _table(report["best"])
    worth = report["deflated_sharpe"]
    lines.append("")
    if worth is not None:
        lines.append(f"  deflated Sharpe  {worth['words']}")
    lines.append(f"  run              {_path_words(report['path'])}")
    if skipped:
        lines.append(f"  skipped          {len(skipped)} sets that the strategy does not allow:")
        lines += [
            f"                   {_params(result['params'])}: {result['errors'][0]['message']}"
            for result in skipped[:_SKIPPED_TOLD]
        ]
    return "\n".join([*lines, *_warnings(report)])


def walked_summary(report: Report, name: str) -> str:
    found = report["out_of_sample"]
    efficiency = report["efficiency_ratio"]
    lines = [
        f"{name}: walked forward over {len(report['windows'])} windows ({report['mode']}), best by {report['metric']}, "
        f"{report['tries']} tries",
        "",
        f"  {'out of sample':33}  {'in sample':>10}  {'outside':>10}  params",
    ]
    for window in report["windows"]:
        inside, outside = (_pct(window[key]) for key in ("in_sample", "out_of_sample"))
        span = f"{_day(window['test_from'])} – {_day(window['test_to'])}"
        lines.append(f"  {span:33}  {inside:>10}  {outside:>10}  {_params(window['params'] or {})}")
    lines += [
        "",
        f"  out of sample    {found['net_profit']} ({found['net_profit_pct']:+.2f} %), {found['trades']} trades, "
        f"max drawdown {found['max_drawdown_pct']:.2f} %, Sharpe {found['sharpe']:.2f}",
        "  efficiency       "
        + (
            "none of the windows gained in sample"
            if efficiency is None
            else f"{100 * efficiency:.0f} % of the gain a day in sample was there outside"
        ),
    ]
    lines.append(f"  run              {_path_words(report['path'])}")
    lines += [
        f"  {one['name']:15}  chosen {', '.join(one['chosen']) or 'never'}; "
        f"over {100 * one['spread_ratio']:.0f} % of its range"
        for one in report["params"]
    ]
    return "\n".join([*lines, *_warnings(report)])


def luck(tries: int) -> list[Warned]:
    return [Warned("best_of_many", LUCK.format(tries=tries), tries, None)] if tries > 1 else []


def _table(best: Sequence[Report]) -> list[str]:
    lines = [
        f"  {'':>3}  {'net profit':>12}  {'%':>8}  {'drawdown':>9}  {'Sharpe':>7}  {'trades':>6}  {'won':>6}  params"
    ]
    for one in best:
        metrics = one["metrics"]
        lines.append(
            f"  {one['rank']:>3}  {metrics['net_profit']:>12.2f}  {metrics['net_profit_pct']:>+8.2f}  "
            f"{metrics['max_drawdown_pct']:>7.2f} %  {metrics['sharpe']:>7.2f}  {metrics['trades']:>6}  "
            f"{100 * metrics['win_rate']:>4.0f} %  {_params(one['params'])}"
        )
    return lines if best else ["  no set of values could be run"]


def _warnings(report: Report) -> list[str]:
    return [f"  warning          {one['code']}: {one['message']}" for one in report["warnings"]]


def _space(space: Space, seed: int | None) -> Report:
    return {
        "params": [
            {"name": each.name, "min": plain(each.low), "step": plain(each.step), "values": each.count}
            for each in space.ranges
        ],
        "sets": len(space),
        "seed": seed,
    }


def _set(values: Mapping[str, Decimal], outcome: Outcome) -> Report:
    return {
        "params": {name: plain(value) for name, value in values.items()},
        "metrics": None if outcome.figures is None else _metrics(outcome.figures),
        "path": outcome.engine,
        "errors": [fault.plain() for fault in outcome.faults],
    }


def _path(sweeps: Sequence[Sweep]) -> Report:
    """How many sets ran which way, and why not compiled where none did."""
    ran = [outcome.engine for sweep in sweeps for outcome in sweep.outcomes]
    compiled = ran.count("compiled")
    return {"compiled": compiled, "plain": ran.count("plain"), "why_plain": None if compiled else sweeps[0].why_plain}


def _path_words(path: Report) -> str:
    compiled, plain_ones, why = path["compiled"], path["plain"], path["why_plain"]
    if not compiled:
        return f"by the plain engine: {why}" if why else "by the plain engine"
    left = f"; {plain_ones} left to the plain engine, for doubles could not tell" if plain_ones else ""
    return f"{compiled} compiled, to the plain engine's trades{left}"


def _step(step: Step, space: Space) -> Report:
    inside, outside = step.inside(), step.outside()
    return {
        "train_from": step.pair.inside.from_ms,
        "train_to": step.pair.inside.to_ms,
        "test_from": step.pair.outside.from_ms,
        "test_to": step.pair.outside.to_ms,
        "tries": step.sweep.tries,
        "params": None
        if step.number is None
        else {name: plain(value) for name, value in space.values(step.number).items()},
        "in_sample": None if inside is None else _metrics(inside),
        "out_of_sample": None if outside is None else _metrics(outside),
    }


def _metrics(figures: Figures) -> Report:
    """Money is a number here, to so many places: a search compares, the exact report is the backtest's."""
    return {
        "net_profit": _money(figures.net_profit),
        "net_profit_pct": figures.net_profit_pct,
        "max_drawdown_pct": figures.max_drawdown_pct,
        "sharpe": figures.sharpe,
        "sortino": figures.sortino,
        "profit_factor": figures.profit_factor,
        "win_rate": figures.win_rate,
        "trades": figures.trades,
        "fees": _money(figures.fees),
        "funding": _money(figures.funding),
        "exposure_pct": figures.exposure_pct,
        "avg_trade_pct": figures.avg_trade_pct,
        "expectancy": _money(figures.expectancy),
    }


def _worth(worth: Deflated) -> Report:
    return {
        "tries": worth.tries,
        "expected_daily_ratio": worth.expected_ratio,
        "probability": worth.probability,
        "words": worth.words(),
    }


def _made_of(strategy: Strategy, settings: Settings, data: Mapping[str, str], program_version: str) -> Report:
    return {
        "engine": {"name": ENGINE, "version": ENGINE_VERSION, "program": program_version},
        "data": dict(data),
        "settings": settings_of(settings, strategy),
    }


def window_of(settings: Settings) -> Window:
    return Window(settings.from_ms, settings.to_ms)


def _warned(one: Warned) -> Report:
    return {"code": one.code, "message": one.message, "count": one.count, "first_time": one.first_time_ms}


def _money(value: float) -> float:
    return round(value, _MONEY_PLACES) + 0.0  # never -0


def _pct(metrics: Report | None) -> str:
    return "–" if metrics is None else f"{metrics['net_profit_pct']:+.2f} %"


def _params(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items()) or "–"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
