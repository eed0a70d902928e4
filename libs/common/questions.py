"""Every question that one service asks another (NATS request and reply): who answers, who may ask, and the shapes.

`await bus.ask(question)` gives the typed answer or raises `Refused` (the answerer's no), `Outage` (nobody answered).
The gateway reads through questions; no service reads another's tables. Lists are pages: `items` and `next_cursor`.
"""

from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.events import Kind, Meeting, Person, Reason
from libs.common.ids import AccountId, ContactId, InteractionId, MeetingId, RunId, Service, UserId
from libs.common.preferences import Preferences


class Shape(BaseModel):
    """An answer or a part of one."""

    model_config = ConfigDict(frozen=True)


R = TypeVar("R", bound=BaseModel)


class Question(BaseModel, Generic[R]):
    """Asked by one service, answered by another. `reply` is the answer's type."""

    model_config = ConfigDict(frozen=True)

    subject: ClassVar[str]
    answered_by: ClassVar[Service]
    asked_by: ClassVar[tuple[Service, ...]]
    reply: ClassVar[type[BaseModel]]


class Done(Shape):
    """It was done; there is nothing more to say."""


# --- auth -------------------------------------------------------------------------------------------------------------

AccountStatus = Literal["active", "reauth_required", "disconnected"]


class Account(Shape):
    """One connected Google account. `scopes` is what Google granted."""

    id: AccountId
    user_id: UserId
    address: str
    name: str = ""
    status: AccountStatus
    status_reason: str = ""
    scopes: frozenset[str]
    connected_at: datetime


class Accounts(Shape):
    items: tuple[Account, ...]


class ListAccounts(Question[Accounts]):
    """The accounts of a user, or one account, or (neither given) all that are not disconnected."""

    subject = "auth.accounts"
    answered_by = "auth"
    asked_by = ("sync", "contacts", "prep", "gateway")
    reply = Accounts

    user_id: UserId | None = None
    account_id: AccountId | None = None


class Token(Shape):
    access_token: str = Field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    address: str
    user_id: UserId


class GetToken(Question[Token]):
    """A short-lived access token. `rejected` is a token that Google just refused: it is not given again.

    Refused: `reauth_required` (409), `missing_scope` (403), `not_found` (404).
    """

    subject = "auth.token"
    answered_by = "auth"
    asked_by = ("sync", "prep")
    reply = Token

    account_id: AccountId
    scope: str
    rejected: str | None = Field(None, repr=False)


class UserPreferences(Shape):
    version: int
    preferences: Preferences


class GetSettings(Question[UserPreferences]):
    subject = "auth.settings"
    answered_by = "auth"
    asked_by = ("sync", "contacts", "prep", "gateway")
    reply = UserPreferences

    user_id: UserId


class PutSettings(Question[UserPreferences]):
    """Replace the settings; says `settings.changed` where something changed."""

    subject = "auth.put_settings"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = UserPreferences

    user_id: UserId
    preferences: Preferences


class Authorization(Shape):
    authorize_url: str


class BeginSignIn(Question[Authorization]):
    """Begin the authorization code flow: sign in (no user), add an account, or renew one (`account_id`).

    `browser` is a random value that the gateway keeps in a cookie of this browser: only the same browser can finish.
    """

    subject = "auth.begin"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = Authorization

    browser: str = Field(repr=False)
    user_id: UserId | None = None
    account_id: AccountId | None = None


class SignedIn(Shape):
    """`session` is the secret for the session cookie (absent when the user was signed in already).

    `authorize_url`: Google gave no lasting permission yet; set the cookie, then send the browser there instead of home.
    """

    user_id: UserId
    account_id: AccountId
    address: str
    session: str | None = Field(None, repr=False)
    session_expires_at: datetime | None = None
    missing_scopes: tuple[str, ...] = ()
    authorize_url: str | None = Field(None, repr=False)


class FinishSignIn(Question[SignedIn]):
    """Google sent the browser back. Refused: `invalid_state` 400, `access_denied` 403, `account_taken` 409, `exchange_failed` 502…"""

    subject = "auth.finish"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = SignedIn

    browser: str = Field(repr=False)
    state: str = Field(repr=False)
    code: str = Field("", repr=False)
    error: str = ""


class User(Shape):
    id: UserId
    name: str
    address: str
    created_at: datetime


class WhoIs(Question[User]):
    """Who a session cookie or a personal API token belongs to. Refused: `unauthenticated` (401)."""

    subject = "auth.whois"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = User

    session: str | None = Field(None, repr=False)
    token: str | None = Field(None, repr=False)


class SignOut(Question[Done]):
    subject = "auth.sign_out"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = Done

    session: str = Field(repr=False)


class ApiToken(Shape):
    """A personal API token. `secret` is there once, in the answer to its creation."""

    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None = None
    secret: str | None = Field(None, repr=False)


