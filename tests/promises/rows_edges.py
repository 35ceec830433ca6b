"""Promises about what meets us: input (I), rights (J), secrets (K), web (M), the page (P), papers (R)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_CODECS = "tests/property/test_codec_mutations.py"
_RISK = "tests/sim/test_risk_scenarios.py"
_TENANTS = "tests/security/test_two_tenants.py"
_EDGE = "tests/security/test_edge.py"
_IDENTITY = "tests/integration/web/test_identity_api.py"
_KEYS = "tests/integration/connections/test_key_checks.py"
_ADDED = "tests/integration/connections/test_connection_commands.py"
_KEYRINGS = "tests/unit/vault/test_keyrings.py"
_LOST = "tests/integration/connections/test_lost_keyrings.py"
_WRONG = "tests/e2e/test_wrong_things.py"
_TABLES = "tests/unit/house/test_reference_tables.py"

ROWS: Final = (
    Promise(
        id="I1",
        says="No request, however made up, is a 5xx, has half an effect or gets a secret out",
        tests=(
            *of("tests/security/test_fuzzed_api.py"),
            *of("tests/security/test_bad_input.py"),
        ),
        campaigns=("fuzz",),
    ),
    Promise(
        id="I2",
        says="Whatever bytes come, a codec ends in values that make sense or in a typed error",
        tests=of(_CODECS),
        campaigns=("fuzz-codecs",),
    ),
    Promise(
        id="I3",
        says="A word that the exchange begins to use is read as unknown, takes nothing with it, and is logged as"
        " an error once",
        tests=(
            *of(_CODECS, "test_a_word_of_the_future_is_read_as_unknown_and_takes_nothing_with_it"),
            *of(
                "tests/contract/test_codec_examples.py",
                "test_every_status_has_a_state_and_an_unknown_one_is_unrecognised",
                "test_unknown_words_are_kept_as_text",
            ),
            *of("tests/unit/exchange/test_streams.py", "test_junk_frames_are_survived"),
        ),
    ),
    Promise(
        id="I4",
        says="Old, crossed or absurd prices block what adds exposure",
        tests=(
            *of(
                _RISK,
                "test_absurd_or_old_prices_block_new_exposure_and_no_order_leaves",
                "test_the_first_order_of_a_symbol_waits_for_its_prices_and_is_refused_when_none_come",
            ),
            *of("tests/unit/trading/test_risk_prices.py"),
        ),
    ),
    Promise(
        id="J1",
        says="Every route has a declared answer for nobody, another workspace, each role, the operator and an API token"
        " of each scope; one without fails, and topics of others are none",
        tests=(
            *of("tests/security/test_who_may_what.py"),
            *of(_TENANTS, "test_foreign_topics_are_answered_as_topics_that_never_were"),
            *of("tests/security/test_who_may_hear_what.py"),
            *of("tests/security/test_schemathesis.py"),
            *of("tests/integration/web/test_tokens_api.py"),
        ),
    ),
    Promise(
        id="J2",
        says="Another workspace's ids, in every path and body that takes one, are answered as ids that never were, by"
        " the same statements to the database",
        tests=of(_TENANTS),
    ),
    Promise(
        id="J3",
        says="A statement over a workspace's rows that names none, and a route that never uses who asks, is found",
        tests=of("tests/unit/house/test_workspace_lint.py"),
    ),
    Promise(
        id="J8",
        says="Real money opens nothing before an owner has armed its account, nor after what that rested on changed",
        tests=(
            *of("tests/integration/test_real_money.py"),
            *of("tests/integration/web/test_arming_api.py"),
            *of("tests/unit/trading/test_arming.py"),
            *of("tests/e2e/test_arming_page.py"),
        ),
    ),
    Promise(
        id="K1",
        says="An exchange key is sealed where it arrives and opened by the worker alone, in its own row alone",
        tests=(
            *of(
                _KEYRINGS,
                "test_what_the_api_seals_the_worker_opens_in_its_own_row_alone",
                "test_the_half_that_seals_has_nothing_that_opens",
            ),
            *of(_ADDED, "test_nothing_secret_is_in_any_row_as_it_is"),
            *of(_KEYS, "test_a_box_that_was_moved_to_another_connection_does_not_open"),
            *of("tests/e2e/test_accounts_page.py"),
        ),
    ),
    Promise(
        id="K2",
        says="No secret in a log, an output, a command line, an environment, the database, a file, an API reply, the"
        " page or its storage, in whatever form (canaries through a whole life); one that is put there is found",
        tests=(
            *of("tests/integration/test_secrets_stay_home.py"),
            *of("tests/e2e/test_secrets_and_the_page.py"),
            *of("tests/unit/test_logs.py"),
        ),
    ),
    Promise(
        id="K3",
        says="A key that may withdraw is refused; one that may only read shows its account, and nothing is sent for it",
        tests=(
            *of(_KEYS, "test_a_key_that_is_not_right_is_refused_with_its_reason_and_makes_no_account"),
            *of("tests/unit/exchange/test_account.py", "test_permissions_decide_about_trading_and_withdrawal"),
            *of("tests/unit/exchange/test_key_permissions.py"),
            *of("tests/integration/test_watched_account.py"),
            *of("tests/e2e/test_accounts_page.py"),
        ),
    ),
    Promise(
        id="K6",
        says="A key that does not open is kept and opens again once HOME/vault is back; a wiped one leaves neither"
        " digest nor facts",
        tests=(
            *of(_LOST),
            *of(
                "tests/integration/connections/test_upgraded_connections.py",
                "test_after_the_update_no_plain_digest_is_left_and_nothing_of_keys_that_were_wiped",
            ),
            *of(_ADDED, "test_removal_wants_the_name_and_leaves_no_key"),
        ),
    ),
    Promise(
        id="K7",
        says="All requests of a connection go to its host and through its proxy, and no other's do",
        tests=(
            *of("tests/unit/exchange/test_proxies.py"),
            *of("tests/integration/test_secrets_stay_home.py"),
        ),
    ),
    Promise(
        id="K8",
        says='"demo" cannot be pointed at a Bybit host of another environment',
        tests=of("tests/unit/test_exchange_places.py"),
    ),
    Promise(
        id="M1",
        says="Every response carries the security headers, errors included; Host is checked",
        tests=of(
            _EDGE,
            "test_the_policy_allows_no_inline_script_no_eval_no_framing",
            "test_every_route_with_every_method_and_outcome_is_protected",
            "test_an_unexpected_error_is_a_protected_problem_that_tells_nothing",
            "test_over_https_the_header_for_it_is_sent_and_the_cookie_is_bound_to_the_host",
            "test_a_request_for_another_host_is_refused",
        ),
    ),
    Promise(
        id="M2",
        says="Cookies are HttpOnly and SameSite=Strict; no token in a URL that is sent or in browser storage",
        tests=(
            *of(_IDENTITY, "test_the_cookie_is_strict_http_only_and_named_by_port"),
            *of(_EDGE, "test_over_https_the_header_for_it_is_sent_and_the_cookie_is_bound_to_the_host"),
            *of("tests/security/test_over_https.py"),
            *of("tests/e2e/test_first_day.py", "test_nothing_is_kept_where_a_script_could_take_it"),
        ),
    ),
    Promise(
        id="M3",
        says="Writes and the socket check Origin",
        tests=of(
            _EDGE,
            "test_every_write_from_another_origin_is_refused_and_does_nothing",
            "test_two_origins_are_refused",
            "test_a_form_of_another_site_cannot_pass_as_json",
            "test_a_stream_from_another_origin_is_refused_at_the_handshake",
        ),
    ),
    Promise(
        id="M4",
        says="Texts that people store are shown as they are and run nowhere, in both languages, in a real browser",
        tests=of("tests/e2e/test_tokens_page.py", "test_hostile_texts_are_shown_and_run_nowhere"),
    ),
    Promise(
        id="M5",
        says="An address that somebody gave reaches nothing inside: not by a name, another spelling, a redirect or a"
        " name that changes its mind",
        tests=(*of("tests/unit/outbound/test_addresses.py"), *of("tests/security/test_outbound.py")),
    ),
    Promise(
        id="M6",
        says="Nothing in an exported table is a formula",
        tests=(
            *of("tests/unit/web/test_csv_text.py"),
            *of(
                "tests/integration/web/test_exports.py",
                "test_a_table_is_whole_over_many_pages_newest_first_and_its_notes_are_text",
            ),
        ),
    ),
    Promise(
        id="P1",
        says="Logging in leads nowhere but to the page's own paths; held keys and duplicated tabs send nothing"
        " twice unseen",
        tests=(
            *of(
                _WRONG,
                "test_a_link_to_the_login_leads_nowhere_else",
                "test_a_key_held_down_sends_a_refused_order_once",
                "test_however_often_it_is_pressed_one_order_is_made_and_one_cancel",
            ),
            *of(
                "frontend/src/auth/next.test.ts",
                "leads to addresses of this page only, as a browser would read them",
            ),
            *of(
                "frontend/src/ticket/state.test.ts",
                "cannot be submitted twice, nor with another form's intent",
                "comes back after a reload; what was on its way comes back as unanswered, never as sendable",
            ),
        ),
    ),
    Promise(
        id="P2",
        says="Page and server judge orders, changes, sizes and previews by the same vectors",
        tests=(
            *of("tests/unit/core/test_order_rules.py"),
            *of("tests/unit/core/test_sizing_and_preview.py"),
            *of("frontend/src/rules/order.test.ts"),
            *of("frontend/src/rules/change.test.ts"),
            *of("frontend/src/rules/sizing.test.ts"),
            *of("frontend/src/rules/preview.test.ts"),
        ),
    ),
    Promise(
        id="P3",
        says="Every order kind reaches its last state from the ticket, through kills of the server and a lost link",
        tests=of("tests/e2e/test_order_kinds.py"),
    ),
    Promise(
        id="P4",
        says="A broken-off export is refused, not saved in part",
        tests=of("frontend/src/api/trading.test.ts", "is a file, or the server's reason, or no answer; never a part"),
    ),
    Promise(
        id="P6",
        says="Stale numbers are dimmed by colour, not by opacity, and stay readable: 4.5:1 in every theme and palette,"
        " also over the bars of the book, by the tokens and as a real browser computes it",
        tests=(
            *of("frontend/src/styles/stale.test.ts"),
            *of("frontend/src/terminal/InstrumentBar.test.tsx", "tells the age of an old price instead"),
            *of(
                _WRONG,
                "test_numbers_of_a_page_that_hears_nothing_are_dim_and_stay_readable_in_every_look",
            ),
        ),
    ),
    Promise(
        id="P7",
        says="Everything is stopped by a press that is held or a typed word, not by a slip, also while the page"
        " hears nothing",
        tests=(
            *of(
                "frontend/src/kill/KillSwitch.test.tsx",
                "stops nothing when it is let go too early, and says so",
                "stops nothing by the second button of a mouse, nor by a key that was down before the sheet opened",
                "stops nothing by another word, nor by a press that cannot be held: that leads to the word",
            ),
            *of(
                "tests/e2e/test_stop_and_differences.py",
                "test_trading_is_stopped_by_a_held_key_stays_stopped_over_a_reload_and_is_released",
                "test_a_page_whose_stream_never_opens_stops_and_releases_by_pointer_and_by_word",
            ),
        ),
    ),
    Promise(
        id="P5",
        says="Instruments are read by one process, at once after a filter's refusal, and a failed reading changes"
        " nothing but the age",
        tests=(
            *of("tests/integration/market/test_instruments.py"),
            *of(
                "tests/sim/test_change_scenarios.py",
                "test_a_refusal_by_the_instruments_rules_has_them_read_anew",
            ),
        ),
    ),
    Promise(
        id="R1",
        says="The reference tables are what the code says",
        tests=(
            *of(
                _TABLES,
                "test_the_reference_is_what_the_code_says",
                "test_an_edited_page_is_noticed",
                "test_final_states_of_an_order_have_no_move_and_live_ones_reach_every_end",
            ),
            *of("tests/sim/test_session_moves.py"),
        ),
    ),
    Promise(
        id="R2",
        says="This table names tests that are there, and figures that were written down when they were reached",
        tests=of("tests/unit/house/test_promises.py"),
    ),
)
