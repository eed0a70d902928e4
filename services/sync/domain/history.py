"""What a stretch of Gmail history means for the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from libs.common.resources.gmail import Change
from services.sync.domain.mail import label_rule

# A message that only these rules ever kept out was never published, so its end is not published either.
NEVER_PUBLISHED = ("draft", "chat", "lookback", "prep_email")


@dataclass(frozen=True, slots=True)
class Touched:
    """What is to be done about one message, and the history id of its newest change.

    `fetch`: the message itself shows whether it counts. `hide`: the label in `rule` keeps it out. `remove`: it was deleted for good.
    """

    gmail_id: str
    thread_id: str
    history_id: int
    action: Literal["fetch", "hide", "remove"]
    rule: str = ""


def touched(changes: Iterable[Change]) -> list[Touched]:
    """Each message that was touched in a way that matters, once, with the last of it. Input and output are chronological."""
    found: dict[str, Touched] = {}
    for change in changes:
        if message := _touched_by(change):
            found.pop(change.gmail_id, None)
            found[change.gmail_id] = message
    return list(found.values())


def _touched_by(change: Change) -> Touched | None:
    gmail_id, thread_id, at = change.gmail_id, change.thread_id, change.history_id
    if change.kind == "deleted":
        return Touched(gmail_id, thread_id, at, "remove")
    rule = label_rule(change.labels)
    if change.kind == "unlabelled":
        return Touched(gmail_id, thread_id, at, "fetch") if rule else None
    if rule:
        return Touched(gmail_id, thread_id, at, "hide", rule)
    return Touched(gmail_id, thread_id, at, "fetch") if change.kind == "added" else None
