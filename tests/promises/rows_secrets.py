"""Promises about exchange keys and keyrings (K) that a change of either must keep; the others are in `rows_edges`."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_CHANGES = "tests/integration/connections/test_key_changes.py"
_ROTATION = "tests/integration/connections/test_keyring_rotation.py"
_SERVICE = "tests/integration/vault/test_service_rotation.py"
_SOURCES = "tests/unit/vault/test_key_sources.py"
_PAGE = "tests/e2e/test_accounts_page.py"

ROWS: Final = (
    Promise(
        id="K4",
        says="A key is changed while its session runs; the old one is in force until the new one is good; a rotation"
        " of either keyring that is killed again and again leaves no secret unreadable, and what a row needs is not"
        " retired",
        tests=(
            *of(_CHANGES),
            *of(_ROTATION),
            *of(_SERVICE),
            *of("tests/integration/web/test_service_keyring_api.py"),
            *of(_SOURCES),
        ),
        campaigns=("rotation",),
    ),
    Promise(
        id="K5",
        says="The process of pages seals and cannot open: neither its environment nor its memory has the private half",
        tests=(
            *of(_PAGE, "test_the_process_that_serves_pages_holds_nothing_that_opens"),
            *of("tests/unit/vault/test_keyrings.py", "test_the_half_that_seals_has_nothing_that_opens"),
        ),
    ),
    Promise(
        id="K9",
        says="What is wrapped names its key and opens in its own table, column, workspace and row alone, also after it"
        " was moved in the database; what an earlier version stored opens",
        tests=(
            *of(_ROTATION, "test_a_box_that_was_moved_in_the_database_opens_nowhere"),
            *of(_SOURCES, "test_a_service_secret_opens_in_its_own_table_column_row_and_workspace_alone"),
            *of(
                "tests/unit/vault/test_keyrings.py",
                "test_what_the_first_version_stored_opens_and_is_wrapped_anew_as_of_now",
            ),
            *of("tests/unit/core/test_secret.py"),
        ),
    ),
)
