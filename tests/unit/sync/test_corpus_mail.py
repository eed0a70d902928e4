"""The rules of sync on the shared corpus of real mail, against what the corpus says of itself and against the oracle."""

import gzip
import html
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from libs.common.addresses import canonical, is_me
from libs.common.events import MessageIngested
from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import read_message
from libs.google_sim.account import AccountData
from libs.google_sim.oracle.addresses import Me as OracleMe
from libs.google_sim.oracle.mail import Mail, Mailbag, read_mail
from services.sync.domain.mail import MAX_MESSAGE_ID, Filtered, Me, Outcome, Recorded, SetAside, read
from services.sync.domain.text import plain_snippet

pytestmark = pytest.mark.corpus

# UTF-8 read as Windows-1252, a character that could not be read, an encoded word that was not.
MOJIBAKE = re.compile("\ufffd|Ã[\x80-\xbf©¤¶¼±]|Â[\x80-\xbf]|â€|=\\?[\\w-]+\\?[bBqQ]\\?")
# What Gmail hands out spoilt already, or where the source declares no charset or breaks it.
SPOILT = frozenset({"header_bytes_8bit", "header_bytes_not_utf8", "encoded_word_broken"})


@dataclass(frozen=True)
class Corpus:
    """All messages with what becomes of them, and what the corpus says of itself."""

    messages: list[dict[str, Any]]
    outcomes: list[Outcome]
    events: dict[str, MessageIngested]
    stats: dict[str, Any]
    own_addresses: frozenset[str]
    bag: Mailbag

    def ids(self, reason: str) -> set[str]:
        """The ids of difficult messages of a kind."""
        return set(self.stats["nasty_by_reason"][reason]["ids"])


@pytest.fixture(scope="module")
def real(corpus: Path) -> Corpus:
    with gzip.open(corpus / "mail.jsonl.gz") as lines:
        messages = [json.loads(line) for line in lines]
    stats = json.loads((corpus / "stats.json").read_text())["gmail_messages"]
    written = [stats["owner"]["address"], *stats["owner"]["aliases"]]
    own_addresses = frozenset(filter(None, map(canonical, written)))
    me = Me(UserId(uuid4()), AccountId(uuid4()), own_addresses)
    bag = read_mail(AccountData(written[0], "", "", messages=messages), OracleMe.of(written), None)
    outcomes = [read(read_message(message), me, None, 1) for message in messages]
    events = {outcome.event.gmail_id: outcome.event for outcome in outcomes if isinstance(outcome, Recorded)}
    return Corpus(messages, outcomes, events, stats, own_addresses, bag)


def author(event: MessageIngested) -> str | None:
    return canonical(event.people[0].address) if event.people and event.people[0].role == "from" else None


def pairs(real: Corpus) -> Iterator[tuple[MessageIngested, Mail]]:
    events = real.events
    return ((events[mail.id], mail) for mail in real.bag.eligible)


def test_every_message_is_recorded_or_filtered_for_its_reason(real: Corpus) -> None:
    kinds = Counter(type(outcome) for outcome in real.outcomes)
    rules = Counter(outcome.rule for outcome in real.outcomes if isinstance(outcome, Filtered))
    assert len(real.messages) == real.stats["messages"]
    assert rules == {"spam": real.stats["labels"]["SPAM"]} == real.bag.filtered
    assert kinds[SetAside] == real.bag.set_aside == 0
    assert kinds[Recorded] == len(real.bag.eligible) == real.stats["messages"] - real.stats["labels"]["SPAM"]


def test_direction_is_that_of_the_corpus_and_the_oracle(real: Corpus) -> None:
    """`SENT` stands on what one of the owner's addresses wrote. Spam is nobody's mail."""
    outbound = {id_ for id_, event in real.events.items() if is_me(author(event) or "", real.own_addresses)}
    sent = {message["id"] for message in real.messages if "SENT" in message["labelIds"]}
    assert outbound == sent == {mail.id for mail in real.bag.eligible if mail.outbound}
    assert len(outbound) == real.stats["independent_direction"]["outbound_counting_aliases"]


def test_people_threads_and_automated_kinds_are_those_of_the_oracle(real: Corpus) -> None:
    wrong = [
        mail.id
        for event, mail in pairs(real)
        if (author(event), event.automated or None, event.via, event.thread_id) != (mail.author, mail.automated, mail.via, mail.thread_id)
        or {canonical(person.address) for person in event.people if person.role in ("to", "cc", "bcc")} != mail.recipients
        or (event.rfc_message_id or "") != mail.message_id.replace("\x00", "").strip("<>")[:MAX_MESSAGE_ID]
    ]  # fmt: skip
    assert wrong == []
    kinds = Counter(event.automated for event in real.events.values())
    assert min(kinds[kind] for kind in ("", "bounce", "calendar", "noreply", "bulk", "list")) > 0


