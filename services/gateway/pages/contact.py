"""A person's page: who they are, how close you are, what is ahead, and everything that passed between you."""

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

from libs.common.errors import Refused
from libs.common.ids import ContactId
from libs.common.requests import (
    AddInteraction,
    Contact,
    ContactFields,
    DeleteContact,
    Duplicate,
    ExcludeContact,
    FindDuplicates,
    GetContact,
    ListMerges,
    MergeContacts,
    MergeRecord,
    RotateBcc,
    UndoMerge,
    UnlinkIdentity,
    UpdateContact,
)
from services.gateway.context import Context
from services.gateway.domain.handle_texts import handles
from services.gateway.domain.relationship_texts import going_cold_text, history_line, part_texts, relationship_line
from services.gateway.pages.contact_fields import FIELDS, PARTS, Editing, changed_fields, entered_fields, read_form
from services.gateway.pages.duplicates import return_path
from services.gateway.pages.timeline import NO_TIMELINE, platform_choices, timeline_values
from services.gateway.pages.visit import Visit, page_route, see_other, uuid_or_none

DUPLICATES_SHOWN = 3
WITH_PERSON = PARTS | {"timeline"}
"""Parts of the page, by their ids, that show something of the person: of the whole timeline where else one is met."""


def contact_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/contacts/{contact_id}", show_contact),
        page_route(context, "GET", "/contacts/{contact_id}/edit", show_edit),
        page_route(context, "POST", "/contacts/{contact_id}/edit", edit),
        page_route(context, "POST", "/contacts/{contact_id}/notes", add_note),
        page_route(context, "POST", "/contacts/{contact_id}/bcc", rotate_bcc),
        page_route(context, "POST", "/contacts/{contact_id}/archive", archive),
        page_route(context, "POST", "/contacts/{contact_id}/delete", delete),
        page_route(context, "POST", "/contacts/{contact_id}/do-not-record", do_not_record),
        page_route(context, "POST", "/contacts/{contact_id}/merge", merge),
        page_route(context, "POST", "/merges/{merge_id}/undo", undo_merge),
        page_route(context, "POST", "/contacts/{contact_id}/identities/unlink", unlink_identity),
    ]


async def show_contact(visit: Visit) -> web.Response:
    """The page; with `cursor` what is older than what was shown, with `q`, `show` and `side` what fits; with `edit` a field to edit.

    A page that is open fetches the person without the timeline, and lines of that without the person.
    """
    contact_id = _id(visit)
    if not visit.is_partial or visit.replaced_id in WITH_PERSON:
        return await _contact_page(visit, contact_id)
    lines = {"shows": platform_choices(visit, ()), **await timeline_values(visit, contact_id)}
    return visit.part("contact_timeline.html", {"contact_id": contact_id, **lines})


async def _contact_page(
    visit: Visit, contact_id: ContactId, editing: Editing | None = None, *, status: int = 200
) -> web.Response:
    contact, timeline, (suggested, merges) = await asyncio.gather(
        visit.request(GetContact(user_id=visit.user_id, contact_id=contact_id)),
        _timeline(visit, contact_id),
        _twins(visit, contact_id),
    )
    parameters = visit.http_request.query
    before = entered_fields(contact)
    field = FIELDS.get(parameters.get("edit", ""))
    values = {
        "contact": contact,
        "contact_id": contact.id,
        "handles": handles(contact.identities),
        "fields": FIELDS,
        "editing": editing or (Editing(field, before[field.name]) if field else None),
        "empty_fields": [field for name, field in FIELDS.items() if not before[name]],
        "parts": part_texts(contact, visit.now, visit.zone),
        "relationship": relationship_line(contact, visit.now, visit.zone),
        "going_cold": going_cold_text(contact, visit.now, visit.zone),
        "history": history_line(contact.history),
        "duplicates": suggested[:DUPLICATES_SHOWN],
        "more_duplicates": len(suggested[DUPLICATES_SHOWN:]),
        "merges": merges,
        "merge_id": visit.query_id("merged"),
        "parted_from": visit.query_id("parted_from"),
        "shows": platform_choices(visit, contact.numbers.platforms),
        **timeline,
    }
    return await visit.page("contact.html", values, status=status)


async def _timeline(visit: Visit, contact_id: ContactId) -> Mapping[str, object]:
    """What is shown of it; nothing where a part of the page is fetched that stands beside it."""
    return NO_TIMELINE if visit.replaced_id in PARTS else await timeline_values(visit, contact_id)


async def _twins(visit: Visit, contact_id: ContactId) -> tuple[Sequence[Duplicate], Sequence[MergeRecord]]:
    """Who may be the same person, and who was merged. No part of the page that is fetched by itself shows them."""
    if visit.is_partial:
        return (), ()
    duplicates, merges = await asyncio.gather(
        visit.request_if_up(FindDuplicates(user_id=visit.user_id, contact_id=contact_id)),
        visit.request_if_up(ListMerges(user_id=visit.user_id, contact_id=contact_id)),
    )
    return duplicates.items if duplicates else (), merges.items if merges else ()


