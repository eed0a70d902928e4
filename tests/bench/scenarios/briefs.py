"""A thousand meetings that begin together: when the last brief is sent, and what each of them takes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import time

from libs.common.bus import Bus
from libs.common.events import AccountConnected, Guest, Meeting, MeetingUpcoming, MessageIngested, Person
from libs.common.ids import AccountId, MeetingId, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import (
    Account,
    Accounts,
    GetMeeting,
    GetSettings,
    GetToken,
    ListAccounts,
    Token,
    UserPreferences,
)
from libs.common.scopes import ALL
from libs.common.service import Resources
from libs.google_sim.account import AccountData
from libs.google_sim.faults import Rule
from libs.google_sim.server import GoogleServer, run_google
from tests.bench.contacts_alone import ContactsAlone, contacts_alone
from tests.bench.figure import Figure, at_most, exactly
from tests.bench.processes import Usage, cpu_between, usage
from tests.bench.scenario import Scenario, Setting
from tests.bench.stage import NO_WAITING
from tests.support.fake_claude import FakeClaude, run_claude

MEETINGS = 1_000
MODEL_SECONDS, GMAIL_MILLISECONDS = 2.0, 100
MAILS = 4
LIMIT_SECONDS = 150.0


@dataclass(frozen=True)
class Owner:
    """Somebody with one account, one friend who has written, and one meeting with them in 35 minutes."""

    account: Account
    meeting: Meeting

    @property
    def friend(self) -> str:
        return self.meeting.guests[0].address


class Others:
    """What auth and sync answer."""

    def __init__(self, google: GoogleServer, owners: Sequence[Owner]) -> None:
        self._google = google
        self._accounts_of = {owner.account.user_id: (owner.account,) for owner in owners}
        self._accounts_by_id = {owner.account.id: owner.account for owner in owners}
        self._meetings = {owner.meeting.meeting_id: owner.meeting for owner in owners}

    async def wire_auth(self, resources: Resources) -> None:
        resources.bus.respond(GetSettings, self._settings)
        resources.bus.respond(ListAccounts, self._accounts)
        resources.bus.respond(GetToken, self._token)

    async def wire_sync(self, resources: Resources) -> None:
        resources.bus.respond(GetMeeting, self._meeting)

    async def _settings(self, _: GetSettings) -> UserPreferences:
        return UserPreferences(version=1, preferences=Preferences())

    async def _accounts(self, query: ListAccounts) -> Accounts:
        return Accounts(items=self._accounts_of[query.user_id] if query.user_id else ())

    async def _token(self, query: GetToken) -> Token:
        account = self._accounts_by_id[query.account_id]
        return Token(
            access_token=self._google.world.authority.issue_access(account.address, "", tuple(account.scopes)),
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            scopes=account.scopes,
            address=account.address,
            user_id=account.user_id,
        )

    async def _meeting(self, query: GetMeeting) -> Meeting:
        return self._meetings[query.meeting_id]


@dataclass(frozen=True)
class Product:
    """`contacts` and `prep` on real servers, with Google, the model and the other services beside them."""

    services: ContactsAlone
    google: GoogleServer
    claude: FakeClaude
    auth: Bus
    sync: Bus

    def usage(self) -> dict[str, Usage]:
        return usage({**self.services.stack.processes, **self.services.stack.server_processes})


async def run(setting: Setting) -> list[Figure]:
    owners = [_owner(number) for number in range(setting.size(MEETINGS, 20))]
    setting.publish("starting")
    async with _product(setting, owners) as product:
        setting.publish(f"{len(owners):,} people, each with {MAILS} mails of a friend")
        await _write_mail(product, owners)
        before = product.usage()
        product.google.world.counters.reset()
        setting.publish(f"{len(owners):,} meetings are due")
        begun = time()
        await product.sync.publish(*[MeetingUpcoming(meeting=owner.meeting) for owner in owners])
        peak = await _until_sent(product, len(owners))
        cpu = cpu_between(before, product.usage())
    mails = product.google.world.outbox.mails
    twice = len(mails) - len(Counter(mail.account for mail in mails))
    how = (
        f"{len(owners):,} meetings of as many accounts in one window, a model that takes {MODEL_SECONDS:.0f} s,"
        f" {GMAIL_MILLISECONDS} ms to Gmail"
    )
    each = 1000 / len(owners)
    return [
        Figure("briefs: last one sent after", max(mail.at for mail in mails) - begun, "s",
               f"{how}; from the moment the first is found to be due", at_most(45)),
        Figure("briefs: sent", len(mails), "", "counted by the local Google", exactly(len(owners))),
        Figure("briefs: sent twice", twice, "", "the same", exactly(0)),
        Figure("briefs: written by the model", sum("Written by AI" in mail.text for mail in mails), "", "by their own words"),
        Figure("briefs: memory of prep, peak", peak, "MB", "not shared with others, read every 250 ms"),
        Figure("briefs: calls of the model per brief", len(product.claude.requests) / len(owners), "", "counted by it", at_most(1)),
        Figure("briefs: requests to Google per brief", product.google.world.counters.http / len(owners), "", "counted by it"),
        *(Figure(f"briefs: CPU per brief: {name}", used * each, "ms", "with all its processes") for name, used in cpu.items()),
    ]  # fmt: skip


def _owner(number: int) -> Owner:
    user_id, account_id, address = UserId(new_id()), AccountId(new_id()), f"owner{number}@gmail.com"
    starts_at = (datetime.now(UTC) + timedelta(minutes=35)).replace(microsecond=0)
    account = Account(
        id=account_id, user_id=user_id, address=address, status="active", scopes=frozenset(ALL), connected_at=starts_at
    )
    friend = Guest(
        address=f"friend{number}@company{number % 97}.example", name=f"Ada Friend {number}", answer="accepted"
    )
    meeting = Meeting(
        meeting_id=MeetingId(new_id()), user_id=user_id, account_id=account_id, calendar_id="primary",
        event_id=f"event{number}", revision=1, title="Pricing review", starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=45), time_zone="Europe/Berlin", guests=(friend,), guests_total=1,
    )  # fmt: skip
    return Owner(account, meeting)


@asynccontextmanager
async def _product(setting: Setting, owners: Sequence[Owner]) -> AsyncIterator[Product]:
    data = [AccountData(owner.account.address, "Owner", f"{1 + at:021}") for at, owner in enumerate(owners)]
    async with AsyncExitStack() as stack:
        google = await stack.enter_async_context(run_google(data, seed=1))
        google.world.faults.set([Rule("gmail", "latency", milliseconds=GMAIL_MILLISECONDS)], seed=1)
        claude = await stack.enter_async_context(run_claude())
        claude.seconds = MODEL_SECONDS
        settings = {
            "PINGCRM_GOOGLE_API_ROOT": google.url,
            "PINGCRM_ANTHROPIC_API_KEY": "bench",
            "PINGCRM_ANTHROPIC_BASE_URL": claude.url,
            **NO_WAITING,
        }
        services = await stack.enter_async_context(contacts_alone(setting.folder, beside=("prep",), settings=settings))
        others = Others(google, owners)
        auth = await stack.enter_async_context(services.bus_of("auth", others.wire_auth))
        sync = await stack.enter_async_context(services.bus_of("sync", others.wire_sync))
        yield Product(services, google, claude, auth, sync)


async def _write_mail(product: Product, owners: Sequence[Owner]) -> None:
    """Each owner is known to contacts, and has a friend."""
    now = datetime.now(UTC)
    accounts = [owner.account for owner in owners]
    await product.auth.publish(
        *[
            AccountConnected(
                user_id=account.user_id, account_id=account.id, address=account.address, scopes=account.scopes, again=False, at=now
            )
            for account in accounts
        ]
    )  # fmt: skip
    await product.services.until_handled(AccountConnected, seconds=60)
    await product.sync.publish(*[_mail(owner, number, now) for owner in owners for number in range(MAILS)])
    await product.services.until_handled(MessageIngested, seconds=60)


def _mail(owner: Owner, number: int, now: datetime) -> MessageIngested:
    people = [Person(role="from", address=owner.friend), Person(role="to", address=owner.account.address)]
    return MessageIngested(
        user_id=owner.account.user_id, account_id=owner.account.id, gmail_id=f"{number:x}", thread_id=f"{number:x}", revision=1,
        rfc_message_id=f"{number}@{owner.friend}", occurred_at=now - timedelta(days=1 + 3 * number), people=tuple(people),
        title=f"Offer {number}", snippet="The numbers are in the sheet. Shall we begin with three shops or with all of them?",
    )  # fmt: skip


async def _until_sent(product: Product, count: int) -> float:
    """Wait for the last brief; the most memory, in MB, that prep had meanwhile. TimeoutError."""
    peak, mails = 0.0, product.google.world.outbox.mails
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(mails) < count:
            used = usage({"prep": product.services.stack.processes["prep"]})["prep"].memory_bytes
            peak = max(peak, used / 1e6)
            await asyncio.sleep(0.25)
    return peak


SCENARIO = Scenario(
    "briefs", "A thousand meetings begin together: is everybody briefed in time?", run, limit_seconds=300
)
