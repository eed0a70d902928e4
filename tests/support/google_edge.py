"""The edge to Google before a local Google, with tokens straight from it and no quota of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from libs.common.config import Settings
from libs.common.google.api import Google, GoogleAccount
from libs.common.ids import AccountId, new_id
from libs.common.scopes import ALL
from libs.google_sim.account import AccountData
from libs.google_sim.server import GoogleServer, run_google
from tests.support.sync_stage import ADDRESS


class Bearer:
    """Tokens straight from the local Google; `requested` are the scopes and rejected tokens, by request."""

    def __init__(self, google: GoogleServer, scopes: tuple[str, ...] = ALL) -> None:
        self._google = google
        self._scopes = scopes
        self.requested: list[tuple[str, str | None]] = []
        self.bad_first = False

    async def __call__(self, scope: str, rejected: str | None) -> str:
        self.requested.append((scope, rejected))
        if self.bad_first and rejected is None:
            return "ended"
        return self._google.world.authority.issue_access(ADDRESS, "client", self._scopes)


@asynccontextmanager
async def edge(
    data: AccountData, scopes: tuple[str, ...] = ALL, **settings: int
) -> AsyncIterator[tuple[GoogleAccount, GoogleServer, Bearer]]:
    async with run_google([data]) as google, aiohttp.ClientSession() as http:
        bearer = Bearer(google, scopes)
        unmetered = {"gmail_units_per_minute": 0, "gmail_project_units_per_minute": 0}
        api = Google(Settings(google_api_root=google.url, **unmetered, **settings), http)
        yield api.account(bearer, AccountId(new_id())), google, bearer
