"""Ten thousand mailboxes: each is polled once, whoever looks, at a pause that follows how quiet it is."""

import asyncio
from datetime import timedelta

import pytest

from libs.common.db import Connection
from libs.common.scopes import GMAIL_READ
from libs.common.service import Resources, opened
from services.sync.context import Context
from services.sync.mail.polling import POLLS_AT_ONCE, poll_due
from services.sync.runs.queue import RunQueue
from services.sync.store import freshness, operations
from services.sync.store.freshness import Due
from tests.conftest import ServiceSettings

MINUTE = timedelta(minutes=1)
ACCOUNTS = 10_000
DUE = 1_200

POPULATE = f"""
    WITH made AS (
        INSERT INTO accounts (account_id, user_id, address, scopes, state, changed_at, canonical, poll_at, news_at,
                              watch_expires_at, pushed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), n || '@example.com', '{{{GMAIL_READ}}}', 'active', now(), n || '@example.com',
               now() + CASE WHEN n <= {DUE} THEN interval '-1 s' ELSE interval '1 hour' END,
               now() - CASE n % 3 WHEN 0 THEN interval '1 minute' WHEN 1 THEN interval '50 minutes' ELSE interval '1 year' END,
               CASE WHEN n % 12 = 0 THEN now() + interval '7 days' END, now()
        FROM generate_series(1, {ACCOUNTS}) n
        RETURNING account_id)
    INSERT INTO cursors (account_id, kind, token)
    SELECT account_id, 'mail', '{{"history_id": 1, "lookback_days": 365, "generation": 1, "listing": null}}' FROM made
"""


def context_of(r: Resources) -> Context:
    return Context(r.settings, r.db, r.bus, RunQueue())


async def test_each_mailbox_is_polled_once_at_a_pause_that_follows_how_quiet_it_is(
    service_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, list_due = service_settings("sync"), freshness.list_due
    looked: list[int] = []

    async def counted(connection: Connection, limit: int) -> list[Due]:
        found = await list_due(connection, limit)
        looked.append(len(found))
        return found

    monkeypatch.setattr(freshness, "list_due", counted)
    async with opened("sync", settings) as first, opened("sync", settings) as second:
        await first.db.execute(POPULATE)
        await first.db.execute("ANALYZE accounts, cursors, runs")
        replicas = [context_of(first), context_of(second)]
        began = await first.db.fetchval("SELECT clock_timestamp()")
        await asyncio.gather(*(poll_due(replica, MINUTE) for replica in replicas))
        ended = await first.db.fetchval("SELECT clock_timestamp()")
        assert len(looked) <= DUE // POLLS_AT_ONCE + 2 * len(replicas), "in chunks"
        assert await first.db.fetchval("SELECT count(*) FROM runs") == DUE
        pauses = await first.db.fetch(
            """
            SELECT min(poll_at) - $1::timestamptz AS least, max(poll_at) - $2::timestamptz AS most, max(poll_at) - min(poll_at) AS spread
            FROM accounts JOIN runs USING (account_id)
            GROUP BY watch_expires_at, now() - news_at > '10 minutes', now() - news_at > '1 day' ORDER BY most
            """,
            began,
            ended,
        )
        usual = [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=15)]
        for row, pause in zip(pauses, usual, strict=True):
            assert 0.89 * pause < row["least"], row
            assert row["most"] < 1.11 * pause, row  # the quiet grows while the test runs
            assert row["spread"] > 0.1 * pause, "they do not all come at once"

        looked.clear()
        await poll_due(replicas[0], MINUTE)
        assert looked == [0], "one look finds that nothing is due"
        assert await first.db.fetchval("SELECT count(*) FROM runs") == DUE
        plan = await first.db.fetchval(
            "EXPLAIN (FORMAT TEXT) SELECT FROM accounts WHERE state = 'active' AND poll_at <= now()"
        )
        assert "accounts_poll_due" in plan, "and it does not go through all mailboxes"


async def test_a_mailbox_is_late_from_the_end_of_what_kept_it_from_being_polled(
    service_settings: ServiceSettings,
) -> None:
    """An import takes hours: the mailbox is due the moment that it ends, and not for hours then."""
    async with opened("sync", service_settings("sync")) as r:
        await r.db.execute(POPULATE)
        await r.db.execute(
            """
            UPDATE accounts SET poll_at = now() + CASE address WHEN '1@example.com' THEN interval '-2 hours'
                                                               WHEN '2@example.com' THEN interval '-10 minutes' ELSE interval '1 hour' END
            """
        )
        await r.db.execute(
            """
            INSERT INTO runs (run_id, user_id, account_id, kind, reason, state, started_at, finished_at)
            SELECT ('00000000-0000-7000-8000-00000000000' || n)::uuid, user_id, account_id, 'mail', 'connected', 'completed',
                   now() - interval '3 hours', CASE n WHEN 1 THEN now() - interval '2 hours' END
            FROM accounts, generate_series(1, 2) n WHERE address = '1@example.com'
            """
        )
        for ended, late, lag in (("NULL", 1, 600), ("now()", 2, 600), ("now() - interval '1 hour'", 2, 3_600)):
            await r.db.execute(
                f"UPDATE runs SET finished_at = {ended} WHERE run_id = '00000000-0000-7000-8000-000000000002'"
            )
            async with r.db.acquire() as connection:
                found, seconds = await operations.get_late_polls(connection)
            assert (found, 0 <= seconds - lag < 60) == (late, True), (ended, seconds)
