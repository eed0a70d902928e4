"""What becomes of a Gmail message: recorded, filtered by a rule, or set aside. docs/rules.md, section Mail."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Literal, TypeAlias

from libs.common.addresses import Mailbox, canonical, is_bouncer, is_me, is_robot, parse_list, tag_of
from libs.common.events import MessageIngested, Person, Role
from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import GmailMessage
from services.sync.domain.text import plain_snippet, plain_subject

MAX_PEOPLE_LENGTH = 150_000  # characters of names and addresses: an event has to fit into one message of the bus
MAX_TAGS, MAX_TAG_LENGTH = 50, 64
MAX_MESSAGE_ID = 998  # a line of RFC 5322
MAX_ADDRESS_SHOWN = 320
LABEL_RULES = {"DRAFT": "draft", "CHAT": "chat", "SPAM": "spam", "TRASH": "trash"}
_CALENDAR_SENDER = "calendar-notification@google.com"
_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)
_DMARC = re.compile(r"\bdmarc\s*=\s*([a-z]+)", re.IGNORECASE)

Headers = Mapping[str, tuple[str, ...]]
Dmarc = Literal["pass", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Me:
    """Whose mailbox is read: `own_addresses` are all canonical addresses of the user that are known by now."""

    user_id: UserId
    account_id: AccountId
    own_addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """An eligible message."""

    event: MessageIngested


@dataclass(frozen=True, slots=True)
class Filtered:
    """Not eligible, by this rule."""

    rule: str
    rfc_message_id: str | None
    occurred_at: datetime | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A resource that can't be read. `reason` is a sentence."""

    reason: str


Outcome: TypeAlias = Recorded | Filtered | SetAside


def since(now: datetime, lookback_days: int) -> datetime | None:
    """The earliest moment that counts; None if all do."""
    return max(now - timedelta(days=lookback_days), _EARLIEST) if lookback_days else None


def read(message: GmailMessage, me: Me, earliest: datetime | None, revision: int) -> Outcome:
    """What becomes of one message. `revision` is the one that its event will carry."""
    if rule := label_rule(message.labels):
        return Filtered(rule, _message_id(message.headers or {}), _moment(message.sent_ms))
    if message.gmail_id is None:
        return SetAside("Gmail's answer has no id.")
    occurred_at = _moment(message.sent_ms)
    if occurred_at is None:
        return SetAside("Gmail's answer has no internalDate that is a number.")
    headers = message.headers
    if headers is None:
        return SetAside("Gmail's answer has no payload with headers.")
    if earliest is not None and occurred_at < earliest:
        return Filtered("lookback", _message_id(headers), occurred_at)
    if "x-pingcrm-prep" in headers:
        return Filtered("prep_email", _message_id(headers), occurred_at)
    author = _author(headers, me.own_addresses)
    return Recorded(
        MessageIngested(
            user_id=me.user_id,
            account_id=me.account_id,
            gmail_id=message.gmail_id,
            thread_id=message.thread_id,
            revision=revision,
            rfc_message_id=_message_id(headers),
            occurred_at=occurred_at,
            people=_people(headers, author),
            title=plain_subject(_first(headers, "subject")),
            snippet=plain_snippet(message.snippet),
            automated=_automated(headers, message.mime_type, author),
            via=_is_via(headers, author),
            bcc_tags=_bcc_tags(headers, me.own_addresses),
            dmarc=_dmarc(headers),
        )
    )


def label_rule(labels: Collection[str]) -> str:
    """The rule by which a label keeps a message out; empty if none does."""
    return next((rule for label, rule in LABEL_RULES.items() if label in labels), "")


def _moment(sent_ms: int | None) -> datetime | None:
    """internalDate as a moment, kept within what can be stored."""
    if sent_ms is None:
        return None
    try:
        return min(max(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=sent_ms), _EARLIEST), _LATEST)
    except OverflowError:
        return _EARLIEST if sent_ms < 0 else _LATEST


def _first(headers: Headers, name: str) -> str:
    return headers[name][0] if headers.get(name) else ""


