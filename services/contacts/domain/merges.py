"""What a contact shows after another was merged into it, how that is taken back, and what is to be known before."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.contacts.domain.contact_fields import EditableFields
from services.contacts.domain.phones import phone_entry

_SCALARS = ("name", "company", "title", "photo_url", "birthday")
_LISTS = ("urls", "tags", "typed_phones", "dropped_phones")
_BETWEEN_NOTES = "\n\n"
_SHOWN_AS = {
    "name": "name", "company": "company", "title": "title", "photo_url": "photo", "birthday": "birthday", "urls": "links",
    "notes": "notes", "tags": "tags", "typed_phones": "phones",
}  # fmt: skip


def merged_fields(survivor: EditableFields, other: EditableFields) -> EditableFields:
    """The survivor's fields after the merge: what the user typed on the other is kept where the survivor has nothing typed.

    Archived is who was archived twice: a person of whom one half is in use is in use.
    """
    edited = set(survivor.edited)
    taken = {
        name: getattr(other, name)
        for name in _SCALARS
        if name in other.edited and name not in edited and getattr(other, name)
    }
    edited |= set(taken) | {name for name in ("notes", "tags") if name in other.edited}
    urls = survivor.urls
    if "urls" in edited or "urls" in other.edited:
        urls = _united(survivor.urls, other.urls)
        edited.add("urls")
    return replace(
        survivor,
        **taken,
        notes=_BETWEEN_NOTES.join(filter(None, (survivor.notes, other.notes))),
        tags=_united(survivor.tags, other.tags),
        typed_phones=_united(survivor.typed_phones, other.typed_phones),
        dropped_phones=_united(survivor.dropped_phones, other.dropped_phones),
        urls=urls,
        edited=tuple(sorted(edited)),
        archived=survivor.archived and other.archived,
    )


def _united(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def typed_only(fields: EditableFields) -> EditableFields:
    """Without what was derived: where a merge is undone that is derived anew."""
    derived: dict[str, Any] = {name: "" for name in _SCALARS if name not in fields.edited}
    urls = fields.urls if "urls" in fields.edited else ()
    return replace(fields, **derived, urls=urls)


@dataclass(frozen=True)
class Taken:
    """What a merge brought to the survivor, and is to go back: `fields` are the other's own, `phones` those that it showed."""

    fields: EditableFields
    phones: tuple[str, ...] = ()


def restored_fields(now: EditableFields, stood: EditableFields, stands: EditableFields, taken: Taken) -> EditableFields:
    """The fields as they are without the merge: what the user changed since then stays, what came with the other goes.

    `stood` are the fields that were there once the merge was made, `stands` those that would have been there without it.
    """
    values: dict[str, Any] = {
        name: getattr(stands, name) for name in (*_SCALARS, "archived") if not _is_changed(name, now, stood)
    }
    for name in _LISTS:
        values[name] = _restored_list(name, now, stood, stands, taken)
    values["notes"] = _restored_notes(now.notes, stood.notes, stands.notes, taken.fields.notes)
    marks = {name for name in now.edited if _is_changed(name, now, stood)}
    marks |= {name for name in stands.edited if not _is_changed(name, now, stood)}
    return replace(now, **values, edited=tuple(sorted(marks)))


def _is_changed(name: str, now: EditableFields, stood: EditableFields) -> bool:
    """Whether the user has typed something since: another value, or what was only derived until then."""
    return getattr(now, name) != getattr(stood, name) or (name in now.edited and name not in stood.edited)


def _restored_list(
    name: str, now: EditableFields, stood: EditableFields, stands: EditableFields, taken: Taken
) -> tuple[str, ...]:
    """Without what was the other's alone. A form for phones sends back all that it shows: those of the other are not typed by that."""
    values: tuple[str, ...] = getattr(now, name)
    own: tuple[str, ...] = getattr(stands, name)
    if values == getattr(stood, name):
        return own
    gone = set(getattr(taken.fields, name)) - set(own)
    if name == "typed_phones":
        theirs = set(map(phone_entry, (*taken.fields.typed_phones, *taken.phones))) - set(map(phone_entry, own))
        gone |= {phone for phone in values if phone_entry(phone) in theirs}
    return tuple(value for value in values if value not in gone)


