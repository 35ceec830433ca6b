"""A keyring is in a file for its owner alone, in a variable, or behind a command; never in what fails out loud."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from uuid import UUID

import pytest

from tradewright.core.errors import StartError
from tradewright.vault.binding import RowBinding
from tradewright.vault.generations import keyring_text, new_generation, read_generations
from tradewright.vault.opening import generations_of, keyring_file, open_keyring, read_keyring
from tradewright.vault.rotation import add_generation, retire
from tradewright.vault.service import LiveServiceKeyring, ServiceKeyring, service_text
from tradewright.vault.sources import CommandSource, EnvironmentSource, FileSource, source_of
from tradewright.vault.variables import variable_of
from tradewright.vault.wrapping import UnknownKey, Unopenable, Wrapped

ROWS = [UUID(int=number) for number in (1, 2)]
HERE = RowBinding(table="totp", column="secret", row_id=ROWS[0], workspace_id=ROWS[1])
ELSEWHERE = [
    RowBinding(table="webhooks", column="secret", row_id=ROWS[0], workspace_id=ROWS[1]),
    RowBinding(table="totp", column="other", row_id=ROWS[0], workspace_id=ROWS[1]),
    RowBinding(table="totp", column="secret", row_id=ROWS[1], workspace_id=ROWS[1]),
    RowBinding(table="totp", column="secret", row_id=ROWS[0], workspace_id=ROWS[0]),
    RowBinding(table="totp", column="secret", row_id=ROWS[0], workspace_id=None),
    RowBinding(table="totpse", column="cret", row_id=ROWS[0], workspace_id=ROWS[1]),
]
SECRET = b"JBSWY3DPEHPK3PXP"


def nothing(_point: str) -> None:
    return


def test_a_service_secret_opens_in_its_own_table_column_row_and_workspace_alone(tmp_path: Path) -> None:
    keyring = LiveServiceKeyring(FileSource(tmp_path / "vault/service.keys"))
    wrapped = keyring.wrap(SECRET, HERE)
    assert SECRET not in wrapped.joined()
    assert keyring.unwrap(Wrapped.parted(wrapped.joined()), HERE) == SECRET
    for elsewhere in ELSEWHERE:
        with pytest.raises(Unopenable):
            keyring.unwrap(wrapped, elsewhere)
    joined = wrapped.joined()
    for at in range(len(joined)):
        with pytest.raises(Unopenable):
            keyring.unwrap(Wrapped.parted(joined[:at] + bytes([joined[at] ^ 1]) + joined[at + 1 :]), HERE)
    for cut in range(len(joined)):
        with pytest.raises(Unopenable):
            keyring.unwrap(Wrapped.parted(joined[:cut]), HERE)
    mode = stat.S_IMODE((tmp_path / "vault/service.keys").stat().st_mode)
    assert mode == 0o600


def test_a_service_keyring_takes_a_new_key_while_it_runs_and_opens_what_the_old_one_wrapped(tmp_path: Path) -> None:
    path = tmp_path / "service.keys"
    keyring = LiveServiceKeyring(FileSource(path))
    before = keyring.wrap(SECRET, HERE)
    old = json.loads(path.read_text())["keys"]
    replaced = tmp_path / "new"
    replaced.write_text(json.dumps({"version": 1, "keys": [*old, json.loads(service_text([bytes(32)]))["keys"][0]]}))
    replaced.chmod(0o600)
    replaced.replace(path)
    after = keyring.wrap(SECRET, HERE)
    assert before.data_key[1:9] != after.data_key[1:9]
    assert keyring.unwrap(before, HERE) == keyring.unwrap(after, HERE) == SECRET
    with pytest.raises(UnknownKey):
        ServiceKeyring([bytes(range(32))]).unwrap(after, HERE)


def test_a_service_keyring_is_not_made_beside_what_another_one_stored(tmp_path: Path) -> None:
    keyring = LiveServiceKeyring(FileSource(tmp_path / "service.keys"), may_make=False)
    with pytest.raises(Unopenable, match="restore it"):
        keyring.wrap(SECRET, HERE)
    assert not (tmp_path / "service.keys").exists()


def test_opening_makes_no_service_keyring_in_the_place_of_one_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "service.keys"
    wrapped = LiveServiceKeyring(FileSource(path)).wrap(SECRET, HERE)
    path.rename(tmp_path / "kept")
    later = LiveServiceKeyring(FileSource(path))
    with pytest.raises(Unopenable, match="restore it"):
        later.unwrap(wrapped, HERE)
    assert not path.exists()
    (tmp_path / "kept").rename(path)
    assert later.unwrap(wrapped, HERE) == SECRET


def test_each_source_gives_the_same_keyring(tmp_path: Path) -> None:
    made = open_keyring(tmp_path)
    text = (tmp_path / "trading.private").read_text()
    printing = f"{sys.executable} -c \"print(open('{tmp_path / 'trading.private'}').read())\""
    for source in (
        source_of("file", tmp_path / "trading.private"),
        source_of("env:KEYS", tmp_path, {"KEYS": text}),
        source_of(f"command:{printing}", tmp_path),
    ):
        assert read_keyring(tmp_path, source).public == made.public
        assert text not in repr(source)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ("env:KEYS", "KEYS.*empty"),
        ("command:/nowhere/at-all", "failed: FileNotFoundError"),
        (f"command:{sys.executable} -c 'print(\"s3cret\"); exit(3)'", "failed: CalledProcessError"),
        (f"command:{sys.executable} -c 'print(\"s3cret\")'", "cannot be read"),
        (f"command:{sys.executable} -c 'print(\"x\" * 100000)'", "failed: ValueError"),
    ],
)
def test_a_source_that_fails_is_one_sentence_without_what_it_gave(tmp_path: Path, setting: str, match: str) -> None:
    source = source_of(setting, tmp_path, {})
    with pytest.raises(StartError, match=match) as failure:
        read_generations(source.read(), source.name)
    assert failure.value.exit_code == 12
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize("setting", ["", "keychain", "env:", "env:a b", "command:", "command:'"])
def test_a_setting_that_names_no_source_is_refused(tmp_path: Path, setting: str) -> None:
    with pytest.raises(StartError, match="keyring") as failure:
        source_of(setting, tmp_path)
    assert failure.value.exit_code == 2


def test_what_is_kept_outside_is_never_written_from_here(tmp_path: Path) -> None:
    text = keyring_text([new_generation()])
    with pytest.raises(StartError, match="new-keys"):
        add_generation(EnvironmentSource("KEYS", {"KEYS": text}), tmp_path, nothing)
    assert list(tmp_path.iterdir()) == []
    assert CommandSource("true").is_written_here is EnvironmentSource("A", {}).is_written_here is False
    assert [variable_of(each) for each in ("env:A_B", "file", "command:cat x")] == ["A_B", None, None]


def test_generations_come_and_go_and_the_newest_never_goes(tmp_path: Path) -> None:
    first = open_keyring(tmp_path)
    source = keyring_file(tmp_path)
    second = add_generation(source, tmp_path, nothing)
    third = add_generation(source, tmp_path, nothing)
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o600
    assert len({first.public, second.public, third.public}) == 3
    oldest, middle, newest = generations_of(source)
    assert retire(source, tmp_path, {middle.wrap_id}, nothing) == 1
    assert generations_of(source) == [middle, newest]
    assert retire(source, tmp_path, {middle.seal_id}, nothing) == 0
    assert retire(source, tmp_path, set(), nothing) == 1
    assert generations_of(source) == [newest]
    assert oldest not in generations_of(source)
    # A single generation is written as the first version reads it.
    assert json.loads(source.path.read_text()).keys() == {"private", "key_encryption_key"}
    for each in (oldest, newest):
        shown = repr(each) + repr(third)
        assert each.private.hex() not in shown
        assert repr(each.private) not in shown
