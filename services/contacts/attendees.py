"""What is known about the guests of a meeting: for all of them at once, however many there are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId
from libs.common.requests import Attendee, GroupMeeting, GuestInteraction, Score
from services.contacts.domain.guest_history import (
    ChosenLine,
    PastLine,
    chosen_lines,
    common_meetings,
    last_met_at,
    written_since,
)
from services.contacts.domain.interaction_times import InteractionTimes, first_until, last_until
from services.contacts.domain.relationships import DetailedRelationship
from services.contacts.domain.scoring import score
from services.contacts.store import attendees, scores, timelines
from services.contacts.store.contact_search import ListedContact, list_listed_contacts
from services.contacts.store.contact_views import list_on_file
from services.contacts.store.profiles import list_bios
from services.contacts.timelines import list_interaction_views

PEOPLE_SHOWN, TEXT_SHOWN = 5, 1_000
MOST_LOOKED_AT, MOST_LOOKED_AT_OF_ONE = 8_000, 400
"""How many interactions are looked at: of all guests together, and of each."""
GROUP_MEETINGS, FEWEST_OF_A_GROUP = 50, 2


@dataclass(frozen=True)
class KnownGuests:
    """By contact, without addresses. `past`: what each of them is on, as far as it was looked at."""

    guests: Mapping[ContactId, Attendee]
    past: Mapping[ContactId, Sequence[PastLine]]


async def find_met_together(
    connection: Connection, known: KnownGuests, contact_ids: Collection[ContactId]
) -> GroupMeeting | None:
    """The last time that just these contacts met with the user, as far back as was looked at; None for fewer than two."""
    if len(contact_ids) < FEWEST_OF_A_GROUP or not known.past:
        return None
    lines = [line for contact_id in contact_ids for line in known.past.get(contact_id, ())]
    common = common_meetings(lines, contact_ids)[:GROUP_MEETINGS]
    others = await attendees.count_others(connection, [meeting.interaction_id for meeting in common])
    same = (meeting for meeting in common if others[meeting.interaction_id] == len(contact_ids))
    found = next(same, None)
    return GroupMeeting(title=found.title, starts_at=found.occurred_at) if found else None


@dataclass(frozen=True)
class _Standing:
    """How close a guest is as of a date, and since when."""

    score: Score
    first_at: datetime | None
    last_at: datetime | None
    met_before: bool


async def list_known_guests(
    connection: Connection, contact_ids: Sequence[ContactId], now: datetime, last: int
) -> KnownGuests:
    """These contacts as of `now`, each with its `last` interactions before it that are worth mentioning, in short."""
    standings = await _list_standings(connection, contact_ids, now)
    bios = await list_bios(connection, contact_ids)
    on_file = await list_on_file(connection, contact_ids)
    guests: dict[ContactId, Attendee] = {}
    for contact_id, contact in (await list_listed_contacts(connection, contact_ids)).items():
        guest = _attendee(contact, standings[contact_id])
        more = {"on_file": contact_id in on_file, "bios": bios.get(contact_id, {})}
        guests[contact_id] = guest.model_copy(update=more)
    past = await _add_history(connection, guests, now, last) if last and guests else {}
    return KnownGuests(guests, past)


async def _add_history(
    connection: Connection, guests: dict[ContactId, Attendee], now: datetime, last: int
) -> Mapping[ContactId, Sequence[PastLine]]:
    """Add to the guests what passed between them and the user, and what has changed about them; what was looked at for it."""
    looked_at = min(MOST_LOOKED_AT_OF_ONE, MOST_LOOKED_AT // len(guests))
    past = await attendees.list_past_lines(connection, list(guests), now, looked_at)
    chosen = {contact_id: chosen_lines(lines, last) for contact_id, lines in past.items()}
    shown = await _list_interactions(connection, chosen)
    former = await attendees.list_former_work(connection, list(guests))
    birthdays = await attendees.list_birthdays(connection, list(guests))
    for contact_id, guest in guests.items():
        met_at = last_met_at(past.get(contact_id, ()))
        more = {
            "last": shown.get(contact_id, ()),
            "last_met_at": met_at,
            "written_since_met": written_since(past.get(contact_id, ()), met_at),
            "former_work": former.get(contact_id),
            "birthday": birthdays.get(contact_id, ""),
        }
        guests[contact_id] = guest.model_copy(update=more)
    return past


async def _list_interactions(
    connection: Connection, chosen: Mapping[ContactId, Sequence[ChosenLine]]
) -> dict[ContactId, tuple[GuestInteraction, ...]]:
    """What was chosen of each contact, with the beginning of its text and a few of its people."""
    wanted = [(contact_id, found.line.interaction_id) for contact_id, lines in chosen.items() for found in lines]
    lines = await timelines.list_lines_of(connection, wanted)
    shown = await list_interaction_views(connection, list(lines.values()), PEOPLE_SHOWN)
    views = dict(zip(lines, shown, strict=True))
    ids = {interaction_id for _, interaction_id in views}
    is_open, to_me = await attendees.list_open(connection, ids), await attendees.list_written_to_me(connection, ids)
    return {
        contact_id: tuple(
            GuestInteraction(
                **{**dict(view), "text": view.text[:TEXT_SHOWN]},
                open=view.id in is_open,
                to_me=view.id in to_me if view.platform == "email" else view.direction == "inbound",
                times=found.times,
            )
            for found in found_lines
            if (view := views.get((contact_id, found.line.interaction_id)))
        )
        for contact_id, found_lines in chosen.items()
    }


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
