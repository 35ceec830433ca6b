"""The reference tables of the documentation, written from the code that they describe.

    .venv/bin/python scripts/reference_tables.py          # writes docs/reference
    .venv/bin/python scripts/reference_tables.py --check  # says which file is not what the code says

Lives here: `states.md` (intents, orders, sessions, and the status that a person sees), `errors.md` (Bybit's codes and
what we do after each), `limits.md` (request budgets, capabilities), `strategy.md` (keys, functions and faults of a
strategy), `tokens.md` (what an API token may ask). A test runs the check.
Not here: the table of promises (`tests/promises`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import get_args

from tradewright.core.ids import ExchangeOrderId
from tradewright.core.instrument import InstrumentId
from tradewright.core.order import FINAL_STATES, OrderState, RemoteOrder, TrackedOrder, apply
from tradewright.core.order_status import INTENT_MOVES, STATUS_TABLE, UNSETTLED_INTENT_STATES, Asked, status_of
from tradewright.exchange.bybit import address, stream, stream_link
from tradewright.exchange.bybit.environments import ENVIRONMENTS, SIMULATED_CAPABILITIES
from tradewright.exchange.bybit.errors import HTTP_VERDICTS, MEANINGS, VERDICTS
from tradewright.exchange.bybit.limits import DOCUMENTED_PER_SECOND
from tradewright.exchange.bybit.priority import Priority, priority_of
from tradewright.identity.api_tokens import LIFETIME_DAYS_MAX, TOKENS_OF_USER_MAX
from tradewright.identity.scopes import SCOPES
from tradewright.strategy.check.codes import EXPRESSION_CODES, FILE_CODES, KEY_CODES, WARNING_CODES
from tradewright.strategy.check.forms import OF_KIND, SpecForm
from tradewright.strategy.check.reading import DAYS, keys_of
from tradewright.strategy.check.rules import (
    BooleanRule,
    ChoiceRule,
    DaysRule,
    ExpressionRule,
    HoursRule,
    Key,
    NumberRule,
    ObjectRule,
    ParamsRule,
    SeriesRule,
    TextRule,
    VersionRule,
)
from tradewright.strategy.functions.table import FUNCTIONS, GROUPS
from tradewright.trading.model import SESSION_MOVES
from tradewright.trading.submission import ATTEMPTS_MAX, known_reasons
from tradewright.web.token_guard import WINDOW_S, WRONG_MAX
from tradewright.web.token_scopes import TOKEN_SCOPES

FOLDER = Path(__file__).parents[1] / "docs/reference"
NOTE = "<!-- Written by scripts/reference_tables.py from the code; a test holds it. Do not edit. -->"
_AT = datetime(2026, 1, 1, tzinfo=UTC)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines])


def words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def states() -> str:
    orders = get_args(OrderState)
    return page(
        "States and their moves",
        "An intent is what somebody asked for; an order is what the exchange holds. An acknowledgement is not a fill.",
        "## Intents",
        table(
            ("State", "may become", "settled"),
            (
                (f"`{state}`", words(sorted(moves)), "no" if state in UNSETTLED_INTENT_STATES else "yes")
                for state, moves in INTENT_MOVES.items()
            ),
        ),
        "`unknown` is left by evidence alone, and counts as exposure until then. The report of an order acknowledges"
        " its intent whatever that state was.",
        "## Orders",
        "Which report of the exchange moves an order on, tried with every pair of states. A report of a later time is"
        " meant; an older one moves nothing but to a final state.",
        table(
            ("State", "may become", "final"),
            ((f"`{state}`", words(order_moves(state)), "yes" if state in FINAL_STATES else "no") for state in orders),
        ),
        "`unrecognised` is a status that we do not know: it counts as live.",
        "## Sessions",
        table(("State", "may become"), ((f"`{state}`", words(moves)) for state, moves in SESSION_MOVES.items())),
        "Before `ready` nothing is sent; while `degraded` only what takes exposure off or protects.",
        "## The status that is shown",
        table(
            ("Status", "may become", "last"),
            ((f"`{row.status}`", words(row.next), "yes" if row.terminal else "no") for row in STATUS_TABLE),
        ),
        "By intent, order and what was asked since:",
        table(
            ("Intent", "Order", *(f"asked: {asked}" for asked in get_args(Asked))),
            (
                (f"`{intent}`", "–" if order is None else f"`{order}`", *shown(intent, order))
                for intent in INTENT_MOVES
                for order in ((None, *orders) if intent == "acknowledged" else (None,))
            ),
        ),
    )


def shown(intent: str, order: str | None) -> list[str]:
    return [f"`{status_of(intent, order, asked)}`" for asked in get_args(Asked)]  # type: ignore[arg-type]


def order_moves(known: OrderState) -> list[str]:
    """By asking the tracker itself."""
    held = TrackedOrder(
        state=known,
        quantity=Decimal(2),
        price=Decimal(1),
        filled_quantity=Decimal(1),
        average_price=None,
        reject_reason="",
        updated_at=_AT,
    )
    found = []
    for state in get_args(OrderState):
        after = apply(held, replace(_report(state), updated_at=_AT + timedelta(seconds=1)))
        if after is not None and after.state == state != known:
            found.append(state)
    return found


def _report(state: OrderState) -> RemoteOrder:
    return RemoteOrder(
        exchange_order_id=ExchangeOrderId("x"),
        link_id="",
        instrument=InstrumentId("linear", "BTCUSDT"),
        side="Buy",
        order_type="Limit",
        time_in_force="GTC",
        quantity=Decimal(2),
        price=Decimal(1),
        state=state,
        filled_quantity=Decimal(1),
        average_price=None,
        reduce_only=False,
        reject_reason="",
        cancel_type="",
        raw_status=state,
        created_at=_AT,
        updated_at=_AT,
    )


def errors() -> str:
    reasons = {code: name for name, codes in known_reasons().items() for code in codes}
    return page(
        "Bybit's codes and what is done after each",
        "How a *command* ends (place, amend, cancel, leverage, exits, modes). A read ends in the whole answer or in"
        " none: a failed or partial one is never absence.",
        table(("Class", "What is done"), ((f"`{verdict}`", meaning) for verdict, meaning in MEANINGS.items())),
        f"A command is sent {ATTEMPTS_MAX} times at most, always with the same client id. Timeouts, lost connections"
        " and answers that cannot be read are `unknown`; without a connection no byte left, and it is tried again.",
        "## HTTP statuses",
        table(
            ("Status", "Class"),
            [
                *((status, f"`{verdict}`") for status, verdict in sorted(HTTP_VERDICTS.items())),
                ("any other but 200", "`unknown`"),
            ],
        ),
        f"After 403 nothing is sent from the address for {address.IP_BAN.total_seconds() / 60:.0f} minutes.",
        "## Codes",
        table(
            ("Code", "Class", "Reason that is shown"),
            (
                (code, f"`{verdict}`", f"`{reasons[code]}`" if code in reasons else "–")
                for code, verdict in sorted(VERDICTS.items())
            ),
        ),
        "Any other code is `unknown`.",
    )


def limits() -> str:
    everywhere = {"sim": SIMULATED_CAPABILITIES, **{name: facts.capabilities for name, facts in ENVIRONMENTS.items()}}
    names = list(asdict(SIMULATED_CAPABILITIES))
    return page(
        "Request budgets, streams and capabilities",
        "## Who goes first",
        "Within an endpoint and within the address the first in this list goes first; what each class may fill of the"
        f" address's share leaves room for those before it. Bybit takes {address.ADDRESS_CALLS} calls of one address in"
        f" {address.ADDRESS_WINDOW_S:g} seconds; the worker keeps within {address.OWNER_SHARE}, a process that only"
        f" reads the market within {address.PAGE_SHARE}.",
        table(
            ("Class", "fills at most"),
            ((f"`{priority.name.lower()}`", f"{address.part_of(priority):.0%}") for priority in Priority),
        ),
        "## Calls of one account in a second",
        "What Bybit documents at least; its headers replace it.",
        table(
            ("Path", "a second", "class"),
            (
                (f"`{path}`", most, f"`{priority_of(path, is_command=_is_command(path)).name.lower()}`")
                for path, most in DOCUMENTED_PER_SECOND.items()
            ),
        ),
        "An order that only reduces is of the class `reduce`; a kill's are of `kill`.",
        "## Streams",
        table(
            ("Rule", "Figure"),
            (
                ("ping", f"every {stream_link.PING_EVERY_S:g} s"),
                ("silence is noticed", f"within 30 s (after {stream_link.SILENCE_MAX_S:g} s without a frame)"),
                ("pause before another connection", f"{stream.BACKOFF_FIRST_S:g} to {stream.BACKOFF_MAX_S:g} s, drawn"),
                ("events that may wait for a reader", stream.QUEUE_MAX),
            ),
        ),
        "## What an account can do",
        "By environment; a key takes from it what it may not. `uncertain` ones nobody has seen refused yet.",
        table(
            ("Capability", *everywhere, "uncertain on"),
            (
                (
                    f"`{name}`",
                    *("yes" if getattr(able, name) else "no" for able in everywhere.values()),
                    words(place for place, facts in ENVIRONMENTS.items() if name in facts.uncertain),
                )
                for name in names
            ),
        ),
    )


_MEMORY = {
    "nothing": "",
    "fades": "never quite forgets",
    "everything": "depends on where history begins",
    "day": "begins anew each day",
}


def strategy() -> str:
    return page(
        "Strategies: keys, functions, faults",
        "What may stand in a strategy's file. `tradewright spec schema` prints the same as JSON Schema, and"
        " `tradewright spec check FILE` says what is wrong with one.",
        "## Keys",
        "A number under `entry`, `size`, `protect`, `limits`, `grid` and `dca` may be the name of a param.",
        table(("Key", "of", "holds", "without it", "what it is"), _keys("", keys_of(SpecForm))),
        "## Functions",
        "`x a b` are numbers, `c` is a condition, the rest lengths and multipliers. All but the arithmetic ones take a"
        " timeframe last: `tf=4h`.",
        table(
            ("Function", "group", "reads by itself", "gives", "keeps"),
            (
                (f"`{each.signature()}`", group, words(each.reads), _given(each.result), _MEMORY[each.memory])
                for group in GROUPS
                for each in FUNCTIONS.values()
                if each.group == group
            ),
        ),
        "## Faults",
        "Each has its place: a JSON pointer, line and column.",
        *(
            f"{title}\n\n" + table(("Code", "when"), ((f"`{code}`", when) for code, when in codes.items()))
            for title, codes in (
                ("Of the file:", FILE_CODES),
                ("Of keys and values:", KEY_CODES),
                ("Of expressions:", EXPRESSION_CODES),
                ("Warnings, with which it may run:", WARNING_CODES),
            )
        ),
    )


def _given(result: str) -> str:
    return "as its branches" if result == "branch" else result


def _keys(path: str, keys: Mapping[str, Key]) -> Iterable[Sequence[object]]:
    for name, key in keys.items():
        kinds = [kind for kind, names in OF_KIND.items() if path or name in names]
        of = words(kinds) if not path and len(kinds) < len(OF_KIND) else ""
        default = "required" if key.required else "–" if key.default is None else f"`{str(key.default).lower()}`"
        yield f"`{path}{name}`", of, _held(key), default, key.about
        if isinstance(key.rule, ObjectRule):
            yield from _keys(f"{path}{name}.", keys_of(key.rule.form))


def _held(key: Key) -> str:
    match key.rule:
        case NumberRule() as rule:
            return rule.words()
        case ChoiceRule(choices=choices):
            return words(choices)
        case BooleanRule():
            return "`true`, `false`"
        case TextRule(what=what, least=least, most=most):
            return what or f"a text of {least} to {most} characters"
        case VersionRule(version=version):
            return f"`{version}`"
        case ExpressionRule(result=result, now=now):
            return f"an expression: a {result}" + (", or `now`" if now else "")
        case ObjectRule(exactly_one=one, at_least_one=some):
            return f"exactly one of {words(one)}" if one else f"at least one of {words(some)}" if some else "a mapping"
        case ParamsRule():
            return "names to numbers, or to `default min max step`"
        case SeriesRule():
            return "names to expressions"
        case HoursRule():
            return '`"HH:MM-HH:MM"`, the end up to 24:00'
        case DaysRule():
            return f"a list of {words(DAYS)}"


def _is_command(path: str) -> bool:
    return path.split("/")[2:3] == ["order"] or "set-" in path or "switch-" in path or "apply-" in path


def tokens() -> str:
    rows = [
        (f"`{scope}`", f"`{'GET (WebSocket)' if method == 'WEBSOCKET' else method}`", f"`{path}`")
        for scope in SCOPES
        for (method, path), needed in TOKEN_SCOPES.items()
        if needed == scope
    ]
    return f"""{NOTE}

# What an API token may ask

Made under Settings → API tokens, sent as `Authorization: Bearer tw_…`, on the stream's socket too. A token is of one
user in one workspace, lasts at most {LIFETIME_DAYS_MAX} days, and a user has at most {TOKENS_OF_USER_MAX}. It may what
its scopes say and its user's role allows at that moment, whichever is less; `trade` and `manage` include `read`, and
not each other. What is not in this table answers 403 `token.not_allowed`: people, sign-in, keys, arming, exports, other
tokens, and whatever asks a person to confirm that it is still them. After {WRONG_MAX} wrong tokens from one address
within {WINDOW_S:.0f} s further ones answer 429 for a while.

{table(("Scope", "", "Route"), rows)}
"""


PAGES = {"states.md": states, "errors.md": errors, "limits.md": limits, "strategy.md": strategy, "tokens.md": tokens}


def differing() -> list[str]:
    """The pages that are not what the code says."""
    return [
        name for name, write in PAGES.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != write()
    ]


def main(arguments: Sequence[str]) -> int:
    if "--check" in arguments:
        wrong = differing()
        for name in wrong:
            print(f"docs/reference/{name} is not what the code says; run scripts/reference_tables.py")
        return 1 if wrong else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        (FOLDER / name).write_text(write())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
