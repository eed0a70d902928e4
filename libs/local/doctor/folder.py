"""The folder of `pingcrm up`: whether it can be written, how much room there is, and its secrets."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from libs.common.topology import INTEGRATION_STREAM_BYTES
from libs.local.data_dir import Unusable
from libs.local.doctor.finding import Finding
from libs.local.secrets import MissingSecret, why_lost
from libs.local.servers import ServerFailed, majors
from libs.local.servers.unprivileged import NoUnprivilegedUser, find_unprivileged

ELSEWHERE = "choose another with --data-dir or PINGCRM_DATA_DIR"
UNREADABLE = '"\\\n\r'  # in the configuration of the servers
# NATS reserves room for its streams, of at most three quarters of what is free; an empty installation takes 100 MB beside.
FEWEST_BYTES = 2 * INTEGRATION_STREAM_BYTES
FEW_BYTES = 2 * 2**30
FEWEST_FILES = 2_000


def check_data_dir(data_dir: Path, environment: Mapping[str, str], *, new_secrets: bool = False) -> Iterator[Finding]:
    """Nothing is left of what is tried. With `new_secrets` those that are lost are about to be made anew."""
    if set(str(data_dir)) & set(UNREADABLE):
        yield Finding(
            "wrong",
            f"The data folder {str(data_dir)!r} has double quotes, backslashes or line breaks in its name: {ELSEWHERE}.",
        )
        return
    existing = data_dir
    while not os.path.lexists(existing):  # a path under a folder that we may not enter is just not there
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"room for a page" * 512)
            file.flush()
    except OSError as error:
        yield Finding("wrong", str(Unusable(data_dir, error)))
        return
    yield from _check_room(data_dir, existing)
    if not environment.get("PINGCRM_POSTGRES_URL"):
        yield from _check_user(existing)
        yield from _check_major(data_dir)
    secrets = data_dir / "secrets.json"
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        yield Finding("wrong", f"{secrets} can be read by others: chmod 600 it.")
    try:
        lost = why_lost(data_dir, environment)
    except (MissingSecret, Unusable) as error:
        lost = str(error)
    if lost and not new_secrets:
        yield Finding("wrong", lost)
    yield Finding("ok", f"Data is kept in {data_dir}.")


def _check_room(data_dir: Path, existing: Path) -> Iterator[Finding]:
    left, files = shutil.disk_usage(existing).free, os.statvfs(existing)
    yield from check_room(data_dir, left, files.f_favail if files.f_files else FEWEST_FILES)


def check_room(data_dir: Path, left_bytes: int, left_files: int) -> Iterator[Finding]:
    """What is left on the disk of the folder, for us."""
    megabytes = f"{left_bytes // 2**20:,} MB"
    if left_bytes < FEWEST_BYTES:
        yield Finding(
            "wrong", f"The disk of the data folder {data_dir} is full ({megabytes} left): make room, or {ELSEWHERE}."
        )
    elif left_files < FEWEST_FILES:
        yield Finding(
            "wrong", f"The disk of the data folder {data_dir} takes only {left_files:,} more files: {ELSEWHERE}."
        )
    elif left_bytes < FEW_BYTES:
        yield Finding("note", f"Only {megabytes} are left on the disk of the data folder {data_dir}.")


def _check_major(data_dir: Path) -> Iterator[Finding]:
    """The data may be of another major version of PostgreSQL than ours."""
    try:
        verdict = majors.examine(data_dir / "postgres")
    except ServerFailed as error:
        yield Finding("wrong", str(error))
    except OSError as error:
        yield Finding("wrong", str(Unusable(data_dir, error)))
    else:
        if verdict.sentence:
            yield Finding("wrong" if verdict.action == "refuse" else "note", verdict.sentence)


def _check_user(existing: Path) -> Iterator[Finding]:
    """As root, PostgreSQL has to be run by somebody else, who must get to its data."""
    try:
        find_unprivileged(majors.programs() / "postgres", existing / "postgres")
    except NoUnprivilegedUser as error:
        yield Finding("wrong", str(error))
    except ServerFailed:  # not installed, which the check of the servers reports
        return
