"""`tradewright run` beyond loopback: with a certificate it serves https; without any way said it does not start."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import sys
from pathlib import Path

from support.certificates import certificate
from support.installation import Installation, free_port


def test_with_a_certificate_everything_runs_over_https_and_nothing_over_http(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "localhost")
    environment = {"TRADEWRIGHT_TLS_CERT": str(cert), "TRADEWRIGHT_TLS_KEY": str(key), "TRADEWRIGHT_HOST": "0.0.0.0"}
    running = Installation(tmp_path / "home", environment=environment)
    running._is_ready = lambda: "Tradewright is ready" in running.output()  # type: ignore[method-assign]
    try:
        running.start()
        assert f"https://localhost:{running.port}/welcome#" in running.output()
        trust = ssl.create_default_context(cafile=str(cert))
        asking = http.client.HTTPSConnection("127.0.0.1", running.port, context=trust, timeout=30)
        asking.request("GET", "/api/v1/session")
        answer = asking.getresponse()
        assert answer.status == 200
        assert b'"claimed":false' in answer.read()
        plain = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
        try:
            plain.request("GET", "/healthz")
            plain.getresponse()
            raise AssertionError("it answered in the clear")
        except (OSError, http.client.HTTPException):
            pass
    finally:
        running.stop()


def test_in_the_open_it_runs_only_when_asked_to(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADEWRIGHT_")}
    environment |= {"TRADEWRIGHT_HOME": str(tmp_path / "home"), "TRADEWRIGHT_PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", "tradewright", "run", "--host", "0.0.0.0"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 2
    assert "--insecure-lan" in done.stderr
    assert not (tmp_path / "home").exists()  # nothing was begun
    done = subprocess.run(
        [sys.executable, "-m", "tradewright", "api"],
        env={**environment, "TRADEWRIGHT_HOST": "0.0.0.0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 2, done.stderr
    assert "--tls-cert" in done.stderr
