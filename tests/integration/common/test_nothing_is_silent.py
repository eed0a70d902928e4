"""What a handler cannot do is in the log, counted, and a dead letter where it is given up; under one trace, with nothing private."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import nats
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from libs.common import outbox
from libs.common.bus import Bus, delivery
from libs.common.db import open_pool
from libs.common.errors import Outage, Refused, Unprocessable
from libs.common.events import MailboxNotified, MessageIngested, PrepSent
from libs.common.log import current_trace, error_text, traced
from libs.common.requests import CountContacts
from libs.local.dead import iterate_dead_letters
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.bus import ACCOUNT, USER, OpenBus, alive, message, settled, stream
from tests.support.meetings import MEETING_ID

PRIVATE = "ann.private@example.com"
TRACE = "0123456789abcdef0123456789abcdef"


def counted(metric: str, subject: str, outcome: str) -> float:
    return REGISTRY.get_sample_value(f"{metric}_total", {"subject": subject, "outcome": outcome}) or 0.0


@dataclass
class Failing:
    """A handler that fails in a given way a number of times, and keeps the trace of each try."""

    error: Exception | None
    times: int
    traces: list[str]

    async def handle(self, _: object) -> None:
        self.traces.append(current_trace())
        if self.error is not None and len(self.traces) <= self.times:
            raise self.error


@dataclass(frozen=True)
class Row:
    """`tries` until it ends; `events` of the log and `outcomes` of the metric on the way."""

    error: Exception | None
    times: int
    events: tuple[str, ...]
    outcomes: Mapping[str, int]
    reason: str = ""


ROWS = {
    "well": Row(None, 0, ("handled",), {"handled": 1}),
    "fails once": Row(ZeroDivisionError(PRIVATE), 1, ("struck", "handled"), {"failed": 1, "handled": 1}),
    "fails for ever": Row(
        asyncpg.DataError(f"invalid input for query argument $2: '{PRIVATE}' (a size)"), 9, ("struck", "struck", "dead_letter"),
        {"failed": 2, "dead_letter": 1}, "DataError: invalid input for query argument $2: ...",
    ),
    "cannot succeed": Row(Unprocessable("It has\r\nno sénder."), 9, ("dead_letter",), {"dead_letter": 1}, "It has no s\\xe9nder."),
    "names an address": Row(
        KeyError(PRIVATE), 9, ("struck", "struck", "dead_letter"), {"failed": 2, "dead_letter": 1}, "KeyError: '...@...'"
    ),
    "outage": Row(Outage("The database is away."), 1, ("postponed", "handled"), {"postponed": 1, "handled": 1}),
}  # fmt: skip


async def test_what_a_handler_cannot_do_is_logged_counted_and_kept(
    bus: OpenBus, nats_server: Nats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "RETRY_DELAYS", (0.02, 0.02))
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 0.02)
    failing: dict[str, Failing] = {name: Failing(row.error, row.times, []) for name, row in ROWS.items()}
    contacts, sync = bus("contacts"), bus("sync")
    contacts.subscribe(MessageIngested, lambda event: failing[event.gmail_id].handle(event))
    async with alive(contacts, sync):
        for name, row in ROWS.items():
            before = {outcome: counted("pingcrm_events", MessageIngested.subject, outcome) for outcome in row.outcomes}
            with capture_logs() as logs:
                with traced(TRACE):
                    await sync.publish(message(name))
                await settled(partial(_last_line_is, logs, row.events[-1]))
            after = {outcome: counted("pingcrm_events", MessageIngested.subject, outcome) for outcome in row.outcomes}
            assert tuple(line["event"] for line in logs) == row.events, name
            assert {outcome: after[outcome] - before[outcome] for outcome in after} == row.outcomes, name
            assert set(failing[name].traces) == {TRACE}, "each try is under the trace of what caused it"
            logged = [str(line.get(field, "")) for line in logs for field in ("error", "reason")]
            assert PRIVATE not in "\n".join(logged), name
    client = await nats.connect(nats_server.admin_url)
    letters = [letter async for letter in iterate_dead_letters(client.jetstream())]
    await client.close()
    assert [(letter.reason, letter.trace) for letter in letters] == [
        (row.reason, TRACE) for row in ROWS.values() if "dead_letter" in row.outcomes
    ]


async def _last_line_is(logs: Sequence[Mapping[str, Any]], event: str) -> bool:
    return bool(logs) and logs[-1]["event"] == event


async def test_a_hint_that_cannot_be_handled_is_logged_and_counted_and_names_no_mailbox(
    bus: OpenBus, nats_server: Nats
) -> None:
    hint = MailboxNotified(address=PRIVATE, history_id=7, notified_at=message("a").occurred_at)
    assert PRIVATE not in hint.key()
    assert hint.key() != hint.model_copy(update={"address": "other@example.com"}).key()
    failing = Failing(Unprocessable("No."), 9, [])
    sync, gateway = bus("sync"), bus("gateway")
    sync.subscribe(MailboxNotified, failing.handle)
    before = counted("pingcrm_events", MailboxNotified.subject, "dropped")
    with capture_logs() as logs:
        async with alive(sync, gateway):
            await gateway.publish(hint)

            async def dropped() -> bool:
                return any(line["event"] == "hint_dropped" for line in logs)

            await settled(dropped)
    assert counted("pingcrm_events", MailboxNotified.subject, "dropped") - before == 1
    assert (await stream(nats_server, "DEAD")).state.messages == 0


async def test_an_event_out_of_the_outbox_keeps_the_trace_of_the_request_that_caused_it(
    bus: OpenBus, service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another process publishes it later, and where its first try fails."""
    monkeypatch.setattr(delivery, "OUTAGE_DELAY_SECONDS", 0.02)
    traces: list[str] = []

    async def fail_once(_: object) -> None:
        traces.append(current_trace())
        if len(traces) == 1:
            raise Outage("away")

    gateway, prep = bus("gateway"), bus("prep")
    gateway.subscribe(PrepSent, fail_once)
    sent = PrepSent(
        user_id=USER,
        account_id=ACCOUNT,
        meeting_id=MEETING_ID,
        title="Lunch",
        starts_at=message("a").occurred_at,
        ai=True,
    )
    pool = await open_pool(service_settings("prep"))
    async with alive(gateway, prep):
        with traced(TRACE):
            async with pool.acquire() as connection:
                await outbox.add(connection, sent)
        with traced("ffffffffffffffffffffffffffffffff"):
            assert await outbox.relay(pool, prep) == 1

        async def twice() -> bool:
            return len(traces) == 2

        await settled(twice)
    await pool.close()
    assert set(traces) == {TRACE}


