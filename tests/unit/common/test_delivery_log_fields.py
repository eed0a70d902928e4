"""A batch is handled under the user and the account that all of its events are about, for the log."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from nats.aio.msg import Msg
from structlog.contextvars import get_contextvars

from libs.common.bus.delivery import Delivery
from libs.common.cache import Cache
from libs.common.events import Event, MeetingIngested, MessageRemoved
from libs.common.ids import AccountId, UserId
from tests.support.meetings import ACCOUNT_ID, USER_ID, meeting

OTHER_ACCOUNT = AccountId(UUID("01940000-0000-7000-8000-00000000000f"))


def removed(account_id: AccountId) -> MessageRemoved:
    return MessageRemoved(user_id=UserId(USER_ID), account_id=account_id, gmail_id="m1", revision=1, reason="deleted")


async def fields_while_handling(*events: Event) -> dict[str, Any]:
    """What every log line of the handler would carry."""
    seen: dict[str, Any] = {}

    async def handler(_: Sequence[Event]) -> None:
        seen.update(get_contextvars())

    async def ack() -> None:
        pass

    messages = [
        cast(Msg, SimpleNamespace(data=event.model_dump_json().encode(), headers={}, subject=event.subject, ack=ack))
        for event in events
    ]
    service = events[0].consumed_by[0]
    await Delivery(service, type(events[0]), handler, cast(Cache, None), (), one_by_one=False).deliver(messages)
    return seen


async def test_events_about_a_single_account_are_handled_under_its_name() -> None:
    fields = await fields_while_handling(removed(ACCOUNT_ID), removed(ACCOUNT_ID))
    assert (fields["user"], fields["account"]) == (str(USER_ID), str(ACCOUNT_ID))


async def test_events_about_several_accounts_are_handled_under_the_user_alone() -> None:
    fields = await fields_while_handling(removed(ACCOUNT_ID), removed(OTHER_ACCOUNT))
    assert fields["user"] == str(USER_ID)
    assert "account" not in fields


async def test_meetings_are_handled_under_the_account_that_they_name() -> None:
    fields = await fields_while_handling(MeetingIngested(meeting=meeting()))
    assert (fields["user"], fields["account"]) == (str(USER_ID), str(ACCOUNT_ID))
