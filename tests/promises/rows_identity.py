"""Promises about people: their sessions, workspaces and quotas, and how they prove who they are (J)."""

from __future__ import annotations

from typing import Final

from promises.model import Promise, of

_IDENTITY = "tests/integration/web/test_identity_api.py"
_SESSIONS = "tests/integration/web/test_sessions_api.py"
_PEOPLE = "tests/integration/web/test_people_api.py"

ROWS: Final = (
    Promise(
        id="J6",
        says="A session is new at each login, ends by disuse and by age, and once it ends its stream does within 5 s",
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
        tests=of("tests/integration/web/test_quotas_api.py"),
    ),
)
