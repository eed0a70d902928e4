"""Backups: the file is whole or refused, what can't be restored here is refused with what to do, and the keys are apart."""

import errno
import json
import re
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from libs.local.backup.archive import Archive, new_archive
from libs.local.backup.backing_up import choose_file
from libs.local.backup.dumping import _connection, find_program
from libs.local.backup.failures import BackupFailed, Unrestorable
from libs.local.backup.keys import joined, keep_keys, parse_keys, read_keys, write_keys
from libs.local.backup.manifest import Installation, Manifest, file_name, reasons_against
from libs.local.backup.restoring import keys_of
from libs.local.cli import app
from libs.local.servers.majors import programs

NOW = datetime(2026, 11, 28, 16, 5, 7, tzinfo=UTC)
CONTENT = b"PGDMP and what follows"
SOME = {
    "format": 1, "version": "0.3.0", "created_at": NOW, "server": 18, "dumped_by": 18,
    "migrations": {"auth": ("0001", "0002")}, "rows": {"auth.users": 1}, "sealed_with": ("ab12",),
}  # fmt: skip


def written(file: Path, **other: Any) -> Manifest:
    """A backup with this content, and the manifest that it has."""
    with new_archive(file, NOW) as archive:
        with archive.dump() as dump:
            dump.add(CONTENT[:7])
            dump.add(CONTENT[7:])
        manifest = Manifest.model_validate({**SOME, "dump_bytes": dump.bytes, "dump_sha256": dump.sha256, **other})
        archive.add_manifest(manifest)
    return manifest


def read(file: Path) -> tuple[Manifest, bytes]:
    with Archive(file, "0.3.0") as archive:
        return archive.manifest, b"".join(archive.pieces())


def test_what_was_written_is_read_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    manifest = written(file)
    assert read(file) == (manifest, CONTENT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["backup.zip"]


def test_wherever_a_byte_is_another_it_is_refused_or_makes_no_difference(tmp_path: Path) -> None:
    file, harmed = tmp_path / "backup.zip", tmp_path / "harmed.zip"
    expected = (written(file), CONTENT)
    whole, refused = file.read_bytes(), 0
    for position in range(0, len(whole), 3):
        harmed.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
        try:
            assert read(harmed) == expected, position
        except Unrestorable:
            refused += 1
    assert refused > (len(CONTENT) + len(expected[0].model_dump_json())) // 3


def test_wherever_it_is_cut_off_it_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file, cut = tmp_path / "backup.zip", tmp_path / "cut.zip"
    written(file)
    whole = file.read_bytes()
    for length in range(0, len(whole), 3):
        cut.write_bytes(whole[:length])
        with pytest.raises(
            Unrestorable, match="is no backup, or is damaged or cut off: fetch it again, or take an older"
        ):
            read(cut)


def test_another_dump_than_the_one_it_was_made_with_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    written(file, dump_sha256="0" * 64)
    with pytest.raises(Unrestorable, match="damaged"):
        read(file)


def test_a_backup_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    def begin() -> None:
        with new_archive(tmp_path / "backup.zip", NOW) as archive, archive.dump() as dump:
            dump.add(CONTENT)
            raise BackupFailed("pg_dump failed")

    with pytest.raises(BackupFailed, match="pg_dump failed"):
        begin()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="has no room for the backup"), new_archive(tmp_path / "backup.zip", NOW):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


KNOWN = {"auth": ["0001", "0002"]}
NEWER = r"It is of PingCRM 0\.\d+\.0, which knows more than this one \(0\.\d+\.\d+\): upgrade this one, then restore"
SEALED = "sealed with a key that is not here: name the file that has it with --keys"


