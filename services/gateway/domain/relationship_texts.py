"""The relationship in words: the score part by part with the numbers behind it, in a line, its history, and who is going cold. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from libs.common.requests import Contact, ContactSummary, MonthScore, ScoreNumbers
from services.gateway.domain.moments import relative_text
from services.gateway.domain.timeline_view import platform_name

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
STEP, HEIGHT = 10, 20
"""Of the line of a history: from month to month, and of the whole score."""


class PartText(NamedTuple):
    """One part of the score: its name, its points of how many, and a sentence."""

    name: str
    points: int
    most: int
    sentence: str


class HistoryLine(NamedTuple):
    """The history as a drawing: the points of a line in a box, the last of them, and what it shows in words."""

    points: str
    last_x: int
    last_y: int
    width: int
    height: int
    words: str


RECIPROCITY = (
    "only one of you writes",
    "one of you writes far more",
    "one of you writes about twice as much",
    "you write almost equally",
    "you write equally",
)


def part_texts(contact: Contact, now: datetime, zone: ZoneInfo) -> list[PartText]:
    """The parts in the order in which they are explained; together they are the score, at most 10."""
    score, numbers = contact.relationship, contact.numbers
    platforms = [platform_name("gmail" if platform == "email" else platform) for platform in numbers.platforms]
    return [
        PartText("Give and take", score.reciprocity, 4, _give_and_take(score.reciprocity, numbers)),
        PartText("Recent", score.recency, 3, _recent(numbers, now, zone)),
        PartText("Frequent", score.frequency, 2, f"{numbers.in_month} in the last 30 days, {numbers.in_quarter} in 90"),
        PartText("Breadth", score.breadth, 1, " and ".join(platforms) if platforms else "nothing yet"),
        PartText("Lasting", score.tenure, 2, _lasting(numbers, contact.first_interaction_at, zone)),
    ]


def _give_and_take(points: int, numbers: ScoreNumbers) -> str:
    if not numbers.they_wrote_in_year + numbers.you_wrote_in_year + numbers.meetings_in_year:
        return "nothing in the last year"
    written = f"they wrote {_times(numbers.they_wrote_in_year)}, you {numbers.you_wrote_in_year}"
    met = f", and you met {_times(numbers.meetings_in_year)}" if numbers.meetings_in_year else ""
    return f"in the last year {written}{met}: {RECIPROCITY[points]}"


def _recent(numbers: ScoreNumbers, now: datetime, zone: ZoneInfo) -> str:
    if numbers.last_from_them_at:
        return f"their last sign was {relative_text(numbers.last_from_them_at, now, zone)}"
    if numbers.last_from_you_at:
        return f"they never wrote, you did {relative_text(numbers.last_from_you_at, now, zone)}"
    return "nobody wrote yet"


def _lasting(numbers: ScoreNumbers, first: datetime | None, zone: ZoneInfo) -> str:
    exchanges = f"{numbers.in_all:,} {'exchange' if numbers.in_all == 1 else 'exchanges'}"
    return f"{exchanges} since {_month(first, zone)}" if first else exchanges


def relationship_line(contact: Contact, now: datetime, zone: ZoneInfo) -> str:
    """ "they wrote 12 times, you 9 · met twice · last 6 days ago · since Sep 2024"; "" where there was no contact."""
    numbers = contact.numbers
    parts = []
    if numbers.they_wrote or numbers.you_wrote:
        parts.append(f"they wrote {_times(numbers.they_wrote)}, you {numbers.you_wrote:,}")
    if numbers.meetings:
        parts.append(f"met {_times(numbers.meetings)}")
    if contact.last_interaction_at:
        parts.append(f"last {relative_text(contact.last_interaction_at, now, zone)}")
    if contact.first_interaction_at:
        parts.append(f"since {_month(contact.first_interaction_at, zone)}")
    return " · ".join(parts)


def going_cold_text(contact: ContactSummary, now: datetime, zone: ZoneInfo) -> str:
    """ "last contact 74 days ago, you used to write every 2 weeks"; "" where the relationship is not going cold."""
    cold, last = contact.going_cold, contact.last_interaction_at
    if cold is None or last is None:
        return ""
    days = (now.astimezone(zone).date() - last.astimezone(zone).date()).days
    return f"last contact {days} days ago, you used to write {interval_text(cold.usual_days)}"


def interval_text(days: int) -> str:
    """ "every day", "every 5 days", "every week", "every 2 weeks", "every month", "every 2 months": as one would put it."""
    if days <= 10:
        return {1: "every day", 7: "every week"}.get(days, f"every {days} days")
    if days <= 24:
        return f"every {round(days / 7)} weeks"
    months = max(1, round(days / 30.4))
    return "every month" if months == 1 else f"every {months} months"


def history_line(history: Sequence[MonthScore]) -> HistoryLine | None:
    """The score of each month as a small line; None where there never was any."""
    if not any(entry.score for entry in history):
        return None
    heights = [HEIGHT - HEIGHT * entry.score // 10 + 2 for entry in history]  # the line is two wide
    places = [(2 + STEP * number, y) for number, y in enumerate(heights)]
    scores = [entry.score for entry in history]
    words = f"{scores[0]} in {_month_name(history[0].month)}, {scores[-1]} now, between {min(scores)} and {max(scores)}"
    return HistoryLine(
        points=" ".join(f"{x},{y}" for x, y in places),
        last_x=places[-1][0],
        last_y=places[-1][1],
        width=STEP * (len(history) - 1) + 4,
        height=HEIGHT + 4,
        words=f"The relationship month by month: {words}.",
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _month(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{MONTHS[local.month - 1]} {local.year}"


def _month_name(month: str) -> str:
    year, number = month.split("-")
    return f"{MONTHS[int(number) - 1]} {year}"
