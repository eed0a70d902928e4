"""PostgreSQL of an older major version, where its programs are on this machine; and the carrying over of its data, cut off at will.

python -m tests.support.older_postgres DATA_DIR MOMENT   carries a folder's data over, and dies in the middle, as if killed
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import pytest

from libs.local.backup import backing_up, carrying_over, restoring
from libs.local.data_dir import create
from libs.local.secrets import POSTGRES_ADMIN, Secrets, load
from libs.local.servers import Postgres, majors
from tests.support.servers import UNSAFE

Moment = Literal["dumping", "initdb", "restoring", "whole", "renamed", "replaced"]
MOMENTS: Sequence[Moment] = get_args(Moment)


class OlderPostgres(Postgres):
    """Its data is made with what every version has: a built-in locale is younger than 16."""

    locale: ClassVar[Sequence[str]] = ("--locale=C.UTF-8",)


@asynccontextmanager
async def older_postgres(data_dir: Path, major: int) -> AsyncIterator[tuple[Postgres, Secrets]]:
    """A server in the place of the embedded one, and the folder's secrets. Skips the test where that version is not here."""
    if majors.find_programs(major) is None:
        pytest.skip(f"the programs of PostgreSQL {major} are not on this machine")
    create(data_dir)
    secrets = load(data_dir, {})
    server = OlderPostgres(data_dir / "postgres", secrets[POSTGRES_ADMIN], UNSAFE, major=major)
    try:
        await server.start()
        yield server, secrets
    finally:
        await server.stop()


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_when_there(file: Path) -> None:
    while not file.exists():
        time.sleep(0.001)
    _die()


def _at(stage: str) -> Callable[[str, int, int], None]:
    """Dies when that stage is shown."""
    return lambda what, *_: _die() if what.startswith(stage) else None


def _arm(moment: Moment, folder: Path) -> None:
    back_up, fill_database, replace_data = backing_up.back_up, restoring.fill_database, majors.replace_data
    patch = pytest.MonkeyPatch()
    match moment:
        case "dumping":
            patch.setattr(carrying_over, "back_up", lambda of, file, now, _: back_up(of, file, now, _at("Writing")))
        case "initdb":
            begun = folder / "next" / "data" / "PG_VERSION"
            threading.Thread(target=_die_when_there, args=(begun,), daemon=True).start()
        case "restoring":
            patch.setattr(
                carrying_over,
                "fill_database",
                lambda to, url, archive, _: fill_database(to, url, archive, _at("Restoring")),
            )
        case "whole":
            patch.setattr(majors, "replace_data", _die)
        case "renamed":
            patch.setattr(majors, "keep_names", _die)
        case "replaced":
            patch.setattr(majors, "replace_data", lambda *arguments: _die(replace_data(*arguments)))


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    kept = load(chosen, {})
    _arm(next(moment for moment in MOMENTS if moment == sys.argv[2]), chosen / "postgres")
    ours = Postgres(chosen / "postgres", kept[POSTGRES_ADMIN], UNSAFE)
    asyncio.run(carrying_over.carry_over(ours, kept, print))
