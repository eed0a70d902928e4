"""Who may send a brief, by the database's clock; and one email for one Idempotency-Key, whatever fails in between."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from libs.common.cache import Cache
from libs.common.errors import Outage, Refused, Throttled
from libs.common.idempotency import CommandKey
from libs.common.ids import MeetingId, new_id
from libs.common.requests import Prep, SendPrep
from libs.common.scopes import ALL, GMAIL_READ
from services.prep.context import Context
from services.prep.leasing import acquire_lease
from services.prep.store.preps import LEASE
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.database import Database
from tests.support.fake_claude import run_claude
from tests.support.meetings import MEETING_ID, USER_ID, account
from tests.support.prep_stage import Stage, set_stage, upcoming

nats_server = own_nats_server  # every test is about the same meeting

KEY = "0197c0de-1111-4222-8333-444455556666"


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, database: Database) -> AsyncIterator[Stage]:
    async with run_claude() as claude, set_stage(service_settings, database.admin_url, claude) as ready:
        ready.meetings = [upcoming()]
        yield ready


async def send(stage: Stage, key: str = KEY, meeting_id: MeetingId = MEETING_ID) -> Prep:
    """As the gateway does for `POST /meetings/{id}/prep`."""
    command = SendPrep(user_id=USER_ID, meeting_id=meeting_id)
    prep: Prep = await stage.buses["gateway"].request(command, seconds=60, idempotency_key=key)
    return prep


async def forget(cache: Cache) -> None:
    """What Redis knew of the command is gone."""
    await cache.release(CommandKey("prep", SendPrep.subject, str(USER_ID), KEY).name)


# -- leases ----------------------------------------------------------------------------------------------------------------


class WrongClock(datetime):
    """The clock of a machine that is an hour ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "WrongClock":
        ahead = datetime.now(tz) + timedelta(hours=1)
        return cls.fromisoformat(ahead.isoformat())


async def test_a_lease_ends_by_the_clock_of_the_database(
    stage: Stage, redis_admin: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = upcoming()
    async with stage.prep() as resources:
        context = Context.of(resources)
        with monkeypatch.context() as patched:
            for module in ("leasing", "briefing"):
                patched.setattr(f"services.prep.{module}.datetime", WrongClock)
            first = await acquire_lease(context, meeting)
        assert first is not None
        assert LEASE - timedelta(seconds=5) < first.lease_left <= LEASE
        [row] = await stage.rows()
        assert abs(row["leased_until"] - datetime.now(UTC) - LEASE) < timedelta(seconds=5)
        key = f"meeting_prep:{meeting.account_id}:{meeting.event_id}:{meeting.starts_at.isoformat()}"
        doubted_from = datetime.fromisoformat((await redis_admin.get(key) or b"").decode())
        assert abs(doubted_from - row["leased_until"]) < timedelta(seconds=5)
        with pytest.raises(Throttled) as busy:
            await acquire_lease(context, meeting)
        assert busy.value.retry_after is not None
        assert timedelta(0) < busy.value.retry_after <= LEASE
        await stage.execute("UPDATE prep.preps SET leased_until = now()")
        second = await acquire_lease(context, meeting)
        assert second is not None
        assert second.attempt == 2


# -- by hand, under a key --------------------------------------------------------------------------------------------------


async def test_a_brief_that_is_requested_twice_under_one_key_is_sent_once(stage: Stage) -> None:
    async with stage.prep() as resources:
        first = await send(stage)
        assert await send(stage) == first
        await forget(resources.cache)
        assert (await send(stage)).state == "sent"
        assert len(stage.mails) == 1
        await send(stage, key="another")
    assert len(stage.mails) == 2


async def test_a_key_is_for_a_single_meeting(stage: Stage) -> None:
    other = upcoming(meeting_id=new_id(), event_id="other")
    stage.meetings.append(other)
    async with stage.prep() as resources:
        await send(stage)
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await send(stage, meeting_id=other.meeting_id)
            assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
            await forget(resources.cache)
    assert len(stage.mails) == 1


async def test_a_try_that_died_after_gmail_took_the_brief_is_found_in_sent(stage: Stage) -> None:
    async with stage.prep() as resources:
        await send(stage)
        await forget(resources.cache)
        await stage.execute("UPDATE prep.preps SET state = 'sending', gmail_id = NULL, leased_until = now()")
        assert (await send(stage)).state == "sent"
        [row] = await stage.rows()
    assert (row["attempts"], row["gmail_id"]) == (2, stage.mails[0].id)
    assert len(stage.mails) == 1


async def test_a_try_that_died_before_gmail_had_it_is_gone_on_with(stage: Stage) -> None:
    stage.fault("messages.send", "429", first=100)
    async with stage.prep() as resources:
        with pytest.raises((Refused, Outage)):
            await send(stage)
        assert stage.mails == []
        await stage.execute("UPDATE prep.preps SET state = 'sending', leased_until = now(), handed_over_at = NULL")
        await forget(resources.cache)
        stage.google.world.faults.set([], seed=1)
        assert (await send(stage)).state == "sent"
        assert len(await stage.rows()) == 1
    assert len(stage.mails) == 1


async def test_what_gmail_certainly_did_not_take_is_tried_again_under_the_same_key(stage: Stage) -> None:
    stage.fault("messages.send", "429", first=100)
    async with stage.prep():
        with pytest.raises(Refused) as refused:
            await send(stage)
        assert (refused.value.status, refused.value.code) == (502, "not_sent")
        stage.google.world.faults.set([], seed=1)
        assert (await send(stage)).state == "sent"
    assert len(stage.mails) == 1


async def test_what_gmail_may_have_taken_is_never_sent_again_under_the_same_key(stage: Stage) -> None:
    stage.account = account(scopes=frozenset(ALL) - {GMAIL_READ})  # Sent can't be searched
    stage.fault("messages.send", "lost_send", first=1)
    async with stage.prep():
        for _ in range(2):
            with pytest.raises(Refused, match="may have arrived") as refused:
                await send(stage)
            assert refused.value.status == 502
    assert len(stage.mails) == 1


async def test_while_somebody_sends_it_another_try_has_to_wait(stage: Stage) -> None:
    async with stage.prep() as resources:
        await send(stage)
        await forget(resources.cache)
        await stage.execute("UPDATE prep.preps SET state = 'sending', leased_until = now() + interval '1 minute'")
        with pytest.raises(Refused) as refused:
            await send(stage)
    assert (refused.value.status, refused.value.code) == (409, "in_progress")
    assert len(stage.mails) == 1
