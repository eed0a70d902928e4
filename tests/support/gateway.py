"""A gateway among small plain services: each responds to its requests on the real bus out of one `World`."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from libs.common import requests as q
from libs.common.bus import Bus
from libs.common.cache import open_cache
from libs.common.config import Settings
from libs.common.errors import Refused, not_found
from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, ContactId, InteractionId, MeetingId, Service, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.scopes import ALL
from libs.common.service import Resources, running
from libs.local.ports import free_port
from services.gateway.__main__ import wire
from services.gateway.domain.sessions import cookie_name

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
COLD = q.Score(total=0, label="Cold", reciprocity=0, recency=0, frequency=0, breadth=0, tenure=0)


def user(name: str) -> q.User:
    return q.User(id=UserId(new_id()), name=name, address=f"{name.lower()}@example.com", created_at=NOW)


def account_of(owner: q.User, **changes: Any) -> q.Account:
    fields = {"address": owner.address, "status": "active", "scopes": frozenset(ALL), "connected_at": NOW}
    return q.Account(id=AccountId(new_id()), user_id=owner.id, **{**fields, **changes})


def contact(name: str, *emails: str) -> q.Contact:
    return q.Contact(
        id=ContactId(new_id()), name=name, emails=emails, bcc_hash="abcdefghij", relationship=COLD, created_at=NOW
    )


def exclusion(value: str) -> q.Exclusion:
    return q.Exclusion(id=new_id(), kind="domain", value=value, added_at=NOW, removing=False, left_out=3)


@dataclass
class World:
    """What the plain services know: two users, each with an account, and what was requested of them."""

    alice: q.User = field(default_factory=lambda: user("Alice"))
    bob: q.User = field(default_factory=lambda: user("Bob"))
    accounts: list[q.Account] = field(default_factory=list)
    contacts: dict[UUID, tuple[UserId, q.Contact]] = field(default_factory=dict)
    preferences: dict[UserId, Preferences] = field(default_factory=dict)
    versions: Counter[UserId] = field(default_factory=Counter)
    overtaking: list[Preferences] = field(default_factory=list)
    runs: list[q.Run] = field(default_factory=list)
    time_zones: dict[AccountId, str] = field(default_factory=dict)
    missing_settings: tuple[str, ...] = ()
    audit: q.Audit | None = None
    requests: list[q.Request[Any]] = field(default_factory=list)
    sessions: dict[str, q.User] = field(default_factory=dict)
    tokens: dict[str, q.User] = field(default_factory=dict)
    scopes: dict[str, frozenset[q.TokenScope]] = field(default_factory=dict)
    export_page: Callable[[q.ExportContacts], Awaitable[q.ExportPage]] | None = None
    signed_in: q.SignedIn | Refused | None = None
    interactions: tuple[q.Interaction, ...] = ()
    older: str | None = None
    merged: list[tuple[ContactId, q.MergeRecord]] = field(default_factory=list)
    upcoming: tuple[q.Interaction, ...] = ()
    waiting: tuple[q.WaitingMail, ...] = ()
    guests: tuple[q.MeetingGuest, ...] = ()
    starts_at: datetime = NOW
    dry_run_lines: tuple[q.DryRunLine, ...] = ()
    brief_refused: Refused | None = None
    slow_export: Callable[[q.ExportContacts], Awaitable[q.ExportPage]] | None = None

    def __post_init__(self) -> None:
        self.accounts = [account_of(self.alice), account_of(self.bob)]
        self.sessions = {"session-of-alice": self.alice, "session-of-bob": self.bob}
        self.tokens = {"pcrm_alice": self.alice, "pcrm_bob": self.bob}

    def account(self, owner: q.User) -> q.Account:
        return next(account for account in self.accounts if account.user_id == owner.id)

    def add(self, owner: q.User, added: q.Contact) -> q.Contact:
        self.contacts[added.id] = (owner.id, added)
        return added

    # auth

    async def whois(self, query: q.WhoIs) -> q.Authenticated:
        """A token may do what `scopes` has for it, everything where that has nothing."""
        found = self.sessions.get(query.session or "") or self.tokens.get(query.token or "")
        if found is None:
            raise Refused(401, "unauthenticated", "This session has ended. Sign in again.")
        scopes = self.scopes.get(query.token, frozenset(q.TOKEN_SCOPES)) if query.token else frozenset()
        return q.Authenticated(**found.model_dump(), scopes=scopes)

    async def sign_out(self, command: q.SignOut) -> q.Done:
        self.sessions.pop(command.session, None)
        return q.Done()

    async def sign_out_everywhere(self, command: q.SignOutEverywhere) -> q.Done:
        self.sessions = {name: user for name, user in self.sessions.items() if user.id != command.user_id}
        return q.Done()

    async def former_webhook_secrets(self, query: q.GetFormerWebhookSecrets) -> q.WebhookSecrets:
        return q.WebhookSecrets(items=(f"whsec_former_{query.user_id}",))

    async def setup(self, _: q.GetSignInSetup) -> q.SignInSetup:
        return q.SignInSetup(missing=self.missing_settings)

    async def begin(self, command: q.BeginSignIn) -> q.Authorization:
        self.requests.append(command)
        return q.Authorization(authorize_url="https://accounts.example/authorize?state=s")

    async def finish(self, command: q.FinishSignIn) -> q.SignedIn:
        self.requests.append(command)
        if isinstance(self.signed_in, q.SignedIn):
            return self.signed_in
        raise self.signed_in or Refused(400, "invalid_state", "This sign-in was not begun in this browser. Try again.")

    async def list_accounts(self, query: q.ListAccounts) -> q.Accounts:
        return q.Accounts(items=tuple(account for account in self.accounts if account.user_id == query.user_id))

    async def get_settings(self, query: q.GetSettings) -> q.UserPreferences:
        preferences = self.preferences.get(query.user_id, Preferences())
        return q.UserPreferences(version=self.versions[query.user_id], preferences=preferences)

    async def put_settings(self, command: q.PutSettings) -> q.UserPreferences:
        """`overtaking` are changes that somebody else makes just before."""
        if self.overtaking:
            self.versions[command.user_id] += 1
            self.preferences[command.user_id] = self.overtaking.pop()
        if command.if_version not in (None, self.versions[command.user_id]):
            raise Refused(409, "settings_changed", "The settings were changed meanwhile.")
        self.versions[command.user_id] += 1
        self.preferences[command.user_id] = command.preferences
        return q.UserPreferences(version=self.versions[command.user_id], preferences=command.preferences)

    async def create_token(self, command: q.CreateApiToken) -> q.ApiToken:
        self.requests.append(command)
        return q.ApiToken(
            id=new_id(), name=command.name, scopes=tuple(command.scopes), created_at=NOW, secret="pcrm_new"
        )

    async def list_tokens(self, _: q.ListApiTokens) -> q.ApiTokens:
        return q.ApiTokens(items=(q.ApiToken(id=new_id(), name="connector", scopes=("read",), created_at=NOW),))

    # sync

    async def list_runs(self, query: q.ListRuns) -> q.Runs:
        own = [run for run in self.runs if run.account_id == query.account_id]
        return q.Runs(
            items=tuple(own[: query.limit]), next_cursor=None if query.cursor or len(own) <= query.limit else "older"
        )

    async def get_audit(self, query: q.AuditAccount) -> q.Audit:
        items = q.AuditedItems(summary="All 38 meetings were found where they belong.")
        nothing = q.Audit(account_id=query.account_id, summary="The first audit is under way.", listed=0, by_state={}, by_rule={},
                          complete=1, meetings=items, cards=items)  # fmt: skip
        return self.audit or nothing

    async def status(self, _: q.GetSyncStatus) -> q.SyncStatus:
        return q.SyncStatus(items=tuple(self.runs), time_zones=self.time_zones)

    @property
    def meeting(self) -> Meeting:
        """A meeting of Alice's, of 45 minutes from `starts_at`, whose title and link try to be code."""
        owner = self.alice
        return Meeting(
            meeting_id=MeetingId(UUID(int=owner.id.int ^ 1)), user_id=owner.id, account_id=self.account(owner).id,
            calendar_id="primary", event_id="e1", revision=1, title="<script>alert(1)</script>", starts_at=self.starts_at,
            ends_at=self.starts_at + timedelta(minutes=45), video_url="javascript:alert(2)",
            guests=(Guest(address="carol@example.com", name="Carol"), Guest(address=owner.address, me=True)),
        )  # fmt: skip

    async def get_meeting(self, query: q.GetMeeting) -> Meeting:
        if (query.user_id, query.meeting_id) != (self.alice.id, self.meeting.meeting_id):
            raise not_found("meeting")
        return self.meeting

    async def list_meetings(self, _: q.ListMeetings) -> q.Meetings:
        return q.Meetings(items=(self.meeting,))

    # prep

    async def preps(self, query: q.GetPreps) -> q.Preps:
        skipped = q.Prep(
            meeting_id=self.meeting.meeting_id, account_id=self.meeting.account_id, starts_at=NOW, state="skipped",
            reason="nobody is a known contact", at=NOW,
        )  # fmt: skip
        return q.Preps(items=(skipped,) if skipped.meeting_id in query.meeting_ids else ())

    async def forecast(self, query: q.ForecastPreps) -> q.Forecasts:
        self.requests.append(query)
        meeting = q.MeetingForecast(
            meeting_id=self.meeting.meeting_id, would_send=not self.guests, reason="nobody_known", guests=self.guests
        )
        return q.Forecasts(items=(meeting,) if query.user_id == self.alice.id else ())

    async def preview(self, query: q.PreviewPrep) -> q.Brief:
        self.requests.append(query)
        if self.brief_refused:
            raise self.brief_refused
        html = "<html><style>@media (prefers-color-scheme: dark) { body { color: #fff } }</style><body>The brief</body></html>"
        return q.Brief(
            meeting_id=query.meeting_id, subject="Meeting prep", html=html, text="The brief <b>", points=(), ai=False
        )

    async def dry_run(self, query: q.DryRunPreps) -> q.DryRun:
        self.requests.append(query)
        return q.DryRun(items=self.dry_run_lines)

    # contacts

    async def list_waiting(self, query: q.ListWaiting) -> q.Waiting:
        return q.Waiting(items=self.waiting if query.user_id == self.alice.id else ())

    async def dismiss_waiting(self, command: q.DismissWaiting) -> q.Done:
        self.requests.append(command)
        if command.interaction_id not in {mail.interaction_id for mail in self.waiting}:
            raise not_found("message")
        return q.Done()

    def _own_contacts(self, user_id: UserId) -> list[q.Contact]:
        return [found for owner, found in self.contacts.values() if owner == user_id]

    def _own_contact(self, user_id: UserId, contact_id: ContactId) -> q.Contact:
        owner, found = self.contacts.get(contact_id, (None, None))
        if found is None or owner != user_id:
            raise not_found("contact")
        return found

    async def search(self, query: q.SearchContacts) -> q.ContactPage:
        self.requests.append(query)
        own = self._own_contacts(query.user_id)
        return q.ContactPage(items=tuple(own[: query.limit]), next_cursor="more" if len(own) > query.limit else None)

    async def tags(self, query: q.ListTags) -> q.Tags:
        found = Counter(tag for contact in self._own_contacts(query.user_id) for tag in contact.tags)
        return q.Tags(items=tuple(q.Tag(name=name, contacts=number) for name, number in found.most_common()))

    async def get_contact(self, query: q.GetContact) -> q.Contact:
        return self._own_contact(query.user_id, query.contact_id)

    async def get_photo(self, query: q.GetPhoto) -> q.PhotoSource:
        return q.PhotoSource(url=self._own_contact(query.user_id, query.contact_id).photo_url)

    async def update_contact(self, command: q.UpdateContact) -> q.Contact:
        found = self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        for owner, other in self.contacts.values():
            if (
                owner == command.user_id
                and other.id != found.id
                and set(other.emails) & set(command.fields.emails or ())
            ):
                detail = f"{other.name} has this address already."
                raise Refused(409, "address_taken", detail, contact_id=str(other.id), contact_name=other.name)
        return found.model_copy(update=command.fields.model_dump(exclude_none=True))

    async def create_contact(self, command: q.CreateContact) -> q.Contact:
        self.requests.append(command)
        owner = next(owner for owner in (self.alice, self.bob) if owner.id == command.user_id)
        return self.add(owner, contact(command.fields.name or "", *(command.fields.emails or ())))

    async def timeline(self, query: q.GetTimeline) -> q.Timeline:
        self._own_contact(query.user_id, query.contact_id)
        self.requests.append(query)
        if query.when == "ahead":
            return q.Timeline(items=self.upcoming)
        found = tuple(line for line in self.interactions if query.thread in (None, line.thread))
        return q.Timeline(items=found, next_cursor=None if query.cursor else self.older)

    async def add_interaction(self, command: q.AddInteraction) -> q.Interaction:
        self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        return q.Interaction(
            id=InteractionId(new_id()),
            platform="note",
            kind="note",
            direction="mutual",
            occurred_at=NOW,
            title="",
            text=command.text,
        )

    async def find_duplicates(self, query: q.FindDuplicates) -> q.Duplicates:
        own = [other for other in self._own_contacts(query.user_id) if other.id != query.contact_id]
        evidence = ("The same phone: +1 <b>555</b>",)
        return q.Duplicates(items=tuple(q.Duplicate(contact=other, evidence=evidence, confidence=0.9) for other in own))

    async def list_duplicates(self, query: q.ListDuplicates) -> q.DuplicatePairs:
        self.requests.append(query)
        own = self._own_contacts(query.user_id)
        pairs = tuple(
            q.DuplicatePair(contact=own[0], other=other, evidence=("The same phone: +1 <b>555</b>",), confidence=0.75)
            for other in own[1:]
        )
        return q.DuplicatePairs(items=pairs[: query.limit], total=len(pairs))

    async def dismiss_duplicate(self, command: q.DismissDuplicate) -> q.Done:
        self._own_contact(command.user_id, command.contact_id)
        self.requests.append(command)
        return q.Done()

    async def merges(self, query: q.ListMerges) -> q.MergeRecords:
        contact_id = self._own_contact(query.user_id, query.contact_id).id
        return q.MergeRecords(items=tuple(record for id_, record in self.merged if id_ == contact_id))

    async def merge(self, command: q.MergeContacts) -> q.Merged:
        self.requests.append(command)
        return q.Merged(merge_id=new_id(), contact=self._own_contact(command.user_id, command.contact_id))

    async def undo_merge(self, command: q.UndoMerge) -> q.Contact:
        self.requests.append(command)
        return self._own_contacts(command.user_id)[0]

    async def rotate_bcc(self, command: q.RotateBcc) -> q.Contact:
        self.requests.append(command)
        return self._own_contact(command.user_id, command.contact_id)

    async def list_exclusions(self, query: q.ListExclusions) -> q.Exclusions:
        return q.Exclusions(items=(exclusion("x.example"),) if query.user_id == self.alice.id else ())

    async def add_exclusion(self, command: q.AddExclusion) -> q.Exclusion:
        self.requests.append(command)
        if "." not in command.value:
            raise Refused(422, "invalid_address", "Give an email address or a domain.")
        return exclusion(command.value)

    async def exclude_contact(self, command: q.ExcludeContact) -> q.Exclusions:
        self.requests.append(command)
        return q.Exclusions(items=tuple(map(exclusion, self._own_contact(command.user_id, command.contact_id).emails)))

    async def counts(self, query: q.CountContacts) -> q.Counts:
        return q.Counts(contacts=len(self._own_contacts(query.user_id)), messages=1204, meetings=7, imported=3, other=0)

    async def export(self, query: q.ExportContacts) -> q.ExportPage:
        """Two pages of what is requested, or what a test gives."""
        if self.export_page:
            return await self.export_page(query)
        first = query.cursor is None
        return q.ExportPage(
            items=({"what": query.what, "page": 1 if first else 2},), next_cursor="2" if first else None
        )

    async def requested_export(self, query: q.ExportContacts) -> q.ExportPage:
        """As `slow_export` has it, where a test set it."""
        return await (self.slow_export or self.export)(query)

    async def explain(self, query: q.ExplainMessage) -> q.Why:
        return q.Why(
            account_id=query.account_id,
            gmail_id=None,
            rfc_message_id=query.message_id,
            state="unknown",
            explanation="It is not known here.",
        )

    async def retry(self, command: q.RetryMessages) -> q.Retried:
        self.requests.append(command)
        return q.Retried(messages=1 if command.message_id else 3)

    async def done(self, command: q.Command[Any]) -> q.Done:
        self.requests.append(command)
        return q.Done()


