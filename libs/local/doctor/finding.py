"""What `pingcrm doctor` prints: one sentence each."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "todo", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One sentence. `note` is good to know; `todo` makes the command fail; so does `wrong`, with which `pingcrm up` does not start."""

    level: Level
    sentence: str
