"""The people of a meeting."""

from libs.common.addresses import canonical, is_me
from libs.common.requests import Attendee, Attendees, GetAttendees
from services.contacts.attendees import list_known_guests
from services.contacts.context import Context
from services.contacts.domain.exclusions import EMAIL, ExclusionRules
from services.contacts.store.addresses import list_owned_emails
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
        guests = await list_known_guests(connection, contact_ids, query.now, last)
        rules = (await list_in_force(connection, [query.user_id])).get(query.user_id, ExclusionRules({}))

    def attendee(written: str) -> Attendee:
        value = values[written]
        address, me = owned.get(value), bool(value) and is_me(value, own)
        if address is not None and address.contact_id in guests:
            return guests[address.contact_id].model_copy(update={"address": written, "me": me})
        excluded = bool(value and rules.matching(EMAIL, value))
        name = address.name if address and not excluded else ""
        return Attendee(address=written, name=name, me=me, not_recorded=excluded)

    return Attendees(items=tuple(attendee(written) for written in query.addresses[:MAX_GUESTS]))
