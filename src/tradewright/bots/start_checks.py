"""What speaks for and against starting a run now: a list of checks with a verdict each, as values.

Lives here: `start_checks`, by which the page shows them and `starting` refuses. Not here: where the facts come from
(`start_facts`). A check that blocks is a refusal; one that warns is told and lets it start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tradewright.bots.machines import RUNNABLE_CATEGORIES, RUNNABLE_KINDS
from tradewright.bots.start_facts import StartFacts
from tradewright.core.errors import Problem
from tradewright.core.instrument import Instrument
from tradewright.core.money import plain
from tradewright.strategy.check import Checked
from tradewright.strategy.model import Dca, Grid, Signal, Strategy

CheckName = Literal[
    "strategy", "kind", "account", "kill", "arming", "symbol", "mode", "max_loss", "capital", "evidence", "place"
]
Verdict = Literal["pass", "warn", "block"]
# What is typed to start with real money what never ran to its end without it; in whichever of these languages.
WITHOUT_EVIDENCE: Mapping[str, str] = {"en": "UNTESTED", "ru": "БЕЗ ПРОВЕРКИ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`code` and `params` say what is found where it does not pass; `field` is the part of the request it is about."""

    name: CheckName
    verdict: Verdict = "pass"
    code: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    field: str = "bot"

    def problem(self) -> Problem:
        assert self.code is not None, "what blocks says why"
        return Problem(self.code, self.field, dict(self.params))


def kind_of(strategy: Strategy) -> Literal["signal", "grid", "dca"]:
    match strategy.plan:
        case Signal():
            return "signal"
        case Grid():
            return "grid"
        case Dca():
            return "dca"


def start_checks(
    facts: StartFacts,
    checked: Checked,
    instrument: Instrument | None,
    *,
    real_trading: bool,
    says_untested: bool = False,
    kinds: Collection[str] = RUNNABLE_KINDS,
    categories: Collection[str] = RUNNABLE_CATEGORIES,
) -> list[Check]:
    """Every check, in the order in which they are told. `checked` is of the bot's own spec and params, `instrument` of
    its account's exchange; `says_untested`: whoever starts it has typed that it was never tried. `kinds` of strategies
    and `categories` of listings are those that there are machines for."""
    return [
        *_of_strategy(checked, kinds, categories),
        *_of_account(facts, real_trading=real_trading),
        *_of_symbol(facts, instrument),
        *_of_money(facts),
        _of_evidence(facts, says_untested=says_untested),
        _of_place(facts),
    ]


def blocking(checks: Collection[Check]) -> list[Problem]:
    return [check.problem() for check in checks if check.verdict == "block"]


def _of_strategy(checked: Checked, kinds: Collection[str], categories: Collection[str]) -> Iterator[Check]:
    if checked.strategy is None:
        params = {"count": str(len(checked.errors)), "text": checked.errors[0].message}
        yield Check(name="strategy", verdict="block", code="run.spec_wrong", params=params)
        return
    yield Check(name="strategy")
    kind, category = kind_of(checked.strategy), checked.strategy.market.category
    if kind not in kinds:
        params = {"kind": kind, "allowed": ", ".join(sorted(kinds))}
        yield Check(name="kind", verdict="block", code="run.kind_not_runnable", params=params)
    elif category not in categories:
        params = {"category": category, "allowed": ", ".join(sorted(categories))}
        yield Check(name="kind", verdict="block", code="run.category_not_runnable", params=params)
    else:
        yield Check(name="kind")


def _of_account(facts: StartFacts, *, real_trading: bool) -> Iterator[Check]:
    named = {"account": facts.account_name}
    if facts.is_resting:
        yield Check(name="account", verdict="block", code="run.account_resting", params=named)
    elif facts.is_refused:
        yield Check(name="account", verdict="block", code="run.account_refused", params=named)
    elif facts.is_read_only:
        yield Check(name="account", verdict="block", code="run.account_read_only", params=named)
    elif not facts.is_ready:
        yield Check(name="account", verdict="warn", code="run.account_not_ready", params=named)
    else:
        yield Check(name="account")
    if facts.is_killed:
        yield Check(name="kill", verdict="block", code="run.killed", params=named)
    else:
        yield Check(name="kill")
    if facts.environment == "live" and not real_trading:
        yield Check(name="arming", verdict="block", code="account.real_trading_off")
    elif facts.armed is False:
        yield Check(name="arming", verdict="block", code="run.not_armed", params=named)
    else:
        yield Check(name="arming")


def _of_symbol(facts: StartFacts, instrument: Instrument | None) -> Iterator[Check]:
    settings, allowed = facts.settings, facts.risk.limits.symbols
    named = {"symbol": settings.symbol, "category": settings.category}
    if instrument is None:
        yield Check(name="symbol", verdict="block", code="bot.symbol_not_listed", params=named)
    elif instrument.status != "Trading":
        params = named | {"status": instrument.status}
        yield Check(name="symbol", verdict="block", code="run.symbol_not_trading", params=params)
    elif allowed is not None and settings.symbol not in allowed:
        yield Check(name="symbol", verdict="block", code="run.symbol_not_allowed", params=named)
    else:
        yield Check(name="symbol")
    if facts.is_hedged:
        yield Check(name="mode", verdict="block", code="run.hedge_mode", params=named)
    else:
        yield Check(name="mode")


def _of_money(facts: StartFacts) -> Iterator[Check]:
    """The account's own limit of a day's loss is the tighter one where a run might lose more than it lets go."""
    settings, percent = facts.settings, facts.risk.limits.daily_loss
    if percent is None:
        yield Check(name="max_loss")
    elif facts.equity is None:
        params = {"percent": plain(percent)}
        yield Check(name="max_loss", verdict="warn", code="run.daily_loss_unknown", params=params)
    else:
        allowed = facts.equity * percent / 100
        if settings.limits.max_loss > allowed:
            params = {
                "value": plain(settings.limits.max_loss),
                "maximum": plain(round(allowed, 2)),
                "percent": plain(percent),
                "level": facts.risk.level("daily_loss"),
            }
            yield Check(name="max_loss", verdict="block", code="run.max_loss_above_daily", params=params)
        else:
            yield Check(name="max_loss")
    if facts.equity is not None and settings.capital > facts.equity:
        params = {"value": plain(settings.capital), "equity": plain(round(facts.equity, 2))}
        yield Check(name="capital", verdict="warn", code="run.capital_above_equity", params=params)
    else:
        yield Check(name="capital")


def _of_evidence(facts: StartFacts, *, says_untested: bool) -> Check:
    if facts.environment != "live" or facts.has_evidence:
        return Check(name="evidence")
    verdict: Verdict = "warn" if says_untested else "block"
    return Check(name="evidence", verdict=verdict, code="run.untested", params=dict(WITHOUT_EVIDENCE), field="untested")


def _of_place(facts: StartFacts) -> Check:
    """A position in the symbol that no run holds is a person's: a run beside it would take it for its own. What another
    run holds is gone once that has ended."""
    params = {"symbol": facts.settings.symbol}
    if facts.holder is None:
        if facts.has_position:
            return Check(name="place", verdict="block", code="run.symbol_in_use", params=params)
        return Check(name="place")
    return Check(name="place", verdict="warn", code="run.symbol_held", params=params | {"run": facts.holder})
