"""Cards of Google Contacts: texts made harmless, addresses and phones comparable. docs/rules.md, "Google contacts"."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from libs.common.addresses import canonical
from libs.common.events import PersonImported
from libs.common.ids import AccountId, UserId
from services.contacts.domain.addresses import AddressKey
from services.contacts.domain.identity_resolution import CardKey
from services.contacts.domain.observations import Participant, email_participant
from services.contacts.domain.phones import canonical_by_entry, phone_entries, phone_entry, phone_keys
from services.contacts.domain.text import cleaned, folded, is_web_link, key

MAX_FIELD, MAX_PHONE, MAX_BIRTHDAY, MAX_URL, MAX_ENTRIES = 500, 100, 100, 2_000, 100
_DAY = re.compile(r"(?:\d{4}|-)-\d\d-\d\d(?!\d)")


@dataclass(frozen=True)
class GoogleCard:
    """A card as it is stored. `emails` canonical, `phones` as written, `phone_keys` comparable. Not live: it is gone.

    `canonical_phones`: the phones as Google gives them in E.164, in the same order; empty where it does not know the country.
    `former`: the resource names under which Google knew it before.
    """

    user_id: UserId
    account_id: AccountId
    resource_name: str
    revision: int
    live: bool
    name: str = ""
    folded: str = ""
    company: str = ""
    title: str = ""
    photo_url: str = ""
    birthday: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    canonical_phones: tuple[str, ...] = ()
    phone_keys: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    former: tuple[str, ...] = ()

    @property
    def key(self) -> CardKey:
        return self.account_id, self.resource_name


def latest_imports(events: Iterable[PersonImported]) -> list[PersonImported]:
    """Of each card the newest event."""
    newest: dict[CardKey, PersonImported] = {}
    for event in sorted(events, key=lambda event: event.revision):
        newest[event.account_id, key(event.resource_name)] = event
    return list(newest.values())


def google_card(event: PersonImported) -> GoogleCard:
    """The card as it is to be stored. One with nothing at all on it is not live."""
    name = cleaned(" ".join(event.name.split()), MAX_FIELD)
    emails = tuple(dict.fromkeys(address for written in event.emails[:MAX_ENTRIES] if (address := canonical(written))))
    written_phones = [cleaned(written, MAX_PHONE) for written in event.phones[:MAX_ENTRIES]]
    forms = (cleaned(form, MAX_PHONE) for form in event.canonical_phones)
    canonical_forms = canonical_by_entry(
        zip(written_phones, forms, strict=False)
    )  # of an earlier version's events there are none
    phones = tuple(phone_entries(written_phones).values())
    compared = phone_keys(phones, canonical_forms)
    company, title = cleaned(event.organization, MAX_FIELD), cleaned(event.title, MAX_FIELD)
    return GoogleCard(
        user_id=event.user_id,
        account_id=event.account_id,
        resource_name=key(event.resource_name),
        revision=event.revision,
        live=bool(name or emails or compared or company or title),
        name=name,
        folded=folded(name),
        company=company,
        title=title,
        photo_url=_web_url(event.photo_url),
        birthday=_birthday(event.birthday),
        emails=emails,
        phones=phones,
        canonical_phones=tuple(canonical_forms.get(phone_entry(shown), "") for shown in phones)
        if canonical_forms
        else (),
        phone_keys=compared,
        urls=tuple(url for written in event.urls[:MAX_ENTRIES] if (url := _web_url(written))),
        former=tuple(dict.fromkeys(key(name) for name in event.former_names[:MAX_ENTRIES])),
    )


def card_addresses(events: Iterable[PersonImported]) -> dict[AddressKey, Participant]:
    """The email addresses on these cards."""
    found: dict[AddressKey, Participant] = {}
    for event in events:
        for written in event.emails[:MAX_ENTRIES]:
            if participant := email_participant("other", written):
                found[event.user_id, participant.kind, participant.value] = participant
    return found


def _birthday(written: str) -> str:
    """The day, with or without a year, without what follows it; else as somebody typed it."""
    text = cleaned(written, MAX_BIRTHDAY)
    day = _DAY.match(text)
    return day[0] if day else text


def _web_url(url: str) -> str:
    """The link; empty where it is none of the web."""
    text = cleaned(url, MAX_URL)
    return text if is_web_link(text) else ""
