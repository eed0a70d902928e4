"""How long a retry waits: never past the time until which handling the event is of use."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.common.bus.delivery import LAST_TRY_SECONDS, capped_delay
from libs.common.events import MIN_BRIEF_LEAD, MeetingUpcoming, SyncRequested
from tests.support.meetings import ACCOUNT_ID, NOW, USER_ID, meeting

delays = st.floats(0.1, 100_000)


@given(delays, st.floats(0.001, 100_000))
def test_a_retry_comes_before_the_event_is_of_no_use(delay: float, left: float) -> None:
    capped = capped_delay(delay, NOW + timedelta(seconds=left), NOW)
    assert 0 < capped <= delay
    assert capped <= left + 1e-5


@given(delays, st.floats(LAST_TRY_SECONDS + 1, 100_000))
def test_there_is_a_last_try_while_there_is_time_for_it(delay: float, left: float) -> None:
    assert capped_delay(delay, NOW + timedelta(seconds=left), NOW) <= left - LAST_TRY_SECONDS + 1e-5


@given(delays, st.floats(0, 100_000))
def test_what_is_late_already_or_never_late_waits_as_long_as_it_has_to(delay: float, late: float) -> None:
    assert capped_delay(delay, NOW - timedelta(seconds=late), NOW) == delay
    assert capped_delay(delay, None, NOW) == delay


def test_a_meeting_s_brief_is_of_use_until_five_minutes_before_it() -> None:
    starts_at = datetime(2026, 5, 1, 10, 0, tzinfo=UTC)
    event = MeetingUpcoming(meeting=meeting(starts_at=starts_at))
    assert event.useful_until() == starts_at - timedelta(minutes=5) == starts_at - MIN_BRIEF_LEAD
    requested = SyncRequested(user_id=USER_ID, account_id=ACCOUNT_ID, kind="mail", reason="user")  # type: ignore[arg-type]
    assert requested.useful_until() is None
