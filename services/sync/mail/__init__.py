"""Reading a mailbox: list what is not known, fetch what is pending, follow the history.

listing.py   messages.list → pending rows in the ledger; what a complete listing misses is gone
fetching.py  pending rows → message.ingested, or a reason why not
history.py   history.list → pending rows and message.removed; moves the cursor
"""

from datetime import UTC, datetime

from libs.common.errors import Outage
from libs.common.events import AccountIdentified
from libs.common.google.errors import Forbidden, HistoryExpired, NotReady, Rejected
from libs.common.log import get_logger
from services.sync.domain.cursors import MailCursor
from services.sync.job import Job
from services.sync.mail.fetching import fetch_pending
from services.sync.mail.history import follow
from services.sync.mail.listing import begin, begin_reconciliation, list_mailbox, widen
from services.sync.store import accounts, cursors


async def sync_mail(job: Job) -> None:
    """Bring the ledger of one mailbox up to date, from wherever the last run got to."""
    if job.account.aliases_due:
        await identify(job)
    lookback = job.account.gmail.mail_lookback_days
    async with job.sync.db.acquire() as connection:
        token = await cursors.get_cursor(connection, job.claim.account_id, "mail")
    cursor = MailCursor.from_json(token) if token else await begin(job, lookback)
    if not cursor.reaches(lookback):
        cursor = await widen(job, cursor, lookback)
    try:
        await _catch_up(job, cursor)
    except HistoryExpired:
        try:
            await _catch_up(job, await begin_reconciliation(job, cursor, lookback))
        except HistoryExpired as error:
            raise Outage("Gmail forgets its history as fast as it is read.") from error


async def _catch_up(job: Job, cursor: MailCursor) -> None:
    """Finish a listing that is under way, fetch what is pending, and follow the history from there."""
    if cursor.listing:
        cursor = await list_mailbox(job, cursor, cursor.listing)
    await fetch_pending(job)
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
    await job.sync.bus.say(
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
