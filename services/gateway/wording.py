"""What a user is told about a fact, in plain words with numbers; and about which facts nothing is said. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple, assert_never

from libs.common.events import (
    AccountConnected,
    AccountReauthRequired,
    BccUnclaimed,
    Kind,
    PrepFailed,
    PrepSent,
    SyncCompleted,
    SyncFailed,
)
from libs.common.ids import AccountId, RunId, UserId
from libs.common.scopes import missing

Level = Literal["info", "warning", "error"]
Told = AccountConnected | AccountReauthRequired | SyncCompleted | SyncFailed | BccUnclaimed | PrepSent | PrepFailed
NOUNS: dict[Kind, str] = {"mail": "Mail", "contacts": "Google Contacts", "calendar": "Calendar"}
UNATTENDED = frozenset({"poll", "push", "repair"})
ARRIVALS = frozenset({"poll", "push"})
REPEAT_HOURS = 6
DAY_MS = 86_400_000
THIS_IS_ME = "This is me"


class Counts(NamedTuple):
    """What syncs brought about."""

    new: int
    updated: int
    removed: int

    def __str__(self) -> str:
        return f"{self.new:,} new, {self.updated:,} updated, {self.removed:,} removed"


@dataclass(frozen=True)
class Notice:
    """A notification to be. `event_key` is the same for every telling of the same fact; `link` is a path on this server.

    `offer`: an address that one click adds to the user's own ones. `adds`: of several notices with one key the first is told,
    and the numbers of the others are added to it; `run_id` tells them apart.
    """

    user_id: UserId
    account_id: AccountId
    kind: str
    level: Level
    title: str
    body: str
    link: str
    event_key: str
    offer: str | None = None
    adds: Counts | None = None
    run_id: RunId | None = None

    def body_of(self, total: Counts) -> str:
        """The body with other numbers in place of its own."""
        return self.body.replace(str(self.adds), str(total))


def notice_of(event: Told) -> Notice | None:
    """None: not worth a notification."""
    match event:
        case AccountConnected():
            return _connected(event)
        case AccountReauthRequired():
            return _notice(
                event,
                level="error",
                title=f"{event.address} has to be connected again",
                body=f"{_sentence(event.reason)} Syncing goes on where it stopped as soon as you connect it.",
                link=_reconnect(event.account_id),
            )
        case SyncCompleted():
            return _completed(event)
        case SyncFailed():
            return _failed(event)
        case BccUnclaimed():
            return _unclaimed(event)
        case PrepSent():
            how = "" if event.ai else " Its talking points come from the facts alone, not from AI."
            return _notice(
                event,
                title=f"Brief sent: {event.title or 'untitled meeting'}",
                body=f"It is in your inbox. The meeting starts {_at(event.starts_at)}.{how}",
                link=f"/meetings/{event.meeting_id}",
            )
        case PrepFailed():
            return _notice(
                event,
                level="error",
                title=f"Brief not sent: {event.title or 'untitled meeting'}",
                body=f"{_sentence(event.error)} The meeting starts {_at(event.starts_at)}.",
                link=f"/meetings/{event.meeting_id}",
            )
        case _:
            assert_never(event)


def _connected(event: AccountConnected) -> Notice | None:
    """Only what was not granted is news: whoever has just connected an account knows that."""
    off = missing(event.scopes)
    if not off:
        return None
    count = "A permission is" if len(off) == 1 else f"{len(off)} permissions are"
    return _notice(
        event,
        level="warning",
        title=f"{count} missing for {event.address}",
        body=f"Without {'it' if len(off) == 1 else 'them'} this is off: {'; '.join(off.values())}. One click asks Google again.",
        link=_reconnect(event.account_id),
    )


def _completed(event: SyncCompleted) -> Notice | None:
    """Silent where nothing changed and nobody asked. `unhealed`: an audit found that these are missing for good.

    Mail that arrives by itself is one notification a day, whose numbers grow: one a message would drown all others.
    """
    counts = Counts(event.new, event.updated, event.removed)
    changed = any(counts)
    unhealed = event.skipped.get("unhealed", 0)
    if not (changed or unhealed or event.first or event.reason in ("user", "connected")):
        return None
    noun = NOUNS[event.kind]
    aside = event.skipped.get("set_aside", 0)
    notice = _notice(
        event,
        title=f"{noun}: first sync done" if event.first else f"{noun} synced",
        body=f"{event.address}: {counts if changed else 'nothing had changed'}."
        + (f" {aside:,} could not be read and were set aside." if aside else "")
        + (f" {unhealed:,} can't be brought onto the timelines: see the dead letters." if unhealed else ""),
        level="warning" if unhealed else "info",
        link="/",
    )
    if event.reason not in ARRIVALS or aside or unhealed:
        return notice
    day = _ms(event.run_id) // DAY_MS
    return replace(
        notice,
        event_key=f"{event.subject}:{event.account_id}:{event.kind}:{day}",
        adds=counts,
        run_id=event.run_id,
    )


def _ms(run_id: RunId) -> int:
    """When a run was asked for, in milliseconds since 1970: its id is a UUIDv7."""
    return run_id.int >> 80


def _failed(event: SyncFailed) -> Notice | None:
    """A dead permission has its own notification; it is repeated only to a user who asked for a sync.

    A poll fails every minute while something is away: of these one in six hours is told. The run's id carries its time.
    """
    if event.code == "reauth_required" and event.reason != "user":
        return None
    done = event.new + event.updated + event.removed
    kept = f" What was done is kept ({done:,} {'item' if done == 1 else 'items'})." if done else ""
    key = event.key()
    if event.reason in UNATTENDED:
        run_hours = _ms(event.run_id) // 3_600_000
        key = f"{event.account_id}:{event.kind}:{event.code}:{run_hours // REPEAT_HOURS}"
    return _notice(
        event,
        level="error",
        title=f"{NOUNS[event.kind]} could not be synced",
        body=f"{event.address}: {_sentence(event.error)}{kept}",
        link=_reconnect(event.account_id) if event.code in ("reauth_required", "missing_scope") else "/",
        key=key,
    )


def _unclaimed(event: BccUnclaimed) -> Notice:
    return _notice(
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


def _notice(
    event: Told, *, title: str, body: str, link: str, level: Level = "info", key: str = "", offer: str | None = None
) -> Notice:
    return Notice(
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


def _reconnect(account_id: AccountId) -> str:
    return f"/connect?account_id={account_id}"


def _sentence(text: str) -> str:
    """With a full stop at its end."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _at(moment: datetime) -> str:
    """The gateway does not know in which zone the reader is: the instant, in UTC."""
    return f"at {moment.astimezone(UTC):%H:%M} UTC"
