"""What happens to accounts and settings, as `auth` publishes it."""

from datetime import UTC, datetime

from libs.common import outbox
from libs.common.db import retry_conflicts
from libs.common.errors import Refused
from libs.common.events import (
    KINDS,
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    Kind,
    SettingsChanged,
    UserDeleted,
)
from libs.common.preferences import GmailPreferences
from libs.common.requests import GetSettings
from services.sync.context import Context
from services.sync.domain.cursors import MailCursor
from services.sync.domain.mail import since
from services.sync.domain.runs import RunRequest
from services.sync.store import accounts, channels, ledger, runs

_DISCONNECTED = "disconnected", "The account was disconnected."


async def connect(context: Context, event: AccountConnected) -> None:
    """Everything that the account permits is read, now or from where it stood."""
    try:
        settings = await context.bus.request(GetSettings(user_id=event.user_id))
        version, gmail = settings.version, settings.preferences.gmail
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        version, gmail = 0, GmailPreferences()  # the user was deleted meanwhile, or has never set anything
    async with context.queue.transaction(context.db) as connection:
        await accounts.lock_user(connection, event.user_id)
        if await accounts.is_forgotten(connection, event.user_id, event.account_id):
            return
        await accounts.upsert_preferences(connection, event.user_id, version, gmail)
        if await accounts.upsert_account(connection, event):
            await context.queue.enqueue(connection, [RunRequest(event.account_id, kind, "connected") for kind in KINDS])


async def stop_until_reauthorized(context: Context, event: AccountReauthRequired) -> None:
    """Nothing can be read until the user lets us in again."""
    await _stop(context, event)
    await outbox.relay(context.db, context.bus)


@retry_conflicts
async def _stop(context: Context, event: AccountReauthRequired) -> None:
    async with context.db.acquire() as connection, connection.transaction():
        if await accounts.require_reauth(connection, event):
            cancelled = await runs.cancel_runs(connection, [event.account_id], "reauth_required", event.reason)
            await outbox.add(connection, *(run.event(event.address) for run in cancelled))


@retry_conflicts
async def disconnect(context: Context, event: AccountDisconnected) -> None:
    """Stop at once: a run that is under way loses its lease. A purge is final, in whatever order it comes: the id never comes back."""
    async with context.db.acquire() as connection, connection.transaction():
        await accounts.lock_user(connection, event.user_id)
        if await accounts.is_forgotten(connection, event.user_id, event.account_id):
            return
        applied = await accounts.disconnect_account(connection, event)
        if not applied and not event.purge:
            return
        await runs.cancel_runs(connection, [event.account_id], *_DISCONNECTED)
        await channels.delete_of_account(
            connection, event.account_id
        )  # with the grant Google ends them, sooner or later
        if event.purge:
            await accounts.delete_account(connection, event.account_id)


@retry_conflicts
async def forget_user(context: Context, event: UserDeleted) -> None:
    """Everything of the user goes, and never comes back."""
    async with context.db.acquire() as connection, connection.transaction():
        await accounts.lock_user(connection, event.user_id)
        await runs.cancel_runs(connection, await accounts.lock_accounts_of(connection, event.user_id), *_DISCONNECTED)
        await accounts.delete_user(connection, event.user_id)


async def change_settings(context: Context, event: SettingsChanged) -> None:
    """A longer lookback lists the older mail, and takes back what a shorter one kept out; other calendars are read or forgotten."""
    before, after = event.before.gmail, event.after.gmail
    kinds: list[Kind] = []
    longer = not MailCursor(0, before.mail_lookback_days).reaches(after.mail_lookback_days)
    if longer:
        kinds.append("mail")
    if set(before.calendar_ids) != set(after.calendar_ids):
        kinds.append("calendar")
    async with context.queue.transaction(context.db) as connection:
        await accounts.lock_user(connection, event.user_id)
        if await accounts.is_forgotten(connection, event.user_id):
            return
        if not await accounts.upsert_preferences(connection, event.user_id, event.version, after):
            return
        account_ids = await accounts.list_account_ids(connection, event.user_id)
        wanted = [RunRequest(account_id, kind, "settings") for account_id in account_ids for kind in kinds]
        await context.queue.enqueue(connection, wanted)
        if longer:
            earliest = since(datetime.now(UTC), after.mail_lookback_days)
            await ledger.reopen_within(connection, account_ids, earliest)
