"""Promises about strategies and what is computed of them on candles."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_LANGUAGE: Final = "tests/unit/strategy/language"
_EVALUATE: Final = "tests/unit/strategy/evaluate"
_EVALUATORS: Final = "tests/property/test_strategy_evaluators.py"
_COMMAND: Final = "tests/unit/backtest/test_backtest_command.py"

ROWS: Final = (
    Promise(
        id="I6",
        says="A strategy is data and never code: whatever its text, it is answered with places and at most a hundred"
        " faults, after a bounded number of steps, and no text crashes or hangs the check",
        tests=(
            *of(
                f"{_LANGUAGE}/test_hostile.py",
                "test_a_hostile_spec_is_answered_in_a_tenth_of_a_second",
                "test_more_keys_and_values_than_any_spec_has_are_read_no_further",
                "test_macros_that_double_each_other_do_not_grow",
                "test_values_of_ranges_beyond_what_a_check_may_take_are_told",
            ),
            *of("tests/property/test_specs_fuzz.py"),
            *of(
                "tests/integration/test_spec_command.py",
                "test_a_million_characters_on_standard_input_are_a_spec_that_is_too_large",
            ),
        ),
        campaigns=("fuzz-specs",),
    ),
    Promise(
        id="T1",
        says="Two hundred malformed strategies are told with the documented code, path, line and column",
        tests=of(f"{_LANGUAGE}/test_malformed.py"),
    ),
    Promise(
        id="T2",
        says="The grammar takes what another parser, made from the written grammar, takes, and nothing else",
        tests=of("tests/property/test_expression_grammar.py"),
    ),
    Promise(
        id="T3",
        says="Bar by bar and over whole columns every function gives the same bits, and TA-Lib's values where TA-Lib"
        " has it; of the others those of a definition of their own",
        tests=(
            *of(_EVALUATORS, "test_columns_and_bars_give_the_same_bits", "test_logic_is_kleenes"),
            *of(f"{_EVALUATE}/test_compiled.py"),
            *of("tests/unit/strategy/functions/test_against_talib.py"),
            *of("tests/unit/strategy/functions/test_own_functions.py"),
            *of("tests/unit/strategy/functions/test_first_known.py"),
        ),
        campaigns=("functions",),
    ),
    Promise(
        id="T4",
        says="Nothing looks ahead: cutting the future off changes no earlier value of any function, program or"
        " template, and an evaluator that uses a bar that is still forming is caught",
        tests=(
            *of(
                _EVALUATORS,
                "test_cutting_the_future_off_changes_no_earlier_value_of_a_program",
                "test_cutting_the_future_off_changes_no_earlier_value_of_a_function",
            ),
            *of(
                f"{_EVALUATE}/test_longer_bars.py",
                "test_a_longer_bar_is_seen_at_its_last_base_close_and_not_before",
                "test_cutting_the_future_off_changes_nothing",
                "test_a_forming_bar_in_whole_columns_is_caught",
                "test_a_forming_bar_bar_by_bar_is_caught",
            ),
            *of(
                "tests/unit/strategy/test_templates.py",
                "test_cutting_the_future_off_changes_no_trade_that_was_over",
            ),
        ),
    ),
    Promise(
        id="T5",
        says="A rule that is told never to be true never is, on any market that was drawn",
        tests=of("tests/property/test_never_true.py"),
    ),
    Promise(
        id="T6",
        says="The fast backtest makes the trades, money, equity and warnings of a second engine that shares no code"
        " with it, and those that were worked out by hand",
        tests=(
            *of("tests/property/test_backtest_twins.py"),
            *of("tests/unit/backtest/test_hand_worked_bars.py"),
            *of("tests/unit/backtest/test_touch.py"),
        ),
        campaigns=("backtest-twins",),
    ),
    Promise(
        id="F5",
        says="The live core, trading on the simulated exchange in virtual time, makes the trades that the fast backtest"
        " calculates: times, prices, quantities, reasons and money, of every template and of scenes drawn by chance;"
        " two runs of it are equal to the byte",
        tests=(
            *of("tests/property/test_exact_backtest.py"),
            *of(
                _COMMAND,
                "test_the_exact_mode_says_the_same_and_its_bytes_hang_on_nothing_but_what_it_was_given",
            ),
        ),
        campaigns=("exact",),
    ),
    Promise(
        id="T7",
        says="A backtest says what it was made of, and the same again is the same bytes; candles with holes, of another"
        " timeframe or out of order make no report",
        tests=(
            *of(
                _COMMAND,
                "test_what_a_report_was_made_of_stands_in_it",
                "test_set_values_do_not_change_the_specs_hash_and_the_same_run_gives_the_same_bytes",
                "test_a_gap_exits_3_unless_it_is_to_be_filled",
                "test_candles_of_another_timeframe_and_none_at_all_exit_3",
                "test_a_wrong_spec_exits_2_with_the_errors_in_place_of_the_report",
            ),
            *of("tests/property/test_spoiled_candle_files.py"),
        ),
    ),
    Promise(
        id="T8",
        says="Words say what a strategy does: each single change of one changes them, and is told as a difference, in"
        " English and in Russian",
        tests=(
            *of("tests/property/test_spec_words.py"),
            *of("tests/unit/strategy/words/test_both_languages.py"),
            *of("tests/unit/strategy/words/test_changed_specs.py"),
        ),
        campaigns=("words",),
    ),
    Promise(
        id="T9",
        says="A search gives what single backtests give, however many processes share it, and never shows its best"
        " without the number of tries; what is tried on later days was found on earlier ones alone",
        tests=(
            *of(
                "tests/unit/backtest/test_search_sweep.py",
                "test_the_outcome_of_a_sweep_is_the_same_however_many_processes_share_it",
                "test_each_outcome_is_that_of_a_backtest_with_these_values_and_the_best_comes_first",
                "test_windows_follow_each_other_and_none_is_tried_on_what_it_was_found_in",
                "test_a_sweep_tells_the_tries_the_best_and_that_it_may_be_luck",
            ),
            *of(
                "tests/unit/backtest/test_search_space.py",
                "test_the_deflated_sharpe_ratio_is_that_of_the_papers_example",
            ),
            *of("tests/property/test_compiled_twins.py"),
            *of("tests/unit/backtest/test_search_compiled.py"),
        ),
        campaigns=("compiled-twins",),
    ),
    Promise(
        id="T10",
        says="Stored candles are whole or the old ones: a crash at any step, two writers and a flipped bit are found,"
        " and what is damaged is not read",
        tests=of(
            "tests/unit/market/history/test_store.py",
            "test_whatever_step_a_crash_comes_at_the_old_or_the_new_is_there_whole",
            "test_two_writers_of_one_series_exclude_each_other",
            "test_a_flipped_bit_is_found_and_nothing_is_read_from_it_or_added_to_it",
            "test_bars_that_contradict_are_refused_until_somebody_says_which_are_right",
        ),
    ),
    Promise(
        id="T11",
        says="Candles made of the archive's trades hold every trade once, whatever the order of rows; a spoiled or cut"
        " file is refused with its line, and a day without a file is told",
        tests=(
            *of("tests/unit/market/history/test_trade_files.py"),
            *of("tests/unit/market/history/test_archive_download.py"),
            *of("tests/property/test_spoiled_trade_files.py"),
        ),
    ),
)