def _restored_notes(now: str, stood: str, stands: str, theirs: str) -> str:
    """Without the other's notes, where they are still found whole: whoever wrote into their midst keeps all of it."""
    if now.startswith(stood):
        return _joined_notes(stands, now[len(stood) :])
    begin = _place(now, theirs)
    if begin is None:
        return now
    return _joined_notes(now[:begin].removesuffix(_BETWEEN_NOTES), now[begin + len(theirs) :])


def _joined_notes(before: str, behind: str) -> str:
    return before + behind if before else behind.lstrip("\n")


def _place(notes: str, theirs: str) -> int | None:
    """Where these notes hold the other ones as lines of their own; None where they do not, or not just once."""
    places = [
        begin
        for begin in range(len(notes))
        if notes.startswith(theirs, begin)
        and notes[begin - 1 : begin] in ("", "\n")
        and notes[begin + len(theirs) : begin + len(theirs) + 1] in ("", "\n")
    ]
    return places[0] if theirs and len(places) == 1 else None


@dataclass(frozen=True)
class SinceMerge:
    """What is to be known before a merge is undone. Names as they are shown, `returning` and the others are addresses as shown.

    `returning` and `handles` of other platforms go back to the other contact, `staying` came since and stays, `elsewhere` was taken off
    since, or given to somebody else.
    `rotated`: no BCC address of the other's logs any more.
    """

    survivor_name: str
    other_name: str
    returning: Sequence[str] = ()
    staying: Sequence[str] = ()
    elsewhere: Sequence[str] = ()
    notes: int = 0
    logged: int = 0
    rotated: bool = False
    handles: Sequence[str] = ()


def consequences(since: SinceMerge, now: EditableFields, stood: EditableFields, taken: Taken) -> tuple[str, ...]:
    """What an undoing would do now, in sentences: first what goes back, then what does not."""
    survivor, other = since.survivor_name, since.other_name
    sentences: list[str] = []
    if since.returning:
        sentences.append(
            f"{_listed(since.returning)} and all mail with it, also what came since, goes back to {other}."
        )
    if since.handles:
        sentences.append(f"{_listed(since.handles)} and everything that came under it goes back to {other}.")
    if since.staying:
        sentences.append(f"{_listed(since.staying)}, added since, stays with {survivor}.")
    if since.elsewhere:
        sentences.append(f"{_listed(since.elsewhere)} was taken off since and does not come back.")
    if since.notes:
        sentences.append(f"{_counted(since.notes, 'note')} written since {_stay(since.notes)} with {survivor}.")
    if since.logged:
        sentences.append(
            f"{_counted(since.logged, 'message')} logged by BCC since {_stay(since.logged)} with {survivor}."
        )
    typed = {*now.edited, "typed_phones"}
    changed = [shown for name, shown in _SHOWN_AS.items() if name in typed and _is_changed(name, now, stood)]
    if changed:
        sentences.append(f"What you changed since stays with {survivor}: {', '.join(changed)}.")
    theirs = taken.fields.notes
    if theirs and not now.notes.startswith(stood.notes) and _place(now.notes, theirs) is None:
        sentences.append(
            f"The notes were rewritten since: {survivor} keeps all of them, and {other} those from before."
        )
    if since.rotated:
        sentences.append(f"{other} gets a new BCC address: the old one was rotated away.")
    return tuple(sentences)


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _stay(number: int) -> str:
    return "stays" if number == 1 else "stay"


def _listed(addresses: Collection[str], most: int = 3) -> str:
    """The first few, and how many more."""
    shown = list(addresses)[:most]
    left = len(addresses) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
