"""What the page's build must keep to: its lock, its sizes, and a document without inline script or style.

Lives here: checks of files. Not here: the page's own tests (`npm test` in `frontend/`), the page in a browser (`e2e`).
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
STATIC = ROOT / "src/tradewright/web/static"
KILOBYTE = 1024
PLATFORMS = ("linux-x64-gnu", "linux-arm64-gnu", "darwin-x64", "darwin-arm64", "win32-x64-msvc")


def lock() -> dict[str, dict[str, object]]:
    packages: dict[str, dict[str, object]] = json.loads((ROOT / "frontend/package-lock.json").read_text())["packages"]
    return packages


def test_the_lock_names_no_registry_so_that_everybody_uses_their_own() -> None:
    assert [name for name, package in lock().items() if "resolved" in package] == []


@pytest.mark.parametrize("native", ["@rolldown/binding", "lightningcss"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_holds_the_native_parts_of_every_platform(native: str, platform: str) -> None:
    assert f"node_modules/{native}-{platform}" in lock()


def test_what_the_build_needs_is_no_development_package() -> None:
    wanted = json.loads((ROOT / "frontend/package.json").read_text())["dependencies"]
    imports = re.findall(r'from "(?!node:|\.)((?:@[^/"]+/)?[^/"]+)', (ROOT / "frontend/vite.config.ts").read_text())
    assert set(imports) <= set(wanted)


@pytest.fixture(name="built")
def built_page() -> Path:
    if not (STATIC / "index.html").is_file():
        pytest.skip("the page is not built here (TRADEWRIGHT_SKIP_UI was set): its sizes are not checked")
    return STATIC


def zipped(*files: Path) -> float:
    """Kilobytes over the wire."""
    return sum(len(gzip.compress(file.read_bytes())) for file in files) / KILOBYTE


def imported(chunk: Path) -> set[Path]:
    """The chunk, and what it imports when it is loaded, at any depth; not what it may load later."""
    found, waiting = {chunk}, [chunk]
    while waiting:
        names = re.findall(r'(?:from|import)"\./([^"]+\.js)"', waiting.pop().read_text())
        new = {chunk.parent / name for name in names} - found
        found |= new
        waiting += new
    return found


def test_the_page_keeps_to_its_sizes(built: Path) -> None:
    html = (built / "index.html").read_text()
    named = {file for file in built.glob("assets/*.js") if f"/assets/{file.name}" in html}
    scripts = {part for file in named for part in imported(file)}
    styles = {file for file in built.glob("assets/*.css") if f"/assets/{file.name}" in html}
    # Older builds may lie beside the new one while somebody works on the page; only what is reachable counts.
    entry_text = "".join(file.read_text() for file in scripts)
    lazy = {file for file in built.glob("assets/*.js") if file.name in entry_text} - scripts
    words = {file for file in lazy if file.name.startswith("catalogue.")}
    screens = {file for file in lazy if re.search(r"Page-[^/]*$", file.name)}
    largest_words = max(words, key=lambda file: zipped(file))  # of the two languages one is loaded
    assert scripts
    assert any(file.name.startswith("TerminalPage-") for file in screens), "the terminal is loaded when it is opened"
    assert zipped(*scripts) <= 180
    for screen in screens:
        assert zipped(*(scripts | imported(screen) | {largest_words})) <= 320, screen.name
    assert zipped(*styles) <= 30


def test_the_document_has_no_inline_script_or_style(built: Path) -> None:
    html = (built / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
    assert "<style" not in html
    assert " style=" not in html
    assert re.findall(r"\son\w+=", html) == []
