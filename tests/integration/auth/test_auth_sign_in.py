"""Signing in with Google, adding and renewing accounts, through the local Google."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
import redis.asyncio

from libs.common import scopes
from libs.common.errors import Outage, Refused
from libs.common.events import AccountConnected
from libs.common.ids import AccountId, new_id
from libs.common.requests import (
    BeginSignIn,
    CreateApiToken,
    Disconnect,
    FinishSignIn,
    GetToken,
    ListAccounts,
    SignOut,
    WhoIs,
)
from libs.google_sim.faults import Rule
from libs.local.servers import Nats
from services.auth.credentials import state_key
from tests.conftest import ServiceSettings
from tests.support.signing_in import ANNA, ANNA_AT_WORK, BOB, AuthWorld, auth_world


@pytest_asyncio.fixture
async def world(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[AuthWorld]:
    async with auth_world(service_settings, nats_server.admin_url) as running:
        yield running


async def test_the_first_account_connected_makes_the_user(world: AuthWorld) -> None:
    signed_in = await world.sign_in(ANNA.address)

    assert signed_in.address == ANNA.address
    assert signed_in.missing_scopes == ()
    assert signed_in.authorize_url is None
    user = await world.request(WhoIs(session=signed_in.session))
    assert (user.id, user.name, user.address) == (signed_in.user_id, "Anna Berg", ANNA.address)
    (account,) = (await world.request(ListAccounts(user_id=user.id))).items
    assert (account.id, account.status) == (signed_in.account_id, "active")
    assert set(scopes.FEATURES) <= account.scopes
    await world.until(lambda: bool(world.published))
    (published,) = world.received(AccountConnected)
    assert (published.account_id, published.user_id, published.again) == (account.id, user.id, False)


async def test_no_secret_is_stored_in_clear(world: AuthWorld) -> None:
    signed_in = await world.sign_in(ANNA.address)
    (refresh_token,) = world.google.world.authority.refresh
    (access_token,) = world.google.world.authority.access

    token = await world.request(CreateApiToken(user_id=signed_in.user_id, name="script"))

    stored = await world.sql(
        "SELECT * FROM google_accounts JOIN sessions USING (user_id) JOIN api_tokens USING (user_id)"
    )

    everything = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in stored.values())
    assert signed_in.session is not None
    assert token.secret is not None
    for secret in (refresh_token, access_token, signed_in.session, token.secret):
        assert secret.encode() not in everything


async def test_signing_in_again_leads_to_the_same_user_and_publishes_nothing_new(world: AuthWorld) -> None:
    first = await world.sign_in(ANNA.address)
    second = await world.sign_in(ANNA.address, browser="another")

    assert (second.user_id, second.account_id) == (first.user_id, first.account_id)
    assert second.session not in (None, first.session)
    assert second.authorize_url is None, "a refresh token is held already"
    await world.catch_up()
    assert len(world.received(AccountConnected)) == 1


async def test_a_signed_in_user_adds_another_account_and_may_sign_in_with_either(world: AuthWorld) -> None:
    first = await world.sign_in(ANNA.address)
    added = await world.sign_in(ANNA_AT_WORK.address, user_id=first.user_id)

    assert added.user_id == first.user_id
    assert added.account_id != first.account_id
    assert added.session is None
    assert (await world.sign_in(ANNA_AT_WORK.address, browser="other")).user_id == first.user_id
    assert len((await world.request(ListAccounts(user_id=first.user_id))).items) == 2


async def test_an_account_that_another_user_holds_is_refused_and_stays_his(world: AuthWorld) -> None:
    bob = await world.sign_in(BOB.address, browser="bob's")
    anna = await world.sign_in(ANNA.address)

    with pytest.raises(Refused) as refused:
        await world.sign_in(BOB.address, user_id=anna.user_id)

    assert (refused.value.status, refused.value.code) == (409, "account_taken")
    (account,) = (await world.request(ListAccounts(user_id=bob.user_id))).items
    assert account.status == "active"
    token = await world.request(GetToken(account_id=bob.account_id, scope=scopes.GMAIL_READ))
    assert token.user_id == bob.user_id
    refreshed = await world.request(
        GetToken(account_id=bob.account_id, scope=scopes.GMAIL_READ, rejected=token.access_token)
    )
    assert refreshed.access_token != token.access_token, "refusing Anna did not end Bob's grant"


async def test_owning_a_same_named_address_does_not_take_over_a_user(world: AuthWorld) -> None:
    anna = await world.sign_in(ANNA.address)
    google = world.google.world.accounts[ANNA.address]
    google.sub = "999999999999999999999"  # the address was given to somebody else

    stranger = await world.sign_in(ANNA.address, browser="stranger's")
    assert stranger.authorize_url is not None, "Google's grant is still the old one's"
    assert stranger.user_id != anna.user_id


async def test_an_address_that_changes_keeps_its_user(world: AuthWorld) -> None:
    before = await world.sign_in(ANNA.address)
    accounts = world.google.world.accounts
    account = accounts.pop(ANNA.address)
    account.address = "anna.berg@gmail.com"
    accounts[account.address] = account

    after = await world.sign_in(account.address)

    assert (after.user_id, after.account_id) == (before.user_id, before.account_id)
    user = await world.request(WhoIs(session=after.session))
    assert user.address == "anna.berg@gmail.com"
    await world.until(lambda: len(world.received(AccountConnected)) == 2)
    assert world.received(AccountConnected)[-1].address == "anna.berg@gmail.com"
    assert world.received(AccountConnected)[-1].again


async def test_a_state_is_good_once(world: AuthWorld) -> None:
    begun = await world.request(BeginSignIn(browser="browser"))
    back = await world.consent(begun.authorize_url, ANNA.address)
    await world.finish(back)

    replayed = FinishSignIn(browser="browser", state=back["state"], code=back["code"])
    assert (await world.refused(replayed, "invalid_state")).status == 400


async def test_a_state_is_good_in_its_own_browser_only(world: AuthWorld) -> None:
    begun = await world.request(BeginSignIn(browser="browser"))
    back = await world.consent(begun.authorize_url, ANNA.address)

    await world.refused(FinishSignIn(browser="another", state=back["state"], code=back["code"]), "invalid_state")
    assert (await world.finish(back)).address == ANNA.address, "trying elsewhere did not use it up"


@pytest.mark.parametrize("state", ["", "made-up", "x" * 5000])
async def test_a_wrong_state_is_refused(world: AuthWorld, state: str) -> None:
    await world.request(BeginSignIn(browser="browser"))
    await world.refused(FinishSignIn(browser="browser", state=state, code="4/0Acode"), "invalid_state")


async def test_a_state_expires_after_ten_minutes(world: AuthWorld) -> None:
    begun = await world.request(BeginSignIn(browser="browser"))
    back = await world.consent(begun.authorize_url, ANNA.address)
    key = f"auth:{state_key('browser', back['state'])}"
    async with redis.asyncio.Redis.from_url(world.settings.redis_url) as client:
        assert 590_000 < await client.pttl(key) <= 600_000
        await client.pexpire(key, 1)
        async with asyncio.timeout(5):
            while await client.get(key) is not None:
                await asyncio.sleep(0.001)

    await world.refused(FinishSignIn(browser="browser", state=back["state"], code=back["code"]), "invalid_state")


async def test_a_denied_consent_connects_nothing(world: AuthWorld) -> None:
    begun = await world.request(BeginSignIn(browser="browser"))
    back = await world.consent(begun.authorize_url, ANNA.address, decision="deny")

    refused = FinishSignIn(browser="browser", state=back["state"], error=back["error"])
    assert (await world.refused(refused, "access_denied")).status == 403
    assert (await world.request(ListAccounts())).items == ()


async def test_an_error_that_somebody_wrote_into_the_url_is_not_repeated(world: AuthWorld) -> None:
    begun = await world.request(BeginSignIn(browser="browser"))
    state = parse_qs(urlsplit(begun.authorize_url).query)["state"][0]
    refusal = await world.refused(
        FinishSignIn(browser="browser", state=state, error="<b>call 555-0100</b>"), "exchange_failed"
    )
    assert "555" not in refusal.detail


async def test_a_code_of_another_sign_in_is_refused_by_pkce(world: AuthWorld) -> None:
    stolen = await world.consent((await world.request(BeginSignIn(browser="victim's"))).authorize_url, ANNA.address)
    attacker = await world.consent((await world.request(BeginSignIn(browser="attacker's"))).authorize_url, BOB.address)

    injected = FinishSignIn(browser="attacker's", state=attacker["state"], code=stolen["code"])
    refused = await world.refused(injected, "exchange_failed")
    assert refused.status == 502
    assert refused.detail.startswith("Google did not accept"), (
        "there, and not by the nonce alone of what Google gave for it"
    )


async def test_an_unticked_permission_is_missing_and_requested_again_on_renewal(world: AuthWorld) -> None:
    signed_in = await world.sign_in(ANNA.address, untick=[scopes.GMAIL_SEND])

    assert signed_in.missing_scopes == (scopes.GMAIL_SEND,)
    no = await world.refused(GetToken(account_id=signed_in.account_id, scope=scopes.GMAIL_SEND), "missing_scope")
    assert no.status == 403
    assert "meeting prep emails" in no.detail
    await world.request(GetToken(account_id=signed_in.account_id, scope=scopes.GMAIL_READ))

    renewal = BeginSignIn(browser="browser", session=signed_in.session, account_id=signed_in.account_id)
    parameters = parse_qs(urlsplit((await world.request(renewal)).authorize_url).query)
    assert parameters["prompt"] == ["consent"]
    assert parameters["login_hint"] == [ANNA.address]
    renewed = await world.sign_in(ANNA.address, user_id=signed_in.user_id, account_id=signed_in.account_id)
    assert renewed.missing_scopes == ()
    await world.request(GetToken(account_id=signed_in.account_id, scope=scopes.GMAIL_SEND))
    await world.until(lambda: len(world.received(AccountConnected)) == 2)
    assert [event.again for event in world.received(AccountConnected)] == [False, True]


async def test_without_a_refresh_token_the_browser_goes_through_consent_once_more(world: AuthWorld) -> None:
    first = await world.sign_in(ANNA.address)
    await world.request(Disconnect(user_id=first.user_id, account_id=first.account_id, purge=True))
    # Our copy is gone, but Google remembers a grant: revoking had failed, for example.
    authority = world.google.world.authority
    authority.grants[ANNA.address, world.settings.google_client_id] = scopes.ALL

    halfway = await world.sign_in(ANNA.address)

    assert halfway.authorize_url is not None
    assert halfway.session is not None, "who they are is proven already"
    (account,) = (await world.request(ListAccounts(user_id=halfway.user_id))).items
    assert account.status == "reauth_required"
    assert parse_qs(urlsplit(halfway.authorize_url).query)["prompt"] == ["consent"]
    done = await world.finish(await world.consent(halfway.authorize_url, ANNA.address), session=halfway.session)
    assert (done.user_id, done.account_id) == (halfway.user_id, halfway.account_id)
    assert done.authorize_url is None
    (account,) = (await world.request(ListAccounts(user_id=halfway.user_id))).items
    assert account.status == "active"
    await world.until(lambda: len(world.received(AccountConnected)) == 2)
    assert not world.received(AccountConnected)[-1].again


async def test_a_purged_user_comes_back_as_the_same_user_with_a_new_account(world: AuthWorld) -> None:
    first = await world.sign_in(ANNA.address)
    await world.request(Disconnect(user_id=first.user_id, account_id=first.account_id, purge=True))
    second = await world.sign_in(ANNA.address)
    assert second.user_id == first.user_id
    assert second.account_id != first.account_id


async def test_a_renewal_with_another_google_account_is_refused(world: AuthWorld) -> None:
    anna = await world.sign_in(ANNA.address)
    with pytest.raises(Refused) as refused:
        await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id, account_id=anna.account_id)
    assert refused.value.code == "other_account"
    assert len((await world.request(ListAccounts(user_id=anna.user_id))).items) == 1


async def test_another_users_account_and_an_unknown_account_can_not_be_renewed(world: AuthWorld) -> None:
    anna = await world.sign_in(ANNA.address)
    bob = await world.sign_in(BOB.address, browser="bob's")
    for account_id in (bob.account_id, AccountId(new_id())):
        await world.refused(BeginSignIn(browser="browser", session=anna.session, account_id=account_id), "not_found")
    await world.refused(BeginSignIn(browser="browser", account_id=bob.account_id), "not_found")


async def test_an_outage_of_google_during_sign_in_is_an_outage(world: AuthWorld) -> None:
    begun = await world.request(BeginSignIn(browser="browser"))
    back = await world.consent(begun.authorize_url, ANNA.address)
    world.google.world.faults.set([Rule("/token", "5xx")], 0)
    with pytest.raises(Outage):
        await world.finish(back)


async def test_a_session_ends_with_signing_out_and_with_time(world: AuthWorld) -> None:
    first, second = await world.sign_in(ANNA.address), await world.sign_in(ANNA.address)
    assert first.session is not None
    await world.request(SignOut(session=first.session))
    await world.refused(WhoIs(session=first.session), "unauthenticated")
    await world.request(WhoIs(session=second.session))

    await world.sql("UPDATE sessions SET expires_at = now() - interval '1 second'")
    assert (await world.refused(WhoIs(session=second.session), "unauthenticated")).status == 401


async def test_a_session_in_use_slides_to_thirty_days(world: AuthWorld) -> None:
    signed_in = await world.sign_in(ANNA.address)
    await world.sql("UPDATE sessions SET expires_at = now() + interval '3 days'")
    await world.request(WhoIs(session=signed_in.session))
    left = await world.sql("SELECT extract(day FROM expires_at - now()) AS days FROM sessions")
    assert left["days"] >= 29


async def test_an_account_that_was_given_up_no_longer_opens_what_it_was_connected_to(world: AuthWorld) -> None:
    """Whoever holds the account of a former job can sign in with it, but not as the person who has left."""
    anna = await world.sign_in(ANNA.address)
    at_work = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
    await world.request(Disconnect(user_id=anna.user_id, account_id=at_work.account_id, purge=False))

    successor = await world.sign_in(ANNA_AT_WORK.address, browser="successor's")

    assert successor.user_id != anna.user_id
    assert (await world.sign_in(ANNA.address, browser="anna's")).user_id == anna.user_id
