"""Names of time zones from outside: calendars, settings. Pure but for the zone files, which are part of the installation."""

from zoneinfo import ZoneInfo


def known_zone(name: str) -> ZoneInfo | None:
    """The zone with this IANA name; None where there is none: an unknown name, a path that leads out, a folder of zones."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
