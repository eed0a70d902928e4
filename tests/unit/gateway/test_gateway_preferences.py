"""Settings with something changed in them."""

from libs.common.preferences import Preferences
from services.gateway.domain.preferences import merged


def test_settings_that_are_left_out_keep_their_value() -> None:
    before = Preferences.model_validate({"gmail": {"mail_lookback_days": 30}}).model_dump()
    assert merged(before, {}) == before
    after = merged(before, {"gmail": {"meeting_prep_enabled": False}})
    assert after["gmail"] == {**before["gmail"], "meeting_prep_enabled": False}
    assert after["notifications"] == before["notifications"]