class ApiTokens(Shape):
    items: tuple[ApiToken, ...]


class CreateApiToken(Question[ApiToken]):
    subject = "auth.create_token"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = ApiToken

    user_id: UserId
    name: str


class ListApiTokens(Question[ApiTokens]):
    subject = "auth.tokens"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = ApiTokens

    user_id: UserId


class DeleteApiToken(Question[Done]):
    subject = "auth.delete_token"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = Done

    user_id: UserId
    token_id: UUID


class Disconnect(Question[Done]):
    """Revoke at Google, delete the tokens, say `account.disconnected`."""

    subject = "auth.disconnect"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = Done

    user_id: UserId
    account_id: AccountId
    purge: bool


class DeleteUser(Question[Done]):
    """Disconnect everything, delete the user, say `user.deleted`."""

    subject = "auth.delete_user"
    answered_by = "auth"
    asked_by = ("gateway",)
    reply = Done

    user_id: UserId


# --- sync -------------------------------------------------------------------------------------------------------------

RunState = Literal["queued", "running", "waiting", "completed", "failed"]


class Run(Shape):
    """One run of one kind on one account. `done` of `total` items; times are null until they are known."""

    id: RunId
    account_id: AccountId
    kind: Kind
    reason: Reason
    state: RunState
    first: bool
    started_at: datetime
    finished_at: datetime | None = None
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None
    new: int = 0
    updated: int = 0
    removed: int = 0
    skipped: dict[str, int] = {}
    code: str = ""
    error: str = ""


class Runs(Shape):
    items: tuple[Run, ...]
    next_cursor: str | None = None


class ListRuns(Question[Runs]):
    """The sync history of one account, newest first."""

    subject = "sync.runs"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Runs

    user_id: UserId
    account_id: AccountId
    cursor: str | None = None
    limit: int = 50


class GetSyncStatus(Question[Runs]):
    """The latest run of each account and kind of a user."""

    subject = "sync.status"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Runs

    user_id: UserId


class Meetings(Shape):
    items: tuple[Meeting, ...]
    next_cursor: str | None = None


class ListMeetings(Question[Meetings]):
    """Meetings of a user that start in [from, to), by start. Cancelled ones are not among them."""

    subject = "sync.meetings"
    answered_by = "sync"
    asked_by = ("prep", "gateway")
    reply = Meetings

    user_id: UserId
    start: datetime
    end: datetime
    account_id: AccountId | None = None
    cursor: str | None = None
    limit: int = 100


class GetMeeting(Question[Meeting]):
    """One meeting as it stands now. Refused: `not_found` (404), also when it was cancelled."""

    subject = "sync.meeting"
    answered_by = "sync"
    asked_by = ("prep", "gateway")
    reply = Meeting

    user_id: UserId
    meeting_id: MeetingId


class Why(Shape):
    """What happened to one message. `state`: recorded, filtered, set_aside, pending, gone, unknown."""

    account_id: AccountId
    gmail_id: str | None
    rfc_message_id: str | None
    state: Literal["recorded", "filtered", "set_aside", "pending", "gone", "unknown"]
    rule: str = ""
    explanation: str
    occurred_at: datetime | None = None


class ExplainMessage(Question[Why]):
    """Why is this email (not) here? `message_id` is a Gmail id or an RFC 5322 Message-ID."""

    subject = "sync.why"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Why

    user_id: UserId
    account_id: AccountId
    message_id: str


class Audit(Shape):
    """The ledger of one account, counted: `by_state`, and `by_rule` for filtered and set-aside messages."""

    account_id: AccountId
    listed: int
    by_state: dict[str, int]
    by_rule: dict[str, int]
    complete: float = Field(description="share of listed messages that reached a final state, 0–1")


class AuditAccount(Question[Audit]):
    subject = "sync.audit"
    answered_by = "sync"
    asked_by = ("gateway",)
    reply = Audit

    user_id: UserId
    account_id: AccountId


# --- contacts ---------------------------------------------------------------------------------------------------------

Label = Literal["Strong", "Warm", "Cold"]
Direction = Literal["inbound", "outbound", "participant", "mutual"]


class Score(Shape):
    """The relationship score and its parts; `total` is their sum, at most 10."""

    total: int
    label: Label
    reciprocity: int
    recency: int
    frequency: int
    breadth: int
    tenure: int


class Phone(Shape):
    """As it was written, and in E.164 where the country is known."""

    shown: str
    e164: str | None = None


class BccAddress(Shape):
    """Mail from me with this address in BCC is logged to the contact."""

    account_id: AccountId
    address: str


class ContactSummary(Shape):
    id: ContactId
    name: str
    emails: tuple[str, ...]
    company: str = ""
    title: str = ""
    photo_url: str = ""
    score: int = 0
    label: Label = "Cold"
    last_interaction_at: datetime | None = None


