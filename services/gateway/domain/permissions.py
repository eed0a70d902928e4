"""Google's permissions in words: what each is called, what it turns on, and what is off without it. Pure."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from libs.common.scopes import CALENDAR_READ, CONTACTS_READ, GMAIL_READ, GMAIL_SEND


class Permission(NamedTuple):
    """A permission as a page shows it. `turns_on`: the feature that needs it; `action`: what PingCRM may do with it."""

    scope: str
    name: str
    action: str
    turns_on: str


PERMISSIONS = (
    Permission(GMAIL_READ, "Read mail", "read your mail", "mail on timelines"),
    Permission(CALENDAR_READ, "Read calendars", "read your calendar", "meetings on timelines"),
    Permission(CONTACTS_READ, "Read contacts", "read your contacts", "details from Google Contacts"),
    Permission(GMAIL_SEND, "Send mail", "send mail", "briefs before meetings"),
)
# A brief is about a meeting, and goes out as mail.
BRIEFS = "briefs before meetings"


def features_off(missing: Collection[str]) -> list[str]:
    """What is off without these permissions, each once, in the order of the page."""
    off = [permission.turns_on for permission in PERMISSIONS if permission.scope in missing]
    return [*off, BRIEFS] if CALENDAR_READ in missing and GMAIL_SEND not in missing else off


def off_sentence(missing: Collection[str]) -> str:
    """What may not be done, and what is off by it: one sentence that reads well for any of them. Empty where nothing is missing."""
    actions = [permission.action for permission in PERMISSIONS if permission.scope in missing]
    if not actions:
        return ""
    off = features_off(missing)
    if len(actions) == len(PERMISSIONS):
        return f"PingCRM may do nothing for this account, so everything is off: {listed(off)}."
    return f"PingCRM may not {listed(actions, 'or')}, so {listed(off)} {'is' if off == ['mail on timelines'] else 'are'} off."


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """ "a", "a and b", "a, b and c"."""
    return f" {conjunction} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
