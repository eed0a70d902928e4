"""How many runs a process carries out at a time, by what they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.events import Kind

RUNS = 400
MAILBOXES = 250  # first imports of mail among them: what is new finds room at once
# First imports of contacts and calendars: they are short, and in a crowd they shall not keep mailboxes from getting on together.
OTHERS = 24
FEWEST = 16  # taken at once; who has more already takes as many again: a crowd begins together, and a few are shared


@dataclass(frozen=True, slots=True)
class Room:
    """How many more runs may be taken now: of `news`, of first imports of `mailboxes`, of `others`' first imports."""

    news: int
    mailboxes: int
    others: int

    @classmethod
    def beside(cls, under_way: Sequence[tuple[bool, Kind]]) -> "Room":
        """What is left beside these runs: for each, whether it is a first import, and its kind."""
        mailboxes = sum(first and kind == "mail" for first, kind in under_way)
        others = sum(first and kind != "mail" for first, kind in under_way)
        at_once = max(FEWEST, len(under_way))
        return cls(
            max(min(RUNS - len(under_way), at_once), 0),
            max(min(MAILBOXES - mailboxes, at_once), 0),
            max(OTHERS - others, 0),
        )

    def is_full_for(self, first: bool, kind: Kind) -> bool:
        """Whether none of its like may be taken."""
        if not first:
            return self.news == 0
        return (self.mailboxes if kind == "mail" else self.others) == 0
