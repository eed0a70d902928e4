"""What an integration may publish and subscribe to, whose message one is, and whose backlog is given up: rules without a server."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.events import (
    BROADCAST,
    EVENTS,
    OFFERED,
    ContactChanged,
    InteractionReported,
    MessageIngested,
    ProfileReported,
    SettingsChanged,
)
from libs.common.ids import UserId
from libs.common.integrations import (
    PUBLISHABLE,
    Author,
    Backlog,
    Grants,
    Missed,
    author_of,
    copy_subject,
    missed_with,
    overdue,
    published_subjects,
    purge_filters,
    rejected_subject,
    subscribed_subjects,
)
from libs.common.topology import integration_consumer, integration_permissions
from tests.support.bus import ACCOUNT, USER

MAYA, JONAS = UserId(UUID(int=1)), UserId(UUID(int=2))
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_an_integration_is_kept_to_its_own_name_and_its_users() -> None:
    limited = Grants((InteractionReported, ProfileReported), (MessageIngested, ContactChanged), (MAYA, JONAS))
    assert published_subjects("telegram", limited) == tuple(
        f"{subject}.telegram.{user}"
        for subject in ("interaction.reported", "profile.reported")
        for user in (MAYA, JONAS)
    )
    assert subscribed_subjects("telegram", limited) == (
        *(f"users.{user}.*.{subject}" for subject in ("message.ingested", "contact.changed") for user in (MAYA, JONAS)),
        "rejected.telegram.>",
        "missed.telegram",
    )
    of_all = Grants((InteractionReported,), (MessageIngested,))
    assert published_subjects("x", of_all) == ("interaction.reported.x.*",)
    assert subscribed_subjects("x", of_all)[0] == "users.*.*.message.ingested"
    may = integration_permissions("x", of_all)
    assert may.user == "integration-x"
    assert may.publish == (
        "interaction.reported.x.*", "$JS.API.CONSUMER.INFO.INTEGRATIONS.x", "$JS.API.CONSUMER.MSG.NEXT.INTEGRATIONS.x",
        "$JS.ACK.INTEGRATIONS.x.>",
    )  # fmt: skip
    assert (may.subscribe, may.may_respond) == (("_INBOX_integration-x.>",), False)
    consumer = integration_consumer("x", of_all, {}, 7)
    assert tuple(consumer.filter_subjects or ()) == subscribed_subjects("x", of_all)
    assert (consumer.opt_start_seq, consumer.max_deliver) == (7, -1)


def test_the_copy_of_an_event_names_its_user_and_its_account() -> None:
    assert (
        copy_subject("message.ingested", {"user": USER, "account": ACCOUNT})
        == f"users.{USER}.{ACCOUNT}.message.ingested"
    )
    assert copy_subject("contact.changed", {"user": USER}) == f"users.{USER}.-.contact.changed"


def test_what_steers_the_services_or_the_pages_and_what_names_no_user_is_not_offered() -> None:
    assert set(PUBLISHABLE) == {InteractionReported, ProfileReported}
    assert SettingsChanged not in OFFERED
    assert not [event.subject for event in OFFERED if event.is_hint or event.subject.startswith("sync.requested")]
    assert set(OFFERED) <= set(EVENTS)
    assert {event for event in OFFERED if event in BROADCAST} == {
        ContactChanged,
        *(e for e in OFFERED if e.subject == "prep.skipped"),
    }


@pytest.mark.parametrize(
    ("subject", "author"),
    [
        ("interaction.reported", None),
        (f"interaction.reported.telegram.{MAYA}", Author("telegram", MAYA)),
        ("interaction.reported.telegram.nobody", Author("telegram", None)),
    ],
)
def test_the_author_is_read_from_the_subject(subject: str, author: Author | None) -> None:
    assert author_of(subject, InteractionReported) == author
    if author:
        assert rejected_subject(author, InteractionReported) == "rejected.telegram.interaction.reported"


def test_what_goes_with_a_user_or_account_is_all_but_the_orders_to_delete() -> None:
    of_user = purge_filters(USER)
    assert f"users.{USER}.*.message.ingested" in of_user
    assert len(of_user) == len(OFFERED) - 2
    assert not [subject for subject in of_user if subject.endswith(("user.deleted", "account.disconnected"))]
    assert f"users.{USER}.{ACCOUNT}.message.ingested" in purge_filters(USER, ACCOUNT)


def backlog(name: str, messages: int, idle: timedelta, missed: Missed | None = None) -> Backlog:
    return Backlog(name, messages, NOW - idle, missed)


def notice(messages: int, ago: timedelta) -> Missed:
    return Missed(messages=messages, since=NOW - 4 * WEEK, until=NOW - ago)


@pytest.mark.parametrize(
    ("backlogs", "filled", "given_up"),
    [
        ([backlog("a", 5, WEEK), backlog("b", 5, WEEK + timedelta(seconds=1)), backlog("c", 0, 2 * WEEK)], 0.1, ["b"]),
        # A nearly full stream: the longest, and one at a time; where somebody is overdue that may be enough.
        ([backlog("a", 5, WEEK), backlog("b", 9, timedelta(0)), backlog("c", 0, WEEK)], 0.76, ["b"]),
        ([backlog("a", 5, WEEK), backlog("b", 9, timedelta(0))], 0.75, []),
        ([backlog("a", 5, 2 * WEEK), backlog("b", 9, timedelta(0))], 0.9, ["a"]),
        ([], 0.9, []),
        # The notice alone is no backlog, and it begins another week.
        ([backlog("a", 1, 3 * WEEK, notice(5, 2 * WEEK)), backlog("b", 4, 3 * WEEK, notice(5, WEEK))], 0.9, ["b"]),
        ([backlog("b", 4, 3 * WEEK, notice(5, WEEK))], 0.1, []),
        ([backlog("b", 4, 3 * WEEK, notice(5, WEEK * 1.1))], 0.1, ["b"]),
    ],
)
def test_a_backlog_is_given_up_after_a_week_or_where_room_is_needed(
    backlogs: list[Backlog], filled: float, given_up: list[str]
) -> None:
    assert [found.name for found in overdue(backlogs, filled, NOW)] == given_up


def test_a_notice_counts_what_the_one_before_it_had_counted() -> None:
    first = missed_with(backlog("a", 12, 2 * WEEK), NOW)
    assert first == Missed(messages=12, since=NOW - 2 * WEEK, until=NOW)
    again = missed_with(backlog("a", 4, 2 * WEEK, first), NOW + WEEK)
    assert again == Missed(messages=15, since=first.since, until=NOW + WEEK)
