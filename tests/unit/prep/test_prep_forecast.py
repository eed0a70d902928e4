"""What is going to become of a brief, ahead of time: by the rules of one that is due, with the people as they are now."""

from datetime import timedelta
from types import SimpleNamespace
from typing import cast

from libs.common.ids import UserId, new_id
from libs.common.preferences import GmailPreferences
from libs.common.requests import ForecastPreps, Forecasts, MeetingGuest
from services.prep.context import Context
from services.prep.domain.dossier import pair
from services.prep.domain.forecast import forecast
from services.prep.domain.rules import Terms
from services.prep.handlers.forecasts import forecast_preps
from tests.support.meetings import NOW, account, guest, invited, known, meeting, unknown

ADA, STRANGER, AMARA = (
    guest("ada@lovelace.example", "Ada"),
    guest("s@elsewhere.example", "A. Stranger"),
    guest("amara@x.example"),
)
LEAD = timedelta(minutes=50)
TERMS = Terms(GmailPreferences(), LEAD)


def test_a_forecast_names_the_reason_of_a_brief_that_is_due_and_who_is_known() -> None:
    ada, amara = known(met_before=True), invited("amara@x.example", "Amara")
    people = pair((ADA, STRANGER, AMARA), (ada, unknown("s@elsewhere.example"), amara))
    found = forecast(meeting(), account(), TERMS, people, NOW)
    assert (found.meeting_id, found.would_send, found.reason) == (meeting().meeting_id, True, "")
    assert found.guests == (
        MeetingGuest(
            address="ada@lovelace.example", name="Ada Lovelace", contact_id=ada.contact_id, label="Strong", score=8, known=True,
            met_before=True,
        ),
        MeetingGuest(address="s@elsewhere.example", name="A. Stranger"),
        MeetingGuest(address="amara@x.example", name="Amara", contact_id=amara.contact_id),
    )  # fmt: skip
    alone = forecast(meeting(), account(), TERMS, pair((AMARA,), (amara,)), NOW)
    assert (alone.would_send, alone.reason, alone.brief_at) == (False, "nobody_known", None)
    assert forecast(meeting(), account(), TERMS, (), NOW).reason == "no_guests"
    assert forecast(meeting(), None, TERMS, people, NOW).reason == "disconnected"


def test_a_forecast_is_as_of_when_the_brief_is_due_or_of_now_where_that_is_over() -> None:
    """Somebody is known as of the brief, not as of today; what begins in a minute gets none any more."""
    people = pair((ADA,), (known(on_file=False, first_contact_at=NOW + timedelta(days=1)),))
    later = meeting(starts_at=NOW + timedelta(days=1) + LEAD)
    found = forecast(later, account(), TERMS, people, NOW)
    assert (found.would_send, found.brief_at) == (True, later.starts_at - timedelta(minutes=50))
    sooner = meeting(starts_at=NOW + timedelta(days=1) + LEAD - timedelta(seconds=1))
    assert forecast(sooner, account(), TERMS, people, NOW).reason == "nobody_known"
    soon = meeting(starts_at=NOW + timedelta(minutes=1))
    assert forecast(soon, account(), TERMS, pair((ADA,), (known(),)), NOW).reason == "too_late"


async def test_how_long_before_a_meeting_its_brief_comes_is_known_without_a_look_at_any() -> None:
    context = cast(Context, SimpleNamespace(settings=SimpleNamespace(prep_window_from_minutes=50)))
    query = ForecastPreps(user_id=UserId(new_id()), start=NOW, end=NOW)
    assert await forecast_preps(context, query) == Forecasts(items=(), lead_minutes=50)
