"""What becomes of a message that was fetched, how fetches are grouped, and what changes of it mean."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.events import MessageIngested
from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import (
    Change,
    read_message,
)
from services.sync.domain.fetching import (
    RETRY_DELAYS,
    Fetch,
    Fetched,
    FetchOutcome,
    Prices,
    Wanted,
    by_thread,
    failed,
    fetch_outcome,
    fetch_size,
    fetches,
    group_size,
    groups_ahead,
    single_fetches,
    unreadable,
    unrecordable,
)
from services.sync.domain.history import NEVER_PUBLISHED, Touched, touched
from services.sync.domain.ledger import PutOff, Settled
from services.sync.domain.mail import Me
from services.sync.domain.runs import Tally

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
ME = Me(USER, ACCOUNT, frozenset({"maya@x.example"}))
SENT_MS = int(NOW.timestamp() * 1000)
RESOURCE: dict[str, Any] = {
    "id": "m1", "threadId": "t1", "historyId": "9", "labelIds": ["INBOX", 5, "UNREAD"], "internalDate": str(SENT_MS),
    "snippet": "Hi &amp; bye",
    "payload": {"mimeType": "Text/Plain", "headers": [
        {"name": " From ", "value": "Ann <a@x.example>"}, {"name": "FROM", "value": "b\x00@x.example"}, {"name": 5, "value": "x"},
        {"name": "To", "value": 5}, "odd", {"name": "Message-ID", "value": "<id@x>"},
    ]},
}  # fmt: skip


def outcome(wanted: Wanted, **changes: Any) -> FetchOutcome:
    return fetch_outcome(Fetched(wanted, read_message({**RESOURCE, **changes})), ME, NOW - timedelta(days=30), ())


def test_a_recorded_message_is_settled_as_its_event_is() -> None:
    found = outcome(Wanted("m1", "t1"))
    assert isinstance(found.event, MessageIngested)
    assert found.event.revision == 9
    assert found == FetchOutcome(
        Settled("m1", "recorded", 9, "", "", "id@x", NOW), found.event, Tally(done=1, new=1)
    )  # fmt: skip
    assert outcome(Wanted("m1", "t1", 9)).settled.revision == 10
    assert outcome(Wanted("m1", "t1", 9)).tally == Tally(done=1, updated=1)
    assert outcome(Wanted("m1", "t1"), historyId=None).settled.revision == 1


def test_what_is_not_recorded_is_settled_with_its_rule_or_reason() -> None:
    old = str(SENT_MS - 31 * 86_400_000)
    assert outcome(Wanted("m1", "t1", 3), internalDate=old) == FetchOutcome(
        Settled("m1", "filtered", 3, "lookback", "", "id@x", NOW - timedelta(days=31)),
        None,
        Tally(1, skipped={"lookback": 1}),
    )
    assert outcome(Wanted("m1", "t1", 3), internalDate="x") == FetchOutcome(
        Settled("m1", "set_aside", 3, "", "Gmail's answer has no internalDate that is a number."), None,
        Tally(1, skipped={"set_aside": 1}),
    )  # fmt: skip
    aside = Tally(1, skipped={"set_aside": 1})
    wanted = Wanted("m1", "t1", 3)
    assert fetch_outcome(Fetched(wanted, None, "No.", "rule"), ME, None, ()) == FetchOutcome(
        Settled("m1", "set_aside", 3, "rule", "No."), None, aside
    )
    assert Fetched(wanted, None).refusal == ""
    assert fetch_outcome(Fetched(wanted, None), ME, None, ()) == FetchOutcome(
        Settled("m1", "gone", 3, "", "deleted in Gmail before it was read"), None, Tally(1, skipped={"gone": 1})
    )
    assert unreadable(wanted, "KeyError") == FetchOutcome(
        Settled("m1", "set_aside", 3, "", "Reading it failed: KeyError."), None, aside
    )
    assert unrecordable(outcome(wanted), "DataError") == FetchOutcome(
        Settled("m1", "set_aside", 9, "", "Recording it failed: DataError."), None, aside
    )
    assert Fetched(wanted, None).rule == "refused"


def test_a_message_that_gmail_stumbles_over_is_tried_for_a_week() -> None:
    assert [delay.total_seconds() / 3_600 for delay in RETRY_DELAYS] == [0, 0, 0, 1, 6, *[24] * 7]
    last = len(RETRY_DELAYS) - 1
    assert failed(Wanted("m1", "t1", 0, 3), "It broke.") == PutOff(
        "m1", timedelta(hours=1), "Gmail gives out others, and for this one an error: It broke."
    )
    assert isinstance(failed(Wanted("m1", "t1", 0, last), "It broke."), PutOff)
    lost = Wanted("m1", "t1", 0, last + 1)
    assert failed(lost, "It broke.") == Fetched(
        lost, None, "Gmail gave only errors for it, for a week. The last one was: It broke.", "unavailable"
    )


def test_a_call_names_what_it_fetches() -> None:
    thread = (Wanted("a", "t"), Wanted("b", "t"))
    assert fetches(thread, Prices(20, 40)) == [Fetch(thread, True, 40)]
    assert fetches(thread, Prices(20, 41)) == single_fetches(thread, Prices(20, 41)) == [
        Fetch(thread[:1], False, 20), Fetch(thread[1:], False, 20),
    ]  # fmt: skip
    assert Fetch(thread, True, 40).resource_id == "t"
    assert Fetch(thread[:1], False, 20).resource_id == "a"
    assert by_thread([Wanted("a", "t"), Wanted("c", "u"), Wanted("b", "t")]) == [list(thread), [Wanted("c", "u")]]
    assert Wanted("a", "t") == Wanted("a", "t", 0, 0)


@pytest.mark.parametrize(
    ("runs", "held_back", "size"),
    [
        (0, False, 300),
        (10, False, 300),
        (11, False, 272),
        (200, False, 15),
        (201, False, 15),
        (59, True, 50),
        (61, True, 49),
    ],
)
def test_a_group_is_a_share_of_what_all_take(runs: int, held_back: bool, size: int) -> None:
    assert group_size(runs, held_back=held_back) == size


@pytest.mark.parametrize(
    ("runs", "held_back", "size", "ahead"),
    [(1, False, 300, 2), (10, False, 300, 2), (11, True, 50, 1), (200, False, 50, 1), (900, False, 15, 1)],
)
def test_more_is_fetched_at_a_time_than_recorded_and_of_many_runs_one_group_ahead(
    runs: int, held_back: bool, size: int, ahead: int
) -> None:
    assert (fetch_size(runs, held_back=held_back), groups_ahead(runs)) == (size, ahead)


@pytest.mark.parametrize(
    ("kind", "labels", "wanted"),
    [
        ("deleted", {"SPAM"}, Touched("m", "t", 5, "remove")),
        ("added", {"INBOX"}, Touched("m", "t", 5, "fetch")),
        ("added", {"CHAT"}, Touched("m", "t", 5, "hide", "chat")),
        ("labelled", {"SPAM"}, Touched("m", "t", 5, "hide", "spam")),
        ("labelled", {"STARRED"}, None),
        ("unlabelled", {"DRAFT"}, Touched("m", "t", 5, "fetch")),
        ("unlabelled", {"STARRED"}, None),
    ],
)
def test_each_change_means_one_thing(kind: Any, labels: set[str], wanted: Touched | None) -> None:
    assert touched([Change(5, kind, "m", "t", frozenset(labels))]) == ([wanted] if wanted else [])


def test_the_last_change_of_a_message_counts_and_comes_in_its_own_place() -> None:
    changes = [Change(at, "added", gmail_id, "t", frozenset()) for at, gmail_id in ((1, "a"), (2, "b"), (3, "a"))]
    assert touched(changes) == [Touched("b", "t", 2, "fetch"), Touched("a", "t", 3, "fetch")]
    assert NEVER_PUBLISHED == ("draft", "chat", "lookback", "prep_email")
