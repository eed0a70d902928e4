"""Who a meeting is with. Pure; docs/rules.md, section Calendar."""

from libs.common.addresses import canonical, is_bouncer, is_robot
from libs.common.events import Guest, Meeting

_CALENDARS = "calendar.google.com"


def attendees_of(meeting: Meeting) -> dict[str, Guest]:
    """The other people by canonical address, in the order of the invitation; rooms, calendars and the account itself are none.

    The organizer comes last where the guest list does not name them: a hidden list, Google's quick invitation, Outlook. An
    address that nobody reads (`noreply@…`) is no person.
    """
    found: dict[str, Guest] = {}
    for guest in meeting.guests:
        if address := _person(guest):
            found.setdefault(address, guest)
    organizer = meeting.organizer
    if organizer and (address := _person(organizer)) and not is_robot(address) and not is_bouncer(address):
        found.setdefault(address, organizer.model_copy(update={"organizer": True, "answer": "accepted"}))
    return found


def _person(guest: Guest) -> str | None:
    address = canonical(guest.address)
    return None if address is None or guest.me or guest.resource or address.endswith(_CALENDARS) else address
