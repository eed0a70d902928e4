"""Interactions as timelines show them, with the people on them and the accounts that saw them."""

from collections.abc import Sequence

from libs.common.db import Connection
from libs.common.events import Person
from libs.common.ids import AccountId
from libs.common.requests import Interaction
from services.contacts.store import timelines
from services.contacts.store.timelines import TimelineLine


async def list_interaction_views(connection: Connection, lines: Sequence[TimelineLine]) -> list[Interaction]:
    """These lines in full, in their order."""
    ids = {line.interaction_id for line in lines}
    people = await timelines.list_people(connection, ids)
    accounts = await timelines.list_accounts_of(connection, ids)
    return [
        interaction_view(line, people.get(line.interaction_id, ()), accounts.get(line.interaction_id, ()))
        for line in lines
    ]


def interaction_view(line: TimelineLine, people: tuple[Person, ...], accounts: tuple[AccountId, ...]) -> Interaction:
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
        people=people,
        automated=line.automated,
        bcc_logged=line.bcc_logged and line.direction == "outbound",
        ends_at=line.ends_at,
    )
