"""Opening what was named: plain, gzip, or out of a zip; JSON lines of resources; and an error a person can act on."""

import gzip
import json
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO, TypeAlias, cast

from libs.google_sim.account import Resource

Source: TypeAlias = Path | zipfile.Path
"""A file or folder, or one inside a zip, which is read where it lies: an archive of mail has gigabytes."""

_BROKEN_ZIP = (EOFError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class LoadError(Exception):
    """A file that can't be loaded at all; the message says which and what to do."""


def kind(path: Source) -> str:
    """The file type by its last suffix, `.gz` apart: "mbox", "ics", …; "" if there is none."""
    suffixes = [suffix.lower() for suffix in PurePath(path.name).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1].removeprefix(".") if suffixes else ""


def is_archive(path: Source) -> bool:
    """Whether it is a zip on the disk; one inside another is left alone."""
    return isinstance(path, Path) and kind(path) == "zip"


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.Path]:
    """The root of a zip. Raises LoadError if it can't be opened, or what is read of it is broken or needs a password."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield zipfile.Path(archive)
    except _BROKEN_ZIP as error:
        raise LoadError(f"{path} can't be read as a zip file ({error}). Copy it again, or unpack it.") from error


def files_within(path: Source, kinds: Collection[str]) -> Iterator[Source]:
    """The files of these kinds in a folder or a zip, and in zips in a folder, by their names. Each is to be read at once."""
    if is_archive(path):
        with opened_zip(cast(Path, path)) as root:
            yield from files_within(root, kinds)
        return
    for entry in sorted(cast(Iterator[Source], path.iterdir()), key=lambda entry: entry.name):
        if entry.is_dir() or is_archive(entry):
            if not is_link(entry):
                yield from files_within(entry, kinds)
        elif kind(entry) in kinds:
            yield entry


def is_link(entry: Source) -> bool:
    """Whether it is a symbolic link, which may lead anywhere."""
    return isinstance(entry, Path) and entry.is_symlink()


def open_bytes(path: Source) -> IO[bytes]:
    """The bytes of a file, decompressed if it is named `.gz`. Raises LoadError if it can't be opened."""
    if isinstance(path, zipfile.Path):
        packed = path.open("rb")
        return cast(IO[bytes], gzip.open(packed)) if path.name.lower().endswith(".gz") else packed
    try:
        return cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")
    except OSError as error:
        raise LoadError(f"{path} can't be read: {error.strerror}. Give the path of an existing file.") from error


def read_bytes(path: Source) -> bytes:
    """All bytes of a file. Raises LoadError if it can't be opened, or is no complete gzip file."""
    return b"".join(lines_of(path))


def lines_of(path: Source) -> Iterator[bytes]:
    """The lines of a file, with their ends. Raises LoadError if it can't be opened, or is no complete gzip file."""
    with open_bytes(path) as file:
        try:
            yield from file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            if isinstance(path, zipfile.Path):
                raise  # of the zip around it
            raise LoadError(f"{path} is not a complete gzip file. Unpack it, or copy it again.") from error


def json_lines(path: Path) -> Iterator[Resource]:
    """One JSON object a line; empty lines are skipped. Raises LoadError naming the line that is none."""
    for number, line in enumerate(lines_of(path), 1):
        if not line.strip():
            continue
        try:
            resource = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise LoadError(f"{path}, line {number} is not JSON. Each line must be one JSON object.") from error
        if not isinstance(resource, dict):
            raise LoadError(f"{path}, line {number} is not a JSON object. Each line must be one resource.")
        yield resource
