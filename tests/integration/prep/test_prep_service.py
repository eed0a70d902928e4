"""The running service: many briefs at once, and what a crash left behind is finished."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from libs.common.events import MeetingUpcoming, PrepFailed, PrepSent
from libs.common.ids import MeetingId, new_id
from libs.common.requests import FindBriefTokens
from services.prep.handlers import abandoned
from tests.conftest import ServiceSettings, own_nats_server
from tests.support.database import Database
from tests.support.fake_claude import FakeClaude, run_claude
from tests.support.meetings import ACCOUNT_ID, MEETING_ID, USER_ID
from tests.support.prep_stage import Stage, set_stage, upcoming

nats_server = own_nats_server  # every test is about the same meeting


@pytest_asyncio.fixture
async def claude() -> AsyncIterator[FakeClaude]:
    async with run_claude() as fake:
        yield fake


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, database: Database, claude: FakeClaude) -> AsyncIterator[Stage]:
    async with set_stage(service_settings, database.admin_url, claude) as ready:
        yield ready


async def test_meetings_that_begin_together_do_not_wait_for_each_other(stage: Stage, claude: FakeClaude) -> None:
    """Claude replies to none before it has been asked about all of them, also about those that came later."""
    claude.mode = "held"
    stage.meetings = [upcoming(event_id=f"event{number}", meeting_id=MeetingId(new_id())) for number in range(40)]
    async with stage.prep(key=True):
        for first, last in ((0, 12), (12, 40)):
            await stage.buses["sync"].publish(*(MeetingUpcoming(meeting=about) for about in stage.meetings[first:last]))
            async with asyncio.timeout(30):
                while len(claude.requests) < last:
                    await asyncio.sleep(0.02)
        assert stage.mails == []
        claude.release.set()
        rows = await stage.settled(len(stage.meetings))
    assert {row["state"] for row in rows} == {"sent"}
    assert len(stage.mails) == len(stage.meetings)


async def test_a_brief_that_waits_for_the_model_holds_up_none_that_is_due_later(
    stage: Stage, claude: FakeClaude
) -> None:
    first, second = (upcoming(event_id=f"event{number}", meeting_id=MeetingId(new_id())) for number in range(2))
    stage.meetings = [first, second]
    claude.mode = "held"
    async with stage.prep(key=True):
        await stage.buses["sync"].publish(MeetingUpcoming(meeting=first))
        async with asyncio.timeout(30):
            while not claude.requests:
                await asyncio.sleep(0.02)
        claude.mode = "success"
        await stage.buses["sync"].publish(MeetingUpcoming(meeting=second))
        assert [row["meeting_id"] for row in await stage.settled(1)] == [second.meeting_id]
        claude.release.set()
        assert len(await stage.settled(2)) == 2


async def test_what_a_crash_left_in_the_outbox_is_published_soon(stage: Stage) -> None:
    pending = PrepSent(
        user_id=USER_ID, account_id=ACCOUNT_ID, meeting_id=MEETING_ID, title="Left", starts_at=upcoming().starts_at,
        ai=False, cost_usd=0,
    )  # fmt: skip
    payload = pending.model_dump_json().replace("'", "''")
    await stage.execute(f"INSERT INTO prep.outbox (subject, payload) VALUES ('{pending.subject}', '{payload}')")
    async with stage.prep():
        assert await stage.received(PrepSent, seconds=20) == [pending]


async def test_a_brief_that_a_crash_left_fails_soon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abandoned, "EVERY_SECONDS", 0.1)
    await stage.execute(
        f"""
        INSERT INTO prep.preps (id, user_id, account_id, meeting_id, event_id, starts_at, state, token, leased_until)
        VALUES ('{new_id()}', '{USER_ID}', '{ACCOUNT_ID}', '{MEETING_ID}', 'left', now(), 'sending', 'token',
                now() - interval '2 minutes')
        """
    )
    async with stage.prep():
        (failed,) = await stage.received(PrepFailed, seconds=20)
        found = await stage.buses["sync"].request(
            FindBriefTokens(user_id=USER_ID, account_id=ACCOUNT_ID, tokens=("token", "made up"))
        )
    assert failed.meeting_id == MEETING_ID
    assert found.tokens == {"token"}
