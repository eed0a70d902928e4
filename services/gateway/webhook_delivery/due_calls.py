"""The calls that are due, about notifications and about contacts: what each sends, and what the store is told of how it went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from libs.common.db import Pool, get_time
from libs.common.ids import UserId
from libs.common.preferences import CONTACT_CHANGED
from services.gateway.domain.webhook_delivery import WebhookMessage, contacts_message, notification_message
from services.gateway.domain.webhook_outcomes import CallSubject
from services.gateway.store import webhook_contacts, webhook_deliveries
from services.gateway.store.webhook_contacts import DueContacts
from services.gateway.store.webhook_deliveries import DueDelivery


class DueCall(Protocol):
    """A call that is leased. `event`: by which the user chooses it. `attempts` counts this one; `trace`: that of what it reports."""

    @property
    def user_id(self) -> UserId: ...
    @property
    def event(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def trace(self) -> str: ...
    @property
    def subject(self) -> CallSubject: ...

    def message(self, base_url: str) -> WebhookMessage: ...

    async def settle(self, db: Pool) -> None:
        """It was taken, or nobody wants it."""

    async def give_up(self, db: Pool) -> None:
        """Nobody took it, however often it was tried."""

    async def postpone(self, db: Pool, delay: timedelta) -> None:
        """It failed, and is tried again."""

    async def put_back(self, db: Pool, delay: timedelta) -> None:
        """It was not made: it uses up no attempt."""


@dataclass(frozen=True)
class NotificationCall:
    """A notification. What it has become meanwhile is another call."""

    due: DueDelivery

    @property
    def user_id(self) -> UserId:
        return self.due.user_id

    @property
    def event(self) -> str:
        return self.due.notification.kind

    @property
    def attempts(self) -> int:
        return self.due.attempts

    @property
    def trace(self) -> str:
        return self.due.trace

    @property
    def subject(self) -> CallSubject:
        return "notification", self.due.notification.id

    def message(self, base_url: str) -> WebhookMessage:
        return notification_message(self.due.notification, base_url)

    async def settle(self, db: Pool) -> None:
        await webhook_deliveries.delete_delivery(db, self.due)

    async def give_up(self, db: Pool) -> None:
        await webhook_deliveries.delete_delivery(db, self.due)

    async def postpone(self, db: Pool, delay: timedelta) -> None:
        await webhook_deliveries.postpone_delivery(db, self.due, delay)

    async def put_back(self, db: Pool, delay: timedelta) -> None:
        await webhook_deliveries.return_delivery(db, self.due, delay)


@dataclass(frozen=True)
class ContactsCall:
    """Contacts that changed. One that is given up is made good by the next."""

    due: DueContacts

    @property
    def user_id(self) -> UserId:
        return self.due.user_id

    @property
    def event(self) -> str:
        return CONTACT_CHANGED

    @property
    def attempts(self) -> int:
        return self.due.attempts

    @property
    def trace(self) -> str:
        return self.due.trace

    @property
    def subject(self) -> CallSubject:
        return "contacts", None

    def message(self, base_url: str) -> WebhookMessage:
        return contacts_message(self.due.call_id, self.due.changed, self.due.since)

    async def settle(self, db: Pool) -> None:
        await webhook_contacts.forget_called(db, self.due, await get_time(db))

    async def give_up(self, db: Pool) -> None:
        await webhook_contacts.give_up_contacts(db, self.due)

    async def postpone(self, db: Pool, delay: timedelta) -> None:
        await webhook_contacts.postpone_contacts(db, self.due, await get_time(db) + delay)

    async def put_back(self, db: Pool, delay: timedelta) -> None:
        await webhook_contacts.return_contacts(db, self.due, await get_time(db) + delay)


async def lease_notification_calls(db: Pool, lease: timedelta) -> Sequence[DueCall]:
    return [NotificationCall(due) for due in await webhook_deliveries.lease_due_deliveries(db, lease)]


async def lease_contacts_calls(db: Pool, lease: timedelta) -> Sequence[DueCall]:
    async with db.acquire() as connection, connection.transaction():
        found = await webhook_contacts.lease_due_contacts(connection, await get_time(connection), lease)
    return [ContactsCall(due) for due in found]
