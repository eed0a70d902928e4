"""The reference model: what the timelines of one person must show, computed from the mailboxes as they are now.

docs/rules.md as a plain walk over dictionaries, a third time: apart from the services, and in one pass from message to line,
which the oracle of the local Google (it only counts) does not do. Addresses are read by the oracle's own reader.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from libs.google_sim.account import AccountData, Resource
from libs.google_sim.oracle.addresses import Mailbox, Me, decoded, is_bounce, is_noreply, mailboxes

HIDING_LABELS = ("DRAFT", "CHAT", "SPAM", "TRASH")
MAX_PEOPLE = 25


class Line(NamedTuple):
    """One line of a timeline. message: `<Message-ID>`, or the Gmail id where it has none. holders: accounts that have it."""

    message: str
    direction: str
    title: str
    holders: frozenset[str]
    logged: bool = False


Timelines = dict[str, "Counter[Line]"]
"""by canonical address of the contact; a contact without lines has an empty one"""


@dataclass
class Copy:
    """One eligible message in one account."""

    account: str
    gmail_id: str
    thread: str
    sent_ms: int
    message_id: str
    date: str
    title: str
    author: str | None
    by_me: bool
    recipients: frozenset[str]
    automated: str
    via: bool
    tags: frozenset[str]

    @property
    def people(self) -> frozenset[str]:
        return self.recipients | {self.author} if self.author else self.recipients


@dataclass
class Interaction:
    """Copies that are one message. The earliest leads: its author decides who wrote it."""

    copies: list[Copy] = field(default_factory=list)

    @property
    def lead(self) -> Copy:
        return min(self.copies, key=lambda copy: copy.sent_ms)

    @property
    def authors(self) -> set[str]:
        return {copy.author for copy in self.copies if copy.author}

    @property
    def recipients(self) -> set[str]:
        return {address for copy in self.copies for address in copy.recipients}


def timelines(
    accounts: Sequence[AccountData], now: datetime, *, hashes: Mapping[str, str], lookback_days: int = 365
) -> Timelines:
    """What one person sees who connected all `accounts`. `hashes`: BCC hashes of contacts made by hand, with their address."""
    me = Me.of(address for account in accounts for address in (account.address, *account.aliases))
    since_ms = (now - timedelta(days=lookback_days)).timestamp() * 1000
    copies = [copy for account in accounts for copy in eligible(account, me, since_ms)]
    replied = {(copy.account, copy.thread) for copy in copies if copy.by_me}
    interactions = paired(copies)
    logged = {id(interaction): _logged(interaction, hashes) for interaction in interactions}
    contacts = {*hashes.values()}
    for interaction in interactions:
        contacts |= _made_contacts(interaction, replied, me, bool(logged[id(interaction)]))
    shown: Timelines = {address: Counter() for address in contacts}
    for interaction in interactions:
        for address in contacts & (interaction.authors | interaction.recipients | logged[id(interaction)]):
            shown[address][_line(interaction, address, bool(logged[id(interaction)]))] += 1
    return shown


def eligible(account: AccountData, me: Me, since_ms: float) -> Iterator[Copy]:
    """The messages of an account that count."""
    for message in account.messages:
        payload, sent = message.get("payload"), message.get("internalDate")
        hidden = any(label in HIDING_LABELS for label in message.get("labelIds", []))
        if hidden or not isinstance(payload, dict) or not str(sent).lstrip("-").isdigit():
            continue
        headers = _headers(payload)
        if int(str(sent)) >= since_ms:  # no brief was ever sent from these accounts
            yield _copy(account, message, headers, me)


def _copy(account: AccountData, message: Resource, headers: Mapping[str, list[str]], me: Me) -> Copy:
    senders = [box for box in _boxes(headers, "from", "sender") if box.address]
    own_boxes = [box for box in _boxes(headers, "from") if box.address and box.address in me]
    author = next(iter([*own_boxes, *senders]), Mailbox("", None))
    written = [value for name in ("delivered-to", "bcc", "to", "cc") for value in headers.get(name, [])]
    return Copy(
        account=account.address,
        gmail_id=message["id"],
        thread=message.get("threadId") or message["id"],
        sent_ms=int(message["internalDate"]),
        message_id=_first(headers, "message-id").strip().strip("<>").strip(),
        date=_first(headers, "date"),
        title=decoded(_first(headers, "subject")),
        author=author.address,
        by_me=author.address is not None and author.address in me,
        recipients=frozenset(box.address for box in _boxes(headers, "to", "cc", "bcc") if box.address),
        automated=_automated(headers, message["payload"], author.address or ""),
        via=" via " in author.name or "x-original-from" in headers or "x-original-sender" in headers,
        tags=frozenset(word.partition("@")[0].rpartition("+")[2] for word in written if "+" in word),
    )


def _automated(headers: Mapping[str, list[str]], payload: Mapping[str, Any], author: str) -> str:
    kind = str(payload.get("mimeType", "")).lower()
    rules = (
        ("bounce", _first(headers, "return-path", "x").strip() in ("", "<>") or is_bounce(author) or "report" in kind),
        ("calendar", "calendar-notification@google.com" in _first(headers, "sender") or kind == "text/calendar"),
        ("auto_submitted", _first(headers, "auto-submitted", "no").split(";")[0].strip().lower() != "no"),
        ("noreply", is_noreply(author)),
        ("bulk", _first(headers, "precedence").strip().lower() in ("bulk", "list", "junk")),
        ("list", "list-id" in headers or "list-unsubscribe" in headers),
    )
    return next((name for name, fits in rules if fits), "")


def paired(copies: Sequence[Copy]) -> list[Interaction]:
    """The k-th copy of a Message-ID by one author of one Date in one account, and the k-th in another, are one interaction."""
    counts: Counter[tuple[str, ...]] = Counter()
    found: dict[tuple[object, ...], Interaction] = defaultdict(Interaction)
    for copy in sorted(copies, key=lambda copy: (copy.sent_ms, copy.gmail_id)):
        same = (copy.message_id, copy.author or "", copy.date)
        key = ("", *same) if copy.message_id else (copy.account, copy.gmail_id)
        counts[copy.account, *key] += 1
        found[*key, counts[copy.account, *key]].copies.append(copy)
    return list(found.values())


def _logged(interaction: Interaction, hashes: Mapping[str, str]) -> set[str]:
    """The contacts to whom a message of mine is logged by their hash."""
    tags = {tag for copy in interaction.copies for tag in copy.tags}
    return {address for tag, address in hashes.items() if tag in tags} if interaction.lead.by_me else set()


def _made_contacts(interaction: Interaction, replied: Collection[tuple[str, str]], me: Me, logged: bool) -> set[str]:
    """Whom an interaction turns into contacts, under the rule `people`."""
    counts = any(
        not copy.automated or (copy.automated == "list" and (copy.account, copy.thread) in replied)
        for copy in interaction.copies
    )
    if logged or not counts or min(len(copy.people) for copy in interaction.copies) > MAX_PEOPLE:
        return set()
    if interaction.lead.by_me:
        made = interaction.recipients
    else:
        made = set() if all(copy.via for copy in interaction.copies) else interaction.authors
    return {address for address in made if address not in me and not is_noreply(address) and not is_bounce(address)}


def _line(interaction: Interaction, contact: str, logged: bool) -> Line:
    direction = "inbound" if contact in interaction.authors else "outbound" if interaction.lead.by_me else "participant"
    message = f"<{interaction.lead.message_id}>" if interaction.lead.message_id else interaction.lead.gmail_id
    holders = frozenset(copy.account for copy in interaction.copies)
    return Line(message, direction, interaction.lead.title, holders, logged and direction == "outbound")


def difference(shown: Timelines, expected: Timelines) -> list[str]:
    """In words, so that a failure can be read."""
    words = [f"{address} is no contact" for address in expected.keys() - shown.keys()]
    words += [f"{address} is a contact" for address in shown.keys() - expected.keys()]
    for address in sorted(shown.keys() & expected.keys()):
        words += [f"{address}: missing {line}" for line in (expected[address] - shown[address]).elements()]
        words += [f"{address}: too much {line}" for line in (shown[address] - expected[address]).elements()]
    return words


def _headers(payload: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for header in payload.get("headers", []):
        found[header["name"].lower()].append(header["value"])
    return found


def _first(headers: Mapping[str, list[str]], name: str, otherwise: str = "") -> str:
    return headers[name][0] if headers.get(name) else otherwise


def _boxes(headers: Mapping[str, list[str]], *names: str) -> list[Mailbox]:
    return [box for name in names for value in headers.get(name, []) for box in mailboxes(value)]
