"""Which runs a user is notified of, and which of them share one notification. The whole rule is here. Pure.

a run that completed    and changed nothing, was not the first, and nobody requested it      no notification
                        mail that arrived by itself, and all of it could be read             one a day, with growing numbers
                        somebody requested it, and all of it could be read                   one for all kinds that were requested
                                                                                             together, which grows as they end
                        any other                                                            one a run
a run that failed       as the grant is dead, which has a notification of its own            none
                        as a permission is missing                                           one a day for each kind
                        for what stops all kinds of an account alike                         one for all kinds that were requested together,
                                                                                             else one in six hours
                        and that nobody waits for: it is tried again and again               one in six hours for each error
                        any other                                                            one a run

One cause has one notification: three kinds that fail because Google is away, or all that a dead grant stops, are one thing to people.
"""

from datetime import UTC, datetime
from typing import Literal

from libs.common.events import Reason, SyncCompleted, SyncFailed
from libs.common.ids import RunId
from services.gateway.domain.notifications import RequestGroup

AWAITED: frozenset[Reason] = frozenset({"user", "connected"})
ARRIVALS: frozenset[Reason] = frozenset({"poll", "push"})
UNATTENDED: frozenset[Reason] = ARRIVALS | {"repair"}
# What stops mail, contacts and calendar of an account alike: Google, or what we need ourselves, is away; its token can't be opened.
ACCOUNT_WIDE = frozenset({"unavailable", "token_unreadable", "unauthorized"})
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SAME_ERROR_HOURS = 6

Trouble = Literal["set_aside", "unhealed"]


def notification_key(event: SyncCompleted | SyncFailed) -> str | None:
    """The key of the run's notification, the same for runs that share one; None for a run that nobody is notified of."""
    match event:
        case SyncCompleted():
            return _completed_key(event)
        case SyncFailed():
            return _failed_key(event)


def is_shared(event: SyncCompleted) -> bool:
    """Whether the run is counted in the notification of its day: one a message would drown all others."""
    return event.reason in ARRIVALS and _is_whole(event)


def request_group(event: SyncCompleted) -> RequestGroup | None:
    """The runs that were requested together with this one; None for a run that nobody waits for, or that could not read all."""
    if event.reason not in AWAITED or not _is_whole(event):
        return None
    requested_at = datetime.fromtimestamp(_requested_at_ms(event.run_id) / 1000, UTC)
    return RequestGroup(f"{event.account_id}:{event.reason}", requested_at, event.kind)


def _is_whole(event: SyncCompleted) -> bool:
    return not any(count_of(event, trouble) for trouble in ("set_aside", "unhealed"))


def count_of(event: SyncCompleted, trouble: Trouble) -> int:
    """How many messages were set aside as unreadable, or were found by an audit to be missing for good."""
    return event.skipped.get(trouble, 0)


def is_account_wide(event: SyncFailed) -> bool:
    """Whether what made the run fail stops all kinds of its account, so that their runs share a notification."""
    return event.code in ACCOUNT_WIDE


def _completed_key(event: SyncCompleted) -> str | None:
    changed = event.new or event.updated or event.removed or count_of(event, "unhealed")
    if not (changed or event.first or event.reason in AWAITED):
        return None
    if is_shared(event):
        return f"{event.account_id}:{event.kind}:{_requested_at_ms(event.run_id) // DAY_MS}"
    return event.key()


def _failed_key(event: SyncFailed) -> str | None:
    requested_ms = _requested_at_ms(event.run_id)
    period = requested_ms // (SAME_ERROR_HOURS * HOUR_MS)
    if event.code == "reauth_required":
        return None
    if event.code == "missing_scope":
        return f"{event.account_id}:{event.kind}:{event.code}:{requested_ms // DAY_MS}"
    if is_account_wide(event):
        together = f"minute {requested_ms // MINUTE_MS}" if event.reason in AWAITED else period
        return f"{event.account_id}:{event.code}:{together}"
    if event.reason in UNATTENDED:
        return f"{event.account_id}:{event.kind}:{event.code}:{period}"
    return event.key()


def _requested_at_ms(run_id: RunId) -> int:
    """When a run was requested, in milliseconds since 1970: its id is a UUIDv7."""
    return run_id.int >> 80
