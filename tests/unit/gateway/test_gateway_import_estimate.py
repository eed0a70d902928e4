"""How long an import takes by Gmail's quota."""

from libs.common.config import GMAIL_UNITS
from services.gateway.domain.import_estimate import import_estimate


def test_gmail_s_own_quota_allows_about_300_to_850_messages_a_minute() -> None:
    expected = import_estimate(6_000, 1.0, GMAIL_UNITS)
    assert expected.units_per_message == (20, 7)
    assert expected.messages_per_minute == (297, 848)
    assert expected.minutes_per_10000_messages == (34, 12)
    assert "297 to 848 messages a minute: 10,000 messages take 12 to 34 minutes" in expected.sentence


def test_an_older_project_s_quota_and_prices_are_more() -> None:
    expected = import_estimate(15_000, 1.0, {**GMAIL_UNITS, "messages.get": 5, "threads.get": 10})
    assert expected.messages_per_minute == (2970, 7425)


def test_without_a_quota_nothing_is_predicted() -> None:
    expected = import_estimate(0, 1.0, GMAIL_UNITS)
    assert (expected.messages_per_minute, expected.minutes_per_10000_messages) == (None, None)