@pytest.mark.parametrize(
    ("version", "migrations", "key_ids", "reasons"),
    [
        ("0.3.0", KNOWN, ["ab12"], []),
        ("0.3.1", KNOWN | {"sync": ["0001"]}, ["cd34", "ab12"], []),
        ("0.10.0", {"auth": ["0001", "0002", "0003"]}, ["ab12"], []),
        ("0.2.0", KNOWN, ["ab12"], [NEWER]),
        ("0.3.0", {"auth": ["0001"]}, ["ab12"], [NEWER]),
        ("0.3.0", {"sync": ["0001", "0002"]}, ["ab12"], [NEWER]),
        ("0.3.0", KNOWN, ["cd34"], [SEALED]),
        ("0.3.0", KNOWN, [], [SEALED]),
        ("0.2.9", {}, [], [NEWER, SEALED]),
    ],
)
def test_what_can_not_be_restored_here_has_its_reason_and_what_to_do(
    version: str, migrations: dict[str, list[str]], key_ids: list[str], reasons: list[str]
) -> None:
    manifest = Manifest.model_validate({**SOME, "dump_bytes": 0, "dump_sha256": ""})
    found = list(reasons_against(manifest, Installation(version, migrations, key_ids)))
    assert len(found) == len(reasons)
    for sentence, pattern in zip(found, reasons, strict=True):
        assert re.search(pattern, sentence), sentence


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        ({"format": 2, "version": "0.9.0"}, "It is of PingCRM 0.9.0, which knows more than this one (0.3.0)"),
        ({"format": 1, "version": "0.3.0"}, "It has no manifest that can be read: take another backup"),
        ({"format": 1, "version": "x"}, "It has no manifest that can be read: take another backup"),
        ([], "It has no manifest that can be read: take another backup"),
    ],
)
def test_a_manifest_of_another_form_is_refused(manifest: Any, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    with ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(Unrestorable) as refused:
        read(file)
    assert str(refused.value).startswith(f"{file} can't be restored. {reason}")


def test_names_of_backups_sort_by_age_and_nothing_is_overwritten(tmp_path: Path) -> None:
    assert file_name(NOW) == "pingcrm-2026-11-28T16-05-07Z.zip"
    assert choose_file(tmp_path, NOW) == tmp_path / file_name(NOW)
    assert choose_file(tmp_path / "mine", NOW) == tmp_path / "mine"
    (tmp_path / "mine").touch()
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        choose_file(tmp_path / "mine", NOW)
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*nowhere: make it first"):
        choose_file(tmp_path / "nowhere" / "mine", NOW)


ENV_FILE = """\
# made by pingcrm secrets
export PINGCRM_SECRET_KEYS="one,two"
PINGCRM_WEBHOOK_KEYS=hook=
PINGCRM_NATS_PASSWORD=not-a-key
"""


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (ENV_FILE, {"PINGCRM_SECRET_KEYS": "one,two", "PINGCRM_WEBHOOK_KEYS": "hook="}),
        ('{"PINGCRM_SECRET_KEYS": "one", "PINGCRM_POSTGRES_PASSWORD": "p"}', {"PINGCRM_SECRET_KEYS": "one"}),
        ('{"PINGCRM_SECRET_KEYS": ""}', {}),
        ('["PINGCRM_SECRET_KEYS"]', {}),
        ("PINGCRM_SECRET_KEYS=\n", {}),
        ("", {}),
    ],
)
def test_keys_are_read_from_a_secrets_file_and_from_an_env_file(text: str, keys: dict[str, str]) -> None:
    assert parse_keys(text) == keys


def test_a_copy_of_the_keys_is_read_again_and_is_ours_alone(tmp_path: Path) -> None:
    file, keys = tmp_path / "keys", {"PINGCRM_SECRET_KEYS": "one,two", "PINGCRM_WEBHOOK_KEYS": "hook="}
    write_keys(file, keys)
    assert read_keys(file) == keys
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    write_keys(file, {"PINGCRM_SECRET_KEYS": "three,two"})
    assert read_keys(file) == {"PINGCRM_SECRET_KEYS": "three,two,one", "PINGCRM_WEBHOOK_KEYS": "hook="}, "older backups"
    file.write_text("nothing of the kind")
    with pytest.raises(Unrestorable, match="has none of PINGCRM_SECRET_KEYS, PINGCRM_WEBHOOK_KEYS"):
        read_keys(file)


