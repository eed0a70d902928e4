"""How a mailbox stays fresh: when it is polled, and what its watch at Gmail needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

# A mailbox that has been quiet for a while is polled after a tenth of that while, so the pause doubles as the quiet does.
QUIET_SHARE = 10
LONGEST_FACTOR = 10
SAFETY_NET = timedelta(minutes=15)

# A watch lasts 7 days and is renewed daily; a day of margin covers a schedule that did not fire.
WATCH_MARGIN = timedelta(days=1)
RETRY_AFTER_REFUSAL = timedelta(hours=1)
RETRY_AFTER_OUTAGE = timedelta(minutes=5)


def poll_pause(every: timedelta, quiet: timedelta, is_pushed: bool) -> timedelta:
    """How long a mailbox is left alone after a poll. `quiet`: since the last change was seen, or a user requested a sync.

    A mailbox of whose changes Gmail notifies is polled as a safety net only.
    """
    if is_pushed:
        return max(every, SAFETY_NET)
    return min(max(every, quiet / QUIET_SHARE), every * LONGEST_FACTOR)


@dataclass(frozen=True, slots=True)
class MailboxWatch:
    """The watch that was last requested of Gmail. No `topic`: none. No `due_at`: it is due now. No `expires_at`: it was refused."""

    topic: str = ""
    expires_at: datetime | None = None
    due_at: datetime | None = None

    def step(self, topic: str, now: datetime) -> Literal["begin", "stop", "nothing"]:
        """What to do about it, where `topic` is the one that is to be notified (empty: none)."""
        if topic != self.topic:
            return "begin" if topic else "stop"
        return "begin" if topic and (self.due_at is None or self.due_at <= now) else "nothing"

    @classmethod
    def granted(cls, topic: str, expires_at: datetime, now: datetime) -> "MailboxWatch":
        """Due again a day before it ends; if that is soon, not sooner than after an outage."""
        return cls(topic, expires_at, max(expires_at - WATCH_MARGIN, now + RETRY_AFTER_OUTAGE))

    def put_off(self, topic: str, due_at: datetime) -> "MailboxWatch":
        """Nothing came of it; what was granted for this topic before still stands."""
        return MailboxWatch(topic, self.expires_at if topic == self.topic else None, due_at)
