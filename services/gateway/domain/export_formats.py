"""What is exported, as files that other programs open: CSV for spreadsheets, vCard 4.0 (RFC 6350), iCalendar (RFC 5545). Pure.

Items are as the JSON of the archive has them; what one has not is left out.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from libs.common.birthdays import read_birthday

Item = Mapping[str, Any]

CONTACT_COLUMNS = (
    "id", "name", "emails", "phones", "identities", "company", "title", "birthday", "urls", "tags", "notes", "score", "label",
    "interactions", "first_interaction_at", "last_interaction_at", "archived", "created_at",
)  # fmt: skip
INTERACTION_COLUMNS = (
    "id", "occurred_at", "ends_at", "platform", "kind", "direction", "title", "text", "people", "people_total", "automated", "thread",
)  # fmt: skip
BYTE_ORDER_MARK = "\ufeff"  # Excel reads UTF-8 only behind one
CALENDAR_BEGIN = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//PingCRM//Export//EN\r\n"
CALENDAR_END = "END:VCALENDAR\r\n"
MAX_OCTETS = 75
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_ANSWERS = {"accepted": "ACCEPTED", "declined": "DECLINED", "tentative": "TENTATIVE"}


def csv_head(columns: Sequence[str]) -> str:
    return BYTE_ORDER_MARK + _csv([columns])


def contact_rows(contacts: Iterable[Item]) -> str:
    return _csv([[_cell(contact.get(column)) for column in CONTACT_COLUMNS] for contact in contacts])


def interaction_rows(interactions: Iterable[Item]) -> str:
    return _csv([[_cell(interaction.get(column)) for column in INTERACTION_COLUMNS] for interaction in interactions])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()


def _cell(value: Any) -> str:
    """What a spreadsheet shows and never computes: text that begins as a formula does gets an apostrophe before it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value)
        case list() | tuple():
            text = "; ".join(map(_entry, value))
        case _:
            text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _entry(value: Any) -> str:
    """A phone, an identity, somebody on an interaction, or plain text."""
    if not isinstance(value, Mapping):
        return str(value)
    if "shown" in value:
        return f"{value['kind']}: {value['shown']}" if "kind" in value else str(value["shown"])
    name, address = value.get("name", ""), value.get("address", "")
    return f"{value.get('role', '')}: {name} <{address}>" if name else f"{value.get('role', '')}: {address}"


def vcards(contacts: Iterable[Item]) -> str:
    return "".join(map(_vcard, contacts))


def _vcard(contact: Item) -> str:
    emails = contact.get("emails", ())
    name = contact.get("name") or (emails[0] if emails else "")
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_text(name)}", f"UID:urn:uuid:{contact.get('id', '')}"]
    lines += [f"EMAIL:{_text(email)}" for email in emails]
    lines += [f"TEL;VALUE=text:{_text(phone['shown'])}" for phone in contact.get("phones", ())]
    lines += [_profile(identity) for identity in contact.get("identities", ())]
    singles = (("ORG", "company"), ("TITLE", "title"), ("NOTE", "notes"))
    lines += [f"{field}:{_text(contact[key])}" for field, key in singles if contact.get(key)]
    lines += [_birthday(contact["birthday"])] if contact.get("birthday") else []
    lines += [f"URL:{_line(url)}" for url in contact.get("urls", ())]
    if tags := contact.get("tags"):
        lines.append("CATEGORIES:" + ",".join(map(_text, tags)))
    return _folded([*lines, "END:VCARD"])


def _birthday(written: str) -> str:
    """A date without its separators, as vCard has it; text where it is no day."""
    birthday = read_birthday(written)
    if birthday is None:
        return f"BDAY;VALUE=text:{_text(written)}"
    year = f"{birthday.year:04}" if birthday.year else "--"
    return f"BDAY:{year}{birthday.month:02}{birthday.day:02}"