def test_brought_keys_come_first_and_the_environments_alone_count_where_it_has_some(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"PINGCRM_SECRET_KEYS": "here", "PINGCRM_NATS_PASSWORD": "p"}')
    brought = {"PINGCRM_SECRET_KEYS": "brought,here"}
    assert joined(brought, {"PINGCRM_WEBHOOK_KEYS": "hook"}) == {**brought, "PINGCRM_WEBHOOK_KEYS": "hook"}
    assert keys_of(tmp_path, {}, {"PINGCRM_SECRET_KEYS": "brought"}) == brought
    assert keys_of(tmp_path, {"PINGCRM_SECRET_KEYS": "set"}, brought) == {"PINGCRM_SECRET_KEYS": "set"}
    keep_keys(tmp_path, {**brought, "PINGCRM_NATS_PASSWORD": "another"})
    assert json.loads((tmp_path / "secrets.json").read_text()) == {**brought, "PINGCRM_NATS_PASSWORD": "p"}


@pytest.mark.parametrize(
    ("url", "target", "password"),
    [
        ("postgresql://postgres:s%20e@127.0.0.1:5/pingcrm", "postgresql://postgres@127.0.0.1:5/pingcrm", "s e"),
        ("postgresql://a%40b:p@[::1]/d?sslmode=require", "postgresql://a%40b@[::1]/d?sslmode=require", "p"),
        ("postgresql://db.example/pingcrm", "postgresql://db.example/pingcrm", None),
    ],
)
def test_no_password_is_in_the_list_of_processes(
    url: str, target: str, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    shown, environment = _connection(url, tls=False)
    assert (shown, environment.get("PGPASSWORD")) == (target, password)


def test_where_our_connection_is_encrypted_theirs_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert find_program("pg_dump", 18, tls=False).path == programs() / "pg_dump"
    with pytest.raises(
        BackupFailed, match=r"There is no pg_dump of PostgreSQL 18 or newer here that speaks TLS: install"
    ):
        find_program("pg_dump", 18, tls=True)
    with pytest.raises(
        BackupFailed, match=r"There is no pg_restore of PostgreSQL 99 or newer here: install its client"
    ):
        find_program("pg_restore", 99, tls=False)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert "PGSSLMODE" not in _connection("postgresql://db/pingcrm", tls=False)[1]
    assert _connection("postgresql://db/pingcrm", tls=True)[1]["PGSSLMODE"] == "require"
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert _connection("postgresql://db/pingcrm", tls=True)[1]["PGSSLMODE"] == "verify-full"


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["backup", "FOLDER"], 1, "There is no PingCRM in"),
        (["backup", "FOLDER/no/where.zip"], 1, "There is no folder"),
        (["backup", "FOLDER", "--keys", "FOLDER/keys"], 2, "would have both the tokens and what opens them"),
        (["backup", "FOLDER", "--keys", "FOLDER/data/keys"], 1, "The keys are not here"),
        (["restore", "FOLDER/nothing.zip"], 2, "does not exist"),
        (["restore", "FOLDER/empty"], 1, "is no backup, or is damaged or cut off"),
        (["restore", "FOLDER/empty", "--keys", "FOLDER/empty"], 1, "has none of PINGCRM_SECRET_KEYS"),
    ],
)
def test_what_can_not_be_done_is_one_sentence_and_changes_nothing(
    arguments: list[str], code: int, part: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "data").mkdir()
    called = [argument.replace("FOLDER", str(tmp_path)) for argument in arguments]
    ended = CliRunner().invoke(app, [*called, "--data-dir", str(tmp_path / "data")], catch_exceptions=False)
    assert (ended.exit_code, part in " ".join(ended.output.replace("│", " ").split())) == (code, True), ended.output
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "empty"]
