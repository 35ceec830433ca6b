"""Shapes of strategies: what is wrong with one, what it needs, what it says, what changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tradewright.strategy.functions.table import Group, Kind
from tradewright.strategy.timeframe import Timeframe
from tradewright.web.schemas.base import DecimalText, Input, Language, Output

SPEC_LENGTH_MAX = 64 * 1024
PARAMS_MAX = 64

SpecText = Annotated[str, Field(max_length=SPEC_LENGTH_MAX, description="A strategy's file, YAML or JSON")]


class ParamValue(Input):
    name: Annotated[str, Field(min_length=1, max_length=40)]
    value: DecimalText


ParamValues = Annotated[
    list[ParamValue],
    Field(max_length=PARAMS_MAX, description="Values of params for this once; of one name the last counts"),
]


class SpecBody(Input):
    text: SpecText
    params: ParamValues = Field(default_factory=list)


class ExplainBody(SpecBody):
    language: Language = "en"


class DiffBody(Input):
    old: SpecText
    new: SpecText
    language: Language = "en"


class SpecFault(Output):
    """`path` is a JSON pointer; line and column are from 1, null where the fault has no place in the file."""

    path: str
    line: int | None
    column: int | None
    code: str
    message: str
    hint: str | None


class SpecFacts(Output):
    """Money is of the quote coin, before costs and gaps; null where it hangs on equity or on prices."""

    warm_up_bars: int
    timeframes: list[Timeframe]
    max_position_quote: DecimalText | None
    max_loss_quote: DecimalText | None


class ParamInForce(Output):
    name: str
    value: str


class Spec(Output):
    """What a right strategy is. `params` are the values in force."""

    name: str
    description: str
    kind: Literal["signal", "grid", "dca"]
    category: Literal["linear", "spot"]
    symbol: str
    timeframe: Timeframe
    params: list[ParamInForce]
    sha256: str = Field(description="Of the file in canonical form: the same for whatever spelling means the same")


class SpecChecked(Output):
    """`facts` and `spec` are null where there are errors."""

    ok: bool
    errors: list[SpecFault]
    warnings: list[SpecFault]
    facts: SpecFacts | None
    spec: Spec | None


class Section(Output):
    key: str
    title: str
    lines: list[str]


class SpecExplained(Output):
    """`sections` are null where there are errors: such a strategy means nothing yet."""

    checked: SpecChecked
    language: Language
    sections: list[Section] | None


class SpecChange(Output):
    kind: Literal["renamed", "changed", "added", "removed", "rewritten", "reached"]
    path: str
    old: str | None
    new: str | None
    text: str


class SpecDiff(Output):
    """`changes` is empty where both mean the same, and null where one of them has errors."""

    old: SpecChecked
    new: SpecChecked
    language: Language
    changes: list[SpecChange] | None


class FunctionParameter(Output):
    name: str
    kind: Kind
    least: int | None = Field(description="The smallest length; null of what is no length")


class FunctionFacts(Output):
    """`reads` are fields of the bar that it reads by itself. `variadic`: its one parameter is given several times."""

    name: str
    group: Group
    signature: str
    parameters: list[FunctionParameter]
    result: Literal["number", "condition", "branch"]
    reads: list[str]
    variadic: bool


class FunctionList(Output):
    functions: list[FunctionFacts]


class SpecTemplate(Output):
    template: str
    text: str
    spec: Spec


class TemplateList(Output):
    templates: list[SpecTemplate]


class SpecSchema(Output):
    """The JSON Schema of a strategy (draft 2020-12), which editors and other programs read."""

    json_schema: dict[str, Any]
