"""Sign-ins under way: sealed in Redis, and finished by the session that began them."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from libs.common.requests import BeginSignIn, FinishSignIn, ListAccounts, SignOutEverywhere
from libs.local.secrets import SECRET_KEYS, generate
from libs.local.servers import Nats
from services.auth.credentials import state_key
from services.auth.keyring import Keyring
from tests.conftest import ServiceSettings
from tests.support.signing_in import ANNA, ANNA_AT_WORK, BOB, AuthWorld, auth_world


@pytest_asyncio.fixture
async def world(service_settings: ServiceSettings, nats_server: Nats) -> AsyncIterator[AuthWorld]:
    async with auth_world(service_settings, nats_server.admin_url) as running:
        yield running


async def only_key(client: Redis) -> str:
    (key,) = [key async for key in client.scan_iter("auth:state:*")]
    return str(key.decode())


async def test_redis_learns_nothing_of_a_sign_in_under_way(world: AuthWorld, redis_admin: Redis) -> None:
    anna = await world.sign_in(ANNA.address)
    begun = await world.request(BeginSignIn(browser="browser", session=anna.session))
    nonce = parse_qs(urlsplit(begun.authorize_url).query)["nonce"][0]
    stored = await redis_admin.get(await only_key(redis_admin))
    for secret in (nonce, str(anna.user_id), anna.session or "", "select_account", "verifier"):
        assert secret.encode() not in stored


async def test_what_somebody_wrote_into_redis_signs_nobody_in(world: AuthWorld, redis_admin: Redis) -> None:
    anna = await world.sign_in(ANNA.address)
    client = redis_admin

    async def back_from(browser: str, *, session: str | None = None) -> dict[str, str]:
        begun = await world.request(BeginSignIn(browser=browser, session=session))
        return await world.consent(begun.authorize_url, BOB.address)

    forged = '{"verifier": "v", "nonce": "n", "prompt": "consent"}'
    foreign = Keyring([generate()[SECRET_KEYS]])
    for browser, written in (
        ("clear", lambda _, __: forged.encode()),
        ("another key", lambda key, _: foreign.seal(forged, key, "sign_in")),
        ("altered", lambda _, sealed: sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("cut off", lambda _, sealed: sealed[:20]),
    ):
        back = await back_from(browser)
        key = state_key(browser, back["state"])
        await client.set(f"auth:{key}", written(key, await client.get(f"auth:{key}")))
        await world.refused(FinishSignIn(browser=browser, state=back["state"], code=back["code"]), "invalid_state")
    back = await back_from("anna's", session=anna.session)
    stolen = await client.get("auth:" + state_key("anna's", back["state"]))
    await client.set("auth:" + state_key("attacker's", "chosen"), stolen)
    moved = FinishSignIn(browser="attacker's", session=anna.session, state="chosen", code=back["code"])
    await world.refused(moved, "invalid_state")
    assert len((await world.request(ListAccounts())).items) == 1


@pytest.mark.parametrize("ended", [False, True])
async def test_an_account_is_added_by_the_session_that_began_it_alone(world: AuthWorld, ended: bool) -> None:
    anna = await world.sign_in(ANNA.address)
    other = await world.sign_in(ANNA.address, browser="another")
    bob = await world.sign_in(BOB.address, browser="bob's")
    begun_in = anna.session
    sessions = [begun_in] if ended else [None, "", "made-up", other.session, bob.session]
    for session in sessions:
        begun = await world.request(BeginSignIn(browser="browser", session=begun_in))
        back = await world.consent(begun.authorize_url, ANNA_AT_WORK.address)
        if ended:
            await world.request(SignOutEverywhere(user_id=anna.user_id))
        command = FinishSignIn(browser="browser", session=session, state=back["state"], code=back["code"])
        refusal = await world.refused(command, "invalid_state")
        assert "session that has ended" in refusal.detail
    assert len((await world.request(ListAccounts())).items) == 2, "Anna's and Bob's, as before"


async def test_who_is_not_signed_in_begins_no_connection(world: AuthWorld) -> None:
    await world.sign_in(ANNA.address)
    for session in ("", "made-up"):
        await world.refused(BeginSignIn(browser="browser", session=session), "unauthenticated")
