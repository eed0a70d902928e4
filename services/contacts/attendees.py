"""What is known about the guests of a meeting."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId
from libs.common.requests import Attendee, Interaction, Score
from services.contacts.domain.interaction_times import InteractionTimes, first_until, last_until
from services.contacts.domain.relationships import DetailedRelationship
from services.contacts.domain.scoring import score
from services.contacts.store import scores
from services.contacts.store.contact_search import ListedContact, list_listed_contacts
from services.contacts.store.contact_views import list_on_file
from services.contacts.store.last_lines import list_last_lines
from services.contacts.store.profiles import list_bios
from services.contacts.timelines import list_interaction_views

PEOPLE_SHOWN, TEXT_SHOWN = 5, 1_000


@dataclass(frozen=True)
class _Standing:
    """How close a guest is as of a date, and since when."""

    score: Score
    first_at: datetime | None
    last_at: datetime | None
    met_before: bool


async def list_known_guests(
    connection: Connection, contact_ids: Sequence[ContactId], now: datetime, last: int
) -> dict[ContactId, Attendee]:
    """These contacts as of `now`, each with its `last` newest interactions before it in short, and no address yet."""
    standings = await _list_standings(connection, contact_ids, now)
    bios = await list_bios(connection, contact_ids)
    on_file = await list_on_file(connection, contact_ids)
    lines = await list_last_lines(connection, contact_ids, now, last) if last else []
    newest: dict[ContactId, list[Interaction]] = defaultdict(list)
    for line, view in zip(lines, await list_interaction_views(connection, lines, PEOPLE_SHOWN), strict=True):
        newest[line.contact_id].append(view.model_copy(update={"text": view.text[:TEXT_SHOWN]}))
    guests: dict[ContactId, Attendee] = {}
    for contact_id, contact in (await list_listed_contacts(connection, contact_ids)).items():
        guest = _attendee(contact, standings[contact_id])
        more = {
            "on_file": contact_id in on_file,
            "bios": bios.get(contact_id, {}),
            "last": tuple(newest[contact_id]),
        }
        guests[contact_id] = guest.model_copy(update=more)
    return guests


async def _list_standings(
    connection: Connection, contact_ids: Sequence[ContactId], now: datetime
) -> dict[ContactId, _Standing]:
    """Of those with very many lines as it was stored, where nothing has changed since; of the others from their lines."""
    kept = await scores.list_kept_relationships(connection, contact_ids, now)
    read = [contact_id for contact_id in contact_ids if contact_id not in kept]
    times = await scores.list_interaction_times(connection, read)
    standings = {contact_id: _standing(found, now) for contact_id, found in times.items()}
    return standings | {contact_id: _kept_standing(found) for contact_id, found in kept.items()}


def _standing(times: InteractionTimes, now: datetime) -> _Standing:
    return _Standing(
        score=score(times, now),
        first_at=first_until(now, *times.every),
        last_at=last_until(now, *times.every),
        met_before=first_until(now, times.meetings) is not None,
    )


def _kept_standing(kept: DetailedRelationship) -> _Standing:
    return _Standing(kept.score, kept.first_at, kept.last_at, met_before=kept.numbers.meetings > 0)


def _attendee(contact: ListedContact, standing: _Standing) -> Attendee:
    return Attendee(
        address="",
        contact_id=contact.id,
        name=contact.name,
        company=contact.company,
        title=contact.title,
        score=standing.score,
        first_contact_at=standing.first_at,
        last_contact_at=standing.last_at,
        met_before=standing.met_before,
    )
