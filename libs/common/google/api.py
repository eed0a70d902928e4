"""Google's three APIs over one connection pool: `google.account(tokens).gmail.profile()`."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import googleapiclient.discovery_cache
from aiogoogle.resource import GoogleAPI

from libs.common.config import Settings
from libs.common.google.calendar import Calendar
from libs.common.google.gmail import Gmail
from libs.common.google.people import People
from libs.common.google.session import Session, Tokens, Usage


class Google:
    """The APIs, ready to be called for any account. One per process."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._http = http
        root = settings.google_api_root
        self._gmail, self._calendar, self._people = (
            _api(name, root) for name in ("gmail.v1", "calendar.v3", "people.v1")
        )

    def account(self, tokens: Tokens) -> "GoogleAccount":
        """The APIs as one account sees them. Its calls share a limit of concurrency and a count of what they cost."""
        session = Session(
            self._http, tokens, self._settings.google_concurrency, self._settings.google_timeout_seconds, Usage()
        )
        return GoogleAccount(session, self._gmail, self._calendar, self._people)


class GoogleAccount:
    """One account: its mailbox, calendars and contacts; `usage` counts requests and quota units."""

    def __init__(self, session: Session, gmail: Any, calendar: Any, people: Any) -> None:
        self.usage = session.usage
        self.gmail = Gmail(session, gmail)
        self.calendar = Calendar(session, calendar)
        self.people = People(session, people)


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
