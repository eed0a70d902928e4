"""Everything that exists in the local Google, and the clock and chance that it runs on."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.calendar.channels import Channels, calendar_key
from libs.google_sim.calendar.store import Calendar
from libs.google_sim.faults import Faults
from libs.google_sim.gmail.mailbox import Mailbox, Record
from libs.google_sim.gmail.outbox import Outbox, local_key
from libs.google_sim.hosted_account import Account
from libs.google_sim.oauth.authority import Authority
from libs.google_sim.oauth.service_accounts import ServiceAccounts
from libs.google_sim.people.store import People
from libs.google_sim.pubsub.notifications import Notifier
from libs.google_sim.pubsub.pushing import Pusher
from libs.google_sim.pubsub.topics import PubSub
from libs.google_sim.quota import ConcurrencyLimiter, Counters, Quota


@dataclass(frozen=True)
class Options:
    """How this Google differs from the usual one.

    client_id, client_secret: the only client there is; empty: any is accepted. token_seconds: life of access tokens.
    user_units_per_minute, project_units_per_minute: Gmail quota, 0 = off; quota_status: 403, or 429 with Retry-After.
    user_concurrency: Gmail calls of a user at the same time, 0 = any number; concurrency_counts_parts: see `quota.ConcurrencyLimiter`.
    scope_on_refresh: whether the answer to a refresh names the scopes. keep_message_id: whether sent mail keeps the
    Message-ID it was given. search_delay_seconds: for how long a search (`q`) does not find a message that is new; a listing by label
    does at once. people_expired_status: 400 or 410 for an expired People sync token. seed: of ids and
    chance, None for another one each time.
    """

    client_id: str = ""
    client_secret: str = ""
    token_seconds: int = 3600
    user_units_per_minute: int = 0
    project_units_per_minute: int = 0
    quota_status: int = 403
    user_concurrency: int = 0
    concurrency_counts_parts: bool = True
    scope_on_refresh: bool = True
    keep_message_id: bool = False
    search_delay_seconds: int = 0
    people_expired_status: int = 400
    seed: int | None = None


@dataclass
class World:
    """`now`: epoch seconds. `listings`: calendar listings whose further pages may be asked for."""

    options: Options
    now: Callable[[], float]
    random: random.Random
    authority: Authority
    quota: Quota
    service_accounts: ServiceAccounts
    pubsub: PubSub
    notifier: Notifier
    pusher: Pusher
    concurrency: ConcurrencyLimiter
    channels: Channels
    counters: Counters = field(default_factory=Counters)
    faults: Faults = field(default_factory=Faults)
    outbox: Outbox = field(default_factory=Outbox)
    accounts: dict[str, Account] = field(default_factory=dict)
    listings: dict[str, list[Resource]] = field(default_factory=dict)
    _local: dict[str, Account] = field(default_factory=dict)

    @classmethod
    def of(cls, accounts: list[AccountData], options: Options, now: Callable[[], float] = time.time) -> "World":
        # Ids must not repeat between two runs on other data, nor differ between two runs with one seed.
        chance = random.Random(options.seed)
        quota = Quota(options.user_units_per_minute, options.project_units_per_minute, options.quota_status)
        concurrency = ConcurrencyLimiter(options.user_concurrency, options.concurrency_counts_parts)
        authority, pubsub = Authority(options.token_seconds, now), PubSub(now)
        pusher = Pusher(pubsub, authority)
        world = cls(
            options,
            now,
            chance,
            authority,
            quota,
            ServiceAccounts(now),
            pubsub,
            Notifier(pubsub),
            pusher,
            concurrency,
            Channels(now),
        )
        for data in accounts:
            world.add(data)
        return world

    def add(self, data: AccountData) -> Account:
        """Take over an account. Raises ValueError where its address is taken."""
        address = data.address.strip().lower()
        if address in self.accounts:
            raise ValueError(f"Two accounts have the address {address}. Give each account its own.")
        mailbox = Mailbox(make_id=lambda: f"{self.random.getrandbits(64):016x}")
        mailbox.load(data.messages)
        calendars = data.calendars or [CalendarData(id=address, summary=address, primary=True)]
        people = People()
        people.load(data.people)
        account = Account(
            address=address,
            name=data.name,
            sub=data.sub,
            aliases=list(data.aliases),
            mailbox=mailbox,
            calendars={calendar.id: Calendar.of(calendar) for calendar in calendars},
            people=people,
        )
        self.accounts[address] = account
        for calendar in account.calendars.values():
            calendar.on_change = partial(self.channels.changed, calendar_key(account.address, calendar.data.id))
        mailbox.on_change = partial(self._changed, account)
        for known in (address, *data.aliases):
            self._local.setdefault(local_key(known), account)
        return account

    def local(self, address: str) -> Account | None:
        """Return the account that mail to an address arrives in; None where none here does."""
        return self._local.get(local_key(address))

    def _changed(self, account: Account, record: Record) -> None:
        self.notifier.changed(account, record, self.now())

    def utc_now(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def describe(self) -> dict[str, Any]:
        """Return how much there is, as the control API shows it."""
        return {
            "accounts": [
                {
                    "address": account.address,
                    "name": account.name,
                    "sub": account.sub,
                    "aliases": account.aliases,
                    "messages": len(account.mailbox.messages),
                    "threads": len(account.mailbox.threads),
                    "historyId": str(account.mailbox.history_id),
                    "calendars": {
                        calendar.data.id: {"events": len(calendar.events), "version": calendar.version}
                        for calendar in account.calendars.values()
                    },
                    "people": len(account.people.present()),
                    "watch": account.watch,
                    **self.authority.describe(account.address),
                }
                for account in self.accounts.values()
            ],
            "sent": len(self.outbox.mails),
            "quota": {
                "user_units_per_minute": self.quota.user_units_per_minute,
                "project_units_per_minute": self.quota.project_units_per_minute,
                "status": self.quota.status,
                "user_concurrency": self.concurrency.limit,
            },
        }
