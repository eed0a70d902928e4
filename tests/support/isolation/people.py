"""People who could be taken for one another: the same ids in every mailbox, and the owner's tag in all that is written in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.sample.compose import Letter, in_order, resource

COMMON = "common@shared.example"  # everybody knows them, each by another name
MESSAGE_IDS = tuple(f"{number:016x}" for number in range(1, 7))
MESSAGE_ID_OF_ALL = "<1@shared.example>"
UNREADABLE = MESSAGE_IDS[5]
EVENT_IDS = ("sharedevent1", "sharedevent2", "sharedevent3")
RESOURCE_NAME = "people/c1"
PHONE = "+1 202 555 0143"


def friend(tag: str) -> tuple[str, str]:
    """Name and address of whom an account with this tag writes with."""
    return f"Friend {tag.title()}", f"friend.{tag}@friends.example"


def mailbox(address: str, tag: str, sub: str, now: datetime) -> AccountData:
    """Mail, a calendar and a card. `tag` is in every name, subject and text of it; ids are those of every other mailbox."""
    owner = (f"Owner {tag.title()}", address)
    calendar = CalendarData(address, address, "UTC", primary=True, events=_events(owner, tag, now))
    return AccountData(
        address, owner[0], sub, messages=_messages(owner, tag, now), calendars=[calendar], people=[_card(tag)]
    )


def _messages(owner: tuple[str, str], tag: str, now: datetime) -> list[Resource]:
    common = (f"Common {tag.title()}", COMMON)
    letters = (
        (friend(tag), owner, MESSAGE_ID_OF_ALL, ()),
        (owner, friend(tag), "<2@shared.example>", ()),
        (common, owner, f"<3-{tag}@shared.example>", ()),
        (friend(tag), owner, "<4@shared.example>", ()),
        ((f"News {tag}", f"news@{tag}.example"), owner, "<5@shared.example>", (("List-Unsubscribe", "<https://x.example/u>"),)),
    )  # fmt: skip
    made = []
    for number, (sender, to, message_id, headers) in enumerate(letters):
        letter = Letter(
            sent=now - timedelta(days=10 + number),
            sender=sender,
            to=[to],
            subject=f"Subject {number} {tag}",
            text=f"Text {number} {tag}.",
            message_id=message_id,
            headers=headers,
        )
        label = "SENT" if sender == owner else "INBOX"
        made.append(resource(letter, owner[1], [label], "sharedthread") | {"id": MESSAGE_IDS[number]})
    return [
        *in_order(made),
        {**made[0], "id": UNREADABLE, "threadId": UNREADABLE, "internalDate": "0", "payload": tag},
    ]


def _events(owner: tuple[str, str], tag: str, now: datetime) -> list[Resource]:
    starts = (now + timedelta(minutes=35), now + timedelta(days=6), now - timedelta(days=9))
    return [_event(event_id, start, owner, tag) for event_id, start in zip(EVENT_IDS, starts, strict=True)]


def _event(event_id: str, start: datetime, owner: tuple[str, str], tag: str) -> Resource:
    name, address = friend(tag)
    return {
        "id": event_id,
        "status": "confirmed",
        "eventType": "default",
        "iCalUID": f"{event_id}-{tag}",
        "summary": f"Meeting {tag}",
        "location": f"Room {tag}",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(minutes=45)).isoformat()},
        "organizer": {"email": owner[1], "self": True},
        "attendees": [
            {"email": owner[1], "self": True, "responseStatus": "accepted"},
            {"email": address, "displayName": name, "responseStatus": "accepted"},
            {"email": COMMON, "displayName": f"Common {tag.title()}", "responseStatus": "accepted"},
        ],
    }


def _card(tag: str) -> Resource:
    return {
        "resourceName": RESOURCE_NAME,
        "etag": "e1",
        "names": [{"displayName": f"Card {tag.title()}"}],
        "emailAddresses": [{"value": f"card.{tag}@cards.example"}],
        "phoneNumbers": [{"value": PHONE}],
        "organizations": [{"name": f"Company {tag}", "title": f"Title {tag}"}],
    }


def unclaimed_mail(tag: str, bcc: str, now: datetime) -> str:
    """Mail with a contact's BCC hash from an address that nobody knows yet: whether it is the user, they are asked."""
    headers = (
        f"From: Me Elsewhere <elsewhere.{tag}@other.example>",
        f"To: {COMMON}",
        f"Delivered-To: {bcc}",
        f"Subject: Elsewhere {tag}",
        f"Message-ID: <elsewhere-{tag}@other.example>",
        f"Date: {now - timedelta(hours=2):%a, %d %b %Y %H:%M:%S} +0000",
    )
    return "\r\n".join((*headers, "", f"Text elsewhere {tag}.", ""))


def contact_fields(tag: str, number: int) -> dict[str, object]:
    """What somebody types. The phone is the same of all, so that they look alike."""
    return {
        "name": f"Typed {tag.title()} {number}",
        "emails": [f"typed{number}.{tag}@typed.example"],
        "phones": [PHONE],
        "identities": [{"kind": "acme", "value": f"typed{number}.{tag}"}],
        "company": f"Company {tag}",
        "notes": f"Notes {tag}",
    }


def texts(values: Sequence[object]) -> list[str]:
    """Every text in these values, whatever they are nested in."""
    found: list[str] = []
    for value in values:
        match value:
            case str():
                found.append(value)
            case dict():
                found += texts(list(value.values()))
            case list() | tuple() | set() | frozenset():
                found += texts(list(value))
            case None | bool() | int() | float():
                continue
            case BaseModel():
                found += texts(list(value.model_dump(mode="json").values()))
            case _:
                found.append(str(value))
    return found
