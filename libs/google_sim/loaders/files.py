"""Opening what was named: plain or gzip, JSON lines of resources, and an error a person can act on."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from libs.google_sim.account import Resource


class LoadError(Exception):
    """A file that can't be loaded at all; the message says which and what to do."""


def kind(path: Path) -> str:
    """The file type by its last suffix, `.gz` apart: "mbox", "ics", …; "" if there is none."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    return suffixes[-1].removeprefix(".") if suffixes else ""


def open_bytes(path: Path) -> IO[bytes]:
    """The bytes of a file, decompressed if it is named `.gz`. Raises LoadError if it can't be opened."""
    try:
        return cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")
    except OSError as error:
        raise LoadError(f"{path} can't be read: {error.strerror}. Give the path of an existing file.") from error


def read_bytes(path: Path) -> bytes:
    """All bytes of a file. Raises LoadError if it can't be opened, or is no complete gzip file."""
    return b"".join(lines_of(path))


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file, with their ends. Raises LoadError if it can't be opened, or is no complete gzip file."""
    with open_bytes(path) as file:
        try:
            yield from file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
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