async def _status(gateway: Bus) -> int | None:
    """Of the refusal of a request, which has nothing private in it; None where it was answered."""
    try:
        await gateway.request(CountContacts(user_id=USER))
    except Refused as refusal:
        return refusal.status if PRIVATE not in str(refusal) else -1
    except Outage as outage:
        return 503 if PRIVATE not in str(outage) else -1
    return None


@pytest.mark.parametrize(
    ("error", "event", "outcome", "status"),
    [
        (None, None, "answered", None),
        (Refused(404, "not_found", "There is no such contact."), None, "not_found", 404),
        (Outage("away"), "answer_unavailable", "outage", 503),
        (ZeroDivisionError(PRIVATE), "answer_failed", "failed", 500),
    ],
    ids=["answered", "refused", "outage", "bug"],
)
async def test_a_request_that_cannot_be_served_is_refused_logged_and_counted(
    error: Exception | None, event: str | None, outcome: str, status: int | None, bus: OpenBus
) -> None:
    async def serve(_: CountContacts) -> Any:
        if error:
            raise error
        return CountContacts.reply(contacts=1, messages=2, meetings=3, imported=4, other=5)

    contacts, gateway = bus("contacts"), bus("gateway")
    contacts.respond(CountContacts, serve)
    before = counted("pingcrm_requests", CountContacts.subject, outcome)
    with capture_logs() as logs:
        async with alive(contacts, gateway):
            answered = await _status(gateway)
    assert answered == status
    assert counted("pingcrm_requests", CountContacts.subject, outcome) - before == 1
    assert event is None or event in [line["event"] for line in logs]


def test_the_text_of_an_error_has_no_value() -> None:
    assert error_text(KeyError(f"no {PRIVATE} here")) == "KeyError: 'no …@… here'"
    assert error_text(asyncpg.DataError(f"invalid input for query argument $1: ['{PRIVATE}', 'a name']")).endswith(
        "$1: …"
    )
    assert error_text(ValueError("first\nsecond: a name")) == "ValueError: first"
    assert error_text(ValueError(f"{UUID(int=1)} is gone")) == f"ValueError: {UUID(int=1)} is gone"
