"""Promises about orders: what was asked is done once (A), and what is shown is what the exchange has (B)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_SCENES = "tests/sim/test_session_scenarios.py"
_CHANGES = "tests/sim/test_change_scenarios.py"
_SAFETY = "tests/sim/test_safety_scenarios.py"
_JOURNAL = "tests/contract/test_journal.py"
_WHOLE = ("tests/sim/test_whole_seeds.py", "tests/sim/test_whole_seeds_more.py")
_INSTALLATION = "tests/integration/test_whole_installation.py"
_PLACE = "tests/integration/trading/test_commands.py"
_CHANGE = "tests/integration/trading/test_change_commands.py"
_ROWS_OF_NAUTILUS = "tests/sim/test_reconciliation_table.py"

ROWS: Final = (
    Promise(
        id="A1",
        says="A worker that is killed at any step between intent and answer, at a named point or at random, with"
        " the database killed too, doubles no order, loses none, and agrees with the exchange afterwards",
        tests=(
            *_WHOLE,
            *of(_SCENES, "test_a_kill_at_any_step_loses_and_doubles_nothing"),
            *of(_CHANGES, "test_a_kill_at_any_step_of_changing_things_loses_and_doubles_nothing"),
            *of("tests/sim/test_session_seeds.py"),
            *of("tests/integration/test_kill_campaign.py"),
            *of(_INSTALLATION, "test_a_worker_killed_before_the_reply_neither_loses_nor_doubles_the_order"),
        ),
        campaigns=("sim", "kill"),
    ),
    Promise(
        id="A2",
        says="An intent and its request are committed before the first byte leaves: each request of a simulated"
        " night is held against what was written down by then, and at each command of a real worker, of every kind,"
        " a second connection to PostgreSQL sees both before the exchange sees a byte; what the kill switch does"
        " may stand in its spool instead, while the database is away or slow",
        tests=(
            *_WHOLE,
            *of(
                "tests/integration/test_nothing_leaves_unwritten.py",
                "test_at_each_send_of_a_real_worker_the_database_has_the_intent_and_its_open_request",
            ),
            *of(_JOURNAL, "test_opening_a_request_commits_the_request_and_the_intent_in_sending"),
            *of(
                "tests/integration/trading/test_commits_cut.py",
                "test_an_owner_whose_commit_got_lost_sends_nothing_and_leaves_it_to_evidence",
            ),
        ),
        campaigns=("sim",),
    ),
    Promise(
        id="A3",
        says="One client order id for an intent's whole life, made from its id, at most 36 characters, no two"
        " alike in a million",
        tests=(
            *of(
                "tests/property/test_ids_properties.py",
                "test_a_link_id_has_the_exchanges_format_and_leads_back",
                "test_a_million_intents_have_a_million_link_ids",
            ),
            *of("tests/unit/core/test_values.py", "test_a_link_id_fits_the_exchange_and_leads_back_to_its_intent"),
            *of(_SCENES, "test_rate_limits_and_clock_refusals_are_tried_again_with_the_same_id"),
        ),
    ),
    Promise(
        id="A4",
        says="A retry never makes a second order: a duplicate id means that it is already there, and is looked for",
        tests=(
            *of(_SCENES, "test_a_duplicate_id_means_that_it_is_there"),
            *of(_SAFETY, "test_what_the_exchange_calls_a_duplicate_is_never_called_not_placed"),
            *of(
                "tests/contract/test_gateway_on_simulator.py",
                "test_same_client_id_again_is_a_duplicate_and_exists_once",
            ),
            *of(
                "tests/unit/exchange/test_errors.py",
                "test_duplicate_client_id_means_an_earlier_attempt_got_through",
            ),
            *of(_INSTALLATION, "test_a_swallowed_reply_is_unknown_then_found_and_exists_once"),
        ),
    ),
    Promise(
        id="A5",
        says="The same intent id and body is the same intent, another body is refused, and twenty at once make one",
        tests=(
            *of(
                _PLACE,
                "test_the_same_id_and_body_is_the_same_intent",
                "test_the_same_id_with_another_body_is_a_conflict_and_changes_nothing",
                "test_twenty_at_once_with_the_same_id_have_one_effect",
                "test_two_bodies_at_once_with_the_same_id_are_one_effect_and_one_conflict",
            ),
            *of(
                _CHANGE,
                "test_the_same_id_and_body_is_the_same_intent_and_another_body_a_conflict",
                "test_a_change_asked_twenty_times_at_once_is_one",
                "test_cancel_all_twenty_times_at_once_is_one",
            ),
            *of(
                "tests/integration/web/test_trading_api.py",
                "test_the_same_intent_twenty_times_at_once_is_one_intent",
            ),
            *of(_INSTALLATION, "test_the_same_intent_posted_again_is_the_same_order"),
        ),
        campaigns=("keys",),
    ),
    Promise(
        id="A6",
        says="Every way a call can end is classed and every documented code is in one class; what is not listed is"
        " unknown, never failed",
        tests=(
            *of("tests/unit/exchange/test_errors.py"),
            *of("tests/unit/trading/test_submission.py"),
            *of("tests/unit/exchange/test_orders.py", "test_what_may_have_happened_is_unknown_and_is_not_sent_again"),
            *of("tests/unit/exchange/test_http.py"),
        ),
    ),
    Promise(
        id="A7",
        says="Unknown ends only by evidence, and is called not placed no earlier than 21 s later and after three"
        " empty sources were read",
        tests=(
            *of("tests/unit/trading/test_resolution.py"),
            *of(
                _SCENES,
                "test_a_lost_request_is_not_placed_and_not_before_the_evidence_is_complete",
                "test_an_order_accepted_at_the_end_of_its_window_and_seen_late_is_still_found",
            ),
            *of("tests/sim/test_session_seeds.py", "test_a_rule_of_evidence_that_is_too_short_is_found_out"),
            *_WHOLE,
        ),
        campaigns=("sim",),
    ),
    Promise(
        id="A8",
        says="Orders of unknown outcome count in the limits of risk, for the owner and for its successor",
        tests=(
            *of(
                "tests/sim/test_risk_scenarios.py",
                "test_an_order_of_unknown_outcome_counts_and_so_it_does_for_the_next_owner",
            ),
            *of("tests/sim/test_risk_interleavings.py"),
        ),
        campaigns=("risk",),
    ),
    Promise(
        id="A9",
        says="A cancel whose answer is lost is looked for at the server and never sent again by itself",
        tests=of(
            "frontend/src/tables/useCancel.test.ts",
            "keeps saying that it is cancelling while nobody knows, until the server is found to have it",
            "says that the server has not seen it, and asks for the same cancel when pressed again",
        ),
    ),
    Promise(
        id="A10",
        says="An amend, a leverage or an exit is done once it is read back, and an unknown one ends by reading what is",
        tests=(
            *of(
                _CHANGES,
                "test_an_amend_is_asked_until_the_order_is_read_with_its_new_terms",
                "test_an_amend_whose_answer_is_lost_is_settled_by_the_order_itself",
                "test_exits_of_a_position_are_done_once_they_are_read_back",
                "test_a_leverage_of_unknown_outcome_is_settled_by_reading_the_position",
            ),
            *of(_JOURNAL, "test_what_an_acknowledged_change_came_to_is_booked_and_marked_in_one"),
        ),
    ),
    Promise(
        id="A11",
        says="A close and a reverse are refused when the position is not what the caller saw, and two reverses"
        " turn it once",
        tests=(
            *of(_CHANGE, "test_a_position_that_is_not_the_one_that_was_seen_is_neither_closed_nor_reversed"),
            *of(_CHANGES, "test_a_reverse_turns_the_position_and_is_refused_once_it_is_another"),
            *of(_SAFETY, "test_two_reverses_of_two_pages_turn_the_position_once"),
        ),
    ),
    Promise(
        id="A12",
        says="Modes, legs and trailing stops are done once they are read back; of a batch whose lists do not fit"
        " nothing is believed; cancel-all spares what was placed elsewhere",
        tests=(
            *of("tests/sim/test_mode_scenarios.py"),
            *of("tests/unit/exchange/test_batches.py", "test_of_lists_that_do_not_fit_nothing_is_believed"),
            *of(
                "tests/integration/trading/test_mode_commands.py",
                "test_cancel_all_spares_what_was_placed_elsewhere_unless_it_is_asked_for",
            ),
        ),
    ),
    Promise(
        id="A13",
        says="An order's request is committed at once, only while everything is as it was read",
        tests=of("tests/integration/trading/test_opening.py"),
    ),
    Promise(
        id="A15",
        says="What an account's owner itself opens is judged in memory and born with its request, in the one"
        " commit before its first byte; the same again sends nothing, and a kill at any step of it loses and"
        " doubles nothing",
        tests=(
            *of("tests/sim/test_own_orders.py"),
            *of(
                _JOURNAL,
                "test_an_own_order_is_born_in_sending_with_its_request_and_told_once",
                "test_an_own_order_whose_id_is_known_writes_nothing",
                "test_an_own_order_of_an_owner_who_lost_the_account_is_not_born",
            ),
        ),
    ),
    Promise(
        id="A14",
        says="Swallowed replies, 502 after delivery, truncated bodies, half-open sockets and 7 s delays on real"
        " sockets: orders exist once, and what is told becomes right by itself",
        tests=of("tests/integration/test_fault_proxy.py"),
    ),
    Promise(
        id="B1",
        says="No order doubled, lost or orphaned, nothing diverged from the exchange, no limit broken, nothing"
        " naked beyond its time, nothing stuck: the real session, gateway and simulated exchange under drawn"
        " faults and kills, then peace (500 seeds)",
        tests=_WHOLE,
        campaigns=("sim", "kill"),
    ),
    Promise(
        id="B2",
        says="One reading of a quiet account is enough whatever was lost before, and a second tells nothing",
        tests=(
            *of("tests/sim/test_private_events.py", "test_one_reading_is_enough_and_another_of_the_same_tells_nothing"),
            *of(_ROWS_OF_NAUTILUS, "test_another_reading_of_what_every_row_has_come_to_tells_nothing"),
            *of(_SCENES, "test_a_second_reconciliation_of_a_quiet_account_tells_nothing"),
        ),
    ),
    Promise(
        id="B3",
        says="Each of twenty ways to differ from the exchange, thirteen at a start and seven at run time, has its test",
        tests=of(_ROWS_OF_NAUTILUS, "test_every_scenario_row_of_reconciliation", "test_the_tables_are_whole"),
    ),
    Promise(
        id="B4",
        says="A failed or partial read changes nothing and is never read as absence",
        tests=(
            *of(_SCENES, "test_a_failed_page_of_a_reconciliation_changes_nothing"),
            *of(
                "tests/unit/exchange/test_orders.py",
                "test_a_failing_page_makes_the_whole_answer_unavailable",
                "test_one_unreadable_row_makes_the_page_unavailable_and_is_logged",
            ),
            *of("tests/unit/trading/test_resolution.py", "test_a_failed_read_is_no_evidence"),
            *of(
                "tests/contract/test_ledger_on_simulator.py",
                "test_a_page_that_is_lost_loses_all_and_one_row_that_cannot_be_read_does_too",
            ),
        ),
    ),
    Promise(
        id="B5",
        says="Foreign orders are shown as external and not touched until a person asks",
        tests=(
            *of(
                _JOURNAL,
                "test_a_foreign_order_is_marked_once_and_belongs_to_nobody",
                "test_an_order_with_a_client_id_like_ours_that_nobody_asked_for_is_foreign",
            ),
            *of(
                _SCENES,
                "test_a_foreign_order_is_shown_and_never_touched",
                "test_a_foreign_order_is_cancelled_when_a_person_asks",
            ),
            *_WHOLE,
        ),
        campaigns=("sim",),
    ),
    Promise(
        id="B6",
        says="No fill is made up, each is booked and told once in any order of arrival and over any kill, also one in"
        " the middle of a reading, and what no fill explains waits for a person",
        tests=(
            *of(_JOURNAL, "test_each_execution_is_booked_once", "test_a_fill_before_its_order_finds_it_later"),
            *of("tests/property/test_tracker_properties.py"),
            *of(_ROWS_OF_NAUTILUS, "test_every_scenario_row_of_reconciliation"),
            *of(_SCENES, "test_a_kill_at_any_step_loses_and_doubles_nothing"),
            *of("tests/sim/test_reading_kills.py"),
        ),
        campaigns=("kills-reading",),
    ),
    Promise(
        id="B7",
        says="Nothing is sent before the first reconciliation (what cancels or reduces, once three readings have"
        " failed); while degraded only what reduces",
        tests=of(
            _SCENES,
            "test_nothing_is_sent_before_the_first_reconciliation_and_too_old_orders_never",
            "test_while_degraded_cancels_are_sent_and_openings_wait_until_they_expire",
            "test_a_reducing_order_is_sent_while_degraded",
        )
        + of(
            "tests/sim/test_reading_scenarios.py",
            "test_cancels_and_closes_go_when_reading_fails_again_and_again_and_openings_do_not",
        ),
    ),
    Promise(
        id="B8",
        says="Intents and orders make only moves of the tables, ends stay, fills never shrink",
        tests=(
            *of("tests/property/test_order_moves.py"),
            *of("tests/property/test_tracker_properties.py"),
            *of("tests/unit/core/test_order_tracker.py"),
            *of(
                _JOURNAL,
                "test_a_stale_report_changes_nothing_and_tells_nothing",
                "test_a_final_state_is_never_left",
            ),
        ),
        campaigns=("moves",),
    ),
    Promise(
        id="B9",
        says="What is foreign or unexplained blocks its symbol for what opens, is told once with before and after,"
        " and is decided by a person; a close of it is one act over any kill",
        tests=(
            *of("tests/contract/test_differences.py"),
            *of("tests/sim/test_difference_scenarios.py"),
            *of("tests/integration/web/test_differences_api.py"),
            *of("tests/sim/test_whole_seeds.py"),
            *of("tests/sim/test_whole_seeds_more.py"),
        ),
        campaigns=("sim",),
    ),
    Promise(
        id="B10",
        says="After each part of an installation is killed in turn, and after all of it is, orders, positions,"
        " balances and fills are as before, without a difference",
        tests=of(_INSTALLATION, "test_after_a_kill_everything_is_as_before"),
    ),
    Promise(
        id="B11",
        says="Orders, positions and balances are the same for pybit, ccxt, the API and the page after an hour of a"
        " hundred orders",
        tests=of("tests/e2e/test_an_hour_of_trading.py"),
    ),
    Promise(
        id="B12",
        says="A machine that stood still opens nothing before everything was read again",
        tests=(
            *of(
                "tests/sim/test_ownership_scenarios.py",
                "test_after_standing_still_nothing_opens_before_everything_was_read_again",
            ),
            *of(
                "tests/contract/test_placement.py",
                "test_after_standing_still_the_gate_is_shut_until_everybody_knows",
            ),
        ),
    ),
    Promise(
        id="B13",
        says="The same of a contract that is held in two legs, each with its fills, stop and books (hedge mode)",
        tests=of("tests/sim/test_hedged_nights.py"),
        campaigns=("sim-hedged",),
    ),
)
