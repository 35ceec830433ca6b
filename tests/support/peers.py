"""Clients of others that would not share our lock: an environment of their own, made on first use.

ccxt names the exact versions of what we use too, and a test's client must not decide what we ship. So it lives in
`.tools/peers`, from `tests/peers/requirements.txt` (with hashes), and speaks to a test through a process and JSON.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_HOME = ROOT / ".tools" / "peers"
_LOCK = ROOT / "tests" / "peers" / "requirements.txt"


def peers_python() -> Path:
    """The interpreter of the environment, made or brought to its lock when it is not."""
    stamp = _HOME / "lock.sha256"
    wanted = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    python = _HOME / "bin" / "python"
    if not (stamp.is_file() and stamp.read_text() == wanted and python.is_file()):
        uv = str(ROOT / "scripts" / "uv")
        _run(uv, "venv", "--quiet", "--clear", "--python", str(ROOT / ".venv" / "bin" / "python"), str(_HOME))
        _run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(_LOCK))
        stamp.write_text(wanted)
    return python


def ask_peer(script: str, question: dict[str, Any]) -> Any:
    """What `tests/peers/<script>` answers to a question, both as JSON through its standard streams."""
    done = subprocess.run(
        [str(peers_python()), str(ROOT / "tests" / "peers" / script)],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{script} failed: {done.stderr[-3000:]}"
    return json.loads(done.stdout)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)} failed: {done.stderr[-2000:]}"
