"""The page's files: what is served as what, and that nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from tradewright.web.static_files import FILES_MAX, StaticFiles, files_of


@pytest.fixture
def page(tmp_path: Path) -> StaticFiles:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "theme.js").write_text("1")
    (tmp_path / "assets" / "app-1a2b.js").write_text("export {}")
    (tmp_path / "assets" / "font.woff2").write_bytes(b"wOF2")
    (tmp_path / "strange.xyz").write_bytes(b"?")
    (tmp_path / ".stamp").write_text("a note of the build")
    (tmp_path.parent / "outside.txt").write_text("secret")
    return StaticFiles(files_of(tmp_path))


async def get(page: StaticFiles, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        await page(scope, receive, send)
    except HTTPException as refused:
        return refused.status_code, {}, b""
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answer, b"".join(message.get("body", b"") for message in sent[1:])


async def test_hashed_assets_last_for_ever_and_the_page_is_asked_for_anew(page: StaticFiles) -> None:
    _, headers, body = await get(page, "/assets/app-1a2b.js")
    assert (headers["cache-control"], body) == ("public, max-age=31536000, immutable", b"export {}")
    for path in ("/", "/index.html", "/theme.js", "/terminal/x/linear/BTCUSDT"):
        status, headers, _ = await get(page, path, accept="text/html,*/*;q=0.8")
        assert (status, headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/theme.js", "text/javascript; charset=utf-8"),
        ("/assets/font.woff2", "font/woff2"),
        ("/strange.xyz", "application/octet-stream"),
    ],
)
async def test_types_are_ours_and_not_the_machines(page: StaticFiles, path: str, media_type: str) -> None:
    _, headers, _ = await get(page, path)
    assert headers["content-type"] == media_type


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/assets/",
        "/api",
        "/api/v1/nope",
        "/assets/../index.html",
    ],
)
async def test_what_is_missing_where_no_page_is_meant_is_a_404(page: StaticFiles, path: str) -> None:
    status, _, _ = await get(page, path, accept="text/html")
    assert status == 404


@pytest.mark.parametrize(
    "path",
    ["/../outside.txt", "//etc/passwd", "/.stamp", "/..\\outside.txt", "/%2e%2e/outside.txt", "/a\0b", "/" + "../" * 9],
)
async def test_no_path_leads_outside_nor_to_the_builds_notes(page: StaticFiles, path: str) -> None:
    for accept in ("text/html", "image/png"):
        status, _, body = await get(page, path, accept=accept)
        assert (status, body) in ((200, b"<!doctype html>"), (404, b""))


async def test_a_missing_picture_is_not_answered_with_the_page(page: StaticFiles) -> None:
    status, _, _ = await get(page, "/favicon.ico", accept="image/avif,image/png,*/*;q=0.8")
    assert status == 404


async def test_a_known_etag_is_not_sent_again(page: StaticFiles) -> None:
    _, headers, _ = await get(page, "/")
    for tag in (headers["etag"], f"W/{headers['etag']}", f'"x", {headers["etag"]}'):
        status, again, body = await get(page, "/", if_none_match=tag)
        assert (status, body, again["etag"]) == (304, b"", headers["etag"])


async def test_only_reading_is_known_here(page: StaticFiles) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, _, _ = await get(page, "/", method)
        assert status == 404


def test_a_folder_that_is_no_page_is_refused_and_none_is_empty(tmp_path: Path) -> None:
    assert files_of(tmp_path / "absent") == {}
    for n in range(FILES_MAX + 1):
        (tmp_path / f"{n}.txt").touch()
    with pytest.raises(RuntimeError, match="not a built page"):
        files_of(tmp_path)
