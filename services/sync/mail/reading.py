"""Reading what Gmail gave: message by message, so that a group of them keeps nobody waiting and none of them spoils the others."""

from collections.abc import Collection, Sequence
from datetime import datetime
from time import perf_counter

from libs.common.log import get_logger
from libs.common.resources.gmail import GmailMessage
from libs.common.time_slice import TimeSlice
from services.sync.domain import mail as rules
from services.sync.domain.fetching import Fetched, FetchOutcome, fetch_outcome, unreadable

SLOW_SECONDS = 0.25  # a thousand times what a message takes


async def read_group(
    group: Sequence[Fetched], me: rules.Me, earliest: datetime | None, brief_tokens: Collection[str] = frozenset()
) -> list[FetchOutcome]:
    """What becomes of each message. One that can't be read is set aside, whatever is wrong with it."""
    reading = TimeSlice()
    outcomes: list[FetchOutcome] = []
    for fetched in group:
        began = perf_counter()
        try:
            outcome = fetch_outcome(fetched, me, earliest, brief_tokens)
        except Exception as error:
            get_logger().exception("message_unreadable", gmail_id=fetched.wanted.gmail_id)
            outcome = unreadable(fetched.wanted, type(error).__name__)
        _log_if_slow(fetched.wanted.gmail_id, perf_counter() - began)
        outcomes.append(outcome)
        await reading.pause_if_over()
    return outcomes


def read_again(message: GmailMessage, me: rules.Me, revision: int) -> rules.Outcome:
    """What becomes of a message that was recorded once, whatever its age."""
    began = perf_counter()
    try:
        return rules.read(message, me, None, revision)
    except Exception as error:
        get_logger().exception("message_unreadable", gmail_id=message.gmail_id)
        return rules.SetAside(f"Reading it failed: {type(error).__name__}.")
    finally:
        _log_if_slow(message.gmail_id, perf_counter() - began)


def _log_if_slow(gmail_id: str | None, seconds: float) -> None:
    if seconds > SLOW_SECONDS:
        get_logger().warning("message_slow", gmail_id=gmail_id, ms=round(seconds * 1000))
