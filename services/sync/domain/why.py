"""Why a message is, or is not, on the timeline: one sentence for people."""

import re
from collections.abc import Sequence
from typing import Literal

Away = Literal["unreachable", "reauth_required", "missing_scope", "disconnected"]

_GMAIL_ID = re.compile(r"[0-9a-fA-F]{8,20}")
_SEARCHABLE = re.compile(r"[^\s\"(){}<>]{1,500}")  # what can't end the search term early
_RULES = {
    "draft": "It is a draft; drafts are not recorded until they are sent.",
    "chat": "It is a chat message, not a mail.",
    "spam": "It is in Spam. Move it out of Spam and it is recorded.",
    "trash": "It is in the Trash. Take it out of the Trash and it is recorded.",
    "prep_email": "It is a meeting prep email that PingCRM itself sent.",
}
_AWAY: dict[Away, str] = {
    "unreachable": "Gmail could not be asked just now; try again in a minute.",
    "reauth_required": "Gmail can't be asked, because the account has to be connected again.",
    "missing_scope": "Gmail can't be asked, because the permission to read mail was not given.",
    "disconnected": "Gmail can't be asked, because the account is disconnected.",
}
NOT_IN_MAILBOX = "There is no such message in this mailbox, not in Spam or Trash either. It may be in another account, or deleted for good."
UNSEARCHABLE = (
    "It is not known here, and Gmail can't be searched for a Message-ID like this. Ask again with the id that Gmail shows in the "
    "message's address."
)
FOUND = "It is in Gmail and has not been read yet; that is done now."


def bare(message_id: str) -> str:
    """A Message-ID as the ledger has it: trimmed, without angle brackets, its case kept."""
    return message_id.strip().strip("<>").strip()


def is_gmail_id(message_id: str) -> bool:
    """Whether this can only be Gmail's own id: a Message-ID has an @."""
    return _GMAIL_ID.fullmatch(message_id) is not None


def search_for(message_id: str) -> str | None:
    """The Gmail search that finds a Message-ID wherever it is; None where it can't be searched for."""
    name = bare(message_id)
    return f"in:anywhere rfc822msgid:{name}" if _SEARCHABLE.fullmatch(name) else None


def explanation(state: str, rule: str, reason: str, lookback_days: int) -> str:
    """`state`, `rule` and `reason` as the ledger has them; `lookback_days` as it is set now (0 = all)."""
    match state:
        case "recorded":
            return "It was recorded and is on the timelines of the contacts on it."
        case "pending" if reason:
            return f"It could not be read yet. {reason} That is tried again for a week."
        case "pending":
            return "It was found in Gmail and has not been read yet. The sync is on its way."
        case "gone":
            return f"It is not in Gmail any more: {reason or 'deleted'}."
        case "set_aside":
            return f"It could not be read and was set aside: {reason}"
        case "filtered" if rule == "lookback":
            return _older(lookback_days)
        case "filtered":
            return _RULES.get(rule, f"The rule {rule} keeps it out.")
        case _:
            return "It is not known here."


def _older(lookback_days: int) -> str:
    if not lookback_days:
        return "It is older than what was imported so far. All mail is to be imported now; this is on its way."
    days = "day of mail that is" if lookback_days == 1 else f"{lookback_days:,} days of mail that are"
    return f"It is older than the {days} imported. Raise mail_lookback_days to include it."


def unreachable(away: Away) -> str:
    """For a message that is not known here, where Gmail could not be queried about it."""
    return f"It is not known here. {_AWAY[away]}"


def queued(ahead: int) -> str:
    """How many messages are read before a pending one."""
    if not ahead:
        return " It is next."
    return f" {ahead:,} {'message is' if ahead == 1 else 'messages are'} read before it."


def not_recorded(rule: str) -> str:
    """`rule`: the address or domain as the user typed it."""
    return (
        f"You asked not to record {rule}, so this message was left out. Take that back under Settings, People, and the next audit "
        "of the account fetches it."
    )


def copies(number: int) -> str:
    """A note on several messages with the same Message-ID."""
    return (
        f" {number:,} messages of this mailbox carry this Message-ID; this is about one of them." if number > 1 else ""
    )


def choose(states: Sequence[str]) -> int:
    """The index of the copy that the reply is about: the one that is on the timeline, else the one that may come to be there."""
    order = ("recorded", "pending", "set_aside", "filtered", "gone")
    return min(range(len(states)), key=lambda index: order.index(states[index]))
