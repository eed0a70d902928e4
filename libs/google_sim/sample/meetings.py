"""The sample's two calendars: forty events around now, two of them due for a brief."""

import hashlib
from base64 import b32hexencode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.sample.people import MAYA, PEOPLE, PERSONAL, TEAM, WORK, ZONE, Person, named

_DUE = (timedelta(minutes=33), timedelta(minutes=38))
_ROOM = {
    "email": "c_188room@resource.calendar.google.com",
    "displayName": "Stora bordet",
    "resource": True,
    "responseStatus": "accepted",
}
_PAST_TITLES = (
    "Portfolio review",
    "Kick-off",
    "Press check",
    "Budget talk",
    "Sketch session",
    "Interview",
    "Contract call",
    "Site visit",
    "Colour workshop",
    "Retrospective",
)
_PRIVATE_TITLES = ("Dinner", "Coffee", "Walk round Djurgården", "Choir practice", "Museum visit")


def calendars(now: datetime) -> dict[str, CalendarData]:
    """The primary calendar of each account. Apart from the two due meetings nothing starts within hours of now."""
    builder = _CalendarBuilder(now)
    builder.due()
    builder.history()
    builder.ahead()
    builder.series()
    builder.special_kinds()
    return builder.calendars


class _CalendarBuilder:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self.local = now.astimezone(ZoneInfo(ZONE)).replace(minute=0, second=0, microsecond=0)
        self.calendars = {
            account: CalendarData(account, account, time_zone=ZONE, primary=True) for account in (PERSONAL, WORK)
        }
        # The hour of everything that is not due: at least five hours away from now's, whatever summer time does.
        self.hour = min((9, 14, 16), key=lambda hour: min(abs(hour - self.local.hour), 5) < 5)

    def add(
        self,
        account: str,
        title: str,
        start: datetime,
        guests: Sequence[Person],
        *,
        minutes: int = 45,
        organizer: Person | None = None,
        mine: str = "accepted",
        **fields: object,
    ) -> Resource:
        """One event; the account's own entry is among the guests where there are any."""
        seed = f"{account} {title} {start.isoformat()}"
        identifier = b32hexencode(hashlib.sha256(seed.encode()).digest()[:16]).decode().lower().rstrip("=")
        own: Resource = {"email": account, "displayName": MAYA, "self": True, "responseStatus": mine}
        host: Resource = {"email": account, "displayName": MAYA, "self": True}
        if organizer:
            host = {"email": organizer.address, "displayName": organizer.name}
        attendees = [
            {
                "email": guest.address,
                "displayName": guest.name,
                "responseStatus": _response_status(guest),
                **({"organizer": True} if guest is organizer else {}),
            }
            for guest in guests
        ]
        event: Resource = {
            "kind": "calendar#event",
            "id": identifier,
            "etag": f'"{int(start.timestamp())}000"',
            "status": "confirmed",
            "iCalUID": f"{identifier}@google.com",
            "summary": title,
            "created": _stamp(self.now - timedelta(days=20)),
            "updated": _stamp(self.now - timedelta(days=2)),
            "organizer": host,
            "creator": dict(host),
            "start": _time(start),
            "end": _time(start + timedelta(minutes=minutes)),
            "sequence": 0,
            "eventType": "default",
            "reminders": {"useDefault": True},
            **({"attendees": [{**own, **({} if organizer else {"organizer": True})}, *attendees]} if guests else {}),
            **fields,
        }
        self.calendars[account].events.append(event)
        return event

    def at(self, days: int) -> datetime:
        """The quiet hour on a day so far from today."""
        return (self.local + timedelta(days=days)).replace(hour=self.hour)

    def due(self) -> None:
        """Two meetings for the next scan: one in each account, with people who have a history."""
        first, second = (self.now + after for after in _DUE)
        self.add(
            WORK,
            "Northwind launch: final layouts",
            first,
            [named("Priya Raman"), named("Jonas Bergström")],
            organizer=named("Priya Raman"),
            **_video("nwd-launch-fin"),
        )
        self.add(
            PERSONAL,
            "Coffee with Amara",
            second,
            [named("Amara Okafor")],
            minutes=30,
            location="Vete-Katten, Kungsgatan 55, Stockholm",
            **_video("cof-feea-mar"),
        )

    def history(self) -> None:
        """Seventeen meetings of the last year and a half; the last one is long past what counts."""
        clients = [person for person in PEOPLE if person.home == "work" and person not in TEAM]
        friends = [person for person in PEOPLE if person.home == "personal"]
        for number, title in enumerate(_PAST_TITLES):
            guest = clients[number]
            both = [guest, TEAM[0]] if number % 3 == 0 else [guest]
            self.add(
                WORK,
                f"{title}: {guest.company}",
                self.at(-6 - 29 * number),
                both,
                organizer=guest if number % 2 else None,
                **_video(f"pas-tnum-b{number:02}"),
            )
        for number, title in enumerate(_PRIVATE_TITLES):
            self.add(
                PERSONAL,
                f"{title} with {friends[number].given}",
                self.at(-11 - 47 * number),
                [friends[number]],
                minutes=120,
                location="Stockholm",
            )
        self.add(WORK, "Studio warming", self.at(-500), [*TEAM, clients[1]], minutes=180)
        self.add(WORK, "First meeting ever", self.at(-1_500), [clients[2]])

    def ahead(self) -> None:
        """Six meetings to come, one of them beyond the horizon, one with somebody new, one in both calendars."""
        self.add(WORK, "Catalogue handover", self.at(2), [named("Hannah Weiss")], organizer=named("Hannah Weiss"))
        self.add(WORK, "展示会の打ち合わせ", self.at(5), [named("佐藤 美咲")], **_video("ten-jika-iuc"))
        self.add(
            WORK,
            "Intro: Helsinki Design Fund",
            self.at(9),
            [Person("Aino Virtanen", "aino@hdf.example")],
            organizer=Person("Aino Virtanen", "aino@hdf.example"),
        )
        self.add(
            PERSONAL,
            "Middag hos mamma och pappa",
            self.at(4),
            [named("Erik Lindqvist"), named("Karin Lindqvist"), named("Oskar Lindqvist")],
            minutes=180,
        )
        self.add(WORK, "Next year’s exhibition", self.at(120), [named("Olivia Brandt")])
        shared = self.add(WORK, "Tour of the new flat and studio plans", self.at(7), [named("Henrik Dahl")])
        copy = self.add(PERSONAL, shared["summary"], self.at(7), [named("Henrik Dahl")])
        copy["iCalUID"] = shared["iCalUID"]

    def series(self) -> None:
        """A weekly stand-up with one instance moved and one cancelled, and a monthly lunch that has ended."""
        stand_up = self.add(WORK, "Stand-up", self.at(-70), TEAM, minutes=15, **_video("sta-ndup-wkl"))
        stand_up["recurrence"] = ["RRULE:FREQ=WEEKLY;COUNT=16"]
        moved = self._instance(stand_up, self.at(-21))
        moved["start"], moved["end"] = _time(self.at(-20)), _time(self.at(-20) + timedelta(minutes=15))
        self._instance(stand_up, self.at(-14))["status"] = "cancelled"
        lunch = self.add(WORK, "Lunch with Ben", self.at(-300), [named("Ben Carter")], minutes=60)
        lunch["recurrence"] = ["RRULE:FREQ=WEEKLY;INTERVAL=4;COUNT=6"]

    def _instance(self, master: Resource, start: datetime) -> Resource:
        """An exception of a series at one of its starts."""
        instance = {name: value for name, value in master.items() if name != "recurrence"}
        instance |= {
            "id": f"{master['id']}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            "recurringEventId": master["id"],
            "originalStartTime": _time(start),
            "start": _time(start),
            "end": _time(start + timedelta(minutes=15)),
        }
        self.calendars[WORK].events.append(instance)
        return instance

    def special_kinds(self) -> None:
        """What is no meeting, or one that nobody needs a brief for."""
        rebecca, grace = named("Rebecca Stone"), named("Grace Kim")
        self.add(WORK, "Deep work", self.at(1), [], minutes=120, eventType="focusTime")
        self.add(WORK, "Deep work", self.at(8), [], minutes=120, eventType="focusTime")
        self.add(WORK, "Away", self.at(30), [], minutes=480, eventType="outOfOffice")
        self.add(WORK, "Investor breakfast", self.at(3), [rebecca], organizer=rebecca, mine="declined")
        self.add(WORK, "Tasting (cancelled)", self.at(-17), [grace], status="cancelled")
        offsite = self.add(WORK, "Studio day", self.at(-40), [*TEAM], minutes=300, location="Stora bordet")
        offsite["attendees"].append(dict(_ROOM))
        self.add(WORK, "Table booked", self.at(-33), [], location="Stora bordet")["attendees"] = [dict(_ROOM)]
        for account, title, days, length in (
            (WORK, "Stockholm Furniture Fair", -85, 3),
            (PERSONAL, "Utö", 25, 5),
            (PERSONAL, "Mamma fyller år", -120, 1),
        ):
            day = self.at(days).date()
            event = self.add(account, title, self.at(days), [])
            event["start"] = {"date": day.isoformat()}
            event["end"] = {"date": (day + timedelta(days=length)).isoformat()}
        self.add(PERSONAL, "Dentist", self.at(12), [], minutes=30, visibility="private")
        self.add(PERSONAL, "Flight to Lisbon (TP 781)", self.at(18), [], minutes=265, eventType="fromGmail")


def _response_status(person: Person) -> str:
    return "tentative" if person.closeness == 1 else "accepted"


def _video(code: str) -> Resource:
    link = f"https://meet.google.com/{code}"
    return {
        "hangoutLink": link,
        "conferenceData": {
            "entryPoints": [{"entryPointType": "video", "uri": link, "label": link.removeprefix("https://")}],
            "conferenceSolution": {"name": "Google Meet", "key": {"type": "hangoutsMeet"}},
            "conferenceId": code,
        },
    }


def _time(start: datetime) -> Resource:
    local = start.astimezone(ZoneInfo(ZONE)).replace(microsecond=0)
    return {"dateTime": local.isoformat(), "timeZone": ZONE}


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
