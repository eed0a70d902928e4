"""What audits conclude, why a message is not here, and what the end of the quota's day means for a run."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from services.sync.domain import why
from services.sync.domain.audit import AuditCount, summary
from services.sync.domain.listing import query, since_s
from services.sync.domain.runs import GIVE_UP_AFTER, LONGEST_PAUSE, Pause, QuotaSpent, retry_decision

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def _count(listed: int, *, set_aside: int = 0, pending: int = 0, unhealed: int = 0) -> AuditCount:
    return AuditCount(listed, listed - set_aside - pending, {}, set_aside, pending, unhealed)


@pytest.mark.parametrize(
    ("count", "added", "removed", "expected"),
    [
        (_count(12_345), 0, 0, "All 12,345 messages that Gmail lists are accounted for."),
        (_count(12_345), 2, 0, "All 12,345 messages that Gmail lists are accounted for; 2 were missing and have been fetched."),
        (_count(9), 1, 1, "All 9 messages that Gmail lists are accounted for; 1 was missing and has been fetched; "
                          "1 was not in Gmail any more and has been taken out."),
        (_count(1), 0, 0, "The 1 message that Gmail lists is accounted for."),
        (_count(0), 0, 3, "Gmail lists no messages in the time that is imported; 3 were not in Gmail any more and have been taken out."),
        (_count(5, set_aside=1), 0, 0, "All 5 messages that Gmail lists are accounted for. 1 could not be read and was set aside."),
        (_count(1_000, pending=1), 0, 0, "99.9 % of the 1,000 messages that Gmail lists are accounted for, "
                                         "1 is still missing and will be tried again."),
        (_count(100_000, unhealed=2), 0, 0, "99.9 % of the 100,000 messages that Gmail lists are accounted for, "
                                            "2 are still missing and will be tried again."),
    ],
)  # fmt: skip
def test_an_audit_is_one_sentence(count: AuditCount, added: int, removed: int, expected: str) -> None:
    assert summary(count, added, removed) == expected


@pytest.mark.parametrize(
    ("count", "complete"),
    [(_count(0), 1.0), (_count(10), 1.0), (_count(10, set_aside=10), 1.0), (_count(10, pending=1), 0.9),
     (_count(10, pending=1, unhealed=4), 0.5), (_count(2, unhealed=9), 0.0)],
)  # fmt: skip
def test_completeness_is_the_share_of_what_is_accounted_for(count: AuditCount, complete: float) -> None:
    assert count.complete == pytest.approx(complete)


@pytest.mark.parametrize("stuck", [timedelta(0), GIVE_UP_AFTER * 3])
def test_the_end_of_the_quota_day_is_waited_for_without_giving_up(stuck: timedelta) -> None:
    ends_at = NOW + timedelta(hours=20)
    pause = retry_decision(QuotaSpent(ends_at), NOW, NOW - stuck, 9, Random(0))
    assert isinstance(pause, Pause)
    assert ends_at <= pause.until <= ends_at + LONGEST_PAUSE
    assert (pause.code, pause.stuck) == ("daily_quota", False)
    assert pause.why.startswith("Waiting until 05 Mar 08:00 UTC, because Gmail's daily quota")


@pytest.mark.parametrize(
    ("written", "is_gmails", "search"),
    [
        ("18f0a1b2c3d4e5f6", True, "in:anywhere rfc822msgid:18f0a1b2c3d4e5f6"),
        (" <CA+x=1@mail.gmail.com> ", False, "in:anywhere rfc822msgid:CA+x=1@mail.gmail.com"),
        ("1@example.org", False, "in:anywhere rfc822msgid:1@example.org"),
        ("a/b.Ä@example.org", False, "in:anywhere rfc822msgid:a/b.Ä@example.org"),
        ("a b@example.org", False, None),
        ("x) OR in:inbox", False, None),
        ('"quoted"@example.org', False, None),
        ("", False, None),
    ],
)
def test_an_id_is_read_and_never_becomes_another_search(written: str, is_gmails: bool, search: str | None) -> None:
    assert why.is_gmail_id(written) is is_gmails
    assert why.search_for(written) == search


def test_of_several_copies_the_one_on_the_timeline_counts() -> None:
    assert why.choose(["gone", "filtered", "recorded", "pending"]) == 2
    assert why.choose(["gone", "set_aside"]) == 1


def test_every_reason_why_gmail_is_not_queried_is_a_sentence() -> None:
    for away in ("unreachable", "reauth_required", "missing_scope", "disconnected"):
        assert why.unreachable(away).endswith(".")  # type: ignore[arg-type]


def test_a_listing_begins_at_a_second_and_leaves_drafts_out() -> None:
    assert query(since_s(NOW)) == "after:1772625600 -in:draft -in:chat"
    assert query(since_s(None)) == "-in:draft -in:chat"
