"""A page of a timeline as it is shown: every interaction once, threads at their newest, months of the reader."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import InteractionId, new_id
from libs.common.requests import Interaction, TimelineItem
from services.gateway.domain.timeline_view import Line, months, platform_name

START = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


def interaction(
    number: int, automated: str = "", direction: str = "inbound", older: tuple[Interaction, ...] = (), messages: int = 1
) -> TimelineItem:
    return TimelineItem(
        id=InteractionId(new_id()), platform="gmail", kind="email", direction=direction, title="", text=f"{number}",
        occurred_at=START - timedelta(hours=number), automated=automated, older=older, thread_messages=messages,
    )  # fmt: skip


def flat(line: Line) -> list[Interaction]:
    return [line.interaction, *(older.interaction for older in line.older)]


kinds = st.tuples(st.sampled_from(["", "list"]), st.integers(0, 3))
pages = st.lists(kinds, max_size=30).map(
    lambda kinds: [
        interaction(
            number * 60, automated, older=tuple(interaction(number * 60 + 1) for _ in range(older)), messages=1 + older
        )
        for number, (automated, older) in enumerate(kinds)
    ]
)


@given(pages, st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles"]))
def test_everything_is_shown_once_and_newest_first(page: list[TimelineItem], zone: str) -> None:
    shown = months(page, ZoneInfo(zone))
    lines = [line for month in shown for line in (*month.lines, *month.automated)]
    assert sorted(entry.id for line in lines for entry in flat(line)) == sorted(
        entry.id for item in page for entry in (item, *item.older)
    )
    for month in shown:
        for column in (month.lines, month.automated):
            moments = [line.interaction.occurred_at for line in column]
            assert moments == sorted(moments, reverse=True)
    assert len(shown) == len({month.title for month in shown}), "a month stands there once"


def test_a_month_is_the_readers_month() -> None:
    assert [month.title for month in months([interaction(0)], ZoneInfo("UTC"))] == ["March 2026"]
    assert [month.title for month in months([interaction(0)], ZoneInfo("Europe/Berlin"))] == ["April 2026"]


def test_sides_threads_and_automated_mail() -> None:
    directions = ("inbound", "outbound", "mutual", "participant")
    (month,) = months([interaction(n, direction=d) for n, d in enumerate(directions)], ZoneInfo("UTC"))
    assert [line.side for line in month.lines] == ["they", "you", "both", "others"]
    thread = interaction(0, older=(interaction(2), interaction(5)), messages=9)
    (month,) = months([thread, interaction(1), interaction(3, "list")], ZoneInfo("UTC"))
    assert [(line.interaction.text, line.messages, line.left) for line in month.lines] == [("0", 9, 6), ("1", 1, 0)]
    assert [older.interaction.text for older in month.lines[0].older] == ["2", "5"]
    assert [line.interaction.text for line in month.automated] == ["3"]


def test_platforms_have_names() -> None:
    assert [platform_name(name) for name in ("gmail", "meeting", "note", "linked_in")] == [
        "mail",
        "meeting",
        "note",
        "linked in",
    ]
