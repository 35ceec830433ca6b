"""Everything that a spec says, one clause for each thing that can change.

A clause knows its place in the file, what it means (`meaning`: two clauses say the same when, and only when, theirs are
equal), its value as a difference shows it, and its sentence. What is absent has its default where it has one, so a key
that says the default is no difference.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradewright.strategy.check.forms import (
    ATR_LENGTH_DEFAULT,
    DcaForm,
    EntryForm,
    GridForm,
    LimitsForm,
    ProtectForm,
    SizeForm,
    SpecForm,
    StopLossForm,
    TakeProfitForm,
)
from tradewright.strategy.check.params import Param
from tradewright.strategy.check.reading import DAYS
from tradewright.strategy.check.rules import Given, T
from tradewright.strategy.check.texts import Expression
from tradewright.strategy.words.language import Language, Quantity
from tradewright.strategy.words.phrases import Speaker
from tradewright.strategy.words.sameness import Sameness

RULES = ("enter_long", "exit_long", "enter_short", "exit_short")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """`key` names its label (`label.…`), `name` what the file itself names. `sentence` is empty where another clause's
    sentence says it too. `expression`: the one it is about."""

    path: str
    section: str
    key: str
    meaning: Hashable
    value: str
    sentence: str
    name: str = ""
    expression: Expression | None = None

    def label(self, language: Language) -> str:
        return language.says[f"label.{self.key}"].format(name=language.quoted(self.name))


def clauses(spec: SpecForm, language: Language, sameness: Sameness, renamed: Mapping[str, str]) -> list[Clause]:
    """Those of a spec in which nothing was found. `renamed`: names of it that are to count as others."""
    return list(_Clauses(spec, language, sameness, renamed).all())


def params_of(spec: SpecForm) -> Mapping[str, Param]:
    return spec.params.value if spec.params else {}


def series_of(spec: SpecForm) -> Mapping[str, Expression]:
    return {name: given.value for name, given in spec.series.value.items()} if spec.series else {}


class _Clauses:
    def __init__(self, spec: SpecForm, language: Language, sameness: Sameness, renamed: Mapping[str, str]) -> None:
        self._spec = spec
        self._language = language
        self._says = language.says
        self._sameness = sameness
        self._renamed = renamed
        self._speaker = Speaker(language, params_of(spec), series_of(spec))

    def all(self) -> Iterator[Clause]:
        yield from self._market()
        for name, expression in series_of(self._spec).items():
            text = self._speaker.phrase(expression).text
            sentence = self._says["tell.series"].format(name=self._language.quoted(name), x=text)
            yield Clause(
                path=f"/series/{self._new_name(name)}",
                section="values",
                key="series",
                meaning=self._tree(expression),
                value=text,
                sentence=sentence,
                name=name,
                expression=expression,
            )
        yield from self._rules()
        spec = self._spec
        kind = _or(spec.kind, "signal")
        if kind == "signal":
            yield self._entry(spec.entry.value if spec.entry else EntryForm())
            yield self._size(_there(spec.size))
            yield from self._protect(spec.protect.value if spec.protect else ProtectForm())
        if spec.grid and kind == "grid":
            yield from self._grid(spec.grid.value)
        if spec.dca and kind == "dca":
            yield from self._dca(spec.dca.value)
        if kind != "grid":
            yield from self._limits(spec.limits.value if spec.limits else LimitsForm())
        for name, param in params_of(spec).items():
            yield self._param(name, param)

    def _market(self) -> Iterator[Clause]:
        spec, says, language = self._spec, self._says, self._language
        market, kind = _there(spec.market), _or(spec.kind, "signal")
        category, symbol, timeframe = _there(market.category), _there(market.symbol), _there(market.timeframe)
        leverage = _or(spec.leverage, Decimal(1))
        name, description = _there(spec.name), _or(spec.description, "")
        bars = language.bars_of[timeframe]
        trades = says["tell.market"].format(
            symbol=symbol, category=says[f"category.{category}"], bars=bars, leverage=language.number(leverage)
        )
        quoted = language.quoted(name)
        yield self._fact("/name", "market", "name", name, quoted, says[f"tell.{kind}"].format(name=quoted))
        yield self._fact("/kind", "market", "kind", kind, says[f"kind.{kind}"])
        if description:
            about = says["tell.description"].format(v=language.quoted(description.strip()))
            shown = language.quoted(description)
            yield self._fact("/description", "market", "description", description, shown, about)
        shown = says[f"category.{category}"]
        yield self._fact("/market/category", "market", "market.category", category, shown, trades)
        yield self._fact("/market/symbol", "market", "market.symbol", symbol, symbol)
        yield self._fact("/market/timeframe", "market", "market.timeframe", timeframe, bars)
        yield self._fact("/leverage", "market", "leverage", leverage, f"{language.number(leverage)}")

    def _rules(self) -> Iterator[Clause]:
        rules = self._spec.rules.value if self._spec.rules else None
        for name in RULES if rules else ():
            given: Given[Expression] | None = getattr(rules, name)
            if given is None:
                continue
            text = self._speaker.phrase(given.value).text
            sentence = self._says[f"tell.rules.{name}"].format(x=text)
            yield self._fact(
                f"/rules/{name}", "rules", f"rules.{name}", self._tree(given.value), text, sentence, given.value
            )

    def _entry(self, form: EntryForm) -> Clause:
        if _or(form.type, "market") == "market":
            meaning: Hashable = "market"
            parts: dict[str, object] = {}
            kind = "market"
        else:
            offset, bars = self._number(form.offset_pct, 0), self._number(form.expire_bars, 1)
            post_only = _or(form.post_only, True)
            kind, meaning = "limit", (self._means(offset), self._means(bars), post_only)
            words = self._says["post_only.true" if post_only else "post_only.false"]
            parts = {"offset": offset, "bars": bars, "post_only": words}
        return self._filled("/entry", "orders", "entry", meaning, f"entry.{kind}", f"tell.entry.{kind}", parts)

    def _size(self, form: SizeForm) -> Clause:
        for by in ("quote", "base", "equity_pct", "risk_pct"):
            given: Given[Decimal] | None = getattr(form, by)
            if given is not None:
                value = self._number(given)
                meaning = (by, self._means(value))
                return self._filled("/size", "orders", "size", meaning, f"size.{by}", f"tell.size.{by}", {"v": value})
        raise AssertionError("a size is given by one of four keys")

    def _protect(self, form: ProtectForm) -> Iterator[Clause]:
        if form.stop_loss:
            yield self._level("stop_loss", form.stop_loss.value)
        if form.take_profit:
            yield self._level("take_profit", form.take_profit.value)
        if form.trailing:
            trailing = form.trailing.value
            pct, activate = self._number(trailing.pct), self._number(trailing.activate_pct, 0)
            kind = "trailing.active" if activate.value or activate.by else "trailing"
            parts: dict[str, object] = {"pct": pct, "activate": activate}
            meaning = (self._means(pct), self._means(activate))
            yield self._filled("/protect/trailing", "protect", "protect.trailing", meaning, kind, f"tell.{kind}", parts)
        if form.max_bars:
            yield self._single("/protect/max_bars", "protect", "bars", "tell.max_bars", form.max_bars)

    def _level(self, name: str, form: StopLossForm | TakeProfitForm) -> Clause:
        path, key = f"/protect/{name}", f"protect.{name}"
        if form.price:
            expression = form.price.value
            text = self._speaker.phrase(expression).text
            parts: dict[str, object] = {"x": text}
            meaning: Hashable = ("price", self._tree(expression))
            return self._filled(path, "protect", key, meaning, "level.price", f"tell.{name}.price", parts, expression)
        for by in ("pct", "atr", "rr"):
            given: Given[Decimal] | None = getattr(form, by, None)
            if given is not None:
                value, length = self._number(given), self._number(form.length, ATR_LENGTH_DEFAULT)
                meaning = (by, self._means(value), self._means(length) if by == "atr" else None)
                parts = {"v": value, "n": length}
                return self._filled(path, "protect", key, meaning, f"level.{by}", f"tell.{name}.{by}", parts)
        raise AssertionError("a level is given by one of four keys")

    def _limits(self, form: LimitsForm) -> Iterator[Clause]:
        numbers = {"max_entries_per_day": "entries", "cooldown_bars": "bars", "max_daily_loss_pct": "per_cent"}
        for name, shown in numbers.items():
            given: Given[Decimal] | None = getattr(form, name)
            if given is not None and (given.value or given.param):
                yield self._single(f"/limits/{name}", "limits", shown, f"tell.{name}", given)
        if form.trade_hours_utc:
            start, end = form.trade_hours_utc.value
            parts: dict[str, object] = {"start": _time(start), "end": _time(end)}
            yield self._filled(
                "/limits/trade_hours_utc", "limits", "limits.trade_hours_utc", (start, end), "hours",
                "tell.trade_hours_utc", parts,
            )  # fmt: skip
        if form.trade_days:
            days = [day for day in DAYS if day in form.trade_days.value]
            parts = {"v": ", ".join(self._language.days[day] for day in days)}
            yield self._filled(
                "/limits/trade_days", "limits", "limits.trade_days", tuple(days), "plain", "tell.trade_days", parts
            )

    def _grid(self, form: GridForm) -> Iterator[Clause]:
        lower, upper, levels = (self._number(each) for each in (form.lower, form.upper, form.levels))
        spacing, side, per_level = _there(form.spacing), _there(form.side), _there(form.per_level)
        steps = self._says[f"spacing.{spacing}"]
        told = self._says["tell.grid.range"].format(lower=lower, upper=upper, levels=levels, spacing=steps)
        for name, value in (("lower", lower), ("upper", upper), ("levels", levels)):
            sentence, told = told, ""
            yield self._fact(f"/grid/{name}", "grid", f"grid.{name}", self._means(value), f"{value}", sentence)
        yield self._fact("/grid/spacing", "grid", "grid.spacing", spacing, steps)
        sentence = self._says[f"tell.grid.side.{side}"]
        yield self._fact("/grid/side", "grid", "grid.side", side, self._says[f"side.{side}"], sentence)
        by = "quote" if per_level.quote else "base"
        value = self._number(per_level.quote or per_level.base)
        yield self._filled(
            "/grid/per_level", "grid", "grid.per_level", (by, self._means(value)), f"per_level.{by}",
            f"tell.grid.per_level.{by}", {"v": value},
        )  # fmt: skip
        for name in ("stop_below", "stop_above"):
            given: Given[Decimal] | None = getattr(form, name)
            if given is not None:
                yield self._single(f"/grid/{name}", "grid", "plain", f"tell.grid.{name}", given)

    def _dca(self, form: DcaForm) -> Iterator[Clause]:
        says, side, start = self._says, _there(form.side), _there(form.start)
        yield self._fact("/dca/side", "dca", "dca.side", side, says[f"side.{side}"], says[f"tell.dca.{side}"])
        if start.is_now:
            yield self._fact("/dca/start", "dca", "dca.start", "now", says["start.now"], says["tell.dca.start.now"])
        else:
            parts: dict[str, object] = {"x": self._speaker.phrase(start).text}
            yield self._filled(
                "/dca/start", "dca", "dca.start", self._tree(start), "start", "tell.dca.start", parts, start
            )
        base = self._number(_there(form.base).quote)
        yield self._filled(
            "/dca/base", "dca", "dca.base", self._means(base), "size.quote", "tell.dca.base", {"v": base}
        )
        if form.safety:
            safety = form.safety.value
            names = ("count", "quote", "step_pct", "step_scale", "size_scale")
            count, quote, step, step_scale, size_scale = (self._number(getattr(safety, name)) for name in names)
            parts = {"count": count, "quote": quote, "step": step, "step_scale": step_scale, "size_scale": size_scale}
            meaning = tuple(self._means(each) for each in (count, quote, step, step_scale, size_scale))
            yield self._filled("/dca/safety", "dca", "dca.safety", meaning, "safety", "tell.dca.safety", parts)
        yield self._single("/dca/take_profit_pct", "dca", "per_cent", "tell.dca.take_profit_pct", form.take_profit_pct)
        if form.stop_loss_pct:
            yield self._single("/dca/stop_loss_pct", "dca", "per_cent", "tell.dca.stop_loss_pct", form.stop_loss_pct)
        repeat = "true" if _or(form.repeat, True) else "false"
        told = says[f"tell.dca.repeat.{repeat}"]
        yield self._fact("/dca/repeat", "dca", "dca.repeat", repeat, says[f"repeat.{repeat}"], told)

    def _param(self, name: str, param: Param) -> Clause:
        number = self._language.number
        parts: dict[str, object] = {"name": self._language.quoted(name), "v": number(param.value)}
        kind = "params"
        if param.low is not None and param.high is not None and param.step is not None:
            kind = "params.ranged"
            parts |= {"low": number(param.low), "high": number(param.high), "step": number(param.step)}
        return Clause(
            path=f"/params/{self._new_name(name)}",
            section="params",
            key="params",
            meaning=(param.value, param.low, param.high, param.step),
            value=self._says[kind.replace("params", "param")].format(**parts),
            sentence=self._says[f"tell.{kind}"].format(**parts),
            name=name,
        )

    def _single(self, path: str, section: str, shown: str, told: str, given: Given[Decimal] | None) -> Clause:
        value = self._number(given)
        key = path[1:].replace("/", ".")
        return self._filled(path, section, key, self._means(value), shown, told, {"v": value})

    def _filled(
        self,
        path: str,
        section: str,
        key: str,
        meaning: Hashable,
        shown: str,
        told: str,
        parts: Mapping[str, object],
        expression: Expression | None = None,
    ) -> Clause:
        sentence = self._says[told].format(**parts)
        return self._fact(path, section, key, meaning, self._says[shown].format(**parts), sentence, expression)

    def _fact(
        self,
        path: str,
        section: str,
        key: str,
        meaning: Hashable,
        value: str,
        sentence: str = "",
        expression: Expression | None = None,
    ) -> Clause:
        return Clause(
            path=path,
            section=section,
            key=key,
            meaning=meaning,
            value=value,
            sentence=sentence,
            expression=expression,
        )

    def _number(self, given: Given[Decimal] | None, default: int | None = None) -> Quantity:
        if given is None:
            assert default is not None, "a required number is missing though no fault was told"
            return self._language.number(Decimal(default))
        return self._language.number(given.value, given.param)

    def _means(self, number: Quantity) -> Hashable:
        """A number that is a param's is that param: its value is the param's own clause."""
        return number.value if number.by is None else self._new_name(number.by)

    def _new_name(self, name: str) -> str:
        return self._renamed.get(name, name)

    def _tree(self, expression: Expression) -> Hashable:
        assert expression.tree is not None
        return self._sameness.of_tree(expression.tree, self._renamed)


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _there(given: Given[T] | None) -> T:
    assert given is not None, "a required key is missing though no fault was told"
    return given.value


def _or(given: Given[T] | None, default: T) -> T:
    return default if given is None else given.value
