"""Two people who have not signed in yet, with next to nothing at Google, so that their first day is over soon."""

from datetime import datetime, timedelta

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.sample.compose import Letter, in_order, message_id_for, resource

NORA, OTTO, INES = "nora.ek@gmail.com", "otto.berg@gmail.com", "ines.holm@ateljeholm.example"
AHEAD = timedelta(minutes=38)
"""As far ahead as a meeting may be whose brief goes out with the next scan."""


def nora(now: datetime) -> AccountData:
    """She has written to and fro with Ines, and is about to meet her."""
    messages = []
    for number in range(6):
        there, back = ("Ines Holm", INES), ("Nora Ek", NORA)
        sender, to = (there, back) if number % 2 else (back, there)
        subject, at = f"The chairs, part {number}", now - timedelta(days=3 * number + 2)
        text = f"Letter {number} about the chairs: oak or ash?"
        letter = Letter(at, sender, [to], subject, text, message_id_for(subject, "ateljeholm.example"))
        messages.append(resource(letter, NORA, ["INBOX"] if number % 2 else ["SENT"]))
    account = AccountData(NORA, "Nora Ek", "103000000000000000001", messages=in_order(messages))
    account.calendars.append(_calendar(NORA, "Layouts with Ines", now + AHEAD))
    return account


def otto(now: datetime) -> AccountData:
    """He has no mail and no contacts, and is about to meet somebody of whom he knows nothing."""
    account = AccountData(OTTO, "Otto Berg", "103000000000000000002")
    account.calendars.append(_calendar(OTTO, "Coffee with a stranger", now + timedelta(hours=5)))
    return account


def _calendar(owner: str, title: str, start: datetime) -> CalendarData:
    own: Resource = {"email": owner, "self": True, "organizer": True, "responseStatus": "accepted"}
    guest: Resource = {"email": INES, "displayName": "Ines Holm", "responseStatus": "accepted"}
    event: Resource = {
        "kind": "calendar#event", "id": "firstday0001", "iCalUID": f"firstday0001-{owner}", "status": "confirmed", "eventType": "default",
        "summary": title, "organizer": {"email": owner, "self": True}, "attendees": [own, guest],
        "start": {"dateTime": start.isoformat()}, "end": {"dateTime": (start + timedelta(minutes=45)).isoformat()},
        "created": start.isoformat(), "updated": start.isoformat(), "sequence": 0,
    }  # fmt: skip
    return CalendarData(owner, owner, time_zone="Europe/Stockholm", primary=True, events=[event])
