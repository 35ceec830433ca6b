"""`errors.md`: Bybit's codes and what is done after each."""

from __future__ import annotations

from reference.text import page, table
from tradewright.exchange.bybit import address
from tradewright.exchange.bybit.errors import HTTP_VERDICTS, MEANINGS, VERDICTS
from tradewright.trading.submission import ATTEMPTS_MAX, known_reasons


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
