"""Polling: which mailboxes are looked at without a notification, and when each is looked at next."""

from datetime import timedelta
from random import uniform

from libs.common.db import retry_conflicts
from libs.common.fault_points import reached
from services.sync.context import Context
from services.sync.domain.freshness import poll_pause
from services.sync.domain.runs import EndedRun, RunRequest
from services.sync.runs.run import Run
from services.sync.store import freshness
from services.sync.store.freshness import Due

POLLS_AT_ONCE = 500


@retry_conflicts
async def poll_due(context: Context, every: timedelta) -> None:
    """Request a look at the history of each mailbox whose poll is due, and write down when the next one is.

    The rows themselves are what keeps two replicas from polling the same mailbox. A crash in between skips one poll.
    """
    due = await _take_due(context, every)
    while due:
        await reached("sync.polls.taken")
        async with context.queue.transaction(context.db) as connection:
            await context.queue.enqueue(connection, [RunRequest(mailbox.account_id, "mail", "poll") for mailbox in due])
        due = await _take_due(context, every) if len(due) == POLLS_AT_ONCE else []


async def _take_due(context: Context, every: timedelta) -> list[Due]:
    async with context.db.acquire() as connection, connection.transaction():
        due = await freshness.list_due(connection, POLLS_AT_ONCE)
        pauses = [
            (mailbox.account_id, poll_pause(every, mailbox.quiet, mailbox.is_pushed) * uniform(0.9, 1.1))
            for mailbox in due
        ]
        await freshness.set_poll(connection, pauses)
    return due


async def poll_at_full_rate(run: Run, ended: EndedRun) -> None:
    """After a run that found something: more may follow. Where a poll found it, notifications have failed."""
    every = timedelta(seconds=run.engine.settings.mail_poll_seconds)
    polled_at = ended.started_at if ended.reason == "poll" else None
    async with run.db.acquire() as connection:
        await freshness.note_activity(connection, ended.account_id, every, polled_at=polled_at)
