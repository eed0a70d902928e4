"""One person's life on the fault stage: what is in their Google account, and what they do at a browser, again where it failed."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from libs.common.ids import AccountId, UserId
from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.gmail.delivery import deliver
from libs.google_sim.hosted_account import Account
from libs.local.demo.person import Person, Unexpected, person_at
from tests.support.fault_stage import FaultStage, until
from tests.support.query_values import query_text
from tests.support.remains import Rows, list_rows

NOW = datetime.now(UTC).replace(microsecond=0)
"""The same for all lives that are compared."""
FRIENDS = tuple(f"{name}@friends.example" for name in ("ann", "bo", "cy", "di"))
LETTERS, CARDS = 12, 5
AGAIN = frozenset({409, 429, 500, 502, 503, 504})
"""What a browser gets where a service has failed or died in the middle: worth another try."""
RETRY_PAUSE_SECONDS = 0.02


def letter(owner: str, number: int, *, sent: bool = False, **headers: str) -> Resource:
    """Mail `number`, received from a friend or sent to one."""
    friend = f"Friend {number % 4} <{FRIENDS[number % 4]}>"
    given = {"From": owner, "To": friend} if sent else {"From": friend, "To": owner}
    given |= {"Subject": f"Subject {number}", "Message-ID": f"<{number}@friends.example>", **headers}
    return {
        "id": f"{number:016x}",
        "threadId": f"{number:016x}",
        "labelIds": ["SENT"] if sent else ["INBOX"],
        "snippet": f"Text {number}",
        "historyId": str(1_000 + number),
        "internalDate": str(int((NOW - timedelta(hours=300 - number)).timestamp() * 1000)),
        "payload": {
            "mimeType": "text/plain",
            "headers": [{"name": name.replace("_", "-"), "value": value} for name, value in given.items()],
        },
    }


def card(number: int, **changes: Any) -> Resource:
    """A Google contact; the first ones are friends who write, too."""
    email = FRIENDS[number] if number < 2 else f"card{number}@cards.example"
    return {
        "resourceName": f"people/c{number}",
        "etag": f"%{number}",
        "names": [{"displayName": f"Card {number}"}],
        "emailAddresses": [{"value": email}],
        **changes,
    }


def event(owner: str, name: str, starts_in: timedelta, **changes: Any) -> Resource:
    """A meeting of an hour with a friend."""
    start = NOW + starts_in
    return {
        "id": name,
        "status": "confirmed",
        "eventType": "default",
        "iCalUID": f"{name}@google.com",
        "summary": f"Meeting {name}",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
        "organizer": {"email": owner, "self": True},
        "attendees": [
            {"email": owner, "self": True, "responseStatus": "accepted"},
            {"email": FRIENDS[0], "displayName": "Ann", "responseStatus": "accepted"},
        ],
        **changes,
    }


def _account(name: str) -> AccountData:
    address = f"{name}@work.example"
    meetings = [event(address, f"{address[0]}{number}", timedelta(days=number - 20)) for number in range(3)]
    shared = [event(address, f"team{number}", timedelta(days=number + 10)) for number in range(3)]
    return AccountData(
        address,
        "Maya",
        f"{int(name.removeprefix('maya')):021d}",
        aliases=[f"{name}.sales@work.example"],
        messages=[letter(address, number, sent=number % 3 == 0) for number in range(1, LETTERS + 1)],
        calendars=[
            CalendarData(address, "Maya", "Europe/Stockholm", primary=True, events=meetings),
            CalendarData("team@group.calendar.google.com", "Team", "UTC", events=shared),
        ],
        people=[card(number) for number in range(CARDS)],
    )


@dataclass
class Life:
    """A person with one Google account. `number` counts what they have done with a key of its own."""

    stage: FaultStage
    name: str
    account: Account
    person: Person
    keys: str = field(default_factory=lambda: uuid4().hex)
    number: int = 0

    @property
    def address(self) -> str:
        return self.account.address

    # --- at the browser

    async def sign_in(self, *, without: Collection[str] = ()) -> None:
        """Sign in with Google; from the beginning where that broke off."""

        async def signed_in() -> bool:
            try:
                await self.person.sign_in(self.address, without=without)
                async with self.person.http.get(f"{self.stage.url}/api/v1/me") as response:
                    return response.status == 200
            except (Unexpected, aiohttp.ClientError, TimeoutError, AttributeError):
                return False

        await until(signed_in)

    async def call(self, method: str, path: str, body: Any = None, *, done: Collection[int] = (), **query: Any) -> Any:
        """One call under a key of its own, as often as it takes. `done`: what a repetition gets where the first try succeeded."""
        self.number += 1
        headers = {"Origin": self.stage.url, "Idempotency-Key": f"{self.keys}-{self.number}"}
        url, params = f"{self.stage.url}/api/v1{path}", {name: query_text(value) for name, value in query.items()}
        while True:
            try:
                async with self.person.http.request(method, url, json=body, headers=headers, params=params) as response:
                    if response.status < 400:
                        return await response.json() if response.content_type == "application/json" else None
                    if response.status in done:
                        return None
                    problem = await response.text()
                    assert response.status in AGAIN, f"{method} {path}: {response.status} {problem}"
            except (aiohttp.ClientError, TimeoutError):
                pass  # the gateway died: its successor is asked
            await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def account_id(self) -> AccountId:
        """Of the only account."""
        (account,) = (await self.call("GET", "/accounts"))["items"]
        return AccountId(UUID(account["id"]))

    async def sync(self, *kinds: str) -> None:
        """Sync now, long after whatever was synced before, and wait for the end.

        Runs requested within half a minute share a notification: how fast a life goes by must not decide how many there are.
        """
        await self.stage.pool.execute(
            "UPDATE gateway.notifications SET requested_at = requested_at - interval '1 hour' WHERE user_id = $1",
            await self.user_id(),
        )
        await self.call("POST", f"/accounts/{await self.account_id()}/sync", {"kinds": list(kinds)})
        await self.stage.quiet()

    async def contact_id(self, words: str) -> str:
        """The id of the only contact that these words find."""
        (found,) = (await self.call("GET", "/contacts", q=words))["items"]
        return str(found["id"])

    # --- in the mailbox

    def receive(self, number: int, *, sent: bool = False, **headers: str) -> None:
        """Mail `number` arrives, or is sent from another program."""
        resource = letter(self.address, number, sent=sent, **headers)
        deliver(self.account.mailbox, resource, resource["internalDate"])

    # --- what is left of it

    async def user_id(self) -> UserId:
        found = await self.stage.pool.fetchval("SELECT id FROM auth.users WHERE address = $1", self.address)
        return UserId(found)

    async def remains(self, user_id: UserId) -> Rows:
        """All rows, and the mails that were sent."""
        async with self.stage.pool.acquire() as connection:
            rows = dict(await list_rows(connection, user_id, "maya", self.name))
        sent = [mail for mail in self.stage.google.world.outbox.mails if mail.account == self.address]
        subjects = [value for mail in sent for name, value in mail.headers if name == "Subject"]
        rows["mails sent"] = sorted(re.sub(r"in \d+ minutes", "in some minutes", subject) for subject in subjects)
        return rows


@asynccontextmanager
async def life_on(stage: FaultStage) -> AsyncIterator[Life]:
    """Somebody new, with a Google account and a browser of their own, not signed in yet."""
    stage.people += 1
    name = f"maya{1_000 + stage.people}"
    account = stage.google.world.add(_account(name))
    async with person_at(stage.url) as person:
        yield Life(stage, name, account, person)
