"""A service whose database has no room left is not ready, though everything can still be read."""

import aiohttp
import asyncpg

from libs.common.service import Resources, running
from libs.local.ports import free_port
from libs.local.urls import database_of
from tests.conftest import ServiceSettings
from tests.support.database import Database


async def nothing(_: Resources) -> None:
    """A service without work."""


async def test_a_service_whose_database_can_not_write_is_not_ready(
    service_settings: ServiceSettings, database: Database
) -> None:
    admin = await asyncpg.connect(database.admin_url)
    # As on a disk without room: what is held in memory goes on, what has to be written is refused.
    await admin.execute(
        f'ALTER ROLE pingcrm_sync IN DATABASE "{database_of(database.admin_url)}" SET temp_file_limit = 0'
    )
    await admin.close()
    settings = service_settings("sync").model_copy(update={"health_port": free_port()})
    async with running("sync", settings, nothing) as resources, aiohttp.ClientSession() as session:
        assert await resources.db.fetchval("SELECT 1") == 1
        async with session.get(f"http://127.0.0.1:{settings.health_port}/health/ready") as response:
            assert response.status == 503
            states = (await response.json())["checks"]
    assert states == {"db": "ConfigurationLimitExceededError", "bus": "ok", "cache": "ok", "background": "ok"}
