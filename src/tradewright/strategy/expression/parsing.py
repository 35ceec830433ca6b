"""The grammar: words into a tree, by precedence, with a stack of our own.

Weakest first: `or`, `and`, `not`, one comparison, `+ -`, `* / %`, unary `-`, then calls and history. Decision 0028 says
why this is not a parser generator's; a grammar written for one is the oracle of its tests.

Lives here: what is an expression. Not here: whether its names exist and its types fit (`check`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tradewright.strategy.expression.tokens import TEXT_MAX, ExpressionError, Token, tokens_of
from tradewright.strategy.expression.tree import Boolean, Call, History, Longer, Name, Node, Number, Operation, Tree
from tradewright.strategy.faults import did_you_mean, shown

NODES_MAX = 2_000  # of a whole spec
NESTING_MAX = 64
NUMBER_MAX = 1e15

_COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))
_OR, _AND, _NOT, _COMPARISON, _SUM, _PRODUCT, _NEGATION = range(1, 8)
_STRENGTH = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(_COMPARISONS, _COMPARISON),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys("*/%", _PRODUCT),
}


@dataclass(frozen=True, slots=True)
class _Operator:
    symbol: str
    strength: int
    start: int

    @property
    def is_prefix(self) -> bool:
        return self.strength in (_NOT, _NEGATION)


@dataclass(slots=True)
class _Bracket:
    """What is open: `(`, a call, `tf(`, or `[`. `start`: where it, or the call's name, begins; `of`: its operand."""

    kind: Literal["paren", "call", "tf", "index"]
    start: int
    opening: int
    name: str = ""
    arguments: list[int] = field(default_factory=list)
    timeframe: Token | None = None
    of: int = 0


def parse(text: str, nodes_left: int = NODES_MAX) -> Tree:
    """The tree of `text`. Raises `ExpressionError` with the first fault: `expr_too_long`, `expr_syntax`,
    `chained_comparison`, `too_deep`, or `too_many_nodes` where it has more than `nodes_left`."""
    if len(text) > TEXT_MAX:
        message = f"the expression has {len(text)} characters; at most {TEXT_MAX}: name parts of it under `series`"
        raise ExpressionError("expr_too_long", 0, message)
    return _Parser(tokens_of(text), nodes_left).whole()


