"""Every event that one service publishes for others: its subject, its payload, who publishes it and who consumes it.

    auth ── account.* settings.changed user.deleted ─────────────► sync contacts prep gateway
    Gmail ── Pub/Sub ──► gateway, or sync itself ── mailbox.notified ──► sync
    NATS ── clock.* ──► sync ── message.* person.* meeting.* ────► contacts ── contact.* bcc.* ──► gateway
                          ├── meeting.upcoming ──► prep ── prep.* ───────────────────────────────► gateway
                          └── sync.* ────────────────────────────────────────────────────────────► gateway
    any connector ── interaction.reported profile.reported ──► contacts
    each event of OFFERED ── a copy, under its user's subject ───► integrations that may have it

Commands and queries (request and reply) are in requests/. The NATS permissions, the streams' consumers and the AsyncAPI
document are derived from this file; a test compares it with what the services really subscribe to.
"""

import hashlib
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.ids import AccountId, ContactId, MeetingId, RunId, Service, UserId
from libs.common.preferences import Preferences

Kind = Literal["mail", "contacts", "calendar"]
Reason = Literal["connected", "schedule", "user", "push", "poll", "settings", "repair"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def _digest(address: str) -> str:
    """Stands for an address in a key: keys are headers, which are shown where bodies are not."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]


class Event(BaseModel):
    """Something that happened. Frozen, in the past tense, delivered at least once."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # as in requests/shape.py

    subject: ClassVar[str]
    published_by: ClassVar[tuple[Service | Literal["clock", "connector"], ...]]
    consumed_by: ClassVar[tuple[Service, ...]]

    # An order to delete must not be lost in the deletion that it orders: its dead letters stay when those of its user go.
    outlives_purge: ClassVar[bool] = False
    # A hint that nobody can handle is dropped: what it reports is found without it, and nothing private is kept under no name.
    is_hint: ClassVar[bool] = False

    def key(self) -> str:
        """What makes two publications of this event the same one (`Nats-Msg-Id`); empty = never the same."""
        return ""

    def about(self) -> dict[str, UUID]:
        """The `user` and the `account` that it concerns, where it concerns one: what its log lines carry."""
        return {name: value for name in ("user", "account") if (value := getattr(self, f"{name}_id", None))}

    def useful_until(self) -> datetime | None:
        """Until when handling it is of any use; retries don't wait past that. None: always."""
        return None


# --- accounts ---------------------------------------------------------------------------------------------------------


class AccountEvent(Event):
    """What happened to one account. Of two such events the one with the higher `sequence`, counted by `auth`, is the later one.

    `at` orders only events of versions that did not count: their sequence is 0.
    """

    user_id: UserId
    account_id: AccountId
    sequence: int = 0
    at: datetime

    def key(self) -> str:
        return f"{self.account_id}:{self.sequence or self.at.isoformat()}"


class AccountConnected(AccountEvent):
    """A Google account was connected, or its permissions were renewed (`again`)."""

    subject = "account.connected"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts", "gateway")

    address: str
    scopes: frozenset[str]
    again: bool


class AccountReauthRequired(AccountEvent):
    """Google no longer accepts the account's refresh token. `reason` is a sentence for the user."""

    subject = "account.reauth_required"
    published_by = ("auth",)
    consumed_by = ("sync", "gateway")

    address: str
    reason: str


class AccountIdentified(Event):
    """All addresses under which an account sends and receives, as Gmail knew them `at` that moment: the highest `revision` wins.

    `sync` counts them. Those of versions that did not count have revision 0, and `at` orders them.
    """

    subject = "account.identified"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    addresses: tuple[str, ...]
    revision: int = 0
    at: datetime

    def key(self) -> str:
        return f"{self.account_id}:{self.revision or self.at.isoformat()}"


class AccountDisconnected(AccountEvent):
    """The user disconnected the account. With `purge`, what was imported from it goes too, for good: its id never comes back."""

    subject = "account.disconnected"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts", "prep", "gateway")
    outlives_purge = True

    purge: bool


class UserDeleted(Event):
    """Everything of this user goes, everywhere."""

    subject = "user.deleted"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts", "prep", "gateway")
    outlives_purge = True

    user_id: UserId
    account_ids: tuple[AccountId, ...]

    def key(self) -> str:
        return str(self.user_id)


class SettingsChanged(Event):
    """The user's settings, as they were and as they are. `version` grows with each change."""

    subject = "settings.changed"
    published_by = ("auth",)
    consumed_by = ("sync", "contacts")

    user_id: UserId
    version: int
    before: Preferences
    after: Preferences

    def key(self) -> str:
        return f"{self.user_id}:{self.version}"


# --- clock ------------------------------------------------------------------------------------------------------------


class Tick(Event):
    """A schedule of the NATS server fired: once per cluster, however many replicas run. The payload is empty."""

    published_by = ("clock",)
    consumed_by = ("sync",)
    schedule: ClassVar[str]


class MailDue(Tick):
    subject = "clock.mail"
    schedule = "0 0 */6 * * *"


class ContactsDue(Tick):
    subject = "clock.contacts"
    schedule = "0 0 */6 * * *"


class CalendarDue(Tick):
    subject = "clock.calendar"
    schedule = "0 0 6 * * *"


class PrepDue(Tick):
    subject = "clock.prep"
    schedule = "@every 10m"


class WatchDue(Tick):
    subject = "clock.watch"
    schedule = "0 30 4 * * *"


class AuditDue(Tick):
    """Every mailbox is to be compared with what is recorded of it."""

    subject = "clock.audit"
    schedule = "0 0 3 * * *"


# --- sync -------------------------------------------------------------------------------------------------------------


class SyncRequested(Event):
    """Somebody wants this account's mail, contacts or calendar brought up to date."""

    subject = "sync.requested"
    published_by = ("sync", "gateway")
    consumed_by = ("sync",)

    user_id: UserId
    account_id: AccountId
    kind: Kind
    reason: Reason


class MailboxNotified(Event):
    """Gmail notified through Pub/Sub that a mailbox has changed up to `history_id`. A hint: late, twice, out of order, or never.

    `address` is the mailbox's, canonical; it may be nobody's here. `notified_at`: when Google published it.
    """

    subject = "mailbox.notified"
    published_by = ("gateway", "sync")
    consumed_by = ("sync",)
    is_hint = True

    address: str
    history_id: int
    notified_at: datetime

    def key(self) -> str:
        return f"{_digest(self.address)}:{self.history_id}"


class SyncProgressed(Event):
    """How far a run is: `done` of `total` items (total may still grow), `eta_seconds` where it can be told."""

    subject = "sync.progressed"
    published_by = ("sync",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    run_id: RunId
    kind: Kind
    done: int
    total: int
    eta_seconds: float | None = None
    note: str = ""


class SyncCompleted(Event):
    """A run ended well: how many items were new, updated, removed; `skipped` counts by reason."""

    subject = "sync.completed"
    published_by = ("sync",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    address: str
    run_id: RunId
    kind: Kind
    reason: Reason
    new: int
    updated: int
    removed: int
    skipped: dict[str, int] = {}
    seconds: float
    first: bool = False

    def key(self) -> str:
        return f"{self.run_id}:completed"


class SyncFailed(Event):
    """A run ended with an error. What it had done is kept; it goes on from there. `error` is a sentence for the user."""

    subject = "sync.failed"
    published_by = ("sync",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    address: str
    run_id: RunId
    kind: Kind
    reason: Reason
    code: str
    error: str
    new: int
    updated: int
    removed: int
    seconds: float

    def key(self) -> str:
        return f"{self.run_id}:failed"


Role = Literal["from", "to", "cc", "bcc", "bcc_log", "attendee", "organizer", "other"]


class Person(BaseModel):
    """Somebody on a message or meeting: the address as it was written, the name shown with it, the role."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    role: Role
    address: str
    name: str = ""


class MessageIngested(Event):
    """One eligible Gmail message. `revision` grows with each thing that happens to it: a later one wins over an earlier.

    `people` follows docs/rules.md (author first, role `from`). `automated` names the rule that fits, or is empty. `bcc_tags` are the
    `+tags` of own addresses seen in Delivered-To, X-Gm-Original-To, Bcc, To and Cc. `dated` is what the Date header comes to
    (docs/rules.md), empty in events of versions that did not look at it. `dmarc` is the verdict in Authentication-Results,
    `sent` says that Gmail has it among what this account sent. What fails DMARC and was not sent may not be its author's; where the
    author is the user, it is forged.
    """

    subject = "message.ingested"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    gmail_id: str
    thread_id: str
    revision: int
    rfc_message_id: str | None
    dated: str = ""
    occurred_at: datetime
    people: tuple[Person, ...]
    title: str
    snippet: str
    automated: str = ""
    via: bool = False
    bcc_tags: tuple[str, ...] = ()
    dmarc: Literal["pass", "fail", "unknown"] = "unknown"
    sent: bool = False

    def key(self) -> str:
        return f"{self.account_id}:{self.gmail_id}:{self.revision}"


class MessageRemoved(Event):
    """A message left the mailbox (`deleted`), or went where it does not count (`trash`, `spam`, …)."""

    subject = "message.removed"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    gmail_id: str
    revision: int
    reason: str

    def key(self) -> str:
        return f"{self.account_id}:{self.gmail_id}:{self.revision}"


class PersonImported(Event):
    """One card of Google Contacts, as it is now. Phones and emails as they were written.

    `canonical_phones`: the phones in E.164, in the same order, as far as Google knows their country; empty where it does not.
    """

    subject = "person.imported"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    resource_name: str
    revision: int
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    canonical_phones: tuple[str, ...] = ()
    organization: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    urls: tuple[str, ...] = ()
    former_names: tuple[str, ...] = ()

    def key(self) -> str:
        return f"{self.account_id}:{self.resource_name}:{self.revision}"


class PersonRemoved(Event):
    """A card is gone from Google Contacts."""

    subject = "person.removed"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    resource_name: str
    revision: int

    def key(self) -> str:
        return f"{self.account_id}:{self.resource_name}:{self.revision}"


Answer = Literal["accepted", "declined", "tentative", "needsAction"]


class Guest(BaseModel):
    """One entry of a meeting's guest list. `me`: Google says that it is the account itself."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    address: str
    name: str = ""
    answer: Answer = "needsAction"
    organizer: bool = False
    optional: bool = False
    resource: bool = False
    me: bool = False


class Meeting(BaseModel):
    """One event instance as it stands in one account's calendar. All-day: `start_date` and `end_date` (exclusive) are set.

    Times are UTC instants; `time_zone` is the IANA name of the zone that the event names, else of its calendar's;
    `calendar_time_zone` that of the account's primary calendar, empty where it is not known. The description never leaves `sync`.
    `guests`: at most 400 of `guests_total`; `guests_hidden`: Google leaves some out, the list is hidden or too long.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    meeting_id: MeetingId
    user_id: UserId
    account_id: AccountId
    calendar_id: str
    event_id: str
    ical_uid: str = ""
    original_start: str = ""
    revision: int
    title: str
    starts_at: datetime
    ends_at: datetime
    all_day: bool = False
    start_date: date | None = None
    end_date: date | None = None
    time_zone: str = "UTC"
    calendar_time_zone: str = ""
    place: str = ""
    video_url: str = ""
    private: bool = False
    organizer: Guest | None = None
    guests: tuple[Guest, ...] = ()
    guests_total: int = 0
    guests_hidden: bool = False
    my_answer: Answer = "accepted"

    @property
    def series_key(self) -> str:
        """The same for every copy of this instance in other calendars; without an iCalUID it has none outside its own."""
        calendar = self.account_id if self.calendar_id == "primary" else self.calendar_id
        return f"{self.ical_uid or f'{calendar}/{self.event_id}'}@{self.original_start or self.starts_at.isoformat()}"


class MeetingIngested(Event):
    """A meeting is new or has changed."""

    subject = "meeting.ingested"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    meeting: Meeting

    def key(self) -> str:
        return f"{self.meeting.meeting_id}:{self.meeting.revision}"

    def about(self) -> dict[str, UUID]:
        return {"user": self.meeting.user_id, "account": self.meeting.account_id}


class MeetingCancelled(Event):
    """A meeting was cancelled, deleted, or left the calendars that are read."""

    subject = "meeting.cancelled"
    published_by = ("sync",)
    consumed_by = ("contacts",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    calendar_id: str
    event_id: str
    revision: int

    def key(self) -> str:
        return f"{self.meeting_id}:{self.revision}"


# A brief that arrives later than this before its meeting is not read any more.
MIN_BRIEF_LEAD = timedelta(minutes=5)


class MeetingUpcoming(Event):
    """A meeting starts soon enough for its brief. Published by each scan that finds it; `prep` briefs once."""

    subject = "meeting.upcoming"
    published_by = ("sync",)
    consumed_by = ("prep",)

    meeting: Meeting

    def about(self) -> dict[str, UUID]:
        return {"user": self.meeting.user_id, "account": self.meeting.account_id}

    def useful_until(self) -> datetime:
        return self.meeting.starts_at - MIN_BRIEF_LEAD


# --- other platforms --------------------------------------------------------------------------------------------------


class InteractionReported(Event):
    """A connector saw a message, call or note on its platform (not `gmail`, `email` or `calendar`). `ref` is unique per user and platform.

    Reported again it replaces what was reported before, so no two reports are the same one: a correction has to get through.
    """

    subject = "interaction.reported"
    published_by = ("gateway", "connector")
    consumed_by = ("contacts",)

    user_id: UserId
    platform: str
    ref: str
    occurred_at: datetime
    direction: Literal["inbound", "outbound", "mutual"]
    kind: str
    identities: tuple["Identity", ...]
    title: str = ""
    text: str = ""
    thread: str = ""


class Identity(BaseModel):
    """What identifies a person on a platform: kind (`email`, `phone`, `telegram`, `linkedin`, …) and value, and what they are called there.

    `emails` and `phones`: what the platform shows of the same person besides. They link nobody: whose they are is suggested to the user.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    kind: str
    value: str
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


class ProfileReported(Event):
    """A connector read somebody's profile: the bio on its platform."""

    subject = "profile.reported"
    published_by = ("gateway", "connector")
    consumed_by = ("contacts",)

    user_id: UserId
    platform: Literal["twitter", "linkedin", "telegram"]
    identity: Identity
    bio: str
    at: datetime


# --- what the gateway shows ---------------------------------------------------------------------------------------------


class ContactChanged(Event):
    """Contacts whose details or timeline changed, coalesced per batch (at most 500 ids an event)."""

    subject = "contact.changed"
    published_by = ("contacts",)
    consumed_by = ("gateway",)

    user_id: UserId
    contact_ids: tuple[ContactId, ...]


class BccUnclaimed(Event):
    """A mail carries a contact's BCC hash and comes from an address that is not known as the user's: is it them?

    Said once per user and address. `address` is canonical, `name` the one that the mail shows with it.
    """

    subject = "bcc.unclaimed"
    published_by = ("contacts",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    address: str
    name: str = ""
    contact_id: ContactId

    def key(self) -> str:
        return f"{self.user_id}:{_digest(self.address)}"


class PrepSent(Event):
    """A brief arrived in Gmail. `ai` is false where the talking points were derived from the facts alone."""

    subject = "prep.sent"
    published_by = ("prep",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    ai: bool
    cost_usd: float = 0.0

    def key(self) -> str:
        return f"{self.meeting_id}:{self.starts_at.isoformat()}:sent"


class PrepSkipped(Event):
    """A meeting gets no brief, and why: for a browser that shows the meeting. It is no reason to notify anybody."""

    subject = "prep.skipped"
    published_by = ("prep",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    starts_at: datetime
    reason: str

    def key(self) -> str:
        return f"{self.meeting_id}:{self.starts_at.isoformat()}:{self.reason}"


class PrepFailed(Event):
    """A brief could not be sent in time. `error` is a sentence for the user.

    `code` names what stands in the way of every brief of the account (`api_disabled`, `domain_policy`, …); empty where it is only this one.
    """

    subject = "prep.failed"
    published_by = ("prep",)
    consumed_by = ("gateway",)

    user_id: UserId
    account_id: AccountId
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    error: str
    code: str = ""

    def key(self) -> str:
        return f"{self.meeting_id}:{self.starts_at.isoformat()}:failed"


class NotificationCreated(Event):
    """A notification was stored: for live push, on whichever replica the user's browser hangs."""

    subject = "notification.created"
    published_by = ("gateway",)
    consumed_by = ("gateway",)

    user_id: UserId
    notification_id: UUID

    def key(self) -> str:
        return str(self.notification_id)


EVENTS: tuple[type[Event], ...] = (
    AccountConnected, AccountReauthRequired, AccountIdentified, AccountDisconnected, UserDeleted, SettingsChanged,
    SyncRequested, MailboxNotified, SyncProgressed, SyncCompleted, SyncFailed,
    MessageIngested, MessageRemoved, PersonImported, PersonRemoved, MeetingIngested, MeetingCancelled, MeetingUpcoming,
    InteractionReported, ProfileReported,
    ContactChanged, BccUnclaimed, PrepSent, PrepSkipped, PrepFailed, NotificationCreated,
)  # fmt: skip
TICKS: tuple[type[Tick], ...] = (MailDue, ContactsDue, CalendarDue, PrepDue, WatchDue, AuditDue)

# Told to every replica of the gateway, for the browsers that hang on it: plain NATS, nothing is kept.
BROADCAST: tuple[type[Event], ...] = (SyncProgressed, NotificationCreated, ContactChanged, PrepSkipped)
# Broadcasts on which their consumers act besides: the stream keeps them until they did, also what came while they were off.
ALSO_KEPT: tuple[type[Event], ...] = (ContactChanged,)
# What an integration may subscribe to: it gets a copy that names its user in the subject (integrations.py). Settings stay
# inside, and so does what only steers the services or the pages.
OFFERED: tuple[type[Event], ...] = (
    AccountConnected, AccountReauthRequired, AccountDisconnected, UserDeleted, SyncCompleted, SyncFailed,
    MessageIngested, MessageRemoved, PersonImported, PersonRemoved, MeetingIngested, MeetingCancelled, MeetingUpcoming,
    ContactChanged, PrepSent, PrepSkipped, PrepFailed,
)  # fmt: skip
# Handled in batches of up to 100 with one transaction.
BATCHED: tuple[type[Event], ...] = (MessageIngested, MessageRemoved, PersonImported, MeetingIngested)
