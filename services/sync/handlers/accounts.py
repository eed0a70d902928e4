"""What sync hears. Handlers store news and queue runs; the runner does what takes time."""

from datetime import UTC, datetime, timedelta

from libs.common import outbox
from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    CalendarDue,
    ContactsDue,
    Kind,
    MailDue,
    PrepDue,
    Reason,
    SettingsChanged,
    SyncRequested,
    UserDeleted,
    WatchDue,
)
from libs.common.preferences import GmailPreferences
from libs.common.requests import GetSettings
from libs.common.scopes import FEATURES, NEEDED_BY_KIND
from services.sync.domain.cursors import MailCursor
from services.sync.domain.mail import since
from services.sync.runs.run import Sync
from services.sync.runs.worker import failed
from services.sync.store import accounts, freshness, ledger, runs
from services.sync.store.accounts import Account
from services.sync.store.runs import RunRequest

SPREAD_SECONDS = 240
KINDS: tuple[Kind, ...] = ("mail", "contacts", "calendar")


async def connect(sync: Sync, event: AccountConnected) -> None:
    """Everything that the account permits is read, now or from where it stood."""
    try:
        settings = await sync.bus.request(GetSettings(user_id=event.user_id))
        version, gmail = settings.version, settings.preferences.gmail
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        version, gmail = 0, GmailPreferences()  # the user was deleted meanwhile, or has never set anything
    async with sync.db.acquire() as connection, connection.transaction():
        await accounts.lock_user(connection, event.user_id)
        if await accounts.is_forgotten(connection, event.user_id, event.account_id):
            return
        await accounts.upsert_preferences(connection, event.user_id, version, gmail)
        if not await accounts.upsert_account(
            connection, event.account_id, event.user_id, event.address, event.scopes, event.at
        ):
            return
        await runs.insert_requests(connection, [RunRequest(event.account_id, kind, "connected") for kind in KINDS])
    sync.wake.set()


async def stop_until_reauthorized(sync: Sync, event: AccountReauthRequired) -> None:
    """Nothing can be read until the user lets us in again."""
    async with sync.db.acquire() as connection, connection.transaction():
        if await accounts.set_state(connection, event.account_id, "reauth_required", event.at):
            called_off = await runs.call_off(connection, event.account_id, "reauth_required", event.reason)
            await outbox.add(connection, *(failed(row, event.address) for row in called_off))
    await outbox.relay(sync.db, sync.bus)


async def disconnect(sync: Sync, event: AccountDisconnected) -> None:
    """Stop at once: a run that is under way loses its lease. A purge is final, whatever the clocks say: the id never comes back."""
    async with sync.db.acquire() as connection, connection.transaction():
        await accounts.lock_user(connection, event.user_id)
        is_news = await accounts.disconnect_account(connection, event.account_id, event.user_id, event.at)
        if not is_news and not event.purge:
            return
        await runs.call_off(connection, event.account_id, "disconnected", "The account was disconnected.")
        if event.purge:
            await accounts.delete_account(connection, event.account_id)


async def forget_user(sync: Sync, event: UserDeleted) -> None:
    async with sync.db.acquire() as connection, connection.transaction():
        await accounts.lock_user(connection, event.user_id)
        await accounts.delete_user(connection, event.user_id)


async def change_settings(sync: Sync, event: SettingsChanged) -> None:
    """A longer lookback lists the older mail, and takes back what a shorter one kept out; other calendars are read or forgotten."""
    before, after = event.before.gmail, event.after.gmail
    kinds: list[Kind] = []
    longer = not MailCursor(0, before.mail_lookback_days).reaches(after.mail_lookback_days)
    if longer:
        kinds.append("mail")
    if set(before.calendar_ids) != set(after.calendar_ids):
        kinds.append("calendar")
    async with sync.db.acquire() as connection, connection.transaction():
        await accounts.lock_user(connection, event.user_id)
        if await accounts.is_forgotten(connection, event.user_id):
            return
        if not await accounts.upsert_preferences(connection, event.user_id, event.version, after):
            return
        account_ids = await accounts.list_account_ids(connection, event.user_id)
        if longer:
            earliest = since(datetime.now(UTC), after.mail_lookback_days)
            await ledger.reopen_within(connection, account_ids, earliest)
        await runs.insert_requests(
            connection, [RunRequest(one, kind, "settings") for one in account_ids for kind in kinds]
        )
    sync.wake.set()


