"""Single messages: why one is (not) here, and those that were set aside tried again."""

from libs.common.db import Connection, retry_conflicts
from libs.common.errors import Refused, not_found
from libs.common.requests import ExplainMessage, Retried, RetryMessages, Why
from services.sync.context import Context, GoogleAccounts
from services.sync.domain import why
from services.sync.domain.runs import RunRequest
from services.sync.mail.why import explain
from services.sync.store import messages
from services.sync.store.accounts import Account

MAX_COPIES = 500


async def explain_message(context: Context, google: GoogleAccounts, query: ExplainMessage) -> Why:
    account = await context.get_account(query.user_id, query.account_id)
    return await explain(context, google, account, query)


@retry_conflicts
async def retry_messages(context: Context, command: RetryMessages) -> Retried:
    account = await context.get_account(command.user_id, command.account_id)
    async with context.queue.transaction(context.db) as connection:
        gmail_id = await _set_aside(connection, account, command.message_id) if command.message_id else None
        if not await messages.is_any_set_aside(connection, account.account_id, gmail_id):
            return Retried(messages=0)
        await context.queue.enqueue(connection, [RunRequest(account.account_id, "mail", "repair")])
        return Retried(messages=await messages.retry(connection, account.account_id, gmail_id))


async def _set_aside(connection: Connection, account: Account, message_id: str) -> str:
    """The Gmail id of a message that was set aside. Refused: `not_found`, `not_set_aside`."""
    entries = await messages.list_by_id(connection, account.account_id, message_id, why.bare(message_id), MAX_COPIES)
    if not entries:
        raise not_found("message")
    for entry in entries:
        if entry.state == "set_aside":
            return entry.gmail_id
    entry = entries[why.choose([entry.state for entry in entries])]
    sentence = why.explanation(entry.state, entry.rule, entry.reason, account.gmail.mail_lookback_days)
    raise Refused(409, "not_set_aside", f"Only messages that were set aside can be tried again. {sentence}")
