"""People whose mail arrives and whose meetings move, at random; what the product must show of it in the end, by its oracle."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.calendar.store import Calendar
from libs.google_sim.gmail.delivery import deliver
from libs.google_sim.gmail.outbox import SentMail
from libs.google_sim.hosted_account import Account
from libs.google_sim.oracle import expect
from libs.local.demo.person import Person
from tests.support.agenda import Agenda
from tests.support.fault_life import FRIENDS, card, letter
from tests.support.mailbox_model import Line, Timelines, difference, timelines
from tests.support.standing import Standing

LETTERS, CARDS = 40, 5
# When a scan finds a meeting; and the part of that in which it surely has, whatever the seconds that scans take.
AT_LEAST, LESS_THAN = timedelta(minutes=5), timedelta(minutes=40)
MARGIN = timedelta(minutes=2)

_LINES = """
SELECT a.value AS address, regexp_replace(i.ref, '#[0-9]+$', '') AS grp, i.title, l.direction
FROM contacts.contacts c JOIN contacts.addresses a ON a.contact_id = c.id AND a.kind = 'email'
LEFT JOIN contacts.timeline_lines l ON l.contact_id = c.id AND l.platform = 'email'
LEFT JOIN contacts.interactions i ON i.id = l.interaction_id
WHERE c.user_id = $1 AND c.merged_into IS NULL AND NOT c.archived
"""
_DOUBLED = """
SELECT i.ref FROM contacts.interactions i
WHERE i.user_id = $1
  AND NOT EXISTS (SELECT FROM contacts.sightings s WHERE s.interaction_id = i.id AND s.fact IS NOT NULL)
UNION ALL
SELECT s.ref FROM contacts.sightings s WHERE s.user_id = $1 AND s.fact IS NOT NULL AND NOT EXISTS (
    SELECT FROM contacts.interactions i WHERE i.id = s.interaction_id)
