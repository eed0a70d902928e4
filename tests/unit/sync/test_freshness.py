"""When a mailbox is polled, and what its watch needs."""

from datetime import UTC, datetime, timedelta

import pytest

from services.sync.domain.freshness import MailboxWatch, poll_pause

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TOPIC = "projects/p/topics/t"


@pytest.mark.parametrize(
    ("quiet", "is_pushed", "pause"),
    [
        (timedelta(0), False, MINUTE),
        (timedelta(seconds=-5), False, MINUTE),  # clocks
        (10 * MINUTE, False, MINUTE),
        (20 * MINUTE, False, 2 * MINUTE),
        (40 * MINUTE, False, 4 * MINUTE),
        (100 * MINUTE, False, 10 * MINUTE),
        (365 * DAY, False, 10 * MINUTE),
        (timedelta(0), True, 15 * MINUTE),
        (365 * DAY, True, 15 * MINUTE),
    ],
)
def test_the_pause_doubles_as_the_quiet_does(quiet: timedelta, is_pushed: bool, pause: timedelta) -> None:
    assert poll_pause(MINUTE, quiet, is_pushed) == pause


def test_push_never_makes_polling_more_frequent_than_it_is_set() -> None:
    assert poll_pause(HOUR, timedelta(0), True) == HOUR


@pytest.mark.parametrize(
    ("watch", "topic", "step"),
    [
        (MailboxWatch(), "", "nothing"),
        (MailboxWatch(), TOPIC, "begin"),
        (MailboxWatch(TOPIC, NOW + 7 * DAY, NOW + 6 * DAY), TOPIC, "nothing"),
        (MailboxWatch(TOPIC, NOW + DAY, NOW), TOPIC, "begin"),
        (MailboxWatch(TOPIC, NOW + 7 * DAY, None), TOPIC, "begin"),  # the daily renewal
        (MailboxWatch(TOPIC, None, NOW + HOUR), TOPIC, "nothing"),  # refused a while ago
        (MailboxWatch(TOPIC, None, NOW + HOUR), "projects/p/topics/other", "begin"),
        (MailboxWatch(TOPIC, NOW + 7 * DAY, NOW + 6 * DAY), "", "stop"),
    ],
)
def test_a_watch_is_begun_renewed_and_ended_when_it_has_to_be(watch: MailboxWatch, topic: str, step: str) -> None:
    assert watch.step(topic, NOW) == step


def test_a_watch_is_due_again_a_day_before_it_ends_and_never_at_once() -> None:
    assert MailboxWatch.granted(TOPIC, NOW + 7 * DAY, NOW).due_at == NOW + 6 * DAY
    soon = MailboxWatch.granted(TOPIC, NOW + HOUR, NOW).due_at
    assert soon is not None
    assert NOW < soon < NOW + HOUR


def test_what_was_granted_stands_while_a_renewal_is_put_off() -> None:
    held = MailboxWatch(TOPIC, NOW + 2 * DAY, NOW)
    assert held.put_off(TOPIC, NOW + HOUR) == MailboxWatch(TOPIC, NOW + 2 * DAY, NOW + HOUR)
    assert held.put_off("projects/p/topics/other", NOW + HOUR).expires_at is None