def _responders(world: World) -> dict[Service, dict[type[q.Request[Any]], Callable[[Any], Awaitable[Any]]]]:
    return {
        "auth": {
            q.WhoIs: world.whois,
            q.SignOut: world.sign_out,
            q.SignOutEverywhere: world.sign_out_everywhere,
            q.GetFormerWebhookSecrets: world.former_webhook_secrets,
            q.GetSignInSetup: world.setup,
            q.BeginSignIn: world.begin,
            q.FinishSignIn: world.finish,
            q.ListAccounts: world.list_accounts,
            q.GetSettings: world.get_settings,
            q.PutSettings: world.put_settings,
            q.CreateApiToken: world.create_token,
            q.ListApiTokens: world.list_tokens,
            q.DeleteApiToken: world.done,
            q.Disconnect: world.done,
            q.DeleteUser: world.done,
        },
        "prep": {
            q.GetPreps: world.preps,
            q.ForecastPreps: world.forecast,
            q.PreviewPrep: world.preview,
            q.DryRunPreps: world.dry_run,
        },
        "sync": {
            q.GetSyncStatus: world.status,
            q.ListMeetings: world.list_meetings,
            q.GetMeeting: world.get_meeting,
            q.ExplainMessage: world.explain,
            q.StartAudit: world.done,
            q.ListRuns: world.list_runs,
            q.AuditAccount: world.get_audit,
            q.RetryMessages: world.retry,
        },
        "contacts": {
            q.SearchContacts: world.search,
            q.ListTags: world.tags,
            q.GetContact: world.get_contact,
            q.GetPhoto: world.get_photo,
            q.CreateContact: world.create_contact,
            q.UpdateContact: world.update_contact,
            q.GetTimeline: world.timeline,
            q.ListWaiting: world.list_waiting,
            q.DismissWaiting: world.dismiss_waiting,
            q.AddInteraction: world.add_interaction,
            q.FindDuplicates: world.find_duplicates,
            q.ListDuplicates: world.list_duplicates,
            q.DismissDuplicate: world.dismiss_duplicate,
            q.ListMerges: world.merges,
            q.MergeContacts: world.merge,
            q.UndoMerge: world.undo_merge,
            q.RotateBcc: world.rotate_bcc,
            q.DeleteContact: world.done,
            q.CountContacts: world.counts,
            q.ExportContacts: world.requested_export,
            q.ListExclusions: world.list_exclusions,
            q.AddExclusion: world.add_exclusion,
            q.ExcludeContact: world.exclude_contact,
            q.RemoveExclusion: world.done,
        },
    }


