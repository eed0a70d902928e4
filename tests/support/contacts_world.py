"""The service `contacts` without its bus: a database, its handlers, and short ways to write the events that sync would publish."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest_asyncio

from libs.common.config import Settings
from libs.common.db import Pool, open_pool
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountIdentified,
    Event,
    Guest,
    Meeting,
    MeetingCancelled,
    MeetingIngested,
    MessageIngested,
    MessageRemoved,
    Person,
    PersonImported,
    PersonRemoved,
    SettingsChanged,
    UserDeleted,
)
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import Contact, CountContacts, Counts, GetContact, GetTimeline, Interaction, SearchContacts
from libs.local.secrets import Secrets
from services.contacts.context import Context
from services.contacts.handlers import accounts, cards, contacts, counts, meetings, messages, timelines
from services.contacts.handlers import settings as settings_handlers
from tests.support.database import Database, fresh_database
from tests.support.servers import Servers

NOW = datetime(2024, 6, 15, 12, 0, tzinfo=UTC)
SPACE = UUID("0197c0de-0000-7000-8000-000000000000")
ME, WORK = "me@gmail.com", "me@work.example"


def account_id(number: int) -> AccountId:
    return AccountId(uuid5(SPACE, f"account {number}"))


USER = UserId(uuid5(SPACE, "user"))


def connected(number: int = 1, address: str = ME, user: UserId = USER, at: datetime = NOW) -> AccountConnected:
    return AccountConnected(
        user_id=user, account_id=account_id(number), address=address, scopes=frozenset(), again=False, at=at
    )


def identified(*addresses: str, number: int = 1, at: datetime = NOW) -> AccountIdentified:
    return AccountIdentified(user_id=USER, account_id=account_id(number), addresses=addresses, at=at)


def disconnected(number: int = 1, *, purge: bool, at: datetime = NOW) -> AccountDisconnected:
    return AccountDisconnected(user_id=USER, account_id=account_id(number), purge=purge, at=at)


def settings(version: int = 1, **gmail: Any) -> SettingsChanged:
    after = Preferences(gmail=GmailPreferences(**gmail))
    return SettingsChanged(user_id=USER, version=version, before=Preferences(), after=after)


def mail(
    gmail_id: str,
    sender: str,
    to: Sequence[str] = (ME,),
    *,
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    account: int = 1,
    days_ago: float = 1,
    revision: int = 1,
    name: str = "",
    **more: Any,
) -> MessageIngested:
    listed = (("to", to), ("cc", cc), ("bcc", bcc))
    folks = [Person(role="from", address=sender, name=name)] if sender else []
    folks += [Person(role=role, address=address) for role, several in listed for address in several]  # type: ignore[arg-type]
    fields: dict[str, Any] = {
        "user_id": USER,
        "thread_id": f"t-{gmail_id}",
        "rfc_message_id": f"<{gmail_id}@mail>",
        "title": f"about {gmail_id}",
        "snippet": "hello",
        **more,
    }
    return MessageIngested(
        account_id=account_id(account),
        gmail_id=gmail_id,
        revision=revision,
        occurred_at=NOW - timedelta(days=days_ago),
        people=tuple(folks),
        **fields,
    )


def removed(gmail_id: str, *, account: int = 1, revision: int = 2) -> MessageRemoved:
    return MessageRemoved(
        user_id=USER, account_id=account_id(account), gmail_id=gmail_id, revision=revision, reason="deleted"
    )


def card(resource: str, *, account: int = 1, revision: int = 1, **more: Any) -> PersonImported:
    return PersonImported(
        user_id=USER, account_id=account_id(account), resource_name=f"people/{resource}", revision=revision, **more
    )


def card_removed(resource: str, *, account: int = 1, revision: int = 2) -> PersonRemoved:
    return PersonRemoved(
        user_id=USER, account_id=account_id(account), resource_name=f"people/{resource}", revision=revision
    )


def meeting(
    event_id: str,
    guests: Sequence[str],
    *,
    organizer: str = ME,
    account: int = 1,
    days_ago: float = 3,
    revision: int = 1,
    **more: Any,
) -> MeetingIngested:
    starts_at = NOW - timedelta(days=days_ago)
    fields: dict[str, Any] = {"ical_uid": f"{event_id}@cal", "calendar_id": f"calendar {account}", **more}
    return MeetingIngested(
        meeting=Meeting(
            meeting_id=MeetingId(uuid5(SPACE, f"{account} {event_id}")),
            user_id=USER,
            account_id=account_id(account),
            event_id=event_id,
            revision=revision,
            title=f"meeting {event_id}",
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=1),
            organizer=Guest(address=organizer),
            guests=tuple(Guest(address=address) for address in guests),
            **fields,
        )
    )


def meeting_cancelled(event_id: str, *, account: int = 1, revision: int = 2) -> MeetingCancelled:
    return MeetingCancelled(
        user_id=USER,
        account_id=account_id(account),
        meeting_id=MeetingId(uuid5(SPACE, f"{account} {event_id}")),
        calendar_id=f"calendar {account}",
        event_id=event_id,
        revision=revision,
    )


@dataclass
class World:
    """The service's handlers on one database; `published` is what they put on the bus, which has no dead letters here."""

    pool: Pool
    published: list[Event] = field(default_factory=list)

    @property
    def context(self) -> Context:
        async def publish(*events: Event) -> None:
            self.published.extend(events)

        async def purge_dead_letters(*_: UUID) -> None:
            return None

        return Context(self.pool, publish, purge_dead_letters)

    async def receive(self, *events: Event) -> None:
        """Each event by itself, in this order."""
        for event in events:
            await self._receive(event)

    async def _receive(self, event: Event) -> None:
        match event:
            case MessageIngested():
                await messages.record_messages(self.context, [event])
            case MessageRemoved():
                await messages.remove_messages(self.context, [event])
            case MeetingIngested():
                await meetings.record_meetings(self.context, [event])
            case MeetingCancelled():
                await meetings.cancel_meeting(self.context, event)
            case PersonImported():
                await cards.import_cards(self.context, [event])
            case PersonRemoved():
                await cards.remove_card(self.context, event)
            case AccountConnected():
                await accounts.connect_account(self.context, event)
            case AccountIdentified():
                await accounts.identify_account(self.context, event)
            case AccountDisconnected():
                await accounts.disconnect_account(self.context, event)
            case SettingsChanged():
                await settings_handlers.change_settings(self.context, event)
            case UserDeleted():
                await accounts.delete_user(self.context, event)
            case _:
                raise AssertionError(f"nothing here consumes {event.subject}")

    async def names(self) -> list[str]:
        """The names of all listed contacts, in their order."""
        page = await contacts.search_contacts(self.context, SearchContacts(user_id=USER, sort="name", limit=200))
        return [item.name for item in page.items]

    async def emails(self) -> set[frozenset[str]]:
        """The emails of each listed contact."""
        page = await contacts.search_contacts(self.context, SearchContacts(user_id=USER, sort="name", limit=200))
        return {frozenset(item.emails) for item in page.items}

    async def contact(self, email: str) -> Contact:
        """The contact with this email."""
        id_ = await self.pool.fetchval(
            "SELECT contact_id FROM addresses WHERE user_id = $1 AND kind = 'email' AND value = $2", USER, email
        )
        assert id_ is not None, f"{email} is no contact"
        return await contacts.get_contact(self.context, GetContact(user_id=USER, contact_id=id_))

    async def timeline(self, email: str, **filters: Any) -> tuple[Interaction, ...]:
        """The timeline of the contact with this email."""
        contact = await self.contact(email)
        query = GetTimeline(user_id=USER, contact_id=contact.id, **filters)
        return (await timelines.get_timeline(self.context, query)).items

    async def counts(self) -> Counts:
        return await counts.count_contacts(self.context, CountContacts(user_id=USER))

    async def state(self) -> dict[str, Any]:
        """Everything that people see, without ids: what two orders of the same events must agree on."""
        page = await contacts.search_contacts(self.context, SearchContacts(user_id=USER, sort="name", limit=200))
        seen: dict[str, Any] = {"counts": (await self.counts()).model_dump()}
        for item in page.items:
            query = GetTimeline(user_id=USER, contact_id=item.id, limit=200)
            lines = (await timelines.get_timeline(self.context, query)).items
            whole = await contacts.get_contact(self.context, GetContact(user_id=USER, contact_id=item.id))
            seen[",".join(sorted(item.emails)) or item.name] = {
                "name": whole.name,
                "company": whole.company,
                "phones": sorted(phone.shown for phone in whole.phones),
                "lines": sorted(
                    (
                        line.occurred_at.isoformat(), line.platform, line.direction, line.title, line.text,
                        sorted((who.role, who.address, who.name) for who in line.people), sorted(map(str, line.account_ids)),
                    )
                    for line in lines
                ),
            }  # fmt: skip
        return seen

    async def check_counts(self) -> None:
        """What is counted as interactions come and go is what there is."""
        counted = await self.pool.fetch("SELECT user_id, platform, total FROM interaction_counts ORDER BY 1, 2")
        there = await self.pool.fetch(
            "SELECT user_id, platform, count(*) AS total FROM interactions GROUP BY 1, 2 ORDER BY 1, 2"
        )
        assert counted == there

    async def clear(self) -> None:
        """Forget everything, so that the same events can come in another order."""
        await self.pool.execute(
            """TRUNCATE left_out, exclusions, interaction_counts, duplicate_keys, duplicate_suggestions, distinct_contacts,
               groups_due, rechecks, bcc_offers, merges, profiles, identity_evidence, address_names,
               cards, sightings, participants, interactions, addresses, contacts, purged,
               own_addresses, accounts, users"""
        )
        self.published.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def contacts_database(servers: Servers, secrets: Secrets) -> AsyncIterator[Database]:
    """One database for all tests of a module: each begins with empty tables."""
    async with fresh_database(await servers.postgres(), secrets) as fresh:
        yield fresh


@pytest_asyncio.fixture
async def world(contacts_database: Database) -> AsyncIterator[World]:
    """The service on empty tables, one account connected."""
    pool = await open_pool(Settings(postgres_url=contacts_database.url_for("contacts")))
    try:
        fresh = World(pool)
        await fresh.clear()
        await fresh.receive(connected())
        yield fresh
        await fresh.check_counts()
    finally:
        await pool.close()
