"""Promises about what all the others are held against: the simulated exchange (S), and the tests' own worth (V)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_CONSERVATION = "tests/property/test_simulator_conservation.py"
_ACCOUNTING = "tests/property/test_simulator_accounting.py"

ROWS: Final = (
    Promise(
        id="S1",
        says="The simulated exchange adds up to the last digit, through funding, liquidation and delivery; its"
        " wallet equals its cash flows exactly",
        tests=(*of(_CONSERVATION), *of(_ACCOUNTING)),
    ),
    Promise(
        id="S2",
        says="It fills in price-time order, and an order lives as documented",
        tests=(
            *of("tests/property/test_simulator_priority.py"),
            *of("tests/property/test_simulator_order_lives.py"),
        ),
    ),
    Promise(
        id="S3",
        says="The same seed says the same bytes",
        tests=of("tests/property/test_simulator_determinism.py"),
        campaigns=("seeds-exchange",),
    ),
    Promise(
        id="S4",
        says="Its log survives a torn line and a crash at any byte",
        tests=(
            *of("tests/unit/simulator/test_log.py"),
            *of(_ACCOUNTING, "test_a_restart_after_a_crash_at_any_byte_agrees_with_the_log"),
            *of(
                "tests/property/test_simulator_order_lives.py",
                "test_orders_live_as_documented_and_a_log_that_is_cut_anywhere_goes_on",
            ),
        ),
    ),
    Promise(
        id="S5",
        says="Spoiled requests and frames get documented answers from it, crash nothing and end no stream",
        tests=of("tests/property/test_simulator_input.py"),
        campaigns=("fuzz-exchange",),
    ),
    Promise(
        id="S6",
        says="Every reply and message of it has exactly the documented keys and JSON types",
        tests=(*of("tests/contract/test_shapes.py"), *of("tests/contract/test_shapes_documented.py")),
    ),
    Promise(
        id="S7",
        says="Unmodified clients of others cannot tell it from Bybit, as far as the documentation goes",
        tests=(
            *of("tests/contract/test_pybit_account.py"),
            *of("tests/contract/test_pybit_demo.py"),
            *of("tests/contract/test_pybit_market.py"),
            *of("tests/contract/test_pybit_on_simulator.py"),
            *of("tests/contract/test_pybit_order_kinds.py"),
            *of("tests/contract/test_pybit_orders.py"),
            *of("tests/contract/test_pybit_refusals.py"),
            *of("tests/contract/test_pybit_streams.py"),
            *of("tests/contract/test_ccxt_on_simulator.py"),
        ),
        campaigns=("clients",),
    ),
    Promise(
        id="S8",
        says="A recorded market is served row for row, gaps included; resting orders fill only beyond their price",
        tests=(
            *of("tests/integration/test_replayed_market.py"),
            *of("tests/integration/test_recorded_files.py"),
            *of("tests/unit/simulator/test_recordings_served.py"),
            *of("tests/property/test_market_replay.py"),
        ),
    ),
    Promise(
        id="S9",
        says="The twenty-five steps of acceptance pass on the simulated exchange, leave nothing and write nothing"
        " secret",
        tests=of("tests/integration/test_acceptance.py"),
    ),
    Promise(
        id="V1",
        says='Five bugs planted on purpose (sent before the commit, a new id for a retry, "not found" read as'
        " failed, an event dropped at a reconnect, money as float) are each found within 500 seeds",
        tests=of("tests/sim/test_planted_bugs.py"),
        campaigns=("mutants",),
    ),
    Promise(
        id="V4",
        says="Bugs planted in what only some nights have (a kill that is ignored or only latched, an owner for"
        " ever, books with a hole, legs taken for one, differences unseen) are each found within forty such"
        " nights",
        tests=of("tests/sim/test_planted_nights.py"),
    ),
    Promise(
        id="V2",
        says="The kill campaign's own checks find each way to be wrong, and it deals every point as often as it says",
        tests=(
            *of("tests/unit/test_campaign_verdicts.py"),
            *of(
                "tests/integration/test_kill_campaign.py",
                "test_a_campaign_deals_every_point_as_often_as_it_promises",
            ),
        ),
    ),
    Promise(
        id="V3",
        says="Seeded runs are about something, and a seed that once found something is always run",
        tests=(
            *of(
                "tests/sim/test_whole_seeds_more.py",
                "test_runs_are_about_something",
                "test_a_seed_that_once_found_something_finds_nothing_any_more",
            ),
            *of("tests/sim/test_private_events.py", "test_the_stories_are_about_something"),
            *of("tests/security/test_fuzzed_api.py", "test_each_of_these_wrongs_would_be_found"),
        ),
    ),
)
