"""Interactions as timelines show them, with the people on them and the accounts that saw them."""

from collections.abc import Sequence

from libs.common.db import Connection
from libs.common.ids import AccountId
from libs.common.requests import Interaction, TimelineItem
from services.contacts.store import timelines
from services.contacts.store.timeline_threads import FoldedLine
from services.contacts.store.timelines import ListedPeople, TimelineLine

PEOPLE_SHOWN = 25
NOBODY = ListedPeople()


async def list_interaction_views(
    connection: Connection, lines: Sequence[TimelineLine], people_shown: int = PEOPLE_SHOWN
) -> list[Interaction]:
    """These lines in full, in their order; the first people of each."""
    if not lines:
        return []
    ids = {line.interaction_id for line in lines}
    people = await timelines.list_people(connection, ids, people_shown)
    accounts = await timelines.list_accounts_of(connection, ids)
    return [
        interaction_view(line, people.get(line.interaction_id, NOBODY), accounts.get(line.interaction_id, ()))
        for line in lines
    ]


async def list_timeline_items(connection: Connection, folded: Sequence[FoldedLine]) -> list[TimelineItem]:
    """These lines in full, each with what is folded into it."""
    lines = [line for found in folded for line in (found.line, *found.older)]
    views = {view.id: view for view in await list_interaction_views(connection, lines)}
    return [
        TimelineItem(
            **dict(views[found.line.interaction_id]),
            thread_messages=found.messages,
            older=tuple(views[line.interaction_id] for line in found.older),
        )
        for found in folded
    ]


def interaction_view(line: TimelineLine, people: ListedPeople, accounts: tuple[AccountId, ...]) -> Interaction:
    """A line of a timeline in full."""
    return Interaction(
        id=line.interaction_id,
        platform=line.platform,
        kind=line.kind,
        direction=line.direction,
        occurred_at=line.occurred_at,
        title=line.title,
        text=line.text,
        thread=line.thread or None,
        account_ids=accounts,
        people=people.first,
        people_total=people.total,
        automated=line.automated,
        bcc_logged=line.bcc_logged and line.direction == "outbound",
        ends_at=line.ends_at,
    )