@dataclass
class RunningGateway:
    """A running gateway and the world around it. `buses` are the plain services' ends of the bus."""

    url: str
    world: World
    buses: dict[Service, Bus]
    resources: Resources

    def client(self, token: str | None = "pcrm_alice", **headers: str) -> aiohttp.ClientSession:
        """An API client; without a token, whoever it pleases to be."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        jar = aiohttp.CookieJar(unsafe=True)
        return aiohttp.ClientSession(self.url, headers=headers, cookie_jar=jar)

    def browser(self, session: str = "session-of-alice", **headers: str) -> aiohttp.ClientSession:
        """A browser with a session cookie that states where its requests come from."""
        cookie = {cookie_name("pingcrm_session", self.resources.settings.base_url): session}
        return aiohttp.ClientSession(self.url, headers={"Origin": self.url, **headers}, cookies=cookie)

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[str]:
        """A second gateway with the settings of the first; its URL."""
        settings = self.resources.settings.model_copy(update={"port": free_port(), "public_url": self.url})
        async with running("gateway", settings, wire):
            yield f"http://127.0.0.1:{settings.port}"


@asynccontextmanager
async def running_gateway(
    service_settings: Callable[[Service], Settings], **changes: Any
) -> AsyncIterator[RunningGateway]:
    """A gateway with `changes` to its settings."""
    world = World()
    async with AsyncExitStack() as stack:
        buses: dict[Service, Bus] = {}
        for service, responders in _responders(world).items():
            settings = service_settings(service)
            cache = open_cache(settings, service)
            stack.push_async_callback(cache.close)
            buses[service] = Bus(settings, service, cache)
            for request, responder in responders.items():
                buses[service].respond(request, responder)
            await stack.enter_async_context(buses[service])
        chosen = service_settings("gateway").model_dump() | {"port": free_port()} | changes
        settings = Settings(**chosen)
        resources = await stack.enter_async_context(running("gateway", settings, wire))
        yield RunningGateway(f"http://127.0.0.1:{settings.port}", world, buses, resources)
