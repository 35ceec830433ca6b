"""Where a secret could end up, and how it would look there.

Lives here: `forms_of` (as it is, base64 in each alignment, hex, percent-encoded, JSON, UTF-16), `found`, and the
sinks of an installation: every log, what `run` says, command lines and environments, the database as rows and as files,
other files of HOME, and of a page: storage, caches, document, console, addresses, answers. Not here: which secrets
there are (the tests).
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from support.installation import Installation
from tradewright.storage.engine import driver_url

# Requests to models come with the assistant: their sink joins this list then.
NOT_YET = ("model requests",)
# Where HOME keeps secrets on purpose, each in a file of mode 0600.
_SAFES = ("vault", "exchange", "postgres", "database.json")


def forms_of(secret: str) -> set[bytes]:
    """Long enough that none of them is there by chance."""
    raw = secret.encode()
    forms = {raw, raw.hex().encode(), raw.hex().upper().encode(), secret.encode("utf-16-le")}
    forms |= {quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
    for skipped in range(3):
        # Inside of a longer text, base64 is one of three; the letters at its ends depend on the neighbours.
        padded = b"\0" * skipped + raw
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(padded).rstrip(b"=")
            forms.add(text[(0, 2, 3)[skipped] : len(text) - (1 if len(padded) % 3 else 0)])
    return {form for form in forms if len(form) >= 8}


def found(secrets: Mapping[str, str], sinks: Mapping[str, bytes]) -> list[str]:
    """Which secret is in which sink, in whatever form."""
    every = {name: forms_of(value) for name, value in secrets.items()}
    return [
        f"{name} in {sink}"
        for sink, content in sinks.items()
        for name, forms in every.items()
        if any(form in content for form in forms)
    ]


def sinks_of(running: Installation) -> dict[str, bytes]:
    """Of an installation that runs. The claim link that `run` greets with is said to who started it: it is left out."""
    lines = processes_of(running)
    return {
        **logs_of(running.home),
        "what run says": _without_greeting(running.output()).encode(),
        "command lines": "\n".join(line for line, _ in lines).encode(),
        "environments": "\n".join(environment for _, environment in lines).encode(),
        "the database": dump_of(running).encode(),
        "the database's files": b"\0".join(_contents(running.home / "postgres", at_most=64_000_000)),
        "files of HOME": b"\0".join(
            _contents(*(path for path in running.home.iterdir() if path.name not in (*_SAFES, "log")))
        ),
    }


def logs_of(home: Path) -> dict[str, bytes]:
    """Every log below HOME, PostgreSQL's own among them."""
    return {
        f"log {path.relative_to(home)}": path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and (path.is_relative_to(home / "log") or path.suffix == ".log")
    }


def processes_of(running: Installation) -> list[tuple[str, str]]:
    """Command line and environment of each."""
    lines = []
    for pid, line in running.commands().items():
        with contextlib.suppress(OSError):
            environment = Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b"\n")
            lines.append((line, environment.decode(errors="replace")))
    return lines


def dump_of(running: Installation) -> str:
    """Every row of every table as text, each table behind its name and number of rows."""
    lines = []
    with connected(running) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            lines += [f"{table} {len(rows)}", *(repr(row) for row in rows)]
    return "\n".join(lines)


def connected(running: Installation) -> psycopg.Connection[Any]:
    url = json.loads((running.home / "database.json").read_text())["url"]
    return psycopg.connect(driver_url(url).set(drivername="postgresql").render_as_string(False))


def _contents(*roots: Path, at_most: int = 16_000_000) -> Iterable[bytes]:
    for root in roots:
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            if path.name in ("passwords.json", "database.json"):
                continue
            with contextlib.suppress(OSError):
                if path.is_file() and path.stat().st_size <= at_most:
                    yield path.read_bytes()


def _without_greeting(output: str) -> str:
    head, sign, tail = output.partition("/welcome#")
    return head + sign + tail.partition("\n")[2] if sign else output


_STORAGE = """async () => {
  const out = {local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie, name: window.name,
               state: JSON.stringify(history.state)};
  out.databases = [];
  for (const {name} of await indexedDB.databases()) {
    const db = await new Promise((done, fail) => {
      const asked = indexedDB.open(name); asked.onsuccess = () => done(asked.result); asked.onerror = fail;
    });
    for (const store of db.objectStoreNames) {
      out.databases.push([name, store, await new Promise((done, fail) => {
        const asked = db.transaction(store).objectStore(store).getAll();
        asked.onsuccess = () => done(asked.result); asked.onerror = fail;
      })]);
    }
    db.close();
  }
  out.caches = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys())
      out.caches.push([name, request.url, await (await cache.match(request)).text()]);
  }
  return JSON.stringify(out);
}"""
_DOCUMENT = """() => document.documentElement.outerHTML
  + [...document.querySelectorAll('input, textarea, select')].map((field) => field.value).join('\\0')"""


class Page:
    """Hears a Playwright page from its beginning; `sinks` reads what it holds at that moment beside it."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self.told: dict[str, list[str]] = {
            "the page's console": [],
            "addresses that were asked": [],
            "the API's answers": [],
        }
        page.on("console", lambda message: self.told["the page's console"].append(message.text))
        page.on("pageerror", lambda error: self.told["the page's console"].append(str(error)))
        page.on("request", lambda request: self.told["addresses that were asked"].append(_address(request)))
        page.on("response", self._hear)
        self.allowed: tuple[str, ...] = ()  # paths whose answer holds a secret on purpose: the one look at a token

    def _hear(self, response: Any) -> None:
        path = response.url.partition("?")[0]
        if "/api/" in path and not path.endswith(self.allowed or ("\0",)):
            with contextlib.suppress(Exception):  # one without a body, or whose page has gone on
                self.told["the API's answers"].append(response.text())

    def sinks(self) -> dict[str, bytes]:
        return {
            **{name: "\n".join(lines).encode() for name, lines in self.told.items()},
            "the page's storage": self._page.evaluate(_STORAGE).encode(),
            "the page's document": self._page.evaluate(_DOCUMENT).encode(),
            "the address bar": self._page.url.encode(),
        }


def _address(request: Any) -> str:
    """What is sent of it: the fragment of a one-time link is not, and what the browser sends as referrer."""
    return f"{request.url.partition('#')[0]} {request.headers.get('referer', '')}"
