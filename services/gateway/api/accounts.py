"""Connected Google accounts: their state, connecting, syncing, disconnecting."""

from functools import partial
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.errors import not_found
from libs.common.events import Kind, SyncRequested
from libs.common.ids import AccountId
from libs.common.pagination import cut_page, decode_page_token
from libs.common.requests import (
    Account,
    Audit,
    AuditAccount,
    Authorization,
    BeginSignIn,
    Disconnect,
    ExplainMessage,
    GetSyncStatus,
    ListAccounts,
    ListRuns,
    Retried,
    RetryMessages,
    Runs,
    StartAudit,
    Why,
)
from services.gateway.api.endpoint import Call, endpoint
from services.gateway.api.inputs import Cursor, UniqueList
from services.gateway.domain.accounts import AccountView, account_view, syncable_kinds
from services.gateway.domain.import_estimate import ImportEstimate, import_estimate
from services.gateway.sessions.cookies import browser_of, remember_browser

TAG = "Accounts"
DISCONNECT_SECONDS = 30.0
EXPLAIN_SECONDS = 15.0


class AccountList(BaseModel):
    items: list[AccountView]
    next_cursor: str | None = None


class AccountsQuery(BaseModel):
    cursor: Cursor = None
    limit: int = Field(200, ge=1, le=200)


@endpoint("GET", "/accounts", tag=TAG, scope="read")
async def list_accounts(call: Call, query: AccountsQuery) -> AccountList:
    """List the connected accounts.

    With their state, the permissions that are missing and what these turn off, and the latest sync of each kind.
    """
    position = decode_page_token(query.cursor, UUID)
    accounts = await call.request(ListAccounts(user_id=call.user_id))
    runs = await call.request(GetSyncStatus(user_id=call.user_id))
    left = [
        account for account in accounts.items if position is None or account.id > position[0]
    ]  # by id, as `auth` lists them
    page, next_cursor = cut_page(
        [account_view(account, runs.items) for account in left], query.limit, lambda view: (view.id,)
    )
    return AccountList(items=list(page), next_cursor=next_cursor)