async def show_edit(visit: Visit) -> web.Response:
    """The form with everything that can be typed about a person."""
    contact = await visit.request(GetContact(user_id=visit.user_id, contact_id=_id(visit)))
    return await _edit_page(visit, contact, entered_fields(contact))


async def _edit_page(
    visit: Visit, contact: Contact, entered: dict[str, str], refused: Refused | None = None
) -> web.Response:
    values = {
        "contact": contact,
        "fields": FIELDS,
        "entered": entered,
        "problem_text": refused.detail if refused else "",
        "other_id": refused.extra.get("contact_id") if refused else None,
        "other_name": refused.extra.get("contact_name", "") if refused else "",
    }
    return await visit.page("contact_edit.html", values, status=refused.status if refused else 200)


async def edit(visit: Visit) -> web.Response:
    """Store what was changed, and nothing else. A form that edits one field where it stands names it as `edit`."""
    contact = await visit.request(GetContact(user_id=visit.user_id, contact_id=_id(visit)))
    form = await visit.http_request.post()
    entered = read_form(form, entered_fields(contact))
    field = FIELDS.get(str(form.get("edit", "")))
    try:
        fields = changed_fields(contact, entered)
        if fields:
            await visit.request(UpdateContact(user_id=visit.user_id, contact_id=contact.id, fields=fields))
    except Refused as refused:
        if field is None:
            return await _edit_page(visit, contact, entered, refused)
        other = {name: str(refused.extra.get(f"contact_{name}", "")) for name in ("id", "name")}
        editing = Editing(field, entered[field.name], refused.detail, other["id"], other["name"])
        return await _contact_page(visit, contact.id, editing, status=refused.status)
    return see_other(f"/contacts/{contact.id}{f'#{field.part}' if field else ''}")


async def add_note(visit: Visit) -> web.Response:
    """A note on the timeline, as of now."""
    contact_id = _id(visit)
    text = str((await visit.http_request.post()).get("text", "")).strip()
    if text:
        await visit.request(AddInteraction(user_id=visit.user_id, contact_id=contact_id, text=text[:10_000]))
    return see_other(f"/contacts/{contact_id}#timeline")


async def rotate_bcc(visit: Visit) -> web.Response:
    """A new BCC address; the old one stops logging."""
    contact = await visit.request(RotateBcc(user_id=visit.user_id, contact_id=_id(visit)))
    return see_other(f"/contacts/{contact.id}#bcc")


async def archive(visit: Visit) -> web.Response:
    """Out of the list, or back into it (`archived` is "no"); then to the person, or to the list that the form was on."""
    form = await visit.http_request.post()
    archived = form.get("archived") != "no"
    contact_id = _id(visit)
    fields = ContactFields(archived=archived)
    await visit.request(UpdateContact(user_id=visit.user_id, contact_id=contact_id, fields=fields))
    return see_other("/contacts?archived=yes" if form.get("from") == "archived" else f"/contacts/{contact_id}")


async def delete(visit: Visit) -> web.Response:
    """Delete the person. Mail does not bring them back."""
    await visit.request(DeleteContact(user_id=visit.user_id, contact_id=_id(visit)))
    return see_other("/contacts")


async def do_not_record(visit: Visit) -> web.Response:
    """The person goes, and stays out; the page that follows shows by which rules."""
    await visit.request(ExcludeContact(user_id=visit.user_id, contact_id=_id(visit)))
    return see_other("/settings#do-not-record")


async def merge(visit: Visit) -> web.Response:
    """Make one person of two; the page that follows offers to undo it. `from` is the page to come back to."""
    contact_id = _id(visit)
    other_id = uuid_or_none(str((await visit.http_request.post()).get("other_id", "")))
    if other_id is None:
        raise Refused(422, "invalid", "Choose the other person from the list of possible duplicates.")
    command = MergeContacts(user_id=visit.user_id, contact_id=contact_id, other_id=ContactId(other_id))
    merged = await visit.request(command)
    return see_other(f"{await return_path(visit, f'/contacts/{contact_id}')}?merged={merged.merge_id}")


async def undo_merge(visit: Visit) -> web.Response:
    """Two people again, exactly as they were."""
    contact = await visit.request(UndoMerge(user_id=visit.user_id, merge_id=visit.path_id("merge_id")))
    return see_other(f"/contacts/{contact.id}")


async def unlink_identity(visit: Visit) -> web.Response:
    """A handle is somebody else's: to the person that it is now, whose page offers to undo it."""
    contact_id = _id(visit)
    form = await visit.http_request.post()
    kind, value = str(form.get("kind", "")), str(form.get("value", ""))
    parted = await visit.request(UnlinkIdentity(user_id=visit.user_id, contact_id=contact_id, kind=kind, value=value))
    return see_other(f"/contacts/{parted.id}?parted_from={contact_id}")


def _id(visit: Visit) -> ContactId:
    return ContactId(visit.path_id("contact_id"))
