"""The mail rules of docs/rules.md: which messages count, who wrote them, whom they make a contact."""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from libs.google_sim.account import AccountData, Resource
from libs.google_sim.oracle.addresses import Mailbox, Me, is_bounce, is_noreply, mailboxes
from libs.google_sim.oracle.authentication import fails_dmarc
from libs.google_sim.oracle.dates import dated

MAX_PARTICIPANTS = 25
ContactCreation = Literal["people", "sent_only", "none", "everyone"]
_LABEL_RULES = {"DRAFT": "draft", "CHAT": "chat", "SPAM": "spam", "TRASH": "trash"}
_BRIEF_TOKEN = re.compile("pcrm[abcdefghijklmnopqrstuvwxyz234567]{20}")
_CALENDAR_SENDER = "calendar-notification@google.com"


@dataclass(frozen=True)
class Mail:
    """One eligible message, as far as the rules look at it. `recipients`: canonical To, Cc and Bcc.

    `unauthenticated`: fails DMARC and is not in SENT. `forged`: and says that it is from me.
    """

    id: str
    thread_id: str
    sent_ms: int
    message_id: str
    dated: str
    author: str | None
    outbound: bool
    forged: bool
    unauthenticated: bool
    via: bool
    automated: str | None
    recipients: frozenset[str]

    @property
    def participants(self) -> frozenset[str]:
        return self.recipients | {self.author} if self.author else self.recipients


@dataclass(frozen=True)
class Mailbag:
    """What one account's messages come to: the eligible ones, how many each rule filtered, how many were set aside."""

    eligible: tuple[Mail, ...]
    filtered: Counter[str]
    set_aside: int


@dataclass(frozen=True)
class Copy:
    """A message as the account with this number holds it."""

    account: int
    mail: Mail

    @property
    def thread(self) -> tuple[int, str]:
        return self.account, self.mail.thread_id


def earliest(now: datetime, lookback_days: int) -> int | None:
    """The oldest internalDate (milliseconds) that counts; None if all do."""
    return int((now - timedelta(days=lookback_days)).timestamp() * 1000) if lookback_days else None


def read_mail(account: AccountData, me: Me, since_ms: int | None) -> Mailbag:
    """Sort one account's messages by the rules for mail."""
    eligible: list[Mail] = []
    filtered: Counter[str] = Counter()
    set_aside = 0
    for resource in account.messages:
        rule = label_rule(resource)
        sent_ms = internal_date(resource)
        if rule is None and (not isinstance(resource.get("id"), str) or sent_ms is None or not _payload(resource)):
            set_aside += 1
            continue
        headers = _headers(resource)
        if rule is None and since_ms is not None and sent_ms is not None and sent_ms < since_ms:
            rule = "lookback"
        if rule is None and _is_brief(resource, headers, me):
            rule = "prep_email"
        if rule is not None:
            filtered[rule] += 1
        elif sent_ms is not None:
            eligible.append(_mail(resource, headers, sent_ms, me))
    return Mailbag(tuple(eligible), filtered, set_aside)


def _is_brief(resource: Resource, headers: dict[str, list[str]], me: Me) -> bool:
    """Sent by me under a token. That the token is one that was really given out can't be seen in a mailbox: it is believed."""
    author = _author(headers, me).address
    has_token = any(_BRIEF_TOKEN.fullmatch(value.strip()) for value in headers.get("x-pingcrm-prep", []))
    return has_token and has_label(resource, "SENT") and author is not None and author in me


def label_rule(resource: Resource) -> str | None:
    """The rule by which a label keeps a message out, if one does."""
    return next((rule for label, rule in _LABEL_RULES.items() if has_label(resource, label)), None)


def has_label(resource: Resource, label: str) -> bool:
    labels = resource.get("labelIds")
    return isinstance(labels, list) and label in labels


def internal_date(resource: Resource) -> int | None:
    """`internalDate` in milliseconds, None where it is not an integer."""
    written = resource.get("internalDate")
    if isinstance(written, bool) or not isinstance(written, int | str):
        return None
    try:
        return int(written)
    except ValueError:
        return None


def _payload(resource: Resource) -> bool:
    return isinstance(resource.get("payload"), dict)


def _headers(resource: Resource) -> dict[str, list[str]]:
    """Header values by lower-case name, in the order of the message."""
    found: dict[str, list[str]] = defaultdict(list)
    payload = resource.get("payload")
    listed = payload.get("headers") if isinstance(payload, dict) else None
    for header in listed if isinstance(listed, list) else []:
        if isinstance(header, dict) and isinstance(header.get("name"), str) and isinstance(header.get("value"), str):
            found[header["name"].strip().lower()].append(header["value"])
    return dict(found)


def _boxes(headers: dict[str, list[str]], name: str) -> list[Mailbox]:
    return [box for value in headers.get(name, []) for box in mailboxes(value)]


