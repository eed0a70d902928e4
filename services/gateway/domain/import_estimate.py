"""How long it takes to import a mailbox, as far as Gmail's quota decides it. Pure."""

from collections.abc import Mapping
from math import ceil

from pydantic import BaseModel, Field

LONG_THREAD_MESSAGES = 6  # a mailbox of such threads is about the cheapest that there is
EXAMPLE_MESSAGES = 10_000


class ImportEstimate(BaseModel):
    """What Gmail's quota allows per mailbox: the first number for mail without replies, the second for long threads.

    Null where no quota is set here.
    """

    units_per_message: tuple[int, int]
    messages_per_minute: tuple[int, int] | None
    minutes_per_10000_messages: tuple[int, int] | None
    sentence: str = Field(description="The same, for people.")


def import_estimate(units_per_minute: int, live_percent: float, prices: Mapping[str, int]) -> ImportEstimate:
    """`units_per_minute`: the mailbox's ceiling, 0 = none; `live_percent` of it are not for imports."""
    single = prices["messages.get"]
    units = (single, max(min(single, round(prices["threads.get"] / LONG_THREAD_MESSAGES)), 1))
    if not (units_per_minute and single):
        sentence = "No quota is set here: mail comes in as fast as it is given out."
        return ImportEstimate(
            units_per_message=units, messages_per_minute=None, minutes_per_10000_messages=None, sentence=sentence
        )
    share = units_per_minute * (1 - live_percent / 100)
    slow, fast = (max(int(share / price), 1) for price in units)
    longest, shortest = (ceil(EXAMPLE_MESSAGES / rate) for rate in (slow, fast))
    return ImportEstimate(
        units_per_message=units,
        messages_per_minute=(slow, fast),
        minutes_per_10000_messages=(longest, shortest),
        sentence=f"Gmail's quota allows {slow:,} to {fast:,} messages a minute: {EXAMPLE_MESSAGES:,} messages take {shortest:,} to "
        f"{longest:,} minutes. The newest come first and show at once; you need not wait.",
    )
