"""The fields of a person that can be typed: on the form with all of them, and each where it stands on the page."""

from dataclasses import dataclass
from typing import Literal

from multidict import MultiMapping
from pydantic import ValidationError

from libs.common.errors import Refused
from libs.common.requests import Contact, ContactFields
from services.gateway.domain.handle_texts import handles, typed_handles
from services.gateway.domain.input_texts import input_text

BIOS = ("twitter", "linkedin", "telegram")
BIO_PREFIX = "bio_"


@dataclass(frozen=True)
class Field:
    """`kind`: a line, several lines, or a list with an entry a line. `part`: the section of the page where it stands.

    `imported`: Google Contacts fills it too.
    """

    name: str
    label: str
    kind: Literal["line", "text", "list"]
    part: Literal["person", "about"]
    imported: bool = True
    max_length: int = 500
    hint: str = ""

    @property
    def noun(self) -> str:
        """The label within a sentence."""
        return self.label if self.name.startswith(BIO_PREFIX) else self.label.lower()


FIELDS = {
    field.name: field
    for field in (
        Field("name", "Name", "line", "person"),
        Field("title", "Title", "line", "person"),
        Field("company", "Company", "line", "person"),
        Field("emails", "Emails", "list", "person", max_length=320),
        Field("phones", "Phones", "list", "person", max_length=100),
        Field(
            "identities",
            "Handles",
            "list",
            "person",
            imported=False,
            max_length=540,
            hint="Telegram @amara, or the address of a profile: linkedin.com/in/amara",
        ),
        Field("tags", "Tags", "list", "person", imported=False),
        Field("notes", "Notes", "text", "about", imported=False, max_length=50_000),
        Field("birthday", "Birthday", "line", "about", max_length=10, hint="1985-03-21, or --03-21 without the year"),
        *(
            Field(f"{BIO_PREFIX}{name}", f"{label} bio", "text", "about", imported=False, max_length=2_000)
            for name, label in zip(BIOS, ("Twitter", "LinkedIn", "Telegram"), strict=True)
        ),
        Field("urls", "Links", "list", "about", max_length=2_000),
    )
}


PARTS = frozenset(field.part for field in FIELDS.values())
"""The sections of the page in which fields stand, by their ids."""


@dataclass(frozen=True)
class Editing:
    """A field that is being edited where it stands. `other_id`: whose an address is that was typed."""

    field: Field
    entered: str
    problem_text: str = ""
    other_id: str = ""
    other_name: str = ""

    @property
    def entries(self) -> list[str]:
        """Of a list what was entered, and place for one more."""
        return [*filter(None, self.entered.split("\n")), ""]


def entered_fields(contact: Contact) -> dict[str, str]:
    """What a form shows before anything is changed."""
    return {name: _entered(contact, field) for name, field in FIELDS.items()}


def _entered(contact: Contact, field: Field) -> str:
    if field.name.startswith(BIO_PREFIX):
        return contact.bios.get(field.name.removeprefix(BIO_PREFIX), "")
    if field.name == "phones":
        return "\n".join(phone.shown for phone in contact.phones)
    if field.name == "identities":
        return "\n".join(handle.line for handle in handles(contact.identities))
    value: str | tuple[str, ...] = getattr(contact, field.name)
    return value if isinstance(value, str) else "\n".join(value)


def read_form(form: MultiMapping[object], before: dict[str, str]) -> dict[str, str]:
    """What was entered; a field that the form does not have is as before."""
    return {
        name: "\n".join(map(str, form.getall(name))).replace("\r\n", "\n").strip() if name in form else text
        for name, text in before.items()
    }


def changed_fields(contact: Contact, entered: dict[str, str]) -> ContactFields | None:
    """What was changed, and nothing else: a field that was left alone stays Google's to fill. None where nothing was.

    Refused: `invalid` (422).
    """
    before = entered_fields(contact)
    changed = {name: text for name, text in entered.items() if text != before[name].strip()}
    if not changed:
        return None
    bios = {name.removeprefix(BIO_PREFIX): text for name, text in changed.items() if name.startswith(BIO_PREFIX)}
    values: dict[str, object] = {
        name: _entries(contact, name, text) if FIELDS[name].kind == "list" else text
        for name, text in changed.items()
        if not name.startswith(BIO_PREFIX)
    }
    try:
        return ContactFields.model_validate(values | ({"bios": bios} if bios else {}))
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(422, "invalid", f"{str(first['loc'][0]).capitalize()}: {input_text(first)}") from None


def _entries(contact: Contact, name: str, text: str) -> tuple[object, ...]:
    lines = filter(None, map(str.strip, text.split("\n")))
    return typed_handles(lines, contact.identities) if name == "identities" else tuple(lines)
