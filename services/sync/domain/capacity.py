"""How many runs a process carries out at a time, by what they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.events import Kind

MAX_RUNS = 400  # but for incremental runs of calendars
MAX_INITIAL_MAIL = 250  # first imports of mail among them: incremental runs find room at once
# First imports of contacts and calendars: they are short, and where many accounts are connected together they shall not keep
# the mailboxes from getting on.
MAX_INITIAL_OTHER = 24
# Looks at calendars, beside all others: where many wait for the calendar's quota, mail gets on, and where mail waits for Gmail's, they do.
MAX_CALENDARS = 100
# Taken at once. A process that has more already takes as many again: many imports begin together, a few are shared by replicas.
MIN_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many more runs may be taken now: incremental ones of mail and contacts, first imports of mail, other first imports, and
    incremental ones of calendars.
    """

    incremental: int
    initial_mail: int
    initial_other: int
    calendars: int

    @classmethod
    def beside(cls, under_way: Sequence[tuple[bool, Kind]]) -> "Capacity":
        """What is left beside these runs: for each, whether it is a first import, and its kind."""
        initial_mail = sum(first and kind == "mail" for first, kind in under_way)
        initial_other = sum(first and kind != "mail" for first, kind in under_way)
        calendars = sum(not first and kind == "calendar" for first, kind in under_way)
        at_once = max(MIN_AT_ONCE, len(under_way))
        return cls(
            max(min(MAX_RUNS - len(under_way) + calendars, at_once), 0),
            max(min(MAX_INITIAL_MAIL - initial_mail, at_once), 0),
            max(MAX_INITIAL_OTHER - initial_other, 0),
            max(min(MAX_CALENDARS - calendars, at_once), 0),
        )

    def is_full_for(self, first: bool, kind: Kind) -> bool:
        """Whether no more runs like this one may be taken."""
        if not first:
            return (self.calendars if kind == "calendar" else self.incremental) == 0
        return (self.initial_mail if kind == "mail" else self.initial_other) == 0
