"""Two users of one installation: what is in their mailboxes, and how the calls of one of them are answered meanwhile."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.sample import generate_mailbox
from libs.google_sim.sample.compose import Letter, in_order, resource
from libs.local.demo.person import Person, person_at, poll_until
from libs.local.tick import tick
from tests.support.product import Product

FRIEND = ("Ada Byron", "ada@analytical.example")
OTHER_MESSAGES, LETTERS = 150, 6
MESSAGES = OTHER_MESSAGES + LETTERS  # of each mailbox
WAIT_SECONDS = 60.0  # only to end what hangs


def account(address: str, now: datetime) -> AccountData:
    """A mailbox with letters of a friend among other mail, and a meeting with the friend that is due for a brief."""
    made = generate_mailbox(address, OTHER_MESSAGES, now=now)
    made.messages = in_order([*made.messages, *_letters(address, now)])
    meeting = _meeting(address, now + timedelta(minutes=35))
    made.calendars = [CalendarData(address, address, "Europe/Berlin", primary=True, events=[meeting])]
    return made


def message_id(owner: str, number: int) -> str:
    """The Message-ID of a letter between the owner and the friend; the friend wrote those with odd numbers."""
    return f"<engine-{number}-{owner}>"


def _letters(owner: str, now: datetime) -> list[Resource]:
    made = []
    for number in range(LETTERS):
        from_owner = number % 2 == 0
        sender, to = (("", owner), FRIEND) if from_owner else (FRIEND, ("", owner))
        letter = Letter(
            sent=now - timedelta(days=10 - number),
            sender=sender,
            to=[to],
            subject=f"Engine {number}",
            text=f"The engine weaves patterns, part {number}.",
            message_id=message_id(owner, number),
        )
        made.append(resource(letter, owner, ["SENT"] if from_owner else ["INBOX"]))
    return made


def _meeting(owner: str, start: datetime) -> Resource:
    return {
        "id": "engine",
        "status": "confirmed",
        "eventType": "default",
        "iCalUID": f"engine-{owner}",
        "summary": f"Engine <b>&amp;</b> {owner}",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(minutes=45)).isoformat()},
        "organizer": {"email": owner, "self": True},
        "attendees": [
            {"email": owner, "self": True, "responseStatus": "accepted"},
            {"email": FRIEND[1], "displayName": FRIEND[0], "responseStatus": "accepted"},
        ],
    }


async def request_sync(person: Person, *kinds: str) -> None:
    """Sync now, of the only account."""
    (account,) = (await person.call("GET", "/accounts"))["items"]
    await person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": list(kinds)})


async def friend_of(person: Person) -> str:
    """The id of the contact."""
    (friend,) = (await person.call("GET", "/contacts", q="byron"))["items"]
    return str(friend["id"])


async def titles_with(person: Person, contact_id: str) -> set[str]:
    """The titles on the first page of a contact's timeline."""
    page = await person.call("GET", f"/contacts/{contact_id}/interactions")
    return {line["title"] for line in page["items"]}


async def get_mail(it: Product, person: Person, address: str, subject: str) -> None:
    """A mail of the friend arrives; asserts that it is on the timeline after a sync that the person requested."""
    headers = (
        f"From: {FRIEND[0]} <{FRIEND[1]}>\r\nTo: {address}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@{address}>"
    )
    await it.google.control("POST", f"/accounts/{address}/messages", {"raw": f"{headers}\r\n\r\nNow.\r\n"})
    await request_sync(person, "mail")
    contact_id = await friend_of(person)

    async def shown() -> bool:
        return subject in await titles_with(person, contact_id)

    assert await poll_until(shown, seconds=WAIT_SECONDS, every=0.05), f"{subject} is not on the timeline"


def header(mail: dict[str, Any], wanted: str) -> str:
    return next(str(value) for name, value in mail["headers"] if name == wanted)


async def briefs_to(it: Product, address: str) -> list[dict[str, Any]]:
    return [brief for brief in await it.google.briefs() if address in header(brief, "To")]


@dataclass
class Neighbor:
    """The other user, at a browser; `seconds` has how long each of their calls took."""

    it: Product
    person: Person
    address: str
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rounds: int = 0

    @asynccontextmanager
    async def timed(self, name: str) -> AsyncIterator[None]:
        began = perf_counter()
        yield
        self.seconds[name].append(perf_counter() - began)

    async def round(self) -> None:
        """Sign in at another browser, look around, and get a mail. Asserts that all of it is as it should be."""
        self.rounds += 1
        async with person_at(self.it.stack.url) as elsewhere:
            async with self.timed("sign in"):
                await elsewhere.sign_in(self.address)
            async with self.timed("me"):
                assert (await elsewhere.call("GET", "/me"))["counts"]["messages"] >= MESSAGES
        async with self.timed("search"):
            contact_id = await friend_of(self.person)
        async with self.timed("timeline"):
            titles = await titles_with(self.person, contact_id)
        assert {f"Engine {number}" for number in range(LETTERS)} <= titles
        async with self.timed("mail to timeline"):
            await get_mail(self.it, self.person, self.address, self.latest)

    @property
    def latest(self) -> str:
        """The subject of the mail of the latest round."""
        return f"Round {self.rounds}"

    async def get_brief(self) -> dict[str, Any]:
        """The brief of the neighbor's meeting, once a scan has been requested."""
        async with self.timed("brief"):
            await tick(self.it.stack.admin_nats_url, "prep")

            async def sent() -> bool:
                return bool(await briefs_to(self.it, self.address))

            assert await poll_until(sent, seconds=WAIT_SECONDS, every=0.05), "no brief was sent"
        (brief,) = await briefs_to(self.it, self.address)
        return brief

    async def requests(self) -> int:
        """How many calls Google counted for this account so far."""
        counted = (await self.it.google.control("GET", "/counters"))["accounts"].get(self.address, {})
        return sum(counter["requests"] for counter in counted.values())

    async def round_cost(self, rounds: int) -> float:
        """Do so many rounds; the calls to Google that each took, on average."""
        before = await self.requests()
        for _ in range(rounds):
            await self.round()
        return (await self.requests() - before) / rounds
