"""Disconnecting, deleting, settings and API tokens."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import redis.asyncio

from libs.common.errors import Refused
from libs.common.events import AccountConnected, AccountDisconnected, SettingsChanged, UserDeleted
from libs.common.ids import UserId, new_id
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    CreateApiToken,
    DeleteApiToken,
    DeleteUser,
    Disconnect,
    GetSettings,
    ListAccounts,
    ListAccountStates,
    ListApiTokens,
    PutSettings,
    SignedIn,
    WhoIs,
)
from libs.google_sim.faults import Rule
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.signing_in import ANNA, ANNA_AT_WORK, BOB, AuthWorld, auth_world


@pytest_asyncio.fixture
async def world(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[AuthWorld]:
    async with auth_world(service_settings, nats_server.admin_url) as running:
        yield running


@pytest_asyncio.fixture
async def anna(world: AuthWorld) -> SignedIn:
    return await world.sign_in(ANNA.address)


async def test_disconnecting_revokes_at_google_and_forgets_the_tokens(world: AuthWorld, anna: SignedIn) -> None:
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))

    assert world.google.world.authority.refresh == {}
    assert world.google.world.authority.access == {}
    row = await world.sql("SELECT status, refresh_token, access_token FROM google_accounts")
    assert tuple(row) == ("disconnected", None, None)
    assert (await world.request(ListAccounts())).items == ()
    (shown,) = (await world.request(ListAccounts(user_id=anna.user_id))).items
    assert shown.status == "disconnected"
    await world.until(lambda: bool(world.received(AccountDisconnected)))
    assert not world.received(AccountDisconnected)[0].purge


async def test_a_failed_revocation_does_not_keep_anybody_from_leaving(world: AuthWorld, anna: SignedIn) -> None:
    world.google.world.faults.set([Rule("/revoke", "5xx")], 0)
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))
    row = await world.sql("SELECT status, refresh_token FROM google_accounts")
    assert tuple(row) == ("disconnected", None)


async def test_disconnecting_twice_is_published_once_and_purging_afterwards_is_published(
    world: AuthWorld, anna: SignedIn
) -> None:
    for purge in (False, False, True):
        await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=purge))
    await world.catch_up()
    assert [event.purge for event in world.received(AccountDisconnected)] == [False, True]
    assert (await world.request(ListAccounts(user_id=anna.user_id))).items == ()


async def test_an_account_that_was_kept_reconnects_under_its_old_id(world: AuthWorld, anna: SignedIn) -> None:
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))
    again = await world.sign_in(ANNA.address)
    assert (again.user_id, again.account_id) == (anna.user_id, anna.account_id)
    await world.until(lambda: len(world.received(AccountConnected)) == 2)
    assert world.received(AccountConnected)[-1].again


async def test_what_a_user_gave_up_another_may_connect_and_then_holds(world: AuthWorld, anna: SignedIn) -> None:
    work = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
    bob = await world.sign_in(BOB.address, browser="bob's")
    await world.request(Disconnect(user_id=anna.user_id, account_id=work.account_id, purge=False))

    taken = await world.sign_in(ANNA_AT_WORK.address, user_id=bob.user_id, browser="bob's")

    assert taken.user_id == bob.user_id
    assert taken.account_id != work.account_id
    with pytest.raises(Refused) as refused:
        await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
    assert refused.value.code == "account_taken"
    assert (await world.sign_in(ANNA_AT_WORK.address, browser="third")).user_id == bob.user_id


async def test_another_users_account_can_not_be_disconnected(world: AuthWorld, anna: SignedIn) -> None:
    bob = await world.sign_in(BOB.address, browser="bob's")
    await world.refused(Disconnect(user_id=anna.user_id, account_id=bob.account_id, purge=True), "not_found")
    assert len((await world.request(ListAccounts())).items) == 2


async def test_deleting_a_user_revokes_and_deletes_everything(world: AuthWorld, anna: SignedIn) -> None:
    work = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
    await world.request(CreateApiToken(user_id=anna.user_id, name="script"))
    await world.request(PutSettings(user_id=anna.user_id, preferences=prep_off()))

    await world.request(DeleteUser(user_id=anna.user_id))

    assert world.google.world.authority.refresh == {}
    for table in ("users", "google_accounts", "sessions", "api_tokens", "preferences", "outbox"):
        assert (await world.sql(f"SELECT count(*) FROM {table}"))["count"] == 0, table
    await world.refused(WhoIs(session=anna.session), "unauthenticated")
    await world.until(lambda: bool(world.received(UserDeleted)))
    assert set(world.received(UserDeleted)[0].account_ids) == {anna.account_id, work.account_id}
    assert (await world.sign_in(ANNA.address)).user_id != anna.user_id


def prep_off() -> Preferences:
    return Preferences(gmail=GmailPreferences(meeting_prep_enabled=False))


async def test_settings_begin_with_the_defaults_and_a_change_is_published_once(
    world: AuthWorld, anna: SignedIn
) -> None:
    assert (await world.request(GetSettings(user_id=anna.user_id))).preferences == Preferences()

    saved = [await world.request(PutSettings(user_id=anna.user_id, preferences=prep_off())) for _ in range(2)]

    assert [settings.version for settings in saved] == [1, 1]
    assert [state.settings_version for state in (await world.request(ListAccountStates())).items] == [1]
    assert await world.request(GetSettings(user_id=anna.user_id)) == saved[0]
    await world.catch_up()
    (published,) = world.received(SettingsChanged)
    assert (published.before, published.after, published.version) == (Preferences(), prep_off(), 1)


async def test_a_change_to_settings_that_are_no_longer_so_is_refused(world: AuthWorld, anna: SignedIn) -> None:
    await world.request(PutSettings(user_id=anna.user_id, preferences=prep_off(), if_version=0))
    late = PutSettings(user_id=anna.user_id, preferences=Preferences(), if_version=0)
    await world.refused(late, "settings_changed")
    assert (await world.request(late.model_copy(update={"if_version": 1}))).version == 2


async def test_what_a_crash_left_in_the_outbox_is_published_soon(world: AuthWorld, anna: SignedIn) -> None:
    pending = SettingsChanged(user_id=anna.user_id, version=7, before=Preferences(), after=prep_off())
    await world.sql(
        "INSERT INTO outbox (subject, payload) VALUES ($1, $2)",
        pending.subject,
        pending.model_dump_json(),
    )
    await world.until(lambda: world.received(SettingsChanged) == [pending], seconds=8)


async def test_an_unknown_user_has_no_settings(world: AuthWorld) -> None:
    nobody = UserId(new_id())
    await world.refused(GetSettings(user_id=nobody), "not_found")
    await world.refused(PutSettings(user_id=nobody, preferences=Preferences()), "not_found")
    await world.refused(DeleteUser(user_id=nobody), "not_found")
    await world.refused(CreateApiToken(user_id=nobody, name="script"), "not_found")


async def test_an_api_token_is_shown_once_and_identifies_its_user(world: AuthWorld, anna: SignedIn) -> None:
    created = await world.request(CreateApiToken(user_id=anna.user_id, name="  my   script "))

    assert created.secret is not None
    assert created.secret.startswith("pcrm_")
    assert (await world.request(WhoIs(token=created.secret))).id == anna.user_id
    (listed,) = (await world.request(ListApiTokens(user_id=anna.user_id))).items
    assert (listed.id, listed.name, listed.secret) == (created.id, "my script", None)
    first_use = listed.last_used_at
    assert first_use is not None
    await world.request(WhoIs(token=created.secret))
    (listed,) = (await world.request(ListApiTokens(user_id=anna.user_id))).items
    assert listed.last_used_at == first_use, "written at most once a minute"

    await world.request(DeleteApiToken(user_id=anna.user_id, token_id=created.id))
    await world.refused(WhoIs(token=created.secret), "unauthenticated")
    await world.refused(DeleteApiToken(user_id=anna.user_id, token_id=created.id), "not_found")


async def test_an_api_token_whose_creator_got_no_reply_is_created_once(
    world: AuthWorld, anna: SignedIn, redis_url: str
) -> None:
    command = CreateApiToken(user_id=anna.user_id, name="script")
    unseen = await world.bus.request(command, idempotency_key="a-key-of-the-caller")
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushall()  # no reply was kept
    created = await world.bus.request(command, idempotency_key="a-key-of-the-caller")
    (listed,) = (await world.request(ListApiTokens(user_id=anna.user_id))).items
    assert listed.id == created.id == unseen.id
    assert (await world.request(WhoIs(token=created.secret))).id == anna.user_id
    await world.refused(WhoIs(token=unseen.secret), "unauthenticated")


async def test_a_session_is_no_api_token_and_the_other_way_round(world: AuthWorld, anna: SignedIn) -> None:
    created = await world.request(CreateApiToken(user_id=anna.user_id, name="script"))
    for wrong in (WhoIs(token=anna.session), WhoIs(session=created.secret), WhoIs(), WhoIs(token="pcrm_x")):
        await world.refused(wrong, "unauthenticated")


async def test_a_user_may_not_delete_another_users_api_token(world: AuthWorld, anna: SignedIn) -> None:
    bob = await world.sign_in(BOB.address, browser="bob's")
    created = await world.request(CreateApiToken(user_id=anna.user_id, name="script"))
    await world.refused(DeleteApiToken(user_id=bob.user_id, token_id=created.id), "not_found")
    await world.refused(CreateApiToken(user_id=anna.user_id, name=" "), "invalid_name")


async def test_what_happens_to_an_account_is_counted_and_its_end_is_remembered(
    world: AuthWorld, anna: SignedIn
) -> None:
    async def states() -> list[tuple[str, int, bool]]:
        listed = (await world.request(ListAccountStates())).items
        return [(state.status, state.sequence, state.user_deleted) for state in listed]

    assert await states() == [("active", 1, False)]
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))
    again = await world.sign_in(ANNA.address)
    assert again.account_id == anna.account_id
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=True))
    assert await states() == [("purged", 4, False)]
    await world.until(lambda: len(world.received(AccountDisconnected)) == 2)
    assert [event.sequence for event in world.received(AccountConnected)] == [1, 3]
    assert [event.sequence for event in world.received(AccountDisconnected)] == [2, 4]

    fresh = await world.sign_in(ANNA.address)
    assert fresh.account_id != anna.account_id, "the id of a purged account never comes back"
    await world.request(DeleteUser(user_id=anna.user_id))
    assert sorted(await states()) == [("purged", 2, True), ("purged", 4, True)]
    (removed,) = (await world.request(ListAccountStates(account_id=fresh.account_id))).items
    assert (removed.address, removed.scopes) == ("", frozenset()), "nothing but ids is left"


async def test_accounts_are_listed_page_by_page(world: AuthWorld, anna: SignedIn) -> None:
    bob = await world.sign_in(BOB.address)
    first = await world.request(ListAccountStates(limit=1))
    second = await world.request(ListAccountStates(limit=1, after=first.next_after))
    last = await world.request(ListAccountStates(limit=1, after=second.next_after))
    assert {first.items[0].id, second.items[0].id} == {anna.account_id, bob.account_id}
    assert (last.items, last.next_after) == ((), None)


async def test_settings_of_a_newer_version_survive_a_change_by_this_one(world: AuthWorld, anna: SignedIn) -> None:
    await world.request(PutSettings(user_id=anna.user_id, preferences=Preferences()))
    preferences = Preferences(gmail=GmailPreferences(mail_lookback_days=7))
    await world.request(PutSettings(user_id=anna.user_id, preferences=preferences))
    newer = '{"gmail": {"colour": "blue"}, "themes": {"dark": true}}'
    await world.sql(
        """UPDATE preferences SET preferences = preferences || jsonb_build_object(
           'themes', $1::jsonb -> 'themes', 'gmail', preferences -> 'gmail' || ($1::jsonb -> 'gmail'))""",
        newer,
    )
    assert (await world.request(GetSettings(user_id=anna.user_id))).preferences == preferences
    changed = Preferences(gmail=GmailPreferences(mail_lookback_days=9))
    await world.request(PutSettings(user_id=anna.user_id, preferences=changed))
    assert (await world.request(GetSettings(user_id=anna.user_id))).preferences == changed
    row = await world.sql(
        "SELECT preferences -> 'gmail' ->> 'colour', preferences -> 'themes' ->> 'dark' FROM preferences"
    )
    assert tuple(row) == ("blue", "true")
