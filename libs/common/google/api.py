"""Google's three APIs over one connection pool: `google.account(tokens, account_id).gmail.profile()`."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import googleapiclient.discovery_cache
from aiogoogle.resource import GoogleAPI

from libs.common.cache import Cache
from libs.common.config import Settings
from libs.common.google.calendar import Calendar
from libs.common.google.gmail import Gmail, batch_getter
from libs.common.google.people import People
from libs.common.google.quota import Mailbox, Priority, QuotaLimiter, Throttle
from libs.common.google.session import Session, Tokens, Usage
from libs.common.ids import AccountId

# Of Gmail, Calendar and People, as google-api-python-client names its discovery documents. The container image keeps these alone.
DOCUMENTS = ("gmail.v1", "calendar.v3", "people.v1")


class Google:
    """The APIs, ready to be called for any account. One per process.

    `cache`: where quotas are counted; None only where the settings have no ceiling for Gmail's.
    """

    def __init__(self, settings: Settings, http: aiohttp.ClientSession, cache: Cache | None = None) -> None:
        self._settings = settings
        self._http = http
        self._quota_limiter = QuotaLimiter.of(settings, cache)
        self._calendar_limiter = QuotaLimiter.of_calendar(settings, cache)
        self._mailboxes: WeakValueDictionary[AccountId, Mailbox] = WeakValueDictionary()
        self._calendars: WeakValueDictionary[AccountId, Mailbox] = WeakValueDictionary()
        root = settings.google_api_root
        self._gmail, self._calendar, self._people = (_api(name, root) for name in DOCUMENTS)
        self._batch_getter = batch_getter(self._gmail, settings)

    def account(self, tokens: Tokens, account_id: AccountId, priority: Priority = "live") -> "GoogleAccount":
        """The APIs as one account sees them. Its calls share the account's limit of concurrency and its quota, in whatever
        piece of work they are made; what they cost is counted for this one."""
        session = Session(
            self._http, tokens, self._mailbox(account_id), priority, self._settings.google_timeout_seconds, Usage()
        )
        return self._open(session)

    def _open(self, session: Session) -> "GoogleAccount":
        return GoogleAccount(
            session,
            self._open,
            Gmail(session, self._gmail, self._batch_getter, self._settings.gmail_units),
            Calendar(session.on_calendars(self._calendars_of(session.mailbox.account_id)), self._calendar),
            People(session, self._people),
        )

    def _mailbox(self, account_id: AccountId) -> Mailbox:
        """The one that other work on the account is using right now, or a new one."""
        settings = self._settings
        mailbox = self._mailboxes.get(account_id)
        if mailbox is None:
            mailbox = self._mailboxes[account_id] = Mailbox(
                account_id,
                self._quota_limiter,
                Throttle(settings.gmail_units_per_minute / 60),
                settings.google_concurrency,
                settings.google_batch_parts_per_slot,
            )
        return mailbox

    def _calendars_of(self, account_id: AccountId) -> Mailbox:
        """As `_mailbox`, for the account's calendars."""
        calendars = self._calendars.get(account_id)
        if calendars is None:
            calendars = Mailbox(
                account_id, self._calendar_limiter, Throttle(0.0), self._settings.google_concurrency, api="calendar"
            )
            self._calendars[account_id] = calendars
        return calendars


@dataclass(frozen=True)
class GoogleAccount:
    """One account: its mailbox, calendars and contacts."""

    _session: Session
    _open: "Callable[[Session], GoogleAccount]"
    gmail: Gmail
    calendar: Calendar
    people: People

    def at(self, priority: Priority) -> "GoogleAccount":
        """The account for calls of this priority: `backfill` lets all that is `live` go first. Usage is counted together."""
        return self if priority == self._session.priority else self._open(self._session.at(priority))

    @property
    def usage(self) -> Usage:
        """Requests and quota units of this piece of work so far, whatever their priority."""
        return self._session.usage

    @property
    def throttle(self) -> Throttle:
        """Whether Gmail's quota holds the mailbox's calls back, here or in other work of this process."""
        return self._session.mailbox.throttle


def _api(name: str, root: str) -> Any:
    """A request builder out of the discovery document that ships with google-api-python-client; never fetched."""
    document = deepcopy(_document(name))
    if root:
        document["rootUrl"] = root.rstrip("/") + "/"
    return GoogleAPI(document)  # type: ignore[no-untyped-call]


@cache
def _document(name: str) -> dict[str, Any]:
    folder = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return document
