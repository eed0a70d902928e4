"""A mailbox of real mail, where the shared corpus is at hand: short threads and large headers, unlike a generated one."""

import gzip
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from libs.google_sim.account import AccountData

DAYS = 360
_BESIDE_THE_PROJECT = Path(__file__).parents[3] / "shared" / "data"


def real_mailboxes(addresses: Sequence[str], messages: int, *, now: datetime) -> list[AccountData]:
    """An account for each address, with so many messages of the corpus, their dates spread over the days before `now`.

    Empty where there is no corpus: `PINGCRM_CORPUS` names its folder.
    """
    resources = _corpus(messages)
    if not resources:
        return []
    step = timedelta(days=DAYS) / len(resources)
    moved = [
        {**resource, "internalDate": str(int((now - step * number).timestamp() * 1000))}
        for number, resource in enumerate(resources, start=1)
    ]
    return [AccountData(address, "Owner", f"{1 + at:021}", messages=moved) for at, address in enumerate(addresses)]


@cache
def _corpus(messages: int) -> Sequence[dict[str, Any]]:
    path = Path(os.environ.get("PINGCRM_CORPUS", _BESIDE_THE_PROJECT)) / "mail.jsonl.gz"
    if not path.exists():
        return ()
    with gzip.open(path) as lines:
        return tuple(map(orjson.loads, islice(lines, messages)))