class Contact(ContactSummary):
    phones: tuple[Phone, ...] = ()
    birthday: str = ""
    urls: tuple[str, ...] = ()
    notes: str = ""
    tags: tuple[str, ...] = ()
    bios: dict[str, str] = {}
    bcc_hash: str
    bcc_addresses: tuple[BccAddress, ...] = ()
    relationship: Score
    first_interaction_at: datetime | None = None
    interactions: int = 0
    imported: bool = False
    archived: bool = False
    created_at: datetime


class ContactPage(Shape):
    items: tuple[ContactSummary, ...]
    next_cursor: str | None = None


class SearchContacts(Question[ContactPage]):
    """Contacts by text, ranked; without text by `sort`."""

    subject = "contacts.search"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = ContactPage

    user_id: UserId
    q: str = ""
    sort: Literal["name", "recent", "score"] = "recent"
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class GetContact(Question[Contact]):
    subject = "contacts.get"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId


class ContactFields(Shape):
    """What a user types about a contact. A field that is absent stays as it is; what is given stays the user's."""

    name: str | None = Field(None, max_length=500)
    emails: tuple[str, ...] | None = Field(None, max_length=100)
    phones: tuple[str, ...] | None = Field(None, max_length=100)
    company: str | None = Field(None, max_length=500)
    title: str | None = Field(None, max_length=500)
    photo_url: str | None = Field(None, max_length=2000)
    birthday: str | None = Field(None, max_length=10)
    urls: tuple[str, ...] | None = Field(None, max_length=50)
    notes: str | None = Field(None, max_length=50_000)
    tags: tuple[str, ...] | None = Field(None, max_length=100)
    archived: bool | None = None


class CreateContact(Question[Contact]):
    """Refused: `address_taken` (409) with `contact_id` of the other contact; `invalid_address` (422)."""

    subject = "contacts.create"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Contact

    user_id: UserId
    fields: ContactFields


class UpdateContact(Question[Contact]):
    """Refused: as CreateContact."""

    subject = "contacts.update"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId
    fields: ContactFields


class DeleteContact(Question[Done]):
    """The contact goes; its addresses stay marked, so that mail does not create it again."""

    subject = "contacts.delete"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Done

    user_id: UserId
    contact_id: ContactId


class Interaction(Shape):
    """One line of a timeline, from the contact's point of view."""

    id: InteractionId
    platform: str
    kind: str
    direction: Direction
    occurred_at: datetime
    title: str
    text: str
    thread: str | None = None
    account_ids: tuple[AccountId, ...] = ()
    people: tuple[Person, ...] = ()
    automated: str = ""
    bcc_logged: bool = False
    ends_at: datetime | None = None


class Timeline(Shape):
    items: tuple[Interaction, ...]
    next_cursor: str | None = None


class GetTimeline(Question[Timeline]):
    """A contact's interactions, newest first. `group` folds the messages of a thread into its newest."""

    subject = "contacts.timeline"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Timeline

    user_id: UserId
    contact_id: ContactId
    platform: str | None = None
    direction: Direction | None = None
    q: str = ""
    group: bool = False
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=200)


class AddInteraction(Question[Interaction]):
    """A note, or an interaction of another platform, written by hand or by a connector through the API."""

    subject = "contacts.add_interaction"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Interaction

    user_id: UserId
    contact_id: ContactId
    platform: str = Field("note", pattern=r"^[a-z][a-z0-9_]{1,31}$")
    kind: str = Field("note", max_length=32)
    direction: Literal["inbound", "outbound", "mutual"] = "mutual"
    occurred_at: datetime | None = None
    title: str = Field("", max_length=500)
    text: str = Field("", max_length=10_000)
    ref: str | None = Field(None, max_length=500)
    thread: str = Field("", max_length=500)


class Duplicate(Shape):
    contact: ContactSummary
    evidence: tuple[str, ...]
    confidence: float


class Duplicates(Shape):
    items: tuple[Duplicate, ...]


class FindDuplicates(Question[Duplicates]):
    subject = "contacts.duplicates"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Duplicates

    user_id: UserId
    contact_id: ContactId


class Merged(Shape):
    merge_id: UUID
    contact: Contact


class MergeContacts(Question[Merged]):
    subject = "contacts.merge"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Merged

    user_id: UserId
    contact_id: ContactId
    other_id: ContactId


class UndoMerge(Question[Contact]):
    subject = "contacts.undo_merge"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Contact

    user_id: UserId
    merge_id: UUID


class RotateBcc(Question[Contact]):
    """A new BCC hash; the old one stops logging."""

    subject = "contacts.rotate_bcc"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Contact

    user_id: UserId
    contact_id: ContactId


