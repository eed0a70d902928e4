"""`pingcrm token` against a real database: it prints a token that works, lists it without its secret, and revokes it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from libs.common.errors import Refused
from libs.common.requests import WhoIs
from libs.local import ROOT
from services.auth import token_command
from services.auth.handlers.sessions import authenticate
from tests.support.auth_alone import ANNA, BOB, WORK, AuthAlone, auth_alone
from tests.support.database import Database


@pytest_asyncio.fixture
async def auth(module_database: Database, redis_url: str) -> AsyncIterator[AuthAlone]:
    async with auth_alone(module_database, redis_url) as alone:
        yield alone


async def pingcrm_token(auth: AuthAlone, *arguments: str) -> list[str]:
    """What goes to standard output."""
    return list(await token_command.carry_out(auth.db, token_command.parser().parse_args(arguments)))


async def test_a_token_is_made_listed_and_revoked_for_the_user_of_an_address(auth: AuthAlone) -> None:
    anna, bob = await auth.sign_in(ANNA), await auth.sign_in(BOB)
    await auth.sign_in(WORK, user_id=anna.user_id)
    made = ("create", "my script", "--scope", "write", "--scope", "read", "--days", "7")
    for address, user in ((ANNA.address, anna), (WORK.address.upper(), anna), (BOB.address, bob)):
        [secret] = await pingcrm_token(auth, *made, f"--user={address}")
        known = await authenticate(auth.context, WhoIs(token=secret))
        assert (known.id, known.scopes) == (user.user_id, {"read", "write"})
    lines = await pingcrm_token(auth, "list", f"--user={BOB.address}")
    [(token_id, scopes, end, used, name)] = [line.split("\t") for line in lines]
    assert (scopes, end[:8], used[:7], name) == ("read,write", "until 20", "used 20", "my script")
    assert secret not in lines[0]
    [row] = json.loads("".join(await pingcrm_token(auth, "list", f"--user={BOB.address}", "--json")))
    assert (row["id"], sorted(row["scopes"]), row["name"], "secret" in row) == (
        token_id,
        ["read", "write"],
        "my script",
        False,
    )
    with pytest.raises(Refused, match="There is no such API token"):
        await pingcrm_token(auth, "revoke", token_id, f"--user={ANNA.address}")
    assert await pingcrm_token(auth, "revoke", token_id, f"--user={BOB.address}") == []
    with pytest.raises(Refused, match="unauthenticated"):
        await authenticate(auth.context, WhoIs(token=secret))
    assert len(await pingcrm_token(auth, "list", f"--user={ANNA.address}")) == 2


async def test_whose_token_it_is_has_to_be_certain(auth: AuthAlone) -> None:
    with pytest.raises(Refused, match="nobody has signed in"):
        await pingcrm_token(auth, "list")
    anna = await auth.sign_in(ANNA)
    [secret] = await pingcrm_token(auth, "create", "the only user's")
    assert (await authenticate(auth.context, WhoIs(token=secret))).id == anna.user_id
    await auth.sign_in(BOB)
    with pytest.raises(Refused, match="--user ADDRESS"):
        await pingcrm_token(auth, "create", "whose?")
    with pytest.raises(Refused, match=r"no such user: nobody@example\.com"):
        await pingcrm_token(auth, "list", "--user=nobody@example.com")
    with pytest.raises(Refused, match="printable"):
        await pingcrm_token(auth, "create", " ", f"--user={ANNA.address}")


async def test_a_script_reads_the_token_alone_and_a_person_a_sentence(
    auth: AuthAlone, module_database: Database
) -> None:
    anna = await auth.sign_in(ANNA)
    environment = {**os.environ, "PINGCRM_POSTGRES_URL": module_database.url_for("auth")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.auth.token_command", "create", "script", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = (text.decode() for text in await process.communicate())
    assert process.returncode == 0, err
    assert "May read, until 20" in err
    assert (await authenticate(auth.context, WhoIs(token=out.removesuffix("\n")))).id == anna.user_id
