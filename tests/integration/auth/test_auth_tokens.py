"""Access tokens: cached, refreshed by a single replica for all, never the rejected token; and what happens when Google refuses."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from libs.common import scopes
from libs.common.db import open_pool
from libs.common.errors import Outage, Refused
from libs.common.events import AccountConnected, AccountReauthRequired
from libs.common.google.oauth import POLICIES, Policy
from libs.common.ids import AccountId, new_id
from libs.common.requests import BeginSignIn, Disconnect, GetToken, ListAccounts, SignedIn, Token
from libs.google_sim.faults import Rule
from libs.local import ROOT
from libs.local.secrets import SECRET_KEYS, generate
from libs.local.servers import Nats
from services.auth.domain.policies import policy_reason
from services.auth.keyring import Keyring, Undecryptable
from services.auth.lost_keys import give_up_unreadable
from services.auth.rotate import reencrypt
from tests.conftest import ServiceSettings
from tests.support.signing_in import ANNA, ANNA_AT_WORK, AuthWorld, auth_world


@pytest_asyncio.fixture
async def world(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[AuthWorld]:
    async with auth_world(service_settings, nats_server.admin_url) as running:
        yield running


@pytest_asyncio.fixture
async def anna(world: AuthWorld) -> SignedIn:
    return await world.sign_in(ANNA.address)


def read(account: SignedIn, rejected: str | None = None) -> GetToken:
    return GetToken(account_id=account.account_id, scope=scopes.GMAIL_READ, rejected=rejected)


def counted_refreshes(world: AuthWorld, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many refreshes reach Google from now on."""
    count = 0
    original = world.google.world.authority.refreshed

    def refreshed(text: str, client_id: str) -> object:
        nonlocal count
        count += 1
        return original(text, client_id)

    monkeypatch.setattr(world.google.world.authority, "refreshed", refreshed)
    return lambda: count


