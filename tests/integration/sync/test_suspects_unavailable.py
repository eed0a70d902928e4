"""Messages that an audit looks at again, and that Gmail gives an error for: is it Gmail that is away, or is it they alone?"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from libs.common.errors import Outage, Throttled
from libs.common.events import MessageRemoved
from libs.common.google.errors import Gone
from libs.common.resources.gmail import FetchItem
from services.sync.domain.ledger import Suspect
from services.sync.mail.audit import _settle
from services.sync.runs.run import Run
from services.sync.store import accounts
from services.sync.store.audits import Audit
from services.sync.store.leases import RunLease
from tests.support.database import Database
from tests.support.sync_parts import NoGoogle, Parts, add, add_run, insert, sync_parts
from tests.support.sync_tables import NOW

AWAY = Outage("Google answered 503.")


@pytest_asyncio.fixture
async def parts(emptied_database: Database) -> AsyncIterator[Parts]:
    async with sync_parts(emptied_database) as made:
        yield made


class Mailbox(NoGoogle):
    """Gmail with a result for each message; `requested`: their ids, request by request."""

    def __init__(self, results: dict[str, Any]) -> None:
        super().__init__()
        self.results = results
        self.requested: list[list[str]] = []
        self.gmail = self

    def at(self, _: str) -> "Mailbox":
        return self

    async def batch_get(self, items: Sequence[FetchItem]) -> list[Any]:
        self.requested.append([item.id for item in items])
        return [self.results[item.id] for item in items]


async def audited(parts: Parts, google: Mailbox) -> tuple[Run, Audit]:
    """A run of mail amid an audit; its mailbox has recorded the messages m1, m2, m3."""
    account_id = await add(parts)
    run_id = await add_run(parts, account_id, state="running", fence=3)
    for number in (1, 2, 3):
        row = {
            "gmail_id": f"m{number}",
            "thread_id": f"t{number}",
            "state": "recorded",
            "revision": 5,
            "position": number,
        }
        await insert(parts, "messages", account_id=account_id, **row)
    await insert(parts, "audits", account_id=account_id, audit_id=run_id, due_at=NOW, began_at=NOW)
    [row] = await parts.fetch("SELECT * FROM runs")
    lease = RunLease(**{name: row[name] for name in RunLease.__slots__})
    async with parts.context.db.acquire() as connection:
        account = await accounts.get_account(connection, account_id)
    assert account is not None
    return Run(parts.engine, lease, account, cast(Any, google)), Audit(run_id, NOW, NOW, 0, 9, None, 1)


SUSPECTS = [Suspect("m1", 5), Suspect("m2", 5)]
GIVEN = (SimpleNamespace(),)


async def test_a_message_for_which_alone_gmail_gives_an_error_stays_and_the_others_are_settled(parts: Parts) -> None:
    google = Mailbox({"m1": AWAY, "m2": Gone("It is gone."), "m3": GIVEN})
    run, audit = await audited(parts, google)
    with capture_logs() as logs:
        await _settle(run, audit, SUSPECTS)
    assert google.requested == [["m1", "m2"], ["m3"]], "one that was given out before is looked at for comparison"
    rows = await parts.fetch("SELECT gmail_id, state FROM messages ORDER BY gmail_id")
    assert [row["state"] for row in rows] == ["recorded", "gone", "recorded"]
    assert [event.gmail_id for event in parts.bus.published if isinstance(event, MessageRemoved)] == ["m2"]
    assert [(line["event"], line["count"]) for line in logs if line["log_level"] == "warning"] == [
        ("suspects_unavailable", 1)
    ]


async def test_a_gmail_that_gives_errors_for_the_newest_messages_is_judged_by_another(parts: Parts) -> None:
    google = Mailbox({"m3": AWAY, "m2": GIVEN})
    run, audit = await audited(parts, google)
    await _settle(run, audit, [Suspect("m3", 5)])
    assert google.requested == [["m3"], ["m2"]]


@pytest.mark.parametrize(
    ("first", "comparison", "compares"),
    [
        (AWAY, AWAY, True),  # Gmail gives out nothing
        (Throttled("Slower."), GIVEN, False),  # it demands a pause, which no other message is needed to know
    ],
)
async def test_where_gmail_is_away_the_audit_pauses_and_settles_nothing(
    parts: Parts, first: Outage, comparison: Any, compares: bool
) -> None:
    google = Mailbox({"m1": AWAY, "m2": first, "m3": comparison})
    run, audit = await audited(parts, google)
    with pytest.raises(type(first)) as raised:
        await _settle(run, audit, SUSPECTS)
    assert raised.value is (first if isinstance(first, Throttled) else AWAY)
    assert google.requested == [["m1", "m2"]] + ([["m3"]] if compares else [])
    assert {row["state"] for row in await parts.fetch("SELECT state FROM messages")} == {"recorded"}


async def test_a_gmail_that_gives_all_of_them_is_asked_for_nothing_more(parts: Parts) -> None:
    google = Mailbox({"m1": Gone("It is gone."), "m2": Gone("It is gone."), "m3": AWAY})
    run, audit = await audited(parts, google)
    await _settle(run, replace(audit, history_id=0), SUSPECTS)
    assert google.requested == [["m1", "m2"]]
    revisions = await parts.fetch("SELECT revision FROM messages WHERE state = 'gone'")
    assert [row["revision"] for row in revisions] == [6, 6]
