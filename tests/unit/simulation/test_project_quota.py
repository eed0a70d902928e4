"""What the simulation reads off its quotas."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.simulation.google import ProjectQuota

START = datetime(2026, 6, 1, 6, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_the_fullest_minute_may_begin_at_any_second() -> None:
    quota = ProjectQuota(600, START)
    assert quota.fullest_minute == 0
    for second in (0, 59, 61, 118):
        quota.send(at(second), 150)
    assert quota.fullest_minute == 0.75, "from 59 to 118"


def test_unused_is_what_the_quota_allows_beside_what_was_used_while_something_waited() -> None:
    quota = ProjectQuota(600, START)
    assert (quota.waited_seconds, quota.unused_while_waiting) == (0, 0)
    quota.wait(at(0), at(4))
    assert quota.waited_seconds == 0, "nobody calls that waiting"
    quota.wait(at(0), at(14))
    quota.wait(at(5), at(20))
    quota.wait(at(95), at(104.5))
    assert quota.waited_seconds == 21, "5 to 20, and 100 to 104"
    for second in range(5, 21):
        quota.send(at(second), 10)
    quota.send(at(50), 500)
    assert quota.unused_while_waiting == pytest.approx(5 / 21)
    assert quota.used_between(at(0), at(60)) == pytest.approx(660 / 600)
