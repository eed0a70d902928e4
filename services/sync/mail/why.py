"""Why is this email (not) here? From the ledger; about what it does not know, Gmail is queried."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from libs.common.bus import OUTAGES
from libs.common.db import retry_conflicts
from libs.common.errors import Outage, Refused
from libs.common.google.errors import Gone, GoogleError, NotReady, Rejected
from libs.common.ids import AccountId
from libs.common.log import get_logger
from libs.common.requests import ContactRefs, ExplainMessage, GetContactsOfMessage, Why
from libs.common.resources.gmail import GmailMessage
from services.sync.context import Context, GoogleAccounts
from services.sync.domain import mail as rules
from services.sync.domain import why
from services.sync.domain.audit import NOT_RECORDED
from services.sync.domain.runs import RunRequest
from services.sync.mail.briefs import find_brief_tokens
from services.sync.store import messages
from services.sync.store.accounts import Account

GMAIL_SECONDS = 6.0
CONTACTS_SECONDS = 2.0
BRIEFS_SECONDS = 2.0
MAX_COPIES = 20
MAX_CONTACTS = 100


async def explain(context: Context, google: GoogleAccounts, account: Account, query: ExplainMessage) -> Why:
    async with context.db.acquire() as connection:
        entries = await messages.list_by_id(
            connection, account.account_id, query.message_id, why.bare(query.message_id), MAX_COPIES
        )
    if not entries:
        return await _query_gmail(context, google, account, query.message_id)
    entry = entries[why.choose([entry.state for entry in entries])]
    sentence = why.explanation(entry.state, entry.rule, entry.reason, account.gmail.mail_lookback_days)
    known = Why(
        account_id=account.account_id,
        gmail_id=entry.gmail_id,
        rfc_message_id=entry.rfc_message_id,
        state=entry.state,
        rule=entry.rule if entry.state == "filtered" else "",
        explanation=sentence + why.copies(len(entries)),
        occurred_at=entry.occurred_at,
        copies=len(entries),
    )
    if entry.state == "pending" and not entry.reason:
        return await _with_place(context, known, entry.position)
    if entry.state == "recorded":
        found = await _contacts(context, account, entry.gmail_id)
        if found.left_out_by:
            sentence = why.not_recorded(found.left_out_by) + why.copies(len(entries))
            return known.model_copy(update={"state": "filtered", "rule": NOT_RECORDED, "explanation": sentence})
        return known.model_copy(update={"contacts": found.items[:MAX_CONTACTS], "contacts_total": len(found.items)})
    return known


async def _with_place(context: Context, known: Why, position: int) -> Why:
    """Where in the queue a pending message is, and when its turn comes."""
    async with context.db.acquire() as connection:
        ahead, eta_seconds = await messages.get_place(connection, known.account_id, position)
    sentence = known.explanation + why.queued(ahead)
    return known.model_copy(update={"explanation": sentence, "ahead": ahead, "eta_seconds": eta_seconds})


async def _contacts(context: Context, account: Account, gmail_id: str) -> ContactRefs:
    """Whose timelines show it, or which rule of the user leaves it out; empty where contacts does not reply in time: the rest counts."""
    query = GetContactsOfMessage(user_id=account.user_id, account_id=account.account_id, gmail_id=gmail_id)
    try:
        return await context.bus.request(query, seconds=CONTACTS_SECONDS)
    except (Outage, Refused) as error:
        get_logger().debug("contacts_of_message_unknown", error=str(error))
        return ContactRefs(items=())


# --- what Gmail has -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """A message as Gmail has it now, one of so many copies."""

    message: GmailMessage
    copies: int


async def _query_gmail(context: Context, google: GoogleAccounts, account: Account, message_id: str) -> Why:
    """For a message that the ledger does not know."""
    if account.state != "active":
        return _unknown(account, why.unreachable(account.state))
    search = None if why.is_gmail_id(message_id) else why.search_for(message_id)
    if search is None and not why.is_gmail_id(message_id):
        return _unknown(account, why.UNSEARCHABLE)
    try:
        async with asyncio.timeout(GMAIL_SECONDS):
            found = await _find(google, account, message_id, search)
    except (GoogleError, Refused) as error:
        away: why.Away = "unreachable"
        if error.code in ("reauth_required", "missing_scope", "disconnected"):
            away = error.code  # type: ignore[assignment]
        return _unknown(account, why.unreachable(away))
    except OUTAGES:
        return _unknown(account, why.unreachable("unreachable"))
    if found is None:
        return _unknown(account, why.NOT_IN_MAILBOX, asked_gmail=True)
    return await _judge(context, account, found)


def _unknown(account: Account, sentence: str, *, asked_gmail: bool = False) -> Why:
    return Why(
        account_id=account.account_id,
        gmail_id=None,
        rfc_message_id=None,
        state="unknown",
        explanation=sentence,
        asked_gmail=asked_gmail,
    )


async def _find(google: GoogleAccounts, account: Account, message_id: str, search: str | None) -> _Found | None:
    """The message in Gmail, by its id where there is no search; None where Gmail has none. Raises what Google raises."""
    gmail = google.open(account.account_id).gmail
    ids = [ref.gmail_id for ref in await gmail.find_ids(search, MAX_COPIES)] if search else [message_id.lower()]
    for gmail_id in ids:
        try:
            return _Found(await gmail.get_message(gmail_id), len(ids))
        except (Gone, NotReady, Rejected):
            continue  # an id that Gmail never gave, or a message deleted since the search
    return None


async def _judge(context: Context, account: Account, found: _Found) -> Why:
    """What a sync will make of it; and where it is to be recorded, request that now."""
    message, days = found.message, account.gmail.mail_lookback_days
    me = rules.Me(account.user_id, account.account_id, account.own_addresses)
    brief_tokens = await _brief_tokens(context, me, message)
    outcome = rules.read(message, me, rules.since(datetime.now(UTC), days), 1, brief_tokens)
    known = Why(
        account_id=account.account_id,
        gmail_id=message.gmail_id,
        rfc_message_id=None,
        state="pending",
        explanation=why.FOUND + why.copies(found.copies),
        copies=found.copies,
        asked_gmail=True,
    )
    match outcome:
        case rules.Filtered(rule, rfc_message_id, occurred_at):
            sentence = why.explanation("filtered", rule, "", days) + why.copies(found.copies)
            update = {"state": "filtered", "rule": rule, "rfc_message_id": rfc_message_id, "occurred_at": occurred_at}
            return known.model_copy(update={**update, "explanation": sentence})
        case rules.SetAside(reason):
            sentence = why.explanation("set_aside", "", reason, days) + why.copies(found.copies)
            known = known.model_copy(update={"state": "set_aside", "explanation": sentence})
        case rules.Recorded(event):
            known = known.model_copy(update={"rfc_message_id": event.rfc_message_id, "occurred_at": event.occurred_at})
        case _:
            assert_never(outcome)
    if message.gmail_id:
        await _heal(context, account.account_id, message.gmail_id, message.thread_id)
    return known


async def _brief_tokens(context: Context, me: rules.Me, message: GmailMessage) -> frozenset[str]:
    """The message's token, if it is a brief's. Without a reply of `prep` it counts as none: the sync will decide."""
    token = rules.brief_token(message, me)
    try:
        return await find_brief_tokens(context.bus, me, [token] if token else [], seconds=BRIEFS_SECONDS)
    except (Outage, Refused) as error:
        get_logger().debug("brief_tokens_unknown", error=str(error))
        return frozenset()


@retry_conflicts
async def _heal(context: Context, account_id: AccountId, gmail_id: str, thread_id: str) -> None:
    async with context.queue.transaction(context.db) as connection:
        await context.queue.enqueue(connection, [RunRequest(account_id, "mail", "repair")])
        await messages.add_wanted(connection, account_id, gmail_id, thread_id)
