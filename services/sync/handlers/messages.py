"""The questions that sync answers, from its own tables."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.errors import Refused, not_found
from libs.common.events import Meeting
from libs.common.ids import AccountId, UserId
from libs.common.pagination import decode_page_token, encode_page_token
from libs.common.requests import (
    Audit,
    AuditAccount,
    AuditResult,
    Done,
    ExplainMessage,
    GetMeeting,
    GetSyncStatus,
    ListMeetings,
    ListRuns,
    Meetings,
    Retried,
    RetryMessages,
    Runs,
    StartAudit,
    Why,
)
from services.sync.domain import why
from services.sync.domain.audit import Count, summary
from services.sync.handlers.audits import audit_now
from services.sync.mail.why import explain
from services.sync.runs.run import Sync
from services.sync.store import accounts, audits, ledger, meetings, messages, runs
from services.sync.store.accounts import Account
from services.sync.store.runs import RunRequest

MAX_PAGE = 500


async def show_runs(sync: Sync, query: ListRuns) -> Runs:
    position = decode_page_token(query.cursor, UUID)
    limit = min(max(query.limit, 1), MAX_PAGE)
    async with sync.db.acquire() as connection:
        found = await runs.list_runs(
            connection, query.user_id, query.account_id, position[0] if position else None, limit + 1
        )
    items = tuple(found[:limit])
    return Runs(items=items, next_cursor=encode_page_token(items[-1].id) if len(found) > limit else None)


async def show_status(sync: Sync, query: GetSyncStatus) -> Runs:
    async with sync.db.acquire() as connection:
        return Runs(items=tuple(await runs.list_latest(connection, query.user_id)))


async def show_meetings(sync: Sync, query: ListMeetings) -> Meetings:
    limit = min(max(query.limit, 1), MAX_PAGE)
    async with sync.db.acquire() as connection:
        found = await meetings.list_meetings(
            connection, query.user_id, query.start, query.end, query.account_id,
            decode_page_token(query.cursor, datetime, UUID), limit + 1,
        )  # fmt: skip
    items = tuple(found[:limit])
    last = items[-1] if len(found) > limit else None
    return Meetings(
        items=items, next_cursor=encode_page_token(last.starts_at.isoformat(), last.meeting_id) if last else None
    )


async def show_meeting(sync: Sync, query: GetMeeting) -> Meeting:
    async with sync.db.acquire() as connection:
        found = await meetings.get_meeting(connection, query.user_id, query.meeting_id)
    if found is None:
        raise not_found("meeting")
    return found


async def explain_message(sync: Sync, query: ExplainMessage) -> Why:
    return await explain(sync, await _account(sync, query.user_id, query.account_id), query)


async def retry_messages(sync: Sync, command: RetryMessages) -> Retried:
    account = await _account(sync, command.user_id, command.account_id)
    async with sync.db.acquire() as connection, connection.transaction():
        gmail_id = await _set_aside(connection, account, command.message_id) if command.message_id else None
        number = await messages.retry(connection, account.account_id, gmail_id)
        if number:
            await runs.insert_requests(connection, [RunRequest(account.account_id, "mail", "repair")])
    sync.wake.set()
    return Retried(messages=number)


async def _set_aside(connection: Connection, account: Account, message_id: str) -> str:
    """The Gmail id of a message that was set aside. Refused: `not_found`, `not_set_aside`."""
    rows = await messages.list_by_id(connection, account.account_id, message_id, why.bare(message_id), MAX_PAGE)
    if not rows:
        raise not_found("message")
    for row in rows:
        if row["state"] == "set_aside":
            return str(row["gmail_id"])
    row = rows[why.choose([one["state"] for one in rows])]
    sentence = why.explanation(row["state"], row["rule"], row["reason"], account.gmail.mail_lookback_days)
    raise Refused(409, "not_set_aside", f"Only messages that were set aside can be tried again. {sentence}")


async def start_audit(sync: Sync, command: StartAudit) -> Done:
    account = await _account(sync, command.user_id, command.account_id)
    await audit_now(sync, account.account_id)
    return Done()


async def audit(sync: Sync, query: AuditAccount) -> Audit:
    await _account(sync, query.user_id, query.account_id)
    async with sync.db.acquire() as connection:
        counted = await ledger.count_by_state(connection, query.account_id)
        last = await audits.get_last(connection, query.account_id)
        under_way = await audits.is_under_way(connection, query.account_id)
    by_state: Counter[str] = Counter()
    by_rule: Counter[str] = Counter()
    for state, rule, number in counted:
        by_state[state] += number
        if state in ("filtered", "set_aside"):
            by_rule[rule or state] += number
    listed = by_state.total()
    return Audit(
        account_id=query.account_id,
        summary=_summary(last, under_way),
        last=last,
        under_way=under_way,
        listed=listed,
        by_state=dict(by_state),
        by_rule=dict(by_rule),
        complete=1 - by_state["pending"] / listed if listed else 1.0,
    )


def _summary(last: AuditResult | None, under_way: bool) -> str:
    if last is None:
        return (
            "The first audit is under way."
            if under_way
            else "This mailbox was not audited yet; that is done once a day."
        )
    count = Count(last.listed, last.recorded, last.filtered, last.set_aside, last.pending, last.unhealed)
    return summary(count, last.healed_added, last.healed_removed)


async def _account(sync: Sync, user_id: UserId, account_id: AccountId) -> Account:
    async with sync.db.acquire() as connection:
        account = await accounts.get_account(connection, account_id)
    if account is None or account.user_id != user_id:
        raise not_found("account")
    return account
