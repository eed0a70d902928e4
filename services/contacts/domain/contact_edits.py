"""What a user types about a contact, checked and made storable."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from libs.common.errors import Refused
from libs.common.requests import ContactFields, TypedIdentity
from services.contacts.domain.contact_fields import EditableFields, dropped_phone_entries
from services.contacts.domain.identities import PlatformIdentity, kind_of_profile, read_identity
from services.contacts.domain.observations import Participant, email_participant
from services.contacts.domain.text import cleaned, is_web_link

_TYPED = ("name", "company", "title", "photo_url", "birthday", "urls", "notes", "tags")
MAX_TYPED, MAX_NOTES = 2_000, 50_000


def edited_fields(before: EditableFields, phones: tuple[str, ...], typed: ContactFields) -> EditableFields:
    """The fields after the edit. `phones` are those that the contact shows before it. Refused: `invalid_url`."""
    values: dict[str, Any] = {
        name: _typed_value(name, value) for name in _TYPED if (value := getattr(typed, name)) is not None
    }
    edited = set(before.edited) | set(values)
    if typed.phones is not None:
        values["typed_phones"] = _typed_value("phones", typed.phones)
        dropped = dropped_phone_entries([*phones, *before.dropped_phones], values["typed_phones"])
        values["dropped_phones"] = tuple(sorted(dropped))
    if typed.archived is not None:
        values["archived"] = typed.archived
        edited.add("archived")
    return replace(before, **values, edited=tuple(sorted(edited)))


def typed_emails(emails: tuple[str, ...]) -> list[Participant]:
    """The addresses, each once, in their order. Refused: `invalid_address`."""
    found = [_typed_email(written) for written in emails]
    return list({participant.value: participant for participant in found}.values())


def typed_identities(typed: Iterable[TypedIdentity], held: Collection[tuple[str, str]]) -> list[Participant]:
    """The identities, each once. What is `held` already (kind, value) stays in whatever form a connector gave it.

    Refused: `invalid_identity`.
    """
    found = [_typed_identity(written, held) for written in typed]
    return list({participant.address: participant for participant in found}.values())


def _typed_value(name: str, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    limit = MAX_NOTES if name == "notes" else MAX_TYPED
    if isinstance(value, str):
        text = cleaned(value, limit)
        return _link(text) if name == "photo_url" and text else text
    texts = [text for written in value if (text := cleaned(written, limit))]
    return tuple(_link(text) for text in texts) if name == "urls" else tuple(dict.fromkeys(texts))


def _link(url: str) -> str:
    if not is_web_link(url):
        raise Refused(422, "invalid_url", "A link must begin with https:// or http://, and have no line breaks.")
    return url


def _typed_email(written: str) -> Participant:
    participant = email_participant("other", written)
    if participant is None:
        raise Refused(422, "invalid_address", f"{cleaned(written, 320)!r} is not an email address.")
    return participant


def _typed_identity(written: TypedIdentity, held: Collection[tuple[str, str]]) -> Participant:
    found = read_identity(written.kind or kind_of_profile(written.value), written.value)
    if found is None or not (found.recognised or (found.kind, found.value) in held):
        raise Refused(422, "invalid_identity", _why_not(written, found))
    return Participant("other", found.kind, found.value, found.shown)


def _why_not(written: TypedIdentity, found: PlatformIdentity | None) -> str:
    shown = cleaned(written.value, 100)
    if not written.kind:
        return f"Which platform is {shown!r} of? Give that first (telegram @amara), or the address of the profile."
    if found is None:
        return f"{cleaned(written.kind, 32)} {shown} identifies nobody. Emails have a field of their own."
    return f"{shown!r} is no handle of {found.kind}, and not the address of a profile there."
