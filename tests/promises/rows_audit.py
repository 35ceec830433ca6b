"""Promises about the audit trail (L)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_CHAINS = "tests/integration/audit/test_chains.py"
_EXPORTS = "tests/integration/audit/test_exporting.py"
_WEBHOOK = "tests/integration/audit/test_heads_webhook.py"
_API = "tests/integration/web/test_audit_api.py"

ROWS: Final = (
    Promise(
        id="L1",
        says="Nothing that a person may ask for is done without its audit row in the same transaction: with the trail"
        " away each such route refuses and changes nothing, but for a kill, which goes to the spool",
        tests=(
            *of("tests/security/test_no_deed_without_its_row.py"),
            *of(
                "tests/integration/trading/test_commands.py",
                "test_an_order_is_an_intent_with_its_audit_row_and_a_notification",
                "test_every_verdict_and_answer_of_the_owner_is_audited",
            ),
            *of(_CHAINS, "test_without_its_chain_nothing_commits"),
            *of(
                "tests/integration/storage/test_engine.py",
                "test_an_audit_entry_is_kept_with_the_transaction_that_it_speaks_of",
            ),
            *of(
                "tests/integration/trading/test_kill_on_postgres.py",
                "test_with_the_audit_table_gone_nothing_is_written_but_the_spool",
            ),
        ),
    ),
    Promise(
        id="L2",
        says="Each account and each workspace has a chain: an edit, removal, insertion, swap or cut of any row is found"
        " and its place named; a chain rewritten or cut with its head is found by heads exported before",
        tests=(
            *of("tests/unit/audit/test_verifying.py"),
            *of("tests/integration/audit/test_tampering.py"),
            *of(_CHAINS),
            *of(_EXPORTS),
            *of(_WEBHOOK),
        ),
        campaigns=("audit-tampering",),
    ),
    Promise(
        id="L3",
        says="Who, what, when, why, which version of a strategy and which answer of a model: of any order in one query",
        tests=of(
            _API,
            "test_of_a_hundred_orders_each_story_is_complete",
            "test_the_version_of_a_strategy_and_a_models_answer_are_told_where_they_were_written",
        ),
    ),
    Promise(
        id="L4",
        says="A sensitive value stands in the trail as a keyed digest, by which whoever has the value can tell it",
        tests=of(_API, "test_a_sensitive_value_is_told_by_its_digest_and_read_nowhere"),
    ),
    Promise(
        id="L5",
        says="No value begins a second line of a log or of a command's output, nor a record or a formula of the"
        " exported trail, whether it comes as a name, a header, a path, a body or a topic",
        tests=(
            *of("tests/security/test_forged_lines.py"),
            *of("tests/unit/test_logs.py", "test_no_value_begins_a_second_line_or_moves_the_cursor"),
            *of(_API, "test_as_csv_nothing_of_it_runs_or_forges_a_line_and_the_export_is_an_entry"),
        ),
    ),
)