def _mail(resource: Resource, headers: dict[str, list[str]], sent_ms: int, me: Me) -> Mail:
    author = _author(headers, me)
    recipients = (box.address for name in ("to", "cc", "bcc") for box in _boxes(headers, name))
    from_me = author.address is not None and author.address in me
    unauthenticated = not has_label(resource, "SENT") and fails_dmarc(headers.get("authentication-results", []))
    return Mail(
        id=resource["id"],
        thread_id=resource.get("threadId") or resource["id"],
        sent_ms=sent_ms,
        message_id=_first(headers, "message-id").strip().strip("<>").strip(),
        dated=dated(_first(headers, "date")),
        author=author.address,
        outbound=from_me and not unauthenticated,
        forged=from_me and unauthenticated,
        unauthenticated=unauthenticated,
        via=" via " in author.name or "x-original-from" in headers or "x-original-sender" in headers,
        automated=_automated(headers, str(resource["payload"].get("mimeType", "")).lower(), author.address),
        recipients=frozenset(address for address in recipients if address is not None),
    )


def _author(headers: dict[str, list[str]], me: Me) -> Mailbox:
    valid = [box for box in _boxes(headers, "from") if box.address is not None]
    mine = (box for box in valid if box.address is not None and box.address in me)
    senders = (box for box in _boxes(headers, "sender") if box.address is not None)
    return next(mine, None) or next(iter(valid), None) or next(senders, None) or Mailbox("", None)


def _first(headers: dict[str, list[str]], name: str) -> str:
    return next(iter(headers.get(name, [])), "")


def _automated(headers: dict[str, list[str]], mime_type: str, author: str | None) -> str | None:
    """Why a message is automated, by the first rule that fits."""
    no_return = "return-path" in headers and _first(headers, "return-path").strip() in ("", "<>")
    precedence = _first(headers, "precedence").strip().lower()
    if no_return or (author and is_bounce(author)) or mime_type == "multipart/report":
        return "bounce"
    if any(box.address == _CALENDAR_SENDER for box in _boxes(headers, "sender")) or mime_type == "text/calendar":
        return "calendar"
    if _is_written_by_a_program(headers) or precedence.replace("-", "_") == "auto_reply":
        return "auto_submitted"
    if author and is_noreply(author):
        return "noreply"
    if precedence in ("bulk", "list", "junk"):
        return "bulk"
    if "list-id" in headers or "list-unsubscribe" in headers:
        return "list"
    return None


def _is_written_by_a_program(headers: dict[str, list[str]]) -> bool:
    standard = _first(headers, "auto-submitted").lower().replace(";", " ").split()
    older = (
        headers[f"x-{name}"][0]
        for name in ("autoreply", "autorespond", "autoresponder", "autogenerated")
        if f"x-{name}" in headers
    )
    return ("auto-submitted" in headers and standard[:1] != ["no"]) or any(
        value.strip().lower() != "no" for value in older
    )


def created_by(copy: Copy, answered: Container[tuple[int, str]], me: Me, creation: ContactCreation) -> frozenset[str]:
    """The addresses that one copy of a message turns into contacts. `answered`: the threads in which I wrote."""
    mail = copy.mail
    if creation == "none" or mail.forged or len(mail.participants) > MAX_PARTICIPANTS:
        return frozenset()
    if creation == "everyone":
        return frozenset(address for address in mail.participants if address not in me)
    if not _is_personal(copy, answered):
        return frozenset()
    people: Iterable[str] = ()
    if mail.outbound:
        people = mail.recipients
    elif creation == "people" and mail.author and not mail.via:
        people = (mail.author,)
    return frozenset(
        person for person in people if person not in me and not is_noreply(person) and not is_bounce(person)
    )


def counted_with(copy: Copy, answered: Container[tuple[int, str]], me: Me) -> frozenset[str]:
    """The addresses with which one copy of a message is contact had: its author, or whom I wrote to; nobody where it does not count."""
    mail = copy.mail
    if mail.forged or not _is_personal(copy, answered):
        return frozenset()
    others = mail.recipients if mail.outbound else frozenset({mail.author} if mail.author else ())
    return frozenset(address for address in others if address not in me)


def _is_personal(copy: Copy, answered: Container[tuple[int, str]]) -> bool:
    """No program wrote it; or a list that I answered."""
    return copy.mail.automated is None or (copy.mail.automated == "list" and copy.thread in answered)


def pair(bags: Iterable[Mailbag]) -> list[list[Copy]]:
    """The copies of each interaction over all accounts.

    What has one Message-ID, one author and one Date is the same mail; its k-th copy in one account (by time, then id) and the k-th in
    another are one interaction. Unauthenticated copies come after all others.
    """
    copies: dict[tuple[str, ...], list[Copy]] = {}
    for number, bag in enumerate(bags):
        seen: Counter[tuple[str, ...]] = Counter()
        for mail in sorted(bag.eligible, key=lambda mail: (mail.unauthenticated, mail.sent_ms, mail.id)):
            key: tuple[str, ...] = ("gmail", str(number), mail.id)
            if mail.message_id:
                same = ("rfc822", mail.message_id, mail.author or "", mail.dated)
                seen[same] += 1
                key = (*same, str(seen[same]))
            copies.setdefault(key, []).append(Copy(number, mail))
    return list(copies.values())


def believed(copies: list[Copy]) -> list[Copy]:
    """The copies that say what an interaction is: the authenticated ones, or all where there are none."""
    return [copy for copy in copies if not copy.mail.unauthenticated] or copies


def is_outbound(copies: list[Copy]) -> bool:
    return any(copy.mail.outbound for copy in copies)


def answered_threads(interactions: Iterable[list[Copy]]) -> set[tuple[int, str]]:
    """The threads of all accounts that hold a copy of something that I wrote."""
    return {copy.thread for copies in interactions if is_outbound(copies) for copy in copies}