def _profile(identity: Item) -> str:
    """As RFC 9554 has it: the address of the profile, else the handle as text; a phone is one."""
    if identity["kind"] == "phone":
        return f"TEL;VALUE=text:{_text(identity['shown'])}"
    service = _line(identity["kind"]).replace('"', "'")
    if identity.get("url"):
        return f'SOCIALPROFILE;SERVICE-TYPE="{service}":{_line(identity["url"])}'
    return f'SOCIALPROFILE;SERVICE-TYPE="{service}";VALUE=text:{_text(identity["shown"])}'


def calendar_events(meetings: Iterable[Item]) -> str:
    return "".join(map(_event, meetings))


def _event(meeting: Item) -> str:
    lines = ["BEGIN:VEVENT", f"UID:{meeting['meeting_id']}@pingcrm", f"DTSTAMP:{_instant(meeting['starts_at'])}"]
    if meeting.get("all_day") and meeting.get("start_date"):
        first, last = meeting["start_date"], meeting.get("end_date")
        lines.append(f"DTSTART;VALUE=DATE:{first.replace('-', '')}")
        lines += [f"DTEND;VALUE=DATE:{last.replace('-', '')}"] if last else []
    else:
        lines += [f"DTSTART:{_instant(meeting['starts_at'])}", f"DTEND:{_instant(meeting['ends_at'])}"]
    lines.append(f"SUMMARY:{_text(meeting.get('title', ''))}")
    if meeting.get("place"):
        lines.append(f"LOCATION:{_text(meeting['place'])}")
    if meeting.get("video_url"):
        lines.append(f"URL:{_line(meeting['video_url'])}")
    if organizer := meeting.get("organizer"):
        lines.append(f"ORGANIZER{_called(organizer)}:mailto:{_line(organizer['address'])}")
    lines += [
        f"ATTENDEE{_called(guest)};PARTSTAT={_ANSWERS.get(guest.get('answer', ''), 'NEEDS-ACTION')}:mailto:{_line(guest['address'])}"
        for guest in meeting.get("guests", ())
    ]
    return _folded([*lines, "END:VEVENT"])


def _called(guest: Item) -> str:
    """The name as a parameter, whose value can hold no quotation mark."""
    name = _line(guest.get("name", "")).replace('"', "'")
    return f';CN="{name}"' if name else ""


def _instant(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """As both formats escape it."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return _line(escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n"))


def _line(value: str) -> str:
    """Without anything that could end the line."""
    return "".join(character for character in value if character >= " " and character != "\x7f")


def _folded(lines: Iterable[str]) -> str:
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _fold(line: str) -> str:
    """At most 75 octets a line, the next ones indented, and no character torn."""
    if len(line.encode()) <= MAX_OCTETS:
        return line
    parts, part, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > MAX_OCTETS:
            parts.append(part)
            part, size = " ", 1
        part, size = part + character, size + octets
    return "\r\n".join([*parts, part])


TextFormat = Callable[[Sequence[Item]], str]

README = """\
Everything that PingCRM keeps about you and the people you know
===============================================================

Made {made_at}, for {address}.

To read it yourself
  contacts.csv        one person a line; opens in any spreadsheet
  interactions.csv    one message, meeting or note a line, newest last
  contacts.vcf        the same people for an address book (vCard 4.0)
  meetings.ics        your meetings for a calendar (iCalendar)

For programs (UTF-8, one JSON object a line; nothing is left out)
  contacts.jsonl  interactions.jsonl  meetings.jsonl  notifications.jsonl
  accounts.json   settings.json

Good to know
  - Of each message there are its subject, its people and up to 500 characters of its text. The whole text was never
    kept: it is in Gmail (Google Takeout has it all).
  - Cells of the spreadsheets that begin like a formula (=, +, -, @) have an apostrophe before them, so that nothing
    another person wrote is ever computed on your machine. Phone numbers have one for the same reason.
  - Passwords, tokens and keys are not in here.
  - Whom you asked not to record is not in here either.
"""


def readme(made_at: datetime, address: str) -> str:
    return README.format(made_at=made_at.strftime("%-d %B %Y, %H:%M UTC"), address=address).replace("\n", "\r\n")
