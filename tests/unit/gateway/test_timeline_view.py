"""A page of a timeline as it is shown: every interaction once, threads at their newest, months of the reader."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import InteractionId, new_id
from libs.common.requests import Interaction
from services.gateway.domain.timeline_view import Line, months, platform_name

START = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)


def interaction(number: int, thread: str | None = None, automated: str = "", direction: str = "inbound") -> Interaction:
    return Interaction(
        id=InteractionId(new_id()), platform="gmail", kind="email", direction=direction, title="", text=f"{number}",
        occurred_at=START - timedelta(hours=number), thread=thread, automated=automated,
    )  # fmt: skip


def flat(line: Line) -> list[Interaction]:
    return [line.interaction, *(older.interaction for older in line.older)]


interactions = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from(["", "list"])), max_size=30).map(
    lambda kinds: [interaction(number * 60, *kind) for number, kind in enumerate(kinds)]
)


@given(interactions, st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles"]))
def test_everything_is_shown_once_and_newest_first(page: list[Interaction], zone: str) -> None:
    shown = months(page, ZoneInfo(zone))
    lines = [line for month in shown for line in (*month.lines, *month.automated)]
    assert sorted((entry.id for line in lines for entry in flat(line)), key=str) == sorted(
        (i.id for i in page), key=str
    )
    for line in lines:
        moments = [entry.occurred_at for entry in flat(line)]
        assert moments == sorted(moments, reverse=True)
        assert len({entry.thread for entry in flat(line)}) == 1
    assert len(shown) == len({month.title for month in shown}), "a month stands there once"


def test_a_month_is_the_readers_month() -> None:
    assert [month.title for month in months([interaction(0)], ZoneInfo("UTC"))] == ["March 2026"]
    assert [month.title for month in months([interaction(0)], ZoneInfo("Europe/Berlin"))] == ["April 2026"]


def test_sides_threads_and_automated_mail() -> None:
    directions = ("inbound", "outbound", "mutual", "participant")
    (month,) = months([interaction(n, direction=d) for n, d in enumerate(directions)], ZoneInfo("UTC"))
    assert [line.side for line in month.lines] == ["they", "you", "both", "others"]
    (month,) = months(
        [interaction(0, "t"), interaction(1), interaction(2, "t"), interaction(3, None, "list")], ZoneInfo("UTC")
    )
    assert [(line.interaction.text, line.messages) for line in month.lines] == [("0", 2), ("1", 1)]
    assert [line.interaction.text for line in month.automated] == ["3"]


def test_platforms_have_names() -> None:
    assert [platform_name(name) for name in ("gmail", "meeting", "note", "linked_in")] == [
        "mail",
        "meeting",
        "note",
        "linked in",
    ]
