"""The timeline on a person's page: what is ahead, and the past page by page, filtered, searched, and kept fresh where one reads."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from libs.common.ids import ContactId
from libs.common.requests import Direction, GetTimeline, Interaction
from services.gateway.domain.timeline_view import Month, months
from services.gateway.pages.visit import Visit, query_text

PAGE_LENGTH = 60
FRESH_LENGTH = 200
"""Of what is fetched anew: as far down as the first page reached, whatever came in above."""
UPCOMING_SHOWN = 5
MAX_QUERY = 200
MAX_THREAD = 500
DIRECTIONS: dict[str, Direction] = {"they": "inbound", "you": "outbound"}
PLATFORMS = {"mail": "email", "meetings": "calendar", "notes": "note"}
CHOICES: Mapping[str, Collection[str]] = {"show": PLATFORMS, "side": DIRECTIONS}


@dataclass(frozen=True)
class Choice:
    """One way to narrow the timeline: its name, the query that leads there, and whether it is the one in force."""

    name: str
    query: str
    chosen: bool


async def timeline_values(visit: Visit, contact_id: ContactId) -> dict[str, object]:
    """What the template shows of the timeline: `upcoming` soonest first, the past newest first."""
    past, ahead = await asyncio.gather(visit.request(_past(visit, contact_id)), _ahead(visit, contact_id))
    chosen = _chosen(visit)
    upcoming = ahead[::-1]
    shown = months(past.items, visit.zone)
    return {
        "upcoming": upcoming[:UPCOMING_SHOWN],
        "upcoming_more": max(0, len(upcoming) - UPCOMING_SHOWN),
        "months": shown,
        "continued": _continued(visit, shown),
        "chosen": chosen,
        "shows": _choices(chosen, "show", {"": "all", **{name: name for name in PLATFORMS}}),
        "sides": _choices(chosen, "side", {"": "both ways", "they": "they wrote", "you": "you wrote"}),
        "older_page": "cursor" in visit.http_request.query,
        "fresh": urlencode({**chosen, "down_to": past.next_cursor or ""}),
        "more": urlencode({**chosen, "cursor": past.next_cursor, "month": shown[-1].key if shown else ""})
        if past.next_cursor
        else "",
    }


def _past(visit: Visit, contact_id: ContactId) -> GetTimeline:
    """A page of what has begun: the first, the one behind `cursor`, or all down to where the first page ended."""
    parameters, chosen = visit.http_request.query, _chosen(visit)
    fresh = "down_to" in parameters
    return GetTimeline(
        user_id=visit.user_id,
        contact_id=contact_id,
        platform=PLATFORMS.get(parameters.get("show", "")),
        direction=DIRECTIONS.get(parameters.get("side", "")),
        q=query_text(parameters, "q", MAX_QUERY),
        when="past",
        group="thread" not in chosen,
        thread=chosen.get("thread"),
        cursor=None if fresh else parameters.get("cursor") or None,
        down_to=parameters.get("down_to") or None,
        limit=FRESH_LENGTH if fresh else PAGE_LENGTH,
    )


async def _ahead(visit: Visit, contact_id: ContactId) -> tuple[Interaction, ...]:
    """What has not begun yet, the farthest first. It stands above the first page alone."""
    if "cursor" in visit.http_request.query:
        return ()
    return (
        await visit.request(GetTimeline(user_id=visit.user_id, contact_id=contact_id, when="ahead", limit=200))
    ).items


def _chosen(visit: Visit) -> dict[str, str]:
    """How the timeline is narrowed, by parameter."""
    parameters = visit.http_request.query
    found = {
        "show": parameters.get("show", ""),
        "side": parameters.get("side", ""),
        "q": query_text(parameters, "q", MAX_QUERY),
        "thread": query_text(parameters, "thread", MAX_THREAD),
    }
    return {name: value for name, value in found.items() if value and value in CHOICES.get(name, (value,))}


def _choices(chosen: Mapping[str, str], name: str, texts: Mapping[str, str]) -> list[Choice]:
    """The ways to choose `name`, everything else as it is."""
    choices = []
    for value, text in texts.items():
        narrowed = {key: kept for key, kept in {**chosen, name: value}.items() if kept}
        choices.append(Choice(text, urlencode(narrowed), chosen.get(name, "") == value))
    return choices


def _continued(visit: Visit, shown: list[Month]) -> bool:
    """Whether what is shown goes on in the month in which the page above it ended, on the same screen."""
    parameters = visit.http_request.query
    return bool(shown and visit.http_request.headers.get("HX-Request") and parameters.get("month") == shown[0].key)
