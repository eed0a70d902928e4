"""Who may become a user: the first one, those who are listed, or everybody; and that nothing stays of who may not."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from libs.common.errors import Refused
from libs.common.ids import new_id
from libs.common.requests import BeginSignIn, DeleteUser, Disconnect, SignOutEverywhere, WhoIs
from libs.google_sim.account import AccountData
from libs.google_sim.faults import Rule
from libs.local import ROOT
from libs.local.servers import Nats
from tests.conftest import ServiceSettings
from tests.support.database import Database
from tests.support.signing_in import ANNA, ANNA_AT_WORK, BOB, AuthWorld, auth_world


async def everything(world: AuthWorld) -> dict[str, list[str]]:
    """All rows of all tables of auth, as text."""
    connection = await asyncpg.connect(world.postgres_url)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'auth' AND table_type = 'BASE TABLE'"
        )
        return {
            name: [row[0] for row in await connection.fetch(f'SELECT t::text FROM auth."{name}" t ORDER BY 1')]
            for (name,) in tables
        }
    finally:
        await connection.close()


async def turned_away(world: AuthWorld, account: AccountData, browser: str = "stranger's") -> Refused:
    with pytest.raises(Refused) as caught:
        await world.sign_in(account.address, browser=browser)
    assert (caught.value.status, caught.value.code) == (403, "sign_up_closed")
    return caught.value


async def test_whoever_signs_in_first_owns_it_and_nobody_else_gets_in(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="first") as world:
        anna = await world.sign_in(ANNA.address)
        assert (await world.request(WhoIs(session=anna.session))).operator

        assert "has its owner" in (await turned_away(world, BOB)).detail

        again = await world.sign_in(ANNA.address, browser="another")
        added = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
        assert again.user_id == added.user_id == anna.user_id, "who is a user comes and adds accounts as before"
        assert (await world.sign_in(ANNA_AT_WORK.address, browser="a third")).user_id == anna.user_id


async def test_nothing_stays_of_a_person_who_was_turned_away(
    service_settings: ServiceSettings, nats_server: Nats, capfd: pytest.CaptureFixture[str], redis_admin: Redis
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="first") as world:
        await world.sign_in(ANNA.address)
        before = await everything(world)
        assert {"users", "google_accounts", "sessions", "api_tokens", "preferences", "outbox"} <= set(before)
        await world.catch_up()
        published = len(world.published)

        refusal = await turned_away(world, BOB)

        assert await everything(world) == before
        assert "has been taken back there" in refusal.detail
        authority = world.google.world.authority
        assert not [owner for owner, _ in authority.grants if owner == BOB.address]
        assert not [
            token for token in (*authority.refresh.values(), *authority.access.values()) if token.account == BOB.address
        ]
        assert [owner for owner, _ in authority.grants] == [ANNA.address], "the owner's stays"
        assert [key async for key in redis_admin.scan_iter("auth:*")] == []
        await world.catch_up()
        assert len(world.published) == published
        logged = "".join(capfd.readouterr())
        assert "sign_up_refused" in logged
        for private in (BOB.address, BOB.name, BOB.sub):
            assert private not in logged


async def test_a_person_who_is_turned_away_while_google_is_away_learns_how_to_take_the_permission_back(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="first") as world:
        await world.sign_in(ANNA.address)
        before = await everything(world)
        world.google.world.faults.set([Rule("/revoke", "5xx")], 0)
        assert "myaccount.google.com/connections" in (await turned_away(world, BOB)).detail
        assert await everything(world) == before


async def test_of_many_who_come_first_at_once_one_owns_it(service_settings: ServiceSettings, nats_server: Nats) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="first", replicas=2) as world:
        people = (ANNA, ANNA_AT_WORK, BOB)
        backs = []
        for person in people:
            begun = await world.request(BeginSignIn(browser=person.sub))
            backs.append(await world.consent(begun.authorize_url, person.address))

        outcomes = await asyncio.gather(
            *(world.finish(back, person.sub) for back, person in zip(backs, people, strict=True)),
            return_exceptions=True,
        )

        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert [refusal.code for refusal in refused] == ["sign_up_closed"] * 2
        assert (await world.sql("SELECT count(*) AS users, count(*) FILTER (WHERE owner) AS owners FROM users")) == (
            1,
            1,
        )


async def test_an_installation_whose_only_user_is_gone_is_new_again(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="first") as world:
        anna = await world.sign_in(ANNA.address)
        await world.request(DeleteUser(user_id=anna.user_id))
        bob = await world.sign_in(BOB.address, browser="bob's")
        assert (await world.request(WhoIs(session=bob.session))).operator
        await turned_away(world, ANNA)


async def test_where_others_are_left_nobody_takes_the_place_of_an_owner_who_is_gone(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="open") as world:
        anna = await world.sign_in(ANNA.address)
        bob = await world.sign_in(BOB.address, browser="bob's")
        await world.request(DeleteUser(user_id=anna.user_id))
        again = await world.sign_in(ANNA.address)
        for person in (bob, again):
            assert not (await world.request(WhoIs(session=person.session))).operator


async def test_where_there_are_users_already_the_oldest_becomes_the_owner(database: Database) -> None:
    migration = (ROOT / "services/auth/migrations/0002_owner.sql").read_text()
    up, down = migration.split("-- migrate:down")
    connection = await asyncpg.connect(database.admin_url)
    try:
        await connection.execute("SET search_path TO auth")
        await connection.execute(down)
        for number, age in enumerate((1, 3, 2)):
            await connection.execute(
                "INSERT INTO users (id, sub, name, address, created_at) VALUES ($1, $2, '', '', now() - $3::interval)",
                new_id(),
                str(number),
                timedelta(days=age),
            )
        await connection.execute(up)
        owners = await connection.fetch("SELECT sub FROM users WHERE owner")
        assert [owner["sub"] for owner in owners] == ["1"]
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("UPDATE users SET owner = true")
    finally:
        await connection.close()


async def test_a_list_lets_in_addresses_domains_and_operators(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    listed: dict[str, Any] = {"sign_up": "an.na@googlemail.com", "operators": ANNA_AT_WORK.address}
    async with auth_world(service_settings, nats_server.admin_url, **listed) as world:
        assert "its operator has named" in (await turned_away(world, BOB)).detail, "not even as the first"
        anna = await world.sign_in(ANNA.address)
        colleague = await world.sign_in(ANNA_AT_WORK.address, browser="at work")
        assert anna.user_id != colleague.user_id
        await turned_away(world, BOB)
        for person in (anna, colleague):
            assert (await world.request(WhoIs(session=person.session))).operator
    async with auth_world(service_settings, nats_server.admin_url, sign_up="@berg.example") as world:
        # The users of before are here, and go on: the rule is about who is new.
        again = await world.sign_in(ANNA.address)
        assert again.user_id == anna.user_id
        assert not (await world.request(WhoIs(session=colleague.session))).operator, "no operator any more"


async def test_who_gave_up_an_account_is_not_let_in_with_it_as_somebody_new(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url, sign_up="first") as world:
        anna = await world.sign_in(ANNA.address)
        work = await world.sign_in(ANNA_AT_WORK.address, user_id=anna.user_id)
        await world.request(Disconnect(user_id=anna.user_id, account_id=work.account_id, purge=False))
        await turned_away(world, ANNA_AT_WORK)


async def test_signing_out_everywhere_ends_every_session_of_the_user_and_of_nobody_else(
    service_settings: ServiceSettings, nats_server: Nats
) -> None:
    async with auth_world(service_settings, nats_server.admin_url) as world:
        first, second = await world.sign_in(ANNA.address), await world.sign_in(ANNA.address, browser="another")
        bob = await world.sign_in(BOB.address, browser="bob's")
        await world.request(SignOutEverywhere(user_id=first.user_id))
        for session in (first.session, second.session):
            await world.refused(WhoIs(session=session), "unauthenticated")
        assert (await world.request(WhoIs(session=bob.session))).id == bob.user_id
