"""The open streams of a replica: bounded, closed with their session, and without a gap between a page and its stream."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.ids import UserId
from services.gateway import live_updates
from services.gateway.domain.live_updates import RESYNC, LiveEvent, Position, events_since, position_from
from services.gateway.live_updates import IDLE_LOGS, KEPT_EVENTS, STREAMS_PER_USER, Hub

USER = UserId(UUID(int=1))
LOG = "a1"


def event(number: int) -> LiveEvent:
    return LiveEvent("sync.progressed", str(number))


# The log has had seven events, of which the last three are kept.
SINCE = [
    (Position(LOG, 7), []),
    (Position(LOG, 6), [7]),
    (Position(LOG, 4), [5, 6, 7]),
    (Position(LOG, 3), None),  # the fourth is gone
    (Position(LOG, 0), None),
    (Position(LOG, 8), None),  # there was no eighth
    (Position("another", 6), None),
    (None, None),
]


@pytest.mark.parametrize(("position", "numbers"), SINCE)
def test_a_stream_gets_what_came_since_or_has_to_fetch_anew(
    position: Position | None, numbers: list[int] | None
) -> None:
    latest = Position(LOG, 7)
    expected = [(latest, RESYNC)] if numbers is None else [(Position(LOG, nth), event(nth)) for nth in numbers]
    assert events_since(position, latest, [event(5), event(6), event(7)]) == expected


def test_a_position_is_read_as_it_was_written_and_nothing_else_is_one() -> None:
    assert position_from(str(Position("a1-b2", 12))) == Position("a1-b2", 12)
    for text in ("", "a1", "-1", "a1-", "a1-x", "a1--1", "a1-²", "a1-٣", "a1- 1", "a1-1\n", "a1-" + "9" * 19):
        read = position_from(text)
        assert read is None or read.log != LOG, text


@given(st.lists(st.sampled_from(["event", "event", "page", "stream", "missed"]), max_size=60), st.integers(1, 5))
def test_whoever_opens_a_stream_has_everything_that_came_since_their_page_or_fetches_anew(
    steps: list[str], kept: int
) -> None:
    """Whatever happens in whatever order: nothing is left out, nothing comes twice, and nobody fetches anew without need."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(live_updates, "KEPT_EVENTS", kept)
        hub, sent, missed = Hub(), 0, 0
        pages: list[tuple[str, int, int]] = [(str(hub.position(USER)), 0, 0)]
        for step in steps:
            if step == "event":
                sent += 1
                hub.send(USER, event(sent))
            elif step == "page":
                pages.append((str(hub.position(USER)), sent, missed))
            elif step == "missed":
                hub.require_resync()
                missed += 1
            for position, before, missed_before in pages if step == "stream" else ():
                with hub.open_stream(USER, None, since=position) as stream:
                    events = asyncio.run(_waiting(stream))
                known = missed == missed_before and sent - before <= kept
                assert events == ([event(nth) for nth in range(before + 1, sent + 1)] if known else [RESYNC])


async def _waiting(stream: live_updates.LiveStream) -> list[LiveEvent]:
    return [received for _, received in await stream.get(0)]


async def test_a_browser_that_reads_too_slowly_fetches_anew_and_goes_on() -> None:
    hub = Hub()
    with hub.open_stream(USER, None) as stream:
        for number in range(KEPT_EVENTS + 1):
            hub.send(USER, event(number))
        ((position, received),) = await stream.get(1)
        assert (received, position) == (RESYNC, hub.position(USER))
        hub.send(USER, event(1))
        hub.send(USER, event(2))
        assert [received for _, received in await stream.get(1)] == [event(1), event(2)]
        assert await stream.get(0) == []
    assert not hub.streams(USER)


async def test_events_are_kept_for_as_many_users_as_there_is_room_for_and_for_all_with_a_stream() -> None:
    hub = Hub()
    page = str(hub.position(USER))
    others = [UserId(UUID(int=number)) for number in range(10, 10 + IDLE_LOGS)]
    with hub.open_stream(USER, None):
        for user_id in others:
            hub.position(user_id)
        assert all(hub.keeps_events(user_id) for user_id in (USER, *others))
    assert not hub.keeps_events(others[0]), "who was here longest ago makes room"
    hub.send(USER, event(1))
    with hub.open_stream(USER, None, since=page) as stream:
        assert await _waiting(stream) == [event(1)]
    hub.close_user(USER)
    assert not hub.keeps_events(USER)
    with hub.open_stream(USER, None, since=page) as stream:
        assert await _waiting(stream) == [RESYNC]
    with hub.open_stream(USER, None):
        hub.close_user(USER)
    for user_id in others:
        hub.position(user_id)
    assert all(hub.keeps_events(user_id) for user_id in others), "a user who is gone takes nobody's room"
    for user_id in (*others[:2], USER):
        hub.position(user_id)
    assert [hub.keeps_events(user_id) for user_id in others[:4]] == [True, True, False, True]


async def test_only_so_many_streams_are_open_for_one_user() -> None:
    hub = Hub()
    streams = [hub.open_stream(USER, None) for _ in range(STREAMS_PER_USER)]
    for stream in streams:
        stream.__enter__()
    with pytest.raises(Refused) as refused, hub.open_stream(USER, None):
        pass
    assert refused.value.status == 429
    with hub.open_stream(UserId(UUID(int=8)), None):
        assert hub.streams(UserId(UUID(int=8)))


async def test_closing_a_session_closes_its_streams_alone() -> None:
    hub = Hub()
    with hub.open_stream(USER, "one") as closed, hub.open_stream(USER, "two") as other:
        hub.close_session(USER, "one")
        assert (closed.closed, other.closed) == (True, False)
        assert await closed.get(1) == []
        hub.close()
        assert other.closed


def test_an_event_is_one_name_one_line_of_data_and_its_position() -> None:
    encoded = LiveEvent("contact.changed", '{"a":1}').encode(Position("a1", 12))
    assert encoded == b'event: contact.changed\ndata: {"a":1}\nid: a1-12\n\n'