def _valid(headers: Headers, name: str) -> list[tuple[Mailbox, str]]:
    """The valid addresses of a header, each with its canonical form."""
    return [
        (box, address)
        for value in headers.get(name, ())
        for box in parse_list(value)
        if (address := canonical(box.address))
    ]


def _message_id(headers: Headers) -> str | None:
    """Trimmed, without its angle brackets, case kept; None where there is none."""
    return _first(headers, "message-id").strip().strip("<>").strip()[:MAX_MESSAGE_ID] or None


def _author(headers: Headers, own_addresses: Collection[str]) -> tuple[Mailbox, str] | None:
    """The first From that is me, else the first valid From, else the first valid Sender."""
    senders = _valid(headers, "from")
    own_first = [sender for sender in senders if is_me(sender[1], own_addresses)]
    return next(iter([*own_first, *senders, *_valid(headers, "sender")]), None)


def _people(headers: Headers, author: tuple[Mailbox, str] | None) -> tuple[Person, ...]:
    """The author, then To, Cc and Bcc: each address once per role."""
    found = [_person("from", *author)] if author else []
    roles: tuple[Role, ...] = ("to", "cc", "bcc")
    for role in roles:
        once: dict[str, Mailbox] = {}
        for box, address in _valid(headers, role):
            once.setdefault(address, box)
        found += [_person(role, box, address) for address, box in once.items()]
    lengths = accumulate(len(person.address) + len(person.name) + 40 for person in found)
    return tuple(person for person, length in zip(found, lengths, strict=True) if length <= MAX_PEOPLE_LENGTH)


def _person(role: Role, box: Mailbox, address: str) -> Person:
    """The address as it was written, or its canonical form where that is absurdly long."""
    return Person(role=role, address=box.address if len(box.address) <= MAX_ADDRESS_SHOWN else address, name=box.name)


def _automated(headers: Headers, mime_type: str, author: tuple[Mailbox, str] | None) -> str:
    """The first rule by which no person wrote this to me; empty if none fits."""
    address = author[1] if author else ""
    if "return-path" in headers and _first(headers, "return-path").strip() in ("", "<>"):
        return "bounce"
    if is_bouncer(address) or mime_type == "multipart/report":
        return "bounce"
    if mime_type == "text/calendar" or any(sender == _CALENDAR_SENDER for _, sender in _valid(headers, "sender")):
        return "calendar"
    if "auto-submitted" in headers:
        words = _first(headers, "auto-submitted").replace(";", " ").split()
        if not words or words[0].lower() != "no":
            return "auto_submitted"
    if address and is_robot(address):
        return "noreply"
    if _first(headers, "precedence").strip().lower() in ("bulk", "list", "junk"):
        return "bulk"
    if "list-id" in headers or "list-unsubscribe" in headers:
        return "list"
    return ""


def _is_via(headers: Headers, author: tuple[Mailbox, str] | None) -> bool:
    named_so = author is not None and " via " in author[0].name
    return named_so or "x-original-from" in headers or "x-original-sender" in headers


def _bcc_tags(headers: Headers, own_addresses: Collection[str]) -> tuple[str, ...]:
    """The `+tags` of my own addresses, wherever a mail can carry them."""
    tags = {
        tag_of(box.address): None
        for name in ("delivered-to", "x-gm-original-to", "bcc", "to", "cc")
        if any("+" in value for value in headers.get(name, ()))
        for box, address in _valid(headers, name)
        if "+" in box.address and is_me(address, own_addresses)
    }
    return tuple(tag for tag in tags if 0 < len(tag) <= MAX_TAG_LENGTH)[:MAX_TAGS]


def _dmarc(headers: Headers) -> Dmarc:
    """The result in the topmost Authentication-Results that Google wrote: those below it may be forged."""
    for value in headers.get("authentication-results", ()):
        if value.strip().lower().startswith("mx.google.com"):
            result = _DMARC.search(value[:10_000])
            word = result[1].lower() if result else ""
            return "pass" if word == "pass" else "fail" if word == "fail" else "unknown"
    return "unknown"
