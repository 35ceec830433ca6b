"""Our own candles below HOME/data: a Parquet file for each series, and a manifest beside it.

    HOME/data/linear/BTCUSDT/15m.parquet      the columns of the contract: `--candles` takes it as it is
    HOME/data/linear/BTCUSDT/15m.json         what is in it, its checksums, where it came from

Lives here: reading, merging into and listing them. Not here: where new candles come from (`importing`, `downloading`).

A change is whole or not there at all: the new file is written beside the old one and synced; then the manifest, which
names both; then the new file takes the old one's place. Whatever a crash leaves, the file that is there is one that the
manifest knows. A file that it does not know is damaged, and nothing reads or adds to it. Writers exclude each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tradewright.core.clock import Clock
from tradewright.core.errors import AppError
from tradewright.market.history.faults import BadCandles, CandleFault, CannotOpen, bad_file
from tradewright.market.history.files import read_rows
from tradewright.market.history.hashing import data_sha256
from tradewright.market.history.judging import faults_of, gaps_in, outside_their_range
from tradewright.market.history.manifest import (
    SOURCES_MAX,
    VERSION,
    AddedFrom,
    Manifest,
    manifest_bytes,
    read_manifest,
)
from tradewright.market.history.merging import OnConflict, merged
from tradewright.market.history.rows import COLUMNS, Rows
from tradewright.market.history.series import Series, series_at
from tradewright.process.lock import FileLock
from tradewright.strategy.timeframe import length_ms, open_of

SERIES_MAX = 100_000  # that a listing looks at
_LOOKS = 3


class StoreBusy(AppError):
    """Another process is writing this series. Trying again later works. No page ever shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What a merge did, and what is there now."""

    added: int
    equal: int
    conflicts: int
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`faults`: what a backtest would refuse, damage first. `outside`: bars whose open or close is not within low and
    high; they are taken. `manifest` is None where none can be read."""

    series: Series
    manifest: Manifest | None
    faults: tuple[CandleFault, ...]
    outside: int = 0


