"""How much work a mailbox is, and how long it takes."""

from dataclasses import dataclass

from services.sync.domain.fetching import Prices

MESSAGES_PER_PAGE = 500


@dataclass(frozen=True, slots=True)
class WorkEstimate:
    """What an import comes to: messages in all, and quota units for those that are still to be fetched."""

    messages: int
    units: int


UNKNOWN = WorkEstimate(0, 0)


def mailbox_estimate(messages: int, threads: int, prices: Prices, page_units: int) -> WorkEstimate:
    """At most: all that the mailbox holds, as far as its profile shows. The listing finds how much of it lies in the lookback."""
    pages = -(-messages // MESSAGES_PER_PAGE)
    return WorkEstimate(messages, min(messages * prices.message, threads * prices.thread) + pages * page_units)


def eta_seconds(left: int, done: int, elapsed_seconds: float, left_units: int, units_per_second: float) -> float | None:
    """How long `left` items take: at the pace so far, and not faster than the quota allows. None: nothing is known yet.

    `units_per_second` 0: there is no ceiling.
    """
    if not left:
        return None
    at_pace = left * elapsed_seconds / done if done else 0.0
    at_quota = left_units / units_per_second if units_per_second else 0.0
    return round(max(at_pace, at_quota), 1) or None


def shown_total(done: int, total: int, done_before: int, total_before: int) -> int:
    """The total that is shown beside `done`, so that the bar never runs back: its share of done/total only grows.

    What comes to be known on the way makes a total larger at times; such work is shown once the bar has come so far again.
    """
    most = done * total_before // done_before if done_before else total
    return max(min(total, most), done)


def waiting(eta: float | None) -> str:
    """Why it takes so long: a note for people."""
    if eta is None:
        return "waiting for Gmail's quota"
    minutes = round(eta / 60)
    if minutes < 1:
        return "waiting for Gmail's quota, less than a minute"
    if minutes < 120:
        return f"waiting for Gmail's quota, about {minutes} min"
    return f"waiting for Gmail's quota, about {round(minutes / 60)} h"
