"""What a contact shows after another was merged into it, and how that is taken back."""

from dataclasses import fields, replace

from services.contacts.domain.contact_fields import EditableFields

_SCALARS = ("name", "company", "title", "photo_url", "birthday")


def merged_fields(survivor: EditableFields, other: EditableFields) -> EditableFields:
    """The survivor's fields after the merge: what the user typed on the other is kept where the survivor has nothing typed."""
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
        notes="\n\n".join(filter(None, (survivor.notes, other.notes))),
        tags=_united(survivor.tags, other.tags),
        typed_phones=_united(survivor.typed_phones, other.typed_phones),
        dropped_phones=_united(survivor.dropped_phones, other.dropped_phones),
        urls=urls,
        edited=tuple(sorted(edited)),
    )


def _united(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def restored_fields(now: EditableFields, before: EditableFields, after: EditableFields) -> EditableFields:
    """The fields as before the merge, as far as they still are as it left them: what the user changed since then stays."""
    untouched = [column.name for column in fields(now) if getattr(now, column.name) == getattr(after, column.name)]
    return replace(now, **{name: getattr(before, name) for name in untouched})
