"""The list of people: search as you type, sorting, filters, and a new one by hand."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast
from urllib.parse import urlencode

from aiohttp import web

from libs.common.errors import Refused
from libs.common.requests import (
    ContactFields,
    ContactOrder,
    ContactSummary,
    CreateContact,
    Label,
    ListTags,
    SearchContacts,
    Tag,
)
from services.gateway.context import Context
from services.gateway.domain.relationship_texts import going_cold_text
from services.gateway.pages.duplicates import count_text
from services.gateway.pages.visit import Visit, page_route, query_text, see_other

SORTS: tuple[tuple[ContactOrder, str], ...] = (
    ("recent", "Last contact"),
    ("score", "Relationship"),
    ("name", "Name"),
    ("company", "Company"),
    ("added", "Added"),
)
LABELS: dict[str, Label] = {"strong": "Strong", "warm": "Warm", "cold": "Cold"}
# Links that narrow the list: the parameter and its value, and what the link is called.
FILTERS = (
    *(("relationship", value, text) for value, text in LABELS.items()),
    ("going_cold", "yes", "Going cold"),
    ("upcoming", "yes", "Meeting ahead"),
    ("archived", "yes", "Archived"),
)
PAGE_LENGTH = 50
MAX_QUERY, MAX_TAG = 200, 2_000
ENTERED = ("name", "email", "company", "title")


def contacts_routes(context: Context) -> list[web.RouteDef]:
    return [
        page_route(context, "GET", "/contacts", show_contacts),
        page_route(context, "GET", "/contacts/new", show_new_contact),
        page_route(context, "POST", "/contacts", create_contact),
    ]


class Person(NamedTuple):
    """A line of the list; `going_cold`: why, in a sentence, or nothing."""

    contact: ContactSummary
    going_cold: str


@dataclass(frozen=True)
class FilterLink:
    """A link that narrows the list, or widens it again where it is `chosen`. The other filters stay."""

    text: str
    href: str
    chosen: bool


async def show_contacts(visit: Visit) -> web.Response:
    """The people, best match first where something is searched for. With `cursor` the next page of them."""
    chosen = _chosen(visit.http_request.query)
    query = _search(visit, chosen)
    page, tags, duplicates = await asyncio.gather(
        visit.request(query),
        _tags(visit),
        _duplicates(visit, query),
    )
    values = {
        "people": people_lines(visit, page.items),
        "q": query.q,
        "sort": query.sort,
        "sorts": SORTS,
        "tag": chosen.get("tag", ""),
        "tags": _offered(tags, chosen.get("tag", "")),
        "filters": [_link(chosen, *filter_) for filter_ in FILTERS],
        "kept": {name: chosen[name] for name in dict.fromkeys(name for name, *_ in FILTERS) if name in chosen},
        "archived": query.archived,
        "duplicates": duplicates,
        "filtered": bool(chosen.keys() - {"sort"}),
        "more": urlencode({**chosen, "cursor": page.next_cursor}) if page.next_cursor else "",
    }
    return await visit.page("contacts.html", values)


async def _tags(visit: Visit) -> tuple[Tag, ...]:
    """Those to choose from. They stand above what is fetched while somebody types, chooses or turns pages."""
    found = None if visit.is_partial else await visit.request_if_up(ListTags(user_id=visit.user_id))
    return found.items if found else ()


async def _duplicates(visit: Visit, query: SearchContacts) -> str:
    """How many pairs wait for a decision. While somebody types or turns pages, only the list is looked at."""
    return "" if query.q or query.cursor or visit.is_partial else await count_text(visit)


def people_lines(visit: Visit, people: tuple[ContactSummary, ...]) -> list[Person]:
    """As lists of people show them."""
    return [Person(person, going_cold_text(person, visit.now, visit.zone)) for person in people]


def _chosen(parameters: Mapping[str, str]) -> dict[str, str]:
    """What narrows and orders the list, as far as it is known; nothing else of the address."""
    chosen = {
        "q": query_text(parameters, "q", MAX_QUERY),
        "sort": next((name for name, _ in SORTS if name == parameters.get("sort")), ""),
        "tag": parameters.get("tag", "").replace("\0", "")[:MAX_TAG],
        **{name: value for name, value, _ in FILTERS if parameters.get(name) == value},
    }
    return {name: value for name, value in chosen.items() if value}


def _search(visit: Visit, chosen: Mapping[str, str]) -> SearchContacts:
    return SearchContacts(
        user_id=visit.user_id,
        q=chosen.get("q", ""),
        sort=cast(ContactOrder, chosen.get("sort", "recent")),
        tag=chosen.get("tag"),
        relationship=LABELS.get(chosen.get("relationship", "")),
        archived="archived" in chosen,
        upcoming="upcoming" in chosen,
        going_cold="going_cold" in chosen,
        cursor=visit.http_request.query.get("cursor") or None,
        limit=PAGE_LENGTH,
    )


def _link(chosen: Mapping[str, str], name: str, value: str, text: str) -> FilterLink:
    is_chosen = chosen.get(name) == value
    kept = {other: choice for other, choice in chosen.items() if other != name}
    parameters = urlencode(kept if is_chosen else {**kept, name: value})
    return FilterLink(text, f"/contacts?{parameters}" if parameters else "/contacts", is_chosen)


def _offered(tags: tuple[Tag, ...], chosen: str) -> tuple[Tag, ...]:
    """The tags to choose from, the chosen one among them."""
    return tags if not chosen or any(tag.name == chosen for tag in tags) else (Tag(name=chosen, contacts=0), *tags)


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
