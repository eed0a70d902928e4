"""A person's page: who they are, how close you are, what is ahead, and everything that passed between you."""

import asyncio
from uuid import UUID

from aiohttp import web
from pydantic import ValidationError

from libs.common.errors import Refused
from libs.common.ids import ContactId
from libs.common.requests import (
    AddInteraction,
    Contact,
    ContactFields,
    DeleteContact,
    FindDuplicates,
    GetContact,
    MergeContacts,
    RotateBcc,
    UndoMerge,
    UpdateContact,
)
from services.gateway.context import Context
from services.gateway.domain.relationship_texts import part_texts
from services.gateway.pages.timeline import timeline_values
from services.gateway.pages.visit import Visit, page_route, see_other

# The fields of the form that are one line each, and those that are a list with one entry a line.
LINES = ("name", "company", "title", "birthday")
LISTS = ("emails", "phones", "urls", "tags")


def contact_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/contacts/{contact_id}", show_contact),
        page_route(context, "GET", "/contacts/{contact_id}/edit", show_edit),
        page_route(context, "POST", "/contacts/{contact_id}/edit", edit),
        page_route(context, "POST", "/contacts/{contact_id}/notes", add_note),
        page_route(context, "POST", "/contacts/{contact_id}/bcc", rotate_bcc),
        page_route(context, "POST", "/contacts/{contact_id}/archive", archive),
        page_route(context, "POST", "/contacts/{contact_id}/delete", delete),
        page_route(context, "POST", "/contacts/{contact_id}/merge", merge),
        page_route(context, "POST", "/merges/{merge_id}/undo", undo_merge),
    ]


async def show_contact(visit: Visit) -> web.Response:
    """The page; with `cursor` what is older than what was shown, with `q`, `show` and `side` only what fits."""
    contact_id = _id(visit)
    contact, timeline, duplicates, accounts = await asyncio.gather(
        visit.request(GetContact(user_id=visit.user_id, contact_id=contact_id)),
        timeline_values(visit, contact_id),
        visit.request_if_up(FindDuplicates(user_id=visit.user_id, contact_id=contact_id)),
        visit.accounts(),
    )
    parameters = visit.http_request.query
    values = {
        "contact": contact,
        "parts": part_texts(contact.relationship),
        "duplicates": duplicates.items if duplicates else (),
        "merge_id": _uuid_or_none(parameters.get("merged", "")),
        **timeline,
    }
    return await visit.page("contact.html", values, accounts=accounts)


async def show_edit(visit: Visit) -> web.Response:
    """The form with everything that can be typed about a person."""
    contact = await visit.request(GetContact(user_id=visit.user_id, contact_id=_id(visit)))
    return await _edit_page(visit, contact, _entered(contact))


async def _edit_page(
    visit: Visit, contact: Contact, entered: dict[str, str], refused: Refused | None = None
) -> web.Response:
    values = {
        "contact": contact,
        "entered": entered,
        "problem_text": refused.detail if refused else "",
        "other_id": refused.extra.get("contact_id") if refused else None,
    }
    return await visit.page("contact_edit.html", values, status=refused.status if refused else 200)


def _entered(contact: Contact) -> dict[str, str]:
    """What the form shows before anything is changed."""
    lists = {name: "\n".join(getattr(contact, name)) for name in LISTS if name != "phones"}
    phones = "\n".join(phone.shown for phone in contact.phones)
    return {**{name: getattr(contact, name) for name in LINES}, **lists, "phones": phones, "notes": contact.notes}


async def edit(visit: Visit) -> web.Response:
    """Store what was changed, and nothing else: a field that was left alone stays Google's to fill."""
    contact = await visit.request(GetContact(user_id=visit.user_id, contact_id=_id(visit)))
    form = await visit.http_request.post()
    before = _entered(contact)
    entered = {name: str(form.get(name, text)).replace("\r\n", "\n").strip() for name, text in before.items()}
    changed = {name: text for name, text in entered.items() if text != before[name].strip()}
    if not changed:
        return see_other(f"/contacts/{contact.id}")
    values = {
        name: tuple(filter(None, map(str.strip, text.split("\n")))) if name in LISTS else text
        for name, text in changed.items()
    }
    try:
        fields = ContactFields.model_validate(values)
        await visit.request(UpdateContact(user_id=visit.user_id, contact_id=contact.id, fields=fields))
    except ValidationError as error:
        first = error.errors()[0]
        problem = Refused(422, "invalid", f"{str(first['loc'][0]).capitalize()}: {first['msg']}.")
        return await _edit_page(visit, contact, entered, problem)
    except Refused as refused:
        return await _edit_page(visit, contact, entered, refused)
    return see_other(f"/contacts/{contact.id}")


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
    """Out of the list, or back into it (`archived` is "no")."""
    archived = (await visit.http_request.post()).get("archived") != "no"
    contact_id = _id(visit)
    fields = ContactFields(archived=archived)
    await visit.request(UpdateContact(user_id=visit.user_id, contact_id=contact_id, fields=fields))
    return see_other(f"/contacts/{contact_id}")


async def delete(visit: Visit) -> web.Response:
    """Delete the person. Mail does not bring them back."""
    await visit.request(DeleteContact(user_id=visit.user_id, contact_id=_id(visit)))
    return see_other("/contacts")


async def merge(visit: Visit) -> web.Response:
    """Make one person of two; the page that follows offers to undo it."""
    contact_id = _id(visit)
    other_id = _uuid_or_none(str((await visit.http_request.post()).get("other_id", "")))
    if other_id is None:
        raise Refused(422, "invalid", "Choose the other person from the list of possible duplicates.")
    command = MergeContacts(user_id=visit.user_id, contact_id=contact_id, other_id=ContactId(other_id))
    merged = await visit.request(command)
    return see_other(f"/contacts/{contact_id}?merged={merged.merge_id}")


async def undo_merge(visit: Visit) -> web.Response:
    """Two people again, exactly as they were."""
    contact = await visit.request(UndoMerge(user_id=visit.user_id, merge_id=visit.path_id("merge_id")))
    return see_other(f"/contacts/{contact.id}")


def _id(visit: Visit) -> ContactId:
    return ContactId(visit.path_id("contact_id"))


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
