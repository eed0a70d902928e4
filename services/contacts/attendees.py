"""What is known about the guests of a meeting."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from libs.common.db import Connection
from libs.common.ids import ContactId
from libs.common.requests import Attendee, Interaction
from services.contacts.domain.interaction_times import InteractionTimes, first_until, last_until
from services.contacts.domain.scoring import score
from services.contacts.store import scores, timelines
from services.contacts.store.contact_search import ListedContact, list_listed_contacts
from services.contacts.store.contact_views import list_on_file
from services.contacts.store.profiles import list_bios
from services.contacts.timelines import list_interaction_views

PEOPLE_SHOWN, TEXT_SHOWN = 5, 1_000


async def list_known_guests(
    connection: Connection, contact_ids: Sequence[ContactId], now: datetime, last: int
) -> dict[ContactId, Attendee]:
    """These contacts as of `now`, each with its `last` newest interactions before it in short, and no address yet."""
    times = await scores.list_interaction_times(connection, contact_ids)
    bios = await list_bios(connection, contact_ids)
    on_file = await list_on_file(connection, contact_ids)
    lines = await timelines.list_last_lines(connection, contact_ids, now, last) if last else []
    newest: dict[ContactId, list[Interaction]] = defaultdict(list)
    for line, view in zip(lines, await list_interaction_views(connection, lines, PEOPLE_SHOWN), strict=True):
        newest[line.contact_id].append(view.model_copy(update={"text": view.text[:TEXT_SHOWN]}))
    guests: dict[ContactId, Attendee] = {}
    for contact_id, contact in (await list_listed_contacts(connection, contact_ids)).items():
        guest = _attendee(contact, times[contact_id], now)
        more = {
            "on_file": contact_id in on_file,
            "bios": bios.get(contact_id, {}),
            "last": tuple(newest[contact_id]),
        }
        guests[contact_id] = guest.model_copy(update=more)
    return guests


def _attendee(contact: ListedContact, times: InteractionTimes, now: datetime) -> Attendee:
    return Attendee(
        address="",
        contact_id=contact.id,
        name=contact.name,
        company=contact.company,
        title=contact.title,
        score=score(times, now),
        first_contact_at=first_until(now, *times.every),
        last_contact_at=last_until(now, *times.every),
        met_before=first_until(now, times.meetings) is not None,
    )
