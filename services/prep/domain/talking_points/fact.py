"""A fact before a meeting, and how its parts are worded. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from services.prep.domain.clean import line, without_links

Kind = Literal[
    "declined", "question", "promise", "want", "new_work", "note", "birthday", "their_promise", "unanswered", "no_answer", "first_meeting",
    "silence", "group", "colleague", "message", "met", "stranger",
]  # fmt: skip
"""From what can't wait to what is merely good to know."""
_KINDS: tuple[Kind, ...] = get_args(Kind)

QUOTED = 180
MOST_NAMED = 4
# "Re:", "AW:", "回复：", "Re[2]:", also several, and behind the tag of a list: "[dev] Re:".
_REPLY = re.compile(r"^(?:(?:\s*\[[^\[\]]{1,40}\])*\s*[^\W\d_]{1,4}(?:\[\d+\])?\s*[:：](?!:))+\s*")


@dataclass(frozen=True)
class Fact:
    """Something worth mentioning. `who`: the guests' addresses whom it is about; `evidence`: the labels that it rests on."""

    kind: Kind
    text: str
    who: tuple[str, ...]
    evidence: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """The lower, the more useful."""
        return _KINDS.index(self.kind)


def listed(names: Sequence[str]) -> str:
    """`Ann`, `Ann and Ben`, `Ann, Ben and Cem`, `Ann, Ben, Cem and 4 more`."""
    shown = names if len(names) <= MOST_NAMED else (*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def topic_of(title: str) -> str:
    """A subject without what mail programs put before it."""
    return _REPLY.sub("", title).strip()


def is_reply(title: str) -> bool:
    return bool(_REPLY.match(title))


def is_other_title(first: str, second: str) -> bool:
    return topic_of(first).casefold() != topic_of(second).casefold()


def quoted(text: str) -> str:
    """In quotation marks, on one line, without links."""
    return f"“{line(without_links(text), QUOTED)}”"
