"""What `auth` stores of users, accounts, sessions, API tokens and settings: each in its own row, and together with its event or not at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from libs.common import scopes
from libs.common.db import Connection
from libs.common.errors import Outage, Refused
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    SettingsChanged,
    UserDeleted,
)
from libs.common.google.oauth import Grant, InvalidGrant
from libs.common.ids import AccountId, UserId, new_id
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    CreateApiToken,
    DeleteApiToken,
    DeleteUser,
    Disconnect,
    GetFormerWebhookSecrets,
    GetSettings,
    ListAccounts,
    ListAccountStates,
    ListApiTokens,
    PutSettings,
    SignedIn,
    SignOut,
    SignOutEverywhere,
    User,
    WhoIs,
)
from libs.local.secrets import SECRET_KEYS, generate
from services.auth import lost_keys, rotate
from services.auth.credentials import fingerprint
from services.auth.domain.access_tokens import KEY_LOST
from services.auth.domain.api_tokens import TOKENS_PER_USER
from services.auth.domain.webhook_secrets import former_webhook_secrets
from services.auth.handlers.access_tokens import get_token
from services.auth.handlers.accounts import disconnect, list_account_states, list_accounts
from services.auth.handlers.api_tokens import create_api_token, delete_api_token, list_api_tokens
from services.auth.handlers.preferences import get_settings, put_settings
from services.auth.handlers.sessions import authenticate, sign_out, sign_out_everywhere
from services.auth.handlers.users import delete_user
from services.auth.handlers.webhook_secrets import get_former_webhook_secrets
from services.auth.keyring import Keyring, Undecryptable
from services.auth.store import access_tokens
from services.auth.store.sessions import SESSION_LIFE, SESSION_STEP
from tests.support.auth_alone import ANNA, BOB, SCOPES, WORK, AuthAlone, auth_alone, grant, identity, read
from tests.support.database import Database

SECOND = timedelta(seconds=1)


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


async def row(db: Connection, account: SignedIn) -> asyncpg.Record:
    found = await db.fetchrow("SELECT * FROM google_accounts WHERE id = $1", account.account_id)
    assert found is not None
    return found


def lookback(days: int) -> Preferences:
    return Preferences(gmail=GmailPreferences(mail_lookback_days=days))


# -- the change and its event ----------------------------------------------------------------------------------------------


async def _dead(_: str) -> Grant:
    raise InvalidGrant("revoked")


async def _give_up(auth: AuthAlone, _: SignedIn) -> object:
    return await lost_keys.give_up_unreadable(auth.db, Keyring([generate()[SECRET_KEYS]]))


async def _reauthorize(auth: AuthAlone, anna: SignedIn) -> object:
    auth.oauth.refresh_once = _dead
    try:
        return await get_token(auth.context, read(anna, "access"))
    except Refused as refused:
        return refused


Change = Callable[[AuthAlone, SignedIn], Awaitable[object]]
CHANGES: dict[str, tuple[type, Change]] = {
    "connect": (AccountConnected, lambda auth, _: auth.sign_in(BOB)),
    "connect another": (AccountConnected, lambda auth, anna: auth.sign_in(WORK, user_id=anna.user_id)),
    "connect again": (AccountConnected, lambda auth, anna: auth.sign_in()),
    "disconnect": (
        AccountDisconnected,
        lambda auth, anna: disconnect(
            auth.context, Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False)
        ),
    ),
    "purge": (
        AccountDisconnected,
        lambda auth, anna: disconnect(
            auth.context, Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=True)
        ),
    ),
    "delete": (UserDeleted, lambda auth, anna: delete_user(auth.context, DeleteUser(user_id=anna.user_id))),
    "settings": (
        SettingsChanged,
        lambda auth, anna: put_settings(auth.context, PutSettings(user_id=anna.user_id, preferences=lookback(7))),
    ),
    "reauthorize": (AccountReauthRequired, _reauthorize),
    "give up": (AccountReauthRequired, _give_up),
}


@pytest.mark.parametrize(("kind", "change"), CHANGES.values(), ids=CHANGES)
async def test_a_change_is_published_at_once_and_waits_where_the_bus_is_away(
    auth: AuthAlone, anna: SignedIn, kind: type, change: Change
) -> None:
    auth.bus.published.clear()
    auth.bus.away = True
    await change(auth, anna)
    (waiting,) = await auth.db.fetch("SELECT subject, payload FROM outbox")
    assert waiting["subject"] == kind.subject  # type: ignore[attr-defined]
    assert auth.bus.published == []
    assert waiting["payload"]["user_id"] == str(anna.user_id) or change is CHANGES["connect"][1]
    await auth.db.execute("DELETE FROM users")
    await auth.db.execute("DELETE FROM removed_accounts")
    await auth.db.execute("DELETE FROM outbox")
    auth.bus.away = False
    again = await auth.sign_in()
    auth.bus.published.clear()
    await change(auth, again)
    if change is _give_up:  # a command of its own: the service publishes it when it runs
        assert await auth.waiting_events() == 1
    else:
        assert [type(event) for event in auth.bus.published] == [kind]
        assert await auth.waiting_events() == 0


async def test_a_change_is_stored_together_with_its_event_or_not_at_all(database: Database, redis_url: str) -> None:
    async with auth_alone(database, redis_url) as auth:
        anna = await auth.sign_in()
        await auth.refuse_events()
        # A refresh deletes the access token when it begins, whatever becomes of it.
        await auth.db.execute("UPDATE google_accounts SET access_token = NULL, access_expires_at = NULL")
        for name, (_, change) in CHANGES.items():
            before = await auth.everything()
            with pytest.raises(asyncpg.CheckViolationError):
                await change(auth, anna)
            await auth.db.execute("UPDATE google_accounts SET refresh_holder = NULL, refresh_until = NULL")
            assert await auth.everything() == before, name


# -- connecting ------------------------------------------------------------------------------------------------------------


async def test_what_an_account_was_connected_with_is_stored_and_published(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    stored = await row(db, anna)
    assert (stored["address"], stored["name"], stored["sub"]) == (ANNA.address, ANNA.name, ANNA.sub)
    assert (stored["status"], stored["status_reason"], stored["sequence"]) == ("active", "", 1)
    assert frozenset(stored["scopes"]) == SCOPES
    keyring = auth.context.keyring
    assert keyring.open(stored["refresh_token"], anna.account_id, "refresh") == "refresh"
    assert keyring.open(stored["access_token"], anna.account_id, "access") == "access"
    assert timedelta(minutes=59) < stored["access_expires_at"] - auth.context.now() <= timedelta(hours=1)
    (event,) = auth.received(AccountConnected)
    assert (event.user_id, event.account_id, event.address) == (anna.user_id, anna.account_id, ANNA.address)
    assert (event.scopes, event.again, event.sequence) == (SCOPES, False, 1)
    assert abs(event.at - auth.context.now()) < timedelta(minutes=1)


async def test_signing_in_again_keeps_what_google_did_not_give_again(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    other = await auth.sign_in(WORK, user_id=anna.user_id)
    untouched = await row(db, other)
    await db.execute(
        "UPDATE google_accounts SET refresh_obtained_at = now() - interval '9 days', refreshed_at = now() - interval '8 days'"
        " WHERE id = $1",
        anna.account_id,
    )
    before = await row(db, anna)
    auth.oauth.exchanged = grant("second", None)
    await auth.sign_in(ANNA.model_copy(update={"name": ""}))
    after = await row(db, anna)
    for column in (
        "refresh_token",
        "refresh_obtained_at",
        "refreshed_at",
        "connected_at",
        "name",
        "sequence",
        "status",
    ):
        assert after[column] == before[column], column
    assert auth.context.keyring.open(after["access_token"], anna.account_id, "access") == "second"
    assert len(auth.received(AccountConnected)) == 2, "nothing new to publish"

    auth.oauth.exchanged = grant("third", None, scopes=SCOPES - {scopes.GMAIL_SEND})
    await auth.sign_in(ANNA.model_copy(update={"name": "Anna Stone"}))
    after = await row(db, anna)
    assert (after["name"], frozenset(after["scopes"])) == ("Anna Stone", SCOPES - {scopes.GMAIL_SEND})
    assert auth.received(AccountConnected)[-1].scopes == SCOPES - {scopes.GMAIL_SEND}

    auth.oauth.exchanged = grant("fourth", "second refresh", scopes=SCOPES - {scopes.GMAIL_SEND})
    await auth.sign_in(ANNA.model_copy(update={"name": "Anna Stone"}))
    after = await row(db, anna)
    assert auth.context.keyring.open(after["refresh_token"], anna.account_id, "refresh") == "second refresh"
    assert after["refresh_obtained_at"] > before["refresh_obtained_at"] + timedelta(days=8)
    assert after["refreshed_at"] > before["refreshed_at"] + timedelta(days=7)
    assert after["connected_at"] == before["connected_at"]
    assert [event.again for event in auth.received(AccountConnected)] == [False, False, True, True]
    assert [event.sequence for event in auth.received(AccountConnected)] == [1, 1, 2, 3]
    assert await row(db, other) == untouched


async def test_an_account_without_a_lasting_permission_is_none_yet(auth: AuthAlone, db: Connection) -> None:
    auth.oauth.exchanged = grant("access", None)
    signed_in = await auth.sign_in()
    stored = await row(db, signed_in)
    assert (stored["status"], stored["sequence"], stored["refresh_obtained_at"]) == ("reauth_required", 0, None)
    assert "no lasting permission" in stored["status_reason"]
    assert auth.received(AccountConnected) == []
    assert (await list_account_states(auth.context, ListAccountStates())).items == (), "never was connected"
    assert signed_in.authorize_url is not None
    assert auth.oauth.authorizations[-1]["prompt"] == "consent"
    assert auth.oauth.authorizations[-1]["login_hint"] == ANNA.address


async def test_a_reconnection_begins_anew_what_was_disconnected(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    await db.execute("UPDATE google_accounts SET connected_at = now() - interval '9 days'")
    before = await row(db, anna)
    await disconnect(auth.context, Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))
    again = await auth.sign_in()
    after = await row(db, again)
    assert after["id"] == before["id"]
    assert after["connected_at"] > before["connected_at"] + timedelta(days=8)
    assert (after["status"], after["status_reason"]) == ("active", "")


async def test_the_verifier_and_the_nonce_of_a_sign_in_are_its_own(auth: AuthAlone) -> None:
    for number in range(2):
        await auth.sign_in()
        begun = auth.oauth.authorizations[number]
        assert auth.oauth.exchanges[number] == ("code", begun["verifier"])
        assert auth.keys.nonces[number] == begun["nonce"]
    first, second = auth.oauth.authorizations
    for secret in ("state", "nonce", "verifier"):
        assert first[secret] != second[secret]


async def test_the_same_person_who_comes_many_times_at_once_is_one_user(auth: AuthAlone) -> None:
    auth.keys.together = asyncio.Barrier(5)
    outcomes = await asyncio.gather(*(auth.sign_in() for _ in range(5)))
    assert len({(signed_in.user_id, signed_in.account_id) for signed_in in outcomes}) == 1
    assert len({signed_in.session for signed_in in outcomes}) == 5
    for table, count in (("users", 1), ("google_accounts", 1), ("sessions", 5)):
        assert await auth.db.fetchval(f"SELECT count(*) FROM {table}") == count  # noqa: S608


async def test_an_account_that_two_users_add_at_once_is_connected_to_one_of_them(
    auth: AuthAlone, anna: SignedIn
) -> None:
    bob = await auth.sign_in(BOB)
    auth.keys.together = asyncio.Barrier(2)
    outcomes = await asyncio.gather(
        *(auth.sign_in(WORK, user_id=user_id) for user_id in (anna.user_id, bob.user_id)), return_exceptions=True
    )
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert isinstance(refused, Refused)
    assert refused.code == "account_taken"
    assert await auth.db.fetchval("SELECT count(*) FROM google_accounts WHERE sub = $1", WORK.sub) == 1
    assert auth.oauth.revoked == [], "revoking would end the other user's grant too"


async def test_whoever_deleted_themselves_meanwhile_adds_no_account(auth: AuthAlone, anna: SignedIn) -> None:
    auth.keys.together = asyncio.Barrier(2)
    adding = asyncio.create_task(auth.sign_in(WORK, user_id=anna.user_id))
    async with asyncio.timeout(20):
        while not auth.keys.together.n_waiting:
            await asyncio.sleep(0.01)
    await delete_user(auth.context, DeleteUser(user_id=anna.user_id))
    await auth.keys.together.wait()
    with pytest.raises(Refused) as refused:
        await adding
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    assert await auth.db.fetchval("SELECT count(*) FROM google_accounts") == 0


async def test_an_account_leads_to_who_has_it_and_not_to_who_gave_it_up(auth: AuthAlone, anna: SignedIn) -> None:
    """Bob was made by his account, gave it up, and Anna connected it: it signs her in from then on."""
    bob = await auth.sign_in(BOB)
    await disconnect(auth.context, Disconnect(user_id=bob.user_id, account_id=bob.account_id, purge=False))
    await auth.sign_in(BOB, user_id=anna.user_id)
    assert (await auth.sign_in(BOB)).user_id == anna.user_id
    user = await authenticate(auth.context, WhoIs(session=auth.sessions[anna.user_id]))
    assert (user.name, user.address) == (ANNA.name, ANNA.address), "another account changes no profile"


# -- leaving ---------------------------------------------------------------------------------------------------------------


async def test_a_grant_is_revoked_while_its_token_is_still_stored(auth: AuthAlone, anna: SignedIn) -> None:
    """A crash in between repeats the revocation instead of leaving a grant alive."""
    work = await auth.sign_in(WORK, user_id=anna.user_id)
    for leave in (
        lambda: disconnect(auth.context, Disconnect(user_id=anna.user_id, account_id=work.account_id, purge=True)),
        lambda: delete_user(auth.context, DeleteUser(user_id=anna.user_id)),
    ):
        stored: list[int] = []
        original = type(auth.oauth).revoke

        async def revoke(token: str, stored: list[int] = stored) -> None:
            stored.append(
                await auth.db.fetchval("SELECT count(*) FROM google_accounts WHERE refresh_token IS NOT NULL")
            )
            await original(auth.oauth, token)

        auth.oauth.revoke = revoke  # type: ignore[method-assign]
        before = await auth.db.fetchval("SELECT count(*) FROM google_accounts")
        await leave()
        assert stored == [before]
        assert await auth.db.fetchval("SELECT count(*) FROM google_accounts") == before - 1
    assert auth.oauth.revoked == ["refresh", "refresh"]


@pytest.mark.parametrize("purge", [False, True])
async def test_disconnecting_takes_one_account_and_leaves_the_others(
    auth: AuthAlone, anna: SignedIn, db: Connection, purge: bool
) -> None:
    work, bob = await auth.sign_in(WORK, user_id=anna.user_id), await auth.sign_in(BOB)
    before = [await row(db, work), await row(db, bob)]
    command = Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=purge)
    await disconnect(auth.context, command)
    assert [await row(db, work), await row(db, bob)] == before
    (event,) = auth.received(AccountDisconnected)
    assert (event.user_id, event.account_id, event.purge, event.sequence) == (anna.user_id, anna.account_id, purge, 2)
    if purge:
        removed = await db.fetch("SELECT id, user_id, sequence, user_deleted FROM removed_accounts")
        assert removed == [(anna.account_id, anna.user_id, 2, False)]
        with pytest.raises(Refused):
            await disconnect(auth.context, command)
    else:
        stored = await row(db, anna)
        assert (stored["status"], stored["scopes"], stored["status_reason"]) == ("disconnected", [], "")
        assert (stored["refresh_token"], stored["access_token"], stored["access_expires_at"]) == (None, None, None)
        await disconnect(auth.context, command)
        assert await row(db, anna) == stored
    assert len(auth.received(AccountDisconnected)) == 1
    with pytest.raises(Refused) as refused:
        await disconnect(auth.context, Disconnect(user_id=bob.user_id, account_id=work.account_id, purge=purge))
    assert refused.value.code == "not_found"


async def test_deleting_a_user_leaves_the_ids_of_their_accounts_alone_and_others_untouched(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    work, bob = await auth.sign_in(WORK, user_id=anna.user_id), await auth.sign_in(BOB)
    other = await auth.sign_in(identity("third", 4), user_id=bob.user_id)
    for who, account in ((anna, work), (bob, other)):
        await disconnect(auth.context, Disconnect(user_id=who.user_id, account_id=account.account_id, purge=True))
    await delete_user(auth.context, DeleteUser(user_id=anna.user_id))
    assert auth.received(UserDeleted)[0].account_ids == (anna.account_id,)
    removed = await db.fetch("SELECT id, user_id, sequence, user_deleted FROM removed_accounts ORDER BY id")
    assert sorted(removed) == sorted(
        [
            (anna.account_id, anna.user_id, 2, True),
            (work.account_id, anna.user_id, 2, True),
            (other.account_id, bob.user_id, 2, False),
        ]
    )
    assert await db.fetchval("SELECT count(*) FROM users") == 1
    assert (await row(db, bob))["status"] == "active"


# -- lists -----------------------------------------------------------------------------------------------------------------


async def test_accounts_are_listed_oldest_first_for_their_user_or_by_id(auth: AuthAlone, anna: SignedIn) -> None:
    bob = await auth.sign_in(BOB)
    work = await auth.sign_in(WORK, user_id=anna.user_id)
    await disconnect(auth.context, Disconnect(user_id=anna.user_id, account_id=work.account_id, purge=False))

    async def listed(**fields: Any) -> list[AccountId]:
        return [account.id for account in (await list_accounts(auth.context, ListAccounts(**fields))).items]

    assert await listed() == [anna.account_id, bob.account_id]
    assert await listed(user_id=anna.user_id) == [anna.account_id, work.account_id]
    assert await listed(account_id=work.account_id) == [work.account_id]
    assert await listed(user_id=bob.user_id, account_id=work.account_id) == []


async def test_states_are_read_page_by_page_with_those_of_removed_accounts(auth: AuthAlone) -> None:
    signed_in = [await auth.sign_in(identity(f"person{number}", number)) for number in range(5)]
    for gone in signed_in[1:4:2]:
        await disconnect(auth.context, Disconnect(user_id=gone.user_id, account_id=gone.account_id, purge=True))
    for limit in (1, 2, 3, 5):
        pages, after = [], None
        while True:
            page = await list_account_states(auth.context, ListAccountStates(after=after, limit=limit))
            pages.append(page.items)
            if (after := page.next_after) is None:
                break
        assert [state.id for items in pages for state in items] == [account.account_id for account in signed_in]
        assert [len(items) for items in pages[:-1]] == [limit] * (len(pages) - 1)
        assert len(pages[-1]) < limit
    gone = signed_in[1]
    one_account = ListAccountStates(account_id=gone.account_id, limit=1)
    alone = await list_account_states(auth.context, one_account)
    assert [(state.id, state.status, state.sequence) for state in alone.items] == [(gone.account_id, "purged", 2)]
    assert alone.next_after is None


# -- sessions and API tokens -----------------------------------------------------------------------------------------------


async def test_a_session_is_found_by_its_own_secret_and_leads_to_its_own_user(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    bob = await auth.sign_in(BOB)
    for who in (anna, bob):
        assert who.session is not None
        assert (await authenticate(auth.context, WhoIs(session=who.session))).id == who.user_id
        stored = await db.fetchrow("SELECT * FROM sessions WHERE hash = $1", fingerprint(who.session))
        assert stored is not None
        assert stored["user_id"] == who.user_id
        assert stored["expires_at"] == who.session_expires_at
        assert SESSION_LIFE - timedelta(minutes=1) < stored["expires_at"] - stored["created_at"] <= SESSION_LIFE
    second = await auth.sign_in()
    await sign_out(auth.context, SignOut(session=anna.session or ""))
    with pytest.raises(Refused):
        await authenticate(auth.context, WhoIs(session=anna.session))
    await authenticate(auth.context, WhoIs(session=second.session))
    await sign_out_everywhere(auth.context, SignOutEverywhere(user_id=anna.user_id))
    with pytest.raises(Refused):
        await authenticate(auth.context, WhoIs(session=second.session))
    assert (await authenticate(auth.context, WhoIs(session=bob.session))).id == bob.user_id


@pytest.mark.parametrize(
    ("left", "prolonged", "valid"),
    [
        (SESSION_LIFE - SESSION_STEP + timedelta(minutes=5), False, True),
        (SESSION_LIFE - SESSION_STEP - timedelta(minutes=5), True, True),
        (timedelta(minutes=5), True, True),
        (-SECOND, False, False),
    ],
)
async def test_a_session_in_use_is_prolonged_once_a_day_and_one_that_is_over_never(
    auth: AuthAlone, anna: SignedIn, db: Connection, left: timedelta, prolonged: bool, valid: bool
) -> None:
    bob = await auth.sign_in(BOB)
    assert anna.session is not None
    assert bob.session is not None
    await db.execute("UPDATE sessions SET expires_at = now() + $1", left)
    before = await db.fetchval("SELECT expires_at FROM sessions WHERE user_id = $1", bob.user_id)
    mine = await db.fetchval("SELECT expires_at FROM sessions WHERE user_id = $1", anna.user_id)
    try:
        await authenticate(auth.context, WhoIs(session=anna.session))
    except Refused:
        assert not valid
    else:
        assert valid
    after = await db.fetchrow(
        "SELECT expires_at, expires_at - now() AS left FROM sessions WHERE user_id = $1", anna.user_id
    )
    assert after is not None
    assert (after["expires_at"] != mine) is prolonged
    if prolonged:
        assert SESSION_LIFE - timedelta(minutes=1) < after["left"] <= SESSION_LIFE
    assert await db.fetchval("SELECT expires_at FROM sessions WHERE user_id = $1", bob.user_id) == before


async def test_sessions_that_are_over_are_deleted_when_somebody_signs_in(auth: AuthAlone, anna: SignedIn) -> None:
    kept = await auth.sign_in()
    assert anna.session is not None
    assert kept.session is not None
    over = "UPDATE sessions SET expires_at = now() - interval '1 s' WHERE hash = $1"
    await auth.db.execute(over, fingerprint(anna.session))
    new = await auth.sign_in()
    assert new.session is not None
    stored = {session["hash"] for session in await auth.db.fetch("SELECT hash FROM sessions")}
    assert stored == {fingerprint(kept.session), fingerprint(new.session)}


async def test_an_api_token_is_its_users_and_is_listed_oldest_first(auth: AuthAlone, anna: SignedIn) -> None:
    bob = await auth.sign_in(BOB)
    created = [
        await create_api_token(auth.context, CreateApiToken(user_id=user.user_id, name=name))
        for user, name in ((anna, "z"), (bob, "bob's"), (anna, "a"))
    ]
    mine = (await list_api_tokens(auth.context, ListApiTokens(user_id=anna.user_id))).items
    assert [token.name for token in mine] == ["z", "a"]
    assert [token.secret for token in mine] == [None, None]
    for token, user in zip(created, (anna, bob, anna), strict=True):
        assert (await authenticate(auth.context, WhoIs(token=token.secret))).id == user.user_id
    stored = await auth.db.fetchrow("SELECT * FROM api_tokens WHERE id = $1", created[0].id)
    assert stored is not None
    assert created[0].secret is not None
    assert stored["hash"] == fingerprint(created[0].secret)
    assert created[0].secret not in str(stored)
    with pytest.raises(Refused):
        await delete_api_token(auth.context, DeleteApiToken(user_id=anna.user_id, token_id=created[1].id))
    await delete_api_token(auth.context, DeleteApiToken(user_id=anna.user_id, token_id=created[0].id))
    for token, alive in zip(created, (False, True, True), strict=True):
        outcome = await asyncio.gather(authenticate(auth.context, WhoIs(token=token.secret)), return_exceptions=True)
        assert isinstance(outcome[0], User) is alive


async def test_the_last_use_of_an_api_token_is_written_at_most_once_a_minute(auth: AuthAlone, anna: SignedIn) -> None:
    for name in ("used", "unused"):
        created = await create_api_token(auth.context, CreateApiToken(user_id=anna.user_id, name=name))
        if name == "used":
            secret = created.secret
    for seconds, written in ((61, True), (59, False)):
        await auth.db.execute("UPDATE api_tokens SET last_used_at = now() - $1::interval", timedelta(seconds=seconds))
        before = dict(await auth.db.fetch("SELECT name, last_used_at FROM api_tokens"))
        await authenticate(auth.context, WhoIs(token=secret))
        after = dict(await auth.db.fetch("SELECT name, last_used_at FROM api_tokens"))
        assert (after["used"] != before["used"]) is written
        assert after["unused"] == before["unused"]


async def test_a_user_has_so_many_api_tokens_and_no_more(auth: AuthAlone, anna: SignedIn) -> None:
    bob = await auth.sign_in(BOB)
    await auth.db.execute(
        "INSERT INTO api_tokens (id, user_id, hash, name) SELECT gen_random_uuid(), $1, n::text::bytea, 'old'"
        " FROM generate_series(1, $2) AS n",
        anna.user_id,
        TOKENS_PER_USER - 1,
    )
    outcomes = await asyncio.gather(
        *(create_api_token(auth.context, CreateApiToken(user_id=anna.user_id, name="new")) for _ in range(4)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert [refusal.code for refusal in refused] == ["too_many_tokens"] * 3
    await create_api_token(auth.context, CreateApiToken(user_id=bob.user_id, name="bob's"))


# -- settings --------------------------------------------------------------------------------------------------------------


async def test_of_two_changes_of_the_same_settings_at_once_the_later_is_refused(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    """Both have begun before either is stored: the row of the user is locked until then."""

    async def waiting() -> int:
        count: int = await auth.db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return count

    async with db.transaction():
        await db.execute("SELECT FROM users FOR UPDATE")
        changes = [
            asyncio.create_task(
                put_settings(auth.context, PutSettings(user_id=anna.user_id, preferences=lookback(days), if_version=0))
            )
            for days in (7, 8)
        ]
        async with asyncio.timeout(20):
            while await waiting() < 2:
                await asyncio.sleep(0.01)
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    (stored,) = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert isinstance(refused, Refused)
    assert refused.code == "settings_changed"
    assert await get_settings(auth.context, GetSettings(user_id=anna.user_id)) == stored
    assert len(auth.received(SettingsChanged)) == 1


async def test_settings_are_each_users_own_and_counted(auth: AuthAlone, anna: SignedIn) -> None:
    bob = await auth.sign_in(BOB)
    for version, days in ((1, 7), (2, 8)):
        stored = await put_settings(auth.context, PutSettings(user_id=anna.user_id, preferences=lookback(days)))
        assert (stored.version, stored.preferences) == (version, lookback(days))
    assert await get_settings(auth.context, GetSettings(user_id=anna.user_id)) == stored
    assert (await get_settings(auth.context, GetSettings(user_id=bob.user_id))).version == 0
    events = auth.received(SettingsChanged)
    assert [(event.user_id, event.version) for event in events] == [(anna.user_id, 1), (anna.user_id, 2)]
    assert (events[1].before, events[1].after) == (lookback(7), lookback(8))


# -- keys ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [1, 2, 3, 500])
async def test_rotation_goes_through_all_accounts_as_often_as_it_is_run(
    auth: AuthAlone, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(rotate, "PAGE", page)
    people = [await auth.sign_in(identity(f"person{number}", number)) for number in range(3)]
    waiting = await auth.sign_in(BOB)
    await auth.db.execute(
        "UPDATE google_accounts SET refresh_token = NULL, status = 'reauth_required' WHERE id = $1", waiting.account_id
    )
    old_keyring, new_key = auth.context.keyring, generate()[SECRET_KEYS]
    both = Keyring([new_key])
    both._ciphers.update(old_keyring._ciphers)
    outcomes = await asyncio.gather(*(rotate.reencrypt(auth.db, both) for _ in range(2)))
    assert sum(outcomes) == 3, "two that run at once change each once"
    assert await rotate.reencrypt(auth.db, both) == 0
    for person in people:
        stored = await auth.db.fetchrow("SELECT * FROM google_accounts WHERE id = $1", person.account_id)
        assert stored is not None
        assert Keyring([new_key]).open(stored["refresh_token"], person.account_id, "refresh") == "refresh"
        assert stored["access_token"] is None, "it was sealed under the old key"


@pytest.mark.parametrize("page", [1, 2, 3])
async def test_one_token_that_does_not_open_keeps_no_other_from_being_rotated(
    auth: AuthAlone, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    for module in (rotate, lost_keys):
        monkeypatch.setattr(module, "PAGE", page)
    people = [await auth.sign_in(identity(f"person{number}", number)) for number in range(3)]
    junk = "UPDATE google_accounts SET refresh_token = 'junk' WHERE id = $1"
    await auth.db.execute(junk, people[0].account_id)
    both = Keyring([generate()[SECRET_KEYS]])
    both._ciphers.update(auth.context.keyring._ciphers)
    with pytest.raises(Undecryptable, match="2 tokens were re-encrypted, 1 do not open"):
        await rotate.reencrypt(auth.db, both)
    await auth.db.execute(junk, people[2].account_id)
    assert await lost_keys.give_up_unreadable(auth.db, both) == 2
    accounts = await auth.db.fetch("SELECT * FROM google_accounts ORDER BY id")
    assert [stored["status"] for stored in accounts] == ["reauth_required", "active", "reauth_required"]
    assert [stored["status_reason"] for stored in accounts] == [KEY_LOST, "", KEY_LOST]
    for stored in accounts[::2]:
        assert (stored["refresh_token"], stored["access_token"], stored["access_expires_at"]) == (None, None, None)
    events = [pending["payload"] for pending in await auth.db.fetch("SELECT payload FROM outbox ORDER BY id")]
    assert [event["account_id"] for event in events] == [str(people[0].account_id), str(people[2].account_id)]
    assert {event["reason"] for event in events} == {KEY_LOST}


async def test_a_token_that_changed_meanwhile_is_neither_replaced_nor_given_up(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    other = await auth.sign_in(WORK, user_id=anna.user_id)
    before = [await row(db, anna), await row(db, other)]
    assert not await access_tokens.replace_sealed_token(db, anna.account_id, b"older", b"newer")
    assert await access_tokens.discard_sealed_token(db, anna.account_id, b"older", "why") is None
    assert [await row(db, anna), await row(db, other)] == before
    await db.execute("UPDATE google_accounts SET refresh_token = 'same'")
    assert await access_tokens.replace_sealed_token(db, anna.account_id, b"same", b"newer")
    assert (await row(db, other))["refresh_token"] == b"same"
    assert await access_tokens.discard_sealed_token(db, anna.account_id, b"newer", "why") == (
        anna.user_id,
        ANNA.address,
    )
    assert (await row(db, other))["status"] == "active"


# -- what is private -------------------------------------------------------------------------------------------------------


async def test_nothing_private_is_logged(auth: AuthAlone, capfd: pytest.CaptureFixture[str]) -> None:
    anna = await auth.sign_in()
    await auth.sign_in(WORK, user_id=anna.user_id)
    token = await create_api_token(auth.context, CreateApiToken(user_id=anna.user_id, name="the name of a token"))
    own = Preferences(gmail=GmailPreferences(own_addresses=("anna@elsewhere.example",)))
    await put_settings(auth.context, PutSettings(user_id=anna.user_id, preferences=own))
    await get_token(auth.context, read(anna, "access"))
    auth.oauth.refresh_once = _dead
    for error in (Outage("away"), InvalidGrant("revoked")):
        await auth.db.execute("UPDATE google_accounts SET refresh_until = NULL")

        async def refresh(_: str, error: Exception = error) -> Grant:
            raise error

        auth.oauth.refresh_once = refresh
        outcome = await asyncio.gather(get_token(auth.context, read(anna, "refreshed")), return_exceptions=True)
        assert isinstance(outcome[0], Outage | Refused)
    auth.oauth.revoking = Outage("away")
    await sign_out_everywhere(auth.context, SignOutEverywhere(user_id=anna.user_id))
    await delete_api_token(auth.context, DeleteApiToken(user_id=anna.user_id, token_id=token.id))
    await delete_user(auth.context, DeleteUser(user_id=anna.user_id))
    logged = "".join(capfd.readouterr())
    for event in (
        "user_created", "signed_in", "api_token_created", "settings_changed", "token_refreshed", "token_refresh_failed",
        "account_reauth_required", "revoke_failed", "signed_out_everywhere", "api_token_deleted", "user_deleted",
    ):  # fmt: skip
        assert event in logged
    begun = auth.oauth.authorizations
    secrets = [secret for each in begun for secret in (each["state"], each["nonce"], each["verifier"])]
    people = [text for who in (ANNA, WORK) for text in (who.address, who.name)]
    for private in (*secrets, *people, anna.session, token.secret, token.name, "elsewhere.example"):
        assert private is not None
        assert private not in logged


async def test_what_holds_secrets_does_not_show_them(auth: AuthAlone, anna: SignedIn, db: Connection) -> None:
    held = await access_tokens.get_credentials(db, anna.account_id)
    lease = await access_tokens.acquire_lease(db, anna.account_id, new_id(), held.access_token if held else None)
    assert lease is not None
    for shown in (repr(held), repr(lease), repr(grant("secret", "secret"))):
        assert "secret" not in shown
        assert "b'" not in shown


async def test_former_secrets_of_webhooks_are_those_of_all_keys_the_first_keys_first(auth: AuthAlone) -> None:
    keys = ("first key", "second key")
    context = replace(auth.context, secret_keys=tuple(SecretStr(key) for key in keys))
    mine, other = UserId(new_id()), UserId(new_id())
    found = await get_former_webhook_secrets(context, GetFormerWebhookSecrets(user_id=mine))
    assert found.items == tuple(secret for key in keys for secret in former_webhook_secrets([key], mine))
    theirs = await get_former_webhook_secrets(context, GetFormerWebhookSecrets(user_id=other))
    assert not set(found.items) & set(theirs.items)
