"""What every field of every request and operation is filled with: where a real one of somebody's comes from, or what names nothing.

A field that is in none of these tables is an error: it may be a new way to name what is somebody else's.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    CompareCards,
    CompareMeetings,
    CompareMessages,
    ContactFields,
    PublishedItem,
    PublishedMessage,
)
from libs.common.scopes import GMAIL_READ
from tests.support.isolation.belongings import Belongings

Values = Sequence[Any]
Owner = Literal["own", "hers"]
ABSENT = object()
"""Left out of the request."""

# The caller's own, always: who sends another's session or token is the other, as far as anybody can know.
OF_THE_CALLER: Mapping[str, Callable[[Belongings], Any]] = {
    "user_id": lambda has: has.user_id,
    "session": lambda has: has.session,
    "browser": lambda has: has.browser,
    "token": lambda _: ABSENT,
}

# What names one thing. With another's, the answer is 404.
THINGS: Mapping[str, Callable[[Belongings], Values]] = {
    "account_id": lambda has: has.accounts,
    "contact_id": lambda has: has.contacts,
    "other_id": lambda has: has.contacts[1:],
    "merge_id": lambda has: has.merges,
    "meeting_id": lambda has: has.meetings,
    "meeting_ids": lambda has: (has.meetings,),
    "notification_id": lambda has: has.notifications,
    "token_id": lambda has: has.api_tokens,
    "exclusion_id": lambda has: has.exclusions,
    "export_id": lambda has: has.exports,
    "interaction_id": lambda has: has.interactions,
}

# What may name a thing of several people's: they see their own, or nothing.
SHARED: Mapping[str, Callable[[Belongings], Values]] = {
    "message_id": lambda has: has.messages,
    "gmail_id": lambda has: has.messages[:1],
    "addresses": lambda has: (has.emails,),
    "emails": lambda has: (has.emails[:1],),
    "identity": lambda has: ({"kind": "email", "value": has.emails[0]},),
    "tokens": lambda has: (has.brief_tokens,),
    "state": lambda has: (has.state,),
    "fields": lambda has: (ContactFields(name="Somebody", emails=has.emails[:1]),),
    "preferences": lambda has: (Preferences(gmail=GmailPreferences(own_addresses=has.emails[:1])),),
    "gmail": lambda has: ({"own_addresses": list(has.emails[:1])},),
    "published": lambda has: ((),),  # by request, below
}  # fmt: skip
PUBLISHED: Mapping[type, Callable[[Belongings], Values]] = {
    CompareMessages: lambda has: (tuple(PublishedMessage(gmail_id=id_, revision=99) for id_ in has.messages),),
    CompareMeetings: lambda has: (tuple(PublishedItem(id=id_, revision=99) for id_ in has.events),),
    CompareCards: lambda has: (tuple(PublishedItem(id=id_, revision=99) for id_ in has.cards),),
}

# What names nothing of anybody's. `cursor`: a real one comes from the other's own first page.
PLAIN: Mapping[str, Any] = {
    "cursor": ABSENT, "limit": ABSENT, "after": ABSENT, "q": ABSENT, "sort": ABSENT, "unread": ABSENT, "group": ABSENT,
    "when": ABSENT, "down_to": ABSENT,
    "platform": ABSENT, "direction": ABSENT, "last": ABSENT, "days": ABSENT, "error": ABSENT, "if_version": ABSENT,
    "rejected": ABSENT, "kind": ABSENT, "occurred_at": ABSENT, "thread": ABSENT, "company": ABSENT, "photo_url": ABSENT,
    "birthday": ABSENT, "urls": ABSENT, "notes": ABSENT, "tags": ABSENT, "archived": ABSENT, "phones": ABSENT, "bios": ABSENT,
    "identities": ABSENT,
    "notifications": ABSENT, "scopes": ABSENT, "value": "nobody@nowhere.example",
    "tag": ABSENT, "relationship": ABSENT, "upcoming": ABSENT, "going_cold": ABSENT,
    "start": datetime(2000, 1, 1, tzinfo=UTC), "end": datetime.now(UTC) + timedelta(days=100),
    "from": "2000-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z",
    "now": datetime.now(UTC), "purge": True, "what": "interactions", "code": "code", "name": "Somebody", "title": "Title",
    "text": "Text", "ref": "chat-1", "kinds": ["mail"], "confirm": True, "scope": "",
}  # fmt: skip
# Where the plain value would not do: by what has the field.
PLAIN_IN: Mapping[tuple[str, str], Any] = {
    ("report_profile", "platform"): "linkedin",
    ("report_profile", "bio"): "Bio",
    ("add_interaction", "platform"): "telegram",
    ("AddInteraction", "platform"): "telegram",
    ("unlink_identity", "kind"): "telegram",
    ("UnlinkIdentity", "kind"): "telegram",
    ("update_contact", "title"): ABSENT,
    ("FinishSignIn", "error"): "access_denied",
    ("GetToken", "scope"): GMAIL_READ,
}


def own_value(name: str, has: Belongings) -> Any:
    """The caller's own. KeyError: it is not a field of this kind."""
    return OF_THE_CALLER[name](has)


def values_of(where: str, request: type | None, name: str, has: Belongings) -> Values:
    """What of somebody's a field can name; empty where it names nothing. AssertionError: nobody has taught it."""
    if name == "published" and request in PUBLISHED:
        return PUBLISHED[request](has)
    if name in THINGS or name in SHARED:
        return (THINGS.get(name) or SHARED[name])(has)
    if (where, name) in PLAIN_IN or name in PLAIN or name in OF_THE_CALLER:
        return ()
    raise AssertionError(
        f"Teach {__name__} where a real `{name}` of {where} comes from (THINGS, SHARED), or that it names nothing (PLAIN)."
    )


def plain_value(where: str, name: str) -> Any:
    return PLAIN_IN.get((where, name), PLAIN.get(name, ABSENT))
