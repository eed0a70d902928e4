"""The relationship score in words: each part, what it looks at and what it has found. Pure."""

from typing import NamedTuple

from libs.common.requests import Score


class PartText(NamedTuple):
    """One part of the score: its name, its points of how many, and a sentence."""

    name: str
    points: int
    most: int
    sentence: str


RECIPROCITY = (
    "only one of you writes",
    "one of you writes far more",
    "one of you writes about twice as much",
    "you write almost equally",
    "you write equally",
)
RECENCY = ("nothing from them in 90 days", "heard within 90 days", "heard within 30 days", "heard within a week")
FREQUENCY = ("seldom", "now and then", "often")
BREADTH = ("on one platform", "on more than one platform")
TENURE = (
    "young, or few exchanges",
    "over a year and 20 exchanges",
    "over two years and 50 exchanges",
)


def part_texts(score: Score) -> list[PartText]:
    """The parts in the order in which they are explained; together they are the score, at most 10."""
    return [
        PartText("Give and take", score.reciprocity, 4, RECIPROCITY[score.reciprocity]),
        PartText("Recent", score.recency, 3, RECENCY[score.recency]),
        PartText("Frequent", score.frequency, 2, FREQUENCY[score.frequency]),
        PartText("Breadth", score.breadth, 1, BREADTH[score.breadth]),
        PartText("Lasting", score.tenure, 2, TENURE[score.tenure]),
    ]
