"""What of a guest's history is mentioned before a meeting: what was written first, a series once, and when the same people met."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.common.ids import ContactId, InteractionId, new_id
from services.contacts.domain.guest_history import PastLine, chosen_lines, common_meetings, last_met_at, written_since

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
ANN, BEN, CEM = (ContactId(new_id()) for _ in range(3))


def line(days: float, platform: str = "email", **fields: Any) -> PastLine:
    return PastLine(
        **{
            "contact_id": ANN, "interaction_id": InteractionId(new_id()), "occurred_at": NOW - timedelta(days=days),
            "platform": platform, "series": f"series {days}", "title": f"{platform} {days}", "people": 2, "counted": True,
            "exchanged": platform == "email", **fields,
        }
    )  # fmt: skip


def newest_first(*lines: PastLine) -> list[PastLine]:
    return sorted(lines, key=lambda found: found.occurred_at, reverse=True)


MAILS = [line(days) for days in range(10, 20)]
WEEKLY = [line(1 + 7 * week, "calendar", title="Weekly", series="w") for week in range(30)]
TALK = line(25, "calendar")


@pytest.mark.parametrize(
    ("lines", "limit", "shown"),
    [
        (MAILS, 3, [(10, 1), (11, 1), (12, 1)]),
        ([*WEEKLY, *MAILS], 3, [(10, 1), (11, 1), (12, 1)]),
        ([*WEEKLY, *MAILS], 5, [(10, 1), (11, 1), (12, 1), (13, 1), (1, 13)]),
        ([*WEEKLY, *MAILS[:2], TALK], 5, [(10, 1), (11, 1), (1, 13), (25, 1)]),
        ([*WEEKLY, TALK], 5, [(1, 13), (25, 1)]),
        ([line(2, counted=False), line(30)], 1, [(30, 1)]),
        ([line(2, counted=False), line(30)], 2, [(2, 1), (30, 1)]),
        ([], 5, []),
    ],
    ids=[
        "mail", "mail before a series", "one place for a meeting", "what is left for meetings", "meetings alone", "no bulk", "bulk in want",
        "nothing",
    ],
)  # fmt: skip
def test_what_was_written_comes_first_and_a_series_counts_once(
    lines: list[PastLine], limit: int, shown: list[tuple[int, int]]
) -> None:
    chosen = chosen_lines(newest_first(*lines), limit)
    assert [((NOW - found.line.occurred_at).days, found.times) for found in chosen] == shown


def test_a_meeting_booked_anew_under_the_same_title_is_a_series() -> None:
    lines = [
        line(days, "calendar", title=title) for days, title in ((3, "Jour fixe"), (17, "jour FIXE"), (31, "Jour fixe"))
    ]
    (found,) = chosen_lines(lines, 5)
    assert (found.line.title, found.times) == ("Jour fixe", 3)


def test_what_was_written_since_the_last_meeting_is_counted() -> None:
    lines = [line(1), line(2, exchanged=False), line(3, counted=False), line(4), TALK, line(40)]
    assert last_met_at(lines) == TALK.occurred_at
    assert written_since(lines, TALK.occurred_at) == 2
    assert written_since(lines, None) == 0
    assert last_met_at(MAILS) is None


def both(days: float, *contacts: ContactId, people: int) -> list[PastLine]:
    id_ = InteractionId(new_id())
    return [line(days, "calendar", contact_id=contact, interaction_id=id_, people=people) for contact in contacts]


def test_meetings_in_common_are_those_on_which_all_were_the_newest_first() -> None:
    old, new = both(20, ANN, BEN, people=3), both(9, ANN, BEN, people=3)
    lines = [*old, *both(5, ANN, BEN, people=30), *both(3, ANN, people=2), *new]
    assert common_meetings(lines, {ANN, BEN}) == [new[1], old[1]]
    assert common_meetings(lines, {ANN, BEN, CEM}) == []
