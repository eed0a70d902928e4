"""The timeline on a person's page: what is ahead, and the past page by page, filtered, searched, and kept fresh where one reads."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from libs.common.ids import ContactId
from libs.common.requests import Direction, GetTimeline, Interaction, TimelineItem
from services.gateway.domain.timeline_view import (
    Month,
    conversation_key,
    months,
    months_of_conversation,
    platform_name,
)
from services.gateway.pages.visit import Visit, query_text

PAGE_LENGTH = 40
OPENED_LENGTH = 60
"""So many messages of a conversation are shown where it is opened; a longer one is a page of its own."""
FRESH_LENGTH = 200
"""Of what is fetched anew: as far down as the first page reached, whatever came in above."""
UPCOMING_SHOWN = 5
MAX_QUERY = 200
MAX_THREAD, MAX_PLATFORM = 500, 32
MAX_OPEN = 20
"""So many conversations that are open stay so where the timeline is fetched anew."""
DIRECTIONS: dict[str, Direction] = {"they": "inbound", "you": "outbound"}
PLATFORMS = {"mail": "email", "meetings": "calendar", "notes": "note"}
CHOICES: Mapping[str, Collection[str]] = {"side": DIRECTIONS}


NO_TIMELINE: Mapping[str, object] = {
    "upcoming": (), "upcoming_more": 0, "months": (), "continued": False, "chosen": {}, "conversations": "", "most_open": OPENED_LENGTH,
    "sides": (), "older_page": False, "fresh": "", "more": "",
}  # fmt: skip
"""What the template shows where none is wanted."""


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
    if "thread" in chosen:
        shown = months_of_conversation(past.items, visit.zone)
    else:
        shown = months(past.items, visit.zone, await _opened(visit, contact_id, past.items))
    return {
        "upcoming": upcoming[:UPCOMING_SHOWN],
        "upcoming_more": max(0, len(upcoming) - UPCOMING_SHOWN),
        "months": shown,
        "continued": _continued(visit, shown),
        "chosen": chosen,
        "conversations": f"/contacts/{contact_id}?{urlencode(chosen)}{'&' if chosen else ''}",
        "most_open": OPENED_LENGTH,
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
        platform=PLATFORMS.get(chosen.get("show", "")) or chosen.get("show") or chosen.get("on"),
        direction=DIRECTIONS.get(parameters.get("side", "")),
        q=query_text(parameters, "q", MAX_QUERY),
        when="past",
        group="thread" not in chosen,
        thread=chosen.get("thread"),
        cursor=None if fresh else parameters.get("cursor") or None,
        down_to=parameters.get("down_to") or None,
        limit=FRESH_LENGTH if fresh else OPENED_LENGTH if "thread" in chosen else PAGE_LENGTH,
    )


async def _opened(
    visit: Visit, contact_id: ContactId, items: Sequence[TimelineItem]
) -> dict[str, tuple[Interaction, ...]]:
    """What is behind the newest messages of the conversations that are `open` on the screen, by their keys."""
    keys = set(visit.http_request.query.getall("open", ()))
    found = [item for item in items if item.thread_messages > 1 and conversation_key(item) in keys][:MAX_OPEN]
    whole = {"group": False, "cursor": None, "down_to": None, "limit": OPENED_LENGTH}
    pages = await asyncio.gather(
        *(
            visit.request(
                _past(visit, contact_id).model_copy(update={**whole, "platform": item.platform, "thread": item.thread})
            )
            for item in found
        )
    )
    return {
        conversation_key(item): tuple(line for line in page.items if line.id != item.id)
        for item, page in zip(found, pages, strict=True)
    }


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
        "show": query_text(parameters, "show", MAX_PLATFORM),
        "side": parameters.get("side", ""),
        "q": query_text(parameters, "q", MAX_QUERY),
        "thread": query_text(parameters, "thread", MAX_THREAD),
        "on": query_text(parameters, "on", MAX_PLATFORM) if "thread" in parameters else "",
    }
    return {name: value for name, value in found.items() if value and value in CHOICES.get(name, (value,))}


def platform_choices(visit: Visit, platforms: Sequence[str]) -> list[Choice]:
    """What to show of a timeline: mail, meetings, notes, and what came by other `platforms`, under their own names."""
    chosen = _chosen(visit)
    others = [platform for platform in (*platforms, chosen.get("show", "")) if platform not in PLATFORMS.values()]
    texts = {"": "all", **{name: name for name in PLATFORMS}}
    for platform in others:
        texts.setdefault(platform, platform_name(platform))
    return _choices(chosen, "show", texts)


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
    return bool(shown and visit.is_partial and parameters.get("month") == shown[0].key)
