"""Sessions, API tokens and settings: each its user's own, ended, counted and limited; and what is not logged of them."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common.db import Connection
from libs.common.errors import Outage, Refused
from libs.common.events import SettingsChanged
from libs.common.google.oauth import Grant, InvalidGrant
from libs.common.idempotency import CommandKey, under
from libs.common.ids import new_id
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    CreateApiToken,
    DeleteApiToken,
    DeleteUser,
    GetSettings,
    ListApiTokens,
    PutSettings,
    SignedIn,
    SignOut,
    SignOutEverywhere,
    User,
    WhoIs,
)
from services.auth.credentials import fingerprint
from services.auth.domain.api_tokens import TOKENS_PER_USER
from services.auth.handlers.access_tokens import get_token
from services.auth.handlers.api_tokens import create_api_token, delete_api_token, list_api_tokens
from services.auth.handlers.preferences import get_settings, put_settings
from services.auth.handlers.sessions import authenticate, sign_out, sign_out_everywhere
from services.auth.handlers.users import delete_user
from services.auth.store import access_tokens, api_tokens
from services.auth.store.sessions import SESSION_LIFE, SESSION_STEP
from tests.support.auth_alone import ANNA, BOB, WORK, AuthAlone, auth_alone, grant, read
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


async def test_a_token_that_is_created_again_replaces_its_own_users_secret_alone(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    bob = await auth.sign_in(BOB)
    token_id = new_id()
    for secret in (b"first", b"second"):
        created = await api_tokens.upsert_api_token(
            db, token_id, secret, CreateApiToken(user_id=anna.user_id, name="script")
        )
        assert (created.id, created.name, created.last_used_at) == (token_id, "script", None)
    with pytest.raises(AssertionError):
        await api_tokens.upsert_api_token(db, token_id, b"bob's", CreateApiToken(user_id=bob.user_id, name="script"))
    assert await db.fetch("SELECT user_id, hash FROM api_tokens") == [(anna.user_id, b"second")]


async def test_the_last_use_of_an_api_token_is_written_at_most_once_a_minute(auth: AuthAlone, anna: SignedIn) -> None:
    for name in ("used", "unused"):
        created = await create_api_token(auth.context, CreateApiToken(user_id=anna.user_id, name=name))
        if name == "used":
            secret = created.secret
    for seconds, written in ((61, True), (30, False)):
        await auth.db.execute("UPDATE api_tokens SET last_used_at = now() - $1::interval", timedelta(seconds=seconds))
        before = dict(await auth.db.fetch("SELECT name, last_used_at FROM api_tokens"))
        await authenticate(auth.context, WhoIs(token=secret))
        after = dict(await auth.db.fetch("SELECT name, last_used_at FROM api_tokens"))
        assert (after["used"] != before["used"]) is written
        assert after["unused"] == before["unused"]


async def test_an_api_token_may_do_what_was_chosen_until_it_ends(auth: AuthAlone, anna: SignedIn) -> None:
    def command(**fields: Any) -> CreateApiToken:
        return CreateApiToken(user_id=anna.user_id, name="script", **fields)

    plain = await create_api_token(auth.context, command())
    chosen = await create_api_token(auth.context, command(scopes={"account", "write"}, days=2))
    assert (plain.scopes, chosen.scopes) == (("read",), ("write", "account"))
    for token, days in ((plain, 365), (chosen, 2)):
        assert token.expires_at is not None
        assert token.expires_at - token.created_at == timedelta(days=days)
        known = await authenticate(auth.context, WhoIs(token=token.secret))
        assert known.scopes == frozenset(token.scopes)
    assert anna.session is not None
    assert (await authenticate(auth.context, WhoIs(session=anna.session))).scopes == frozenset()
    await auth.db.execute("UPDATE api_tokens SET expires_at = now() WHERE id = $1", chosen.id)
    used = "SELECT last_used_at FROM api_tokens WHERE id = $1"
    await auth.db.execute("UPDATE api_tokens SET last_used_at = NULL")
    with pytest.raises(Refused, match="unauthenticated") as caught:
        await authenticate(auth.context, WhoIs(token=chosen.secret))
    assert caught.value.detail.startswith("This API token expired on 20")
    assert await auth.db.fetchval(used, chosen.id) is None, "a refusal is no use"
    await authenticate(auth.context, WhoIs(token=plain.secret))
    await auth.db.execute("UPDATE api_tokens SET expires_at = NULL")
    assert (await authenticate(auth.context, WhoIs(token=chosen.secret))).id == anna.user_id, (
        "made before there was an end"
    )


async def test_a_user_has_so_many_api_tokens_and_no_more(auth: AuthAlone, anna: SignedIn) -> None:
    bob = await auth.sign_in(BOB)
    await auth.db.execute(
        "INSERT INTO api_tokens (id, user_id, hash, name, scopes) SELECT gen_random_uuid(), $1, n::text::bytea, 'old', '{read}'"
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
    await auth.db.execute("DELETE FROM api_tokens WHERE name = 'new'")
    with under(CommandKey("auth", CreateApiToken.subject, str(anna.user_id), "key")):
        last = CreateApiToken(user_id=anna.user_id, name="last")
        first, again = [await create_api_token(auth.context, last) for _ in range(2)]
    assert first.id == again.id, "whose creator got no reply is not one more"


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


# -- what is private -------------------------------------------------------------------------------------------------------


async def test_nothing_private_is_logged(auth: AuthAlone, capfd: pytest.CaptureFixture[str]) -> None:
    anna = await auth.sign_in()
    await auth.sign_in(WORK, user_id=anna.user_id)
    token = await create_api_token(auth.context, CreateApiToken(user_id=anna.user_id, name="the name of a token"))
    own = Preferences(gmail=GmailPreferences(own_addresses=("anna@elsewhere.example",)))
    await put_settings(auth.context, PutSettings(user_id=anna.user_id, preferences=own))
    await get_token(auth.context, read(anna, "access"))
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
        assert not re.search(r"(?<!\w)b['\"]", shown), "no bytes"