class Connect(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account_id: AccountId | None = Field(None, description="Ask again for the permissions of this account.")


class Connecting(Authorization):
    """Where to go on, and what to expect of the first import."""

    estimate: ImportEstimate


@endpoint(
    "POST",
    "/accounts/connect",
    tag=TAG,
    scope="session",
    errors={
        404: "There is no such account, or it belongs to somebody else.",
        500: "Google is not set up here.",
    },
)
async def connect_account(call: Call, body: Connect) -> Connecting:
    """Begin to connect a Google account.

    Open `authorize_url` in the browser that got this answer: a cookie binds the two, and only the session that began it can finish it. An
    API token can't. In a page, a link to `/connect` does the same.
    `estimate` says how long a first import takes under Gmail's quota.
    """
    session = call.caller.require_session()
    if body.account_id:
        await get_own_account(call, body.account_id)
    settings = call.context.settings
    browser = browser_of(call.http_request, settings)
    begun = await call.request(BeginSignIn(browser=browser, session=session, account_id=body.account_id))
    call.finish.append(partial(remember_browser, browser=browser, settings=settings))
    estimate = import_estimate(settings.gmail_units_per_minute, settings.gmail_live_percent, settings.gmail_units)
    return Connecting(authorize_url=begun.authorize_url, estimate=estimate)


class DisconnectQuery(BaseModel):
    purge: bool = Field(False, description="Also remove what was imported from it.")


@endpoint("DELETE", "/accounts/{account_id}", tag=TAG, scope="account", status=204)
async def disconnect_account(call: Call, account_id: AccountId, query: DisconnectQuery) -> None:
    """Disconnect an account.

    Its permission is revoked at Google. What was imported stays, unless `purge=true`.
    """
    await get_own_account(call, account_id)
    command = Disconnect(user_id=call.user_id, account_id=account_id, purge=query.purge)
    await call.request(command, seconds=DISCONNECT_SECONDS)


class SyncBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kinds: UniqueList[Kind] | None = Field(None, min_length=1, description="Left out: everything that is permitted.")


class SyncAccepted(BaseModel):
    status: Literal["requested"] = "requested"
    kinds: list[Kind]


@endpoint(
    "POST",
    "/accounts/{account_id}/sync",
    tag=TAG,
    scope="account",
    status=202,
    errors={409: "The account has to be connected again first, or the permission for a kind is missing."},
)
async def sync_account(call: Call, account_id: AccountId, body: SyncBody) -> SyncAccepted:
    """Sync an account now."""
    account = await get_own_account(call, account_id)
    kinds = syncable_kinds(account, set(body.kinds) if body.kinds else None)
    await call.context.bus.publish(
        *(SyncRequested(user_id=call.user_id, account_id=account_id, kind=kind, reason="user") for kind in kinds)
    )
    return SyncAccepted(kinds=kinds)


class RunsQuery(BaseModel):
    cursor: Cursor = None
    limit: int = Field(50, ge=1, le=200)


@endpoint("GET", "/accounts/{account_id}/syncs", tag=TAG, scope="read")
async def list_syncs(call: Call, account_id: AccountId, query: RunsQuery) -> Runs:
    """Show the sync history of an account, newest first."""
    await get_own_account(call, account_id)
    return await call.request(
        ListRuns(user_id=call.user_id, account_id=account_id, cursor=query.cursor, limit=query.limit)
    )


@endpoint("GET", "/accounts/{account_id}/messages/{message_id}/why", tag=TAG, scope="read")
async def explain_message(call: Call, account_id: AccountId, message_id: str) -> Why:
    """Explain what happened to a message.

    `message_id` is Gmail's id, or the Message-ID of its header (URL-encoded, with or without its angle brackets). Gmail is asked about
    one that is not known here; where it should be here, it is fetched.
    """
    _require_id(message_id)
    await get_own_account(call, account_id)
    query = ExplainMessage(user_id=call.user_id, account_id=account_id, message_id=message_id)
    return await call.request(query, seconds=EXPLAIN_SECONDS)


@endpoint(
    "POST",
    "/accounts/{account_id}/messages/{message_id}/retry",
    tag=TAG,
    scope="account",
    status=202,
    errors={409: "The message was not set aside, or the account has to be connected again first."},
)
async def retry_message(call: Call, account_id: AccountId, message_id: str) -> Retried:
    """Read a message again that was set aside.

    `message_id` is Gmail's id, or the Message-ID of its header (URL-encoded).
    """
    _require_id(message_id)
    await require_syncable_mail(call, account_id)
    return await call.request(RetryMessages(user_id=call.user_id, account_id=account_id, message_id=message_id))


@endpoint(
    "POST",
    "/accounts/{account_id}/messages/retry",
    tag=TAG,
    scope="account",
    status=202,
    errors={409: "The account has to be connected again first."},
)
async def retry_messages(call: Call, account_id: AccountId) -> Retried:
    """Read all messages again that were set aside."""
    await require_syncable_mail(call, account_id)
    return await call.request(RetryMessages(user_id=call.user_id, account_id=account_id))


def _require_id(message_id: str) -> None:
    """What can't be an id is the id of nothing: 404."""
    if len(message_id) > 998 or not message_id.isprintable():
        raise not_found("message")


@endpoint("GET", "/accounts/{account_id}/audit", tag=TAG, scope="read")
async def audit_account(call: Call, account_id: AccountId) -> Audit:
    """Tell whether everything is here.

    In one sentence, with the numbers of the last audit, and what became of every message by now. An audit compares the list of
    all messages in Gmail with what is recorded, once a day, and fetches what is missing.
    """
    await get_own_account(call, account_id)
    return await call.request(AuditAccount(user_id=call.user_id, account_id=account_id), seconds=60)


class AuditAccepted(BaseModel):
    status: Literal["requested"] = "requested"


@endpoint(
    "POST",
    "/accounts/{account_id}/audit",
    tag=TAG,
    scope="account",
    status=202,
    errors={409: "The account has to be connected again first."},
)
async def start_audit(call: Call, account_id: AccountId) -> AuditAccepted:
    """Audit an account now."""
    await require_syncable_mail(call, account_id)
    await call.request(StartAudit(user_id=call.user_id, account_id=account_id))
    return AuditAccepted()


async def require_syncable_mail(call: Call, account_id: AccountId) -> None:
    """What is done to a mailbox needs an account whose mail can be synced. Refused: as for syncing it, or `not_found` (404)."""
    syncable_kinds(await get_own_account(call, account_id), {"mail"})


async def get_own_account(call: Call, account_id: AccountId) -> Account:
    """The user's account of this id. Refused: `not_found` (404), another user's too."""
    for account in (await call.request(ListAccounts(user_id=call.user_id))).items:
        if account.id == account_id:
            return account
    raise not_found("account")


ENDPOINTS = (
    list_accounts,
    connect_account,
    disconnect_account,
    sync_account,
    list_syncs,
    explain_message,
    retry_message,
    retry_messages,
    audit_account,
    start_audit,
)
