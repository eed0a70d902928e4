"""Contacts that changed are gathered into few calls, of which none is too large and none is lost: by tables."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from libs.common.ids import ContactId
from services.gateway.domain.contact_changes import EVERYTHING, MAX_IDS, GatheredContacts, call_time, gathered
from services.gateway.domain.webhook_delivery import contacts_message

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


def ids(*numbers: int) -> frozenset[ContactId]:
    return frozenset(ContactId(UUID(int=number)) for number in numbers)


MANY = ids(*range(1, MAX_IDS + 1))


@pytest.mark.parametrize(
    ("waiting", "more", "together"),
    [
        (GatheredContacts(), GatheredContacts(), GatheredContacts()),
        (GatheredContacts(ids(1)), GatheredContacts(ids(1, 2)), GatheredContacts(ids(1, 2))),
        (GatheredContacts(MANY), GatheredContacts(ids(1)), GatheredContacts(MANY)),
        (GatheredContacts(MANY), GatheredContacts(ids(MAX_IDS + 1)), EVERYTHING),
        (EVERYTHING, GatheredContacts(ids(1)), EVERYTHING),
        (GatheredContacts(ids(1)), EVERYTHING, EVERYTHING),
    ],
)
def test_each_contact_is_named_once_and_of_too_many_none(
    waiting: GatheredContacts, more: GatheredContacts, together: GatheredContacts
) -> None:
    assert waiting | more == together
    assert bool(together) is (together != GatheredContacts())


def test_so_many_contacts_are_named_and_not_one_more() -> None:
    assert (MAX_IDS, len(gathered(MANY).contact_ids)) == (500, 500)
    assert gathered(MANY | ids(MAX_IDS + 1)) == EVERYTHING
    assert gathered(ids(1), resync=True) == EVERYTHING


@pytest.mark.parametrize(
    ("since", "due_in"),
    [(0, 10), (10, 10), (50, 10), (55, 5), (60, 0), (90, 0)],
)
def test_a_call_waits_for_ten_quiet_seconds_and_no_longer_than_a_minute(since: int, due_in: int) -> None:
    """`since`: for how many seconds things have been changing."""
    assert call_time(NOW - timedelta(seconds=since), NOW) == NOW + timedelta(seconds=due_in)


def test_an_import_of_ten_thousand_contacts_is_a_call_a_minute() -> None:
    calls, since, waiting, due_at = [], NOW, GatheredContacts(), NOW
    for second in range(200):  # fifty contacts a second
        now = NOW + timedelta(seconds=second)
        if waiting and due_at <= now:
            calls.append(waiting)
            since, waiting = now, GatheredContacts()
        waiting |= gathered(ids(*range(second * 50, second * 50 + 50)))
        due_at = call_time(since, now)
    assert calls == [EVERYTHING] * 3


def test_a_call_names_the_contacts_by_their_ids_alone() -> None:
    message = contacts_message(UUID(int=9), GatheredContacts(ids(2, 1)), NOW)
    assert (message.id, message.type) == (str(UUID(int=9)), "contact.changed")
    assert orjson.loads(message.body) == {
        "type": "contact.changed",
        "timestamp": "2026-11-27T12:00:00Z",
        "data": {"contact_ids": [str(UUID(int=1)), str(UUID(int=2))], "resync": False},
    }
    data = orjson.loads(contacts_message(UUID(int=9), EVERYTHING, NOW).body)["data"]
    assert data == {"contact_ids": [], "resync": True}
    assert len(contacts_message(UUID(int=9), GatheredContacts(MANY), NOW).body) < 20_000
