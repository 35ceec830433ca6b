"""Promises about what runs: streams (C), database (D), workers (E), clock (F), rate limits (G), stopping (O)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_EVENTS = "tests/sim/test_private_events.py"
_STREAMS = "tests/unit/exchange/test_streams.py"
_BOOK = "tests/unit/exchange/test_book.py"
_FLAPPING = "tests/sim/test_flapping_streams.py"
_BUDGETS = "tests/sim/test_request_budgets.py"
_KILL = "tests/integration/test_kill_switch.py"
_KILL_SCENES = "tests/sim/test_kill_scenarios.py"
_HARM = "tests/integration/test_harm_and_return.py"
_PLACEMENT = "tests/contract/test_placement.py"
_EMBEDDED = "tests/integration/storage/test_embedded_life.py"
_BACKTESTS = "tests/integration/backtests/test_keeper.py"
_SUPERVISOR = "tests/integration/test_supervisor.py"

ROWS: Final = (
    Promise(
        id="C1",
        says="Private events repeated or in any order lead to the same end",
        tests=of(_EVENTS, "test_repeated_and_in_any_order_they_lead_to_the_same_end"),
        campaigns=("events",),
    ),
    Promise(
        id="C2",
        says="A stream that drops at any message misses no execution once everything was read, which comes before"
        " it counts as healthy",
        tests=(
            *of(_EVENTS, "test_a_stream_that_drops_at_any_message_misses_no_execution_once_everything_was_read"),
            *of(
                "tests/sim/test_session_scenarios.py",
                "test_after_an_hour_without_exchange_everything_that_happened_is_found",
            ),
        ),
        campaigns=("events",),
    ),
    Promise(
        id="C3",
        says="Silence on an exchange socket is noticed within 30 s, and prices older than the limit open nothing",
        tests=(
            *of(_STREAMS, "test_silence_is_noticed_within_thirty_seconds"),
            *of(
                "tests/sim/test_risk_scenarios.py",
                "test_absurd_or_old_prices_block_new_exposure_and_no_order_leaves",
            ),
            *of("tests/integration/test_fault_proxy.py"),
        ),
    ),
    Promise(
        id="C4",
        says="A book with a gap or crossed is never published; a gap asks for a snapshot, and for another where"
        " none comes; where it comes, over a line of up to 0.3 s, the book is whole again within 3 s",
        tests=(
            *of(
                _BOOK,
                "test_update_id_one_is_a_snapshot_whatever_it_is_called",
                "test_any_id_but_the_next_is_a_gap_and_then_only_a_snapshot_helps",
                "test_crossed_or_locked_book_is_broken",
                "test_deltas_with_losses_repeats_restarts_and_crossings_publish_no_book_that_never_was",
            ),
            *of(
                _STREAMS,
                "test_book_gap_asks_for_a_new_snapshot_and_publishes_nothing_until_then",
                "test_a_book_whose_snapshot_does_not_come_is_asked_for_again_with_growing_pauses",
            ),
            *of(
                "tests/sim/test_book_gaps.py",
                "test_a_book_with_a_gap_is_whole_again_within_three_seconds_and_never_one_that_was_not",
            ),
        ),
    ),
    Promise(
        id="C5",
        says="Two hours of flapping open at most 60 sockets in five minutes, with drawn pauses; twenty accounts"
        " stay together within what Bybit takes of an address",
        tests=(
            *of(
                _FLAPPING,
                "test_a_stream_that_flaps_for_two_hours_opens_at_most_sixty_sockets_in_five_minutes",
                "test_twenty_accounts_that_flap_stay_together_within_what_bybit_takes_of_an_address",
                "test_pauses_are_drawn_so_that_many_do_not_come_back_at_once",
            ),
            *of(_STREAMS, "test_backoff_grows_with_jitter_between_half_a_second_and_fifteen"),
        ),
    ),
    Promise(
        id="C8",
        says="One subscription upstream for each topic, however many read it",
        tests=of("tests/integration/web/test_one_upstream.py"),
    ),
    Promise(
        id="C9",
        says="A browser that resumes gets what it missed once and in order; one that does not read is cut off and"
        " loses nothing",
        tests=of(
            "tests/integration/web/test_stream.py",
            "test_a_resume_gets_what_was_missed_once_and_in_order",
            "test_events_written_while_the_snapshot_is_taken_are_neither_lost_nor_doubled",
            "test_who_does_not_read_is_cut_off_and_can_resume_without_loss",
        ),
    ),
    Promise(
        id="D1",
        says="A database that is killed while commands come in: each takes effect once or is told as not sent",
        tests=of("tests/integration/trading/test_database_restarts.py"),
        campaigns=("db-chaos",),
    ),
    Promise(
        id="D2",
        says="With the database away nothing opens, what reduces may still leave, and the kill switch works on and"
        " is written down beside it",
        tests=(
            *of(
                _PLACEMENT,
                "test_while_the_database_answers_nobody_the_gate_lets_what_reduces_through",
            ),
            *of(
                _KILL,
                "test_with_the_database_dead_the_api_still_stops_and_everything_is_written_down_afterwards",
                "test_with_the_database_stuck_the_command_line_still_stops",
            ),
            *of(
                _KILL_SCENES,
                "test_with_the_database_away_or_stuck_everything_is_cancelled_and_written_down_beside_it_first",
                "test_a_database_that_comes_and_goes_gets_each_act_before_its_answer",
            ),
        ),
    ),
    Promise(
        id="D3",
        says="A commit whose answer got lost is asked by its key, and no row is there twice",
        tests=of("tests/integration/trading/test_commits_cut.py"),
        campaigns=("db-commits",),
    ),
    Promise(
        id="D5",
        says="On a full or read-only disk a kill is still taken down and acted on, what cannot be written down is"
        " not done, and nothing has to be repaired by hand (spool and latch)",
        tests=(
            *of(
                "tests/unit/audit/test_spool.py",
                "test_a_disk_that_fills_up_leaves_room_for_a_kill",
                "test_a_disk_that_takes_nothing_is_told_and_needs_no_repair",
                "test_a_really_full_disk_takes_a_latch_and_a_kills_lines_and_is_as_before_when_there_is_room",
            ),
            *of(_KILL_SCENES, "test_what_cannot_be_written_down_anywhere_is_not_done"),
            *of(_HARM, "test_with_a_full_disk_nothing_opens_a_kill_acts_and_all_goes_on_once_there_is_room"),
        ),
    ),
    Promise(
        id="D7",
        says="While the database says that it is full, nothing is sent without its row, nothing that was sent is"
        " lost, and the next session goes on; whoever asks is told that it cannot be written, and nothing is"
        " half there",
        tests=(
            *of("tests/integration/trading/test_full_disk.py"),
            *of(_HARM, "test_with_a_full_disk_nothing_opens_a_kill_acts_and_all_goes_on_once_there_is_room"),
            *of("tests/integration/web/test_refusing_database.py"),
        ),
    ),
    Promise(
        id="D6",
        says="The embedded database is closed to other users of the machine and survives kills",
        tests=(
            *of("tests/integration/storage/test_embedded_privacy.py"),
            *of(
                _EMBEDDED,
                "test_sigkill_of_the_parent_takes_postgresql_down_and_the_next_start_has_every_committed_row",
                "test_sigkill_of_the_postmaster_loses_no_committed_row_and_it_can_be_launched_again",
            ),
        ),
    ),
    Promise(
        id="E6",
        says="A session cancelled at any of its awaits leaves nothing half-done",
        tests=of(
            "tests/sim/test_ownership_scenarios.py",
            "test_a_session_that_is_cancelled_at_any_await_leaves_nothing_lost_and_nothing_twice",
            "test_an_evening_has_these_steps_and_all_of_it_is_right",
        ),
    ),
    Promise(
        id="E7",
        says="What the account's owner writes is refused once a newer one has it; between signature and socket a"
        " gate is asked, and an old owner's late request is not accepted",
        tests=(
            *of(_PLACEMENT),
            *of(
                "tests/contract/test_journal.py",
                "test_who_has_lost_the_account_writes_nothing_any_more",
                "test_each_owner_is_outdone_by_the_next_also_when_it_is_the_same_process",
            ),
            *of("tests/unit/exchange/test_gate.py"),
            *of("tests/integration/fence/test_fence.py"),
            *of("tests/sim/test_whole_seeds.py"),
            *of("tests/sim/test_whole_seeds_more.py"),
        ),
        campaigns=(
            "sim",
            "fence",
        ),
    ),
    Promise(
        id="E10",
        says="A kill switch whose owner was replaced neither acts nor writes",
        tests=of(
            _KILL_SCENES,
            "test_an_owner_that_was_replaced_carries_out_no_kill_and_ends",
            "test_a_replaced_owner_whose_acts_wait_in_the_spool_ends_as_soon_as_the_database_says_so",
            "test_with_the_gate_shut_a_kill_neither_acts_nor_writes_and_goes_on_when_it_opens",
        ),
    ),
    Promise(
        id="E11",
        says="Ready is said only while a worker lives and owns every account",
        tests=of("tests/integration/web/test_readiness.py"),
    ),
    Promise(
        id="E8",
        says="A bug in one account's session ends no other's; a key is wiped on the exchange's own word only",
        tests=(
            *of(
                "tests/integration/trading/test_session_keeper.py",
                "test_a_bug_in_one_session_is_told_waits_long_and_leaves_the_other_accounts_alone",
            ),
            *of(
                "tests/integration/connections/test_key_checks.py",
                "test_a_bug_in_one_check_is_said_and_leaves_the_other_keys_and_the_worker_alone",
                "test_an_exchange_that_does_not_answer_says_nothing_of_the_key_and_is_asked_again",
            ),
            *of("tests/unit/exchange/test_sign_in_refused.py"),
        ),
    ),
    Promise(
        id="E9",
        says="Nothing is left running after SIGTERM, nor after a SIGKILL",
        tests=(
            *of(
                _SUPERVISOR,
                "test_nothing_lives_on_after_a_sigkill_of_the_supervisor_and_it_starts_again",
                "test_what_a_child_has_started_itself_ends_with_it",
                "test_a_child_that_ignores_the_signal_is_killed_after_its_time",
            ),
            *of("tests/integration/test_whole_installation.py", "test_stopping_takes_seconds_and_leaves_nothing"),
        ),
    ),
    Promise(
        id="F1",
        says="Skew, drift and jumps of the exchange's clock: signed inside of the window, at most one rejection"
        " and two readings, and no loop",
        tests=(*of("tests/sim/test_exchange_clock.py"), *of("tests/unit/exchange/test_clock_offset.py")),
    ),
    Promise(
        id="F2",
        says="A step of our own clock changes no signature, and one that sets it back makes no endless silence",
        tests=(
            *of("tests/sim/test_exchange_clock.py", "test_a_step_of_our_own_clock_changes_no_signature"),
            *of(
                "tests/unit/exchange/test_addresses.py",
                "test_a_wall_clock_that_was_set_back_makes_no_endless_silence",
            ),
        ),
    ),
    Promise(
        id="F3",
        says="No raw clock, chance or id in core, trading, exchange",
        tests=of("tests/unit/house/test_house_lints.py"),
    ),
    Promise(
        id="F4",
        says="The same seed is the same night, event by event, also in a process where strings hash otherwise",
        tests=(
            *of(
                "tests/sim/test_whole_seeds_more.py",
                "test_the_same_seed_is_the_same_night_also_in_a_process_where_strings_hash_otherwise",
            ),
            *of(
                "tests/sim/test_session_seeds.py",
                "test_the_same_seed_is_the_same_night",
                "test_the_same_seed_is_the_same_night_in_another_process",
            ),
        ),
        campaigns=("sim-hashes",),
    ),
    Promise(
        id="G1",
        says="No limit of Bybit's is exceeded in a day of drawn traffic",
        tests=(
            *of(_BUDGETS, "test_no_limit_is_exceeded_in_a_day_of_drawn_traffic"),
            *of(
                "tests/unit/exchange/test_addresses.py",
                "test_the_shares_of_the_processes_of_one_machine_are_together_less_than_the_address_has",
            ),
        ),
    ),
    Promise(
        id="G2",
        says="A cancel or a close leaves within 200 ms while everything is being read, and a kill's cancels go"
        " before others",
        tests=of(
            _BUDGETS,
            "test_a_cancel_and_a_close_leave_within_a_fifth_of_a_second_while_everything_is_being_read",
            "test_a_hundred_cancels_at_once_leave_at_the_limit_and_a_kills_go_before_them",
        ),
    ),
    Promise(
        id="G3",
        says="After 10006 nothing of the path is sent until the time that was said, after 403 nothing at all for"
        " ten minutes, also over a restart, and the budget says until when",
        tests=(
            *of(
                _BUDGETS,
                "test_after_10006_nothing_of_the_path_is_sent_until_the_time_in_the_header",
                "test_after_403_everybody_behind_the_address_is_silent_for_ten_minutes",
            ),
            *of(_FLAPPING, "test_while_the_address_is_blocked_no_socket_is_opened_and_the_reader_is_told"),
            *of(
                "tests/unit/exchange/test_addresses.py",
                "test_a_silence_outlives_a_restart_and_other_processes_and_addresses_keep_their_own",
                "test_while_the_address_is_silent_nothing_is_sent_and_the_budget_says_until_when",
            ),
            *of(
                "frontend/src/standing/Limits.test.tsx",
                "shows used and allowed of each class of requests, what is closed, and until when all is silent",
            ),
        ),
    ),
    Promise(
        id="G4",
        says="Ten minutes of failures are no more than twice as many requests",
        tests=of(
            _BUDGETS,
            "test_ten_minutes_in_which_everything_fails_are_no_more_than_twice_as_many_requests",
            "test_an_exchange_that_comes_back_is_noticed_within_a_few_seconds_and_reducing_is_never_held_back",
        ),
    ),
    Promise(
        id="G5",
        says="A key that is refused, by a command or by a reading, stops what adds exposure, is not tried in a"
        " loop, and trading goes on when a person says so",
        tests=(
            *of("tests/unit/trading/test_stops.py"),
            *of(
                "tests/unit/exchange/test_addresses.py",
                "test_a_refused_key_is_told_of_each_command_and_each_reading_that_says_so",
                "test_a_reading_stops_an_account_only_by_what_is_said_of_the_key_or_the_account_as_a_whole",
            ),
            *of(
                "tests/integration/web/test_standing_api.py",
                "test_a_stop_is_shown_and_told_in_the_stream_and_a_trader_lifts_it_with_an_audit_row",
            ),
        ),
    ),
    Promise(
        id="O2",
        says="Backtests asked for over the API run in processes of their own behind all that trades, at most so many"
        " at once, with bounds on time, memory and what a user may ask for; every order beside them is answered, and"
        " each backtest has one end, whatever is killed meanwhile",
        tests=(
            *of("tests/integration/web/test_orders_beside_backtests.py"),
            *of(_BACKTESTS),
            *of(
                "tests/integration/web/test_backtests_api.py",
                "test_quotas_of_user_workspace_store_and_day",
                "test_the_same_id_and_body_is_the_same_backtest_and_another_body_a_conflict",
                "test_nobody_of_another_workspace_sees_it",
            ),
            *of(
                "tests/integration/web/test_specs_api.py",
                "test_who_asks_too_often_is_told_when_to_try_again",
                "test_work_counts_too_and_is_forgotten_after_a_minute",
                "test_the_loop_goes_on_while_a_spec_is_read",
            ),
            *of("tests/integration/test_backtests_at_home.py", "test_a_backtest_outlives_the_death_of_a_part"),
        ),
        campaigns=("backtests-beside",),
    ),
    Promise(
        id="O6",
        says="A kill cancels everything but the stops of positions, within 5 s, and closes once, with the API or the"
        " database dead, or cut off anywhere; with the worker frozen or dead the next one acts on it before all else;"
        " it holds over restarts and every act is written down, in the database or beside it; runs of bots are halted",
        tests=(
            *of("tests/integration/bots/test_ends_of_runs.py", "test_a_kill_halts_it_at_once"),
            *of(_KILL),
            *of(_KILL_SCENES),
            *of("tests/integration/trading/test_kill_on_postgres.py"),
            *of("tests/unit/audit/test_spool.py"),
            *of("tests/sim/test_whole_seeds.py"),
            *of("tests/sim/test_whole_seeds_more.py"),
        ),
        campaigns=("sim", "stops"),
    ),
    Promise(
        id="O7",
        says="A worker that stops beating is killed and started anew, the next one is ready within 30 s of the last"
        " beat, and acts on a latch before all else",
        tests=(
            *of(
                "tests/integration/test_watchdog.py",
                "test_a_stopped_child_is_killed_and_started_anew",
                "test_a_child_whose_event_loop_is_stuck_is_killed_though_it_lives",
                "test_a_child_that_beats_is_left_alone",
            ),
            *of(_HARM, "test_after_the_end_of_any_process_the_installation_is_ready_again_by_itself"),
            *of(_KILL, "test_with_the_worker_frozen_the_next_one_acts_on_the_latch_before_all_else"),
        ),
        campaigns=("stops",),
    ),
)
