"""What lies in the tables of `contacts` of one user, and the same events for another one: to see whose rows an operation touches."""

from collections.abc import Sequence
from typing import Any

from libs.common.events import Event, MeetingIngested
from libs.common.ids import AccountId, UserId
from tests.support.contacts_world import SPACE, USER, World, account_id

OTHER = UserId(SPACE)
OTHERS_ACCOUNTS = {account_id(number): account_id(100 + number) for number in range(1, 10)}
"""The other user's account beside each of the first one's"""

_OF_USER = {
    "users": "id = $1",
    "accounts": "user_id = $1",
    "own_addresses": "user_id = $1",
    "contacts": "user_id = $1",
    "addresses": "user_id = $1",
    "interactions": "user_id = $1",
    "participants": "interaction_id IN (SELECT id FROM interactions WHERE user_id = $1)",
    "sightings": "user_id = $1",
    "cards": "user_id = $1",
    "rechecks": "user_id = $1",
    "groups_due": "user_id = $1",
    "bcc_offers": "user_id = $1",
    "merges": "user_id = $1",
    "interaction_counts": "user_id = $1",
    "duplicate_keys": "user_id = $1",
    "duplicate_suggestions": "user_id = $1",
    "distinct_contacts": "user_id = $1",
    "address_names": "user_id = $1",
    "identity_evidence": "user_id = $1",
    "profiles": "address_id IN (SELECT id FROM addresses WHERE user_id = $1)",
}


async def rows_of(world: World, user_id: UserId = USER) -> dict[str, Sequence[Any]]:
    """Every row of the user, by table."""
    return {
        table: await world.pool.fetch(f"SELECT to_jsonb(t) AS row FROM {table} t WHERE {which} ORDER BY 1", user_id)
        for table, which in _OF_USER.items()
    }


def of_the_other(event: Event) -> Any:
    """The same event about the other user, of whose mailbox and calendar all ids are those of the first one's."""
    if isinstance(event, MeetingIngested):
        meeting = event.meeting
        changes = {"user_id": OTHER, "account_id": _others(meeting.account_id)}
        return event.model_copy(update={"meeting": meeting.model_copy(update=changes)})
    accounts = {"account_id": _others(event.account_id)} if hasattr(event, "account_id") else {}
    return event.model_copy(update={"user_id": OTHER, **accounts})


def _others(account: AccountId) -> AccountId:
    return OTHERS_ACCOUNTS[account]
