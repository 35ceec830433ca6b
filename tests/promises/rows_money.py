"""Promises about money (H): fills, positions, limits, protection, the ledger."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_RISK = "tests/sim/test_risk_scenarios.py"
_LEDGER = "tests/property/test_ledger_properties.py"
_LEDGER_STORE = "tests/contract/test_ledger_store.py"
_LEDGER_SIM = "tests/sim/test_ledger_on_simulator.py"
_MONEY = "tests/property/test_money_properties.py"

ROWS: Final = (
    Promise(
        id="H1",
        says="Any partition of a quantity gives the same position, cost, profit and fee",
        tests=(
            *of(_LEDGER, "test_any_partition_of_a_quantity_gives_the_same_position_cost_profit_and_fee"),
            *of(
                "tests/property/test_tracker_properties.py",
                "test_any_partition_of_a_quantity_into_fills_moves_the_position_by_the_same",
            ),
        ),
    ),
    Promise(
        id="H2",
        says="Fill before acknowledgement, fill after cancel, cancel after fill and overfill have one end in every"
        " order of arrival",
        tests=of("tests/sim/test_fill_races.py"),
    ),
    Promise(
        id="H3",
        says="Every set of the ledger sums to zero in each asset, by the database's own word too; in simulated nights"
        " all books do at each step of the database, whatever fails, and each is the sum of its lines",
        tests=(
            *of(_LEDGER, "test_every_set_sums_to_zero_in_each_asset"),
            *of(
                _LEDGER_STORE,
                "test_the_database_itself_refuses_half_a_set_and_every_change_of_a_line",
                "test_a_source_is_booked_once_and_a_set_whole_or_not_at_all",
            ),
            *of(
                "tests/sim/test_ledger_keeper.py",
                "test_it_looks_once_ready_again_after_a_lost_connection_and_every_quarter_of_an_hour",
            ),
            *of("tests/sim/test_ledger_seeds.py"),
            *of(
                "tests/sim/test_planted_nights.py",
                "test_a_bug_planted_in_part_of_a_night_is_found_within_forty_such_nights",
            ),
        ),
        campaigns=("sim",),
    ),
    Promise(
        id="H4",
        says="No float reaches price, quantity, fee or balance",
        tests=(
            *of("tests/unit/house/test_house_lints.py"),
            *of("tests/unit/storage/test_urls_and_json.py", "test_a_number_with_a_point_is_never_a_float"),
            *of(
                "tests/integration/storage/test_engine.py",
                "test_money_comes_back_as_the_same_decimal_with_the_same_digits",
                "test_json_keeps_decimals_ids_and_times_as_text_and_reads_no_float",
            ),
            *of("tests/property/test_codec_mutations.py", "test_rest_pages_are_whole_and_sensible_or_unavailable"),
        ),
        campaigns=("fuzz-codecs",),
    ),
    Promise(
        id="H5",
        says="Quantities and prices are rounded onto the grid to the side that is named, never beyond what was"
        " asked, and what breaks an instrument's rules is refused and never sent",
        tests=(
            *of(
                _MONEY,
                "test_rounding_stays_on_the_grid_on_the_side_it_names_and_less_than_one_step_away",
                "test_what_is_suggested_for_a_fault_of_the_grid_is_without_it",
            ),
            *of("tests/unit/core/test_order_rules.py"),
            *of("tests/contract/test_rules_over_all_listings.py"),
            *of("tests/unit/core/test_sizing_and_preview.py"),
            *of(
                "tests/sim/test_session_scenarios.py",
                "test_an_order_that_breaks_the_instruments_rules_is_refused_and_never_sent",
            ),
        ),
    ),
    Promise(
        id="H6",
        says="Profit is what a replay of the executions gives, also for one that comes late",
        tests=(
            *of(
                _LEDGER,
                "test_profit_fees_and_funding_are_those_of_another_reckoning",
                "test_an_execution_that_comes_late_leaves_the_books_as_if_it_had_come_in_time",
            ),
            *of(
                _LEDGER_STORE,
                "test_executions_are_posted_once_in_the_exchanges_order_and_late_ones_too",
            ),
            *of(
                _LEDGER_SIM,
                "test_an_hour_of_trading_with_funding_and_transfers_ties_out_to_the_last_digit",
                "test_a_line_that_is_gone_from_our_own_books_is_a_break",
            ),
        ),
    ),
    Promise(
        id="H7",
        says="Limits hold at their edge, under any interleaving, with unknown orders counted, and each of them for"
        " the successor of a killed owner",
        tests=(
            *of(
                _RISK,
                "test_an_order_at_the_edge_of_a_limit_goes_and_one_step_over_is_refused_with_the_numbers",
                "test_of_two_orders_that_only_fit_one_by_one_only_one_goes",
                "test_the_next_owner_refuses_what_the_killed_one_would_have_refused",
            ),
            *of("tests/sim/test_risk_interleavings.py"),
            *of("tests/contract/test_risk_store.py"),
            *of("tests/integration/trading/test_risk_successor.py"),
        ),
        campaigns=("risk",),
    ),
    Promise(
        id="H8",
        says="A contract's position (one whose only stop trails is not watched) stands without its planned stop no"
        " longer than 2 s + 30 s (+ 3 s; + 50 s of served time under faults), and is closed once over any"
        " restarts",
        tests=(
            *of("tests/sim/test_guardian_scenarios.py"),
            *of("tests/sim/test_guardian_seeds.py"),
            *of("tests/integration/trading/test_guardian.py"),
        ),
        campaigns=("sim",),
    ),
    Promise(
        id="H9",
        says="The ledger ties out against the exchange's log, closed profits, positions and wallet, over faults"
        " and kills, and each kind of break planted is found",
        tests=(
            *of(_LEDGER_SIM),
            *of("tests/sim/test_ledger_seeds.py"),
            *of("tests/integration/trading/test_ledger.py"),
            *of("tests/sim/test_whole_seeds.py"),
            *of("tests/sim/test_whole_seeds_more.py"),
        ),
        campaigns=("sim",),
    ),
)
