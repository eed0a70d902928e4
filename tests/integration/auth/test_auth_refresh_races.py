"""Refreshes that come late: whoever lost the lease stores nothing, and what a refresh brought is stored whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common import scopes
from libs.common.db import Connection
from libs.common.errors import Outage, Refused, Throttled
from libs.common.events import AccountConnected, AccountReauthRequired
from libs.common.google.oauth import Grant, InvalidGrant, Misconfigured, PolicyRefused
from libs.common.ids import new_id
from libs.common.requests import Disconnect, SignedIn
from services.auth.handlers import access_tokens as handler
from services.auth.handlers.access_tokens import get_token
from services.auth.handlers.accounts import disconnect
from services.auth.store import access_tokens
from services.auth.store.access_tokens import LEASE, RefreshedTokens, RefreshLease
from services.auth.token_refresh import LONGEST_PAUSE, MISCONFIGURED_PAUSE
from tests.support.auth_alone import ANNA, SCOPES, WORK, AuthAlone, auth_alone, grant, read
from tests.support.database import Database

SECOND = timedelta(seconds=1)
SHORTEST_PAUSE = 20 * SECOND  # in these tests, which a busy machine may hold up for a while


@pytest_asyncio.fixture
async def auth(module_database: Database, redis_url: str) -> AsyncIterator[AuthAlone]:
    async with auth_alone(module_database, redis_url) as alone:
        yield alone


@pytest_asyncio.fixture
async def anna(auth: AuthAlone) -> SignedIn:
    return await auth.sign_in()


@pytest_asyncio.fixture
async def db(auth: AuthAlone) -> AsyncIterator[Connection]:
    async with auth.db.acquire() as connection:
        yield connection


async def row(db: Connection, account: SignedIn) -> asyncpg.Record | None:
    return await db.fetchrow("SELECT * FROM google_accounts WHERE id = $1", account.account_id)


async def lease_of(db: Connection, account: SignedIn) -> RefreshLease:
    """The lease, as of a new holder who saw the token that is stored."""
    seen = await db.fetchval("SELECT access_token FROM google_accounts WHERE id = $1", account.account_id)
    lease = await access_tokens.acquire_lease(db, account.account_id, new_id(), seen)
    assert lease is not None
    return lease


async def end_pauses(db: Connection) -> None:
    """Leases and pauses are over."""
    await db.execute("UPDATE google_accounts SET refresh_until = now()")


def refreshed(auth: AuthAlone, **fields: Any) -> RefreshedTokens:
    return replace(
        RefreshedTokens(b"new access", auth.context.now() + timedelta(hours=1), b"new refresh", frozenset({"one"})), **fields
    )  # fmt: skip


# -- the lease -------------------------------------------------------------------------------------------------------------


async def test_a_lease_is_given_to_a_single_holder_who_saw_the_token_that_is_stored(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    assert await access_tokens.acquire_lease(db, anna.account_id, new_id(), b"an older token") is None
    assert await access_tokens.acquire_lease(db, anna.account_id, new_id(), None) is None
    other = await auth.sign_in(WORK, user_id=anna.user_id)
    before = await row(db, other)
    lease = await lease_of(db, anna)
    stored = await row(db, anna)
    assert stored is not None
    assert (lease.refresh_token, lease.account_id) == (stored["refresh_token"], anna.account_id)
    assert (lease.obtained_at, lease.alive_at) == (stored["refresh_obtained_at"], stored["refreshed_at"])
    assert (stored["access_token"], stored["access_expires_at"]) == (None, None), "handed out no more"
    assert await row(db, other) == before
    assert await access_tokens.acquire_lease(db, anna.account_id, new_id(), None) is None
    held = await access_tokens.get_credentials(db, anna.account_id)
    assert held is not None
    assert (held.refreshing, held.pause) == (True, None)
    left = await db.fetchval("SELECT refresh_until - now() FROM google_accounts WHERE id = $1", anna.account_id)
    assert LEASE - 5 * SECOND < left <= LEASE
    await end_pauses(db)
    held = await access_tokens.get_credentials(db, anna.account_id)
    assert held is not None
    assert not held.refreshing
    second = await lease_of(db, anna)
    assert second.holder != lease.holder


@pytest.mark.parametrize("status", ["reauth_required", "disconnected"])
async def test_an_account_without_a_refresh_token_has_no_lease_to_give(
    anna: SignedIn, db: Connection, status: str
) -> None:
    await db.execute("UPDATE google_accounts SET status = $1, refresh_token = NULL, access_token = NULL", status)
    assert await access_tokens.acquire_lease(db, anna.account_id, new_id(), None) is None


async def test_of_many_who_come_at_once_a_single_one_has_the_lease(auth: AuthAlone, anna: SignedIn) -> None:
    seen = await auth.db.fetchval("SELECT access_token FROM google_accounts")

    async def come() -> RefreshLease | None:
        async with auth.db.acquire() as connection:
            return await access_tokens.acquire_lease(connection, anna.account_id, new_id(), seen)

    assert len([lease for lease in await asyncio.gather(*(come() for _ in range(8))) if lease]) == 1


# -- late writers ----------------------------------------------------------------------------------------------------------

Write = Callable[[AuthAlone, Connection, RefreshLease], Awaitable[object]]
WRITES: dict[str, Write] = {
    "store": lambda auth, db, lease: access_tokens.store_refreshed(db, lease, refreshed(auth)),
    "pause": lambda _, db, lease: access_tokens.pause_refreshing(db, lease, timedelta(minutes=1)),
    "require authorization": lambda _, db, lease: access_tokens.require_reauth(db, lease, "late"),
}


async def _next_holder(auth: AuthAlone, db: Connection, anna: SignedIn) -> None:
    await end_pauses(db)
    await lease_of(db, anna)


async def _reconnection(auth: AuthAlone, db: Connection, anna: SignedIn) -> None:
    auth.oauth.exchanged = grant("newer access", "newer refresh")
    await auth.sign_in()


async def _disconnection(auth: AuthAlone, db: Connection, anna: SignedIn) -> None:
    await disconnect(auth.context, Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))


@pytest.mark.parametrize("overtaking", [_next_holder, _reconnection, _disconnection])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_who_lost_the_lease_writes_nothing(
    auth: AuthAlone,
    anna: SignedIn,
    db: Connection,
    write: Write,
    overtaking: Callable[[AuthAlone, Connection, SignedIn], Awaitable[None]],
) -> None:
    late = await lease_of(db, anna)
    await overtaking(auth, db, anna)
    before = await row(db, anna)
    assert not await write(auth, db, late)
    assert await row(db, anna) == before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_holder_writes_to_no_other_account(
    auth: AuthAlone, anna: SignedIn, db: Connection, write: Write
) -> None:
    other = await auth.sign_in(WORK, user_id=anna.user_id)
    lease = await lease_of(db, anna)
    await db.execute("UPDATE google_accounts SET refresh_holder = $1", lease.holder)
    before = await row(db, other)
    await write(auth, db, lease)
    assert await row(db, other) == before


@pytest.mark.parametrize("brings", ["tokens", "nothing", "reauth", "policy", "outage"])
@pytest.mark.parametrize("overtaking", ["reconnection", "disconnection"])
async def test_a_late_answer_of_google_changes_nothing(
    auth: AuthAlone, anna: SignedIn, db: Connection, brings: str, overtaking: str
) -> None:
    """The answer to a refresh comes when the account has been connected again, or disconnected."""
    answers: dict[str, Grant | Exception] = {
        "tokens": grant("late", "late refresh"),
        "nothing": grant("late", None, scopes=None),
        "reauth": InvalidGrant("revoked"),
        "policy": PolicyRefused("org_internal"),
        "outage": Outage("away"),
    }
    asked, answer = asyncio.Event(), asyncio.Event()

    async def refresh(_: str) -> Grant:
        asked.set()
        await answer.wait()
        given = answers[brings]
        if isinstance(given, Exception):
            raise given
        return given

    auth.oauth.refresh_once = refresh
    refreshing = asyncio.create_task(get_token(auth.context, read(anna, "access")))
    await asked.wait()
    await (_reconnection if overtaking == "reconnection" else _disconnection)(auth, db, anna)
    before = await auth.everything()
    answer.set()
    outcome = (await asyncio.gather(refreshing, return_exceptions=True))[0]
    assert await auth.everything() == before
    assert auth.received(AccountReauthRequired) == []
    if brings == "outage":
        assert isinstance(outcome, Outage)
    elif overtaking == "reconnection":
        assert not isinstance(outcome, BaseException)
        assert outcome.access_token == "newer access"
    else:
        assert isinstance(outcome, Refused)
        assert outcome.code == "not_found"


# -- what a refresh brings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new_refresh_token", [True, False])
@pytest.mark.parametrize(
    ("granted", "counted"), [(None, 0), (SCOPES, 0), (SCOPES - {scopes.GMAIL_SEND}, 1)], ids=["none", "same", "fewer"]
)
async def test_a_refresh_is_stored_whole_and_what_google_did_not_name_stays(
    auth: AuthAlone,
    anna: SignedIn,
    db: Connection,
    new_refresh_token: bool,
    granted: frozenset[str] | None,
    counted: int,
) -> None:
    await db.execute(
        "UPDATE google_accounts SET refresh_obtained_at = now() - interval '9 days', refreshed_at = now() - interval '8 days'"
    )
    before = await row(db, anna)
    assert before is not None

    async def refresh(_: str) -> Grant:
        return grant("fresh", "fresh refresh" if new_refresh_token else None, scopes=granted)

    auth.oauth.refresh_once = refresh
    token = await get_token(auth.context, read(anna, "access"))
    assert auth.oauth.refreshes == ["refresh"]
    assert (token.access_token, token.address, token.user_id) == ("fresh", "anna@gmail.com", anna.user_id)
    assert token.scopes == (SCOPES if granted is None else granted)
    after = await row(db, anna)
    assert after is not None
    opened = auth.context.keyring.open(after["refresh_token"], anna.account_id, "refresh")
    assert opened == ("fresh refresh" if new_refresh_token else "refresh")
    assert auth.context.keyring.open(after["access_token"], anna.account_id, "access") == "fresh"
    assert after["access_expires_at"] == token.expires_at
    assert timedelta(minutes=59) < token.expires_at - auth.context.now() <= timedelta(hours=1)
    assert frozenset(after["scopes"]) == token.scopes
    assert (after["sequence"] - before["sequence"], after["status"]) == (counted, "active")
    published = [(event.scopes, event.again, event.sequence) for event in auth.received(AccountConnected)[1:]]
    assert published == [(granted, True, after["sequence"])] * counted, "what was taken back is published, once"
    assert (after["refresh_holder"], after["refresh_until"]) == (None, None)
    assert (after["refresh_obtained_at"] != before["refresh_obtained_at"]) is new_refresh_token
    assert after["refreshed_at"] > before["refreshed_at"] + timedelta(days=7)
    assert (await get_token(auth.context, read(anna))).access_token == "fresh"
    assert len(auth.oauth.refreshes) == 1


async def test_a_permission_that_was_taken_back_at_google_is_refused_with_the_token_stored(
    auth: AuthAlone, anna: SignedIn
) -> None:
    async def refresh(_: str) -> Grant:
        return grant("fresh", None, scopes=SCOPES - {scopes.GMAIL_READ})

    auth.oauth.refresh_once = refresh
    for rejected in ("access", None):
        with pytest.raises(Refused) as refused:
            await get_token(auth.context, read(anna, rejected))
        assert refused.value.code == "missing_scope"
    sending = read(anna).model_copy(update={"scope": scopes.GMAIL_SEND})
    assert (await get_token(auth.context, sending)).access_token == "fresh"
    assert len(auth.oauth.refreshes) == 1


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (Outage("away"), SHORTEST_PAUSE),
        (Throttled("slow"), SHORTEST_PAUSE),
        (Throttled("slow", timedelta(seconds=1)), SHORTEST_PAUSE),
        (Throttled("slow", timedelta(seconds=40)), timedelta(seconds=40)),
        (Throttled("slow", timedelta(hours=1)), LONGEST_PAUSE),
        (Misconfigured("wrong secret"), MISCONFIGURED_PAUSE),
    ],
)
async def test_google_is_left_alone_for_as_long_as_it_demands(
    auth: AuthAlone,
    anna: SignedIn,
    db: Connection,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    pause: timedelta,
) -> None:
    monkeypatch.setattr("services.auth.token_refresh.OUTAGE_PAUSE", SHORTEST_PAUSE)

    async def refresh(_: str) -> Grant:
        raise error

    auth.oauth.refresh_once = refresh
    with pytest.raises(Outage):
        await get_token(auth.context, read(anna, "access"))
    left = await db.fetchval("SELECT refresh_until - now() FROM google_accounts")
    assert pause - 15 * SECOND < left <= pause
    with pytest.raises(Throttled) as throttled:
        await get_token(auth.context, read(anna))
    assert throttled.value.retry_after is not None
    assert throttled.value.retry_after <= pause
    assert len(auth.oauth.refreshes) == 1
    assert await access_tokens.acquire_lease(db, anna.account_id, new_id(), None) is None
    await end_pauses(db)
    auth.oauth.refresh_once = type(auth.oauth).refresh_once
    assert (await get_token(auth.context, read(anna))).access_token == "refreshed"


async def test_a_token_that_google_gives_once_more_is_not_given_on(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    async def refresh(_: str) -> Grant:
        return grant("access", None)

    auth.oauth.refresh_once = refresh
    with pytest.raises(Outage):
        await get_token(auth.context, read(anna, "access"))
    stored = await row(db, anna)
    assert stored is not None
    assert (stored["access_token"], stored["status"], stored["refresh_holder"]) == (None, "active", None)


async def test_a_refresh_token_that_does_not_open_keeps_nobody_waiting(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    await db.execute("UPDATE google_accounts SET refresh_token = 'junk', access_token = NULL")
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await get_token(auth.context, read(anna))
        assert (refused.value.status, refused.value.code) == (500, "token_unreadable")
    assert auth.oauth.refreshes == []


async def test_who_waits_for_another_replica_gives_up_before_the_requester_does(
    auth: AuthAlone, anna: SignedIn, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handler.WAIT_SECONDS < 10
    monkeypatch.setattr(handler, "WAIT_SECONDS", 0.1)
    lease = await lease_of(db, anna)
    await db.execute("UPDATE google_accounts SET refresh_until = now() + interval '1 hour'")
    with pytest.raises(Outage):
        await get_token(auth.context, read(anna))
    assert auth.oauth.refreshes == []
    monkeypatch.setattr(handler, "WAIT_SECONDS", 30)
    waiting = asyncio.create_task(get_token(auth.context, read(anna)))
    expires_at = auth.context.now() + timedelta(hours=1)
    sealed = auth.context.keyring.seal("of the other replica", anna.account_id, "access")
    assert await access_tokens.store_refreshed(db, lease, RefreshedTokens(sealed, expires_at, None, None))
    assert (await waiting).access_token == "of the other replica"
    assert auth.oauth.refreshes == []


@pytest.mark.parametrize("error", [InvalidGrant("revoked"), PolicyRefused("org_internal")])
async def test_a_dead_token_is_deleted_with_a_reason_that_is_published_once(
    auth: AuthAlone, anna: SignedIn, db: Connection, error: Exception
) -> None:
    other = await auth.sign_in(WORK, user_id=anna.user_id)
    before = await row(db, other)

    async def refresh(_: str) -> Grant:
        raise error

    auth.oauth.refresh_once = refresh
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await get_token(auth.context, read(anna, "access"))
        assert refused.value.code == "reauth_required"
    stored = await row(db, anna)
    assert stored is not None
    assert (stored["status"], stored["status_reason"]) == ("reauth_required", refused.value.detail)
    assert (stored["refresh_token"], stored["access_token"], stored["access_expires_at"]) == (None, None, None)
    assert (stored["refresh_holder"], stored["refresh_until"], stored["sequence"]) == (None, None, 2)
    (event,) = auth.received(AccountReauthRequired)
    assert (event.user_id, event.account_id, event.address) == (anna.user_id, anna.account_id, ANNA.address)
    assert (event.reason, event.sequence) == (refused.value.detail, 2)
    assert await row(db, other) == before
