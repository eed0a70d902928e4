"""Fault points: named places between the steps of handlers and jobs, where a test can raise, wait, or end the process.

    await reached("sync.history.applied")            # in the product: between two steps that must not be torn apart
    act_at_fault_points(action)                      # in a test: `action` is called with each point that is reached

In production nobody acts, and a point costs a call that returns at once; so they stand where a batch or a step ends, not where a
message does. tests/integration/fault_points goes through all of them: one that no scenario reaches is an error.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

FaultPoint: TypeAlias = Literal[
    # Every event that is consumed (`of`: the consumer), and every request that is served (`of`: its subject).
    "bus.received",
    "bus.handled",
    "request.received",
    "request.handled",
    # What a service commits without a message behind it (`of`: the subject while it is added, then the service).
    "outbox.adding",
    "outbox.relaying",
    "outbox.published",
    # auth
    "auth.code.exchanged",
    "auth.grant.revoked",
    "auth.token.refreshed",
    # sync: what requests runs
    "sync.request.checked",
    "sync.requesting",
    "sync.watches.made_due",
    "sync.audits.scheduled",
    "sync.item_audits.made_due",
    "sync.polls.taken",
    "sync.pubsub.pulled",
    "sync.pubsub.published",
    # sync: a run of mail
    "sync.identify.counted",
    "sync.identify.published",
    "sync.watch.begun",
    "sync.listing.fetched",
    "sync.listing.added",
    "sync.listing.stored",
    "sync.listing.swept",
    "sync.history.fetched",
    "sync.history.stored",
    "sync.history.applied",
    "sync.removals.found",
    "sync.removals.published",
    "sync.messages.read",
    "sync.messages.published",
    "sync.audit.began",
    "sync.audit.page_added",
    "sync.audit.page_stored",
    "sync.audit.compared",
    "sync.audit.counted",
    "sync.audit.raised",
    "sync.audit.ending",
    # sync: a run of contacts, of a calendar
    "sync.people.stored",
    "sync.people.published",
    "sync.people.read",
    "sync.people.removals_published",
    "sync.people.applied",
    "sync.calendar.fetched",
    "sync.calendar.stored",
    "sync.calendar.found",
    "sync.calendar.published",
    "sync.calendar.applied",
    "sync.calendar.forgotten",
    "sync.item_audit.compared",
    "sync.item_audit.ending",
    "sync.scan.published",
    # sync: the end of every run
    "sync.run.worked",
    "sync.run.ended",
    "sync.run.concluded",
    # contacts
    "contacts.recorded",
    "contacts.merge.recorded",
    "contacts.undo.recorded",
    "contacts.committed",
    "contacts.rechecks.changed",
    "contacts.rechecks.chunk",
    "contacts.purge.marked",
    "contacts.purge.chunk",
    "contacts.purge.done",
    "contacts.deletion.marked",
    "contacts.deletion.chunk",
    "contacts.deletion.done",
    "contacts.scores.chunk",
    "contacts.duplicates.chunk",
    "contacts.offers.published",
    # prep
    "prep.key.set",
    "prep.leased",
    "prep.gathered",
    "prep.written",
    "prep.handed_over",
    "prep.delivered",
    "prep.abandoned.settled",
    # gateway
    "gateway.notification.inserted",
    "gateway.notified",
    "gateway.webhook.leased",
    "gateway.webhook.posting",
    "gateway.webhook.posted",
    "gateway.push.published",
    "gateway.export.page",
]

Action: TypeAlias = Callable[[FaultPoint, str], Awaitable[None]]

_action: Action | None = None


async def reached(point: FaultPoint, of: str = "") -> None:
    """A step is done and the next one has not begun. `of`: which of several, where the same steps serve many."""
    if _action is not None:
        await _action(point, of)


def act_at_fault_points(action: Action | None) -> None:
    """From now on `action` is called with each point that this process reaches; None: nothing is, as in production."""
    global _action
    _action = action
