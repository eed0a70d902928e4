"""The SQL of exports that are made in the background, and of their archives."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from libs.common.db import Connection, Record
from libs.common.ids import UserId
from services.gateway.domain.exports import MAX_CLAIMS, Export
from services.gateway.store import Database
from services.gateway.store.locks import lock_user_shared

_COLUMNS = "id, state, counted, total, bytes, problem, created_at, finished_at"


@dataclass(frozen=True)
class Claim:
    """An export that this replica makes. `number`: only who claimed it last may write."""

    export_id: UUID
    user_id: UserId
    number: int


def _export(row: Record) -> Export:
    return Export.model_validate(dict(row))


async def insert_export(connection: Connection, user_id: UserId, export_id: UUID) -> Export | None:
    """A new one, in the place of what was made before. None: one is being made, or the user is deleted. In a transaction."""
    await lock_user_shared(connection, user_id)
    row = await connection.fetchrow(
        f"""INSERT INTO exports (id, user_id) SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2)
            ON CONFLICT DO NOTHING RETURNING {_COLUMNS}""",  # noqa: S608  (names above)
        export_id,
        user_id,
    )
    if row:
        await connection.execute("DELETE FROM exports WHERE user_id = $1 AND id <> $2", user_id, export_id)
    return _export(row) if row else None


async def get_export(connection: Database, user_id: UserId, export_id: UUID) -> Export | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM exports WHERE user_id = $1 AND id = $2",  # noqa: S608  (names above)
        user_id,
        export_id,
    )
    return _export(row) if row else None


async def get_newest(connection: Database, user_id: UserId) -> Export | None:
    """The user's last export, where it is still kept."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM exports WHERE user_id = $1 ORDER BY created_at DESC LIMIT 1",  # noqa: S608  (names above)
        user_id,
    )
    return _export(row) if row else None


async def claim(connection: Database, lease: timedelta) -> Claim | None:
    """The next one that nobody makes."""
    row = await connection.fetchrow(
        """UPDATE exports SET claims = claims + 1, lease_until = now() + $1 WHERE id = (
               SELECT id FROM exports WHERE state = 'making' AND lease_until < now() AND claims < $2
               ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
           RETURNING id, user_id, claims""",
        lease,
        MAX_CLAIMS,
    )
    return Claim(row["id"], row["user_id"], row["claims"]) if row else None


async def list_given_up(connection: Database) -> list[Claim]:
    """Exports that were begun too often, and that nobody makes."""
    rows = await connection.fetch(
        "SELECT id, user_id, claims FROM exports WHERE state = 'making' AND lease_until < now() AND claims >= $1",
        MAX_CLAIMS,
    )
    return [Claim(row["id"], row["user_id"], row["claims"]) for row in rows]


async def begin(connection: Connection, mine: Claim, total: int | None) -> bool:
    """From the beginning. False: somebody else makes it now, or it is gone."""
    found = await connection.fetchval(
        "UPDATE exports SET counted = 0, bytes = 0, total = $3 WHERE id = $1 AND claims = $2 AND state = 'making' RETURNING 1",
        mine.export_id,
        mine.number,
        total,
    )
    await connection.execute("DELETE FROM export_pieces WHERE export_id = $1 AND $2", mine.export_id, found is not None)
    return found is not None


async def renew(connection: Database, mine: Claim, lease: timedelta) -> None:
    await connection.execute(
        "UPDATE exports SET lease_until = now() + $3 WHERE id = $1 AND claims = $2", mine.export_id, mine.number, lease
    )


async def return_claim(connection: Database, mine: Claim) -> None:
    """This replica stops: another one begins it at once, and it does not count as begun."""
    await connection.execute(
        "UPDATE exports SET lease_until = '-infinity', claims = claims - 1 WHERE id = $1 AND claims = $2 AND state = 'making'",
        mine.export_id,
        mine.number,
    )


async def add_piece(connection: Connection, mine: Claim, number: int, data: bytes, counted: int) -> bool:
    """One more piece, with the progress. False: somebody else makes it now, or it is gone. In a transaction of the caller's."""
    found = await connection.fetchval(
        """UPDATE exports SET counted = $3, bytes = bytes + $4 WHERE id = $1 AND claims = $2 AND state = 'making' RETURNING 1""",
        mine.export_id,
        mine.number,
        counted,
        len(data),
    )
    if found:
        await connection.execute(
            "INSERT INTO export_pieces (export_id, number, user_id, data) VALUES ($1, $2, $3, $4)",
            mine.export_id,
            number,
            mine.user_id,
            data,
        )
    return found is not None


async def finish(connection: Connection, mine: Claim, problem: str = "") -> Export | None:
    """It is done, or has failed with this problem; None: it is not ours any more. Of a failed one nothing is kept but why."""
    row = await connection.fetchrow(
        f"""UPDATE exports SET state = CASE WHEN $3 = '' THEN 'done' ELSE 'failed' END, problem = $3, finished_at = now()
            WHERE id = $1 AND claims = $2 AND state = 'making' RETURNING {_COLUMNS}""",  # noqa: S608  (names above)
        mine.export_id,
        mine.number,
        problem,
    )
    if row and problem:
        await connection.execute("DELETE FROM export_pieces WHERE export_id = $1", mine.export_id)
    return _export(row) if row else None


async def get_piece(connection: Database, user_id: UserId, export_id: UUID, number: int) -> bytes | None:
    data: bytes | None = await connection.fetchval(
        "SELECT data FROM export_pieces WHERE user_id = $1 AND export_id = $2 AND number = $3",
        user_id,
        export_id,
        number,
    )
    return data


async def delete_expired(connection: Database, kept: timedelta) -> None:
    await connection.execute("DELETE FROM exports WHERE finished_at < now() - $1::interval", kept)


async def delete_of_user(connection: Connection, user_id: UserId) -> None:
    await connection.execute("DELETE FROM exports WHERE user_id = $1", user_id)
