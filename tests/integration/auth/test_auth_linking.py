"""What a sign-in stores of an account, and whose it is, whoever comes at the same time."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from libs.common import scopes
from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.events import AccountConnected
from libs.common.requests import (
    DeleteUser,
    Disconnect,
    FinishSignIn,
    ListAccountStates,
    SignedIn,
    WhoIs,
)
from services.auth.handlers.accounts import disconnect, list_account_states
from services.auth.handlers.sessions import authenticate
from services.auth.handlers.sign_in import finish_sign_in
from services.auth.handlers.users import delete_user
from tests.support.auth_alone import ANNA, BOB, SCOPES, WORK, AuthAlone, auth_alone, grant
from tests.support.database import Database


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
        assert await auth.db.fetchval(f"SELECT count(*) FROM {table}") == count


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


async def test_the_profile_of_a_user_is_that_of_the_account_that_made_them(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    bob = await auth.sign_in(BOB)
    untouched = await db.fetchrow("SELECT * FROM users WHERE id = $1", bob.user_id)
    changed = {"name": "", "address": "anna.stone@gmail.com", "address_verified": False}
    await auth.sign_in(ANNA.model_copy(update=changed))
    profile = "SELECT name, address, address_verified FROM users WHERE id = $1"
    assert await db.fetchrow(profile, anna.user_id) == (ANNA.name, "anna.stone@gmail.com", False)
    await auth.sign_in(ANNA.model_copy(update={"name": "Anna Stone"}))
    assert await db.fetchrow(profile, anna.user_id) == ("Anna Stone", ANNA.address, True)
    assert await db.fetchrow("SELECT * FROM users WHERE id = $1", bob.user_id) == untouched
    assert await db.fetch("SELECT owner FROM users ORDER BY id") == [(True,), (False,)]


# -- the way to Google and back --------------------------------------------------------------------------------------------


async def test_an_account_is_renewed_without_a_consent_that_is_given_already(auth: AuthAlone, anna: SignedIn) -> None:
    await auth.begin(session=anna.session, account_id=anna.account_id)
    begun = auth.oauth.authorizations[-1]
    assert (begun["prompt"], begun["login_hint"]) == ("select_account", ANNA.address)
    auth.oauth.exchanged = grant("access", None, scopes=SCOPES - {scopes.GMAIL_SEND})
    await auth.sign_in()
    await auth.begin(session=anna.session, account_id=anna.account_id)
    assert auth.oauth.authorizations[-1]["prompt"] == "consent"
    await auth.begin(session=anna.session)
    begun = auth.oauth.authorizations[-1]
    assert (begun["prompt"], begun["login_hint"]) == ("select_account", "")


async def test_a_second_way_through_consent_is_for_the_same_account_in_the_same_session(
    auth: AuthAlone, anna: SignedIn
) -> None:
    auth.oauth.exchanged = grant("access", None)
    halfway = await auth.sign_in(WORK, user_id=anna.user_id)
    assert halfway.authorize_url is not None
    state = halfway.authorize_url.rpartition("=")[2]
    for session, who, code in ((None, WORK, "invalid_state"), (anna.session, BOB, "other_account")):
        auth.keys.who = who
        with pytest.raises(Refused) as refused:
            await finish_sign_in(
                auth.context, FinishSignIn(browser="browser", session=session, state=state, code="code")
            )
        assert refused.value.code == code
        halfway = await auth.sign_in(WORK, user_id=anna.user_id)
        state = (halfway.authorize_url or "").rpartition("=")[2]
    auth.keys.who, auth.oauth.exchanged = WORK, grant("access", "lasting")
    done = await finish_sign_in(
        auth.context, FinishSignIn(browser="browser", session=anna.session, state=state, code="code")
    )
    assert (done.user_id, done.account_id, done.authorize_url) == (anna.user_id, halfway.account_id, None)


async def test_without_a_client_at_google_nothing_begins(auth: AuthAlone) -> None:
    auth.oauth.configured = False
    with pytest.raises(Refused) as refused:
        await auth.begin()
    assert (refused.value.status, refused.value.code) == (500, "not_configured")
    assert auth.oauth.authorizations == []


@pytest.mark.parametrize(
    ("lacks", "line"),
    [
        ("code", {"event": "sign_in_declined", "denied": False, "log_level": "info"}),
        ("ID token", {"event": "id_token_refused", "reason": "There was none.", "log_level": "warning"}),
    ],
)
async def test_a_way_back_without_proof_of_who_it_is_signs_nobody_in(
    auth: AuthAlone, lacks: str, line: dict[str, object]
) -> None:
    if lacks == "ID token":
        auth.oauth.exchanged = grant(id_token=None)
    command = FinishSignIn(browser="browser", state=await auth.begin(), code="" if lacks == "code" else "code")
    with capture_logs() as logs, pytest.raises(Refused) as refused:
        await finish_sign_in(auth.context, command)
    assert (refused.value.status, refused.value.code) == (502, "exchange_failed")
    assert str(line.get("reason", "")) in refused.value.detail
    assert logs == [line], "whoever investigates finds it"
    assert len(auth.oauth.exchanges) == (lacks == "ID token")
    assert not any((await auth.everything()).values())
