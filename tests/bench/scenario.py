"""What a scenario is, and what it is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure


@dataclass(frozen=True)
class Setting:
    """What a scenario may use: an empty folder, how large it shall be, somebody to report to how far it is.

    messages: size of a large mailbox. interactions: how far `growth` fills the database. quick: only to see that everything works; the
    figures say little. drawings: the folder that curves are drawn into; None: nowhere.
    """

    folder: Path
    messages: int
    quick: bool
    publish: Callable[[str], None]
    interactions: int = 1_000_000
    drawings: Path | None = None

    def size(self, full: int, quick: int) -> int:
        """How many, or how long, of something that is not the large mailbox."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Scenario:
    """One measurement and the `question` that it settles; `limit_seconds` end it, whatever hangs."""

    name: str
    question: str
    run: Callable[[Setting], Awaitable[list[Figure]]]
    limit_seconds: float = 180.0
