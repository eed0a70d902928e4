"""A page of a timeline as it is shown: every interaction once, conversations at their newest, months of the reader."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.events import Person, Role
from libs.common.ids import InteractionId, new_id
from libs.common.requests import Interaction, TimelineItem
from services.gateway.domain.timeline_view import (
    Line,
    Opened,
    conversation_key,
    months,
    months_of_conversation,
    platform_name,
)

START = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


def interaction(
    number: int, automated: str = "", direction: str = "inbound", thread: str | None = None, messages: int = 1
) -> TimelineItem:
    return TimelineItem(
        id=InteractionId(new_id()), platform="gmail", kind="email", direction=direction, title="", text=f"{number}",
        occurred_at=START - timedelta(hours=number), automated=automated, thread=thread, thread_messages=messages,
    )  # fmt: skip


def flat(line: Line) -> list[Interaction]:
    return [line.interaction, *(older.interaction for older in line.older)]


kinds = st.tuples(st.sampled_from(["", "list"]), st.integers(0, 3), st.booleans())
pages = st.lists(kinds, max_size=30).map(
    lambda kinds: [
        (interaction(number * 60, automated, thread=f"t{number}", messages=1 + older), older if is_open else 0)
        for number, (automated, older, is_open) in enumerate(kinds)
    ]
)


@given(pages, st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles"]))
def test_everything_is_shown_once_and_newest_first(page: list[tuple[TimelineItem, int]], zone: str) -> None:
    opened: Opened = {
        conversation_key(item): [interaction(n + 1, thread=item.thread) for n in range(older)] for item, older in page
    }
    shown = months([item for item, _ in page], ZoneInfo(zone), opened)
    lines = [line for month in shown for line in (*month.lines, *month.automated)]
    assert sorted(entry.id for line in lines for entry in flat(line)) == sorted(
        entry.id for item, _ in page for entry in (item, *opened[conversation_key(item)])
    )
    assert len({line.key for line in lines}) == len(page), "each is known by itself"
    for month in shown:
        for column in (month.lines, month.automated):
            moments = [line.interaction.occurred_at for line in column]
            assert moments == sorted(moments, reverse=True)
    assert len(shown) == len({month.title for month in shown}), "a month stands there once"


def test_a_month_is_the_readers_month() -> None:
    for zone, title in (("UTC", "March 2026"), ("Europe/Berlin", "April 2026")):
        assert [month.title for month in months([interaction(0)], ZoneInfo(zone), {})] == [title]
        assert [month.title for month in months_of_conversation([interaction(0)], ZoneInfo(zone))] == [title]


def test_sides_threads_and_automated_mail() -> None:
    directions = ("inbound", "outbound", "mutual", "participant")
    (month,) = months([interaction(n, direction=d) for n, d in enumerate(directions)], ZoneInfo("UTC"), {})
    assert [line.side for line in month.lines] == ["they", "you", "both", "others"]
    thread = interaction(0, thread="t", messages=9)
    page = [thread, interaction(1), interaction(3, "list")]
    for opened in ({}, {conversation_key(thread): [interaction(2), interaction(5, "list")]}):
        (month,) = months(page, ZoneInfo("UTC"), opened)
        assert [(line.interaction.text, line.messages) for line in month.lines] == [("0", 9), ("1", 1)]
        assert [older.interaction.text for older in month.lines[0].older] == (["2", "5"] if opened else [])
        assert [line.interaction.text for line in month.automated] == ["3"]


def test_a_conversation_has_one_key_whatever_is_its_newest_message_and_is_shown_message_by_message() -> None:
    first, second, other = (interaction(n, "list", thread=thread) for n, thread in enumerate(("t", "t", "u")))
    elsewhere = first.model_copy(update={"platform": "linkedin"})
    assert conversation_key(first) == conversation_key(second)
    assert len({conversation_key(line) for line in (first, other, elsewhere, interaction(0), interaction(0))}) == 5
    (month,) = months_of_conversation([first, second], ZoneInfo("UTC"))
    assert [line.interaction.text for line in month.lines] == ["0", "1"], "what is automated stands with the rest"
    assert len({line.key for line in month.lines}) == 2


def test_platforms_have_names() -> None:
    assert [platform_name(name) for name in ("gmail", "meeting", "note", "linked_in")] == [
        "mail",
        "meeting",
        "note",
        "linked in",
    ]


def meeting(length: timedelta | None, *roles: Role, total: int | None = None) -> Line:
    people = tuple(Person(role=role, address=f"{number}@x.example") for number, role in enumerate(roles))
    changes = {"kind": "meeting", "people": people, "people_total": len(people) if total is None else total,
               "ends_at": START + length if length is not None else None}  # fmt: skip
    return Line(interaction(0).model_copy(update=changes), "both", "k")


def test_a_meeting_has_its_length_and_how_many_it_brought_together() -> None:
    short = timedelta(minutes=45)
    assert meeting(short, "attendee").extent == "45 min", "the two of you"
    assert meeting(short, "attendee", "attendee", "attendee", "organizer").extent == "45 min · 4 people"
    assert meeting(short, *["attendee"] * 25, total=31).extent == "45 min · 31 people"
    assert meeting(timedelta(0), "attendee").extent == ""
    assert meeting(None, "attendee", "attendee").extent == ""
    for hours, text in (
        (22, "22 h"),
        (23, "all day"),
        (24, "all day"),
        (25, "all day"),
        (47, "2 days"),
        (72, "3 days"),
    ):
        assert meeting(timedelta(hours=hours), "attendee").extent == text
    mail = interaction(0).model_copy(update={"ends_at": START + short})
    assert Line(mail, "they", "k").extent == "", "only of meetings"
