"""Briefs stay off the timeline, and nothing else does: `sync` and `prep` on real servers, and a stranger who copies the header."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from libs.common.ids import new_id
from libs.common.requests import ExplainMessage
from libs.common.service import running
from libs.local.servers import Nats
from services.prep.__main__ import wire as wire_prep
from services.prep.sending import new_token
from tests.conftest import ServiceSettings
from tests.support.sync_stage import ADDRESS, SyncStage, maya, message, sync_stage


def marked(
    number: int, token: str, *, author: str = ADDRESS, labels: tuple[str, ...] = ("SENT", "INBOX")
) -> dict[str, Any]:
    """A mail with the header of a brief."""
    made = message(number, labelIds=list(labels))
    headers = [header for header in made["payload"]["headers"] if header["name"] != "From"]
    headers += [{"name": "From", "value": author}, {"name": "X-PingCRM-Prep", "value": token}]
    return {**made, "payload": {**made["payload"], "headers": headers}}


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[SyncStage]:
    mailbox = maya([message(number) for number in range(3)])
    async with sync_stage(service_settings, nats_server.admin_url, mailbox) as made:
        yield made


async def put_on_record(settings: ServiceSettings, stage: SyncStage, token: str, *, account: Any = None) -> None:
    """As `prep` does before it hands a brief to Gmail."""
    connection = await asyncpg.connect(settings("prep").postgres_url)
    try:
        await connection.execute(
            """
            INSERT INTO preps (id, user_id, account_id, meeting_id, event_id, starts_at, by_hand, state, token, leased_until)
            VALUES ($1, $2, $3, $4, 'e', now(), true, 'sent', $5, now())
            """,
            new_id(), stage.user_id, account or stage.account_id, new_id(), token,
        )  # fmt: skip
    finally:
        await connection.close()


async def test_only_briefs_that_prep_sent_are_hidden(stage: SyncStage, service_settings: ServiceSettings) -> None:
    ours, of_another_account, unknown = new_token(), new_token(), new_token()
    await put_on_record(service_settings, stage, ours)
    await put_on_record(service_settings, stage, of_another_account, account=new_id())
    mallory = "Mallory <mallory@evil.example>"
    add = stage.account.mailbox.add
    async with running("prep", service_settings("prep"), wire_prep), stage.replica():
        brief = add(marked(101, ours))
        stolen = add(marked(102, ours, author=mallory, labels=("INBOX",)))
        spoofed = add(marked(103, ours, labels=("INBOX",)))
        elsewhere = add(marked(104, of_another_account))
        made_up = add(marked(105, unknown))
        await stage.first_sync("mail")
        shown = set(stage.timeline())
        assert {stolen.id, spoofed.id, elsewhere.id, made_up.id} <= shown
        assert brief.id not in shown
        why = await stage.request(
            ExplainMessage(user_id=stage.user_id, account_id=stage.account_id, message_id=brief.id)
        )
    assert (why.state, why.rule) == ("filtered", "prep_email")


async def test_a_brief_that_is_not_reached_yet_is_explained_as_one(
    stage: SyncStage, service_settings: ServiceSettings
) -> None:
    token = new_token()
    await put_on_record(service_settings, stage, token)
    async with running("prep", service_settings("prep"), wire_prep), stage.replica():
        brief = stage.account.mailbox.add(marked(101, token))
        await stage.first_sync("mail")
        await stage.sql("DELETE FROM messages WHERE gmail_id = $1", brief.id)
        why = await stage.request(
            ExplainMessage(user_id=stage.user_id, account_id=stage.account_id, message_id=brief.id)
        )
    assert (why.asked_gmail, why.state, why.rule) == (True, "filtered", "prep_email")


async def test_without_prep_only_what_may_be_a_brief_waits(stage: SyncStage, service_settings: ServiceSettings) -> None:
    token = new_token()
    await put_on_record(service_settings, stage, token)
    mailbox = stage.account.mailbox
    brief = mailbox.add(marked(101, token))
    noted = mailbox.add(marked(102, new_token()))
    stolen = mailbox.add(marked(103, token, author="mallory@evil.example", labels=("INBOX",)))
    async with stage.replica():
        await stage.connect()
        async with asyncio.timeout(30):
            while not await stage.sql("SELECT FROM runs WHERE kind = 'mail' AND state = 'waiting'"):
                await asyncio.sleep(0.05)
        assert set(stage.timeline()) == {f"{number:016x}" for number in range(3)} | {stolen.id}
        pending = await stage.sql("SELECT gmail_id FROM messages WHERE state = 'pending'")
        assert {row["gmail_id"] for row in pending} == {brief.id, noted.id}
        async with running("prep", service_settings("prep"), wire_prep):
            await stage.sql("UPDATE runs SET due_at = now() WHERE kind = 'mail' AND state = 'waiting'")
            await stage.until(lambda: bool(stage.ended("mail")), 60)
    assert noted.id in stage.timeline()
    assert brief.id not in stage.timeline()
