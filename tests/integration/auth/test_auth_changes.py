"""What happens to users and accounts is stored together with its event or not at all, each in its own row; and keys are changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from libs.common.db import Connection
from libs.common.errors import Refused
from libs.common.events import (
    AccountConnected,
    AccountDisconnected,
    AccountReauthRequired,
    SettingsChanged,
    UserDeleted,
)
from libs.common.google.oauth import Grant, InvalidGrant
from libs.common.ids import AccountId
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    DeleteUser,
    Disconnect,
    ListAccounts,
    ListAccountStates,
    PutSettings,
    SignedIn,
)
from libs.local.secrets import SECRET_KEYS, generate
from services.auth import lost_keys, rotate
from services.auth.domain.access_tokens import KEY_LOST
from services.auth.handlers.access_tokens import get_token
from services.auth.handlers.accounts import disconnect, list_account_states, list_accounts
from services.auth.handlers.preferences import put_settings
from services.auth.handlers.users import delete_user
from services.auth.keyring import Keyring, Undecryptable
from services.auth.store import access_tokens
from tests.support.auth_alone import ANNA, BOB, WORK, AuthAlone, auth_alone, identity, read
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


# -- leaving ---------------------------------------------------------------------------------------------------------------


async def test_a_grant_is_revoked_while_its_token_is_still_stored(auth: AuthAlone, anna: SignedIn) -> None:
    """A crash in between repeats the revocation instead of leaving a grant alive."""
    work = await auth.sign_in(WORK, user_id=anna.user_id)
    for leave in (
        lambda: disconnect(auth.context, Disconnect(user_id=anna.user_id, account_id=work.account_id, purge=True)),
        lambda: delete_user(auth.context, DeleteUser(user_id=anna.user_id)),
    ):
        stored: list[int] = []

        async def revoke(token: str, stored: list[int] = stored) -> None:
            count = "SELECT count(*) FROM google_accounts WHERE refresh_token IS NOT NULL"
            stored.append(await auth.db.fetchval(count))
            auth.oauth.revoked.append(token)

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


async def test_of_two_who_disconnect_an_account_at_once_one_publishes_it(
    auth: AuthAlone, anna: SignedIn, db: Connection
) -> None:
    """Both have begun before either is stored: the row of the account is locked until then."""
    command = Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False)
    revoked, go_on = asyncio.Barrier(3), asyncio.Event()

    async def revoke(_: str) -> None:
        await revoked.wait()
        await go_on.wait()

    auth.oauth.revoke = revoke  # type: ignore[method-assign]
    leaving = [asyncio.create_task(disconnect(auth.context, command)) for _ in range(2)]
    await revoked.wait()
    async with db.transaction():
        await db.execute("SELECT FROM google_accounts FOR UPDATE")
        go_on.set()
        async with asyncio.timeout(20):
            while await auth.db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < 2:
                await asyncio.sleep(0.01)
    await asyncio.gather(*leaving)
    assert [event.sequence for event in auth.received(AccountDisconnected)] == [2]


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
            assert len(pages) <= len(signed_in) + 1
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
    new_key = generate()[SECRET_KEYS]
    both = Keyring([new_key, auth.secret_key])
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
    both = Keyring([generate()[SECRET_KEYS], auth.secret_key])
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
    assert [event["sequence"] for event in events] == [2, 2], (
        "consumers leave out what is not later than what they know"
    )
    assert [stored["sequence"] for stored in accounts] == [2, 1, 2]


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
        2,
    )
    assert (await row(db, other))["status"] == "active"
