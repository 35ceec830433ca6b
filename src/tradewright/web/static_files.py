"""The built page: files of the package's folder `static`, held in memory.

Lives here: `StaticFiles`, which answers GET and HEAD for what no route has. Not here: how the page is built (the build
hook). The files are listed once at the start, and only what is in that list is served, so no path can lead outside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

INDEX = "index.html"
FILES_MAX = 500
_ASSETS = "assets/"  # the build puts a hash into these names, so what one of them holds never changes
_NOT_PAGES = ("api/", "assets/")

NOT_BUILT = (
    "The page has not been built. Run `make setup` in the project's folder (without TRADEWRIGHT_SKIP_UI), "
    "then start Tradewright again.\n"
)
# The system's own table of types differs from machine to machine, and nosniff makes a wrong one fatal.
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    media_type: str
    etag: str
    cache_control: str


def packaged_files() -> dict[str, StaticFile]:
    """The files of the package's `static` folder by their path below it; empty when the page was not built."""
    return files_of(resources.files("tradewright.web").joinpath("static"))


def files_of(folder: Traversable) -> dict[str, StaticFile]:
    """Reads a folder, at most 500 files; names that begin with a dot are the build's own notes and are left out."""
    found: dict[str, StaticFile] = {}
    if not folder.is_dir():
        return found
    for path, entry in _walk(folder, ""):
        if len(found) >= FILES_MAX:
            raise RuntimeError(f"more than {FILES_MAX} files in {folder}; this is not a built page")
        content = entry.read_bytes()
        lasting = "public, max-age=31536000, immutable" if path.startswith(_ASSETS) else "no-cache"
        found[path] = StaticFile(content, _type_of(path), f'"{hashlib.sha256(content).hexdigest()[:32]}"', lasting)
    return found


class StaticFiles:
    """An ASGI application to mount behind the routes: a file, or the page for an address that the page itself knows."""

    def __init__(self, files: dict[str, StaticFile]) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise HTTPException(404)
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        headers = Headers(raw=scope["headers"])
        path = scope["path"].lstrip("/")
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(404)
        file = self._files.get(path)
        if file is None and not path.startswith(_NOT_PAGES) and path != "api" and _wants_page(headers):
            file = self._files.get(INDEX)
            if file is None:
                return Response(NOT_BUILT, 503, {"cache-control": "no-store"}, media_type="text/plain")
        if file is None:
            raise HTTPException(404)
        return _file_answer(file, headers)


def _wants_page(headers: Headers) -> bool:
    """Whether a person navigates, or a program takes anything; an image or script that is missing is a 404."""
    accepted = headers.get("accept", "*/*")
    return "text/html" in accepted or accepted.strip() == "*/*"


def _file_answer(file: StaticFile, headers: Headers) -> Response:
    known = {"etag": file.etag, "cache-control": file.cache_control}
    seen = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    if file.etag in seen:
        return Response(status_code=304, headers=known)
    return Response(file.content, headers={**known, "content-type": file.media_type})


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _type_of(path: str) -> str:
    suffix = path[path.rfind(".") :] if "." in path else ""
    return _TYPES.get(suffix, "application/octet-stream")
