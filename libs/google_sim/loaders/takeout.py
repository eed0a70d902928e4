"""An archive of Google Takeout as it comes: a zip, several of them in a folder, or what was unpacked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from libs.google_sim.account import CalendarData, Resource
from libs.google_sim.loaders.calendar import ICALENDAR, load_calendar
from libs.google_sim.loaders.files import LoadError, files_within, is_archive, kind
from libs.google_sim.loaders.mail import MBOX, load_mail
from libs.google_sim.loaders.people import VCARD, load_people


@dataclass(frozen=True)
class Takeout:
    """What was in it, as resources of Google's APIs."""

    messages: list[Resource] = field(default_factory=list)
    calendars: list[CalendarData] = field(default_factory=list)
    people: list[Resource] = field(default_factory=list)


def load_takeout(path: str | Path, owner: str, aliases: Iterable[str] = ()) -> Takeout:
    """Whatever of mail, calendars and contacts is there. Raises LoadError where that is nothing, or a part can't be read."""
    path = Path(path)
    if not (path.is_dir() or is_archive(path)):
        raise LoadError(f"{path} is no archive of Takeout. Give its .zip, or the folder that you have unpacked.")
    kinds = {kind(entry) for entry in files_within(path, (*MBOX, *ICALENDAR, *VCARD))}
    if not kinds:
        raise LoadError(
            f"{path} holds no mail, calendar or contacts. Choose Mail, Calendar and Contacts at takeout.google.com."
        )
    return Takeout(
        load_mail(path, owner, aliases) if kinds & {*MBOX} else [],
        load_calendar(path, owner) if kinds & {*ICALENDAR} else [],
        load_people(path) if kinds & {*VCARD} else [],
    )
