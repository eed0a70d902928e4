"""Google notifies of changes in calendars: channels are begun, renewed without a gap and ended, and their token counts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import web

from libs.common.errors import Refused
from libs.common.events import AccountDisconnected, MeetingIngested
from libs.common.ids import new_id
from libs.common.requests import NotifyCalendar
from libs.common.web import port_of
from libs.google_sim.account import CalendarData
from libs.google_sim.calendar.channels import Channel, calendar_key
from libs.google_sim.faults import Rule
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.sync_stage import ADDRESS, SyncStage, event, maya, sync_stage

NOW = datetime.now(UTC).replace(microsecond=0)
TEAM = "team@group.calendar.google.com"


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[SyncStage]:
    calendars = [CalendarData(ADDRESS, "Maya", "Europe/Stockholm", primary=True), CalendarData(TEAM, "Team")]
    async with (
        sync_stage(service_settings, nats_server.admin_url, maya(calendars=calendars)) as made,
        a_gateway_for(made) as url,
    ):
        made.settings = made.settings.model_copy(update={"public_url": url})
        yield made


@asynccontextmanager
async def a_gateway_for(stage: SyncStage) -> AsyncIterator[str]:
    """Its address: it hands on what Google notifies of, once it is more than that a channel is there."""

    async def receive(request: web.Request) -> web.Response:
        if request.headers["X-Goog-Resource-State"] != "sync":
            channel_id, token = UUID(request.headers["X-Goog-Channel-ID"]), request.headers["X-Goog-Channel-Token"]
            await stage.request(NotifyCalendar(channel_id=channel_id, channel_token=token))
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/api/v1/hooks/calendar", receive)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{port_of(runner)}"
    finally:
        await runner.cleanup()


def channels_of(stage: SyncStage, calendar_id: str = ADDRESS) -> list[Channel]:
    """Those that Google has."""
    key = calendar_key(ADDRESS, calendar_id)
    return [channel for channel in stage.google.world.channels.open.values() if channel.key == key]


async def test_what_changes_in_a_calendar_is_read_at_once_without_a_schedule(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("calendar")
        (channel,) = channels_of(stage)
        stage.account.calendars[ADDRESS].put(event("booked-now", NOW + timedelta(days=1)))
        await stage.until(lambda: bool(stage.received(MeetingIngested)))
        await stage.until(lambda: stage.ended("calendar")[-1].reason == "push")
        for channel_id, token in ((UUID(channel.id), "made up"), (new_id(), channel.token), (UUID(channel.id), "")):
            with pytest.raises(Refused) as refused:
                await stage.request(NotifyCalendar(channel_id=channel_id, channel_token=token))
            assert refused.value.status == 404
        rows = await stage.sql("SELECT * FROM channels")
        assert channel.token not in str([dict(row) for row in rows]), "it is kept as a hash"
        await stage.auth.publish(
            AccountDisconnected(
                user_id=stage.user_id, account_id=stage.account_id, purge=False, sequence=99, at=datetime.now(UTC)
            )
        )
        await stage.at_rest()
        assert await stage.sql("SELECT FROM channels") == []
        with pytest.raises(Refused):
            await stage.request(NotifyCalendar(channel_id=UUID(channel.id), channel_token=channel.token))


async def test_a_channel_is_replaced_before_it_ends_and_goes_with_its_calendar(stage: SyncStage) -> None:
    async with stage.replica():
        await stage.first_sync("calendar")
        (first,) = channels_of(stage)
        await stage.sync("calendar")
        assert channels_of(stage) == [first], "it lasts for days"
        await stage.change_settings(calendar_ids=(TEAM,))
        await stage.at_rest()  # it begins a run by itself
        await stage.sync("calendar")
        assert (len(channels_of(stage)), len(channels_of(stage, TEAM))) == (1, 1)

        await stage.sql("UPDATE channels SET renew_at = now() WHERE calendar_id = 'primary'")
        stage.google.world.faults.set([Rule("events.watch", "lost_send", first=1)], 0)
        await stage.sync("calendar")
        assert first in channels_of(stage), "Google has not confirmed another one"
        assert len(channels_of(stage)) == 2
        await stage.sync("calendar")
        assert len(channels_of(stage)) == 2, "after an outage it is not asked for in every run"
        await stage.sql("UPDATE channels SET renew_at = now() WHERE calendar_id = 'primary'")
        await stage.sync("calendar")
        assert first not in channels_of(stage)
        confirmed = await stage.sql(
            "SELECT channel_id FROM channels WHERE calendar_id = 'primary' AND resource_id <> ''"
        )
        assert str(confirmed[0]["channel_id"]) in {channel.id for channel in channels_of(stage)}

        await stage.change_settings(calendar_ids=())
        await stage.at_rest()
        await stage.sync("calendar")
        assert channels_of(stage, TEAM) == []
    stage.settings = stage.settings.model_copy(update={"public_url": ""})
    async with stage.replica():
        await stage.sync("calendar")
        assert await stage.sql("SELECT FROM channels") == [], "without an address for Google there is none"


async def test_a_calendar_of_which_google_does_not_notify_is_read_all_the_same_and_asked_for_rarely(
    stage: SyncStage,
) -> None:
    stage.google.world.channels.refused.add(calendar_key(ADDRESS, ADDRESS))
    stage.account.calendars[ADDRESS].put(event("there", NOW + timedelta(days=1)))
    async with stage.replica():
        await stage.first_sync("calendar")
        assert stage.ended("calendar")[-1].new == 1
        await stage.sync("calendar")
    counters = stage.google.world.counters.methods[ADDRESS]
    assert counters["calendar.events.watch"].requests == 1
