"""A spec's text into everything that can be said of it before it runs: faults, warnings, facts, and the strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import cast

from tradewright.strategy.canonical import sha256
from tradewright.strategy.check.between_keys import check_between_keys
from tradewright.strategy.check.building import build
from tradewright.strategy.check.compiling import Compiler, Origin
from tradewright.strategy.check.facts import Facts, facts_of
from tradewright.strategy.check.forms import ATR_LENGTH_DEFAULT, SpecForm
from tradewright.strategy.check.meaning import Names, check_meaning
from tradewright.strategy.check.params import Param
from tradewright.strategy.check.reading import Reader
from tradewright.strategy.check.reasons import Part
from tradewright.strategy.check.series import in_order
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.check.warnings import never_true, warnings_of
from tradewright.strategy.document.reading import read_document
from tradewright.strategy.faults import Fault, in_file_order
from tradewright.strategy.model import Strategy
from tradewright.strategy.program import Program
from tradewright.strategy.timeframe import Timeframe

_NOTHING_SET: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`facts`, `strategy` and `form` are None when, and only when, there are errors. `form` is what the file gives, key
    by key and with the names of params: words about a spec are made of it."""

    errors: list[Fault]
    warnings: list[Fault]
    facts: Facts | None = None
    strategy: Strategy | None = None
    form: SpecForm | None = None

    def plain(self) -> dict[str, object]:
        """The object of `spec check --json` and of the API."""
        return {
            "ok": not self.errors,
            "errors": [fault.plain() for fault in self.errors],
            "warnings": [fault.plain() for fault in self.warnings],
            "facts": self.facts.plain() if self.facts else None,
        }


