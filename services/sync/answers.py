"""The questions that sync answers, from its own tables."""

from collections import Counter
from datetime import datetime
from uuid import UUID

from libs.common.errors import Refused, not_found
from libs.common.events import Meeting
from libs.common.ids import AccountId, UserId
from libs.common.questions import (
    Audit,
    AuditAccount,
    ExplainMessage,
    GetMeeting,
    GetSyncStatus,
    ListMeetings,
    ListRuns,
    Meetings,
    Runs,
    Why,
)
from services.sync.domain.why import explanation
from services.sync.job import Sync
from services.sync.store import accounts, ledger, meetings, runs
from services.sync.store.accounts import Account

MAX_PAGE = 500


async def show_runs(sync: Sync, question: ListRuns) -> Runs:
    limit = min(max(question.limit, 1), MAX_PAGE)
    async with sync.db.acquire() as connection:
        found = await runs.list_runs(
            connection, question.user_id, question.account_id, _uuid(question.cursor), limit + 1
        )
    items = tuple(found[:limit])
    return Runs(items=items, next_cursor=str(items[-1].id) if len(found) > limit else None)


async def show_status(sync: Sync, question: GetSyncStatus) -> Runs:
    async with sync.db.acquire() as connection:
        return Runs(items=tuple(await runs.list_latest(connection, question.user_id)))


async def show_meetings(sync: Sync, question: ListMeetings) -> Meetings:
    limit = min(max(question.limit, 1), MAX_PAGE)
    async with sync.db.acquire() as connection:
        found = await meetings.list_meetings(
            connection, question.user_id, question.start, question.end, question.account_id,
            _place(question.cursor), limit + 1,
        )  # fmt: skip
    items = tuple(found[:limit])
    last = items[-1] if len(found) > limit else None
    return Meetings(items=items, next_cursor=f"{last.starts_at.isoformat()}~{last.meeting_id}" if last else None)


async def show_meeting(sync: Sync, question: GetMeeting) -> Meeting:
    async with sync.db.acquire() as connection:
        found = await meetings.get_meeting(connection, question.user_id, question.meeting_id)
    if found is None:
        raise not_found("meeting")
    return found


async def explain_message(sync: Sync, question: ExplainMessage) -> Why:
    account = await _account(sync, question.user_id, question.account_id)
    async with sync.db.acquire() as connection:
        row = await ledger.find_message(connection, question.account_id, question.message_id)
    if row is None:
        days = account.gmail.mail_lookback_days
        return Why(
            account_id=question.account_id,
            gmail_id=None,
            rfc_message_id=None,
            state="unknown",
            explanation=explanation("unknown", "", "", days),
        )
    return Why(
        account_id=question.account_id,
        gmail_id=row["gmail_id"],
        rfc_message_id=row["rfc_message_id"],
        state=row["state"],
        rule=row["rule"],
        explanation=explanation(row["state"], row["rule"], row["reason"], account.gmail.mail_lookback_days),
        occurred_at=row["occurred_at"],
    )


async def audit(sync: Sync, question: AuditAccount) -> Audit:
    await _account(sync, question.user_id, question.account_id)
    async with sync.db.acquire() as connection:
        counted = await ledger.count_by_state(connection, question.account_id)
    by_state: Counter[str] = Counter()
    by_rule: Counter[str] = Counter()
    for state, rule, number in counted:
        by_state[state] += number
        if state in ("filtered", "set_aside"):
            by_rule[rule or state] += number
    listed = by_state.total()
    return Audit(
        account_id=question.account_id,
        listed=listed,
        by_state=dict(by_state),
        by_rule=dict(by_rule),
        complete=1 - by_state["pending"] / listed if listed else 1.0,
    )


async def _account(sync: Sync, user_id: UserId, account_id: AccountId) -> Account:
    async with sync.db.acquire() as connection:
        account = await accounts.get_account(connection, account_id)
    if account is None or account.user_id != user_id:
        raise not_found("account")
    return account


def _uuid(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError as error:
        raise _bad_cursor() from error


def _place(cursor: str | None) -> tuple[datetime, UUID] | None:
    """`start~meeting id` of the last meeting of the page before."""
    if not cursor:
        return None
    start, _, meeting_id = cursor.partition("~")
    try:
        moment = datetime.fromisoformat(start)
        if moment.tzinfo is None:
            raise _bad_cursor()
        return moment, UUID(meeting_id)
    except ValueError as error:
        raise _bad_cursor() from error


def _bad_cursor() -> Refused:
    return Refused(
        422, "invalid_cursor", "The cursor is not one that an earlier answer gave. Leave it out to begin anew."
    )
