"""Which mail waits on the user: somebody asked, and nobody has answered. Pure; docs/rules.md, "Waiting on you"."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from libs.common.ids import ContactId, InteractionId
from services.contacts.domain.scoring import label

OLDER_THAN, YOUNGER_THAN = timedelta(days=2), timedelta(days=60)
MOST = 5
# Of Latin, full width and small, Arabic, Armenian, Ethiopic, Greek (U+037E), doubled, reversed, Coptic, Vai, Medefaidrin.
_MARKS = frozenset("?？﹖؟՞፧\u037e⁇⁈⁉‽⸮⳺⳻꘏\U00016e9a")
# What no comma can stand behind.
_AT_THE_END = "".join(_MARKS) + "!！,，;；:：… "
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
# "Re:", "AW:", "回复：", "Re[2]:", also several, and behind the tag of a list ("[dev] Re:"): such a subject is that of an earlier mail.
_PREFIXES = re.compile(r"^(?:(?:\s*+\[[^\[\]]{1,40}+\])*+\s*+[^\W\d_]{1,4}+(?:\[\d++\])?+\s*+[:：](?!:))++\s*+")


@dataclass(frozen=True)
class UnansweredMail:
    """The newest message of its thread, written by a contact. `to_me`: I am in To. `in_my_thread`: I wrote in it earlier.

    `written_to`: I have written to this contact before, in whatever thread.
    """

    interaction_id: InteractionId
    contact_id: ContactId
    name: str
    score: int
    title: str
    text: str
    occurred_at: datetime
    to_me: bool
    in_my_thread: bool
    written_to: bool


def waiting_mail(unanswered: Iterable[UnansweredMail], now: datetime) -> list[UnansweredMail]:
    """What waits on the user at `now`, newest first: of each contact the newest, at most five."""
    newest: dict[ContactId, UnansweredMail] = {}
    for mail in sorted(unanswered, key=lambda mail: (mail.occurred_at, mail.interaction_id), reverse=True):
        if waits(mail, now):
            newest.setdefault(mail.contact_id, mail)
    return list(newest.values())[:MOST]


def waits(mail: UnansweredMail, now: datetime) -> bool:
    """Whether this mail, which nobody has answered, is one to answer: by its age, by who wrote it and by what it asks."""
    if not OLDER_THAN < now - mail.occurred_at < YOUNGER_THAN:
        return False
    if label(mail.score) == "Cold" and not mail.written_to:
        return False
    return mail.in_my_thread or (mail.to_me and asks(mail))


def asks(mail: UnansweredMail) -> bool:
    """Whether it holds a question. That in a subject counts in the first mail of a thread: replies only repeat it."""
    return has_question(mail.text) or (not _PREFIXES.match(mail.title) and has_question(mail.title))


def has_question(text: str) -> bool:
    """Whether there is a question mark of any script outside of links. The Greek one is written as a semicolon behind a Greek letter."""
    words = _LINK.sub(" ", text)
    if any(character in _MARKS for character in words):
        return True
    return any(mark == ";" and _is_greek(before) for before, mark in pairwise(words))


def _is_greek(character: str) -> bool:
    return unicodedata.name(character, "").startswith("GREEK ")


def topic(title: str) -> str:
    """The subject without what mail programs put before it, and without the signs at its end: it stands in the middle of a sentence."""
    return _PREFIXES.sub("", title).strip().rstrip(_AT_THE_END)