async def request_run(sync: Sync, event: SyncRequested) -> None:
    """Queue what was asked for, or say why it can't be done."""
    one = RunRequest(event.account_id, event.kind, event.reason)
    async with sync.db.acquire() as connection, connection.transaction():
        account = await accounts.get_account(connection, event.account_id)
        if account is None:
            if await accounts.is_forgotten(connection, event.user_id, event.account_id):
                return
            raise LookupError("sync.requested came before account.connected")  # tried again in a while
        if account.user_id != event.user_id or account.state == "disconnected":
            return
        if refusal := _refusal(account, event.kind):
            if event.reason == "user":
                await _fail(connection, one, account, *refusal)
        else:
            await runs.insert_requests(connection, [one])
    if event.kind == "mail" and event.reason == "user":  # who asks, expects something
        async with sync.db.acquire() as connection:
            await freshness.note_news(connection, event.account_id, timedelta(seconds=sync.settings.mail_poll_seconds))
    await outbox.relay(sync.db, sync.bus)
    sync.wake.set()


def _refusal(account: Account, kind: Kind) -> tuple[str, str] | None:
    """Why a run can't begin: code and sentence."""
    if account.state == "reauth_required":
        return "reauth_required", "Google asks you to connect this account again before anything can be read."
    scope = NEEDED_BY_KIND[kind]
    if scope not in account.scopes:
        return (
            "missing_scope",
            f"You have not given the permission that is needed for {FEATURES[scope]}. Grant it and sync again.",
        )
    return None


async def _fail(connection: Connection, one: RunRequest, account: Account, code: str, error: str) -> None:
    row = await runs.insert_failed(connection, one, account.user_id, code, error)
    await outbox.add(connection, failed(row, account.address))


# --- the clock ----------------------------------------------------------------------------------------------------------


async def sync_all_mail(sync: Sync, _: MailDue) -> None:
    await _queue_for_all(sync, "mail", "schedule", SPREAD_SECONDS)


async def sync_all_contacts(sync: Sync, _: ContactsDue) -> None:
    await _queue_for_all(sync, "contacts", "schedule", SPREAD_SECONDS)


async def sync_all_calendars(sync: Sync, _: CalendarDue) -> None:
    await _queue_for_all(sync, "calendar", "schedule", SPREAD_SECONDS)


async def look_ahead(sync: Sync, _: PrepDue) -> None:
    """Before each prep scan the calendars are brought up to date, so that a meeting moved just now is right."""
    await _queue_for_all(sync, "calendar", "poll", 0, scan=True)


async def renew(sync: Sync, _: WatchDue) -> None:
    """Once a day the aliases of every account are asked for again and its watch is renewed, with its next run."""
    async with sync.db.acquire() as connection:
        await accounts.make_aliases_due(connection)
        await freshness.make_watches_due(connection)
    await _queue_for_all(sync, "mail", "poll", SPREAD_SECONDS)


async def _queue_for_all(sync: Sync, kind: Kind, reason: Reason, spread_seconds: int, scan: bool = False) -> None:
    """A run for every account, each at its own moment within the spread."""
    async with sync.db.acquire() as connection, connection.transaction():
        found = await runs.list_requestable(connection, kind, spread_seconds)
        await runs.insert_requests(connection, [RunRequest(one, kind, reason, delay, scan) for one, delay in found])
    sync.wake.set()