def check_text(text: bytes | str, *, settings: Mapping[str, str] = _NOTHING_SET) -> Checked:
    """Checks a spec's file, YAML or JSON. `settings` are values of params for this run, as decimal text.

    Raises nothing, whatever the text is; what it costs is bounded.
    """
    faults: list[Fault] = []
    root = read_document(text, faults)
    if root is None:
        return Checked(errors=in_file_order(faults), warnings=[])
    reader = Reader(faults, settings)
    spec = reader.spec(root)
    if _is_newer(faults):
        return Checked(errors=[fault for fault in faults if fault.path == "/version"], warnings=[])
    check_between_keys(spec, reader)
    names, compiler = _expressions(spec, reader)
    warnings = warnings_of(spec, reader, names.used | reader.used)
    if compiler is not None:
        warnings += never_true(compiler.program(), _conditions(spec))
    errors = in_file_order(_once_each(faults))
    if errors or compiler is None:
        return Checked(errors=errors, warnings=in_file_order(warnings))
    strategy = build(
        spec,
        reader.params.known,
        compiler.program(),
        warm_up_bars=compiler.warm_up_bars(),
        timeframes=compiler.timeframes(),
        sha256=sha256(root),
    )
    told = in_file_order(warnings)
    return Checked(errors=[], warnings=told, facts=facts_of(strategy), strategy=strategy, form=spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A sound spec whose constants can be put in anew (`binding`). `in_keys`: params named outside expressions."""

    params: Mapping[str, Param]
    in_keys: frozenset[str]
    program: Program
    origins: tuple[tuple[Origin, ...], ...]


def compiled_with_origins(text: bytes | str, settings: Mapping[str, str]) -> Opened:
    """Only for a spec in which nothing was found. Series are in the program only as parts of rules and levels."""
    faults: list[Fault] = []
    root = read_document(text, faults)
    assert root is not None, "a spec without faults can be read"
    reader = Reader(faults, settings)
    spec = reader.spec(root)
    _, compiler = _expressions(spec, reader, keeps_origins=True)
    assert compiler is not None, "a spec without faults can be compiled"
    assert not faults, "it was checked before"
    whole = compiler.program()
    outputs = {name: step for name, step in whole.outputs.items() if not name.startswith("series.")}
    program = Program(whole.base, whole.steps, outputs)
    return Opened(
        params=reader.params.known, in_keys=frozenset(reader.used), program=program, origins=compiler.origins()
    )


def strategy_with_reasons(
    text: bytes | str, settings: Mapping[str, str] = _NOTHING_SET
) -> tuple[Strategy, Mapping[str, Sequence[Part]]] | None:
    """The strategy of a spec without faults, and for each of its rules (`rules.enter_long` …) what it is made of: their
    values are outputs of its program, too. None where `check_text` finds an error."""
    strategy = check_text(text, settings=settings).strategy
    if strategy is None:
        return None
    faults: list[Fault] = []
    root = read_document(text, faults)
    assert root is not None, "a spec without faults can be read"
    reader = Reader(faults, settings)
    spec = reader.spec(root)
    _, compiler = _expressions(spec, reader)
    assert compiler is not None, "a spec without faults can be compiled"
    parts = {name: compiler.reasons(name, expression) for name, expression in _conditions(spec).items()}
    return replace(strategy, program=compiler.program()), parts


def _is_newer(faults: list[Fault]) -> bool:
    """Whether the file is of a version whose other keys mean nothing here."""
    return any(fault.path == "/version" and fault.code == "bad_choice" for fault in faults)


def _once_each(faults: list[Fault]) -> list[Fault]:
    """A part that is looked at on several timeframes is told of once."""
    return list({(fault.path, fault.place, fault.code): fault for fault in reversed(faults)}.values())[::-1]


def _expressions(spec: SpecForm, reader: Reader, *, keeps_origins: bool = False) -> tuple[Names, Compiler | None]:
    """Checks every expression and compiles the sound ones; None where the bars they stand on are not known."""
    series = {name: given.value for name, given in spec.series.value.items()} if spec.series else {}
    names = Names(reader.params, series)
    for name in in_order(series, reader.faults):
        names.meanings[name] = check_meaning(series[name], names, reader.faults)
    in_circles = [expression for name, expression in series.items() if name not in names.meanings]
    for expression in in_circles:
        check_meaning(expression, names, reader.faults)
    others = _outputs(spec)
    sound = [name for name, each in others.items() if check_meaning(each, names, reader.faults).is_sound]
    market = spec.market.value if spec.market else None
    if market is None or market.timeframe is None:
        return names, None
    sound_series = {name: series[name] for name, meaning in names.meanings.items() if meaning.is_sound}
    base = cast("Timeframe", market.timeframe.value)
    compiler = Compiler(base, reader.params.known, sound_series, reader.faults, keeps_origins=keeps_origins)
    for name in sound_series:
        compiler.series_output(name)
    for name in sound:
        compiler.output(name, others[name])
    _atr_distances(spec, compiler)
    return names, compiler


def _outputs(spec: SpecForm) -> dict[str, Expression]:
    """What is to be evaluated beside the series, by the names of `Program.outputs`."""
    found = _conditions(spec)
    protect = spec.protect.value if spec.protect else None
    if protect and protect.stop_loss and protect.stop_loss.value.price:
        found["protect.stop_loss.price"] = protect.stop_loss.value.price.value
    if protect and protect.take_profit and protect.take_profit.value.price:
        found["protect.take_profit.price"] = protect.take_profit.value.price.value
    return found


def _conditions(spec: SpecForm) -> dict[str, Expression]:
    found: dict[str, Expression] = {}
    if spec.rules:
        rules = spec.rules.value
        for name in ("enter_long", "exit_long", "enter_short", "exit_short"):
            given = getattr(rules, name)
            if given is not None:
                found[f"rules.{name}"] = given.value
    if spec.dca and spec.dca.value.start and not spec.dca.value.start.value.is_now:
        found["dca.start"] = spec.dca.value.start.value
    return found


def _atr_distances(spec: SpecForm, compiler: Compiler) -> None:
    protect = spec.protect.value if spec.protect else None
    if protect is None:
        return
    for name, given in (("stop_loss", protect.stop_loss), ("take_profit", protect.take_profit)):
        if given is not None and given.value.atr is not None:
            length = given.value.length
            compiler.atr(f"protect.{name}.atr", int(length.value) if length else ATR_LENGTH_DEFAULT)
