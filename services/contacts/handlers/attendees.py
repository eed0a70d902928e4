"""The people of a meeting."""

from collections.abc import Sequence

from libs.common.addresses import canonical, is_me
from libs.common.db import Connection
from libs.common.ids import ContactId
from libs.common.requests import Attendee, Attendees, GetAttendees
from services.contacts.attendees import find_met_together, list_known_guests
from services.contacts.context import Context
from services.contacts.domain.exclusions import EMAIL, ExclusionRules
from services.contacts.domain.public_mail_domains import is_public
from services.contacts.store.addresses import list_owned_emails
from services.contacts.store.attendees import list_colleagues
from services.contacts.store.exclusions import list_in_force
from services.contacts.store.own_addresses import list_own_addresses

MAX_GUESTS = 500
MAX_INTERACTIONS = 500  # in one reply: each guest has as many


async def get_attendees(context: Context, query: GetAttendees) -> Attendees:
    """Who the guests of a meeting are, as of `now`, in the order of their addresses."""
    values = {written: canonical(written) or "" for written in query.addresses[:MAX_GUESTS]}
    last = min(query.last, MAX_INTERACTIONS // max(len(values), 1))
    async with context.db.acquire() as connection:
        owned = await list_owned_emails(connection, query.user_id, [value for value in values.values() if value])
        own = await list_own_addresses(connection, query.user_id)
        contact_ids = [address.contact_id for address in owned.values() if address.contact_id]
        known = await list_known_guests(connection, contact_ids, query.now, last)
        rules = (await list_in_force(connection, [query.user_id])).get(query.user_id, ExclusionRules({}))

        def attendee(written: str) -> Attendee:
            value = values[written]
            address, me = owned.get(value), bool(value) and is_me(value, own)
            if address is not None and address.contact_id and address.contact_id in known.guests:
                return known.guests[address.contact_id].model_copy(update={"address": written, "me": me})
            excluded = bool(value and rules.matching(EMAIL, value))
            name = address.name if address and not excluded else ""
            return Attendee(address=written, name=name, me=me, not_recorded=excluded)

        guests = [attendee(written) for written in query.addresses[:MAX_GUESTS]]
        if last:
            guests = await _with_colleagues(connection, query, guests, frozenset(map(_domain, own)))
        met_together = await find_met_together(connection, known, _group(guests))
    return Attendees(items=tuple(guests), met_together=met_together)


async def _with_colleagues(
    connection: Connection, query: GetAttendees, guests: Sequence[Attendee], own_domains: frozenset[str]
) -> list[Attendee]:
    """The guests, those without a history with whom the user knows of their company."""
    domains = {
        domain
        for guest in guests
        if _is_stranger(guest) and (domain := _domain(guest.address)) not in own_domains and not is_public(domain)
    }
    found = await list_colleagues(connection, query.user_id, domains, query.now) if domains else {}
    return [
        guest.model_copy(update={"colleagues": found.get(_domain(guest.address), ())}) if _is_stranger(guest) else guest
        for guest in guests
    ]


def _is_stranger(guest: Attendee) -> bool:
    return not (guest.me or guest.not_recorded or guest.on_file or guest.first_contact_at)


def _domain(address: str) -> str:
    return (canonical(address) or "").partition("@")[2]


def _group(guests: Sequence[Attendee]) -> frozenset[ContactId]:
    """The contacts who make up the meeting; none where one of the guests is no contact."""
    contact_ids = [guest.contact_id for guest in guests if not guest.me]
    return frozenset(filter(None, contact_ids)) if all(contact_ids) else frozenset()
