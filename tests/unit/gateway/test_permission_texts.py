"""What is off for want of a permission: one sentence that reads well, whichever of them are missing."""

import pytest

from libs.common.scopes import CALENDAR_READ, CONTACTS_READ, FEATURES, GMAIL_READ, GMAIL_SEND
from services.gateway.domain.permissions import PERMISSIONS, features_off, off_sentence


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ((), ""),
        ((GMAIL_READ,), "PingCRM may not read your mail, so mail on timelines is off."),
        ((GMAIL_SEND,), "PingCRM may not send mail, so briefs before meetings are off."),
        ((CONTACTS_READ,), "PingCRM may not read your contacts, so details from Google Contacts are off."),
        (
            (CALENDAR_READ,),
            "PingCRM may not read your calendar, so meetings on timelines and briefs before meetings are off.",
        ),
        (
            (GMAIL_SEND, CALENDAR_READ),
            "PingCRM may not read your calendar or send mail, so meetings on timelines and briefs before meetings are off.",
        ),
        (
            (GMAIL_SEND, GMAIL_READ, CONTACTS_READ),
            "PingCRM may not read your mail, read your contacts or send mail, so mail on timelines, details from Google Contacts "
            "and briefs before meetings are off.",
        ),
        (
            tuple(FEATURES),
            "PingCRM may do nothing for this account, so everything is off: mail on timelines, meetings on timelines, details from "
            "Google Contacts and briefs before meetings.",
        ),
    ],
)
def test_what_is_off_for_want_of_permissions_is_one_sentence(missing: tuple[str, ...], sentence: str) -> None:
    assert off_sentence(missing) == sentence
    assert len(features_off(missing)) == len(set(features_off(missing))), "each once"


def test_every_permission_that_turns_something_on_has_words() -> None:
    assert {permission.scope for permission in PERMISSIONS} == set(FEATURES)
