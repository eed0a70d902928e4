"""Over how long the runs of all accounts are spread, so that Google's quota of the project lasts for them. Pure."""

from dataclasses import dataclass

# What a run of mail is taken to cost, in units of Gmail's quota: a look at the history (2), and the ten messages (20 each) of six hours.
UNITS_PER_MAIL_RUN = 200
# Prep scans leave the other half of the calendar's quota to what somebody waits for, as long as ten minutes are enough for them.
SCAN_SHARE = 0.5
SCAN_EVERY_SECONDS = 600  # events.PrepDue


@dataclass(frozen=True, slots=True)
class Spread:
    """When runs begin, in seconds from now: each at a moment of its own, evenly from `first` to `first + length`."""

    length: int
    first: int = 0


def mail_spread(accounts: int, units_per_minute: int, least: int) -> Spread:
    """Of the runs of all mailboxes. `units_per_minute`: Gmail's quota of the project, 0 = no limit. `least`: seconds.

    Runs that are due faster than the quota lets them through would stand in line before those that somebody waits for.
    """
    return Spread(max(_seconds(accounts, units_per_minute / UNITS_PER_MAIL_RUN), least))


def scan_spread(accounts: int, requests_per_minute: int) -> Spread:
    """Of the looks at all calendars before their prep scans. `requests_per_minute`: the calendar's quota of the project, 0 = no limit.

    An account's moment is the same in each round, so that its scans are as far apart as if all were made at once.
    """
    return Spread(min(_seconds(accounts, requests_per_minute * SCAN_SHARE), SCAN_EVERY_SECONDS))


def calendar_spread(accounts: int, requests_per_minute: int, least: int) -> Spread:
    """Of the daily reading of all calendars in full.

    Where there are many, most calendars are looked at before a prep scan by the moment at which this would begin: the full reading takes
    the place of that look, and costs no request of its own.
    """
    scans = scan_spread(accounts, requests_per_minute).length
    return Spread(max(scans, least), first=scans)


def _seconds(runs: int, per_minute: float) -> int:
    return int(runs * 60 / per_minute) if per_minute else 0
