"""A checked spec in plain words: what it trades, when, how much, what protects it, what it needs, what to beware of.

Lives here: which sentences stand where, and what is said beside the clauses: what is absent, facts, warnings, and how
the words are meant. Not here: the clauses (`clauses`), the words (`english`, `russian`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal

from tradewright.strategy.check import Checked
from tradewright.strategy.check.facts import Facts
from tradewright.strategy.check.forms import SpecForm
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.expression.tree import Call, History, Longer, Name
from tradewright.strategy.faults import Fault
from tradewright.strategy.functions.table import FUNCTIONS
from tradewright.strategy.model import Dca, Grid, Limits, Signal, Strategy
from tradewright.strategy.program import TIMES
from tradewright.strategy.words.clauses import Clause, clauses, params_of
from tradewright.strategy.words.language import Language
from tradewright.strategy.words.sameness import Sameness

_CENT = Decimal("0.01")
_SHORT = Context(prec=10)
SECTIONS = (
    "market",
    "rules",
    "orders",
    "protect",
    "grid",
    "dca",
    "limits",
    "values",
    "params",
    "facts",
    "warnings",
    "notes",
)


@dataclass(frozen=True, slots=True)
class Section:
    key: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    language: str
    sections: tuple[Section, ...]

    def plain(self) -> dict[str, object]:
        """As `--json` and the API write it."""
        sections = [
            {"key": section.key, "title": section.title, "lines": list(section.lines)} for section in self.sections
        ]
        return {"language": self.language, "sections": sections}

    def text(self) -> str:
        """For a terminal: a title, and a line for each sentence."""
        return "\n\n".join(
            "\n".join((section.title, *(f"  {line}" for line in section.lines))) for section in self.sections
        )


def explain(checked: Checked, language: Language) -> Explanation:
    """Raises `ValueError` for a spec with errors: it means nothing yet."""
    if checked.form is None or checked.strategy is None or checked.facts is None:
        raise ValueError("a spec with errors has no explanation; tell its errors instead")
    said = clauses(checked.form, language, Sameness(), {})
    explaining = _Explaining(checked.strategy, language, said)
    beside = {
        "rules": explaining.rules(),
        "protect": explaining.protect(),
        "limits": explaining.limits(),
        "grid": explaining.grid(),
        "dca": explaining.dca(),
        "facts": explaining.facts(checked.facts),
        "warnings": explaining.warnings(checked.warnings),
        "notes": explaining.notes(checked.form),
    }
    sections = []
    for key in SECTIONS:
        sentences = [clause.sentence for clause in said if clause.section == key and clause.sentence]
        lines = (*sentences, *beside.get(key, ()))
        if lines:
            sections.append(Section(key, language.says[f"section.{key}"], lines))
    return Explanation(language.code, tuple(sections))


class _Explaining:
    """What is said beside the clauses."""

    def __init__(self, strategy: Strategy, language: Language, said: list[Clause]) -> None:
        self._strategy = strategy
        self._plan = strategy.plan
        self._says = language.says
        self._language = language
        self._said = {clause.path: clause for clause in said}

    def rules(self) -> Iterator[str]:
        if not isinstance(self._plan, Signal):
            return
        for side in ("long", "short"):
            if f"/rules/enter_{side}" in self._said and f"/rules/exit_{side}" not in self._said:
                yield self._says[f"tell.no_exit_{side}"]
        yield self._says["tell.decided"]
        yield self._says["tell.one_position"]
        if "/rules/enter_long" in self._said and "/rules/enter_short" in self._said:
            yield self._says["tell.conflict"]

    def protect(self) -> Iterator[str]:
        if not isinstance(self._plan, Signal):
            return
        protect = self._plan.protect
        for name in ("stop_loss", "take_profit"):
            if getattr(protect, name) is None:
                yield self._says[f"tell.{name}.none"]
        if protect.stop_loss or protect.take_profit or protect.trailing:
            yield self._says["tell.on_exchange"]
        if protect.take_profit and (protect.stop_loss or protect.trailing):
            yield self._says["tell.both"]
        yield from self._liquidation()

    def _liquidation(self) -> Iterator[str]:
        leverage = self._strategy.leverage
        if leverage > 1:
            distance_pct = (100 / leverage).quantize(_CENT)
            yield self._says["tell.liquidation"].format(v=self._language.number(distance_pct))

    def limits(self) -> Iterator[str]:
        if not isinstance(self._plan, Grid) and self._plan.limits == Limits():
            yield self._says["tell.no_limits"]

    def grid(self) -> Iterator[str]:
        if not isinstance(self._plan, Grid):
            return
        yield self._says["tell.grid.start"]
        for name in ("stop_below", "stop_above"):
            if getattr(self._plan, name) is None:
                yield self._says[f"tell.grid.no_{name}"]

    def dca(self) -> Iterator[str]:
        if not isinstance(self._plan, Dca):
            return
        if self._plan.safety is None:
            yield self._says["tell.dca.no_safety"]
        if self._plan.stop_loss_pct is None:
            yield self._says["tell.dca.no_stop"]
        yield from self._liquidation()

    def facts(self, facts: Facts) -> Iterator[str]:
        bars = ", ".join(self._language.bars_of[timeframe] for timeframe in facts.timeframes)
        warm_up = self._language.number(Decimal(facts.warm_up_bars))
        is_none = not facts.warm_up_bars and len(facts.timeframes) == 1
        yield self._says["tell.warm_up.none" if is_none else "tell.warm_up"].format(v=warm_up, bars=bars)
        plain = facts.plain()
        for name in ("max_position", "max_loss"):
            money = plain[f"{name}_quote"]
            if money is None:
                yield self._says[f"tell.{name}.unknown"]
            else:
                shown = _SHORT.create_decimal(str(money))  # `facts` of `--json` have all digits
                yield self._says[f"tell.{name}"].format(v=self._language.number(shown))

    def warnings(self, warnings: list[Fault]) -> Iterator[str]:
        for fault in warnings:
            above, _, name = fault.path.rpartition("/")
            clause = self._said.get(fault.path) or self._said.get(above)  # a stop's price stands within the stop
            function = _first_of_everything(clause.expression) if clause and clause.expression else ""
            subject = clause.label(self._language) if clause else self._language.quoted(name)
            words = self._says[f"warning.{fault.code}"].format(
                name=self._language.quoted(name) if fault.code == "unused_param" else subject, function=function
            )
            yield words[0].upper() + words[1:]

    def notes(self, spec: SpecForm) -> Iterator[str]:
        found: set[str] = set()
        for clause in self._said.values():
            if clause.expression is not None:
                found |= _what_needs_words(clause.expression)
        if params_of(spec):
            found.add("param")
        for name in ("param", "unknown", "window", "history", "longer", "time", "position"):
            if name in found:
                yield self._says[f"note.{name}"]


def _what_needs_words(expression: Expression) -> set[str]:
    assert expression.tree is not None
    found = {"unknown"}
    for node in expression.tree.nodes:
        match node:
            case Call(function=function, timeframe=timeframe):
                if FUNCTIONS[function].constants:
                    found.add("window")
                if timeframe is not None:
                    found.add("longer")
            case Longer():
                found.add("longer")
            case History():
                found.add("history")
            case Name(name=name) if name in TIMES:
                found.add("time")
            case Name(name=name) if name.startswith("position."):
                found.add("position")
            case _:
                pass
    return found


def _first_of_everything(expression: Expression) -> str:
    """The function that a warning `history_dependent` is about."""
    for node in expression.tree.nodes if expression.tree else ():
        if isinstance(node, Call) and FUNCTIONS[node.function].memory == "everything":
            return node.function
    return ""
