"""The file of a backup: a zip with the dump of the database as pg_dump wrote it, and the manifest.

Any zip program opens it, and pg_restore reads what is in it, without PingCRM. The dump is compressed by itself and stored as it is.
"""

import errno
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from libs.local.backup.failures import BackupFailed, Unrestorable
from libs.local.backup.manifest import Manifest, read_manifest
from libs.local.private_file import keep_names

DUMP, MANIFEST = "database.dump", "manifest.json"
CHUNK_BYTES = 1 << 20

# What reading a zip may raise where bytes of it are others than were written.
_UNREADABLE = (
    BadZipFile, EOFError, KeyError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError, struct.error, zlib.error,
)  # fmt: skip

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Dump:
    """Takes a dump piece by piece, and knows its size and checksum."""

    def __init__(self, entry: IO[bytes]) -> None:
        self.bytes = 0
        self._entry = entry
        self._digest = sha256()

    def add(self, piece: bytes) -> None:
        self._entry.write(piece)
        self._digest.update(piece)
        self.bytes += len(piece)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class NewArchive:
    """A file that is being written: first the dump, then the manifest."""

    def __init__(self, zip_file: ZipFile, moment: datetime) -> None:
        self._zip = zip_file
        self._moment = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)

    @contextmanager
    def dump(self) -> Iterator[Dump]:
        with self._zip.open(ZipInfo(DUMP, self._moment), "w", force_zip64=True) as entry:
            yield Dump(entry)

    def add_manifest(self, manifest: Manifest) -> None:
        self._zip.writestr(ZipInfo(MANIFEST, self._moment), manifest.model_dump_json(indent=2) + "\n")


@contextmanager
def new_archive(file: Path, created_at: datetime) -> Iterator[NewArchive]:
    """A new file for us alone, there when it is whole and on the disk, or not at all. Raises BackupFailed where the disk is full."""
    draft = file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with ZipFile(raw, "w") as zip_file:
                yield NewArchive(zip_file, created_at)
            raw.flush()
            os.fsync(raw.fileno())
        draft.rename(file)
        keep_names(file.parent)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise BackupFailed(f"{file.parent} has no room for the backup: make some, or name another place.") from error
    finally:
        draft.unlink(missing_ok=True)


class Archive:
    """A file of a backup. Raises OSError where it can't be opened, Unrestorable where it is none of `version`, or not whole."""

    def __init__(self, file: Path, version: str) -> None:
        self.file = file
        self._raw = file.open("rb")
        try:
            with self._readable():
                self._zip = ZipFile(self._raw)
                text = self._zip.read(MANIFEST)
        except Unrestorable:
            self._raw.close()
            raise
        try:
            self.manifest = read_manifest(text, version)
        except Unrestorable as reason:
            self._raw.close()
            raise Unrestorable(f"{file} can't be restored. {reason}") from reason

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._raw.close()

    def pieces(self) -> Iterator[bytes]:
        """The dump. Raises Unrestorable at its end where it is not what was written."""
        digest, size = sha256(), 0
        with self._readable(), self._zip.open(DUMP) as entry:
            while piece := entry.read(CHUNK_BYTES):
                digest.update(piece)
                size += len(piece)
                yield piece
        if (size, digest.hexdigest()) != (self.manifest.dump_bytes, self.manifest.dump_sha256):
            raise Unrestorable(self._damaged())

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except _UNREADABLE as error:
            raise Unrestorable(self._damaged()) from error

    def _damaged(self) -> str:
        return f"{self.file} is no backup, or is damaged or cut off: fetch it again, or take an older one."
