"""Files that are still there after a power cut.

Lives here: making a folder's own entries durable. Not here: what is in the files (`keys`, `log`, `heartbeat`).
"""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Put new and renamed files of the folder on disk: syncing a file does not sync its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
