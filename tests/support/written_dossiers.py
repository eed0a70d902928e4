"""The dossiers of tests/dossiers: what was known before a meeting, and what a friend would mention."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from libs.common.events import Guest
from libs.common.ids import ContactId, new_id
from libs.common.requests import Attendee, Colleague, FormerWork, GroupMeeting, GuestInteraction
from services.prep.domain.dossier import INTERACTIONS_REQUESTED, Dossier, collect
from tests.support.meetings import NOW, guest, interaction, meeting, score

FOLDER = Path(__file__).resolve().parents[1] / "dossiers"
_DIRECTIONS = {"them": "inbound", "me": "outbound", "other": "participant", "met": "mutual", "note": "mutual"}


@dataclass(frozen=True)
class FriendsFact:
    """Something that a friend would mention; a point about it has all of these words."""

    what: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class WrittenDossier:
    """`true`: what may be stated of it, as "<kind> <label or first name>"."""

    name: str
    dossier: Dossier
    facts: tuple[FriendsFact, ...]
    true: frozenset[str]


def written_dossiers(file: str) -> list[WrittenDossier]:
    """Those of one file, in its order."""
    entries = tomllib.loads((FOLDER / file).read_text())["dossier"]
    return [_written_dossier(entry) for entry in entries]


def _written_dossier(entry: Mapping[str, Any]) -> WrittenDossier:
    people = [_person(found) for found in entry["guest"]]
    group = entry.get("group")
    together = GroupMeeting(title=group["title"], starts_at=_at(group["days"])) if group else None
    event = meeting(title=entry["title"], guests=tuple(invited for invited, _ in people))
    return WrittenDossier(
        name=entry["name"],
        dossier=collect(event, people, "Europe/Berlin", together),
        facts=tuple(FriendsFact(fact["what"], tuple(fact["words"])) for fact in entry["facts"]),
        true=frozenset(entry["true"]),
    )


def _person(entry: Mapping[str, Any]) -> tuple[Guest, Attendee]:
    lines = tuple(_interaction(found) for found in entry.get("last", ()))
    mine = [line for line in lines if line.platform not in ("calendar", "note")]
    met = max((line.occurred_at for line in lines if line.platform == "calendar"), default=None)
    # What is not all that ever was looks so: there is more of it than was shown.
    unseen = () if entry.get("complete") else (interaction("Older", 3_000, automated="list"),) * INTERACTIONS_REQUESTED
    former = entry.get("work_before")
    attendee = Attendee(
        address=entry["address"],
        contact_id=ContactId(new_id()) if entry.get("known", True) else None,
        name=entry["name"],
        company=entry.get("company", ""),
        title=entry.get("title", ""),
        birthday=entry.get("birthday", ""),
        score=score(entry["score"]) if "score" in entry else None,
        bios=entry.get("bios", {}),
        on_file=entry.get("known", True),
        last_contact_at=max((line.occurred_at for line in lines), default=None),
        met_before=met is not None,
        last_met_at=met,
        written_since_met=sum(met is not None and line.occurred_at > met for line in mine),
        former_work=FormerWork(
            company=former["company"], title=former["title"], changed_at=_at(former["days"])
        ) if former else None,
        colleagues=tuple(
            Colleague(contact_id=ContactId(new_id()), name=found["name"], last_contact_at=_at(found["days"]))
            for found in entry.get("colleagues", ())
        ),
        last=(*lines, *unseen),
    )  # fmt: skip
    return guest(entry["address"], entry["name"], answer=entry.get("answer", "accepted")), attendee


def _interaction(entry: Mapping[str, Any]) -> GuestInteraction:
    kind = entry["from"]
    platform = {"met": "calendar", "note": "note"}.get(kind, entry.get("platform", "email"))
    return interaction(
        entry.get("text", ""),
        entry["days"],
        platform=platform,
        direction=_DIRECTIONS[kind],
        title=entry.get("title", entry.get("subject", "")),
        thread=entry.get("thread") or None,
        open=entry.get("open", False),
        to_me=entry.get("to_me", kind == "them"),
        people_total=entry.get("people", 2),
        times=entry.get("times", 1),
    )


def _at(days: float) -> Any:
    return NOW - timedelta(days=days)
