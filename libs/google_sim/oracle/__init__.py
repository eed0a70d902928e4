"""What a correct sync must yield: docs/rules.md implemented a second time, apart from the services.

`expect` answers for one user who connected all the given accounts with every permission; `gmail_optimum` says how
cheaply a mailbox can be read. Nothing here imports the services or what they share.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from libs.google_sim.account import AccountData
from libs.google_sim.oracle.addresses import Me
from libs.google_sim.oracle.cards import read_card
from libs.google_sim.oracle.contacts import join, known
from libs.google_sim.oracle.mail import (
    ContactCreation,
    answered_threads,
    believed,
    counted_with,
    created_by,
    earliest,
    internal_date,
    is_outbound,
    label_rule,
    pair,
    read_mail,
)
from libs.google_sim.oracle.meetings import invited, is_briefed, read_meetings

__all__ = ["ContactCreation", "Expected", "expect", "gmail_optimum"]

_LIST_PAGE, _LIST_UNITS, _GET_UNITS, _THREAD_UNITS, _PROFILE_UNITS = 500, 5, 20, 40, 1


@dataclass(frozen=True)
class Expected:
    """The numbers that a finished sync of all accounts shows.

    messages: email interactions after pairing the accounts' copies; messages_by_account: eligible ones by address.
    filtered: messages kept out, by rule. contact_addresses: the canonical emails of each contact, for debugging.
    imported, cards_skipped: Google cards over all accounts. meetings: rows over all accounts; meeting_interactions:
    meetings with somebody, each once. preps: briefs that a scan at `now` sends. directions: of the interactions.
    """

    messages: int
    messages_by_account: dict[str, int]
    filtered: dict[str, int]
    set_aside: int
    directions: dict[str, int]
    contacts: int
    contact_addresses: frozenset[frozenset[str]]
    imported: int
    cards_skipped: int
    meetings: int
    meeting_interactions: int
    preps: int

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values; the addresses of contacts as sorted lists."""
        return {**asdict(self), "contact_addresses": sorted(sorted(group) for group in self.contact_addresses)}


def expect(
    accounts: Sequence[AccountData],
    now: datetime,
    *,
    mail_lookback_days: int = 365,
    contact_creation: ContactCreation = "people",
    calendar_past_days: int = 1095,
    own_addresses: Iterable[str] = (),
) -> Expected:
    """What one user sees who connected all `accounts`. `now` is aware; 0 days mean without limit."""
    me = Me.of([*own_addresses, *(address for account in accounts for address in (account.address, *account.aliases))])
    bags = [read_mail(account, me, earliest(now, mail_lookback_days)) for account in accounts]
    interactions = pair(bags)
    read = [read_card(person, me) for account in accounts for person in account.people]
    cards = [card for card in read if card is not None]
    meetings = [meeting for account in accounts for meeting in read_meetings(account, me, now, calendar_past_days)]

    answered = answered_threads(interactions)
    copies = [copy for copies in interactions for copy in believed(copies)]
    by_mail = {address for copy in copies for address in created_by(copy, answered, me, contact_creation)}
    by_meetings = {address for meeting in meetings for address in invited(meeting, contact_creation)}
    outbound = sum(map(is_outbound, interactions))
    contacts = join(by_mail | by_meetings, cards)
    written = {address for copy in copies for address in counted_with(copy, answered, me)}
    met = {address for meeting in meetings if meeting.start <= now for address in meeting.attendees}
    somebody = known(contacts, frozenset(written | met), cards)
    return Expected(
        messages=len(interactions),
        messages_by_account={account.address: len(bag.eligible) for account, bag in zip(accounts, bags, strict=True)},
        filtered=dict(sorted(sum((bag.filtered for bag in bags), Counter()).items())),
        set_aside=sum(bag.set_aside for bag in bags),
        directions={"inbound": len(interactions) - outbound, "outbound": outbound},
        contacts=len(contacts),
        contact_addresses=frozenset(contacts),
        imported=len(cards),
        cards_skipped=len(read) - len(cards),
        meetings=len(meetings),
        meeting_interactions=len({meeting.key for meeting in meetings if meeting.attendees}),
        preps=sum(is_briefed(meeting, now, somebody) for meeting in meetings),
    )


def gmail_optimum(account: AccountData, now: datetime, lookback_days: int = 365) -> dict[str, int]:
    """The fewest `requests` and quota `units` that read every wanted message of an account once.

    One getProfile, the pages of messages.list, and per thread one threads.get or, where one message is wanted, one
    messages.get. Which messages are wanted can be known from labels and dates alone.
    """
    since = earliest(now, lookback_days)
    threads: Counter[str] = Counter()
    for resource in account.messages:
        sent_ms = internal_date(resource)
        wanted = label_rule(resource) is None and (since is None or sent_ms is None or sent_ms >= since)
        if wanted and isinstance(resource.get("id"), str):
            threads[resource.get("threadId") or resource["id"]] += 1
    pages = max(1, -(-threads.total() // _LIST_PAGE))
    fetch_units = sum(min(_GET_UNITS * wanted, _THREAD_UNITS) for wanted in threads.values())
    return {
        "requests": 1 + pages + len(threads),
        "units": _PROFILE_UNITS + _LIST_UNITS * pages + fetch_units,
    }
