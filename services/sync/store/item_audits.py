"""Audits of meetings and cards: scheduled, due, ended. A run writes inside a transaction that has called `leases.hold`."""

from collections.abc import Sequence
from datetime import timedelta

from libs.common.db import Connection
from libs.common.events import Kind
from libs.common.ids import AccountId
from libs.common.requests import AuditedItems
from services.sync.domain.item_audit import ItemCount, summary


async def schedule(connection: Connection, kind: Kind, delays: Sequence[tuple[AccountId, timedelta]]) -> None:
    """An audit of each account, after its delay. One that is scheduled already is brought forward where that is sooner."""
    await connection.execute(
        """
        INSERT INTO item_audits (account_id, kind, due_at)
        SELECT a.account_id, $1, now() + delay FROM unnest($2::uuid[], $3::interval[]) AS wanted (account_id, delay)
        JOIN accounts a USING (account_id)
        ORDER BY a.account_id
        ON CONFLICT (account_id, kind) DO UPDATE SET due_at = LEAST(item_audits.due_at, excluded.due_at)
        """,
        kind, [account_id for account_id, _ in delays], [delay for _, delay in delays],
    )  # fmt: skip


async def is_due(connection: Connection, account_id: AccountId, kind: Kind) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM item_audits WHERE account_id = $1 AND kind = $2 AND due_at <= now())",
            account_id, kind,
        )
    )  # fmt: skip


async def end(connection: Connection, account_id: AccountId, kind: Kind, count: ItemCount) -> int:
    """The audit is over. How many the one before could not heal."""
    before: int = await connection.fetchval(
        "SELECT unhealed FROM item_audits WHERE account_id = $1 AND kind = $2 FOR UPDATE", account_id, kind
    )
    await connection.execute(
        """
        UPDATE item_audits SET due_at = NULL, finished_at = now(), compared = $3, healed = $4, unhealed = $5
        WHERE account_id = $1 AND kind = $2
        """,
        account_id, kind, count.compared, count.healed, count.unhealed,
    )  # fmt: skip
    return before


async def get_last(connection: Connection, account_id: AccountId, kind: Kind) -> AuditedItems:
    """What the last audit of this kind found, and whether another one is due."""
    row = await connection.fetchrow("SELECT * FROM item_audits WHERE account_id = $1 AND kind = $2", account_id, kind)
    if row is None:
        return AuditedItems(summary=summary(kind, None))
    count = ItemCount(row["compared"], row["healed"], row["unhealed"])
    return AuditedItems(
        summary=summary(kind, count if row["finished_at"] else None),
        finished_at=row["finished_at"],
        under_way=row["due_at"] is not None,
        compared=count.compared,
        healed=count.healed,
        unhealed=count.unhealed,
    )
