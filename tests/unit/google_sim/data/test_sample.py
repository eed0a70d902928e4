from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from libs.google_sim.account import AccountData, Resource
from libs.google_sim.moments import moment
from libs.google_sim.oracle import expect
from libs.google_sim.recurrence import expand
from libs.google_sim.sample import generate_mailbox, sample

NOW = datetime(2026, 11, 23, 10, 40, 12, tzinfo=UTC)
# Every hour of a day, at the ends of summer time and of February.
MOMENTS = [
    datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour, minutes=7 * hour % 60, seconds=hour)
    for hour in range(24)
] + [
    datetime(2026, 3, 28, 12, 59, 59, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, tzinfo=UTC),
]


def headers(message: Resource) -> dict[str, str]:
    return {header["name"]: header["value"] for header in message["payload"]["headers"]}


def starts(account: AccountData) -> list[datetime]:
    calendar = account.calendars[0]
    found = (moment(event["start"], calendar.time_zone) for event in expand(calendar, None, None))
    return [start.instant for start in found if start]


def test_the_sample_is_as_large_as_promised() -> None:
    accounts = sample(NOW)
    assert [account.address for account in accounts] == ["maya.lindqvist@gmail.com", "maya@lindqvist-studio.example"]
    assert 380 <= sum(len(account.messages) for account in accounts) <= 450
    assert 55 <= sum(len(account.people) for account in accounts) <= 65
    assert 38 <= sum(len(account.calendars[0].events) for account in accounts) <= 45


def test_the_sample_depends_on_nothing_but_the_moment_and_the_seed() -> None:
    assert sample(NOW, 7) == sample(NOW, 7)
    assert sample(NOW, 7)[0].messages != sample(NOW, 8)[0].messages


@pytest.mark.parametrize("now", MOMENTS, ids=str)
def test_two_meetings_are_due_and_no_other_is_near(now: datetime) -> None:
    accounts = sample(now)
    due = [
        [begin - now for begin in starts(account) if timedelta(minutes=25) <= begin - now < timedelta(minutes=50)]
        for account in accounts
    ]
    assert due == [[timedelta(minutes=38)], [timedelta(minutes=33)]]
    assert expect(accounts, now).preps == 2


@pytest.mark.parametrize("seed", range(1, 6))
def test_nothing_is_close_to_an_edge_so_a_slow_sync_counts_the_same(seed: int) -> None:
    accounts = sample(NOW, seed)
    now, later = expect(accounts, NOW), expect(accounts, NOW + timedelta(minutes=5))
    assert (now.messages, now.contacts, now.meetings) == (later.messages, later.contacts, later.meetings)


def test_ids_are_unique_and_every_message_is_in_the_past() -> None:
    for account in sample(NOW):
        assert len({message["id"] for message in account.messages}) == len(account.messages)
        assert len({event["id"] for event in account.calendars[0].events}) == len(account.calendars[0].events)
        assert len({person["resourceName"] for person in account.people}) == len(account.people)
        assert all(int(message["internalDate"]) <= NOW.timestamp() * 1000 for message in account.messages)
        assert all(
            parsedate_to_datetime(headers(message)["Date"]).timestamp() * 1000 == int(message["internalDate"])
            for message in account.messages
        )


def test_every_kind_of_mail_is_there() -> None:
    accounts = sample(NOW)
    messages = [message for account in accounts for message in account.messages]
    labels = Counter(label for message in messages for label in message["labelIds"])
    assert all(labels[label] for label in ("SENT", "SPAM", "TRASH", "DRAFT", "CHAT"))
    names = Counter(name for message in messages for name in headers(message))
    assert all(
        names[name] for name in ("List-Unsubscribe", "Auto-Submitted", "X-Original-From", "X-PingCRM-Prep", "Cc")
    )
    senders = [headers(message)["From"] for message in messages]
    assert any("=?utf-8?" in sender for sender in senders)
    assert any(" via " in sender for sender in senders)
    assert any("hello@lindqvist-studio.example" in sender for sender in senders)
    assert {"calendar", "bounce"} <= {
        (
            "calendar"
            if "calendar-notification" in headers(message).get("Sender", "")
            else "bounce"
            if message["payload"]["mimeType"] == "multipart/report"
            else ""
        )
        for message in messages
    }
    ids = [{headers(message)["Message-ID"] for message in account.messages} for account in accounts]
    assert ids[0] & ids[1], "the same mail is seen by both accounts"


def test_people_have_threads_that_go_both_ways() -> None:
    found = expect(sample(NOW), NOW)
    assert min(found.directions.values()) > 100
    assert found.messages < sum(found.messages_by_account.values())
    assert frozenset({"priya@northwind-health.example", "priyaramansf@gmail.com"}) in found.contact_addresses
    assert found.filtered["lookback"] > 10


def test_a_generated_mailbox_has_the_asked_size_and_shape() -> None:
    account = generate_mailbox("big@gmail.com", 5_000, now=NOW, seed=3)
    threads = Counter(message["threadId"] for message in account.messages)
    assert len(account.messages) == len({message["id"] for message in account.messages}) == 5_000
    assert 4.3 < len(account.messages) / len(threads) < 5.5
    assert max(threads.values()) == 30
    sent = sum("SENT" in message["labelIds"] for message in account.messages)
    assert 0.26 < sent / 5_000 < 0.34
    assert expect([account], NOW).directions["outbound"] == sent
    assert account == generate_mailbox("big@gmail.com", 5_000, now=NOW, seed=3)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_tiny_mailbox_can_be_generated(count: int) -> None:
    account = generate_mailbox("tiny@x.org", count, now=NOW, sent_share=1, automated_share=0)
    assert [message["labelIds"] for message in account.messages] == [["SENT"]] * count
