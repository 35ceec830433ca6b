"""A process that stands behind others does so in its session as well, where the system knows that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradewright.process.priority import lower_session

SCRIPT = """
import os
from pathlib import Path
from tradewright.process.priority import stand_behind

stand_behind(3)
place = Path("/proc/self/autogroup")
print(os.getpriority(os.PRIO_PROCESS, 0), place.read_text().split()[-1] if place.exists() else "none")
"""


def test_a_process_and_its_session_stand_behind() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, start_new_session=True, timeout=60
    )
    expected = str(os.getpriority(os.PRIO_PROCESS, 0) + 3)
    place, of_session = said.stdout.split()
    assert place == expected
    assert of_session == (expected if Path("/proc/self/autogroup").exists() else "none")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such place")
def test_a_process_that_stands_last_does_so_for_good_with_what_it_starts() -> None:
    script = "import os; print(os.sched_getscheduler(0) == os.SCHED_IDLE)"
    outer = (
        "import subprocess, sys; from tradewright.process.priority import stand_last; stand_last();"
        f"print(subprocess.run([sys.executable, '-c', {script!r}], capture_output=True, text=True).stdout)"
    )
    said = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.strip() == "True"


def test_the_session_of_a_process_that_is_gone_is_nobodys() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not lower_session(ended.pid, 5)
