"""Every event that one service publishes for others: its subject, its payload, who publishes it and who consumes it.

    auth ── account.* settings.changed user.deleted ─────────────► sync contacts prep gateway
    Gmail ── Pub/Sub ──► gateway, or sync itself ── mailbox.notified ──► sync
    NATS ── clock.* ──► sync ── message.* person.* meeting.* ────► contacts ── contact.* bcc.* ──► gateway
                          ├── meeting.upcoming ──► prep ── prep.* ───────────────────────────────► gateway
                          └── sync.* ────────────────────────────────────────────────────────────► gateway
    any connector ── interaction.reported profile.reported ──► contacts
    each event of OFFERED ── a copy, under its user's subject ───► integrations that may have it

A module has the events of one subject; here they all come together. Commands and queries (request and reply) are in
requests/. The NATS permissions, the streams' consumers and the AsyncAPI document are derived from the tables below; a test
compares them with what the services really subscribe to.
"""

from libs.common.events.accounts import (
    AccountConnected,
    AccountDisconnected,
    AccountEvent,
    AccountIdentified,
    AccountReauthRequired,
    SettingsChanged,
    UserDeleted,
)
from libs.common.events.briefs import PrepFailed, PrepSent, PrepSkipped
from libs.common.events.contacts import BccUnclaimed, ContactChanged
from libs.common.events.event import Event
from libs.common.events.mail import MailboxNotified, MessageIngested, MessageRemoved, Person, Role
from libs.common.events.meetings import (
    MIN_BRIEF_LEAD,
    Answer,
    Guest,
    Meeting,
    MeetingCancelled,
    MeetingIngested,
    MeetingUpcoming,
)
from libs.common.events.notifications import NotificationCreated
from libs.common.events.people import PersonImported, PersonRemoved
from libs.common.events.platforms import Identity, InteractionReported, ProfileReported
from libs.common.events.runs import KINDS, Kind, Reason, SyncCompleted, SyncFailed, SyncProgressed, SyncRequested
from libs.common.events.ticks import AuditDue, CalendarDue, ContactsDue, MailDue, PrepDue, Tick, WatchDue

__all__ = [
    "ALSO_KEPT",
    "BATCHED",
    "BROADCAST",
    "EVENTS",
    "KINDS",
    "MIN_BRIEF_LEAD",
    "OFFERED",
    "TICKS",
    "AccountConnected",
    "AccountDisconnected",
    "AccountEvent",
    "AccountIdentified",
    "AccountReauthRequired",
    "Answer",
    "AuditDue",
    "BccUnclaimed",
    "CalendarDue",
    "ContactChanged",
    "ContactsDue",
    "Event",
    "Guest",
    "Identity",
    "InteractionReported",
    "Kind",
    "MailDue",
    "MailboxNotified",
    "Meeting",
    "MeetingCancelled",
    "MeetingIngested",
    "MeetingUpcoming",
    "MessageIngested",
    "MessageRemoved",
    "NotificationCreated",
    "Person",
    "PersonImported",
    "PersonRemoved",
    "PrepDue",
    "PrepFailed",
    "PrepSent",
    "PrepSkipped",
    "ProfileReported",
    "Reason",
    "Role",
    "SettingsChanged",
    "SyncCompleted",
    "SyncFailed",
    "SyncProgressed",
    "SyncRequested",
    "Tick",
    "UserDeleted",
    "WatchDue",
]

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