class Attendee(Shape):
    """What is known about one guest. `contact_id` is null for somebody unknown; `last` are the newest interactions."""

    address: str
    contact_id: ContactId | None = None
    name: str = ""
    company: str = ""
    title: str = ""
    score: Score | None = None
    last_contact_at: datetime | None = None
    bios: dict[str, str] = {}
    last: tuple[Interaction, ...] = ()
    me: bool = False


class Attendees(Shape):
    items: tuple[Attendee, ...]


class GetAttendees(Question[Attendees]):
    """The people behind these addresses, in the same order, as of `now`; only interactions before it, at most `last` each."""

    subject = "contacts.attendees"
    answered_by = "contacts"
    asked_by = ("prep",)
    reply = Attendees

    user_id: UserId
    addresses: tuple[str, ...]
    now: datetime
    last: int = Field(5, ge=0, le=20)


class Counts(Shape):
    """How much there is: `messages` and `meetings` are interactions, `imported` are linked Google cards."""

    contacts: int
    messages: int
    meetings: int
    imported: int
    other: int


class CountContacts(Question[Counts]):
    subject = "contacts.counts"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = Counts

    user_id: UserId


class ExportPage(Shape):
    """Rows of the archive, as plain JSON objects."""

    items: tuple[dict[str, Any], ...]
    next_cursor: str | None = None


class ExportContacts(Question[ExportPage]):
    """Everything in `contacts` about a user, page by page: contacts first, interactions after."""

    subject = "contacts.export"
    answered_by = "contacts"
    asked_by = ("gateway",)
    reply = ExportPage

    user_id: UserId
    what: Literal["contacts", "interactions"]
    cursor: str | None = None
    limit: int = Field(200, ge=1, le=500)


# --- prep -------------------------------------------------------------------------------------------------------------

PrepState = Literal["sent", "skipped", "failed", "sending"]


class TalkingPoint(Shape):
    """One point, and what it rests on (labels of interactions or bios shown in the brief)."""

    text: str
    evidence: tuple[str, ...]


class Brief(Shape):
    """A rendered brief. `ai` is false where no model wrote the talking points; `note` then says why."""

    meeting_id: MeetingId
    subject: str
    html: str
    text: str
    points: tuple[TalkingPoint, ...]
    ai: bool
    note: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class PreviewPrep(Question[Brief]):
    """The brief as it would be sent now; nothing is sent."""

    subject = "prep.preview"
    answered_by = "prep"
    asked_by = ("gateway",)
    reply = Brief

    user_id: UserId
    meeting_id: MeetingId


class Prep(Shape):
    """What became of a meeting's brief. `reason` says why it was skipped or failed."""

    meeting_id: MeetingId
    account_id: AccountId
    starts_at: datetime
    state: PrepState
    reason: str = ""
    at: datetime
    ai: bool | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class Preps(Shape):
    items: tuple[Prep, ...]


class SendPrep(Question[Prep]):
    """Send the brief now, whether one was sent before or not. Refused: `missing_scope`, `reauth_required`, `no_guests`…"""

    subject = "prep.send"
    answered_by = "prep"
    asked_by = ("gateway",)
    reply = Prep

    user_id: UserId
    meeting_id: MeetingId


class GetPreps(Question[Preps]):
    """The latest state per meeting."""

    subject = "prep.states"
    answered_by = "prep"
    asked_by = ("gateway",)
    reply = Preps

    user_id: UserId
    meeting_ids: tuple[MeetingId, ...]


class DryRunLine(Shape):
    meeting_id: MeetingId
    title: str
    starts_at: datetime
    would_send: bool
    reason: str = ""


class DryRun(Shape):
    items: tuple[DryRunLine, ...]


class DryRunPreps(Question[DryRun]):
    """Which of the last `days` days' meetings would have been briefed, and why not the others."""

    subject = "prep.dry_run"
    answered_by = "prep"
    asked_by = ("gateway",)
    reply = DryRun

    user_id: UserId
    days: int = Field(30, ge=1, le=90)


QUESTIONS: tuple[type[Question[Any]], ...] = (
    ListAccounts, GetToken, GetSettings, PutSettings, BeginSignIn, FinishSignIn, WhoIs, SignOut,
    CreateApiToken, ListApiTokens, DeleteApiToken, Disconnect, DeleteUser,
    ListRuns, GetSyncStatus, ListMeetings, GetMeeting, ExplainMessage, AuditAccount,
    SearchContacts, GetContact, CreateContact, UpdateContact, DeleteContact, GetTimeline, AddInteraction,
    FindDuplicates, MergeContacts, UndoMerge, RotateBcc, GetAttendees, CountContacts, ExportContacts,
    PreviewPrep, SendPrep, GetPreps, DryRunPreps,
)  # fmt: skip
