"""By what a cluster scales sync (deploy/kubernetes): how long the oldest run that is due has waited for somebody to take it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio
import yaml

from tests.support.database import Database
from tests.support.sync_parts import Parts, add, add_run, sync_parts

MANIFEST = Path(__file__).parents[3] / "deploy/kubernetes/overlays/large/scaling.yaml"


@pytest_asyncio.fixture
async def parts(emptied_database: Database) -> AsyncIterator[Parts]:
    async with sync_parts(emptied_database) as made:
        yield made


async def age_seconds(parts: Parts) -> float:
    """As KEDA finds it out, with the login of sync."""
    scaled = next(m for m in yaml.safe_load_all(MANIFEST.read_text()) if m["metadata"]["name"] == "sync")
    (trigger,) = scaled["spec"]["triggers"]
    (row,) = await parts.fetch(trigger["metadata"]["query"])
    return float(row[0])


async def test_only_what_is_due_and_held_by_nobody_has_an_age(parts: Parts) -> None:
    now, account_id = datetime.now(UTC), await add(parts)
    assert await age_seconds(parts) == 0
    await add_run(parts, account_id, "mail", state="waiting", due_at=now + timedelta(hours=1))
    held = {"state": "running", "holder": "somebody", "lease_until": now + timedelta(hours=1)}
    await add_run(parts, account_id, "contacts", due_at=now - timedelta(hours=2), **held)
    assert await age_seconds(parts) == 0
    await add_run(parts, account_id, "calendar", due_at=now - timedelta(minutes=5))
    assert 300 <= await age_seconds(parts) < 7200, "the one that nobody holds, and not the older one that is held"
