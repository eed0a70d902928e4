"""The dossiers of tests/dossiers/from_threads.toml: real conversations, read up to some mail, before a meeting with one of their people.

The corpus is read in place: its licences differ, and its people are real. The file has which thread it is, who reads it, and what a
friend would mention. People are renamed on the way, and nobody has an address any more.
"""

import base64
import gzip
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from libs.common.encoded_words import decode_words
from libs.common.ids import ContactId, new_id
from libs.common.requests import Attendee, GuestInteraction
from services.prep.domain.dossier import INTERACTIONS_REQUESTED, collect
from services.sync.domain.text import plain_snippet
from tests.support.meetings import ME, guest, interaction, meeting, score
from tests.support.written_dossiers import FOLDER, FriendsFact, WrittenDossier

SNIPPET = 200
"""So many characters of a mail Gmail gives, and no more of it is ever stored."""

READER, NAMES = "Sam Rivera", (
    "Jonas Weber", "Priya Raman", "Mette Holm", "Beatriz Couto", "Tomasz Rudnik", "Ingrid Sande", "Olu Adeyemi", "Hana Kimura",
    "Luca Bellini", "Zeynep Aksoy", "Rafael Nunes", "Aoife Brennan", "Dmitri Orlov", "Amara Diallo", "Noor Haddad", "Elin Lund",
)  # fmt: skip

_THREAD = re.compile(rb'"threadId":\s*"([0-9a-f]+)"')
_QUOTED = re.compile(r"[>|}]|[A-Z]\w{0,7}>|\)(?: |$)|--\]")
# The lines before a quotation, and what lists and mail programs put under a mail.
_INTRODUCTION = re.compile(
    r"\b(?:wrote|writes|said|mentioned|thought|a écrit|skrev du)\b ?:?$"
    r"|^(?:On (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)|At \d{1,2}:\d\d|\* .*\[\d{6}|In message <|(?:Date|From|Message-ID): "
    r"|\w{3}, \d{1,2} \w{3} \d{4} )"
)
_END = re.compile(r"-{3,} ?Original Message|_{5,}$|-{20,}$|-- ?$|- -- ?$|-----BEGIN PGP SIGNATURE|Signed-off-by:|---$")
_PGP = re.compile(r"-----BEGIN PGP SIGNED|Hash: |Content-Type: text")
_ADDRESS = re.compile(r"\S+@[\w.-]+\w")
SIGNATURE_WORDS = 2


@dataclass(frozen=True)
class Mail:
    """One mail of a thread: addresses in lower case, and what its author wrote into it, of which no more than Gmail gives."""

    sender: str
    name: str
    to: frozenset[str]
    cc: frozenset[str]
    subject: str
    sent_at: datetime
    words: str

    @property
    def people(self) -> frozenset[str]:
        return self.to | self.cc | {self.sender}


def thread_dossiers(corpus: Path) -> list[WrittenDossier]:
    """All of them, in the order of the file."""
    entries = tomllib.loads((FOLDER / "from_threads.toml").read_text())["dossier"]
    threads = _threads(corpus / "mail.jsonl.gz", frozenset(entry["thread"] for entry in entries))
    return [_thread_dossier(entry, threads[entry["thread"]], number) for number, entry in enumerate(entries)]


def real_people(corpus: Path) -> frozenset[str]:
    """In lower case: the addresses of everybody in these threads, and how those who wrote are called in full."""
    entries = tomllib.loads((FOLDER / "from_threads.toml").read_text())["dossier"]
    threads = _threads(corpus / "mail.jsonl.gz", frozenset(entry["thread"] for entry in entries))
    mails = [mail for thread in threads.values() for mail in thread]
    return frozenset(text for mail in mails for text in (*mail.people, mail.name.lower()) if "@" in text or " " in text)


@cache
def _threads(file: Path, wanted: frozenset[str]) -> Mapping[str, Sequence[Mail]]:
    found: dict[str, list[Mail]] = defaultdict(list)
    with gzip.open(file) as lines:
        for line in lines:
            thread = _THREAD.search(line)
            if thread and thread[1].decode() in wanted:
                found[thread[1].decode()].append(_mail(orjson.loads(line)))
    return {thread: sorted(mails, key=lambda mail: mail.sent_at) for thread, mails in found.items()}


def _mail(resource: Mapping[str, Any]) -> Mail:
    headers: dict[str, str] = {}
    for header in resource["payload"]["headers"]:
        headers.setdefault(header["name"].lower(), header["value"])
    ((name, sender), *_) = getaddresses([headers.get("from", "")])
    return Mail(
        sender=sender.lower(),
        name=decode_words(name),
        to=_addresses(headers.get("to", "")),
        cc=_addresses(headers.get("cc", "")),
        subject=decode_words(headers.get("subject", "")),
        sent_at=datetime.fromtimestamp(int(resource["internalDate"]) / 1000, UTC),
        words=" ".join(_own_lines(_plain_text(resource["payload"]))),
    )