"""
_BRIEFS = "SELECT event_id, starts_at, state, token, title FROM prep.preps WHERE user_id = $1 AND NOT by_hand"


def account_data(number: int) -> AccountData:
    """Of person `number`, before anything happens: some mail with friends, some cards, an empty calendar."""
    address = f"person{number}@work.example"
    letters = [letter(address, count, sent=count % 3 == 0) for count in range(1, LETTERS + 1)]
    calendar = CalendarData(address, address, primary=True)
    return AccountData(
        address, f"Person {number}", f"{number:021d}", [], letters, [calendar], [card(n) for n in range(CARDS)]
    )


def deserves_brief(meeting: Standing) -> bool:
    """Whether a scan that finds it due sends a brief."""
    return (
        meeting.day is None
        and meeting.answer != "declined"
        and not meeting.private
        and meeting.event_type == "default"
        and 0 < len(meeting.people) <= 20
        and not meeting.people.isdisjoint(FRIENDS)
    )


@dataclass
class Inhabitant:
    """One of the people, at one gateway and, `elsewhere`, at the other.

    `deserved`: every event and start that stood for a moment and would get a brief then.
    """

    account: Account
    person: Person
    elsewhere: Person
    chance: Random
    letters: int = LETTERS
    deserved: set[tuple[str, datetime]] = field(default_factory=set)

    def __post_init__(self) -> None:
        (calendar,) = self.account.calendars.values()
        elsewhere = Calendar.of(
            CalendarData("team@group.calendar.google.com", "Team")
        )  # nobody's: copies of meetings end there
        self.agenda = Agenda(calendar, elsewhere, self.address, self.chance, datetime.now(UTC))

    @property
    def address(self) -> str:
        return self.account.address

    # --- what happens

    def live(self) -> None:
        """Something happens: mail mostly, else with a meeting."""
        acts = {
            self._receive: 6,
            self._send: 2,
            self._receive_from_stranger: 1,
            self._trash: 1,
            self._change_meeting: 4,
        }
        (act,) = self.chance.choices(list(acts), list(acts.values()))
        act()

    def receive(self, **headers: str) -> None:
        self._put(self._letter(**headers))

    def _receive(self) -> None:
        self.receive()

    def _send(self) -> None:
        self._put(self._letter(sent=True))

    def _receive_from_stranger(self) -> None:
        number = self.letters + 1
        self.receive(From=f"Stranger {number} <stranger{number}@letters.example>")

    def _trash(self) -> None:
        mailbox = self.account.mailbox
        mailbox.relabel(self.chance.choice(sorted(mailbox.messages)), ["TRASH"], ["INBOX"])

    def _change_meeting(self) -> None:
        self.agenda.now = datetime.now(UTC).replace(microsecond=0)
        self.agenda.change()
        self.deserved |= {
            (meeting.event_id, meeting.starts_at) for meeting in self.agenda.standing() if deserves_brief(meeting)
        }

    def _letter(self, *, sent: bool = False, **headers: str) -> Resource:
        self.letters += 1
        return letter(self.address, self.letters, sent=sent, **headers)

    def _put(self, resource: Resource) -> None:
        now_ms = str(int(datetime.now(UTC).timestamp() * 1000))
        deliver(self.account.mailbox, {**resource, "internalDate": now_ms}, now_ms)

    # --- what must be seen of it

    async def sync(self) -> None:
        """Everything, now."""
        (account,) = (await self.person.call("GET", "/accounts"))["items"]
        await self.person.call("POST", f"/accounts/{account['id']}/sync", {"kinds": ["mail", "contacts", "calendar"]})

    async def differences(
        self, database: asyncpg.Connection, sent: Sequence[SentMail], scanned_at: datetime
    ) -> list[str]:
        """What is not as the oracle says, in words. `sent`: by everybody; `scanned_at`: when the last scan was."""
        user_id = await database.fetchval("SELECT id FROM auth.users WHERE address = $1", self.address)
        briefs = await database.fetch(_BRIEFS, user_id)
        doubled = [f"{row['ref']} is doubled or stands on nothing" for row in await database.fetch(_DOUBLED, user_id)]
        words = [
            *await self._compare_numbers(),
            *difference(await self._shown(database, user_id), self._expected_lines()),
            *doubled,
            *self._compare_briefs(briefs, [mail for mail in sent if mail.account == self.address], scanned_at),
        ]
        return [f"{self.address}: {word}" for word in words]

    async def _compare_numbers(self) -> list[str]:
        """The oracle's, beside those of the API."""
        oracle = expect([self.account.snapshot()], datetime.now(UTC))
        counts = (await self.person.call("GET", "/me"))["counts"]
        ever = {"from": "0002-01-01T00:00:00Z", "to": "9998-12-31T00:00:00Z", "limit": 200}
        meetings = [meeting async for meeting in self.person.all("/meetings", **ever)]
        pairs = {
            "messages": (counts["messages"], oracle.messages),
            "contacts": (counts["contacts"], oracle.contacts),
            "imported": (counts["imported"], oracle.imported),
            "meetings on timelines": (counts["meetings"], oracle.meeting_interactions),
            "meetings": (len(meetings), oracle.meetings),
        }
        at_the_other = (await self.elsewhere.call("GET", "/me"))["counts"]
        words = [f"the gateways show {counts} and {at_the_other}"] if at_the_other != counts else []
        return words + [f"{name}: {shown}, not {wanted}" for name, (shown, wanted) in pairs.items() if shown != wanted]

    async def _shown(self, database: asyncpg.Connection, user_id: Any) -> Timelines:
        """The lines of mail on the timelines; who has none is left out."""
        found: Timelines = {}
        for row in await database.fetch(_LINES, user_id):
            if row["grp"] is not None:
                message = row["grp"] if row["grp"].startswith("<") else row["grp"].partition(":")[2]
                line = Line(message, row["direction"], row["title"], frozenset({self.address}))
                found.setdefault(row["address"], Counter())[line] += 1
        return found

    def _expected_lines(self) -> Timelines:
        model = timelines([self.account.snapshot()], datetime.now(UTC), hashes={})
        return {address: lines for address, lines in model.items() if lines}

    def _compare_briefs(
        self, briefs: Sequence[asyncpg.Record], mails: Sequence[SentMail], scanned_at: datetime
    ) -> list[str]:
        """Each brief is one mail; what is due has one; nothing that never deserved one has."""
        rows = {(row["event_id"], row["starts_at"]): row for row in briefs}
        sent = {key: row for key, row in rows.items() if row["state"] == "sent"}
        tokens = Counter(value for mail in mails for name, value in mail.headers if name.lower() == "x-pingcrm-prep")
        words = [f"brief {token} was sent {count} times" for token, count in tokens.items() if count > 1]
        words += [
            f"a brief of {row['title']} is {row['state']}"
            for row in rows.values()
            if row["state"] not in ("sent", "skipped")
        ]
        words += [
            f"{row['title']} got a brief for {at:%H:%M}, and never deserved it"
            for (event, at), row in sent.items()
            if (event, at) not in self.deserved
        ]
        if len(tokens) != len(sent) or len(mails) != len(sent):
            words.append(f"{len(mails)} mails with {len(tokens)} marks for {len(sent)} briefs")
        for meeting in self.agenda.standing():
            is_due = AT_LEAST + MARGIN <= meeting.starts_at - scanned_at < LESS_THAN - MARGIN
            if is_due and deserves_brief(meeting) and (meeting.event_id, meeting.starts_at) not in sent:
                words.append(
                    f"{meeting.title} at {meeting.starts_at:%H:%M} has no brief: {rows.get((meeting.event_id, meeting.starts_at))}"
                )
        return words
