"""Small accounts for the tests."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.google_sim.account import AccountData, CalendarData

ADA, BEN = "ada@gmail.com", "ben@work.example"
NOW = datetime.now(UTC).replace(microsecond=0)


def message(number: int, *, thread: int | None = None, labels: tuple[str, ...] = ("INBOX",), **changes: Any) -> Any:
    """Message `number` is that many hours old."""
    sent = NOW - timedelta(hours=number)
    text = base64.urlsafe_b64encode(f"The text of letter {number}, about kerning.".encode()).decode()
    headers = {"From": "Zoe <zoe@else.example>", "To": ADA, "Subject": f"Letter {number}"}
    headers["Message-ID"] = f"<letter-{number}@else.example>"
    return {
        "id": f"{number:016x}",
        "threadId": f"{number if thread is None else thread:016x}",
        "labelIds": list(labels),
        "snippet": f"The text of letter {number}",
        "historyId": str(1_000_500 - number),
        "internalDate": str(int(sent.timestamp() * 1000)),
        "sizeEstimate": 700,
        "payload": {
            "partId": "",
            "mimeType": "text/plain",
            "filename": "",
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
            "body": {"size": 40, "data": text},
        },
        **changes,
    }


def event(name: str, start: datetime, **changes: Any) -> Any:
    end = start + timedelta(hours=1)
    return {
        "kind": "calendar#event",
        "etag": '"1"',
        "id": name,
        "status": "confirmed",
        "summary": name.title(),
        "start": {"dateTime": start.isoformat(), "timeZone": "UTC"},
        "end": {"dateTime": end.isoformat(), "timeZone": "UTC"},
        "iCalUID": f"{name}@google.com",
        "eventType": "default",
        **changes,
    }


def person(number: int) -> Any:
    return {
        "resourceName": f"people/c{number}",
        "etag": f"%{number}",
        "names": [{"displayName": f"Person {number}"}],
        "emailAddresses": [{"value": f"person{number}@else.example"}],
        "phoneNumbers": [{"value": f"+49 30 {number}"}],
    }


def accounts() -> list[AccountData]:
    """Ada with mail, meetings and contacts; Ben with an empty account."""
    messages = [message(number, thread=number // 3 * 3) for number in range(12)]
    messages += [message(20, labels=("SENT",)), message(21, labels=("SPAM",)), message(22, labels=("TRASH",))]
    events = [
        event("planning", NOW + timedelta(days=1)),
        event("retro", NOW - timedelta(days=30)),
        event("standup", NOW - timedelta(days=3), recurrence=["RRULE:FREQ=DAILY;COUNT=7"]),
    ]
    calendar = CalendarData(ADA, "Ada", "Europe/Berlin", primary=True, events=events)
    ada = AccountData(ADA, "Ada <Lovelace>", "1" * 21, ["ada@lovelace.example"], messages, [calendar])
    ada.people = [person(number) for number in range(5)]
    return [ada, AccountData(BEN, "Ben", "2" * 21)]
