"""Dead letters are listed, shown and replayed."""

import pytest
from nats.js.api import DiscardPolicy
from nats.js.errors import APIError, NoStreamResponseError

from libs.local.bus_admin import admin_stream
from libs.local.dead import (
    NoSuchDeadLetter,
    NotReplayable,
    address_old_letters,
    get_dead_letter,
    iterate_dead_letters,
    replay,
)
from libs.local.migrate import migrate_bus
from libs.local.servers import Nats
from tests.conftest import own_nats_server

nats_server = own_nats_server  # the letters' numbers begin at 1

HEADERS = {
    "Pingcrm-Reason": "invalid payload",
    "Pingcrm-Attempts": "6",
    "Pingcrm-Subject": "message.ingested",
    "Pingcrm-Consumer": "contacts_message_ingested",
    "Pingcrm-Trace": "0123456789abcdef",
    "Pingcrm-At": "2026-01-02T03:04:05+00:00",
}


async def test_dead_letters_come_oldest_first_and_of_a_single_service_if_requested(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        assert [found async for found in iterate_dead_letters(js)] == []
        await js.publish("dead.contacts.message.ingested", b"1", headers=HEADERS)
        await js.publish("dead.prep.meeting.upcoming", b"2", headers={**HEADERS, "Pingcrm-Subject": "meeting.upcoming"})
        await js.publish("dead.contacts.message.ingested", b"3", headers=HEADERS)
        assert [found.payload async for found in iterate_dead_letters(js)] == [b"1", b"2", b"3"]
        assert [found.payload async for found in iterate_dead_letters(js, "prep")] == [b"2"]
        assert [found.payload async for found in iterate_dead_letters(js, "sync")] == []


async def test_a_dead_letter_shows_where_it_comes_from(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        number = (await js.publish("dead.contacts.message.ingested", b"payload", headers=HEADERS)).seq
        found = await get_dead_letter(js, number)
        assert (found.number, found.subject, found.consumer) == (
            number,
            "message.ingested",
            "contacts_message_ingested",
        )
        assert (found.reason, found.attempts, found.at) == ("invalid payload", "6", "2026-01-02T03:04:05+00:00")
        assert (found.trace, found.payload) == ("0123456789abcdef", b"payload")


async def test_a_replayed_dead_letter_is_published_again_under_its_trace_and_is_gone(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        number = (await js.publish("dead.contacts.message.ingested", b"payload", headers=HEADERS)).seq
        await replay(js, number)
        subscription = await js.pull_subscribe_bind(consumer="contacts_message_ingested", stream="EVENTS")
        (message,) = await subscription.fetch(1, timeout=5)
        assert message.data == b"payload"
        assert message.headers == {"Pingcrm-Trace": "0123456789abcdef"}
        with pytest.raises(NoSuchDeadLetter, match=f"There is no dead letter {number}"):
            await replay(js, number)


async def test_dead_letters_before_and_after_a_gap_are_all_found(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        numbers = [(await js.publish("dead.sync.clock.mail", b"{}", headers=HEADERS)).seq for _ in range(5)]
        for number in numbers[1:4]:
            await js.delete_msg("DEAD", number)
        assert [found.number async for found in iterate_dead_letters(js)] == [numbers[0], numbers[4]]


USER, ACCOUNT = "01940000-0000-7000-8000-000000000001", "01940000-0000-7000-8000-000000000002"


async def test_letters_are_listed_shown_and_replayed_whether_their_subject_names_a_user_or_not(
    nats_server: Nats,
) -> None:
    addresses = [
        "dead.contacts.message.ingested",
        f"dead.contacts.{USER}.{ACCOUNT}.message.ingested",
        "dead.contacts.-.-.message.ingested",
    ]
    async with admin_stream(nats_server.admin_url) as js:
        for number, address in enumerate(addresses, start=1):
            headers = {name: value for name, value in HEADERS.items() if name != "Pingcrm-Subject"}
            await js.publish(address, str(number).encode(), headers=headers)
        listed = [found async for found in iterate_dead_letters(js, "contacts")]
        assert [found.subject for found in listed] == ["message.ingested"] * 3
        assert [(await get_dead_letter(js, number)).payload for number in (1, 2, 3)] == [b"1", b"2", b"3"]
        for number in (1, 2, 3):
            await replay(js, number)
        subscription = await js.pull_subscribe_bind(consumer="contacts_message_ingested", stream="EVENTS")
        assert [message.data for message in await subscription.fetch(3, timeout=5)] == [b"1", b"2", b"3"]
        assert [found async for found in iterate_dead_letters(js)] == []


async def test_a_migration_gives_old_letters_a_subject_that_names_their_user(nats_server: Nats) -> None:
    payload = f'{{"user_id":"{USER}","account_id":"{ACCOUNT}"}}'.encode()
    old = {
        "dead.contacts.message.ingested": f"dead.contacts.{USER}.{ACCOUNT}.message.ingested",
        "dead.sync.clock.mail": "dead.sync.-.-.clock.mail",
        "dead.prep.user.deleted": "dead.prep.-.-.user.deleted",  # an order to delete must not go with its user
    }
    async with admin_stream(nats_server.admin_url) as js:
        for address in old:
            headers = {**HEADERS, "Pingcrm-Subject": address.split(".", 2)[2]}
            await js.publish(address, b"" if "clock" in address else payload, headers=headers)
        before = [found async for found in iterate_dead_letters(js)]
        await migrate_bus(nats_server.admin_url)
        subjects = (await js.stream_info("DEAD", subjects_filter=">")).state.subjects or {}
        after = [found async for found in iterate_dead_letters(js)]
        assert set(subjects) == set(old.values())
        assert {(found.subject, found.payload, found.reason, found.at) for found in after} == {
            (found.subject, found.payload, found.reason, found.at) for found in before
        }
        await migrate_bus(nats_server.admin_url)
        assert [found async for found in iterate_dead_letters(js)] == after


async def test_a_letter_that_can_not_be_published_again_stays(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        number = (await js.publish("dead.contacts.-.-.message.ingested", b"payload", headers=HEADERS)).seq
        await js.delete_stream("EVENTS")
        with pytest.raises(NoStreamResponseError):
            await replay(js, number)
        assert (await get_dead_letter(js, number)).payload == b"payload"


async def test_no_letter_gives_orders_in_the_name_of_who_replays_it(nats_server: Nats) -> None:
    orders = ("$JS.API.STREAM.DELETE.EVENTS", "schedule.prep", "of.an.older.version")
    async with admin_stream(nats_server.admin_url) as js:
        scheduled = (await js.stream_info("CLOCK")).state.last_seq
        for order in orders:
            number = (await js.publish(f"dead.prep.-.-.{order}", b"{}", headers=HEADERS)).seq
            with pytest.raises(
                NotReplayable, match=f"^Dead letter {number} stays: prep neither consumes nor publishes"
            ):
                await replay(js, number)
        assert [found.subject async for found in iterate_dead_letters(js)] == [*orders]
        assert (await js.stream_info("EVENTS")).config.name == "EVENTS"
        assert (await js.stream_info("CLOCK")).state.last_seq == scheduled


async def test_an_old_letter_is_there_until_it_is_stored_under_its_new_subject(nats_server: Nats) -> None:
    async with admin_stream(nats_server.admin_url) as js:
        await js.publish("dead.contacts.message.ingested", b"{}", headers=HEADERS)
        config = (await js.stream_info("DEAD")).config
        await js.update_stream(config, max_msgs=1, discard=DiscardPolicy.NEW)  # no room for another
        with pytest.raises(APIError):
            await address_old_letters(js)
        assert [found.payload async for found in iterate_dead_letters(js)] == [b"{}"]
        await js.update_stream(config, max_msgs=-1)
        assert await address_old_letters(js) == 1
        assert await address_old_letters(js) == 0
        assert [found.subject async for found in iterate_dead_letters(js)] == ["message.ingested"]
