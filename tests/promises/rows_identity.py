"""Promises about people: their sessions, workspaces and quotas, and how they prove who they are (J)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_IDENTITY = "tests/integration/web/test_identity_api.py"
_SESSIONS = "tests/integration/web/test_sessions_api.py"
_PEOPLE = "tests/integration/web/test_people_api.py"

_FACTORS = "tests/integration/web/test_second_factors_api.py"
_PASSKEYS = "tests/integration/web/test_passkeys_api.py"

ROWS: Final = (
    Promise(
        id="J4",
        says="Passwords are long, none of the common ones and kept as argon2id; each code of a second factor opens"
        " once, also when it comes to two processes at the same moment",
        tests=(
            *of("tests/unit/identity/test_common_passwords.py"),
            *of("tests/unit/identity/test_one_time_codes.py"),
            *of(
                "tests/unit/identity/test_passwords_and_names.py",
                "test_a_hash_is_argon2id_salted_and_matches_only_its_password",
                "test_a_password_is_long_enough_and_not_what_is_tried_first",
            ),
            *of(
                _FACTORS,
                "test_with_an_authenticator_the_password_opens_no_session_and_a_code_does",
                "test_each_code_opens_once",
                "test_of_many_that_give_the_same_code_at_once_one_is_let_in",
                "test_two_processes_do_not_take_the_same_code",
                "test_a_recovery_code_opens_once_and_a_new_set_ends_the_old",
            ),
            *of(_PASSKEYS),
            *of("tests/e2e/test_security_page.py"),
        ),
    ),
    Promise(
        id="J5",
        says="Guessing is limited: twenty passwords an hour for each name and address, twenty codes an hour for each"
        " person and a hundred wrong ones in a row",
        tests=(
            *of(_IDENTITY, "test_twenty_wrong_passwords_for_a_name_and_no_more_are_tried"),
            *of("tests/integration/web/test_login_limit.py"),
            *of("tests/security/test_guessing.py"),
            *of(
                _FACTORS,
                "test_guessing_codes_tries_twenty_an_hour_and_a_hundred_at_all",
                "test_tries_of_a_step_up_count_with_those_of_the_login",
            ),
        ),
        campaigns=("guesses",),
    ),
    Promise(
        id="J7",
        says="Adding keys, going live, loosening limits, changing factors and the password, exporting, tokens and"
        " people need a proof of the last ten minutes of who asks",
        tests=(
            *of("tests/security/test_step_up.py"),
            *of(
                _FACTORS,
                "test_step_up_lasts_ten_minutes_and_is_asked_for_what_needs_it",
                "test_who_has_a_second_factor_proves_themselves_by_it",
            ),
            *of(_PASSKEYS, "test_step_up_by_a_passkey"),
        ),
    ),
    Promise(
        id="J6",
        says="A session is new at each login, has another token after each proof of who asks, ends by disuse and by"
        " age, and once it ends its stream does within 5 s",
        tests=(
            *of(
                _IDENTITY,
                "test_a_login_rotates_the_session",
                "test_logout_ends_the_session_at_once",
                "test_a_session_ends_by_disuse_and_by_age",
            ),
            *of(
                "tests/integration/web/test_stream.py",
                "test_a_revoked_session_loses_its_stream_within_five_seconds",
            ),
            *of(_SESSIONS),
            *of("tests/integration/web/test_session_rotation.py"),
        ),
    ),
    Promise(
        id="J9",
        says="An invitation brings in one person, once; who is removed is out at once; a workspace always keeps an"
        " owner who can sign in, also when two owners act at the same moment",
        tests=(*of(_PEOPLE), *of("tests/e2e/test_people_page.py")),
    ),
    Promise(
        id="J10",
        says="Of many who ask at once exactly a quota is taken; what reduces and what cancels is never counted",
        tests=(
            *of("tests/integration/web/test_quotas_api.py"),
            *of("tests/integration/bots/test_admission.py"),
        ),
    ),
)
