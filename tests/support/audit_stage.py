"""A mailbox of sixty mails with `sync` and real `contacts` beside it, for audits that compare the two."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest_asyncio

from libs.common.config import Settings
from libs.common.requests import (
    Audit,
    AuditAccount,
    ExplainMessage,
    StartAudit,
    Why,
)
from libs.common.service import running
from libs.local.servers import Nats
from services.contacts.__main__ import wire as wire_contacts
from tests.conftest import ServiceSettings
from tests.support.sync_stage import SyncStage, maya, message, sync_stage

MESSAGES = [message(n, age=timedelta(hours=n)) for n in range(60)]
IDS = [resource["id"] for resource in MESSAGES]


@dataclass
class AuditStage:
    """A stage with real `contacts` beside it."""

    sync: SyncStage
    contacts: Settings

    async def audit(self, seconds: float = 40.0) -> Audit:
        """Have the mailbox audited, and wait for the end of it."""
        before = await self.ended()
        await self.sync.request(StartAudit(user_id=self.sync.user_id, account_id=self.sync.account_id))
        await self.until(lambda: self.has_ended(before + 1), seconds)
        return await self.result()

    async def result(self) -> Audit:
        return await self.sync.request(AuditAccount(user_id=self.sync.user_id, account_id=self.sync.account_id))

    async def ended(self) -> int:
        return len(await self.sync.sql("SELECT FROM audits WHERE finished_at IS NOT NULL"))

    async def has_ended(self, number: int) -> bool:
        return await self.ended() >= number

    async def why(self, message_id: str) -> Why:
        return await self.sync.request(
            ExplainMessage(user_id=self.sync.user_id, account_id=self.sync.account_id, message_id=message_id)
        )

    async def held(self) -> set[str]:
        """The Gmail ids that contacts have an interaction for."""
        rows = await self.sql("SELECT ref FROM sightings WHERE fact IS NOT NULL AND platform = 'email'")
        return {row["ref"] for row in rows}

    async def sql(self, statement: str, *arguments: object) -> list[Any]:
        """SQL on what contacts have."""
        connection = await asyncpg.connect(self.contacts.postgres_url)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await connection.close()

    async def until(self, true: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not await true():
                await asyncio.sleep(0.05)

    async def until_held(self, ids: set[str]) -> None:
        async def holds() -> bool:
            return await self.held() == ids

        await self.until(holds)

    async def forget(self, *gmail_ids: str) -> None:
        """Messages are as if they had never reached contacts."""
        await self.sql(
            "DELETE FROM interactions WHERE id IN (SELECT interaction_id FROM sightings WHERE ref = ANY ($1))",
            gmail_ids,
        )
        await self.sql("DELETE FROM sightings WHERE ref = ANY ($1)", gmail_ids)

    def add_unseen(self, number: int, **changes: Any) -> str:
        """A message that history never mentions."""
        mailbox = self.sync.account.mailbox
        added = mailbox.add(message(number, **changes))
        mailbox.history.pop()
        return added.id

    def delete_unseen(self, gmail_id: str) -> None:
        mailbox = self.sync.account.mailbox
        mailbox.delete(gmail_id)
        mailbox.history.pop()


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[AuditStage]:
    contacts = service_settings("contacts")
    async with (
        sync_stage(service_settings, nats_server.admin_url, maya(MESSAGES)) as made,
        running("contacts", contacts, wire_contacts),
    ):
        yield AuditStage(made, contacts)
