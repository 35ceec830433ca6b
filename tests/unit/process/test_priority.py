"""A process that stands behind others does so in its session as well, where the system knows that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_the_session_of_a_process_that_is_gone_is_nobodys() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not lower_session(ended.pid, 5)
