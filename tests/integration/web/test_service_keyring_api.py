"""The service keyring is rotated while the API runs: authenticators go on, and new ones lie under the new key."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from integration.web.factors_kit import code_of, visitor, with_totp
from integration.web.kit import Site, User
from tradewright.app.service_vault import rotate_service
from tradewright.cli.vault import RotationOptions, RotationReport
from tradewright.vault.sources import FileSource

RETIRE = RotationOptions(service=True, only_rewrap=True, retire=True)


async def rotated(site: Site, options: RotationOptions) -> RotationReport:
    source = FileSource(Path(site.parts.service_keyring.name))
    return await rotate_service(site.parts.engine, source, options)


async def test_an_authenticator_goes_on_through_a_rotation_and_the_end_of_the_old_key(site: Site, ann: User) -> None:
    _, secret, _ = await with_totp(site, ann)
    report = await rotated(site, RotationOptions(service=True))
    assert (report.done, [each.rows for each in report.generations.generations]) == (1, [0, 1])
    for retired in (1, 0):
        site.clock.offset += timedelta(seconds=60)
        there = visitor(site)
        assert (await there.login())["user"] is None
        status, state = await there.post("/login/second", {"code": code_of(secret, site)})
        assert (status, state["user"]["username"]) == (200, "Ann")
        assert (await rotated(site, RETIRE)).retired == retired
    # What is stored now lies under the key that there is now.
    status, _ = await there.post("/session/totp/remove")
    assert status == 204
    status, _ = await there.post("/session/totp")
    assert status == 200
    (only,) = (await rotated(site, RETIRE)).generations.generations
    assert (only.rows, only.is_active) == (1, True)