class _Parser:
    def __init__(self, tokens: list[Token], nodes_left: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._nodes: list[Node] = []
        self._nodes_left = nodes_left
        self._operands: list[int] = []
        self._open: list[_Operator | _Bracket] = []
        self._depth = 0
        self._indices = 0
        self._can_index = False

    def whole(self) -> Tree:
        is_operand_next = True
        while True:  # each round takes at least one word
            token = self._tokens[self._next]
            self._next += 1
            if is_operand_next:
                is_operand_next = self._operand(token)
            elif token.kind == "end":
                return self._end()
            else:
                is_operand_next = self._behind(token)

    # What may begin an operand. These return whether an operand is still to come.

    def _operand(self, token: Token) -> bool:
        match token.kind:
            case "number":
                return self._number(token)
            case "position":
                return self._leaf(Name(token.start, token.text), can_index=True)
            case "name":
                return self._word(token)
            case "keyword" if token.text in ("true", "false"):
                return self._leaf(Boolean(token.start, token.text == "true"), can_index=False)
            case "keyword" if token.text == "not":
                return self._prefix(token, "not", _NOT)
            case "symbol" if token.text == "-":
                return self._prefix(token, "neg", _NEGATION)
            case "symbol" if token.text == "(":
                self._enter(_Bracket("paren", token.start, token.start))
                return True
            case "symbol" if token.text == ")" and self._is_empty_call():
                return self._close_call()
            case _:
                raise self._no_operand(token)

    def _number(self, token: Token) -> bool:
        if not float(token.text) <= NUMBER_MAX:
            message = f"{shown(token.text)} is too large a number; at most 1e15"
            raise ExpressionError("expr_syntax", token.start, message)
        return self._leaf(Number(token.start, token.text), can_index=False)

    def _leaf(self, node: Node, *, can_index: bool) -> bool:
        self._operands.append(self._add(node))
        self._can_index = can_index
        return False

    def _word(self, token: Token) -> bool:
        after = self._tokens[self._next]
        if token.text == "tf" and after.text == "=":
            return self._last_argument(token)
        if after.text == "(":
            self._next += 1
            if token.text == "tf":
                self._enter(_Bracket("tf", token.start, after.start, timeframe=self._timeframe()))
                self._expect(",", "`tf(4h, expression)` takes a timeframe, a comma and an expression")
            else:
                self._enter(_Bracket("call", token.start, after.start, token.text))
            return True
        if token.text == "tf":
            message = "`tf` stands as `tf(4h, expression)`, or as the last argument of a function: `tf=4h`"
            raise ExpressionError("expr_syntax", token.start, message)
        if token.text == "position":
            message = "`position` is followed by a point and a field: `position.side`"
            raise ExpressionError("expr_syntax", token.start, message)
        return self._leaf(Name(token.start, token.text), can_index=True)

    def _prefix(self, token: Token, symbol: str, strength: int) -> bool:
        top = self._open[-1] if self._open else None
        if isinstance(top, _Operator) and top.strength > strength:
            message = f"`not` is weaker than the `{'-' if top.symbol == 'neg' else top.symbol}` before it"
            raise ExpressionError("expr_syntax", token.start, message, "put it in parentheses: `(not …)`")
        self._deeper(token.start)
        self._open.append(_Operator(symbol, strength, token.start))
        return True

    def _is_empty_call(self) -> bool:
        top = self._open[-1] if self._open else None
        return isinstance(top, _Bracket) and top.kind == "call" and not top.arguments

    def _last_argument(self, token: Token) -> bool:
        """`tf=4h`, and the bracket behind it."""
        top = self._open[-1] if self._open else None
        if not isinstance(top, _Bracket) or top.kind != "call":
            message = "`tf=` stands only as the last argument of a function: `ema(close, 200, tf=4h)`"
            raise ExpressionError("expr_syntax", token.start, message)
        self._next += 1
        top.timeframe = self._timeframe()
        self._expect(")", "`tf=` is the last argument of a function")
        return self._close_call()

    def _timeframe(self) -> Token:
        token = self._tokens[self._next]
        if token.kind != "duration":
            message = f"a timeframe has to stand here, and not {self._named(token)}; it is written bare, as 4h"
            raise ExpressionError("expr_syntax", token.start, message)
        self._next += 1
        return token

    def _expect(self, symbol: str, message: str) -> None:
        token = self._tokens[self._next]
        if token.text != symbol:
            raise ExpressionError("expr_syntax", token.start, f"`{symbol}` has to stand here: {message}")
        self._next += 1

    # What may stand behind an operand. These return whether another operand has to come.

    def _behind(self, token: Token) -> bool:
        strength = _STRENGTH.get(token.text)
        if strength is not None:
            return self._binary(token, strength)
        match token.text:
            case "[" if self._can_index:
                return self._enter_index(token)
            case ")":
                return self._close_round(token)
            case "]":
                return self._close_index(token)
            case ",":
                self._reduce()
                top = self._open[-1] if self._open else None
                if not isinstance(top, _Bracket) or top.kind != "call":
                    raise ExpressionError("expr_syntax", token.start, "a comma stands only between arguments of a call")
                top.arguments.append(self._operands.pop())
                return True
            case _:
                raise self._no_operator(token)

    def _binary(self, token: Token, strength: int) -> bool:
        self._reduce(strength)
        top = self._open[-1] if self._open else None
        if strength == _COMPARISON and isinstance(top, _Operator) and top.strength == _COMPARISON:
            message = f"`{top.symbol}` and `{token.text}` in a row; join two comparisons with `and`"
            raise ExpressionError("chained_comparison", token.start, message, "write `a < b and b < c`")
        self._open.append(_Operator(token.text, strength, token.start))
        return True

    def _enter_index(self, token: Token) -> bool:
        of = self._operands.pop()
        if self._indices:
            self._deeper(token.start)
        self._indices += 1
        self._open.append(_Bracket("index", self._nodes[of].start, token.start, of=of))
        return True

    def _close_index(self, token: Token) -> bool:
        self._reduce()
        top = self._open[-1] if self._open else None
        if not isinstance(top, _Bracket) or top.kind != "index":
            raise self._unmatched(token, top)
        self._open.pop()
        self._indices -= 1
        if self._indices:
            self._depth -= 1
        return self._leaf(History(top.start, top.of, self._operands.pop()), can_index=True)

    def _close_round(self, token: Token) -> bool:
        self._reduce()
        top = self._open[-1] if self._open else None
        if not isinstance(top, _Bracket) or top.kind == "index":
            raise self._unmatched(token, top)
        if top.kind == "call":
            top.arguments.append(self._operands.pop())
            return self._close_call()
        self._open.pop()
        self._depth -= 1
        if top.kind == "tf" and top.timeframe is not None:
            inside = self._operands.pop()
            node = Longer(top.start, top.timeframe.text, top.timeframe.start, inside)
            return self._leaf(node, can_index=True)
        self._can_index = True
        return False

    def _close_call(self) -> bool:
        top = self._open.pop()
        assert isinstance(top, _Bracket)
        self._depth -= 1
        timeframe = (top.timeframe.text, top.timeframe.start) if top.timeframe else (None, 0)
        return self._leaf(Call(top.start, top.name, (*top.arguments,), *timeframe), can_index=True)

    # The stack.

    def _reduce(self, strength: int = 0) -> None:
        """Applies the operators on top that bind at least as strongly; a comparison is left for its own complaint."""
        while self._open:
            top = self._open[-1]
            if isinstance(top, _Bracket) or top.strength < strength:
                return
            if top.strength == strength == _COMPARISON:
                return
            self._open.pop()
            right = self._operands.pop()
            if top.is_prefix:
                self._depth -= 1
                self._operands.append(self._add(Operation(top.start, top.symbol, (right,))))
            else:
                left = self._operands.pop()
                operation = Operation(self._nodes[left].start, top.symbol, (left, right))
                self._operands.append(self._add(operation, top.start))
            self._can_index = False

    def _add(self, node: Node, place: int | None = None) -> int:
        if len(self._nodes) == self._nodes_left:
            message = f"the spec has more than {NODES_MAX} numbers, names, operators and calls"
            raise ExpressionError("too_many_nodes", node.start if place is None else place, message)
        self._nodes.append(node)
        return len(self._nodes) - 1

    def _enter(self, bracket: _Bracket) -> None:
        self._deeper(bracket.start)
        self._open.append(bracket)

    def _deeper(self, start: int) -> None:
        self._depth += 1
        if self._depth > NESTING_MAX:
            message = f"parentheses, calls and signs nest more than {NESTING_MAX} deep; name parts of it under `series`"
            raise ExpressionError("too_deep", start, message)

    def _end(self) -> Tree:
        self._reduce()
        if self._open:
            top = self._open[-1]
            assert isinstance(top, _Bracket)
            bracket = "[" if top.kind == "index" else "("
            raise ExpressionError("expr_syntax", top.opening, f"`{bracket}` is opened here and never closed")
        return Tree((*self._nodes,))

    # Complaints.

    def _named(self, token: Token) -> str:
        return "the end" if token.kind == "end" else f"`{shown(token.text)}`"

    def _no_operand(self, token: Token) -> ExpressionError:
        message = f"a value has to stand here, and not {self._named(token)}"
        hint = None
        if token.kind == "end" and len(self._tokens) == 1:
            message = "the expression is empty"
        elif token.kind == "duration":
            message = f"`{shown(token.text)}` is neither a number nor a name"
        elif token.text == "+":
            hint = "there is no unary plus"
        elif token.text == "*" and self._tokens[self._next - 2].text == "*":
            hint = "there is no power; multiply"
        elif token.text == "=":
            hint = "`==` compares; nothing is assigned in expressions"
        return ExpressionError("expr_syntax", token.start, message, hint)

    def _no_operator(self, token: Token) -> ExpressionError:
        message = f"an operator or the end has to stand here, and not {self._named(token)}"
        hint = None
        if token.text == "=":
            hint = "`==` compares; nothing is assigned in expressions"
        elif token.text == "[":
            hint = "history follows a name, a call or a parenthesis"
        elif token.text == ".":
            hint = "nothing but `position` has fields"
        elif token.kind == "name":
            hint = did_you_mean(token.text, ("and", "or"))
        elif token.text == "not":
            hint = "write `and not`, or `!=`"
        return ExpressionError("expr_syntax", token.start, message, hint)

    def _unmatched(self, token: Token, top: _Operator | _Bracket | None) -> ExpressionError:
        if isinstance(top, _Bracket):
            opened = "[" if top.kind == "index" else "("
            message = f"`{token.text}` closes a `{opened}`"
        else:
            message = f"`{token.text}` closes nothing"
        return ExpressionError("expr_syntax", token.start, message)
