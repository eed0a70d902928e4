"""The run of a mailbox: its ledger is brought up to date, from wherever the last run got to."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime

from libs.common.errors import Outage
from libs.common.events import AccountIdentified
from libs.common.fault_points import reached
from libs.common.google.errors import Forbidden, HistoryExpired, NotReady, Rejected
from libs.common.log import get_logger
from services.sync.domain.cursors import MailCursor
from services.sync.mail.audit import audit_if_due
from services.sync.mail.history import follow
from services.sync.mail.listing import begin, begin_reconciliation, list_and_fetch, list_to_compare, widen
from services.sync.mail.watch import keep_watch
from services.sync.runs.run import Run
from services.sync.store import accounts, cursors


async def sync_mail(run: Run) -> None:
    """Bring the ledger of one mailbox up to date, and audit it where that is due."""
    arriving = run.engine.semaphore.arriving(run.lease.run_id) if run.lease.first else nullcontext()
    with run.engine.share.taken(), arriving:
        await _bring_up_to_date(run)


async def _bring_up_to_date(run: Run) -> None:
    lookback = run.account.gmail.mail_lookback_days
    # Google may be far away: the aliases and where the listing begins are requested side by side.
    beginning = asyncio.create_task(_cursor(run, lookback))
    try:
        if run.account.aliases_due:
            await identify(run)
        await keep_watch(run)
        cursor = await beginning
    finally:
        beginning.cancel()
        await asyncio.gather(beginning, return_exceptions=True)
    if not cursor.reaches(lookback):
        cursor = await widen(run, cursor, lookback)
    try:
        await _catch_up(run, cursor)
    except HistoryExpired:
        try:
            await _catch_up(run, await begin_reconciliation(run, cursor, lookback))
        except HistoryExpired as error:
            raise Outage("Gmail forgets its history as fast as it is read.") from error
    await audit_if_due(run)


async def _cursor(run: Run, lookback: int) -> MailCursor:
    """Where the last run got to, or the beginning."""
    async with run.db.acquire() as connection:
        token = await cursors.get_cursor(connection, run.lease.account_id, "mail")
    return MailCursor.from_json(token) if token else await begin(run, lookback)


async def _catch_up(run: Run, cursor: MailCursor) -> None:
    """Finish a listing that is under way, follow the history from there, and fetch what is pending."""
    if cursor.listing:
        read = list_to_compare if cursor.listing.sweep else list_and_fetch
        cursor = await read(run, cursor, cursor.listing)
    await follow(run, cursor)


async def identify(run: Run) -> None:
    """Learn the aliases of the account, and publish all its addresses before they are relied on."""
    try:
        found = await run.gmail().send_as()
    except (Forbidden, NotReady, Rejected) as error:
        # Some administrators hide them: mail goes on with those that are known. Published as gone, they would be strangers.
        get_logger().warning("aliases_unknown", code=error.code)
        found = run.account.aliases
    aliases = [address for address in found if address.lower() != run.account.address.lower()]
    async with run.writing_account() as connection:
        revision = await accounts.next_identification(connection, run.lease.account_id)
    await reached("sync.identify.counted")
    await run.engine.bus.publish(
        AccountIdentified(
            user_id=run.lease.user_id,
            account_id=run.lease.account_id,
            addresses=tuple(dict.fromkeys((run.account.address, *aliases))),
            revision=revision,
            at=datetime.now(UTC),
        )
    )
    await reached("sync.identify.published")
    async with run.writing_account() as connection:
        await accounts.set_aliases(connection, run.lease.account_id, aliases)
        renewed = await accounts.get_account(connection, run.lease.account_id)
    run.account = renewed or run.account
