"""The two commands' own set-up, when things are not as they should be: one clear sentence and an exit code each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9/simple"  # the discard port: nothing listens there


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What set-up needs of a fresh clone."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "src/tradewright").mkdir(parents=True)
    (tmp_path / "src/tradewright/__init__.py").write_text("")
    return tmp_path


def tools(folder: Path, *names: str) -> str:
    """A PATH with these programs only."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return str(folder)


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {"HOME": str(script.parents[1]), "PIP_RETRIES": "0", "PIP_TIMEOUT": "2", "UV_HTTP_RETRIES": "0"}
    return subprocess.run(
        [str(script), *arguments], env={**kept, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


SHELL_TOOLS = ("sh", "dirname", "mkdir", "rm", "tail", "cat", "grep", "env")


def test_without_a_registry_uv_cannot_be_fetched_and_says_so(checkout: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", *SHELL_TOOLS)
    (tmp_path / "bin/python3").symlink_to(Path(sys.executable).resolve())
    done = run(checkout / "scripts/uv", "--version", PATH=path, PIP_INDEX_URL=NOWHERE, PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 6
    assert "registry cannot be reached" in done.stderr
    assert not (checkout / ".tools/uv").exists(), "a half-made environment was left"


def test_without_python_it_says_which_one_is_needed(checkout: Path, tmp_path: Path) -> None:
    done = run(checkout / "scripts/uv", "--version", PATH=tools(tmp_path / "bin", *SHELL_TOOLS))
    assert done.returncode == 7
    assert "Python 3.11 or newer is needed" in done.stderr


def test_without_a_registry_the_packages_cannot_be_fetched_and_it_says_so(checkout: Path) -> None:
    uv = shutil.which("uv") or str(ROOT / ".tools/uv/bin/uv")
    if not Path(uv).is_file():
        pytest.skip("uv was not fetched into .tools, and none is on PATH")
    done = run(
        checkout / "scripts/setup",
        PATH=f"{Path(uv).parent}:/usr/bin:/bin",
        UV_CACHE_DIR=str(checkout / "cache"),
        UV_DEFAULT_INDEX=NOWHERE,
        UV_PYTHON=sys.executable,
        ALL_PROXY="http://127.0.0.1:9",
    )
    assert done.returncode == 6, done.stderr
    assert "package registry could not be reached" in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("tradewright: ")
