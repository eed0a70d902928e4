"""Over how long the runs of all accounts are spread."""

import pytest

from services.sync.domain.spreads import Spread, calendar_spread, mail_spread, scan_spread

LEAST = 240
UNITS, REQUESTS = 1_200_000, 10_000  # Google's quotas of a project, a minute


@pytest.mark.parametrize(
    ("accounts", "units", "seconds"),
    [(0, UNITS, 240), (1, UNITS, 240), (24_000, UNITS, 240), (24_100, UNITS, 241), (100_000, UNITS, 1000),
     (100_000, 2 * UNITS, 500), (1_000_000, 0, 240)],
)  # fmt: skip
def test_mail_is_spread_over_some_minutes_and_over_more_where_the_quota_needs_them(
    accounts: int, units: int, seconds: int
) -> None:
    assert mail_spread(accounts, units, LEAST) == Spread(seconds)


@pytest.mark.parametrize(
    ("accounts", "requests", "seconds"),
    [(0, REQUESTS, 0), (83, REQUESTS, 0), (84, REQUESTS, 1), (10_000, REQUESTS, 120), (50_000, REQUESTS, 600),
     (100_000, REQUESTS, 600), (100_000, 0, 0)],
)  # fmt: skip
def test_scans_take_half_of_the_calendar_s_quota_as_long_as_ten_minutes_are_enough(
    accounts: int, requests: int, seconds: int
) -> None:
    assert scan_spread(accounts, requests) == Spread(seconds)


@pytest.mark.parametrize(
    ("accounts", "requests", "spread"),
    [(1, REQUESTS, Spread(240)), (10_000, REQUESTS, Spread(240, first=120)), (30_000, REQUESTS, Spread(360, first=360)),
     (100_000, REQUESTS, Spread(600, first=600)), (100_000, 0, Spread(240))],
)  # fmt: skip
def test_the_daily_reading_begins_once_most_calendars_were_looked_at_anyway(
    accounts: int, requests: int, spread: Spread
) -> None:
    assert calendar_spread(accounts, requests, LEAST) == spread
