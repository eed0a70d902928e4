"""The open streams of a replica: bounded, closed with their session."""

from uuid import UUID

import pytest

from libs.common.errors import Refused
from libs.common.ids import UserId
from services.gateway.domain.live_updates import RESYNC, LiveEvent
from services.gateway.live_updates import JUST_NOW_SECONDS, QUEUE_LENGTH, STREAMS_PER_USER, Hub

USER = UserId(UUID(int=1))


async def test_a_browser_that_reads_too_slowly_loses_the_oldest_and_is_notified() -> None:
    hub = Hub()
    with hub.open_stream(USER, None) as stream:
        for number in range(QUEUE_LENGTH + 5):
            hub.send(USER, LiveEvent("sync.progressed", str(number)))
        events = await stream.get(1)
        assert events[0] == RESYNC
        assert [event.data for event in events[1:]] == [str(number) for number in range(5, QUEUE_LENGTH + 5)]
        hub.send(USER, LiveEvent("sync.progressed", "next"))
        assert await stream.get(1) == [LiveEvent("sync.progressed", "next")]
    assert not hub.has_streams(USER)


async def test_who_begins_to_listen_just_after_a_change_is_asked_to_look_anew() -> None:
    now = 1_000.0
    hub, other = Hub(lambda: now), UserId(UUID(int=2))
    with hub.open_stream(USER, None) as early:
        hub.send(USER, LiveEvent("sync.progressed", "ended"))
        hub.mark_changed(other)
        assert await early.get(1) == [LiveEvent("sync.progressed", "ended")]
    for user_id in (USER, other):
        with hub.open_stream(user_id, None) as late:
            assert await late.get(1) == [RESYNC]
    with hub.open_stream(UserId(UUID(int=3)), None) as stranger:
        assert await stranger.get(0) == []
    now += JUST_NOW_SECONDS
    for user_id in (USER, other):
        with hub.open_stream(user_id, None) as later:
            assert await later.get(0) == []
    for number in range(10):
        now += JUST_NOW_SECONDS
        hub.mark_changed(UserId(UUID(int=number + 10)))
    assert len(hub._changed_at) == 1, "who has seen no change for long is forgotten"


async def test_only_so_many_streams_are_open_for_one_user() -> None:
    hub = Hub()
    streams = [hub.open_stream(USER, None) for _ in range(STREAMS_PER_USER)]
    for stream in streams:
        stream.__enter__()
    with pytest.raises(Refused) as refused, hub.open_stream(USER, None):
        pass
    assert refused.value.status == 429
    with hub.open_stream(UserId(UUID(int=8)), None):
        assert hub.has_streams(UserId(UUID(int=8)))


async def test_closing_a_session_closes_its_streams_alone() -> None:
    hub = Hub()
    with hub.open_stream(USER, "one") as closed, hub.open_stream(USER, "two") as other:
        hub.close_session(USER, "one")
        assert (closed.closed, other.closed) == (True, False)
        assert await closed.get(1) == []
        hub.close()
        assert other.closed


def test_an_event_is_one_name_and_one_line_of_data() -> None:
    assert LiveEvent("contact.changed", '{"a":1}').encode() == b'event: contact.changed\ndata: {"a":1}\n\n'
