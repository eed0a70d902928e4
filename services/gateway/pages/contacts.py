"""The list of people: search as you type, sorting, and a new one by hand."""

from typing import Literal, cast
from urllib.parse import urlencode

from aiohttp import web

from libs.common.errors import Refused
from libs.common.requests import ContactFields, CreateContact, SearchContacts
from services.gateway.context import Context
from services.gateway.pages.duplicates import count_text
from services.gateway.pages.visit import Visit, page_route, see_other

Sort = Literal["recent", "score", "name"]
SORTS: tuple[tuple[Sort, str], ...] = (("recent", "Last contact"), ("score", "Relationship"), ("name", "Name"))
PAGE_LENGTH = 50
MAX_QUERY = 200
ENTERED = ("name", "email", "company", "title")


def contacts_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/contacts", show_contacts),
        page_route(context, "GET", "/contacts/new", show_new_contact),
        page_route(context, "POST", "/contacts", create_contact),
    ]


async def show_contacts(visit: Visit) -> web.Response:
    """The people, best match first where something is searched for. With `cursor` the next page of them."""
    parameters = visit.http_request.query
    text = parameters.get("q", "").replace("\0", "").strip()[:MAX_QUERY]
    sort = next((name for name, _ in SORTS if name == parameters.get("sort")), "recent")
    page = await visit.request(
        SearchContacts(
            user_id=visit.user_id,
            q=text,
            sort=cast(Sort, sort),
            cursor=parameters.get("cursor") or None,
            limit=PAGE_LENGTH,
        )
    )
    # While somebody types, only the list is looked at.
    duplicates = "" if text or parameters.get("cursor") else await count_text(visit)
    more = urlencode({"q": text, "sort": sort, "cursor": page.next_cursor}) if page.next_cursor else ""
    values = {"people": page.items, "q": text, "sort": sort, "sorts": SORTS, "more": more, "duplicates": duplicates}
    return await visit.page("contacts.html", values)


async def show_new_contact(visit: Visit) -> web.Response:
    """The form for a person who is not here yet."""
    return await visit.page(
        "contact_new.html",
        {"entered": dict.fromkeys(ENTERED, ""), "problem_text": "", "other_id": None, "other_name": ""},
    )


async def create_contact(visit: Visit) -> web.Response:
    """Create the person; on a problem the form once more, with what was entered."""
    form = await visit.http_request.post()
    entered = {name: str(form.get(name, "")).strip() for name in ENTERED}
    fields = ContactFields(
        name=entered["name"] or None,
        emails=(entered["email"],) if entered["email"] else None,
        company=entered["company"] or None,
        title=entered["title"] or None,
    )
    try:
        contact = await visit.request(CreateContact(user_id=visit.user_id, fields=fields))
    except Refused as refused:
        other = {f"other_{name}": refused.extra.get(f"contact_{name}") for name in ("id", "name")}
        values = {"entered": entered, "problem_text": refused.detail, **other}
        return await visit.page("contact_new.html", values, status=refused.status)
    return see_other(f"/contacts/{contact.id}")
