"""Moving old data to the present, so that the usual look-back windows see it."""

from datetime import date, datetime, timedelta

from libs.google_sim.account import AccountData, CalendarData, Resource

_DAY_MS = 86_400_000


def shift_to_now(account: AccountData, now: datetime) -> None:
    """Move all mail so that the newest message is at `now`, and all events by as many whole weeks.

    Whole weeks keep weekdays and hours of meetings; series with UNTIL or EXDATE keep these dates as written.
    """
    dates = [int(message["internalDate"]) for message in account.messages if _is_integer(message.get("internalDate"))]
    if dates:
        shift_ms = int(now.timestamp() * 1000) - max(dates)
        for message in account.messages:
            if _is_integer(message.get("internalDate")):
                message["internalDate"] = str(int(message["internalDate"]) + shift_ms)
        weeks = timedelta(weeks=round(shift_ms / (7 * _DAY_MS)))
        for calendar in account.calendars:
            _shift_events(calendar, weeks)


def _is_integer(value: object) -> bool:
    return isinstance(value, str) and value.lstrip("-").isdecimal()


def _shift_events(calendar: CalendarData, by: timedelta) -> None:
    for event in calendar.events:
        for field in ("start", "end", "originalStartTime"):
            when = event.get(field)
            if isinstance(when, dict):
                event[field] = _shifted(when, by)


def _shifted(when: Resource, by: timedelta) -> Resource:
    try:
        if "dateTime" in when:
            return {**when, "dateTime": (datetime.fromisoformat(when["dateTime"]) + by).isoformat()}
        return {**when, "date": (date.fromisoformat(when["date"]) + by).isoformat()}
    except (ValueError, OverflowError, KeyError):
        return when
