"""What sync explains to people, word for word, and the small numbers behind it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any
from uuid import UUID

import pytest

from libs.common.errors import Outage, QuotaFull, Refused, Throttled
from libs.common.events import SyncCompleted, SyncFailed
from libs.common.ids import AccountId, RunId, UserId
from libs.common.requests import AccountState, AuditResult
from libs.common.scopes import ALL, CALENDAR_READ, CONTACTS_READ, GMAIL_READ
from services.sync.domain import why
from services.sync.domain.account_states import HeldAccount, finding
from services.sync.domain.audit import MAX_RETRIES, progress_summary
from services.sync.domain.capacity import Capacity
from services.sync.domain.cursors import NEVER, Listing, MailCursor, SyncCursor
from services.sync.domain.estimate import UNKNOWN, WorkEstimate, eta_seconds, mailbox_estimate, shown_total, waiting
from services.sync.domain.fetching import Prices
from services.sync.domain.freshness import MailboxWatch, poll_pause
from services.sync.domain.item_audit import ItemCount
from services.sync.domain.item_audit import summary as item_summary
from services.sync.domain.ledger import LedgerEntry, PutOff, Removal, Settled
from services.sync.domain.listing import EDGE, query, since_s
from services.sync.domain.runs import (
    EndedRun,
    Failure,
    Pause,
    Progress,
    QuotaSpent,
    RunRequest,
    Tally,
    obstacle,
    retry_decision,
    total,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))


@pytest.mark.parametrize(
    ("kind", "count", "sentence"),
    [
        ("calendar", None, "The meetings were not compared yet; that is done once a day."),
        ("contacts", None, "The cards were not compared yet; that is done once a day."),
        ("calendar", ItemCount(0, 0, 0), "There are no meetings in what is imported."),
        ("contacts", ItemCount(0, 5, 0), "There are no cards in what is imported."),
        ("calendar", ItemCount(1, 0, 0), "The 1 meeting was found where they belong."),
        ("contacts", ItemCount(1, 0, 0), "The 1 card was found where they belong."),
        ("contacts", ItemCount(1_200, 0, 0), "All 1,200 cards were found where they belong."),
        ("calendar", ItemCount(3, 1, 0), "All 3 meetings were found where they belong; 1 had been lost and was published again."),
        ("calendar", ItemCount(3_000, 2_000, 0),
         "All 3,000 meetings were found where they belong; 2,000 had been lost and were published again."),
        ("calendar", ItemCount(3_000, 0, 1_000), "1,000 of 3,000 meetings can't be brought onto the timelines."),
        ("contacts", ItemCount(1, 1, 1),
         "1 of 1 card can't be brought onto the timelines; 1 had been lost and was published again."),
    ],
)  # fmt: skip
def test_an_audit_of_items_is_one_sentence(kind: Any, count: ItemCount | None, sentence: str) -> None:
    assert item_summary(kind, count) == sentence


def test_before_the_first_audit_has_ended_its_state_is_a_sentence() -> None:
    assert progress_summary(None, under_way=True) == "The first audit is under way."
    assert progress_summary(None, under_way=False) == "This mailbox was not audited yet; that is done once a day."
    fields: dict[str, Any] = {
        "began_at": NOW, "finished_at": NOW, "requests": 1, "units": 2, "listed": 1_000,
        "recorded": 900, "filtered": {"spam": 97}, "set_aside": 1,
        "pending": 1, "unhealed": 2, "healed_added": 4, "healed_removed": 5, "complete": 0.997, "summary": "",
    }  # fmt: skip
    assert progress_summary(AuditResult(**fields), under_way=True) == (
        "99.7 % of the 1,000 messages that Gmail lists are accounted for, 3 are still missing and will be tried again; "
        "4 were missing and have been fetched; 5 were not in Gmail any more and have been taken out."
        " 1 could not be read and was set aside."
    )
    assert MAX_RETRIES == 7
    short = AuditResult(**{**fields, "listed": 10_000, "pending": 45, "unhealed": 0})
    assert progress_summary(short, under_way=False).startswith("99.5 % of the 10,000 messages"), "never rounded up"


@pytest.mark.parametrize(
    ("state", "rule", "reason", "sentence"),
    [
        ("recorded", "", "", "It was recorded and is on the timelines of the contacts on it."),
        ("pending", "", "Gmail stumbled.", "It could not be read yet. Gmail stumbled. That is tried again for a week."),
        ("pending", "", "", "It was found in Gmail and has not been read yet. The sync is on its way."),
        ("gone", "", "", "It is not in Gmail any more: deleted."),
        ("gone", "", "trash", "It is not in Gmail any more: trash."),
        ("set_aside", "", "Broken.", "It could not be read and was set aside: Broken."),
        ("filtered", "lookback", "",
         "It is older than the 1,000 days of mail that are imported. Raise mail_lookback_days to include it."),
        ("filtered", "draft", "", "It is a draft; drafts are not recorded until they are sent."),
        ("filtered", "chat", "", "It is a chat message, not a mail."),
        ("filtered", "spam", "", "It is in Spam. Move it out of Spam and it is recorded."),
        ("filtered", "trash", "", "It is in the Trash. Take it out of the Trash and it is recorded."),
        ("filtered", "prep_email", "", "It is a meeting prep email that PingCRM itself sent."),
        ("filtered", "new", "", "The rule new keeps it out."),
        ("odd", "", "", "It is not known here."),
    ],
)  # fmt: skip
def test_every_fate_has_its_words(state: str, rule: str, reason: str, sentence: str) -> None:
    assert why.explanation(state, rule, reason, 1_000) == sentence


def test_without_a_lookback_age_is_still_explained() -> None:
    assert why.explanation("filtered", "lookback", "", 0) == (
        "It is older than what was imported so far. All mail is to be imported now; this is on its way."
    )


@pytest.mark.parametrize(
    ("away", "sentence"),
    [
        ("unreachable", "Gmail could not be asked just now; try again in a minute."),
        ("reauth_required", "Gmail can't be asked, because the account has to be connected again."),
        ("missing_scope", "Gmail can't be asked, because the permission to read mail was not given."),
        ("disconnected", "Gmail can't be asked, because the account is disconnected."),
    ],
)
def test_why_gmail_is_not_asked_has_its_words(away: Any, sentence: str) -> None:
    assert why.unreachable(away) == f"It is not known here. {sentence}"


def test_the_other_sentences_about_a_message() -> None:
    assert why.queued(0) == " It is next."
    assert why.queued(1) == " 1 message is read before it."
    assert why.queued(1_200) == " 1,200 messages are read before it."
    assert why.copies(1) == ""
    assert why.copies(2) == " 2 messages of this mailbox carry this Message-ID; this is about one of them."
    assert why.copies(1_200).startswith(" 1,200 messages")
    assert why.NOT_IN_MAILBOX == (
        "There is no such message in this mailbox, not in Spam or Trash either. It may be in another account, or deleted for good."
    )
    assert why.UNSEARCHABLE == (
        "It is not known here, and Gmail can't be searched for a Message-ID like this. Ask again with the id that Gmail shows in the "
        "message's address."
    )
    assert why.FOUND == "It is in Gmail and has not been read yet; that is done now."
    order = ["gone", "filtered", "set_aside", "pending", "recorded"]
    assert [why.choose(order[:length]) for length in range(1, 6)] == [0, 1, 2, 3, 4]
    assert why.choose(["gone", "gone"]) == 0
    assert why.bare(" < a@B > ") == "a@B"


@pytest.mark.parametrize(
    ("written", "is_own"),
    [("0123abcd", True), ("0123ABCDEF0123456789", True), ("0123abc", False), ("0" * 21, False), ("0123abcg", False),
     ("0123abcd\n", False)],
)  # fmt: skip
def test_gmail_s_own_ids_are_8_to_20_hexadecimal_digits(written: str, is_own: bool) -> None:
    assert why.is_gmail_id(written) is is_own


@pytest.mark.parametrize("sign", list(' "(){}<>\t'))
def test_a_search_can_not_be_ended_by_what_is_searched(sign: str) -> None:
    assert why.search_for(f"a{sign}b@x") is None
    assert why.search_for("a@x" + "y" * 498) is None
    assert why.search_for("<a@x>") == "in:anywhere rfc822msgid:a@x"
    assert why.search_for("a@x" + "y" * 497) == "in:anywhere rfc822msgid:a@x" + "y" * 497


@pytest.mark.parametrize(
    ("eta", "note"),
    [
        (None, "waiting for Gmail's quota"),
        (29.0, "waiting for Gmail's quota, less than a minute"),
        (31.0, "waiting for Gmail's quota, about 1 min"),
        (7_140.0, "waiting for Gmail's quota, about 119 min"),
        (7_200.0, "waiting for Gmail's quota, about 2 h"),
        (36_000.0, "waiting for Gmail's quota, about 10 h"),
    ],
)
def test_why_it_takes_so_long_is_a_note(eta: float | None, note: str) -> None:
    assert waiting(eta) == note


@pytest.mark.parametrize(
    ("messages", "threads", "units"),
    [(0, 0, 0), (500, 500, 10_007), (501, 501, 10_034), (1_000, 10, 414), (1_000, 999, 20_014)],
)
def test_a_mailbox_costs_its_messages_or_its_threads_and_its_pages(messages: int, threads: int, units: int) -> None:
    assert mailbox_estimate(messages, threads, Prices(20, 40), 7) == WorkEstimate(messages, units)
    assert WorkEstimate(0, 0) == UNKNOWN


@pytest.mark.parametrize(
    ("left", "done", "elapsed", "units", "per_second", "eta"),
    [
        (0, 5, 10.0, 100, 1.0, None),
        (10, 5, 10.0, 0, 0.0, 20.0),
        (10, 5, 10.0, 100, 4.0, 25.0),
        (10, 0, 10.0, 100, 4.0, 25.0),
        (10, 0, 10.0, 100, 0.0, None),
        (1, 3, 1.0, 0, 0.0, 0.3),
        (10, 5, 10.0, 0, 4.0, 20.0),
    ],
)
def test_what_is_left_takes_the_pace_so_far_or_the_quota_s(
    left: int, done: int, elapsed: float, units: int, per_second: float, eta: float | None
) -> None:
    assert eta_seconds(left, done, elapsed, units, per_second) == eta


@pytest.mark.parametrize(
    ("done", "total_now", "done_before", "total_before", "shown"),
    [(5, 10, 0, 0, 10), (5, 30, 4, 8, 10), (5, 9, 4, 8, 9), (12, 10, 4, 8, 12), (0, 7, 0, 3, 7)],
)
def test_the_bar_never_runs_back(done: int, total_now: int, done_before: int, total_before: int, shown: int) -> None:
    assert shown_total(done, total_now, done_before, total_before) == shown


@pytest.mark.parametrize(
    ("held", "changes", "found"),
    [
        (HeldAccount("active", "a@x", frozenset({"s"}), 6), {}, "same"),
        (HeldAccount("active", "a@x", frozenset({"s"}), 5), {}, "uncounted"),
        (HeldAccount("active", "a@x", frozenset({"s"}), 7), {}, "rolled_back"),
        (HeldAccount("active", "b@x", frozenset({"s"}), 5), {}, "missed"),
        (HeldAccount("active", "a@x", frozenset(), 5), {}, "missed"),
        (HeldAccount("disconnected", "a@x", frozenset({"s"}), 5), {}, "missed"),
        (HeldAccount("disconnected", "b@x", frozenset(), 5), {"status": "disconnected"}, "uncounted"),
        (HeldAccount("reauth_required", "b@x", frozenset(), 5), {"status": "disconnected"}, "missed"),
        (None, {}, "missed"),
        (None, {"status": "reauth_required"}, "same"),
    ],
)
def test_an_account_is_compared_by_what_sync_needs(
    held: HeldAccount | None, changes: dict[str, Any], found: str
) -> None:
    fields: dict[str, Any] = {
        "id": ACCOUNT, "user_id": USER, "address": "a@x", "status": "active", "scopes": frozenset({"s"}), "sequence": 6,
    }  # fmt: skip
    state = AccountState(**{**fields, **changes})
    assert finding(held, state, ()) == found
    assert finding(held, state, {USER}) == "same"


@pytest.mark.parametrize(
    ("under_way", "left"),
    [
        ([], (16, 16, 24, 16)),
        ([(False, "mail")] * 20, (20, 20, 24, 20)),
        ([(False, "mail")] * 400, (0, 250, 24, 100)),
        ([(False, "mail")] * 401, (0, 250, 24, 100)),
        ([(True, "mail")] * 250, (150, 0, 24, 100)),
        ([(True, "mail")] * 251, (149, 0, 24, 100)),
        ([(True, "mail")] * 249, (151, 1, 24, 100)),
        ([(True, "calendar")] * 23, (23, 23, 1, 23)),
        ([(True, "contacts")] * 25, (25, 25, 0, 25)),
        ([(False, "calendar")] * 60, (60, 60, 24, 40)),
        ([(False, "calendar")] * 101, (101, 101, 24, 0)),
    ],
)
def test_capacity_is_what_is_left_beside_the_runs_under_way(
    under_way: list[tuple[bool, Any]], left: tuple[int, int, int, int]
) -> None:
    incremental, initial_mail, initial_other, calendars = left
    expected = Capacity(incremental, initial_mail, initial_other, calendars)
    assert Capacity.beside(under_way) == expected
    assert expected.is_full_for(False, "mail") is (incremental == 0)
    assert expected.is_full_for(True, "mail") is (initial_mail == 0)
    assert expected.is_full_for(True, "contacts") is (initial_other == 0)
    assert expected.is_full_for(False, "calendar") is (calendars == 0)


def test_cursors_are_stored_as_they_are() -> None:
    bare = MailCursor(5, 30)
    assert bare.to_json() == {"history_id": 5, "lookback_days": 30, "generation": 1, "listing": None}
    assert MailCursor.from_json(bare.to_json()) == bare
    assert Listing(1, 2) == Listing(since_s=1, history_id=2, page=None, listed=0, sweep=False, until_s=0)
    cursor = SyncCursor("token", 3, NOW.isoformat())
    assert SyncCursor.from_json(cursor.to_json()) == cursor
    assert NEVER.is_stale(NOW)
    assert (NEVER.sync_token, NEVER.generation) == (None, 0)
    assert not cursor.is_stale(NOW + timedelta(hours=25))
    assert cursor.is_stale(NOW + timedelta(hours=25, seconds=1))
    assert [MailCursor(1, 0).reaches(days) for days in (0, 1)] == [True, True]
    assert [MailCursor(1, 1).reaches(days) for days in (0, 1, 2)] == [False, True, False]


def test_a_listing_is_bounded_in_seconds() -> None:
    assert since_s(None) == 0
    assert since_s(datetime.fromtimestamp(0, UTC)) == 1
    assert since_s(datetime.fromtimestamp(90.9, UTC)) == 90
    assert query(0) == "-in:draft -in:chat"
    assert query(5) == "after:5 -in:draft -in:chat"
    assert query(5, 9) == "after:5 before:9 -in:draft -in:chat"
    assert timedelta(hours=1) == EDGE


def test_the_ledger_s_defaults_state_nothing() -> None:
    assert Removal("g", 1).reason == "deleted"
    assert Removal("g", 1, "spam").reason == "spam"
    assert Settled("g", "gone", 1) == Settled("g", "gone", 1, "", "", None, None)
    assert PutOff("g", timedelta(0), "why").reason == "why"
    assert LedgerEntry("g", None, "gone", "", "", None, 4).position == 4


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("quiet", "is_pushed", "pause"),
    [
        (timedelta(0), False, MINUTE),
        (10 * MINUTE, False, MINUTE),
        (20 * MINUTE, False, 2 * MINUTE),
        (1_000 * MINUTE, False, 10 * MINUTE),
        (timedelta(0), True, 15 * MINUTE),
        (1_000 * MINUTE, True, 15 * MINUTE),
    ],
)
def test_a_quiet_mailbox_is_polled_ever_less_often(quiet: timedelta, is_pushed: bool, pause: timedelta) -> None:
    assert poll_pause(MINUTE, quiet, is_pushed) == pause
    assert poll_pause(60 * MINUTE, quiet, True) == 60 * MINUTE


def test_a_watch_s_dates_are_whole() -> None:
    hour = timedelta(hours=1)
    assert MailboxWatch.granted("t", NOW + 168 * hour, NOW) == MailboxWatch("t", NOW + 168 * hour, NOW + 144 * hour)
    assert MailboxWatch.granted("t", NOW + hour, NOW) == MailboxWatch("t", NOW + hour, NOW + 5 * MINUTE)
    watch = MailboxWatch("t", NOW + hour, NOW)
    assert watch.put_off("t", NOW + 2 * hour) == MailboxWatch("t", NOW + hour, NOW + 2 * hour)
    assert watch.put_off("u", NOW + 2 * hour) == MailboxWatch("u", None, NOW + 2 * hour)
    assert MailboxWatch() == MailboxWatch("", None, None)
    steps = [watch.step("t", NOW - MINUTE), watch.step("t", NOW), watch.step("u", NOW), watch.step("", NOW)]
    assert steps == ["nothing", "begin", "begin", "stop"]
    assert [MailboxWatch().step("", NOW), MailboxWatch("t").step("t", NOW)] == ["nothing", "begin"]
    assert MailboxWatch("", None, NOW).step("", NOW) == "nothing"


@pytest.mark.parametrize(
    ("kind", "scope"), [("mail", GMAIL_READ), ("calendar", CALENDAR_READ), ("contacts", CONTACTS_READ)]
)
def test_a_kind_needs_its_own_permission(kind: Any, scope: str) -> None:
    assert obstacle(kind, "active", {scope}) is None
    assert obstacle(kind, "active", set(ALL) - {scope}) == "missing_scope"
    assert obstacle(kind, "disconnected", ALL) == "disconnected"
    assert obstacle(kind, "reauth_required", {}) == "reauth_required"


def test_tallies_add_up_field_by_field() -> None:
    assert total([Tally(1, 2, 3, 4, {"a": 5}), Tally(10, 20, 30, 40, {"a": 50, "b": 6})]) == Tally(
        11, 22, 33, 44, {"a": 55, "b": 6}
    )
    assert Tally() == Tally(0, 0, 0, 0, {})
    assert Progress(Tally()) == Progress(Tally(), 0, None, "")
    assert RunRequest(ACCOUNT, "mail", "user") == RunRequest(ACCOUNT, "mail", "user", timedelta(0), False)


ENDED = EndedRun(
    RunId(UUID(int=3)), USER, ACCOUNT, "mail", "user", "completed", True, NOW, NOW + timedelta(seconds=1.23456), 1, 2, 3,
    {"spam": 4}, 5, 6, "code", "Error.", None,
)  # fmt: skip


def test_a_run_s_end_is_reported_whole() -> None:
    shared: dict[str, Any] = {
        "user_id": USER, "account_id": ACCOUNT, "address": "a@x", "run_id": ENDED.run_id, "kind": "mail", "reason": "user",
        "new": 1, "updated": 2, "removed": 3, "seconds": 1.235,
    }  # fmt: skip
    assert ENDED.event("a@x") == SyncCompleted(**shared, skipped={"spam": 4}, first=True)
    assert replace(ENDED, state="failed").event("a@x") == SyncFailed(**shared, code="code", error="Error.")


QUIET = replace(ENDED, new=0, updated=0, removed=0, skipped={})


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"reason": "poll"}, False),
        ({"reason": "push", "state": "failed"}, False),
        ({"reason": "poll", "skipped": {"unhealed": 1}}, False),
        ({"reason": "repair"}, False),
        ({"reason": "repair", "skipped": {"unhealed": 1}}, True),
        ({"reason": "repair", "skipped": {"spam": 1}}, False),
        ({"reason": "repair", "state": "failed"}, True),
        ({"reason": "schedule"}, True),
        ({"reason": "poll", "new": 1}, True),
        ({"reason": "poll", "updated": 1}, True),
        ({"reason": "repair", "removed": 1}, True),
    ],
)
def test_what_nobody_waits_for_is_reported_where_it_found_something(changes: dict[str, Any], reported: bool) -> None:
    assert replace(QUIET, **changes).is_reported is reported


class Middle(Random):
    """The middle of each range, so that a pause is a number."""

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) / 2

    def random(self) -> float:
        return 0.5


@pytest.mark.parametrize(("pauses", "seconds"), [(0, 5), (1, 10), (4, 80), (7, 640), (8, 900), (11, 900), (5_000, 900)])
def test_a_pause_doubles_up_to_a_quarter_of_an_hour(pauses: int, seconds: int) -> None:
    decision = retry_decision(Outage("away"), NOW, NOW, pauses, Middle())
    assert decision == Pause(NOW + timedelta(seconds=seconds), "waiting", "away", True)


def test_errors_decide_how_a_run_goes_on() -> None:
    six_hours = timedelta(hours=6)
    assert retry_decision(Outage("away"), NOW, NOW - six_hours, 0, Middle()) == Failure(
        "unavailable", "Tried for 6 hours. The last answer was: away"
    )
    before = retry_decision(Outage("away"), NOW, NOW - six_hours + timedelta(seconds=1), 0, Middle())
    assert isinstance(before, Pause)
    short = retry_decision(Throttled("slow", timedelta(seconds=1)), NOW, NOW, 0, Middle())
    assert short == Pause(NOW + timedelta(seconds=5), why="slow")
    unknown = retry_decision(Throttled("slow"), NOW, NOW, 0, Middle())
    assert unknown == Pause(NOW + timedelta(seconds=5), why="slow")
    for pauses in (0, 9):
        full = retry_decision(QuotaFull("full", timedelta(seconds=100)), NOW, NOW, pauses, Middle())
        assert full == Pause(NOW + timedelta(seconds=105), why="full"), (
            "the room does not go away from who has waited long"
        )
    assert isinstance(
        retry_decision(QuotaFull("full", timedelta(seconds=9)), NOW, NOW - six_hours, 0, Middle()), Failure
    )
    ends_at = datetime(2026, 3, 5, 9, tzinfo=timezone(timedelta(hours=1)))
    spent = "Waiting until 05 Mar 08:00 UTC, because Gmail's daily quota for this Google Cloud project is used up. It goes on by itself."
    assert retry_decision(QuotaSpent(ends_at), NOW, NOW, 0, Middle()) == Pause(
        ends_at + timedelta(minutes=7.5), "daily_quota", spent, False
    )
    assert retry_decision(Refused(403, "code", "Detail."), NOW, NOW, 0, Middle()) == Failure("code", "Detail.")
    assert retry_decision(KeyError(), NOW, NOW, 0, Middle()) == Failure(
        "internal", "Something went wrong here; it is in the log. Nothing that was read is lost."
    )
