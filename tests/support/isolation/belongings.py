"""What is somebody's, read from the database: the real ids that others send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from tests.support.isolation.people import (
    COMMON,
    EVENT_IDS,
    MESSAGE_ID_OF_ALL,
    MESSAGE_IDS,
    RESOURCE_NAME,
    UNREADABLE,
    friend,
)

_ALL_IDS = """
    SELECT id::text FROM auth.users WHERE id = $1 UNION ALL SELECT id::text FROM auth.google_accounts WHERE user_id = $1
    UNION ALL SELECT id::text FROM contacts.contacts WHERE user_id = $1
    UNION ALL SELECT id::text FROM contacts.interactions WHERE user_id = $1
    UNION ALL SELECT id::text FROM contacts.merges WHERE user_id = $1
    UNION ALL SELECT id::text FROM contacts.exclusions WHERE user_id = $1
    UNION ALL SELECT id::text FROM gateway.exports WHERE user_id = $1
    UNION ALL SELECT meeting_id::text FROM sync.meetings WHERE user_id = $1
    UNION ALL SELECT run_id::text FROM sync.runs WHERE user_id = $1
    UNION ALL SELECT id::text FROM prep.preps WHERE user_id = $1
    UNION ALL SELECT id::text FROM gateway.notifications WHERE user_id = $1
    UNION ALL SELECT id::text FROM auth.api_tokens WHERE user_id = $1
    UNION ALL SELECT bcc_hash FROM contacts.contacts WHERE user_id = $1
"""
_SOME_CONTACTS = """
    SELECT id FROM contacts.contacts c WHERE user_id = $1
    ORDER BY EXISTS (SELECT FROM contacts.addresses a WHERE a.contact_id = c.id AND value LIKE 'friend.%') DESC,
             name LIKE 'Typed %0' DESC, merged_into IS NOT NULL DESC, id LIMIT 3
"""


@dataclass(frozen=True)
class Belongings:
    """What is somebody's, by what names it: ids as the API and the bus take them."""

    tag: str
    user_id: UUID
    addresses: tuple[str, ...]
    accounts: tuple[UUID, ...]
    contacts: tuple[UUID, ...]
    interactions: tuple[UUID, ...]
    merges: tuple[UUID, ...]
    meetings: tuple[UUID, ...]
    notifications: tuple[UUID, ...]
    api_tokens: tuple[UUID, ...]
    exclusions: tuple[UUID, ...]
    exports: tuple[UUID, ...]
    messages: tuple[str, ...]
    emails: tuple[str, ...]
    brief_tokens: tuple[str, ...]
    events: tuple[str, ...]
    cards: tuple[str, ...]
    session: str
    browser: str
    state: str
    token: str
    ids: frozenset[str]


async def read_belongings(
    connection: asyncpg.Connection, user_id: UUID, tags: Sequence[str], secrets: Mapping[str, str]
) -> Belongings:
    """`secrets`: their cookies, the token that they call with, and the state of the sign-in that they have begun."""

    async def ids(query: str) -> tuple[Any, ...]:
        found = tuple(row[0] for row in await connection.fetch(query, user_id))
        assert found, query
        return found

    friends = [friend(tag)[1] for tag in tags[1:]]
    return Belongings(
        tag=tags[0],
        user_id=user_id,
        addresses=tuple(f"{tag}@mail.example" for tag in tags[1:]),
        accounts=await ids("SELECT id FROM auth.google_accounts WHERE user_id = $1 ORDER BY id"),
        contacts=await ids(_SOME_CONTACTS),
        interactions=await ids(
            "SELECT id FROM contacts.interactions WHERE user_id = $1 AND platform = 'email' ORDER BY id LIMIT 2"
        ),
        merges=await ids("SELECT id FROM contacts.merges WHERE user_id = $1"),
        meetings=await ids("SELECT meeting_id FROM sync.meetings WHERE user_id = $1 ORDER BY starts_at DESC LIMIT 2"),
        notifications=await ids(
            "SELECT id FROM gateway.notifications WHERE user_id = $1 ORDER BY offer IS NULL, id LIMIT 2"
        ),
        api_tokens=await ids(f"SELECT id FROM auth.api_tokens WHERE user_id = $1 AND name = 'Token {tags[0]}'"),
        exports=await ids("SELECT id FROM gateway.exports WHERE user_id = $1"),
        exclusions=await ids("SELECT id FROM contacts.exclusions WHERE user_id = $1"),
        messages=(MESSAGE_IDS[0], UNREADABLE, MESSAGE_ID_OF_ALL),
        emails=(*friends, COMMON),
        brief_tokens=await ids("SELECT token FROM prep.preps WHERE user_id = $1"),
        events=tuple(f"{tag}@mail.example/{event_id}" for tag in tags[1:] for event_id in EVENT_IDS),
        cards=(RESOURCE_NAME,),
        session=secrets["pingcrm_session"],
        browser=secrets["pingcrm_browser"],
        state=secrets["state"],
        token=secrets["token"],
        ids=frozenset(await ids(_ALL_IDS)),
    )
