"""Which channels of calendars are begun and which are ended."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.sync.domain.channels import Channel, Steps, renewal, steps

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
MINE, TEAM = "primary", "team@group.calendar.google.com"


def channel(number: int, renewed_in: timedelta, calendar_id: str = MINE, **changes: object) -> Channel:
    """Confirmed, as Google gives them: it ends a day after the next one is to be begun."""
    fields = {"resource_id": "r", "expires_at": NOW + renewed_in + DAY, **changes}
    return Channel(UUID(int=number), calendar_id, NOW + renewed_in, **fields)  # type: ignore[arg-type]


def unconfirmed(number: int, again_in: timedelta) -> Channel:
    """Refused, or without an answer."""
    return channel(number, again_in, resource_id="", expires_at=None)


FRESH, DUE, OVER = channel(1, 6 * DAY), channel(2, -MINUTE), channel(3, -2 * DAY)


@pytest.mark.parametrize(
    ("channels", "calendar_ids", "begin", "end"),
    [
        ((), (), (), ()),
        ((), (MINE, TEAM), (MINE, TEAM), ()),
        ((FRESH,), (MINE,), (), ()),
        ((FRESH,), (MINE, TEAM), (TEAM,), ()),
        ((FRESH,), (), (), (FRESH,)),
        ((FRESH,), (TEAM,), (TEAM,), (FRESH,)),
        # renewed without a gap: the one that is due goes on until the next one is confirmed
        ((DUE,), (MINE,), (MINE,), ()),
        ((DUE, unconfirmed(4, 5 * MINUTE)), (MINE,), (), ()),
        ((DUE, unconfirmed(4, -MINUTE)), (MINE,), (MINE,), (unconfirmed(4, -MINUTE),)),
        ((DUE, FRESH), (MINE,), (), (DUE,)),
        ((DUE, channel(4, 6 * DAY, TEAM)), (MINE, TEAM), (MINE,), ()),
        # over, without another one
        ((OVER,), (MINE,), (MINE,), (OVER,)),
        # two confirmed ones, as where a first answer came late: one is enough
        ((FRESH, channel(4, 6 * DAY)), (MINE,), (), (FRESH,)),
        # refused a while ago, and again where that is over
        ((unconfirmed(4, 5 * MINUTE),), (MINE,), (), ()),
        ((unconfirmed(4, timedelta(0)),), (MINE,), (MINE,), (unconfirmed(4, timedelta(0)),)),
        ((unconfirmed(4, 5 * MINUTE),), (), (), (unconfirmed(4, 5 * MINUTE),)),
    ],
)
def test_each_calendar_has_a_channel_without_a_gap_and_no_other_has_one(
    channels: tuple[Channel, ...], calendar_ids: tuple[str, ...], begin: tuple[str, ...], end: tuple[Channel, ...]
) -> None:
    assert steps(channels, calendar_ids, NOW) == Steps(begin, end)


def test_a_channel_is_renewed_a_day_before_it_ends_and_never_at_once() -> None:
    assert renewal(NOW + 7 * DAY, NOW) == NOW + 6 * DAY
    assert renewal(NOW + 60 * MINUTE, NOW) == renewal(NOW - DAY, NOW) == NOW + 5 * MINUTE
