"""`pingcrm doctor` on real servers."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from libs.common.ids import SERVICES
from libs.local.doctor import Finding, examine
from libs.local.doctor import servers as servers_checked
from libs.local.environment import redis_url_name
from libs.local.migrate import migrate_bus
from libs.local.ports import free_port
from libs.local.schemas import MigrationFailed
from libs.local.secrets import Secrets
from libs.local.servers import Nats
from libs.local.urls import redis_url as redis_url_of
from tests.support.database import Database


async def findings(folder: Path, **settings: str) -> list[Finding]:
    google = {"PINGCRM_GOOGLE_CLIENT_ID": "client", "PINGCRM_GOOGLE_CLIENT_SECRET": "the-client-secret"}
    environment = {"PINGCRM_PORT": str(free_port()), **google, **settings}
    return [finding async for finding in examine(environment, folder)]


async def wrong(folder: Path, **settings: str) -> list[str]:
    return [finding.sentence for finding in await findings(folder, **settings) if finding.level == "wrong"]


async def test_a_redis_login_that_all_services_share_is_noted(redis_url: str, tmp_path: Path) -> None:
    found = await findings(tmp_path, PINGCRM_REDIS_URL=redis_url)
    (note,) = [finding for finding in found if "One Redis login is shared" in finding.sentence]
    assert note.level == "note"
    assert "PINGCRM_AUTH_REDIS_URL" in note.sentence


async def test_more_copies_than_the_server_can_keep_are_reported_and_not_migrated(
    nats_server: Nats, tmp_path: Path
) -> None:
    settings = {"PINGCRM_NATS_URL": nats_server.admin_url, "PINGCRM_STREAM_REPLICAS": "2"}
    (sentence,) = await wrong(tmp_path, **settings)
    assert sentence.startswith("PINGCRM_STREAM_REPLICAS is 2, and NATS at nats://127.0.0.1")
    with pytest.raises(MigrationFailed) as failed:
        await migrate_bus(nats_server.admin_url, replicas=2)
    assert str(failed.value) == sentence


async def test_a_redis_login_that_does_not_open_its_services_keys_is_reported(
    redis_url: str, secrets: Secrets, tmp_path: Path
) -> None:
    right = {redis_url_name(service): redis_url_of(redis_url, service, secrets) for service in SERVICES}
    assert await wrong(tmp_path, PINGCRM_REDIS_URL=redis_url, **right) == []
    swapped = right | {"PINGCRM_PREP_REDIS_URL": right["PINGCRM_SYNC_REDIS_URL"]}
    (sentence,) = await wrong(tmp_path, PINGCRM_REDIS_URL=redis_url, **swapped)
    assert sentence.startswith("The Redis login of prep at redis://127.0.0.1")
    assert secrets.redis("sync") not in sentence


async def test_a_clock_that_does_not_go_with_postgresql_is_noted(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def notes(found: list[Finding]) -> list[str]:
        return [finding.sentence for finding in found if finding.level == "note" and "clock" in finding.sentence]

    assert notes(await findings(tmp_path, PINGCRM_POSTGRES_URL=database.admin_url)) == []
    monkeypatch.setattr(servers_checked, "time", SimpleNamespace(time=lambda: time.time() + 3_600))
    [sentence] = notes(await findings(tmp_path, PINGCRM_POSTGRES_URL=database.admin_url))
    assert sentence.startswith("The clock of this machine is 3,600 s ahead of that of PostgreSQL")