def test_threads_are_kept_together(real: Corpus) -> None:
    events = real.events.values()
    spam = {message["threadId"] for message in real.messages if "SPAM" in message["labelIds"]}
    sizes = Counter(min(size, 20) for size in Counter(message["threadId"] for message in real.messages).values())
    assert {str(size): count for size, count in sizes.items()} == real.stats["thread_sizes"]
    assert len({event.thread_id for event in events} | spam) == real.stats["threads"]


def test_the_people_who_write_most_are_those_that_the_corpus_counts(real: Corpus) -> None:
    """The corpus counted by a pattern over the written header; each of its top correspondents is found as often."""
    found = {"from": Counter[str](), "to": Counter[str]()}
    spam = {message["id"] for message in real.messages if "SPAM" in message["labelIds"]}
    for event in real.events.values():
        people = {canonical(person.address) or "" for person in event.people if person.role != "from"}
        writer = author(event) or ""
        if any(is_me(address, real.own_addresses) for address in people):
            found["from"][writer] += 1
        if is_me(writer, real.own_addresses):
            found["to"].update(people)
    top = [
        entry
        for entry in real.stats["top_50_correspondents"]
        if not is_me(canonical(entry["address"]) or "", real.own_addresses)
    ]
    assert len(spam) == 300
    for entry in top[:20]:
        address = canonical(entry["address"]) or ""
        assert abs(found["from"][address] - entry["from_them_to_owner"]) <= 2, address
        assert abs(found["to"][address] - entry["owner_to_them"]) <= 2, address


@pytest.mark.parametrize(
    ("reason", "holds"),
    [
        ("missing_message_id", lambda event: event.rfc_message_id is None),
        ("missing_from", lambda event: not event.people or event.people[0].role != "from" or bool(author(event))),
        ("no_recipient_header", lambda event: all(person.role == "from" for person in event.people)),
        ("missing_subject", lambda event: event.title == ""),
        ("nul_in_header", lambda event: "\x00" not in event.model_dump_json()),
        ("nul_in_body", lambda event: "\\u0000" not in event.model_dump_json()),
        ("stdlib_getaddresses_raises", lambda event: True),
    ],
)  # fmt: skip
def test_difficult_messages_are_recorded_as_what_they_are(real: Corpus, reason: str, holds: Any) -> None:
    found = [real.events[id_] for id_ in real.ids(reason) & set(real.events)]
    assert found
    assert [event.gmail_id for event in found if not holds(event)] == []


def test_no_name_and_no_subject_is_spoilt_where_its_charset_is_declared(real: Corpus) -> None:
    spoilt = set().union(*(real.ids(reason) for reason in SPOILT))
    wrong = [
        (event.gmail_id, text)
        for event in real.events.values()
        if event.gmail_id not in spoilt
        for text in (event.title, *(person.name for person in event.people))
        if MOJIBAKE.search(text)
    ]
    assert wrong == []
    encoded = (real.ids("encoded_word_in_name") | real.ids("encoded_word_in_subject")) & set(real.events) - spoilt
    assert len(encoded) > 200, "there is something to get wrong"


def test_no_snippet_is_spoilt_that_was_not_spoilt_before(real: Corpus) -> None:
    snippets = {message["id"]: message["snippet"] for message in real.messages}
    for id_, event in real.events.items():
        plain = html.unescape(snippets[id_])
        for found in MOJIBAKE.finditer(event.snippet):
            assert found[0] in plain, id_
        assert not re.search(r"&(?:amp|lt|gt|quot|#39);", event.snippet) or "&amp;" in snippets[id_], id_


def test_cleaning_leaves_the_text_above_the_quotation(real: Corpus) -> None:
    """Snippets without any trace of a quotation or signature stay as they are, up to white space."""
    trace = re.compile(r"[<>]|wrote|said|writes|--|__|From ?:|Von:|Sent from|:\s*$|\(20|: ")
    untouched = 0
    for message in real.messages:
        plain = " ".join(html.unescape(message["snippet"]).split())
        if trace.search(plain) or not plain.isprintable() or len(plain) > 490:
            continue
        untouched += 1
        assert plain_snippet(message["snippet"]) == plain, message["id"]
    assert untouched > 1_000