def _addresses(header: str) -> frozenset[str]:
    return frozenset(address.lower() for _, address in getaddresses([header]) if "@" in address)


def _plain_text(part: Mapping[str, Any]) -> str:
    """The first plain part; nothing where there is none."""
    data = part.get("body", {}).get("data")
    if data and part.get("mimeType", "text/plain") == "text/plain":
        return base64.urlsafe_b64decode(data + "==").decode(errors="replace")
    return next(filter(None, map(_plain_text, part.get("parts") or ())), "")


def _own_lines(text: str) -> list[str]:
    """Without quotations, what introduces them, and what stands under a mail: a signature and whatever follows it."""
    own: list[str] = []
    paragraph = 0
    for line in map(str.strip, text.splitlines()):
        if _END.match(line):
            break
        if not line:
            paragraph = len(own)
        elif not _QUOTED.match(line) and not _INTRODUCTION.search(line) and not _PGP.match(line):
            own.append(line)
    is_signature = paragraph > 0 and len(" ".join(own[paragraph:]).split()) <= SIGNATURE_WORDS
    return own[:paragraph] if is_signature else own


def _thread_dossier(entry: Mapping[str, Any], thread: Sequence[Mail], number: int) -> WrittenDossier:
    reader, met = thread[entry["reader"]].sender, thread[entry["guest"]].sender
    renaming = Renaming.of(thread, reader, met, number)
    address, name = renaming.addresses[met], renaming.names[met]
    mails = thread[: entry["upto"]]
    lines = tuple(
        _interaction(mail, mails[position + 1 :], reader, met, entry["days"] + _days(mails[-1].sent_at - mail.sent_at))
        for position, mail in enumerate(mails)
        if met in mail.people
    )
    lines = tuple(
        line.model_copy(update={"title": renaming(line.title), "text": renaming(line.text)}) for line in lines
    )
    # There is more between the two than was looked at.
    unseen = (interaction("Older", 3_000, automated="list"),) * INTERACTIONS_REQUESTED
    person = Attendee(
        address=address,
        contact_id=ContactId(new_id()),
        name=name,
        score=score(5),
        on_file=True,
        last_contact_at=max(line.occurred_at for line in lines),
        last=(*lines, *unseen),
    )
    invited = guest(address, name)
    return WrittenDossier(
        name=entry["name"],
        dossier=collect(meeting(title="Catch-up", guests=(guest(ME, READER, me=True), invited)), [(invited, person)]),
        facts=tuple(FriendsFact(fact["what"], tuple(fact["words"])) for fact in entry["facts"]),
        true=frozenset(entry.get("true", ())),
    )


def _interaction(mail: Mail, later: Sequence[Mail], reader: str, met: str, days_ago: float) -> GuestInteraction:
    """As contacts has it: the subject, and of the mail what Gmail gives."""
    words = plain_snippet(mail.words[:SNIPPET])
    return interaction(
        f"{mail.subject} — {words}" if words else mail.subject,
        days_ago,
        title=mail.subject,
        direction={reader: "outbound", met: "inbound"}.get(mail.sender, "participant"),
        thread="thread",
        open=all(other.sender == mail.sender for other in later),
        to_me=reader in mail.to,
        people_total=len(mail.people),
    )


def _days(span: timedelta) -> float:
    return span / timedelta(days=1)


@dataclass(frozen=True)
class Renaming:
    """Other names for the people of a thread, by address, and for each word of what they are called."""

    names: Mapping[str, str]
    addresses: Mapping[str, str]
    words: Mapping[str, str]

    @classmethod
    def of(cls, thread: Sequence[Mail], reader: str, met: str, number: int) -> "Renaming":
        """`number`: of the dossier, so that not all guests have one name."""
        people = dict.fromkeys([met, *(mail.sender for mail in thread)])
        names = {person: NAMES[(number + place) % len(NAMES)] for place, person in enumerate(people)} | {reader: READER}
        words: dict[str, str] = {}
        for mail in thread:
            given, family = names[mail.sender].split()
            real = re.findall(r"[^\W\d_]{3,}", mail.name)
            words |= {word: given if position == 0 else family for position, word in enumerate(real)}
        return cls(
            names, {person: f"{name.split()[0].lower()}@elsewhere.example" for person, name in names.items()}, words
        )

    def __call__(self, text: str) -> str:
        """The text with the new names, and `[address]` in the place of each address."""
        return re.sub(r"[^\W\d_]+", lambda word: self.words.get(word[0], word[0]), _ADDRESS.sub("[address]", text))