async def test_a_token_is_given_from_the_cache_while_it_lasts(
    world: AuthWorld, anna: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    refreshes = counted_refreshes(world, monkeypatch)
    first, second = await world.request(read(anna)), await world.request(read(anna))

    assert first.access_token == second.access_token
    assert world.google.world.authority.bearer(first.access_token) is not None
    assert first.address == ANNA.address
    assert refreshes() == 0
    await world.sql("UPDATE google_accounts SET access_expires_at = now() + interval '119 seconds'")
    third = await world.request(read(anna))
    assert third.access_token != first.access_token
    assert third.expires_at - datetime.now(UTC) > timedelta(minutes=50)
    assert refreshes() == 1


async def test_a_rejected_token_is_never_given_again_to_anybody(world: AuthWorld, anna: SignedIn) -> None:
    rejected = (await world.request(read(anna))).access_token
    slow = Rule("/token", "latency", milliseconds=300)
    world.google.world.faults.set([slow], 0)

    reporting = asyncio.create_task(world.request(read(anna, rejected)))
    await world.until(lambda: slow.hits == 1)
    others = await asyncio.gather(*(world.request(read(anna)) for _ in range(5)))

    given = {token.access_token for token in (await reporting, *others)}
    assert len(given) == 1
    assert rejected not in given


async def test_an_old_rejected_token_does_not_cost_a_refresh(
    world: AuthWorld, anna: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (await world.request(read(anna))).access_token
    new = (await world.request(read(anna, old))).access_token
    refreshes = counted_refreshes(world, monkeypatch)
    assert (await world.request(read(anna, old))).access_token == new
    assert refreshes() == 0


@pytest.mark.parametrize("cached", [True, False])
async def test_two_replicas_refresh_a_token_once(
    service_settings: ServiceSettings, nats_server: Nats, monkeypatch: pytest.MonkeyPatch, cached: bool
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, replicas=2) as world:
        anna = await world.sign_in(ANNA.address)
        rejected = (await world.request(read(anna))).access_token
        if not cached:
            await world.sql("UPDATE google_accounts SET access_token = NULL")
        refreshes = counted_refreshes(world, monkeypatch)
        world.google.world.faults.set([Rule("/token", "latency", milliseconds=300)], 0)

        replies = await asyncio.gather(*(world.request(read(anna, rejected)) for _ in range(40)))

        assert refreshes() == 1
        assert len({reply.access_token for reply in replies}) == 1


async def test_the_lease_of_a_holder_who_died_passes_on(world: AuthWorld, anna: SignedIn) -> None:
    await world.sql(
        "UPDATE google_accounts SET access_token = NULL, refresh_holder = $1, refresh_until = now() + interval '1 s'",
        new_id(),
    )
    token = await world.request(read(anna))
    assert world.google.world.authority.bearer(token.access_token) is not None


async def test_a_response_without_a_refresh_token_or_scopes_keeps_both(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, scope_on_refresh=False) as world:
        anna = await world.sign_in(ANNA.address)
        before = await world.sql("SELECT refresh_token, scopes FROM google_accounts")
        for _ in range(2):
            token = await world.request(read(anna))
            token = await world.request(read(anna, token.access_token))
        assert set(scopes.FEATURES) <= token.scopes
        assert await world.sql("SELECT refresh_token, scopes FROM google_accounts") == before


async def test_a_revoked_token_requires_authorization_once_and_a_reconnection_resumes(
    world: AuthWorld, anna: SignedIn
) -> None:
    token = await world.request(read(anna))
    world.google.world.authority.revoke_grants(ANNA.address)

    refusals = await asyncio.gather(
        *(world.refused(read(anna, token.access_token), "reauth_required") for _ in range(10))
    )

    assert {refusal.status for refusal in refusals} == {409}
    assert "revoked" in refusals[0].detail
    (account,) = (await world.request(ListAccounts(account_id=anna.account_id))).items
    assert (account.status, account.status_reason) == ("reauth_required", refusals[0].detail)
    await world.until(lambda: bool(world.received(AccountReauthRequired)))
    await world.refused(read(anna), "reauth_required")

    renewed = await world.sign_in(ANNA.address, user_id=anna.user_id, account_id=anna.account_id)
    assert renewed.account_id == anna.account_id
    await world.request(read(anna))
    await world.until(lambda: len(world.received(AccountConnected)) == 2)
    assert world.received(AccountConnected)[-1].again
    await world.catch_up()
    assert len(world.received(AccountReauthRequired)) == 1, "published once"


async def test_signing_in_also_mends_an_account_that_needs_authorization(world: AuthWorld, anna: SignedIn) -> None:
    token = await world.request(read(anna))
    world.google.world.authority.revoke_grants(ANNA.address)
    await world.refused(read(anna, token.access_token), "reauth_required")
    again = await world.sign_in(ANNA.address)
    assert (again.user_id, again.account_id) == (anna.user_id, anna.account_id)
    await world.request(read(anna))


async def test_a_token_that_dies_on_its_seventh_day_names_the_limit_for_testing(
    world: AuthWorld, anna: SignedIn
) -> None:
    await world.sql(
        "UPDATE google_accounts SET refresh_obtained_at = now() - interval '7 days 20 minutes',"
        " refreshed_at = now() - interval '1 hour', access_token = NULL"
    )
    world.google.world.authority.revoke_grants(ANNA.address)
    assert "Testing" in (await world.refused(read(anna), "reauth_required")).detail


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_policy_ends_the_retries_with_a_sentence_about_who_can_change_it(
    world: AuthWorld, anna: SignedIn, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.request(read(anna))
    policies = world.google.world.authority.policies
    policies[ANNA.address] = policy
    refreshes = counted_refreshes(world, monkeypatch)

    refusals = await asyncio.gather(
        *(world.refused(read(anna, token.access_token), "reauth_required") for _ in range(10))
    )
    await world.refused(read(anna), "reauth_required")

    assert refreshes() == 1
    assert {refusal.detail for refusal in refusals} == {policy_reason(policy)}
    (account,) = (await world.request(ListAccounts(account_id=anna.account_id))).items
    assert (account.status, account.status_reason) == ("reauth_required", policy_reason(policy))
    await world.until(lambda: bool(world.received(AccountReauthRequired)))

    begun = BeginSignIn(browser="browser", session=anna.session, account_id=anna.account_id)
    back = await world.consent((await world.request(begun)).authorize_url, ANNA.address)
    assert ("error" in back) is (policy != "invalid_rapt"), (
        "the session policy lets people sign in, and refuses the tokens"
    )
    with pytest.raises(Refused) as refused:
        await world.finish(back, session=anna.session)
    assert (refused.value.status, refused.value.code) == (403, "policy_refused")
    assert refused.value.detail == policy_reason(policy)

    del policies[ANNA.address]
    await world.sign_in(ANNA.address, user_id=anna.user_id, account_id=anna.account_id)
    assert (await world.request(read(anna))).access_token != token.access_token
    await world.catch_up()
    assert [event.reason for event in world.received(AccountReauthRequired)] == [policy_reason(policy)], "once"


async def test_an_outage_is_no_reason_to_give_up_and_google_is_not_hammered(
    world: AuthWorld, anna: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.request(read(anna))
    rule = Rule("/token", "5xx")
    world.google.world.faults.set([rule], 0)

    replies = await asyncio.gather(
        *(world.request(read(anna, token.access_token)) for _ in range(20)), return_exceptions=True
    )

    assert all(isinstance(reply, Outage) for reply in replies)
    assert rule.hits == 1
    (account,) = (await world.request(ListAccounts(account_id=anna.account_id))).items
    assert account.status == "active"
    world.google.world.faults.set([], 0)
    await world.sql("UPDATE google_accounts SET refresh_until = now()")
    assert (await world.request(read(anna, token.access_token))).access_token != token.access_token


@pytest.mark.parametrize("kind", ["429", "retry_after", "reset", "truncated", "invalid_json"])
async def test_whatever_google_responds_in_distress_the_account_stays_connected(
    world: AuthWorld, anna: SignedIn, kind: str
) -> None:
    token = await world.request(read(anna))
    world.google.world.faults.set([Rule("/token", kind)], 0)  # type: ignore[arg-type]
    with pytest.raises(Outage):
        await world.request(read(anna, token.access_token))
    (account,) = (await world.request(ListAccounts(account_id=anna.account_id))).items
    assert account.status == "active"


async def test_a_wrong_client_secret_is_the_operators_affair_not_the_users(
    world: AuthWorld, anna: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.request(read(anna))
    options = world.google.world.options
    monkeypatch.setattr(world.google.world, "options", type(options)(client_id=options.client_id, client_secret="new"))
    with pytest.raises(Outage):
        await world.request(read(anna, token.access_token))
    (account,) = (await world.request(ListAccounts(account_id=anna.account_id))).items
    assert account.status == "active"


async def test_an_unknown_or_disconnected_account_has_no_token(world: AuthWorld, anna: SignedIn) -> None:
    await world.refused(GetToken(account_id=AccountId(new_id()), scope=scopes.GMAIL_READ), "not_found")
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))
    await world.refused(read(anna), "not_found")


async def test_a_refresh_that_ends_after_a_disconnection_stores_nothing(world: AuthWorld, anna: SignedIn) -> None:
    token = await world.request(read(anna))
    slow = Rule("/token", "latency", milliseconds=400)
    world.google.world.faults.set([slow], 0)
    refreshing = asyncio.create_task(world.refused(read(anna, token.access_token), "not_found"))
    await world.until(lambda: slow.hits == 1)
    await world.request(Disconnect(user_id=anna.user_id, account_id=anna.account_id, purge=False))
    await refreshing
    row = await world.sql("SELECT status, access_token, refresh_token FROM google_accounts")
    assert tuple(row) == ("disconnected", None, None)
    await world.catch_up()
    assert world.received(AccountReauthRequired) == []


async def test_a_token_copied_into_another_account_does_not_open(world: AuthWorld, anna: SignedIn) -> None:
    work = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
    await world.sql(
        "UPDATE google_accounts SET access_token = NULL,"
        " refresh_token = (SELECT refresh_token FROM google_accounts WHERE id = $1)",
        work.account_id,
    )
    refusal = await world.refused(read(anna), "token_unreadable")
    assert refusal.status == 500
    token: Token = await world.request(read(work))
    assert token.address == ANNA_AT_WORK.address


async def test_old_keys_still_decrypt_until_the_tokens_are_reencrypted(world: AuthWorld, anna: SignedIn) -> None:
    old = world.settings.secret_keys[0].get_secret_value()
    new = generate()[SECRET_KEYS]
    pool = await open_pool(world.settings)
    try:
        with pytest.raises(Undecryptable):
            await reencrypt(pool, Keyring([new]))
        assert await reencrypt(pool, Keyring([new, old])) == 1
        assert await reencrypt(pool, Keyring([new, old])) == 0
        assert await reencrypt(pool, Keyring([new])) == 0
    finally:
        await pool.close()
    sealed = (await world.sql("SELECT refresh_token FROM google_accounts"))["refresh_token"]
    (held,) = world.google.world.authority.refresh
    assert Keyring([new]).open(sealed, anna.account_id, "refresh") == held
    with pytest.raises(Undecryptable):
        Keyring([old]).open(sealed, anna.account_id, "refresh")
    # The running service has the old key only.
    await world.refused(read(anna), "token_unreadable")


async def test_accounts_whose_key_is_lost_wait_for_their_user_with_the_reason(world: AuthWorld, anna: SignedIn) -> None:
    work = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
    old, new = world.settings.secret_keys[0].get_secret_value(), generate()[SECRET_KEYS]
    pool = await open_pool(world.settings)
    try:
        sealed = Keyring([new]).seal("sealed under the new key", work.account_id, "refresh")
        await world.sql("UPDATE google_accounts SET refresh_token = $2 WHERE id = $1", work.account_id, sealed)
        assert await give_up_unreadable(pool, Keyring([new, old])) == 0
        assert await give_up_unreadable(pool, Keyring([new])) == 1
        assert await give_up_unreadable(pool, Keyring([new])) == 0
    finally:
        await pool.close()
    refusal = await world.refused(read(anna), "reauth_required")
    assert "is lost" in refusal.detail
    assert "Reconnect the account" in refusal.detail
    other = await world.sql("SELECT status, refresh_token FROM google_accounts WHERE id = $1", work.account_id)
    assert tuple(other) == ("active", sealed)
    await world.until(lambda: bool(world.received(AccountReauthRequired)), seconds=10)
    (event,) = world.received(AccountReauthRequired)
    assert (event.account_id, event.address, event.reason) == (anna.account_id, ANNA.address, refusal.detail)


async def test_the_command_reencrypts_and_fails_with_a_sentence_where_a_key_is_missing(
    world: AuthWorld, anna: SignedIn
) -> None:
    old, new = world.settings.secret_keys[0].get_secret_value(), generate()[SECRET_KEYS]

    async def rotate(keys: str) -> tuple[int | None, str]:
        environment = {"PINGCRM_POSTGRES_URL": world.postgres_url, "PINGCRM_SECRET_KEYS": keys, "PATH": os.defpath}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.auth.rotate", env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        _, lines = await process.communicate()
        return process.returncode, lines.decode()

    code, lines = await rotate(new)
    assert code == 1
    assert "Traceback" not in lines
    assert "tokens_not_reencrypted" in lines
    code, lines = await rotate(f"{new},{old}")
    assert code == 0
    assert '"count": 1' in lines
    sealed = (await world.sql("SELECT refresh_token FROM google_accounts"))["refresh_token"]
    assert Keyring([new]).is_current(sealed)


async def test_an_active_account_without_a_refresh_token_can_not_be_stored(world: AuthWorld, anna: SignedIn) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await world.sql("UPDATE google_accounts SET refresh_token = NULL")
