"""Whatever is done at the same time, nothing is undone: all that writes the tables of `sync` locks them in one order.

Every pair of operations is carried out by ten clients at once, on the same few accounts. Repeating what the server has undone is
switched off here: a deadlock shows as an error. Only who deletes accounts may be in the way of others, and is repeated.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement, count
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio

from libs.common import db
from libs.common.bus import Bus
from libs.common.config import Settings
from libs.common.errors import Outage
from libs.common.events import (
    KINDS,
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    AuditDue,
    Event,
    MailboxNotified,
    MailDue,
    PrepDue,
    SettingsChanged,
    SyncRequested,
    UserDeleted,
    WatchDue,
)
from libs.common.google.api import GoogleAccount
from libs.common.google.session import Usage
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import Preferences
from libs.common.requests import RetryMessages, StartAudit
from libs.common.resources.gmail import MessagePage, MessageRef
from libs.common.scopes import ALL
from libs.common.service import opened
from services.sync.context import Context
from services.sync.domain.audit import AuditCount
from services.sync.domain.capacity import Capacity
from services.sync.domain.ledger import Settled
from services.sync.domain.runs import Progress, RunRequest, Tally
from services.sync.handlers import accounts, audits, messages, requests, runs, schedules
from services.sync.mail import why
from services.sync.mail.polling import poll_due
from services.sync.mail.push import enqueue_notified
from services.sync.runs.batch_writer import Batch, BatchWriter
from services.sync.runs.outcome import conclude
from services.sync.runs.queue import RunQueue
from services.sync.runs.run import Engine, Run
from services.sync.store import accounts as account_store
from services.sync.store import audits as audit_store
from services.sync.store import cursors, leases, ledger
from services.sync.store.leases import LeaseLost, RunLease
from tests.conftest import ServiceSettings
from tests.support.database import Database

CLIENTS, ROUNDS = 10, 2
ACCOUNTS = [AccountId(new_id()) for _ in range(3)]
USER = UserId(new_id())
SCOPES = frozenset(ALL)
REFS = tuple(MessageRef(f"m{number:03}", f"t{number // 3}") for number in range(30))
PAGE = MessagePage(REFS, None)
# What the test changes itself is in nobody's way.
_FREE, _ENDED = (f"SELECT run_id FROM runs WHERE finished_at IS {what}" for what in ("NULL", "NOT NULL"))
_SKIP = "FOR UPDATE SKIP LOCKED"


class _Bus:
    """Nobody is listening."""

    service = "sync"

    async def publish(self, *events: Event) -> None:
        pass

    async def request(self, *_: object, **__: object) -> Any:
        return SimpleNamespace(version=1, preferences=Preferences(), items=())


@dataclass
class Stage:
    """What the operations are handed. `turn` makes each of them different from the last."""

    context: Context
    engine: Engine
    writer: BatchWriter
    _turns: Any = field(default_factory=count)

    @property
    def turn(self) -> int:
        return int(next(self._turns))

    @property
    def account_id(self) -> AccountId:
        return ACCOUNTS[self.turn % len(ACCOUNTS)]

    async def acquire(self, number: int = 1) -> list[RunLease]:
        """Runs, whoever else works on them: they are to meet."""
        async with self.context.db.acquire() as connection:
            await connection.execute(
                f"UPDATE runs SET due_at = now() WHERE run_id IN ({_FREE} AND state <> 'running' {_SKIP})"
            )
            acquired = await leases.acquire(connection, "me", Capacity(number, number, number, number))
            if acquired:
                return acquired
            rows = await connection.fetch(
                "SELECT * FROM runs WHERE state = 'running' ORDER BY random() LIMIT $1", number
            )
        return [RunLease(**{name: row[name] for name in RunLease.__slots__}) for row in rows]

    async def runs(self, number: int = 1) -> list[Run]:
        throttle = SimpleNamespace(waiting=False, units_per_second=0.0)
        google = cast(GoogleAccount, SimpleNamespace(usage=Usage(), throttle=throttle))
        found = []
        for lease in await self.acquire(number):
            async with self.context.db.acquire() as connection:
                account = await account_store.get_account(connection, lease.account_id)
            if account:
                found.append(Run(self.engine, lease, account, google))
        return found


Operation = Callable[[Stage], Awaitable[object]]
OPERATIONS: dict[str, Operation] = {}
DELETING = {"purge", "forget"}
# An account here is deleted and comes back all the time: on a busy machine one and the same insert meets that again and again.
DELETING_TRIES = 30


def operation(work: Operation) -> Operation:
    OPERATIONS[work.__name__] = work
    return work


@operation
async def connect(stage: Stage) -> None:
    event = AccountConnected(
        user_id=USER, account_id=stage.account_id, address="maya@example.com", scopes=SCOPES, again=True,
        at=datetime.now(UTC),
    )  # fmt: skip
    await accounts.connect(stage.context, event)


@operation
async def reauth(stage: Stage) -> None:
    await accounts.stop_until_reauthorized(
        stage.context,
        AccountReauthRequired(
            user_id=USER, account_id=stage.account_id, address="maya@example.com", reason="So.", at=datetime.now(UTC)
        ),
    )
    await connect(stage)


@operation
async def disconnect(stage: Stage) -> None:
    await accounts.disconnect(
        stage.context,
        AccountDisconnected(user_id=USER, account_id=stage.account_id, purge=False, at=datetime.now(UTC)),
    )
    await connect(stage)


async def _guest(stage: Stage, user_id: UserId) -> AccountId:
    """An account that does not live long."""
    account_id = AccountId(new_id())
    async with stage.context.queue.transaction(stage.context.db) as connection:
        event = AccountConnected(
            user_id=user_id,
            account_id=account_id,
            address="guest@example.com",
            scopes=SCOPES,
            again=False,
            at=datetime.now(UTC),
        )
        await account_store.upsert_account(connection, event)
        await stage.context.queue.enqueue(connection, [RunRequest(account_id, kind, "connected") for kind in KINDS])
    return account_id


@operation
async def purge(stage: Stage) -> None:
    account_id = await _guest(stage, USER)
    await accounts.disconnect(
        stage.context, AccountDisconnected(user_id=USER, account_id=account_id, purge=True, at=datetime.now(UTC))
    )


@operation
async def forget(stage: Stage) -> None:
    user_id = UserId(new_id())
    account_id = await _guest(stage, user_id)
    await accounts.forget_user(stage.context, UserDeleted(user_id=user_id, account_ids=(account_id,)))


@operation
async def change_settings(stage: Stage) -> None:
    before, after = Preferences(), Preferences()
    after = after.model_copy(update={"gmail": after.gmail.model_copy(update={"mail_lookback_days": 0})})
    event = SettingsChanged(user_id=USER, version=stage.turn + 2, before=before, after=after)
    await accounts.change_settings(stage.context, event)


@operation
async def request_run(stage: Stage) -> None:
    await requests.request_run(
        stage.context, SyncRequested(user_id=USER, account_id=stage.account_id, kind="mail", reason="user")
    )


@operation
async def start_audit(stage: Stage) -> None:
    await audits.start_audit(stage.context, StartAudit(user_id=USER, account_id=stage.account_id))


@operation
async def audit_all(stage: Stage) -> None:
    await audits.audit_all(stage.context, AuditDue())


@operation
async def request_due_audits(stage: Stage) -> None:
    await stage.context.db.execute("UPDATE audits SET asked_at = NULL WHERE account_id = $1", stage.account_id)
    await audits.request_due_audits(stage.context)


@operation
async def sync_all(stage: Stage) -> None:
    await schedules.sync_all_mail(stage.context, MailDue())
    await schedules.scan_all_calendars(stage.context, PrepDue())


@operation
async def renew_watches(stage: Stage) -> None:
    await schedules.renew_watches(stage.context, WatchDue())


@operation
async def poll(stage: Stage) -> None:
    await stage.context.db.execute("UPDATE accounts SET poll_at = now() WHERE account_id = $1", stage.account_id)
    await poll_due(stage.context, timedelta(seconds=60))


@operation
async def notify(stage: Stage) -> None:
    event = MailboxNotified(address="maya@example.com", history_id=stage.turn + 10**6, notified_at=datetime.now(UTC))
    await enqueue_notified(stage.context.db, stage.context.queue, [event])


@operation
async def retry(stage: Stage) -> None:
    await messages.retry_messages(stage.context, RetryMessages(user_id=USER, account_id=stage.account_id))


@operation
async def find_one_more(stage: Stage) -> None:
    await why._heal(stage.context, stage.account_id, f"m{stage.turn % 40:03}", "t")


@operation
async def renew(stage: Stage) -> None:
    held = await stage.acquire(9)
    async with stage.context.db.acquire() as connection:
        for wait in (False, True):
            await leases.renew(connection, held, wait=wait)


@operation
async def list_and_audit(stage: Stage) -> None:
    for run in await stage.runs():
        if run.lease.kind != "mail":
            continue
        account_id = run.lease.account_id
        async with run.writing() as connection:
            await ledger.add_listed(connection, account_id, REFS, 0, 1)
            await cursors.upsert_cursor(connection, account_id, "mail", {"listing": None, "history_id": 1})
            if audit := await audit_store.get_due(connection, account_id):
                await audit_store.begin(connection, audit, account_id, 0, 1)
                await audit_store.add_page(connection, account_id, audit, PAGE)
                await audit_store.add_missing(connection, account_id, audit, None)
        async with run.step() as step:
            if audit:
                count_of = AuditCount(30, 30, {}, 0, 0, 0)
                await audit_store.end(step.connection, account_id, audit, count_of)
            step.count(Tally(new=1))


@operation
async def settle(stage: Stage) -> None:
    """Several runs write together."""
    states = ("set_aside", "filtered")
    batches = [
        Batch(lease, Progress(Tally(done=30)), [
            Settled(ref.gmail_id, states[number % 2], 0, "lookback", occurred_at=datetime.now(UTC))  # type: ignore[arg-type]
            for number, ref in enumerate(REFS)])
        for lease in await stage.acquire(9) if lease.kind == "mail"
    ]  # fmt: skip
    await asyncio.gather(*(stage.writer.write(batch) for batch in batches))


@operation
async def identify(stage: Stage) -> None:
    for run in await stage.runs():
        async with run.writing_account() as connection:
            await account_store.set_aliases(connection, run.lease.account_id, ["sales@example.com"])


@operation
async def end(stage: Stage) -> None:
    for run in await stage.runs():
        await conclude(run, stage.context.queue, None)


@operation
async def pause(stage: Stage) -> None:
    for run in await stage.runs():
        await conclude(run, stage.context.queue, Outage("Google is away."))


@operation
async def delete_old(stage: Stage) -> None:
    await stage.context.db.execute(
        f"UPDATE runs SET finished_at = now() - interval '1 year' WHERE run_id IN ({_ENDED} {_SKIP})"
    )
    await runs.delete_old(stage.context)


@pytest_asyncio.fixture
async def stage(service_settings: ServiceSettings, database: Database) -> AsyncIterator[Stage]:
    admin = await asyncpg.connect(database.admin_url)
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '30ms'")
    await admin.close()
    settings: Settings = service_settings("sync").model_copy(update={"pool_size": CLIENTS})
    async with opened("sync", settings) as r:
        bus = cast(Bus, _Bus())
        made = Stage(
            Context(settings, r.db, bus, RunQueue()), Engine(settings, r.db, bus, cast(Any, None)), BatchWriter(r.db)
        )
        for _ in ACCOUNTS:
            await connect(made)
        yield made


async def _hammer(stage: Stage, first: Operation, second: Operation) -> list[BaseException]:
    async def client(work: Operation) -> None:
        for _ in range(ROUNDS):
            with suppress(LeaseLost):  # another client has ended the run: that is what leases are for
                await work(stage)

    results = await asyncio.gather(
        *(client(first if number % 2 else second) for number in range(CLIENTS)), return_exceptions=True
    )
    return [result for result in results if isinstance(result, BaseException)]


@pytest.mark.timeout(300)
async def test_nothing_that_is_done_at_the_same_time_is_undone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = []
    for first, second in combinations_with_replacement(OPERATIONS, 2):
        is_repeated = bool({first, second} & DELETING)
        monkeypatch.setattr(db, "CONFLICT_TRIES", DELETING_TRIES if is_repeated else 1)
        errors = await _hammer(stage, OPERATIONS[first], OPERATIONS[second])
        failures += [f"{first} beside {second}: {type(error).__name__}: {error}" for error in errors]
    assert not failures, "\n".join(failures[:40])
    for happened in ("runs WHERE state = 'completed'", "audits WHERE finished_at IS NOT NULL", "messages"):
        assert await stage.context.db.fetchval(f"SELECT count(*) FROM {happened}"), "there was something to meet at"
