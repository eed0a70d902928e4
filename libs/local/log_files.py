"""Log files stay bounded while the processes that write them run on: past a size, what is there is set aside."""

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from libs.local.process import LOG_KEPT_BYTES

EVERY_SECONDS = 60.0
PIECE_BYTES = 1 << 20
OLD = ".old.log"


async def keep_bounded(files: Callable[[], Iterable[Path]]) -> None:
    """Look at the files again and again. Runs until cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        for file in files():
            with suppress(
                OSError
            ):  # a full disk, of which the health of every service tells; there may be room in a minute
                set_aside(file)


def set_aside(file: Path, kept_bytes: int = LOG_KEPT_BYTES) -> bool:
    """Move what is in a log that has grown past the size into its .old.log, in the place of what was there; whether it had.

    Its writers append: they go on in the same file, from its beginning. They need not know, and nobody has to be restarted.
    """
    if file.name.endswith(OLD) or not file.exists() or file.stat().st_size <= kept_bytes:
        return False
    draft = file.with_suffix(f"{OLD}.new")
    draft.unlink(missing_ok=True)
    try:
        with (
            file.open("rb+") as log,
            os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as old,
        ):
            while piece := log.read(PIECE_BYTES):  # also what is written meanwhile
                old.write(piece)
            old.flush()
            log.truncate(0)
        draft.replace(file.with_suffix(OLD))
    finally:
        draft.unlink(missing_ok=True)
    return True
