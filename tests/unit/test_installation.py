"""Files that the processes of an installation leave for each other."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tradewright.installation import page_address, write_page_address, write_private

URL = "https://trade.example.org"


def test_the_page_of_the_running_installation_is_known_and_only_to_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "run" / "page.json"
    write_page_address(file, URL)
    assert page_address(file) == URL
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_an_installation_that_is_gone_left_behind_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "page.json"
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    write_private(file, {"url": URL, "process": gone.pid})
    assert page_address(file) is None


@pytest.mark.parametrize(
    "content",
    [{}, {"url": URL}, {"process": os.getppid()}, {"url": URL, "process": "x"}, {"url": URL, "process": 2**70}],
    ids=["empty", "no process", "no address", "a word", "too large"],
)
def test_a_file_that_says_less_is_none(tmp_path: Path, content: dict[str, object]) -> None:
    write_private(tmp_path / "page.json", content)
    assert page_address(tmp_path / "page.json") is None
    (tmp_path / "page.json").write_text("[")
    assert page_address(tmp_path / "page.json") is None
    assert page_address(tmp_path / "nowhere.json") is None
