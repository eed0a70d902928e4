"""What users may set, and what is refused before it gets anywhere."""

from uuid import uuid4

import pytest
from pydantic import ValidationError

from libs.common.events import SettingsChanged
from libs.common.preferences import GmailPreferences, Preferences
from services.gateway.api.settings import SettingsChanges


@pytest.mark.parametrize("address", ["ann", "ann@@x.io", "a b@x.io", "a\0b@x.io", "ann@x.io\n", "x" * 250 + "@x.io"])
def test_what_is_no_address_is_no_own_address(address: str) -> None:
    with pytest.raises(ValidationError, match="is not an email address"):
        GmailPreferences(own_addresses=(address,))


@pytest.mark.parametrize("calendar", ["", "a\0b", "a\nb"])
def test_calendar_ids_hold_no_control_characters(calendar: str) -> None:
    with pytest.raises(ValidationError):
        GmailPreferences(calendar_ids=(calendar,))


@pytest.mark.parametrize(
    "zone", ["Europe", "europe/nowhere", "../etc/passwd", "/etc/localtime", "UTC+1", "a\0b", "x" * 90, " "]
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is not a time zone"):
        GmailPreferences(time_zone=zone)


@pytest.mark.parametrize("zone", ["", "UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_has_an_iana_name_or_is_left_to_the_calendar(zone: str) -> None:
    assert GmailPreferences(time_zone=zone).time_zone == zone


@pytest.mark.parametrize(
    "settings",
    [
        {"gmail": {"mail_lookback_days": -1}},
        {"gmail": {"contact_creation": "all"}},
        {"gmail": {"unknown": 1}},
        {"notifications": {"unknown": 1}},
        {"mail": {}},
    ],
)
def test_settings_that_do_not_exist_are_refused_where_a_user_sends_them(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SettingsChanges.model_validate(settings)


def test_settings_that_a_newer_version_has_stored_are_read() -> None:
    newer = {"gmail": {"mail_lookback_days": 7, "colour": "blue"}, "notifications": {"by_pigeon": True}, "themes": {}}
    read = Preferences.model_validate(newer)
    assert read.gmail.mail_lookback_days == 7
    changed = {"user_id": uuid4(), "version": 2, "before": newer, "after": newer}
    assert SettingsChanged.model_validate(changed).after == read


def test_the_defaults_are_those_of_the_documentation() -> None:
    gmail = Preferences().gmail
    assert (gmail.mail_lookback_days, gmail.contact_creation, gmail.meeting_prep_enabled) == (365, "people", True)