class DataStore:
    """The store below `root`, which need not be there yet."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root = root
        self._clock = clock

    def path(self, series: Series) -> Path:
        return self.root / series.folder / f"{series.timeframe}.parquet"

    def all(self) -> list[tuple[Series, Manifest | None]]:
        """Every series with its manifest, None where that cannot be read; by name."""
        found = []
        for path in sorted(self.root.rglob("*.json"))[:SERIES_MAX]:
            series = series_at(path, self.root)
            if series is None or path.name.startswith("."):
                continue
            try:
                manifest = read_manifest(path)
            except BadCandles:
                manifest = None
            found.append((series, manifest))
        return sorted(
            found, key=lambda one: (one[0].origin, one[0].category, one[0].symbol, length_ms(one[0].timeframe))
        )

    def looks_whole(self, series: Series, manifest: Manifest) -> bool:
        """By the file's size alone, for a listing; `check` reads it."""
        try:
            return self.path(series).stat().st_size == manifest.file_bytes
        except OSError:
            return False

    def read(self, series: Series) -> Rows | None:
        """What is stored, oldest first, gaps and all; None when there is nothing.

        Raises `BadCandles` (`bad_file`) where the file is not the one that the manifest knows.
        """
        known = self._known(series)
        return None if known is None else known[1]

    def add(self, series: Series, rows: Rows, *, source: str, on_conflict: OnConflict = "refuse") -> Added:
        """Merges `rows` into what is there. `source` is kept in the manifest, for people.

        Raises `BadCandles`, when nothing is changed: `rows` are no bars of the series (gaps are fine), they contradict
        what is there, or what is there is damaged. Raises `StoreBusy`, and `OSError` (a full disk).
        """
        length = length_ms(series.timeframe)
        faults = faults_of(rows, length, with_gaps=False)
        first = int(rows.open_time_ms[0]) if len(rows) else 0
        if not faults and open_of(first, series.timeframe) != first:
            message = f"the bars open at {first} and so on, which is not where bars of {series.timeframe} open"
            faults = [CandleFault(code="wrong_timeframe", message=message, count=len(rows), times=(first,))]
        if faults:
            raise BadCandles(faults)
        with self._writing(series):
            known = self._known(series)
            old_manifest, old = known if known is not None else (None, rows.take(slice(0, 0)))
            result = merged(old, rows, on_conflict)
            if (
                old_manifest is not None
                and not result.added
                and data_sha256(result.rows.candles(series.timeframe)) == old_manifest.data_sha256
            ):
                return Added(added=0, equal=result.equal, conflicts=result.conflicts, manifest=old_manifest)
            entry = AddedFrom(
                name=source[:300],
                at=self._clock.now().isoformat(timespec="seconds"),
                added=result.added,
                replaced=result.conflicts if on_conflict == "replace" else 0,
            )
            manifest = self._write(series, result.rows, old_manifest, entry)
        return Added(added=result.added, equal=result.equal, conflicts=result.conflicts, manifest=manifest)

    def check(self, series: Series) -> Checked:
        """Reads everything again and says what is wrong with it, gaps included."""
        manifest = None
        try:
            manifest = read_manifest(self._manifest_path(series))
            known = self._known(series)
        except BadCandles as bad:
            return Checked(series=series, manifest=manifest, faults=bad.faults)
        if known is None:
            message = f"{self.path(series)} is not there"
            return Checked(series=series, manifest=manifest, faults=(CandleFault(code="bad_file", message=message),))
        if manifest != known[0]:
            self._settle(series)  # after a crash: the next listing is of what is there
        manifest, rows = known
        faults = faults_of(rows, length_ms(series.timeframe))
        return Checked(series=series, manifest=manifest, faults=tuple(faults), outside=len(outside_their_range(rows)))

    def _settle(self, series: Series) -> None:
        """Writes the manifest that is true; a writer who is at it does so anyway."""
        with contextlib.suppress(StoreBusy), self._writing(series):
            known = self._known(series)
            if known is not None:
                _replace(self._manifest_path(series), manifest_bytes(known[0]))
                _sync_folder(self.path(series).parent)

    def _known(self, series: Series) -> tuple[Manifest, Rows] | None:
        """The stored rows and a manifest that is true of them; another look where a writer came between the two."""
        for _ in range(_LOOKS - 1):
            with contextlib.suppress(BadCandles):
                return self._known_at_once(series)
        return self._known_at_once(series)

    def _known_at_once(self, series: Series) -> tuple[Manifest, Rows] | None:
        path = self.path(series)
        manifest = read_manifest(self._manifest_path(series))
        if manifest is None:
            if path.exists():
                raise bad_file(f"{path} has no manifest beside it; move it elsewhere, and import it as a file")
            return None
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            if manifest.previous_sha256 is None and len(manifest.sources) == 1:
                return None  # a crash before the first file took its place
            raise bad_file(f"{path} is gone, and its manifest is there; import or download it again") from None
        except OSError as error:
            raise CannotOpen(f"{path} cannot be read: {error.strerror or error}") from None
        content_sha256 = hashlib.sha256(content).hexdigest()
        if content_sha256 not in (manifest.file_sha256, manifest.previous_sha256):
            raise bad_file(
                f"{path} is damaged: its SHA-256 is {content_sha256}, and its manifest says {manifest.file_sha256};"
                " remove both, and import or download it again"
            )
        rows = read_rows(io.BytesIO(content))
        if content_sha256 == manifest.previous_sha256 != manifest.file_sha256:
            manifest = self._manifest(series, rows, path, manifest.sources[:-1], previous=None)
        return manifest, rows

    def _write(self, series: Series, rows: Rows, old: Manifest | None, entry: AddedFrom) -> Manifest:
        path = self.path(series)
        fresh = path.with_name(f".{path.name}.new")
        try:
            _write_parquet(rows, fresh)
            sources = (*(old.sources if old is not None else ()), entry)[-SOURCES_MAX:]
            previous = old.file_sha256 if old is not None else None
            manifest = self._manifest(series, rows, fresh, sources, previous=previous)
            _replace(self._manifest_path(series), manifest_bytes(manifest))
            _sync_folder(path.parent)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return manifest

    def _manifest(
        self, series: Series, rows: Rows, file: Path, sources: tuple[AddedFrom, ...], *, previous: str | None
    ) -> Manifest:
        length = length_ms(series.timeframe)
        firsts, missing = gaps_in(rows.open_time_ms, length)
        ends = rows.ends()
        return Manifest(
            version=VERSION,
            category=series.category,
            symbol=series.symbol,
            timeframe=series.timeframe,
            origin=series.origin,
            bars=len(rows),
            from_ms=ends[0] if ends is not None else 0,
            to_ms=ends[1] + length if ends is not None else 0,
            gaps=len(firsts),
            missing_bars=int(missing.sum()),
            file_bytes=file.stat().st_size,
            file_sha256=_sha256(file),
            data_sha256=data_sha256(rows.candles(series.timeframe)),
            previous_sha256=previous,
            sources=sources,
        )

    def _manifest_path(self, series: Series) -> Path:
        return self.path(series).with_suffix(".json")

    @contextlib.contextmanager
    def _writing(self, series: Series) -> Iterator[None]:
        folder = self.root / series.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(folder / f".{series.timeframe}.lock")
        holder = lock.take()
        if holder is not None:
            raise StoreBusy(f"{series} is being written by process {holder}; try again when it has ended")
        try:
            yield
        finally:
            lock.release()


def as_json(manifest: Manifest) -> dict[str, object]:
    """For a program: what the manifest says."""
    found: dict[str, object] = msgspec.to_builtins(manifest)
    return found


def _write_parquet(rows: Rows, path: Path) -> None:
    import polars

    table = polars.DataFrame({name: getattr(rows, name) for name in COLUMNS})
    table = table.with_columns(polars.col("turnover").fill_nan(None))
    with path.open("wb") as file:
        table.write_parquet(file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, content: bytes) -> None:
    """In one step, and on the disk before it is in its place."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
