"""What an audit of meetings or cards concludes, in a sentence for people."""

from dataclasses import dataclass

from libs.common.events import Kind


@dataclass(frozen=True, slots=True)
class ItemCount:
    """Meetings or cards that were published and compared; those that were lost and published again; those that were so too often."""

    compared: int
    healed: int
    unhealed: int


def summary(kind: Kind, count: ItemCount | None) -> str:
    """`count`: that of the last audit, None where none has ended."""
    plural, singular = ("meetings", "meeting") if kind == "calendar" else ("cards", "card")
    if count is None:
        return f"The {plural} were not compared yet; that is done once a day."
    if not count.compared:
        return f"There are no {plural} in what is imported."
    noun = singular if count.compared == 1 else plural
    healed = f"; {count.healed:,} had been lost and {_was(count.healed)} published again" if count.healed else ""
    if count.unhealed:
        return f"{count.unhealed:,} of {count.compared:,} {noun} can't be brought onto the timelines{healed}."
    every = "The" if count.compared == 1 else "All"
    return f"{every} {count.compared:,} {noun} {_was(count.compared)} found where they belong{healed}."


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
