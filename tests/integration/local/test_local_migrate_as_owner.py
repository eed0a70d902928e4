"""`pingcrm migrate` as managed PostgreSQL lets it: by the owner of the database, who may make roles and is no superuser."""

from pathlib import Path

import asyncpg

from libs.common.ids import SERVICES
from libs.local.migrate import migrate_database
from libs.local.secrets import Secrets
from libs.local.servers import Postgres
from libs.local.urls import postgres_url, with_login
from tests.support.servers import UNSAFE


async def test_the_owner_of_the_database_migrates_it_as_often_as_they_like(tmp_path: Path, secrets: Secrets) -> None:
    server = Postgres(tmp_path / "postgres", "superuser-password", UNSAFE)
    await server.start()
    try:
        superuser = await asyncpg.connect(server.url("postgres"))
        await superuser.execute("CREATE ROLE pingcrm LOGIN CREATEROLE PASSWORD 'owner-password'")
        await superuser.execute("CREATE DATABASE pingcrm OWNER pingcrm")
        await superuser.close()
        owner_url = with_login(server.url("pingcrm"), "pingcrm", "owner-password")
        for _ in range(2):
            await migrate_database(owner_url, secrets)
        for service in SERVICES:
            connection = await asyncpg.connect(postgres_url(owner_url, service, secrets))
            assert await connection.fetchval("SELECT count(*) FROM schema_migrations") > 0
            await connection.close()
    finally:
        await server.stop()
