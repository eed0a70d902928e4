"""Reading a mailbox: list what is not known, fetch what is pending, follow the history.

listing.py   messages.list → pending rows in the ledger; what a complete listing misses is gone
fetching.py  pending rows → message.ingested, or a reason why not
history.py   history.list → pending rows and message.removed; moves the cursor
audit.py     once a day: what Gmail lists, the ledger and contacts are compared, and made the same
"""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime

from libs.common.errors import Outage
from libs.common.events import AccountIdentified
from libs.common.google.errors import Forbidden, HistoryExpired, NotReady, Rejected
from libs.common.log import get_logger
from services.sync.domain.cursors import MailCursor
from services.sync.mail.audit import audit_if_due
from services.sync.mail.history import follow
from services.sync.mail.listing import begin, begin_reconciliation, list_and_fetch, list_to_compare, widen
from services.sync.mail.watch import keep_watch
from services.sync.runs.run import Job
from services.sync.store import accounts, cursors


async def sync_mail(job: Job) -> None:
    """Bring the ledger of one mailbox up to date, from wherever the last run got to."""
    arriving = job.sync.turns.arriving(job.claim.run_id) if job.claim.first else nullcontext()
    with job.sync.share.taken(), arriving:
        await _bring_up_to_date(job)


async def _bring_up_to_date(job: Job) -> None:
    lookback = job.account.gmail.mail_lookback_days
    # Google may be far away: the aliases and where the listing begins are asked for side by side.
    beginning = asyncio.create_task(_cursor(job, lookback))
    try:
        if job.account.aliases_due:
            await identify(job)
        await keep_watch(job)
        cursor = await beginning
    finally:
        beginning.cancel()
        await asyncio.gather(beginning, return_exceptions=True)
    if not cursor.reaches(lookback):
        cursor = await widen(job, cursor, lookback)
    try:
        await _catch_up(job, cursor)
    except HistoryExpired:
        try:
            await _catch_up(job, await begin_reconciliation(job, cursor, lookback))
        except HistoryExpired as error:
            raise Outage("Gmail forgets its history as fast as it is read.") from error
    await audit_if_due(job)


async def _cursor(job: Job, lookback: int) -> MailCursor:
    """Where the last run got to, or the beginning."""
    async with job.db.acquire() as connection:
        token = await cursors.get_cursor(connection, job.claim.account_id, "mail")
    return MailCursor.from_json(token) if token else await begin(job, lookback)


async def _catch_up(job: Job, cursor: MailCursor) -> None:
    """Finish a listing that is under way, follow the history from there, and fetch what is pending."""
    if cursor.listing:
        read = list_to_compare if cursor.listing.sweep else list_and_fetch
        cursor = await read(job, cursor, cursor.listing)
    await follow(job, cursor)


async def identify(job: Job) -> None:
    """Learn the aliases of the account, and tell all its addresses before they are relied on."""
    try:
        found = await job.google.gmail.send_as()
    except (Forbidden, NotReady, Rejected) as error:
        # Some administrators hide them: mail goes on with those that are known. Told as gone, they would be strangers.
        get_logger().warning("aliases_unknown", code=error.code)
        found = job.account.aliases
    aliases = [address for address in found if address.lower() != job.account.address.lower()]
    await job.sync.bus.publish(
        AccountIdentified(
            user_id=job.claim.user_id,
            account_id=job.claim.account_id,
            addresses=tuple(dict.fromkeys((job.account.address, *aliases))),
            at=datetime.now(UTC),
        )
    )
    async with job.writing() as connection:
        await accounts.set_aliases(connection, job.claim.account_id, aliases)
        renewed = await accounts.get_account(connection, job.claim.account_id)
    job.account = renewed or job.account
