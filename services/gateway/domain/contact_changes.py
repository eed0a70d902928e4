"""Contacts that changed, gathered for the user's webhook: one call for many changes, and a bound on what it carries. Pure.

    changes ──► waiting ── 10 s without another, or a minute after the first ──► one call ── taken ──► forgotten
                   ▲                                                                └─ given up ──► the next one says `resync`
                   └── more than 500 contacts: no ids any more, `resync`: load again what you keep

So an import of 10,000 contacts is a call a minute, and whatever becomes of a call, the receiver either gets each id or is asked to load
everything again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.ids import ContactId

MAX_IDS = 500
SETTLING = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True)
class GatheredContacts:
    """Contacts that changed. `resync`: more than can be named; then none is."""

    contact_ids: frozenset[ContactId] = frozenset()
    resync: bool = False

    def __or__(self, other: "GatheredContacts") -> "GatheredContacts":
        return gathered(self.contact_ids | other.contact_ids, resync=self.resync or other.resync)

    def __bool__(self) -> bool:
        return self.resync or bool(self.contact_ids)


EVERYTHING = GatheredContacts(resync=True)


def gathered(contact_ids: Iterable[ContactId], *, resync: bool = False) -> GatheredContacts:
    """So many that a call can carry them, or none and `resync`."""
    distinct = frozenset(contact_ids)
    return EVERYTHING if resync or len(distinct) > MAX_IDS else GatheredContacts(distinct)


def call_time(since: datetime, now: datetime) -> datetime:
    """When to call about what has been changing `since` then and has changed once more `now`."""
    return min(now + SETTLING, max(since + LONGEST_WAIT, now))
