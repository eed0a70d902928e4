"""Why a message is (not) here: nobody waits longer for the answer than what else takes part may take."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio

from libs.common.errors import Outage
from libs.common.requests import ContactRef, ContactRefs, ExplainMessage, Why
from libs.common.resources.gmail import read_message
from services.gateway.api.accounts import EXPLAIN_SECONDS
from services.sync.handlers.messages import explain_message
from services.sync.mail import why
from tests.support.database import Database
from tests.support.sync_parts import MAYA, Parts, add, insert, sync_parts
from tests.support.sync_stage import ADDRESS, message

TOKEN = "pcrm" + "a2" * 10


@pytest_asyncio.fixture
async def parts(emptied_database: Database) -> AsyncIterator[Parts]:
    async with sync_parts(emptied_database) as made:
        yield made


class Mailbox:
    """Gmail with one message, or (None) one that never replies."""

    def __init__(self, resource: dict[str, Any] | None) -> None:
        self._resource = resource

    async def get_message(self, _: str) -> Any:
        if self._resource is None:
            await asyncio.Event().wait()
        return read_message(self._resource or {})


async def explain(
    parts: Parts, message_id: str, resource: dict[str, Any] | None = None
) -> tuple[Why, dict[str, float]]:
    """The answer; and how many seconds each reply of another service was waited for."""
    waited: dict[str, float] = {}
    request = parts.bus.request

    async def note(query: Any, *, seconds: float = 10.0) -> Any:
        waited[type(query).__name__] = seconds
        return await request(query)

    parts.bus.request = note  # type: ignore[method-assign]
    account_id = (await parts.fetch("SELECT account_id FROM accounts"))[0]["account_id"]
    google = cast(Any, SimpleNamespace(open=lambda _: SimpleNamespace(gmail=Mailbox(resource))))
    query = ExplainMessage(user_id=MAYA, account_id=account_id, message_id=message_id)
    async with asyncio.timeout(20):  # only to end what hangs
        return await explain_message(parts.context, google, query), waited


async def test_a_gmail_that_never_replies_is_not_waited_for(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(why, "GMAIL_SECONDS", 0.05)
    await add(parts)
    answer, _ = await explain(parts, f"{1:016x}")
    assert (answer.state, answer.asked_gmail) == ("unknown", False)
    assert answer.explanation == "It is not known here. Gmail could not be asked just now; try again in a minute."


@pytest.mark.parametrize("is_away", [False, True])
async def test_whose_timelines_show_it_is_part_of_the_answer_where_contacts_replies_in_time(
    parts: Parts, is_away: bool
) -> None:
    carol = ContactRef(id=MAYA, name="Carol")
    parts.bus.replies = {"GetContactsOfMessage": Outage("away") if is_away else ContactRefs(items=(carol,))}
    account_id = await add(parts)
    row = {"gmail_id": f"{1:016x}", "thread_id": "t", "state": "recorded", "position": 1, "revision": 1}
    await insert(parts, "messages", account_id=account_id, **row)
    answer, waited = await explain(parts, f"{1:016x}")
    assert (answer.state, answer.contacts) == ("recorded", () if is_away else (carol,))
    assert waited == {"GetContactsOfMessage": why.CONTACTS_SECONDS}


@pytest.mark.parametrize("is_away", [False, True])
async def test_a_message_that_may_be_a_brief_is_left_to_the_sync_where_prep_does_not_reply_in_time(
    parts: Parts, is_away: bool
) -> None:
    parts.bus.replies = {"FindBriefTokens": Outage("away") if is_away else SimpleNamespace(tokens=frozenset({TOKEN}))}
    await add(parts)
    mail = message(1, labelIds=["SENT"])
    mail["payload"]["headers"][0]["value"] = ADDRESS
    mail["payload"]["headers"].append({"name": "X-PingCRM-Prep", "value": TOKEN})
    answer, waited = await explain(parts, mail["id"], mail)
    assert (answer.state, answer.rule) == (("pending", "") if is_away else ("filtered", "prep_email"))
    assert waited == {"FindBriefTokens": why.BRIEFS_SECONDS}
    wanted = await parts.fetch("SELECT gmail_id, state FROM messages")
    assert [tuple(row) for row in wanted] == ([(mail["id"], "pending")] if is_away else [])


def test_all_that_is_waited_for_fits_into_the_time_of_the_request() -> None:
    assert why.GMAIL_SECONDS + max(why.BRIEFS_SECONDS, why.CONTACTS_SECONDS) < EXPLAIN_SECONDS
