"""What an attacker can send to one mailbox: mail, invitations and cards that are legal enough to arrive."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from libs.google_sim.account import Resource
from tests.support.hostile_texts import nested, repeated, unclosed

ATTACKER = "eve@evil.example"
MARKUP = '<script>alert("evil")</script><img src=x onerror=alert(1)>'
HEADER_LENGTH = 32_000  # characters: about what one header of a mail that arrives can have
HEADERS_READ = ("From", "To", "Cc", "Subject", "Reply-To", "Precedence", "Authentication-Results")
FORGED_SUBJECT = "I wire the money today"
GOOD_AUTHENTICATION = "mx.google.com; dmarc=pass header.from=evil.example"
BAD_AUTHENTICATION = "mx.google.com; spf=pass smtp.mailfrom=dmarc=pass@evil.example; dmarc=fail (p=NONE dmarc=pass) header.from=example.org"


def mail(number: int, headers: Mapping[str, str], now: datetime) -> Resource:
    """A mail of the attacker with these headers in place of the usual ones, which arrived `number` minutes before `now`."""
    usual = {
        "From": f"Eve <{ATTACKER}>",
        "To": "somebody@example.org",
        "Subject": f"Evil {number}",
        "Message-ID": f"<evil-{number}@evil.example>",
        "Authentication-Results": GOOD_AUTHENTICATION,
    }
    shown = [{"name": name, "value": value} for name, value in {**usual, **headers}.items()]
    return {
        "id": f"e{number:015x}",
        "threadId": f"e{number:015x}",
        "labelIds": ["INBOX"],
        "snippet": f"Evil text {number}",
        "internalDate": str(int((now - timedelta(minutes=number)).timestamp() * 1000)),
        "payload": {"mimeType": "text/plain", "headers": shown},
    }


def everywhere(text: str) -> dict[str, str]:
    """The text in each header that is read."""
    return dict.fromkeys(HEADERS_READ, text)


def recipients(count: int, domain: str = "crowd.example") -> str:
    return ", ".join(f"Guest {number} <guest{number}@{domain}>" for number in range(count))


def hostile_headers(victim: str, answered: str) -> dict[str, Mapping[str, str]]:
    """Headers by the name of what they try. `answered`: the Message-ID of a mail that the victim got from a friend."""
    unclosed_words = repeated("=?a?q? ").make(HEADER_LENGTH)
    comments, unclosed_quotes = nested("(", ")").make(HEADER_LENGTH), repeated('"a').make(HEADER_LENGTH)
    return {
        "unclosed words": everywhere(unclosed_words),
        "unclosed words of an author": {"From": f'"{unclosed_words}" <{ATTACKER}>', "Subject": unclosed_words},
        "comments": {"From": f"{ATTACKER} {comments}", "To": comments, "Cc": unclosed("a@b (", "\\(").make(HEADER_LENGTH)},
        "quotes": {"From": f"{unclosed_quotes} <{ATTACKER}>", "To": repeated('"a",').make(HEADER_LENGTH)},
        "a long message id": {"Message-ID": f"<{'鏡' * 980}>"},
        "a crowd": {"To": recipients(2_900)},
        "a hundred people": {"To": recipients(100, "hundred.example")},
        "markup": {"From": f'"{MARKUP}" <markup@evil.example>', "Subject": f"Re: {MARKUP}"},
        "controls": {"From": f'"\u202eevE\x00{chr(0x301) * 500}" <controls@evil.example>', "Subject": "\x00\u200b\u202e"},
        "forged": {
            "From": f"Me <{victim}>",
            "To": "Mule <mule@bank.example>",
            "Subject": FORGED_SUBJECT,
            "Authentication-Results": BAD_AUTHENTICATION,
        },
        "hidden": {"X-PingCRM-Prep": "1", "Subject": "Hidden"},
        "a known message id": {"Message-ID": answered, "Cc": recipients(10, "joined.example"), "Subject": "Repeated"},
    }  # fmt: skip


# How often a wave has each of them; a wave is about 4 MB.
TIMES = {
    "unclosed words": 12,
    "unclosed words of an author": 8,
    "comments": 8,
    "quotes": 4,
    "a crowd": 3,
    "a hundred people": 8,
}


def wave(number: int, victim: str, answered: str, now: datetime) -> dict[str, list[Resource]]:
    """Mail of every kind, by what it tries; ids of other waves are other ids."""
    numbers = iter(range(number * 1_000, (number + 1) * 1_000))
    made: dict[str, list[Resource]] = {}
    for name, headers in hostile_headers(victim, answered).items():
        made[name] = [mail(next(numbers), headers, now) for _ in range(TIMES.get(name, 2))]
    return made


def invitation(event_id: str, start: datetime, title: str, guests: Sequence[str]) -> Resource:
    """A Calendar resource: the attacker invites the victim and these addresses, whose names are markup."""
    attendees = [{"email": address, "displayName": f"{MARKUP} {address}"} for address in guests]
    return {
        "id": event_id,
        "status": "confirmed",
        "eventType": "default",
        "iCalUID": f"{event_id}@evil.example",
        "summary": title,
        "location": MARKUP,
        "hangoutLink": "javascript:alert(1)",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
        "organizer": {"email": ATTACKER, "displayName": MARKUP},
        "attendees": attendees,
    }


def invitations(number: int, victim: str, friend: str, now: datetime) -> list[Resource]:
    """Invitations of a wave, with 400 guests, the first of them due for a brief. In the first wave one with a friend, due too."""
    titles = (MARKUP, repeated("=?a?q? ").make(2_000), "\u202e" + "é" * 2_000, nested("(", ")").make(2_000))
    starts = [now + timedelta(days=5 + number, hours=hour) for hour in range(len(titles) * 2)]
    starts[0] = soon = now + timedelta(minutes=36)
    crowd = [victim, *(f"guest{guest}@invited.example" for guest in range(399))]
    made = [invitation(f"evil{number}x{n}", start, titles[n % len(titles)], crowd) for n, start in enumerate(starts)]
    if number == 0:
        made.append(invitation("evilfew", soon, f"{MARKUP} {titles[1]}", [victim, friend]))
    return made


def is_harmless(html: str) -> bool:
    """Whether nothing of the attack is markup in it."""
    return not any(text in html for text in ('<script>alert("', "<img src=x", 'href="javascript:', 'src="javascript:'))


def cards(number: int) -> dict[str, Resource]:
    """People of Google Contacts with hostile names, numbers and addresses, by resource name."""
    values = (
        MARKUP,
        repeated("=?a?q? ").make(8_000),
        "1" * 8_000,
        repeated("a@b,").make(8_000),
        "\u0301\u0323" * 4_000,
    )
    return {
        f"people/evil{number}x{place}": {
            "names": [{"displayName": value}],
            "emailAddresses": [{"value": value}, {"value": f"card{number}x{place}@evil.example"}],
            "phoneNumbers": [{"value": value}],
            "organizations": [{"name": value, "title": value}],
            "urls": [{"value": "javascript:alert(1)"}],
        }
        for place, value in enumerate(values)
    }
