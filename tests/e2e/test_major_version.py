"""A release with the next major version of PostgreSQL: people find what they had."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from yarl import URL

from libs.google_sim.sample import sample
from libs.local.ports import free_port
from libs.local.servers import majors
from tests.support.api_replies import browser_of, replies, settle, some_requests
from tests.support.older_postgres import older_postgres
from tests.support.product import local_google, started

OLDER = 16


@pytest.mark.timeout(300)
async def test_on_the_next_major_version_of_postgresql_the_api_replies_as_before(tmp_path: Path) -> None:
    account, data = sample(datetime.now(UTC))[0], tmp_path / "data"
    settings = {"PINGCRM_PORT": str(free_port())}
    async with local_google([account]) as (_, google):
        async with older_postgres(data, OLDER) as (server, _):
            elsewhere = {"PINGCRM_POSTGRES_URL": server.admin_url}
            async with started(data, google, settings | elsewhere) as it:
                await it.person.sign_in(account.address)
                await settle(it)
                paths, browser = await some_requests(it), browser_of(it.person)
                before = await replies(it.person, paths)
                assert {status for _, status, _ in before} == {200}
        assert majors.read_major(data / "postgres" / "data") == OLDER

        async with started(data, google, settings) as it:
            assert majors.read_major(data / "postgres" / "data") == majors.MAJOR
            it.person.http.cookie_jar.update_cookies(browser, URL(it.person.url))
            after = await replies(it.person, paths)
            assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == []
            expected, actually = await it.numbers()
            assert actually == expected
            assert await it.doubled() == 0
            assert await it.dead_letters() == 0
