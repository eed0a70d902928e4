"""The notification that an event makes: its title and body in plain words with numbers, and where it leads. Pure.

Which runs make one at all is in notified_runs.py.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never, get_args
from zoneinfo import ZoneInfo

from libs.common.events import (
    AccountConnected,
    AccountReauthRequired,
    BccUnclaimed,
    PrepFailed,
    PrepSent,
    SyncCompleted,
    SyncFailed,
)
from libs.common.scopes import FEATURES, missing
from services.gateway.domain.accounts import reconnect_path
from services.gateway.domain.moments import UTC_ZONE, clock_text
from services.gateway.domain.notifications import KIND_NOUNS, THIS_IS_ME, ItemCounts, Level, NewNotification
from services.gateway.domain.notified_runs import count_of, is_account_wide, is_shared, notification_key, request_group
from services.gateway.domain.permissions import off_sentence

NotifiedEvent = (
    AccountConnected | AccountReauthRequired | SyncCompleted | SyncFailed | BccUnclaimed | PrepSent | PrepFailed
)
NOTIFIED_EVENTS: tuple[type[NotifiedEvent], ...] = get_args(NotifiedEvent)


def new_notification(event: NotifiedEvent, zone: ZoneInfo = UTC_ZONE) -> NewNotification | None:
    """None for an event that nobody has to be notified of. `zone`: the user's, where it is known."""
    match event:
        case AccountConnected():
            return _account_connected(event)
        case AccountReauthRequired():
            return _notification(
                event,
                level="error",
                title=f"{event.address} has to be connected again",
                body=f"{_as_sentence(event.reason)} Syncing goes on where it stopped as soon as you connect it.",
                link=reconnect_path(event.account_id),
            )
        case SyncCompleted():
            return _sync_completed(event)
        case SyncFailed():
            return _sync_failed(event)
        case BccUnclaimed():
            return _bcc_unclaimed(event)
        case PrepSent():
            how = "" if event.ai else " Its talking points come from the facts alone, not from AI."
            return _notification(
                event,
                title=f"Brief sent: {event.title or 'untitled meeting'}",
                body=f"It is in your inbox. The meeting starts {_at_time(event.starts_at, zone)}.{how}",
                link=f"/meetings/{event.meeting_id}",
            )
        case PrepFailed() if event.code:
            return _notification(
                event,
                level="error",
                title="Briefs can't be sent",
                body=f"{_as_sentence(event.error)} Until then no brief of this account is sent.",
                link="/settings",
                key=f"{event.account_id}:{event.code}:{event.starts_at.astimezone(UTC):%Y-%m-%d}",
            )
        case PrepFailed():
            return _notification(
                event,
                level="error",
                title=f"Brief not sent: {event.title or 'untitled meeting'}",
                body=f"{_as_sentence(event.error)} The meeting starts {_at_time(event.starts_at, zone)}.",
                link=f"/meetings/{event.meeting_id}",
            )
        case _:
            assert_never(event)


def _account_connected(event: AccountConnected) -> NewNotification | None:
    """None where everything was granted: whoever has just connected an account knows that they did."""
    off = missing(event.scopes)
    if not off:
        return None
    number = "All" if len(off) == len(FEATURES) else str(len(off))
    count = "A permission is" if len(off) == 1 else f"{number} permissions are"
    return _notification(
        event,
        level="warning",
        title=f"{count} missing for {event.address}",
        body=f"{off_sentence(off)} One click asks Google again.",
        link=reconnect_path(event.account_id),
    )


def _sync_completed(event: SyncCompleted) -> NewNotification | None:
    key = notification_key(event)
    if key is None:
        return None
    counts = ItemCounts(event.new, event.updated, event.removed)
    set_aside, unhealed = count_of(event, "set_aside"), count_of(event, "unhealed")
    noun = KIND_NOUNS[event.kind]
    notification = _notification(
        event,
        title=f"{noun}: first sync done" if event.first else f"{noun} synced",
        body=f"{event.address}: {counts if any(counts) else 'nothing had changed'}."
        + (f" {set_aside:,} could not be read and were set aside." if set_aside else "")
        + (f" {unhealed:,} can't be brought onto the timelines: see the dead letters." if unhealed else ""),
        level="warning" if unhealed else "info",
        link="/",
        key=key,
    )
    if group := request_group(event):
        title = f"First sync of {event.address}" if event.first else f"{event.address} synced"
        together = replace(notification, title=title, counts=counts, run_id=event.run_id, group=group)
        return replace(together, body=together.body_with(together.counted))
    return replace(notification, counts=counts, run_id=event.run_id) if is_shared(event) else notification


def _sync_failed(event: SyncFailed) -> NewNotification | None:
    key = notification_key(event)
    if key is None:
        return None
    done = event.new + event.updated + event.removed
    kept = f" What was done is kept ({done:,} {'item' if done == 1 else 'items'})." if done else ""
    what = KIND_NOUNS[event.kind]
    if is_account_wide(event):  # the first of several: their numbers would be those of one alone
        what, kept = event.address, " What was done is kept."
    return _notification(
        event,
        level="error",
        title=f"{what} could not be synced",
        body=f"{event.address}: {_as_sentence(event.error)}{kept}",
        link=reconnect_path(event.account_id) if event.code == "missing_scope" else "/",
        key=key,
    )


def _bcc_unclaimed(event: BccUnclaimed) -> NewNotification:
    return _notification(
        event,
        level="warning",
        title=f"Is {event.address} you?",
        body=(
            f"A mail from {event.address} was sent in copy to the BCC address of one of your contacts. It was not logged, because only "
            f"your own mail is. If the address is yours, “{THIS_IS_ME}” logs this mail and those to come."
        ),
        link="/",
        offer=event.address,
    )


def _notification(
    event: NotifiedEvent,
    *,
    title: str,
    body: str,
    link: str,
    level: Level = "info",
    key: str = "",
    offer: str | None = None,
) -> NewNotification:
    return NewNotification(
        user_id=event.user_id,
        account_id=event.account_id,
        kind="permissions.missing" if isinstance(event, AccountConnected) else event.subject,
        level=level,
        title=title,
        body=body,
        link=link,
        event_key=f"{event.subject}:{key or event.key()}",
        offer=offer,
    )


def _as_sentence(text: str) -> str:
    """With a full stop at its end."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _at_time(moment: datetime, zone: ZoneInfo) -> str:
    """The user's clock. UTC is named: it is nobody's clock by itself."""
    return f"at {clock_text(moment, zone)}" + (" UTC" if zone == UTC_ZONE else "")
