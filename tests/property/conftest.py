"""Settings of all property tests: no limit of time for one example, because a busy machine is no fault of ours."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("steady", deadline=None)
settings.load_profile("steady")
