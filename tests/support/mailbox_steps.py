"""What can happen to two mailboxes of one person while they are synced: each step a plain value, so that a story can be printed."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from libs.google_sim.faults import Kind

Letter = Literal[
    "received", "copied", "sent", "sent_by_alias", "reply", "my_reply", "list", "robot", "via", "many_people", "invitation",
    "between_own", "to_both", "list_copy", "logged", "logged_elsewhere", "no_message_id", "reused_message_id", "spam",
    "old", "hostile",
]  # fmt: skip


@dataclass(frozen=True)
class Deliver:
    """A letter arrives, or is sent. `friend` and `nth` choose whom and what it is about."""

    letter: Letter
    account: int
    friend: int
    nth: int = 0


@dataclass(frozen=True)
class Change:
    """Something is done to the nth message of an account."""

    what: Literal["trash", "restore", "spam", "unspam", "delete", "star", "archive", "unread"]
    account: int
    nth: int


@dataclass(frozen=True)
class Draft:
    """A draft is written, edited (each time it becomes another message), and then perhaps sent."""

    account: int
    friend: int
    edits: int
    end: Literal["kept", "sent_as_new", "sent_as_it_is", "thrown_away"]


@dataclass(frozen=True)
class Sync:
    """Sync now. `requests`: go on with the next step when Google was asked that often; None: when all is done."""

    requests: int | None = None


@dataclass(frozen=True)
class Kill:
    """`sync` dies: `restart` as an orderly end, `seize` as a process that hangs while another one takes its runs over."""

    how: Literal["restart", "seize"]


@dataclass(frozen=True)
class Repeat:
    """The nth event about a message is delivered once more, or a hint of Google comes three times."""

    what: Literal["event", "hint"]
    nth: int = 0


@dataclass(frozen=True)
class Expire:
    """Gmail forgets the history of an account."""

    account: int


@dataclass(frozen=True)
class Trouble:
    """The next calls of an account fail."""

    account: int
    kind: Kind
    calls: int


@dataclass(frozen=True)
class Audit:
    """What Gmail lists is compared with what is recorded, while life goes on."""

    account: int


@dataclass(frozen=True)
class ConnectSecond:
    """The person connects the other account too."""


Step: TypeAlias = Deliver | Change | Draft | Sync | Kill | Repeat | Expire | Trouble | Audit | ConnectSecond
