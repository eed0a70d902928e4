"""No link that others wrote is anything but plain http or https, whatever way it comes in: cards, calendars, settings, typed fields.

A shape with a new field of links fails `test_every_field_of_links_is_known`.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from inspect import getmembers, isclass
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import libs.common.requests
import services.gateway.domain
from libs.common import events, preferences
from libs.common.errors import Refused
from libs.common.events import PersonImported
from libs.common.preferences import NotificationPreferences
from libs.common.requests import ContactFields
from libs.common.resources.calendar import read_event
from libs.common.resources.people import read_card
from services.contacts.domain.cards import google_card
from services.contacts.domain.contact_edits import edited_fields
from services.contacts.domain.contact_fields import EditableFields
from services.contacts.domain.identities import PLATFORMS, profile_url, read_identity
from services.prep.domain.clean import safe_url
from services.sync.domain.meetings import CalendarOf, Window, meeting
from services.sync.domain.people import imported
from tests.support.meetings import ACCOUNT_ID, USER_ID

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOSTILE = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "\x00javascript:alert(1)", "java\nscript:alert(1)",
    "java\tscript:alert(1)", "\u200bjavascript:alert(1)", "javascript://https://x", "data:text/html,<script>", "DATA:text/html;base64,PHM+",
    "vbscript:x", "file:///etc/passwd", "blob:https://x/1", "//evil.example", "\\\\evil.example", "http:evil.example",
    "https:/evil.example",
    "ftp://x", "view-source:https://x", "about:blank", "intent://x", "httpsx://a", "http", "https", "",
)  # fmt: skip
GOOD = ("https://meet.example/a-b?c=1", "http://people.example/~ada")
# Where links come in, or are made by us: what keeps them plain is tested below, or they never hold anything of others.
KNOWN = {
    "Meeting.video_url", "PersonImported.photo_url", "PersonImported.urls", "NotificationPreferences.webhook_url", "Contact.photo_url",
    "Contact.urls", "ContactFields.photo_url", "ContactFields.urls", "ContactSummary.photo_url", "PhotoSource.url", "MeetingView.video_url",
    "Authorization.authorize_url", "SignedIn.authorize_url", "AccountView.reconnect", "Notification.link", "PersonShown.urls",
    "ContactIdentity.url",
}  # fmt: skip


def of_card(url: str) -> list[str]:
    """What a contact shows of a card of Google Contacts with this as photo and as url; whoever publishes the event."""
    person = {
        "resourceName": "people/1", "names": [{"displayName": "Ada"}], "photos": [{"url": url}], "urls": [{"value": url}],
    }  # fmt: skip
    read = imported(read_card(person), USER_ID, ACCOUNT_ID, 1)
    forged = PersonImported(
        user_id=USER_ID,
        account_id=ACCOUNT_ID,
        resource_name="people/1",
        revision=1,
        name="Ada",
        photo_url=url,
        urls=(url,),
    )
    cards = [google_card(read), google_card(forged)]
    return [link for card in cards for link in (card.photo_url, *card.urls) if link]


def of_event(url: str) -> list[str]:
    """What a meeting shows of an event with this as conference, as Hangouts link, and as place."""
    event = {
        "id": "1", "status": "confirmed", "location": url, "hangoutLink": url,
        "start": {"dateTime": NOW.isoformat()}, "end": {"dateTime": NOW.isoformat()},
        "conferenceData": {"entryPoints": [{"entryPointType": "video", "uri": url}]},
    }  # fmt: skip
    calendar = CalendarOf(USER_ID, ACCOUNT_ID, "primary", "UTC", frozenset())
    found = meeting(read_event(event), calendar, Window.around(NOW, 1, 1))
    assert found is not None
    return [link for link in (found.video_url, safe_url(found.place), safe_url(url)) if link]


def of_typed(url: str) -> list[str]:
    """What a contact shows that a user typed."""
    found: list[str] = []
    for fields in ({"photo_url": url}, {"urls": (url,)}):
        try:
            stored = edited_fields(EditableFields(), (), ContactFields(**fields))  # type: ignore[arg-type]
        except (Refused, ValidationError):
            continue
        found += [link for link in (stored.photo_url, *stored.urls) if link]
    return found


def of_identity(url: str) -> list[str]:
    """Where a connector states the profile to be that it calls an identity."""
    found = [read_identity(kind, url) for kind in ("acme", *PLATFORMS)]
    return [link for identity in found if identity and (link := profile_url(identity.kind, identity.shown))]


def of_webhook(url: str) -> list[str]:
    try:
        return [str(NotificationPreferences.model_validate({"webhook_url": url}).webhook_url)]
    except ValidationError:
        return []


WAYS: tuple[Callable[[str], list[str]], ...] = (of_card, of_event, of_typed, of_identity, of_webhook)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("url", HOSTILE)
def test_what_is_no_plain_link_never_gets_in(way: Callable[[str], list[str]], url: str) -> None:
    # What only lacks slashes is made whole where a library parses it.
    assert [link for link in way(url) if not link.startswith(("https://", "http://"))] == []


@pytest.mark.parametrize("way", WAYS)
@given(
    url=st.one_of(
        st.text(max_size=40),
        st.builds("".join, st.lists(st.sampled_from((*HOSTILE, *GOOD, " ", "\n", ":")), max_size=4)),
    )
)
def test_no_text_gets_in_as_another_kind_of_link(way: Callable[[str], list[str]], url: str) -> None:
    for link in way(url):
        assert link.lower().startswith(("https://", "http://"))
        assert link.isprintable()


@pytest.mark.parametrize("way", WAYS)
def test_a_plain_link_gets_in(way: Callable[[str], list[str]]) -> None:
    assert way(GOOD[0])
    assert set(way(GOOD[0])) == {GOOD[0]}


def _modules() -> Iterator[ModuleType]:
    yield preferences
    for package in (events, libs.common.requests, services.gateway.domain):
        yield from (import_module(found.name) for found in walk_packages(package.__path__, f"{package.__name__}."))


def test_every_field_of_links_is_known() -> None:
    shapes: dict[str, Any] = {
        name: shape
        for module in _modules()
        for name, shape in getmembers(module, isclass)
        if issubclass(shape, BaseModel)
    }
    words = ("url", "link", "photo", "href", "picture", "reconnect")
    found = {
        f"{name}.{field}"
        for name, shape in shapes.items()
        for field in shape.model_fields
        if any(map(field.__contains__, words))
    }
    assert found == KNOWN
